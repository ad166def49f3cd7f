//! A package as a folder: which entries it may have, and how it is read through a [`FolderSource`].

use std::io::{self, Read};

use super::fault::{PackageCode, PackageFault};
use super::layout::{ATTACHMENTS, Paths, Place, TEXT};
use super::{Package, read_bounded};
use crate::product::attachment::FileName;

/// The most entries of one folder that are listed: more than any product has.
const ENTRIES_MAX: usize = 4096;

/// What kind of entry a folder has. A link is none of the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// Anything else.
    Other,
}

/// One entry of a folder, as it is listed.
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Its name; `None` if that is not UTF-8.
    pub name: Option<String>,
    /// What it is.
    pub kind: EntryKind,
    /// Its whole path, for a fault.
    pub path: String,
}

/// The files of a folder. Whoever implements it follows no links inside the folder.
pub trait FolderSource: Send {
    /// The whole path of what is at `path` inside the folder, for a fault.
    fn path(&self, path: &str) -> String;

    /// At most `max` entries of the folder at `path` inside it, in a fixed order; `path` is empty for the folder itself.
    ///
    /// # Errors
    /// If it cannot be listed.
    fn list(&self, path: &str, max: usize) -> io::Result<Vec<FolderEntry>>;

    /// Opens the file at `path` inside the folder; `None` if it is not a plain file.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read>>>;
}

/// A folder with `product.txt` and `attachments/`, and nothing else.
#[derive(Debug)]
pub struct Folder<S> {
    source: S,
    names: Vec<FileName>,
}

impl<S: FolderSource> Folder<S> {
    /// Lists the folder and checks every entry. Its files are not read yet.
    ///
    /// # Errors
    /// Every fault of its entries.
    pub fn open(source: S) -> Result<Folder<S>, Vec<PackageFault>> {
        let mut faults = Vec::new();
        let mut names = Vec::new();
        let (mut has_text, mut has_attachments) = (false, false);
        for FolderEntry { name, kind, path } in entries(&source, "", &mut faults) {
            match (name.as_deref(), kind) {
                (Some(TEXT), EntryKind::File) => has_text = true,
                (Some(ATTACHMENTS), EntryKind::Folder) => has_attachments = true,
                (Some(TEXT | ATTACHMENTS), _) => {
                    let message = "is not of the type that this name requires";
                    faults.push(PackageFault::at_path(PackageCode::Kind, &path, message));
                }
                _ => faults.push(PackageFault::at_path(PackageCode::Name, &path, "is not part of a product")),
            }
        }
        if !has_text && faults.is_empty() {
            faults.push(PackageFault::at_path(PackageCode::Text, &source.path(TEXT), "is not there"));
        }
        let mut paths = Paths::default();
        let listed = if has_attachments { entries(&source, ATTACHMENTS, &mut faults) } else { Vec::new() };
        let mut repeated = Vec::new();
        for FolderEntry { name, kind, path } in listed {
            match name.and_then(|name| Place::of(&place(&name))) {
                Some(Place::Attachment(_)) if kind != EntryKind::File => {
                    faults.push(PackageFault::at_path(PackageCode::Kind, &path, "is not a plain file"));
                }
                Some(Place::Attachment(name)) => {
                    if !paths.add(name.as_str()) {
                        repeated.push(PackageFault::named(PackageCode::Twice, &name, Paths::REPEATED));
                    }
                    names.push(name);
                }
                _ => {
                    let message = "has a name that is not portable";
                    faults.push(PackageFault::at_path(PackageCode::Name, &path, message));
                }
            }
        }
        faults.append(&mut repeated);
        if faults.is_empty() { Ok(Folder { source, names }) } else { Err(faults) }
    }

    fn file(&self, path: &str) -> Result<Box<dyn Read>, PackageFault> {
        let at = |code, message: String| PackageFault::at_path(code, &self.source.path(path), message);
        match self.source.open(path) {
            Ok(Some(file)) => Ok(file),
            // It may have been replaced since it was listed.
            Ok(None) => Err(at(PackageCode::Kind, "is not a plain file".into())),
            Err(e) => Err(at(PackageCode::Unreadable, format!("cannot be opened: {e}"))),
        }
    }
}

/// The path of an attachment inside its package.
fn place(name: &str) -> String {
    format!("{ATTACHMENTS}/{name}")
}

/// What is in a folder; nothing, and a fault, if it cannot be listed or holds too much.
fn entries(source: &dyn FolderSource, path: &str, faults: &mut Vec<PackageFault>) -> Vec<FolderEntry> {
    let fault = |code, message| PackageFault::at_path(code, &source.path(path), message);
    match source.list(path, ENTRIES_MAX + 1) {
        Ok(listed) if listed.len() > ENTRIES_MAX => {
            faults.push(fault(PackageCode::Count, format!("holds more than {ENTRIES_MAX} files")));
            Vec::new()
        }
        Ok(listed) => listed,
        Err(e) => {
            faults.push(fault(PackageCode::Unreadable, format!("cannot be listed: {e}")));
            Vec::new()
        }
    }
}

impl<S: FolderSource> Package for Folder<S> {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        let file = self.file(TEXT).map_err(|fault| vec![fault])?;
        let unreadable = |e: io::Error| {
            vec![PackageFault::at_path(
                PackageCode::Unreadable,
                &self.source.path(TEXT),
                format!("cannot be read: {e}"),
            )]
        };
        read_bounded(file, bytes_max).map_err(unreadable)
    }

    fn names(&self) -> Vec<FileName> {
        self.names.clone()
    }

    fn read(
        &mut self,
        name: &FileName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let mut file = self.file(&place(name.as_str()))?;
        read(&mut *file).map_err(|e| PackageFault::named(PackageCode::Unreadable, name, format!("cannot be read: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A folder in memory: what is at each path, and `None` for what is not a plain file.
    struct Memory(BTreeMap<&'static str, Option<&'static str>>);

    impl FolderSource for Memory {
        fn path(&self, path: &str) -> String {
            format!("in/{path}")
        }

        fn list(&self, path: &str, max: usize) -> io::Result<Vec<FolderEntry>> {
            let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
            let inside = self.0.iter().filter_map(|(at, file)| {
                let name = at.strip_prefix(&folder)?;
                let kind = if file.is_some() { EntryKind::File } else { EntryKind::Other };
                let (name, kind) = name.split_once('/').map_or((name, kind), |(name, _)| (name, EntryKind::Folder));
                Some(FolderEntry { name: Some(name.into()), kind, path: self.path(at) })
            });
            Ok(inside.take(max).collect())
        }

        fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read>>> {
            let found = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
            Ok(found.map(|text| Box::new(text.as_bytes()) as Box<dyn Read>))
        }
    }

    fn codes(files: &[(&'static str, Option<&'static str>)]) -> Vec<PackageCode> {
        let opened = Folder::open(Memory(files.iter().copied().collect()));
        opened.err().unwrap_or_default().iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_folder_of_a_text_and_plain_files_reads_and_anything_else_in_it_is_refused() {
        let text = ("product.txt", Some("EXERCISE"));
        let mut folder = Folder::open(Memory([text, ("attachments/a.csv", Some("1"))].into())).unwrap();
        assert_eq!(folder.text(3).unwrap(), b"EXER");
        let mut read = String::new();
        folder.read(&"a.csv".parse().unwrap(), &mut |file| file.read_to_string(&mut read).map(|_| ())).unwrap();
        assert_eq!((read.as_str(), folder.names().len()), ("1", 1));
        assert_eq!(codes(&[text]), []);
        assert_eq!(codes(&[]), [PackageCode::Text]);
        assert_eq!(codes(&[("product.txt", None)]), [PackageCode::Kind]);
        assert_eq!(codes(&[text, ("notes.txt", Some("1"))]), [PackageCode::Name]);
        assert_eq!(codes(&[text, ("attachments/a.csv", None)]), [PackageCode::Kind]);
        assert_eq!(codes(&[text, ("attachments/a b", Some("1"))]), [PackageCode::Name]);
        assert_eq!(
            codes(&[text, ("attachments/A.csv", Some("1")), ("attachments/a.csv", Some("1"))]),
            [PackageCode::Twice; 1]
        );
    }
}
