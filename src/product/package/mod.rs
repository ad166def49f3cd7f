//! Packages: a product as it is handed in, its text and beside it the files of its detached attachments. A package is a
//! folder, a ZIP archive, or a text alone.
//!
//! In come the bytes of a text and of named files; out come the text and, for each detached attachment, the bytes that the
//! text describes. Every file that the text names must be there and be what the text says, and every file that is there
//! must be named. The room opens no file by itself: a [`Folder`] asks a [`FolderSource`], a [`Zip`] reads a stream.

mod layout;
mod fault;
mod folder;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

pub use fault::{PackageCode, PackageFault};
pub use folder::{EntryKind, Folder, FolderEntry, FolderSource};
pub use layout::{ATTACHMENTS, TEXT};
pub use zip::Zip;

use super::attachment::{Attachment, FileName};
use super::contents::copy;
use super::model::Product;
use crate::digest::Digest;

/// Takes the bytes of one attachment, to their end; answers how many there were, and their digest.
pub type AttachmentSink<'a> = dyn FnMut(&Attachment, &mut dyn Read) -> io::Result<(u64, Digest)> + 'a;

/// A text with files beside it: a folder, an archive, or a text alone.
pub trait Package: Send {
    /// The product's text, at most `bytes_max` and one byte more of it.
    ///
    /// # Errors
    /// Every fault of the package that can be seen without reading its files to their ends.
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>>;

    /// The names of the files beside the text; none where the text came alone.
    fn names(&self) -> Vec<FileName> {
        Vec::new()
    }

    /// Passes the bytes of one of those files to `read`, and then checks what can only be checked at their end.
    ///
    /// # Errors
    /// [`PackageFault`]; whatever `read` was given is then to be thrown away.
    fn read(
        &mut self,
        name: &FileName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let _ = read;
        Err(PackageFault::named(PackageCode::Missing, name, "is missing: the text came without attachments"))
    }

    /// Gives the bytes of every attachment that `product` names as detached to `keep`: each digest once, in the order
    /// of the text.
    ///
    /// # Errors
    /// Every file that is missing, too many, or not what the text says. `keep` may have been given some by then.
    fn read_attachments(&mut self, product: &Product, keep: &mut AttachmentSink<'_>) -> Result<(), Vec<PackageFault>> {
        let wanted = answers(product, &self.names())?;
        let mut kept = BTreeSet::new();
        for attachment in wanted {
            let first = kept.insert(attachment.digest());
            let mut found = None;
            self.read(attachment.name(), &mut |bytes| {
                // One byte more than stated is enough to find that there is more.
                let mut bytes = bytes.take(attachment.size().saturating_add(1));
                let copied = if first {
                    keep(attachment, &mut bytes)?
                } else {
                    copy(&mut bytes, &mut io::sink()).map_err(|(_, e)| e)?
                };
                found = Some(copied);
                Ok(())
            })
            .map_err(|fault| vec![fault])?;
            let (size, digest) = found.unwrap_or((0, Digest::of(b"")));
            if size != attachment.size() {
                let more = if size > attachment.size() { "more" } else { "fewer" };
                return Err(vec![PackageFault::named(
                    PackageCode::Length,
                    attachment.name(),
                    format!("has {more} bytes than the {} that the text states", attachment.size()),
                )]);
            }
            if digest != attachment.digest() {
                return Err(vec![PackageFault::named(
                    PackageCode::Digest,
                    attachment.name(),
                    "does not have the SHA-256 that the text states",
                )]);
            }
        }
        Ok(())
    }
}

/// The attachments that files answer, each name once; every name must have its file, and every file its name.
fn answers<'p>(product: &'p Product, files: &[FileName]) -> Result<Vec<&'p Attachment>, Vec<PackageFault>> {
    let files: BTreeSet<&FileName> = files.iter().collect();
    let mut faults = Vec::new();
    let mut wanted: BTreeMap<&FileName, &Attachment> = BTreeMap::new();
    let mut order = Vec::new();
    for attachment in product.detached() {
        match wanted.insert(attachment.name(), attachment) {
            None => order.push(attachment),
            Some(other) if other.digest() == attachment.digest() => {}
            Some(_) => faults.push(PackageFault::named(
                PackageCode::Ambiguous,
                attachment.name(),
                format!("is named again on line {} of the text, with another SHA-256", attachment.line()),
            )),
        }
        if !files.contains(attachment.name()) {
            faults.push(PackageFault::named(
                PackageCode::Missing,
                attachment.name(),
                format!("is missing: line {} of the text names it", attachment.line()),
            ));
        }
    }
    for file in files {
        if !wanted.contains_key(file) {
            faults.push(PackageFault::named(PackageCode::Stranger, file, "is not named in the text"));
        }
    }
    if faults.is_empty() { Ok(order) } else { Err(faults) }
}

/// How much of a text is read at once, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Reads a text up to `bytes_max` and one byte more, which is enough to find that it is too long.
pub(crate) fn read_bounded(text: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut text = text.take((bytes_max as u64).saturating_add(1));
    let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE_BYTES]);
    // In pieces of one size: `read_to_end` takes ever longer ones, and clears as much memory again behind what it read.
    loop {
        match text.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A text alone, with nothing beside it.
#[derive(Clone)]
pub struct TextAlone(pub Vec<u8>);

impl std::fmt::Debug for TextAlone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text is content, and content stays out of every log.
        write!(f, "TextAlone({} bytes)", self.0.len())
    }
}

impl Package for TextAlone {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        Ok(self.0[..self.0.len().min(bytes_max.saturating_add(1))].to_vec())
    }
}
