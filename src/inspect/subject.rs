//! What the filters are given to examine, and what each of them implements.

use super::attachment_text::{AttachmentText, FoldCache};
use super::attestation::FilterName;
use super::finding::Finding;
use super::settings::Settings;
use super::shared_run::SharedRun;
use crate::cut::Cut;
use crate::marking::{LinkRights, Register};
use crate::product::{Attachment, Contents, Product};

/// The product that a cut was made from, and the tearline that was selected. Only the sender has it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole product.
    pub product: &'a Product,
    /// Which of its tearlines the cut was made from, counted from the top.
    pub tearline: usize,
    /// The register that the product was read with.
    pub register: &'a Register,
    /// What the partner may have: which parts of the product are released to it.
    pub link: &'a LinkRights,
}

/// How a cut compares with the parts of its source that are not released to the partner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// What refuses the cut.
    pub findings: Vec<Finding>,
    /// What the officers are shown, in the order of the cut.
    pub shared: Vec<SharedRun>,
}

/// What a filter looks at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The cut.
    pub cut: &'a Cut,
    /// Where the bytes of its detached attachments are.
    pub contents: &'a dyn Contents,
    /// What it was made from; `None` on the way in.
    pub source: Option<Source<'a>>,
    /// The register that marks are read with.
    pub register: &'a Register,
    /// The configured bounds and lists.
    pub settings: &'a Settings,
    /// What a reader sees of each attachment of the cut, in their order.
    pub texts: &'a [AttachmentText],
    /// What came of holding the cut against what its source does not release to the partner.
    pub(super) compared: &'a Comparison,
    /// Its texts as words are looked for in them.
    pub(super) folds: &'a FoldCache,
}

impl<'a> Subject<'a> {
    /// Each attachment with what a reader sees of it, if that was read.
    pub(super) fn attachments(&self) -> impl Iterator<Item = (&'a Attachment, Option<&'a AttachmentText>)> {
        let texts: &'a [AttachmentText] = self.texts;
        self.cut.attachments().iter().enumerate().map(move |(i, a)| (a, texts.get(i)))
    }
}

/// One content filter.
pub trait Filter {
    /// Which filter this is.
    fn name(&self) -> FilterName;

    /// Everything in the cut that must not pass. An empty answer is the filter's consent.
    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding>;
}
