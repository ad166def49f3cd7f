//! Identification of the peer of a connection.

use quinn::Connection;
use rustls_pki_types::CertificateDer;

use crate::pki::{CertificateRefusal, Identity, TrustSnapshot, identify};
use crate::time::Time;

/// Identifies the peer of `connection` by the certificate that it presented in the handshake.
///
/// # Errors
/// [`CertificateRefusal`] if it presented none, or `snapshot` does not trust it at `now`.
pub(in crate::edge) fn identity(
    connection: &Connection,
    snapshot: &TrustSnapshot,
    now: Time,
) -> Result<Identity, CertificateRefusal> {
    let presented = connection.peer_identity().and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok());
    let presented = presented.ok_or(CertificateRefusal::Chain(0))?;
    let chain: Vec<&[u8]> = presented.iter().map(|c| c.as_ref()).collect();
    identify(&chain, snapshot, now)
}
