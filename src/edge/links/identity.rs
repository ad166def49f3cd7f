//! Who is at the other end of a connection.

use quinn::Connection;
use rustls_pki_types::CertificateDer;

use crate::pki::{CertificateRefusal, Identity, TrustSnapshot, identify};
use crate::time::Time;

/// Who is at the other end of `connection`, by the certificate it presented in the handshake.
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
