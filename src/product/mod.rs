//! Products: what producers submit. A product is a front block and tearlines, from the source version down to the widest
//! release, every part of them marked.
//!
//! In come the bytes of a source in one of the `formats`, or a `package` of a text and its attachments; out comes a
//! [`Product`], of which everything was checked that can be checked without knowing a partner, or every fault with its
//! place. It refuses to repair: a product that is not exactly right is not a product, and what a mark might have meant is
//! not guessed. It knows nothing of partners, and nothing here decides what may leave.

mod bounds;
mod fault;
mod format;
mod contents;
mod attachment;
mod model;
pub mod confusable;
mod formats;
mod package;
mod fault_report;

pub(crate) use crate::product::fault_report::printable;
pub use crate::product::fault_report::{Style, render};
pub use attachment::{Attachment, FileName};
pub use bounds::Bounds;
pub(crate) use confusable::is_phrase;
pub use contents::{Contents, ContentsFault, CopyFault, MemoryContents, NoContents, ReadSeek};
pub(crate) use contents::{ObservedBytes, Side, copy};
pub use fault::{Code, FaultCode, ProductFault};
pub use format::{Format, NoImage};
pub(crate) use formats::{Form, Parts, is_delimiter, print, read as read_format, read_parts, write as write_format};
pub use formats::{HYPHENS, SCHEMA, SIGNATURE};
pub use model::{Head, Item, Kind, Portion, PortionKind, Product, ProductId, Tearline};
pub(crate) use package::read_bounded;
pub use package::{
    ATTACHMENTS, AttachmentSink, EntryKind, Folder, FolderEntry, FolderSource, Package, PackageCode, PackageFault,
    TEXT, TextAlone, Zip,
};
