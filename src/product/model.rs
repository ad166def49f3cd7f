//! The typed product: what a text means once every fault has been ruled out.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::attachment::Attachment;
use super::fault::InvalidValue;
use super::format::Format;
use crate::digest::Digest;
use crate::marking::{DocumentDate, Marking, Profile};

/// A product that read without a fault. Only reading makes one, so every mark in it is valid and every banner covers
/// what stands beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub(super) id: ProductId,
    pub(super) date: Date,
    pub(super) kind: Kind,
    pub(super) originator: String,
    pub(super) tearlines: Vec<Tearline>,
    pub(super) digest: Digest,
    pub(super) format: Format,
}

impl Product {
    /// The producer's own number for it. It never leaves: a cut has a number of its own.
    pub fn id(&self) -> &ProductId {
        &self.id
    }

    /// The day the product was made. Its marks are judged as of this day.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The day the marks are judged by, as the marking engine takes it.
    pub fn as_of(&self) -> DocumentDate {
        DocumentDate::Known(self.date)
    }

    /// The profile that the source version is marked in. Each tearline stands on its own and has one of its own.
    pub fn profile(&self) -> Profile {
        // INVARIANT: a product has at least one tearline.
        self.tearlines[0].profile()
    }

    /// What kind of product it is; an agreement lists the kinds that may flow.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Who made it, without the mark. For our own records; what leaves is in [`Head::originator`].
    pub fn originator(&self) -> &str {
        &self.originator
    }

    /// The title of the source version.
    pub fn title(&self) -> &Item {
        // INVARIANT: reading demands a title in the front block.
        self.tearlines[0].head.title.as_ref().expect("a product has a title")
    }

    /// The tearlines, from the source version at the top to the widest release; at least one.
    pub fn tearlines(&self) -> &[Tearline] {
        &self.tearlines
    }

    /// Every attachment that is kept beside the text, in the order of the text, each as often as it is named.
    pub fn detached(&self) -> impl Iterator<Item = &Attachment> + '_ {
        self.tearlines.iter().flat_map(|t| &t.attachments).filter(|a| a.is_detached())
    }

    /// SHA-256 of the bytes this product was read from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The format it was written in. What is made of it does not depend on that.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The same product with other tearlines, made ready to be cut: what the cut is assembled from. Its digest remains
    /// that of the text it was read from.
    pub(crate) fn with_tearlines(&self, tearlines: Vec<Tearline>) -> Product {
        Product { tearlines, ..self.clone() }
    }
}

/// One tearline: a version of the product that stands on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tearline {
    pub(crate) banner: Marking,
    pub(crate) head: Head,
    pub(crate) portions: Vec<Portion>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) protected: Vec<String>,
    pub(crate) line: usize,
}

impl Tearline {
    /// The marking of the whole tearline.
    pub fn banner(&self) -> &Marking {
        &self.banner
    }

    /// The profile that its marks are read in, which is that of its banner.
    pub fn profile(&self) -> Profile {
        self.banner.profile()
    }

    /// Title, originator, subjects and contact of this tearline. The front block is the first tearline's head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The paragraphs, in order; at least one.
    pub fn portions(&self) -> &[Portion] {
        &self.portions
    }

    /// The attachments, in order.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Tokens that must not stand in any tearline below this one.
    pub fn protected(&self) -> &[String] {
        &self.protected
    }

    /// The line of the source text on which the banner stands.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Every mark of the tearline below its banner, with what it marks: head, paragraphs, attachments.
    pub fn marked(&self) -> impl Iterator<Item = (PortionKind, &Marking)> + '_ {
        let paragraphs = self.portions.iter().map(|p| (PortionKind::Paragraph, &p.marking));
        let attachments = self.attachments.iter().map(|a| (PortionKind::Attachment, a.marking()));
        self.head.items().map(|(kind, item)| (kind, &item.marking)).chain(paragraphs).chain(attachments)
    }
}

/// The marked lines that describe a tearline rather than make it up. Each may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Head {
    /// What the tearline is called.
    pub title: Option<Item>,
    /// Who made it, where the producer marked that for release. An unmarked originator stays with the product.
    pub originator: Option<Item>,
    /// What it is about.
    pub subjects: Vec<Item>,
    /// Whom to ask about it.
    pub contact: Option<Item>,
}

impl Head {
    /// Every item there is, in the order in which they are printed.
    pub fn items(&self) -> impl Iterator<Item = (PortionKind, &Item)> + '_ {
        let title = self.title.iter().map(|i| (PortionKind::Title, i));
        let originator = self.originator.iter().map(|i| (PortionKind::Originator, i));
        let subjects = self.subjects.iter().map(|i| (PortionKind::Subject, i));
        let contact = self.contact.iter().map(|i| (PortionKind::Contact, i));
        title.chain(originator).chain(subjects).chain(contact)
    }
}

/// One marked line of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The item's own marking.
    pub marking: Marking,
    /// Its text, one line.
    pub text: String,
    /// The line of the source text on which it stands.
    pub line: usize,
}

/// One paragraph with its marking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The portion's marking; inherited lists are written out in it.
    pub marking: Marking,
    /// Its text without the mark: one or more lines parted by LF, no line with outer or doubled spaces.
    pub text: String,
    /// The line of the source text on which it begins.
    pub line: usize,
}

/// What a mark marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum PortionKind {
    /// A title.
    #[n(0)]
    Title,
    /// The originator's name.
    #[n(1)]
    Originator,
    /// One subject.
    #[n(2)]
    Subject,
    /// A contact.
    #[n(3)]
    Contact,
    /// A paragraph.
    #[n(4)]
    Paragraph,
    /// An attachment, its file name included.
    #[n(5)]
    Attachment,
}

impl fmt::Display for PortionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PortionKind::Title => "title",
            PortionKind::Originator => "originator",
            PortionKind::Subject => "subject",
            PortionKind::Contact => "contact",
            PortionKind::Paragraph => "paragraph",
            PortionKind::Attachment => "attachment",
        })
    }
}

/// A producer's number for a product: 1 to 64 letters, digits, `-`, `.` and `_`, with a letter or digit at both ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProductId(String);

/// What kind of product: 1 to 32 lower-case letters, digits and `-`, starting with a letter. An agreement lists kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(String);

impl ProductId {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kind {
    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProductId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<ProductId, InvalidValue> {
        let inner = |b: &u8| b.is_ascii_alphanumeric() || b"-._".contains(b);
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let ok = bytes.len() <= 64 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner);
        if ok {
            Ok(ProductId(text.into()))
        } else {
            Err(InvalidValue("1 to 64 letters, digits, `-`, `.` and `_`, a letter or digit at both ends"))
        }
    }
}

impl FromStr for Kind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Kind, InvalidValue> {
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let bytes = text.as_bytes();
        let ok = bytes.len() <= 32 && bytes.first().is_some_and(u8::is_ascii_lowercase) && bytes.iter().all(inner);
        if ok {
            Ok(Kind(text.into()))
        } else {
            Err(InvalidValue("1 to 32 lower-case letters, digits and `-`, starting with a letter"))
        }
    }
}

impl fmt::Display for ProductId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
