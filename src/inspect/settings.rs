//! What the operator configures of the filters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::word_list::WordList;
use crate::digest::{Digest, Hasher};
use crate::product::Bounds;
use crate::rebuild::{self, Fault, Kind, Limits, NoRebuilder, Rebuilder, Rebuilt, Task};

/// What happens to characters that a reader does not see, or takes for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hidden {
    /// A tearline with any of them is refused, and the producer told where they are.
    #[default]
    Refuse,
    /// They are taken out before the cut is made, and the officer told how many and where.
    Strip,
}

/// What the operator configures of the filters.
#[derive(Clone)]
pub struct Settings {
    /// Lists of words that must not pass.
    pub words: Vec<WordList>,
    /// Bounds on a cut; those on the product it came from unless the operator narrowed them.
    pub bounds: Bounds,
    /// What happens to hidden characters before a cut is made.
    pub hidden: Hidden,
    /// So many words in a row that stand in the cut, and in a part of its source that is not released to the partner, are
    /// refused; fewer, from eight on, are shown to the officers.
    pub shared_words: usize,
    /// How much of a foreign format is read.
    pub limits: Limits,
    /// SHA-256 of the program that runs them, where it is another than the gateway's own.
    pub filter: Option<Digest>,
    /// Who runs the parsers of foreign formats, under [`Settings::limits`]. Nobody unless it is set, and then every file
    /// of such a format is refused.
    pub rebuilder: Arc<dyn Rebuilder>,
    /// Whose files are inspected: the partner that sent them, or the producer. It decides on no file, only on whose turn
    /// it is, and is no part of what is attested.
    pub party: String,
}

impl Settings {
    /// The same settings for files of this party's.
    #[must_use]
    pub fn of(&self, party: impl Into<String>) -> Settings {
        Settings { party: party.into(), ..self.clone() }
    }

    /// Reads a file of a format that is rebuilt. Tables are read here, by a few lines of our own over text; every other
    /// format by the rebuilder.
    pub(super) fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        let done = catch_unwind(AssertUnwindSafe(|| match kind {
            Kind::Csv => rebuild::work(task, kind, bytes, &self.limits),
            _ => self.rebuilder.work_for(&self.party, task, kind, bytes),
        }));
        done.unwrap_or_else(|_| Err(Fault::new("filter.failed", "the filter failed without an answer")))
    }
}

/// The shortest run of words in common that is refused, unless it is configured.
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
    /// Identifies the settings in every attestation, so that a cut inspected under other lists is not taken for one
    /// inspected under these.
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
