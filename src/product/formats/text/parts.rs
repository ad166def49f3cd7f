//! What reading a text yields, before it is a product or a cut.

use jiff::civil::Date;

use crate::product::model::{Kind, ProductId, Tearline};

/// Whether the text is a producer's, or what a gateway printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A producer's text: it states its originator and may have several tearlines.
    Source,
    /// A cut: an originator that may not leave is absent, nothing is declared protected, and there is one tearline.
    Cut,
}

/// What both forms have in common.
pub(crate) struct Parts {
    pub id: ProductId,
    pub date: Date,
    pub kind: Kind,
    pub originator: Option<String>,
    pub tearlines: Vec<Tearline>,
}
