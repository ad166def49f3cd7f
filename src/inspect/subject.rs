//! What a filter examines, and the trait that every filter implements.

use super::attachment_text::{AttachmentText, FoldCache};
use super::filter_name::FilterName;
use super::finding::Finding;
use super::settings::Settings;
use super::shared_run::SharedRun;
use crate::cut::Cut;
use crate::marking::{PartnerRights, Register};
use crate::product::{Attachment, Contents, Product};

/// The product that a cut was made from, and the selected tearline. Only the sender has it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole product.
    pub product: &'a Product,
    /// Index of the tearline that the cut was made from, counted from 0 at the top.
    pub tearline: usize,
    /// The register that the product was parsed with.
    pub register: &'a Register,
    /// The rights of the partner's link: they decide which parts of the product are released to it.
    pub link: &'a PartnerRights,
}

/// The result of comparing a cut with the parts of its source that are not released to the partner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Findings that refuse the cut.
    pub findings: Vec<Finding>,
    /// Shared runs of words shown to the officers, in the order of the cut.
    pub shared: Vec<SharedRun>,
}

/// What a filter examines.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The cut.
    pub cut: &'a Cut,
    /// The bytes of its detached attachments.
    pub contents: &'a dyn Contents,
    /// The product it was made from; `None` for an inbound cut.
    pub source: Option<Source<'a>>,
    /// The register that marks are parsed with.
    pub register: &'a Register,
    /// The configured bounds and word lists.
    pub settings: &'a Settings,
    /// The extracted text of each attachment of the cut, in their order.
    pub texts: &'a [AttachmentText],
    /// The result of the comparison with the parts of the source that are not released to the partner.
    pub(super) compared: &'a Comparison,
    /// The folded texts, shared by the filters that search for words.
    pub(super) folds: &'a FoldCache,
}

impl<'a> Subject<'a> {
    /// Returns each attachment with its extracted text, if that was extracted.
    pub(super) fn attachments(&self) -> impl Iterator<Item = (&'a Attachment, Option<&'a AttachmentText>)> {
        let texts: &'a [AttachmentText] = self.texts;
        self.cut.attachments().iter().enumerate().map(move |(i, a)| (a, texts.get(i)))
    }
}

/// One content filter.
pub trait Filter {
    /// Returns the name of this filter.
    fn name(&self) -> FilterName;

    /// Examines the cut and returns everything that must not pass. An empty list means that the filter passes the cut.
    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding>;
}
