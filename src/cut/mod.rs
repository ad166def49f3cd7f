//! Cuts: the exact bytes that one partner would get, assembled from the one tearline selected for it.
//!
//! In come a product, the rights of a partner's link and the terms of its agreement; out comes a [`Cut`], or every reason why there
//! is none, as text for this node's officers. A cut is never made by removing parts of a product: it is built up from one tearline,
//! and contains only what was put into it. This module never selects single portions, never lowers a marking, and never writes
//! anything that the partner's parser would not write in exactly the same way.

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

/// The exact bytes for a partner, and their parsed content. Only [`assemble()`], [`cut_for`] and [`Cut::read`] create one. All three end
/// in the same parser, so a cut is always canonical and always valid under the register it was parsed with.
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

    /// The total size in bytes: the text, and each detached attachment once.
    pub fn size(&self) -> u64 {
        let mut seen = std::collections::BTreeSet::new();
        let beside = self.detached().filter(|a| seen.insert(a.digest())).map(Attachment::size);
        beside.fold(self.bytes.len() as u64, u64::saturating_add)
    }

    /// SHA-256 of [`Cut::bytes`], by which approvals and manifests name the cut.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of the cut, derived from its content; see [`Cut::read`].
    pub fn id(&self) -> &ProductId {
        &self.id
    }

    /// The date of the product; a day, without a time.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The date by which the markings are interpreted.
    pub fn as_of(&self) -> DocumentDate {
        DocumentDate::Known(self.date)
    }

    /// The kind of product, which the agreement must include.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The banner: the marking of the whole cut.
    pub fn marking(&self) -> &Marking {
        self.tearline.banner()
    }

    /// The marking profile of its banner, in which its marks are parsed.
    pub fn profile(&self) -> Profile {
        self.marking().profile()
    }

    /// The level of the banner.
    pub fn level(&self) -> Level {
        self.tearline.banner().level()
    }

    /// Title, originator, subjects and contact.
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

    /// The attachments whose bytes are not part of the text, in order. The text, and so its digest, commits to them by length and
    /// SHA-256.
    pub fn detached(&self) -> impl Iterator<Item = &Attachment> + '_ {
        self.attachments().iter().filter(|a| a.is_detached())
    }

    /// The mark of every part below the banner: head, paragraphs, attachments.
    pub fn marked(&self) -> impl Iterator<Item = (PortionKind, &Marking)> + '_ {
        self.tearline.marked()
    }

    /// The marks of [`Cut::marked`], as input of the marking engine.
    pub fn marks(&self) -> Vec<Marking> {
        self.marked().map(|(_, m)| m.clone()).collect()
    }

    /// The index of the source tearline, from zero at the top. For this node's own records only; `None` for a cut that was parsed.
    pub fn tearline_index(&self) -> Option<usize> {
        self.index
    }

    /// The title, if the gateway generated it because no title of the product is releasable.
    pub fn generated_title(&self) -> Option<String> {
        let generated = read::generated_title(self.id.as_str());
        (self.title() == generated).then_some(generated)
    }

    pub(crate) fn tearline(&self) -> &Tearline {
        &self.tearline
    }

    fn title_item(&self) -> &crate::product::Item {
        // INVARIANT: the parser requires a title.
        self.tearline.head().title.as_ref().expect("a cut has a title")
    }
}
