//! Products as their producers write them: a front block, and tearlines from the source version down to the widest
//! release, every part of them marked. Reading one checks everything that can be checked without knowing a partner,
//! and reports every fault with its place.
//!
//! It refuses to repair: a product that is not exactly right is not a product, and what a mark might have meant is
//! never guessed. It knows nothing of partners, and nothing here decides what may leave.

mod attached;
mod attachment;
mod back;
mod bounds;
mod check;
mod contents;
pub mod disguise;
mod draft;
mod drawn;
mod fault;
pub mod fold;
mod folded;
mod format;
mod formats;
mod front;
mod html;
mod json;
mod lower;
mod markdown;
mod marks;
mod model;
mod package;
mod print;
mod read;
pub mod readings;
mod render;
mod same;
mod stix;
mod tearline;
mod text;
mod token;
mod zip;

pub use attachment::{Attachment, FileName};
pub use bounds::Bounds;
pub use contents::{Contents, ContentsFault, CopyFault, Kept, NoContents, ReadSeek};
pub(crate) use contents::{Shown, Side, copy};
pub(crate) use drawn::is_phrase;
pub use fault::{Code, FaultCode, ProductFault};
pub use format::Format;
pub use formats::NoImage;
pub(crate) use formats::{read as read_format, write as write_format};
pub use json::SCHEMA;
pub use model::{Head, Item, Kind, Portion, PortionKind, Product, ProductId, Tearline};
pub use package::{Keep, Package, PackageCode, PackageFault, TextAlone};
pub(crate) use print::print;
pub use print::{HYPHENS, SIGNATURE};
pub(crate) use read::{Form, Parts, read_parts};
pub(crate) use render::printable;
pub use render::{Style, render};
pub(crate) use text::is_delimiter;
pub use zip::Zip;
