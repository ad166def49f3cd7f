//! A release's cut becomes a sealed payload.

use std::io::Write as _;

use super::pad::pad;
use super::recipient::{NotARecipient, Recipient};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::release::Release;

/// Ciphertext for one partner, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Sealed {
    /// The age file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the age file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Why nothing was sealed.
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
    /// The partner's recipient does not read; enrolment should have found that.
    #[error(transparent)]
    Recipient(#[from] NotARecipient),
    /// The encryption failed; nothing was produced.
    #[error("age did not encrypt: {0}")]
    Encrypt(String),
}

/// Seals the cut that `release` lets go, for the one recipient it names.
///
/// # Errors
/// [`SealFault`] if `cut` is not the released one, the recipient does not read, or encryption fails.
pub fn seal(release: &Release, cut: &Cut) -> Result<Sealed, SealFault> {
    if !release.is_for(cut.bytes()) {
        return Err(SealFault::OtherCut { released: release.cut().short(), found: cut.digest().short() });
    }
    let to: Recipient = release.recipient().parse()?;
    let bytes = encrypt(&pad(cut.bytes()), &to).map_err(|e| SealFault::Encrypt(e.to_string()))?;
    Ok(Sealed { digest: Digest::of(&bytes), bytes })
}

/// An age file holding `plain` for exactly one recipient.
pub(super) fn encrypt(plain: &[u8], to: &Recipient) -> std::io::Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_recipients(std::iter::once(to.as_age())).map_err(std::io::Error::other)?;
    let mut file = Vec::with_capacity(plain.len() + plain.len() / 4096 + 1024);
    let mut writer = encryptor.wrap_output(&mut file)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(file)
}
