//! The faults of packages and their stable codes.

use super::layout::ATTACHMENTS;
use crate::invisible::is_invisible;
use crate::product::attachment::FileName;

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
        PackageFault::at(code, format!("`{ATTACHMENTS}/{name}`"), message)
    }

    /// A fault of what is at a path outside the product. What does not print in the path is shown as `?`.
    pub fn at_path(code: PackageCode, path: &str, message: impl Into<String>) -> PackageFault {
        let path: String = path.chars().map(|c| if is_invisible(c) { '?' } else { c }).collect();
        PackageFault::at(code, format!("`{path}`"), message)
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
    Twice = "K-TWICE", "give each file a name that differs in more than letter case";
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
    /// Not an archive of the supported form, or one with bytes that belong to no entry.
    ZipForm = "Z-FORM", "create the archive again with a standard ZIP program";
    /// Something that is encrypted.
    ZipEncrypted = "Z-ENCRYPTED", "create the archive without a password";
    /// A way of compressing that is not read.
    ZipMethod = "Z-METHOD", "store or deflate every entry";
    /// Two descriptions of one entry that contradict each other.
    ZipDisagrees = "Z-DISAGREES", "create the archive again with a standard ZIP program";
    /// Entries that lie over each other, or apart.
    ZipLayout = "Z-LAYOUT", "create the archive again: entries must follow each other from its first byte";
    /// An entry with too high a compression ratio.
    ZipRatio = "Z-RATIO", "store the entry instead of compressing it";
    /// Bytes that are not what the entry says of them.
    ZipContent = "Z-CONTENT", "create the archive again: it is damaged, or its directory is wrong";
}
