//! A product as it is handed in: its text, and beside it the files of its detached attachments.
//!
//! Each file the text names must be there and be what the text says; each file that is there must be named. What any
//! file is called decides nothing but which line of the text it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::attachment::{Attachment, FileName};
use super::contents::copy;
use super::model::Product;
use crate::digest::Digest;

/// Takes the bytes of one attachment, to their end; answers how many there were, and their digest.
pub type Keep<'a> = dyn FnMut(&Attachment, &mut dyn Read) -> io::Result<(u64, Digest)> + 'a;

/// A text with files beside it: a folder, an archive, or a text alone.
pub trait Package: Send {
    /// The product's text, at most `bytes_max` and one byte more of it.
    ///
    /// # Errors
    /// Every fault of the package that can be seen without reading its files to their ends.
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>>;

    /// The names of the files beside the text.
    fn names(&self) -> Vec<FileName>;

    /// Gives the bytes of one of those files to `read`, and then checks what can only be checked at their end.
    ///
    /// # Errors
    /// [`PackageFault`]; whatever `read` was given is then to be thrown away.
    fn read(
        &mut self,
        name: &FileName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault>;

    /// Gives the bytes of every attachment that `product` names as detached to `keep`: each digest once, in the order
    /// of the text.
    ///
    /// # Errors
    /// Every file that is missing, too many, or not what the text says. `keep` may have been given some by then.
    fn take(&mut self, product: &Product, keep: &mut Keep<'_>) -> Result<(), Vec<PackageFault>> {
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
                let more = if size > attachment.size() { "more bytes than" } else { "fewer bytes than the" };
                let stated = attachment.size();
                return Err(vec![PackageFault::named(
                    PackageCode::Length,
                    attachment.name(),
                    format!("has {more} {stated} that the text states"),
                )]);
            }
            if digest != attachment.digest() {
                return Err(vec![PackageFault::named(
                    PackageCode::Digest,
                    attachment.name(),
                    "has another SHA-256 than the text states",
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
                format!("is named on line {} of the text and is not there", attachment.line()),
            ));
        }
    }
    for file in files {
        if !wanted.contains_key(file) {
            faults.push(PackageFault::named(PackageCode::Stranger, file, "is there, and the text does not name it"));
        }
    }
    if faults.is_empty() { Ok(order) } else { Err(faults) }
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

/// One fault of a package: which file, what is wrong, what to do. Quotes no content, and no name that is not sound.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PackageFault {
    /// The stable code.
    pub code: PackageCode,
    /// Which file or entry.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

impl PackageFault {
    /// A fault of the file with a sound name.
    pub fn named(code: PackageCode, name: &FileName, message: impl Into<String>) -> PackageFault {
        PackageFault::at(code, format!("`attachments/{name}`"), message)
    }

    /// A fault somewhere else in the package.
    pub fn at(code: PackageCode, place: impl Into<String>, message: impl Into<String>) -> PackageFault {
        PackageFault { code, place: place.into(), message: message.into(), hint: code.hint() }
    }
}

impl std::fmt::Display for PackageFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} [{}]; {}", self.place, self.message, self.code.as_str(), self.hint)
    }
}

impl std::error::Error for PackageFault {}

macro_rules! package_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $hint:literal;)*) => {
        /// The stable codes of what can be wrong with a package.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum PackageCode { $($(#[$doc])* $name,)* }

        impl PackageCode {
            /// Every code, in the order of this page.
            pub const ALL: &'static [PackageCode] = &[$(PackageCode::$name,)*];

            /// The code as printed.
            pub const fn as_str(self) -> &'static str {
                match self { $(PackageCode::$name => $text,)* }
            }

            /// What to do about it, in one clause.
            pub const fn hint(self) -> &'static str {
                match self { $(PackageCode::$name => $hint,)* }
            }
        }
    };
}

impl serde::Serialize for PackageCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

package_codes! {
    /// There is no text.
    Text = "K-TEXT", "put the product's text into `product.txt` at the top";
    /// A name that is not a place a product's file may have.
    Name = "K-NAME", "a package holds `product.txt`, and files of plain names directly under `attachments/`";
    /// Two names that some system takes for one.
    Twice = "K-TWICE", "give each file a name that differs in more than capitals";
    /// Something that is not a plain file.
    Kind = "K-KIND", "put the file itself there: no link, device, pipe or further folder";
    /// More files than a product may have.
    Count = "K-COUNT", "split the product, or leave out what its text does not name";
    /// A file that the text names and that is not there.
    Missing = "K-MISSING", "put it under `attachments/`, or take its line out of the text";
    /// A file that the text does not name.
    Stranger = "K-STRANGER", "name it in the text with a mark of its own, or remove it";
    /// One name for two different contents.
    Ambiguous = "K-AMBIGUOUS", "give the two files names of their own";
    /// A file of another length than the text states.
    Length = "K-LENGTH", "state the length of exactly the attached bytes";
    /// A file with another digest than the text states.
    Digest = "K-DIGEST", "state the SHA-256 of exactly the attached bytes";
    /// It cannot be read.
    Unreadable = "K-UNREADABLE", "make it readable and try again";
    /// Not an archive of the one form that is read, or bytes that belong to nothing.
    ZipForm = "Z-FORM", "make the archive anew with an ordinary ZIP program";
    /// Something that is encrypted.
    ZipEncrypted = "Z-ENCRYPTED", "make the archive without a password";
    /// A way of compressing that is not read.
    ZipMethod = "Z-METHOD", "store or deflate every entry";
    /// Two descriptions of one entry that say different things.
    ZipDisagrees = "Z-DISAGREES", "make the archive anew with an ordinary ZIP program";
    /// Entries that lie over each other, or apart.
    ZipLayout = "Z-LAYOUT", "make the archive anew: entries must follow each other from its first byte on";
    /// An entry that swells beyond all measure.
    ZipRatio = "Z-RATIO", "store the entry instead of compressing it";
    /// Bytes that are not what the entry says of them.
    ZipContent = "Z-CONTENT", "make the archive anew: it was damaged, or describes what it does not hold";
}
