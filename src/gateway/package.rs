//! Packages on disk: reads a product from a text, a folder or a ZIP archive, and writes it as a text or a folder.
//! `product::package` defines the content and form of a package; this module opens, lists and writes files.
//!
//! It refuses to follow links, to open anything but plain files, and to overwrite.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::{NewFile, NewFolder};
pub use crate::product::{ATTACHMENTS, TEXT};
use crate::product::{
    Attachment, Contents, EntryKind, FileName, Folder, FolderEntry, FolderSource, Package, PackageCode, PackageFault,
    Zip, read_bounded,
};
use crate::system::io_reason;

const NO_FOLLOW: i32 = (rustix::fs::OFlags::NOFOLLOW.bits() | rustix::fs::OFlags::NONBLOCK.bits()) as i32;

/// Opens the package at `path`: a folder, a ZIP archive (by its signature), or else a text alone.
///
/// # Errors
/// All faults of its form; its files are not read yet.
pub fn open(path: &Path) -> Result<Box<dyn Package>, Vec<PackageFault>> {
    let unreadable =
        |e: io::Error| vec![fault(PackageCode::Unreadable, path, format!("cannot be read: {}", io_reason(&e)))];
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(Box::new(Folder::open(OnDisk(path.to_owned()))?));
    }
    // A path on the command line may be a link; a file inside a package may not.
    let mut file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Ok(Box::new(Text { path: path.to_owned(), file: Some(file) }));
    }
    let mut magic = [0; 2];
    let begins_as_archive = file.read_exact(&mut magic).is_ok() && magic == *b"PK";
    io::Seek::rewind(&mut file).map_err(unreadable)?;
    if begins_as_archive {
        Ok(Box::new(Zip::open(Box::new(file))?))
    } else {
        Ok(Box::new(Text { path: path.to_owned(), file: Some(file) }))
    }
}

fn fault(code: PackageCode, path: &Path, message: impl Into<String>) -> PackageFault {
    PackageFault::at_path(code, &path.display().to_string(), message)
}

/// A text alone, read up to its maximum length.
struct Text {
    path: PathBuf,
    file: Option<File>,
}

impl Package for Text {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        let unreadable = |e: io::Error| {
            vec![fault(PackageCode::Unreadable, &self.path, format!("cannot be read: {}", io_reason(&e)))]
        };
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path).map_err(unreadable)?,
        };
        read_bounded(file, bytes_max).map_err(unreadable)
    }
}

/// A folder on disk.
struct OnDisk(PathBuf);

impl FolderSource for OnDisk {
    fn path(&self, path: &str) -> String {
        let path = if path.is_empty() { self.0.clone() } else { self.0.join(path) };
        path.display().to_string()
    }

    fn list(&self, path: &str, max: usize) -> io::Result<Vec<FolderEntry>> {
        let one = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let kind = match entry.file_type()? {
                kind if kind.is_file() => EntryKind::File,
                kind if kind.is_dir() => EntryKind::Folder,
                _ => EntryKind::Other,
            };
            let listed = FolderEntry { name: entry.file_name().into_string().ok(), kind, path: String::new() };
            Ok((entry.path(), listed))
        };
        let mut entries = fs::read_dir(self.0.join(path))?.take(max).map(one).collect::<io::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries.into_iter().map(|(at, listed)| FolderEntry { path: at.display().to_string(), ..listed }).collect())
    }

    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read>>> {
        let file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(self.0.join(path))?;
        Ok(if file.metadata()?.is_file() { Some(Box::new(file)) } else { None })
    }
}

/// What writes the attachments into the folder it is given.
pub type Fill<'a> = dyn FnMut(&Path) -> Result<(), String> + 'a;

/// Fails if the path exists: nothing is overwritten.
///
/// # Errors
/// If the path exists.
pub fn is_free(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(_) => Err(format!("`{}` exists: name a file that does not", path.display())),
        Err(_) => Ok(()),
    }
}

/// A new path where a product appears once it is complete.
pub enum Begun {
    /// A text alone.
    File(NewFile),
    /// A text with its files, as a folder.
    Folder(NewFolder),
}

/// Begins to write a product, without writing content: most obstacles show here.
///
/// # Errors
/// Why it cannot be written there.
pub fn begin(path: &Path, attachments: bool) -> Result<Begun, String> {
    is_free(path)?;
    let begun = match attachments {
        true => NewFolder::begin(path).map(Begun::Folder),
        false => NewFile::begin(path, 0o600).map(Begun::File),
    };
    begun.map_err(|e| format!("`{}` cannot be written: {e}", path.display()))
}

/// Writes a text to a new file, or with `attachments` to a new folder, atomically.
///
/// # Errors
/// Why nothing was written.
pub fn write(path: &Path, text: &[u8], attachments: Option<&mut Fill<'_>>) -> Result<(), String> {
    begin(path, attachments.is_some())?.fill(path, text, attachments)
}

impl Begun {
    /// Writes the product to `path`. It is content: on failure, nothing is left behind.
    ///
    /// # Errors
    /// Why nothing was written.
    pub fn fill(self, path: &Path, text: &[u8], attachments: Option<&mut Fill<'_>>) -> Result<(), String> {
        let failed = |e: io::Error| format!("`{}` cannot be written: {e}", path.display());
        match self {
            Begun::File(mut file) => file.write_all(text).and_then(|()| file.finish()).map_err(failed),
            Begun::Folder(folder) => {
                let inner = folder.path().join(ATTACHMENTS);
                DirBuilder::new().mode(0o700).create(&inner).map_err(failed)?;
                crate::config::write_secret(&folder.path().join(TEXT), text).map_err(failed)?;
                attachments.map_or(Ok(()), |attachments| attachments(&inner))?;
                folder.finish().map_err(failed)
            }
        }
    }
}

/// Writes one attachment into the folder, hashed as it is written and durable before this returns.
///
/// # Errors
/// Why it was not written.
pub fn write_attachment(folder: &Path, attachment: &Attachment, contents: &dyn Contents) -> Result<(), String> {
    let mut file = new_file(folder, attachment.name())?;
    attachment.copy_to(contents, &mut file).map_err(|e| e.to_string())?;
    file.sync_all().map_err(|e| format!("an attachment cannot be made durable: {e}"))
}

/// Makes a new file for an attachment.
///
/// # Errors
/// Why it was not made.
pub fn new_file(folder: &Path, name: &FileName) -> Result<File, String> {
    let path = folder.join(name.as_str());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(NO_FOLLOW).open(&path);
    made.map_err(|e| format!("`{}` cannot be written: {e}", path.display()))
}
