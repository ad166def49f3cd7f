//! Contents of detached attachments: stored encrypted beside the submitted product, or read from received sealed
//! payloads. No attachment is held in memory as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use super::pipeline::{is_long, read_ahead, scanning};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::gateway::{GatewayError, Node};
use crate::ident::RequestId;
use crate::inspect::ScanResults;
use crate::product::{
    Attachment, Contents, ContentsFault, ObservedBytes, Package, PackageFault, Product, ReadSeek, copy,
};
use crate::progress::{Progress, Unit};
use crate::seal::StorageKey;
use crate::store::{FileHold, PayloadReader, Spool, SpoolError, SpoolId, has_pending_exchanges};

/// Runs blocking work on this thread, after handing its other tasks to another.
pub(in crate::gateway) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // A current-thread runtime has no other thread to hand over to.
        _ => work(),
    }
}

/// Whether this many bytes are processed faster than another thread could take over. Attachments may need a filter
/// process, which is slow whatever their length.
pub(in crate::gateway) fn is_short(bytes: u64) -> bool {
    bytes <= 64 * 1024
}

/// As [`blocking`], but runs short work directly.
pub(in crate::gateway) fn blocking_unless<T>(at_once: bool, work: impl FnOnce() -> T) -> T {
    if at_once { work() } else { blocking(work) }
}

/// The detached attachments of a product, in the order of their numbers.
pub(in crate::gateway) fn numbered(product: &Product) -> Vec<&Attachment> {
    let mut seen = BTreeSet::new();
    product.detached().filter(|a| seen.insert(a.digest())).collect()
}

fn name(request: RequestId, n: usize) -> Result<SpoolId, GatewayError> {
    let n = u16::try_from(n).map_err(|_| GatewayError::trouble("a product has more attachments than can be stored"))?;
    Ok(SpoolId::Attachment(request, n))
}

/// Why the attachments of a submission were not stored.
pub(in crate::gateway) enum NotStored {
    /// The submitted files do not match the text.
    Faults(Vec<PackageFault>),
    /// It could not be stored.
    Trouble(GatewayError),
}

impl Node {
    /// Stores the files submitted beside a text, encrypted, under the number of the request. The files must be
    /// exactly those that the text names. The returned hold protects them until the request is on record. Blocks.
    pub(in crate::gateway) fn store_attachments(
        &self,
        request: RequestId,
        product: &Product,
        package: &mut dyn Package,
    ) -> Result<Option<FileHold>, NotStored> {
        self.attachment_store(request).all(product, package)
    }

    /// The stored attachments of a request's product.
    pub(in crate::gateway) fn contents_of(
        &self,
        request: RequestId,
        product: &Product,
    ) -> Result<StoredAttachments<'_>, GatewayError> {
        self.attachment_store(request).contents(product)
    }

    fn attachment_store(&self, request: RequestId) -> AttachmentStore<'_> {
        AttachmentStore { spool: self.spool(), storage: &self.keys().storage, request, progress: self.progress() }
    }

    /// Removes the attachments of a request if no exchange needs them any more. What cannot be removed now is set
    /// aside at the next start.
    pub(in crate::gateway) async fn release_attachments(&self, request: &RequestId) -> Result<(), GatewayError> {
        // Most products have none; if there are any, there is a first.
        let there = name(*request, 0).is_ok_and(|first| self.spool().has_any(first));
        if !there || has_pending_exchanges(&**self.store(), request).await? {
            return Ok(());
        }
        self.drop_attachments(*request)
    }

    /// Removes every stored attachment of a request.
    pub(in crate::gateway) fn drop_attachments(&self, request: RequestId) -> Result<(), GatewayError> {
        let mut names = Vec::new();
        while let Some(id) = name(request, names.len()).ok().filter(|id| self.spool().has_any(*id)) {
            names.push(id);
        }
        // The last one first: if this is interrupted, the rest are still found by counting up.
        let removed = names.into_iter().rev().try_for_each(|id| self.spool().remove_blocking(id));
        removed.map_err(GatewayError::trouble)
    }
}

/// Where the attachments of one request are stored, and with which key.
pub(in crate::gateway) struct AttachmentStore<'a> {
    pub spool: &'a Spool,
    pub storage: &'a StorageKey,
    pub request: RequestId,
    /// Receives the progress.
    pub progress: &'a Progress,
}

impl<'a> AttachmentStore<'a> {
    /// Stores every file that the product's text names. Blocks.
    pub fn all(&self, product: &Product, package: &mut dyn Package) -> Result<Option<FileHold>, NotStored> {
        let bytes: u64 = numbered(product).iter().map(|a| a.size()).sum();
        let _step = self.progress.step("storing attachments", Unit::Bytes, Some(bytes));
        let (mut held, mut trouble, mut n) = (None, None, 0);
        let mut keep = |attachment: &Attachment, bytes: &mut dyn io::Read| -> io::Result<(u64, Digest)> {
            match self.one(n, attachment, bytes) {
                Ok((copied, file)) => {
                    // The hold on the first one covers the rest.
                    held = held.take().or(Some(file));
                    n += 1;
                    Ok(copied)
                }
                Err(error) => {
                    trouble = Some(error);
                    Err(io::Error::other("not stored"))
                }
            }
        };
        let taken = package.read_attachments(product, &mut keep);
        match (taken, trouble) {
            (_, Some(error)) => Err(NotStored::Trouble(error)),
            (Err(faults), None) => Err(NotStored::Faults(faults)),
            (Ok(()), None) => Ok(held),
        }
    }

    fn one(
        &self,
        n: usize,
        attachment: &Attachment,
        bytes: &mut dyn io::Read,
    ) -> Result<((u64, Digest), FileHold), GatewayError> {
        let file = self.spool.begin(name(self.request, n)?, StorageKey::encrypted_size_max(attachment.size()));
        let file = file.map_err(GatewayError::trouble)?;
        let mut keeping = self.storage.encrypt_to(file).map_err(GatewayError::trouble)?;
        let copied =
            copy(&mut self.progress.reading(bytes), &mut keeping).map_err(|(_, e)| GatewayError::trouble(e))?;
        let file = keeping.finish().map_err(GatewayError::trouble)?;
        let (_, held) = file.finish_held().map_err(GatewayError::trouble)?;
        Ok((copied, held))
    }

    /// The stored attachments.
    pub fn contents(&self, product: &Product) -> Result<StoredAttachments<'a>, GatewayError> {
        let mut names = BTreeMap::new();
        for (n, attachment) in numbered(product).into_iter().enumerate() {
            names.insert(attachment.digest(), name(self.request, n)?);
        }
        let (spool, storage, progress) = (self.spool, self.storage, self.progress);
        Ok(StoredAttachments { spool, storage, progress, names, checked: Mutex::default() })
    }
}

/// Attachments at rest. Each is hashed completely on first use and afterwards read from the same open file, so that
/// no replaced file is ever read.
pub(in crate::gateway) struct StoredAttachments<'a> {
    spool: &'a Spool,
    storage: &'a StorageKey,
    progress: &'a Progress,
    names: BTreeMap<Digest, SpoolId>,
    checked: Mutex<BTreeMap<Digest, PayloadReader>>,
}

impl StoredAttachments<'_> {
    /// The same without hashing first, for callers that hash every byte and discard their result on a mismatch, as
    /// sealing does.
    ///
    /// `once` says that they are unlikely to be read again soon.
    pub fn unhashed(&self, once: bool) -> Unhashed<'_> {
        Unhashed { contents: self, once }
    }

    /// The filters' results for a cut's attachments, collected while they are hashed, so that they need not be read
    /// twice. Empty if any attachment does not match the cut: each filter then reads for itself and reports why it
    /// cannot. Attachments hashed before are skipped.
    pub fn scan_results(&self, cut: &Cut) -> ScanResults {
        let long = cut.attachments().iter().any(|a| a.is_detached() && is_long(a.size()));
        let bytes: u64 = cut.attachments().iter().filter(|a| a.is_detached()).map(Attachment::size).sum();
        let _step = long.then(|| self.progress.step("inspecting attachments", Unit::Bytes, Some(bytes)));
        let (hashed, looked) = scanning(cut, long, |each| {
            let detached = cut.attachments().iter().filter(|a| a.is_detached());
            detached.map(|a| self.hashed(a.digest(), each).map(drop)).collect::<Result<Vec<()>, _>>()
        });
        // INVARIANT: results count only for bytes whose digest was verified.
        hashed.map(|_| looked).unwrap_or_default()
    }

    /// The file of an attachment whose digest is verified; if it is hashed for that now, `each` is given the bytes.
    fn hashed(&self, digest: Digest, each: &mut dyn FnMut(Digest, &[u8])) -> Result<PayloadReader, ContentsFault> {
        let known = |map: &BTreeMap<Digest, PayloadReader>| map.get(&digest).cloned();
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        if let Some(reader) = known(&self.checked.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(reader);
        }
        let reader = self.stored(digest)?;
        let content = self.decrypted(digest, &reader)?;
        // Long content is decrypted by one thread while another hashes it.
        let content = if is_long(reader.size()) { read_ahead(content) } else { content };
        let (_, found) = copy(&mut self.progress.reading(content), &mut ObservedBytes { digest, each })
            .map_err(|(_, error)| ContentsFault::of_io(digest, &error))?;
        if found != digest {
            return Err(ContentsFault::Damaged(digest));
        }
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, reader.clone());
        Ok(reader)
    }

    fn stored(&self, digest: Digest) -> Result<PayloadReader, ContentsFault> {
        let id = *self.names.get(&digest).ok_or(ContentsFault::Missing(digest))?;
        self.spool.read_blocking(id).map_err(|error| match error {
            SpoolError::Missing { .. } => ContentsFault::Missing(digest),
            other => ContentsFault::Unreadable { digest, why: other.to_string() },
        })
    }

    fn decrypted(&self, digest: Digest, reader: &PayloadReader) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        self.storage.decrypt_stream(reader.cursor()).map_err(|_| ContentsFault::Damaged(digest))
    }
}

impl Contents for StoredAttachments<'_> {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let reader = self.hashed(digest, &mut |_, _| ())?;
        self.decrypted(digest, &reader)
    }
}

/// [`StoredAttachments`] for callers that hash what they read.
pub(in crate::gateway) struct Unhashed<'a> {
    contents: &'a StoredAttachments<'a>,
    once: bool,
}

impl Contents for Unhashed<'_> {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let stored = self.contents.stored(digest)?;
        self.contents.decrypted(digest, &if self.once { stored.once() } else { stored })
    }
}
