//! Looking at detached attachments while somebody else reads them, so that a gigabyte need not be read once more.

use std::collections::BTreeMap;

use super::stream::{Look, Seen};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::product::Attachment;

/// The detached attachments of a cut, as their bytes come by.
pub struct Looks(Vec<Looking>);

struct Looking {
    /// Which attachment of the cut it is, counted from nought.
    place: usize,
    digest: Digest,
    taken: u64,
    look: Look,
}

/// What was seen of the attachments that came by whole.
#[derive(Clone, Debug, Default)]
pub struct Looked(BTreeMap<usize, (Digest, u64, Seen)>);

impl Looks {
    /// Nothing has come by yet.
    pub fn at(cut: &Cut) -> Looks {
        let detached = cut.attachments().iter().enumerate().filter(|(_, a)| a.is_detached());
        let looking = |(place, a)| Looking { place, digest: Attachment::digest(a), taken: 0, look: Look::at(a) };
        Looks(detached.map(looking).collect())
    }

    /// The next bytes of the attachment that has this digest, under whatever names.
    pub fn take(&mut self, digest: Digest, bytes: &[u8]) {
        for looking in self.0.iter_mut().filter(|looking| looking.digest == digest) {
            looking.taken += bytes.len() as u64;
            looking.look.take(bytes);
        }
    }

    /// What was seen.
    pub fn end(self) -> Looked {
        let seen = |Looking { place, digest, taken, look }| (place, (digest, taken, look.end()));
        Looked(self.0.into_iter().map(seen).collect())
    }
}

impl Looked {
    /// What was seen of an attachment, if all of it came by.
    pub(super) fn take(&mut self, place: usize, attachment: &Attachment) -> Option<Seen> {
        let (digest, taken, seen) = self.0.remove(&place)?;
        (digest == attachment.digest() && taken == attachment.size()).then_some(seen)
    }
}
