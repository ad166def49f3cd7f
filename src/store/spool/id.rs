//! Names of spool files, and files found in the spool. A name is built from typed identifiers only: no input becomes
//! part of a path.

use std::fmt;
use std::fs;
use std::str::FromStr;

use crate::ident::{ExchangeId, RequestId};
use crate::time::Time;

/// The name of a spool file: what it contains, and for which request or exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SpoolId {
    /// A product as submitted, sealed at rest to this node.
    Product(RequestId),
    /// An attachment of a request's product, sealed at rest to this node, by its index among those that the product's
    /// text names, each digest counted once.
    Attachment(RequestId, u16),
    /// The sealed payload of an exchange, as it travels.
    Envelope(ExchangeId),
    /// The content of a received payload, sealed at rest to this node until it is taken.
    Inbox(ExchangeId),
}

impl fmt::Display for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpoolId::Product(id) => write!(f, "{id}.product"),
            SpoolId::Attachment(id, n) => write!(f, "{id}.{n}.attachment"),
            SpoolId::Envelope(id) => write!(f, "{id}.envelope"),
            SpoolId::Inbox(id) => write!(f, "{id}.inbox"),
        }
    }
}

/// A text that is not the name of a spool file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the name of a spool file: an exchange or request number and `.product`, `.0.attachment`, `.envelope` or `.inbox`"
)]
pub struct NotASpoolId;

impl FromStr for SpoolId {
    type Err = NotASpoolId;

    fn from_str(text: &str) -> Result<SpoolId, NotASpoolId> {
        let (id, kind) = text.split_once('.').ok_or(NotASpoolId)?;
        match kind {
            "product" => id.parse().map(SpoolId::Product).map_err(|_| NotASpoolId),
            "envelope" => id.parse().map(SpoolId::Envelope).map_err(|_| NotASpoolId),
            "inbox" => id.parse().map(SpoolId::Inbox).map_err(|_| NotASpoolId),
            _ => attachment(id, kind).ok_or(NotASpoolId),
        }
    }
}

/// Parses `0.attachment`, the part after a request's identifier: decimal, in its canonical form.
fn attachment(id: &str, kind: &str) -> Option<SpoolId> {
    let n = kind.strip_suffix(".attachment")?;
    let number: u16 = n.parse().ok().filter(|number: &u16| number.to_string() == n)?;
    Some(SpoolId::Attachment(id.parse().ok()?, number))
}

/// A file found in the spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spooled {
    /// Its name.
    pub id: SpoolId,
    /// Whether it is complete.
    pub whole: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Time,
}

/// Returns when a file was last written.
pub(super) fn modified(metadata: &fs::Metadata) -> Time {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Time::EPOCH.plus(since.unwrap_or_default())
}
