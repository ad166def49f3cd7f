//! One file as a listing finds it.

use std::fs;

use super::SpoolId;
use crate::time::Time;

/// A file found in the spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spooled {
    /// What it is.
    pub id: SpoolId,
    /// Whether it was finished.
    pub whole: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Time,
}

/// When a file was last written.
pub(super) fn modified(metadata: &fs::Metadata) -> Time {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Time::EPOCH.plus(since.unwrap_or_default())
}
