//! Files beside the store that a node reads and replaces as a whole: certificates, revocation lists, policy texts.

use std::path::Path;

use crate::config::read_file;
use crate::gateway::GatewayError;
use crate::system::io_reason;

/// Maximum length of a certificate, list or policy text, in bytes.
pub(in crate::gateway) const TEXT_BYTES_MAX: u64 = 64 << 20;

/// The error for an authority's key that cannot be used, for example because it does not match its certificate.
pub(in crate::gateway) fn unusable_key(file: &Path, why: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::trouble(format!("`{}`: {why}; restore the file from its backup", file.display()))
}

/// The error for a file that cannot be written.
pub(in crate::gateway) fn cannot_be_written(path: &Path, error: &std::io::Error) -> GatewayError {
    GatewayError::trouble(format!("`{}` cannot be written: {error}", path.display()))
}

/// Reads a text file of at most [`TEXT_BYTES_MAX`] bytes.
pub(in crate::gateway) fn read(path: &Path) -> Result<String, GatewayError> {
    let text =
        read_file(path, TEXT_BYTES_MAX).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    text.map_err(|e| GatewayError::trouble(format!("`{}` cannot be read: {}", path.display(), io_reason(&e))))
}

/// Replaces a file atomically and durably: readers see either the old or the new bytes.
pub(in crate::gateway) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), GatewayError> {
    crate::config::replace_file(path, bytes, mode).map_err(|e| cannot_be_written(path, &e))
}
