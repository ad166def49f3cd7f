//! The operator's settings for the filters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::word_list::WordList;
use crate::digest::{Digest, Hasher};
use crate::product::Bounds;
use crate::rebuild::{self, Fault, Kind, Limits, NoRebuilder, Rebuilder, Rebuilt, Task};

/// How invisible characters and unusual spaces are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hidden {
    /// A tearline that contains any is refused; the findings tell the producer where they are.
    #[default]
    Refuse,
    /// They are removed before the cut is made; the officer is shown how many and where.
    Strip,
}

/// The operator's settings for the filters.
#[derive(Clone)]
pub struct Settings {
    /// Lists of words that must not pass.
    pub words: Vec<WordList>,
    /// Limits on a cut; by default those on the product it was made from.
    pub bounds: Bounds,
    /// How hidden characters are handled before a cut is made.
    pub hidden: Hidden,
    /// The length, in words, from which a run that occurs both in the cut and in a part of its source that is not
    /// released to the partner is refused. Shorter runs of eight words or more are shown to the officers.
    pub shared_words: usize,
    /// Limits on files of foreign formats.
    pub limits: Limits,
    /// SHA-256 of the filter program, if it is not the gateway's own executable.
    pub filter: Option<Digest>,
    /// Runs the parsers of foreign formats, under [`Settings::limits`]. By default there is none, and every file of
    /// such a format is refused.
    pub rebuilder: Arc<dyn Rebuilder>,
    /// Whose files are inspected: the partner that sent them, or the producer. It is used only for fair queueing, never
    /// for a verdict, and is not part of [`Settings::digest`].
    pub party: String,
}

impl Settings {
    /// Returns the same settings with another [`Settings::party`].
    #[must_use]
    pub fn for_party(&self, party: impl Into<String>) -> Settings {
        Settings { party: party.into(), ..self.clone() }
    }

    /// Parses a file of a format that is rebuilt. CSV tables are parsed in this process by a small reader of our own;
    /// every other format by the rebuilder.
    ///
    /// # Errors
    /// The fault of the file; `filter.failed` if the parser panics.
    pub(super) fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        let done = catch_unwind(AssertUnwindSafe(|| match kind {
            Kind::Csv => rebuild::work(task, kind, bytes, &self.limits),
            _ => self.rebuilder.work_for(&self.party, task, kind, bytes),
        }));
        done.unwrap_or_else(|_| Err(Fault::new("filter.failed", "the filter failed without an answer")))
    }
}

/// The default of [`Settings::shared_words`].
pub const SHARED_WORDS: usize = 25;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            words: Vec::new(),
            bounds: Bounds::default(),
            hidden: Hidden::default(),
            shared_words: SHARED_WORDS,
            limits: Limits::default(),
            filter: None,
            rebuilder: Arc::new(NoRebuilder),
            party: String::new(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({})", self.digest().short())
    }
}

impl Settings {
    /// Returns a digest of the settings. Every attestation contains it, so that an inspection under other settings is
    /// not accepted for one under these.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for list in &self.words {
            hasher.update(list.digest().as_bytes());
        }
        let said = format!("{:?} {:?} {} {:?}", self.bounds, self.hidden, self.shared_words, self.filter);
        hasher.update(said.as_bytes());
        hasher.update(self.limits.digest().as_bytes());
        hasher.finish()
    }
}
