//! Files beside the store that a node reads and replaces whole: certificates, lists, texts of the policy.

use std::path::Path;

use crate::config::read_file;
use crate::gateway::GatewayError;

/// Certificates, lists and texts of the policy are not longer than this.
pub(in crate::gateway) const TEXT_BYTES_MAX: u64 = 64 << 20;

/// That the key of an authority cannot be used: it is not the one in its certificate, say.
pub(in crate::gateway) fn unusable_key(file: &Path, why: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::trouble(format!("`{}`: {why}; put the file back from its copy", file.display()))
}

pub(in crate::gateway) fn cannot_be_written(path: &Path, error: &std::io::Error) -> GatewayError {
    GatewayError::trouble(format!("`{}` cannot be written: {error}", path.display()))
}

pub(in crate::gateway) fn read(path: &Path) -> Result<String, GatewayError> {
    let text =
        read_file(path, TEXT_BYTES_MAX).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    text.map_err(|e| GatewayError::trouble(format!("`{}` cannot be read: {e}", path.display())))
}

/// Replaces a file in one step, durable before this returns: readers see the old or the new bytes, never a part.
pub(in crate::gateway) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), GatewayError> {
    crate::config::replace_file(path, bytes, mode).map_err(|e| cannot_be_written(path, &e))
}
