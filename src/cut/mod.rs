//! Cuts: the exact bytes that one partner would get, assembled anew from the one tearline selected for it.
//!
//! In come a product, the rights of a partner's link and the terms of its agreement; out comes a [`Cut`], or every reason
//! why there is none, in words for our own side. Nothing is ever taken out of a product to make a cut: a cut is built up
//! from one tearline, and what is not put into it is not in it. The room refuses to pick portions, to lower a mark, or to
//! print anything that a partner's reader would not print the same way.

pub mod select;
mod read;
mod reason;
mod refusal;
mod assemble;
mod explain;
mod display;
mod rendering;

pub use assemble::{Terms, assemble, cut_for, marked_tearlines, tearline_for};
pub use display::{show, side_by_side};
pub use explain::{Explanation, Fate, TearlineVerdict, explain};
pub use read::NotACut;
pub use reason::{Places, Reason, refused};
pub use refusal::{CutRefusal, TearlineRefusal};

use jiff::civil::Date;

use crate::digest::Digest;
use crate::marking::{DocumentDate, Level, Marking, Profile};
use crate::product::{Attachment, Head, Kind, Portion, PortionKind, ProductId, Tearline};

/// The exact bytes for a partner, and what they say. Only [`assemble()`], [`cut_for`] and [`Cut::read`] make one, and all
/// three end in the same reader, so a cut is always canonical and always valid under the register it was read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    bytes: Vec<u8>,
    digest: Digest,
    id: ProductId,
    date: Date,
    kind: Kind,
    tearline: Tearline,
    index: Option<usize>,
}

impl Cut {
    /// The bytes: UTF-8 text in the canonical form of `docs/PRODUCT-FORMAT.md`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes go with it in all: the text, and each detached attachment once.
    pub fn size(&self) -> u64 {
        let mut seen = std::collections::BTreeSet::new();
        let beside = self.detached().filter(|a| seen.insert(a.digest())).map(Attachment::size);
        beside.fold(self.bytes.len() as u64, u64::saturating_add)
    }

    /// SHA-256 of [`Cut::bytes`]: what approvals and manifests name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The cut's own number, derived from its content alone; see [`Cut::read`].
    pub fn id(&self) -> &ProductId {
        &self.id
    }

    /// The day of the product, never finer.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The day that the marks are judged by.
    pub fn as_of(&self) -> DocumentDate {
        DocumentDate::Known(self.date)
    }

    /// The kind of product, which an agreement must name.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The banner: the marking of the whole cut.
    pub fn marking(&self) -> &Marking {
        self.tearline.banner()
    }

    /// The profile that its marks are read in, which is that of its banner.
    pub fn profile(&self) -> Profile {
        self.marking().profile()
    }

    /// The level of the banner.
    pub fn level(&self) -> Level {
        self.tearline.banner().level()
    }

    /// Title, originator, subjects and contact that go with it.
    pub fn head(&self) -> &Head {
        self.tearline.head()
    }

    /// The title's text.
    pub fn title(&self) -> &str {
        &self.title_item().text
    }

    /// The title's own marking.
    pub fn title_marking(&self) -> &Marking {
        &self.title_item().marking
    }

    /// The paragraphs.
    pub fn portions(&self) -> &[Portion] {
        self.tearline.portions()
    }

    /// The attachments.
    pub fn attachments(&self) -> &[Attachment] {
        self.tearline.attachments()
    }

    /// Those of its attachments whose bytes are kept beside the text, in order. The text, and so its digest, commits to
    /// them by length and SHA-256.
    pub fn detached(&self) -> impl Iterator<Item = &Attachment> + '_ {
        self.attachments().iter().filter(|a| a.is_detached())
    }

    /// Every mark beneath the banner, each once for each place it stands: head, paragraphs, attachments.
    pub fn marked(&self) -> impl Iterator<Item = (PortionKind, &Marking)> + '_ {
        self.tearline.marked()
    }

    /// The marks of [`Cut::marked`] alone, as the marking engine takes them.
    pub fn marks(&self) -> Vec<Marking> {
        self.marked().map(|(_, m)| m.clone()).collect()
    }

    /// Which tearline of the source it was made from, counted from the top. For our own records only; `None` for a
    /// cut that was read.
    pub fn tearline_index(&self) -> Option<usize> {
        self.index
    }

    /// The title that the gateway wrote itself because no title of the product may go, if that is the title.
    pub fn generated_title(&self) -> Option<String> {
        let generated = read::generated_title(self.id.as_str());
        (self.title() == generated).then_some(generated)
    }

    pub(crate) fn tearline(&self) -> &Tearline {
        &self.tearline
    }

    fn title_item(&self) -> &crate::product::Item {
        // INVARIANT: the reader demands a title.
        self.tearline.head().title.as_ref().expect("a cut has a title")
    }
}
