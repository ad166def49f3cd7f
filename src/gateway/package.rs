//! Products as files: read from a text, a folder or a ZIP archive, and written as a text or a folder. A folder that was
//! written is one that reads.
//!
//! It refuses to follow links, to open what is not a plain file, and to write over anything.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::{NewFile, NewFolder};
use crate::invisible::is_invisible;
use crate::product::{Attachment, Contents, FileName, Package, PackageCode, PackageFault, Zip};

/// The text at the top of a package.
pub const TEXT: &str = "product.txt";
/// The folder of its attachments.
pub const ATTACHMENTS: &str = "attachments";
/// The most files looked at in one folder: more than any product may have, and no more than can be listed at once.
const FILES_MAX: usize = 4096;
const NO_FOLLOW: i32 = (rustix::fs::OFlags::NOFOLLOW.bits() | rustix::fs::OFlags::NONBLOCK.bits()) as i32;

/// Opens the package at `path`: a folder, a ZIP archive (which begins as one), or else a text alone.
///
/// # Errors
/// Every fault of its form; its files are not read yet.
pub fn open(path: &Path) -> Result<Box<dyn Package>, Vec<PackageFault>> {
    let unreadable = |e: io::Error| vec![fault(PackageCode::Unreadable, path, format!("cannot be read: {e}"))];
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(Box::new(Folder::open(path)?));
    }
    // Whoever names a file on the command line may name a link to it; only what is found inside a package may be none.
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

fn fault(code: PackageCode, place: &Path, message: impl Into<String>) -> PackageFault {
    // What stands on a disk under a name that is not sound is named no further than a terminal can bear.
    let place: String = place.display().to_string().chars().map(|c| if is_invisible(c) { '?' } else { c }).collect();
    PackageFault::at(code, format!("`{place}`"), message)
}

/// A text alone, of which no more is read than may be.
struct Text {
    path: PathBuf,
    file: Option<File>,
}

impl Package for Text {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        let unreadable =
            |e: io::Error| vec![fault(PackageCode::Unreadable, &self.path, format!("cannot be read: {e}"))];
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path).map_err(unreadable)?,
        };
        bounded(file, bytes_max).map_err(unreadable)
    }

    fn names(&self) -> Vec<FileName> {
        Vec::new()
    }

    fn read(
        &mut self,
        name: &FileName,
        _: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        Err(PackageFault::named(PackageCode::Missing, name, "is not there: the text came alone"))
    }
}

fn bounded(file: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take((bytes_max as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A folder with `product.txt` and `attachments/`, and nothing else.
struct Folder {
    path: PathBuf,
    names: Vec<FileName>,
}

impl Folder {
    fn open(path: &Path) -> Result<Folder, Vec<PackageFault>> {
        let mut faults = Vec::new();
        let mut names = Vec::new();
        let (mut text, mut beside) = (false, false);
        for (name, kind, place) in entries(path, &mut faults) {
            match name.as_deref() {
                Some(TEXT) if kind.is_file() => text = true,
                Some(ATTACHMENTS) if kind.is_dir() => beside = true,
                Some(TEXT | ATTACHMENTS) => {
                    faults.push(fault(PackageCode::Kind, &place, "is not what a product has under that name"));
                }
                _ => faults.push(fault(PackageCode::Name, &place, "is no part of a product")),
            }
        }
        if !text && faults.is_empty() {
            faults.push(fault(PackageCode::Text, &path.join(TEXT), "is not there"));
        }
        if beside {
            for (name, kind, place) in entries(&path.join(ATTACHMENTS), &mut faults) {
                match name.and_then(|name| name.parse::<FileName>().ok()) {
                    None => faults.push(fault(PackageCode::Name, &place, "has a name that not every system takes")),
                    Some(_) if !kind.is_file() => {
                        faults.push(fault(PackageCode::Kind, &place, "is not a plain file"));
                    }
                    Some(name) => names.push(name),
                }
            }
        }
        twice(&names, &mut faults);
        if faults.is_empty() { Ok(Folder { path: path.to_owned(), names }) } else { Err(faults) }
    }

    fn file(&self, place: &Path) -> Result<File, PackageFault> {
        let path = self.path.join(place);
        let opened = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(&path);
        let file = opened.map_err(|e| fault(PackageCode::Unreadable, &path, format!("cannot be opened: {e}")))?;
        // It may have been replaced since it was listed.
        match file.metadata() {
            Ok(found) if found.is_file() => Ok(file),
            _ => Err(fault(PackageCode::Kind, &path, "is not a plain file")),
        }
    }
}

/// What is in a folder, by name; a name that is not text has none here.
fn entries(folder: &Path, faults: &mut Vec<PackageFault>) -> Vec<(Option<String>, fs::FileType, PathBuf)> {
    let listed = fs::read_dir(folder).and_then(|entries| {
        let one = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().into_string().ok(), entry.file_type()?, entry.path()))
        };
        entries.take(FILES_MAX + 1).map(one).collect::<io::Result<Vec<_>>>()
    });
    match listed {
        Ok(found) if found.len() > FILES_MAX => {
            faults.push(fault(PackageCode::Count, folder, format!("holds more than {FILES_MAX} files")));
            Vec::new()
        }
        Ok(mut found) => {
            found.sort_by(|a, b| a.2.cmp(&b.2));
            found
        }
        Err(e) => {
            faults.push(fault(PackageCode::Unreadable, folder, format!("cannot be listed: {e}")));
            Vec::new()
        }
    }
}

fn twice(names: &[FileName], faults: &mut Vec<PackageFault>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.as_str().to_ascii_lowercase()) {
            faults.push(PackageFault::named(
                PackageCode::Twice,
                name,
                "has a name that is there already in other capitals",
            ));
        }
    }
}

impl Package for Folder {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        let file = self.file(Path::new(TEXT)).map_err(|fault| vec![fault])?;
        let unreadable =
            |e: io::Error| vec![fault(PackageCode::Unreadable, &self.path.join(TEXT), format!("cannot be read: {e}"))];
        bounded(file, bytes_max).map_err(unreadable)
    }

    fn names(&self) -> Vec<FileName> {
        self.names.clone()
    }

    fn read(
        &mut self,
        name: &FileName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let mut file = self.file(&Path::new(ATTACHMENTS).join(name.as_str()))?;
        read(&mut file).map_err(|e| PackageFault::named(PackageCode::Unreadable, name, format!("cannot be read: {e}")))
    }
}

/// What writes the attachments into the folder it is given.
pub type Fill<'a> = dyn FnMut(&Path) -> Result<(), String> + 'a;

/// Refuses a place where something is: nothing is written over.
///
/// # Errors
/// That something is there.
pub fn is_free(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(_) => Err(format!("`{}` exists: name a file that does not", path.display())),
        Err(_) => Ok(()),
    }
}

/// A place where nothing is yet, and where a product will be once it is whole.
pub enum Begun {
    /// A text alone.
    File(NewFile),
    /// A text with what belongs beside it.
    Folder(NewFolder),
}

/// Begins to write a product, without a byte of it: whatever keeps it from being written there is mostly known then.
///
/// # Errors
/// Why nothing can be written there.
pub fn begin(path: &Path, attachments: bool) -> Result<Begun, String> {
    is_free(path)?;
    let begun = match attachments {
        true => NewFolder::begin(path).map(Begun::Folder),
        false => NewFile::begin(path, 0o600).map(Begun::File),
    };
    begun.map_err(|e| format!("`{}` cannot be written: {e}", path.display()))
}

/// Writes a text where nothing is yet: a file, or with `attachments` a folder that is there whole or not at all.
///
/// # Errors
/// Why nothing was written.
pub fn write(path: &Path, text: &[u8], attachments: Option<&mut Fill<'_>>) -> Result<(), String> {
    begin(path, attachments.is_some())?.fill(path, text, attachments)
}

impl Begun {
    /// Writes the product, which is at `path` from then on. What is written of it is content: where this fails, nothing of
    /// it is left lying about.
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
