//! The draft: what the readers of Markdown, JSON and STIX find, before it is checked. It holds the parts of a product as
//! strings, each with its place in the source.
//!
//! In comes a [`Draft`]; out come the parts of a product, or faults at their places in the source. `lowering` writes
//! the draft as text, the reader of text checks that, `source_map` moves its faults back to the source, and `round_trip`
//! compares what was read with the draft. The room gives no string a meaning of its own, so no format can be more lenient
//! than text, and it refuses a string that would become structure in text.

mod span;
mod source_map;
mod round_trip;
mod lowering;

pub(super) use lowering::read;
pub(super) use span::{Origin, Span, Spelling, fault_in};

/// A product's parts.
#[derive(Debug)]
pub(in crate::product) struct Draft<'s> {
    pub origin: Origin<'s>,
    pub id: Option<Span<'s>>,
    pub date: Option<Span<'s>>,
    pub kind: Option<Span<'s>>,
    pub tearlines: Vec<DraftTearline<'s>>,
}

/// A tearline's parts. The first one's head is the front block.
#[derive(Debug)]
pub(in crate::product) struct DraftTearline<'s> {
    pub origin: Origin<'s>,
    pub banner: Option<Span<'s>>,
    pub title: Option<DraftItem<'s>>,
    pub originator: Option<DraftItem<'s>>,
    pub subjects: Vec<DraftItem<'s>>,
    pub contact: Option<DraftItem<'s>>,
    pub protected: Vec<Span<'s>>,
    pub portions: Vec<DraftItem<'s>>,
    pub attachments: Vec<DraftAttachment<'s>>,
}

impl<'s> DraftTearline<'s> {
    /// An empty tearline at this place.
    pub fn at(origin: Origin<'s>) -> DraftTearline<'s> {
        DraftTearline {
            origin,
            banner: None,
            title: None,
            originator: None,
            subjects: Vec::new(),
            contact: None,
            protected: Vec::new(),
            portions: Vec::new(),
            attachments: Vec::new(),
        }
    }
}

/// A marked text. Only an originator may do without its mark, which the reader of text decides.
#[derive(Debug)]
pub(in crate::product) struct DraftItem<'s> {
    pub mark: Option<Span<'s>>,
    pub text: Span<'s>,
}

/// An attachment: what its begin line says, and its body.
#[derive(Debug)]
pub(in crate::product) struct DraftAttachment<'s> {
    pub mark: Option<Span<'s>>,
    /// Name, media type, length and SHA-256, in the order of the begin line.
    pub fields: Vec<Span<'s>>,
    pub body: DraftBody<'s>,
}

/// How the bytes of an attachment are given.
#[derive(Debug)]
pub(in crate::product) enum DraftBody<'s> {
    /// As base64 in one string.
    Base64(Span<'s>),
    /// Outside the product, which has only length and digest.
    Detached,
    /// As the lines of the text format, up to and with the one that ends it.
    Lines(Vec<Span<'s>>),
}
