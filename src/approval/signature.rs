//! Verification of a statement against the several keys of one person.

use crate::sign::{NotSigned, PublicKey, Signed, Statement, VerificationCache};

/// Verifies that the statement in `bytes` is signed with one of `keys`, and returns it.
///
/// # Errors
/// [`NotSigned`]: the most specific reason found.
pub(super) fn verify<T: Statement>(
    bytes: &[u8],
    keys: &[PublicKey],
    verified: &VerificationCache,
) -> Result<Signed<T>, NotSigned> {
    let mut first = None;
    for key in keys {
        match verified.verify(bytes, key) {
            Ok(signed) => return Ok(signed),
            // The key that the statement claims to be signed with explains best what is wrong.
            Err(e) if first.is_none() || !matches!(e, NotSigned::Key { .. } | NotSigned::Algorithm { .. }) => {
                first = Some(e);
            }
            Err(_) => {}
        }
    }
    Err(first.unwrap_or(NotSigned::Form))
}
