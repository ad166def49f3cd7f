//! Checkpoint exchange (extension 1): in every Hello each side sends its own signed checkpoint and the latest one it
//! knows of the other side's ledger, so that neither can be restored from an older copy without its next partner
//! noticing. The extension is not critical. A peer that has never sent it may omit it; one that has sent it must not.

use minicbor::{Decode, Encode};

use super::message::{Extension, MessageFault};
use crate::digest;

/// Maximum length of a signed checkpoint in bytes.
const CHECKPOINT_BYTES_MAX: usize = 480;

/// Signed checkpoints of two ledgers, as text (C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CheckpointExchange {
    /// The sender's own current checkpoint.
    #[n(0)]
    pub own: String,
    /// The largest checkpoint of the receiver's ledger whose consistency was proven to the sender, if any.
    #[n(1)]
    pub seen: Option<String>,
    /// A larger checkpoint that the receiver sent with a receipt, without a proof, if any.
    #[n(2)]
    pub heard: Option<String>,
}

impl CheckpointExchange {
    /// The extension's number.
    pub const EXTENSION: u32 = 1;

    /// Encodes as an extension; `None` if a checkpoint is too long.
    pub fn to_extension(&self) -> Option<Extension> {
        let fits = |checkpoint: &String| checkpoint.len() <= CHECKPOINT_BYTES_MAX;
        let fit = fits(&self.own) && self.receiver_checkpoints().all(fits);
        fit.then(|| Extension { id: CheckpointExchange::EXTENSION, critical: false, content: digest::encode(self) })
    }

    /// Returns the checkpoints of the receiver's ledger, the proven one first. The receiver must prove that its ledger
    /// extends each.
    pub fn receiver_checkpoints(&self) -> impl Iterator<Item = &String> {
        self.seen.iter().chain(&self.heard)
    }

    /// Decodes the checkpoints from the extensions of a Hello, if it has any.
    ///
    /// # Errors
    /// [`MessageFault`] if the extension is present and malformed.
    pub fn from_extensions(extensions: &[Extension]) -> Result<Option<CheckpointExchange>, MessageFault> {
        let Some(extension) = extensions.iter().find(|e| e.id == CheckpointExchange::EXTENSION) else {
            return Ok(None);
        };
        let checkpoints: CheckpointExchange =
            digest::decode(&extension.content).map_err(|_| MessageFault("checkpoints"))?;
        let bounded = checkpoints.to_extension().is_some();
        if bounded { Ok(Some(checkpoints)) } else { Err(MessageFault("checkpoints")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_come_back_from_their_extension_and_nothing_else_does() {
        let checkpoints =
            CheckpointExchange { own: "EXERCISE head".into(), seen: Some("EXERCISE other head".into()), heard: None };
        let extension = checkpoints.to_extension().unwrap();
        assert_eq!(CheckpointExchange::from_extensions(std::slice::from_ref(&extension)), Ok(Some(checkpoints)));
        assert_eq!(CheckpointExchange::from_extensions(&[Extension { id: 2, ..extension.clone() }]), Ok(None));
        let mut longer = extension.clone();
        longer.content.push(0);
        assert_eq!(CheckpointExchange::from_extensions(&[longer]), Err(MessageFault("checkpoints")));
        assert_eq!(CheckpointExchange { own: "x".repeat(481), seen: None, heard: None }.to_extension(), None);
    }

    #[test]
    fn refuses_checkpoints_that_are_too_long_wherever_they_stand() {
        let read = |own: usize, seen: usize, heard: usize| {
            let [own, seen, heard] = [own, seen, heard].map(|length| "x".repeat(length));
            let checkpoints = CheckpointExchange { own, seen: Some(seen), heard: Some(heard) };
            let extension =
                Extension { id: CheckpointExchange::EXTENSION, critical: false, content: digest::encode(&checkpoints) };
            CheckpointExchange::from_extensions(&[extension]).is_ok()
        };
        assert!(read(480, 480, 480));
        assert!(!read(481, 1, 1) && !read(1, 481, 1) && !read(1, 1, 481));
    }
}
