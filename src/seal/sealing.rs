//! Sealing: a released cut becomes a sealed payload.

use std::io::{self, Read as _, Write};

use super::detached_header::HeaderSplitter;
use super::padding::{frame_length, laid_out};
use super::preamble::preamble;
use super::recipient::{NotARecipient, Recipient, encrypting};
use super::stream::overhead;
use crate::cut::Cut;
use crate::envelope::{Binding, Header, OpeningCommitment};
use crate::ident::{NodeId, PartnerId};
use crate::product::{Contents, ContentsFault, CopyFault};
use crate::release::Release;

/// Why sealing failed. Output written until then is incomplete and cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// The cut is not the one that was released.
    #[error("the release is for cut `{released}`, not for cut `{found}`: request a new release")]
    OtherCut {
        /// Short digest of the cut that was released.
        released: String,
        /// Short digest of the cut that was to be sealed.
        found: String,
    },
    /// The binding names another partner than the release.
    #[error("the release is for partner `{released}`, not for node `{found}`: request a new release")]
    OtherPartner {
        /// The partner of the release.
        released: PartnerId,
        /// The node that the binding names.
        found: NodeId,
    },
    /// The partner's recipient is invalid; enrolment should have refused it.
    #[error(transparent)]
    Recipient(#[from] NotARecipient),
    /// An attachment that the cut names is missing or different.
    #[error(transparent)]
    Contents(#[from] ContentsFault),
    /// The length of the cut and its attachments exceeds 64 bits.
    #[error("the cut with its attachments is too long for a payload")]
    TooLong,
    /// Encrypting or writing the output failed.
    #[error("the sealed payload could not be written: {0}")]
    Write(String),
}

/// The most bytes that sealing `cut` writes, which must be free before it begins.
///
/// # Errors
/// [`SealFault::TooLong`] if the length exceeds 64 bits.
pub fn sealed_size_max(cut: &Cut) -> Result<u64, SealFault> {
    let (frame, _) = frame_length(cut).ok_or(SealFault::TooLong)?;
    frame.checked_add(overhead(frame)).ok_or(SealFault::TooLong)
}

/// The result of sealing, apart from the payload itself.
#[derive(Debug)]
pub struct Sealing {
    /// The header that opens the payload.
    pub header: Header,
    /// For the manifest: the commitment to the proof that only the recipient can produce.
    pub opening: OpeningCommitment,
}

/// Seals the cut that `release` permits, with its detached attachments, for the one recipient that the release names.
/// `binding` is sealed inside; its secret must be new and random. Everything is streamed; each attachment is hashed as it is
/// copied and must be the one that the cut names. The header that opens the payload is returned and not written to `out`.
/// The caller computes length and digest of what was written.
///
/// # Errors
/// [`SealFault`] if `cut` is not the released one, `binding` names another partner, an attachment is another one, the
/// recipient is invalid, or writing to `out` fails. The caller must then discard what was written to `out`.
pub fn seal(
    release: &Release,
    cut: &Cut,
    contents: &dyn Contents,
    binding: &Binding,
    out: &mut dyn Write,
) -> Result<Sealing, SealFault> {
    if !release.is_for(cut.bytes()) || release.cut_bytes() != cut.size() {
        return Err(SealFault::OtherCut { released: release.cut().short(), found: cut.digest().short() });
    }
    if binding.bound.recipient != NodeId::from(release.partner().clone()) {
        return Err(SealFault::OtherPartner {
            released: release.partner().clone(),
            found: binding.bound.recipient.clone(),
        });
    }
    let to: Recipient = release.recipient().parse()?;
    let header = write_sealed(cut, contents, binding, &to, out)?;
    Ok(Sealing { header, opening: binding.proof(cut.digest()).commitment() })
}

/// [`seal`] without the checks against a release, for tests of opening.
pub(super) fn write_sealed(
    cut: &Cut,
    contents: &dyn Contents,
    binding: &Binding,
    to: &Recipient,
    out: &mut dyn Write,
) -> Result<Header, SealFault> {
    let failed = |e: io::Error| SealFault::Write(e.to_string());
    let (frame, content) = frame_length(cut).ok_or(SealFault::TooLong)?;
    let mut writer = encrypting(to, HeaderSplitter::new(out)).map_err(failed)?;
    writer.write_all(&preamble(binding)).map_err(failed)?;
    writer.write_all(&(cut.bytes().len() as u64).to_be_bytes()).map_err(failed)?;
    writer.write_all(cut.bytes()).map_err(failed)?;
    for attachment in laid_out(cut) {
        // Hashed again here, so that what is sealed is what was approved.
        attachment.copy_to(contents, &mut writer).map_err(|fault| match fault {
            CopyFault::Contents(fault) => SealFault::Contents(fault),
            CopyFault::Write(e) => failed(e),
        })?;
    }
    io::copy(&mut io::repeat(0).take(frame - content), &mut writer).map_err(failed)?;
    writer.finish().and_then(HeaderSplitter::header).map_err(failed)
}
