//! A release's cut becomes a sealed payload.

use std::io::{self, Read as _, Write};

use super::apart::Apart;
use super::pad::{frame_length, laid_out};
use super::preamble::preamble;
use super::recipient::{NotARecipient, Recipient};
use super::stream::{encrypting, overhead};
use crate::cut::Cut;
use crate::envelope::{Binding, Header, OpeningCommitment};
use crate::ident::{NodeId, PartnerId};
use crate::product::{Contents, ContentsFault, CopyFault};
use crate::release::Release;

/// Why nothing was sealed. What was written until then is no age file and opens for nobody.
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
    /// It was to say inside that it is for another partner than the one it was released for.
    #[error("the release is for partner `{released}`, not for node `{found}`: request a new release")]
    OtherPartner {
        /// For whom it was released.
        released: PartnerId,
        /// Whom it was to name.
        found: NodeId,
    },
    /// The partner's recipient does not read; enrolment should have found that.
    #[error(transparent)]
    Recipient(#[from] NotARecipient),
    /// An attachment that the cut names is not what the cut says, or not here.
    #[error(transparent)]
    Contents(#[from] ContentsFault),
    /// The cut and its attachments are longer than can be counted.
    #[error("cut with its attachments is longer than a payload can be")]
    TooLong,
    /// The encryption failed, or what it was written to did.
    #[error("sealed payload could not be written: {0}")]
    Write(String),
}

/// The most bytes that sealing `cut` writes: what must be free before it begins.
///
/// # Errors
/// [`SealFault::TooLong`].
pub fn sealed_size_max(cut: &Cut) -> Result<u64, SealFault> {
    let (frame, _) = frame_length(cut).ok_or(SealFault::TooLong)?;
    frame.checked_add(overhead(frame)).ok_or(SealFault::TooLong)
}

/// A payload that was sealed, but for its bytes.
#[derive(Debug)]
pub struct Sealing {
    /// What opens it.
    pub header: Header,
    /// What the manifest says of the proof that only who opened it can give.
    pub opening: OpeningCommitment,
}

/// Seals the cut that `release` lets go, with the bytes of its detached attachments, for the one recipient that the
/// release names. `binding` stands inside; its secret must be new and random. Everything passes through in pieces; each
/// attachment is hashed as it does, and must be what the cut says it is. Length and digest of the payload are for whoever
/// keeps it to say. Gives the header that opens it, which is not written to `out`.
///
/// # Errors
/// [`SealFault`] if `cut` is not the released one, `binding` names another than the release, an attachment is not what it
/// says, the recipient does not read, or `out` does not take it. Whatever was written to `out` is then to be thrown away.
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

/// [`seal`] without its question for a release: the part that tests of opening need as well.
pub(super) fn write_sealed(
    cut: &Cut,
    contents: &dyn Contents,
    binding: &Binding,
    to: &Recipient,
    out: &mut dyn Write,
) -> Result<Header, SealFault> {
    let failed = |e: io::Error| SealFault::Write(e.to_string());
    let (frame, content) = frame_length(cut).ok_or(SealFault::TooLong)?;
    let mut writer = encrypting(to, Apart::new(out)).map_err(failed)?;
    writer.write_all(&preamble(binding)).map_err(failed)?;
    writer.write_all(&(cut.bytes().len() as u64).to_be_bytes()).map_err(failed)?;
    writer.write_all(cut.bytes()).map_err(failed)?;
    for attachment in laid_out(cut) {
        // Hashed here again, whatever the contents promise: what is sealed is what was approved.
        attachment.copy_to(contents, &mut writer).map_err(|fault| match fault {
            CopyFault::Contents(fault) => SealFault::Contents(fault),
            CopyFault::Write(e) => failed(e),
        })?;
    }
    io::copy(&mut io::repeat(0).take(frame - content), &mut writer).map_err(failed)?;
    writer.finish().and_then(Apart::header).map_err(failed)
}
