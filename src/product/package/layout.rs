//! The layout of a package, the same in a folder and in an archive: `product.txt` at the top, and files of plain names
//! directly under `attachments/`.

use std::collections::BTreeSet;

use crate::product::attachment::FileName;

/// The text at the top of a package.
pub const TEXT: &str = "product.txt";
/// The folder of its attachments.
pub const ATTACHMENTS: &str = "attachments";

/// What stands at a path of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The product's text.
    Text,
    /// The folder of the attachments, whose path ends in `/`.
    Attachments,
    /// An attachment.
    Attachment(FileName),
}

impl Place {
    /// What stands at `path`; `None` where a package has nothing.
    pub fn of(path: &str) -> Option<Place> {
        if path == TEXT {
            return Some(Place::Text);
        }
        match path.strip_prefix(ATTACHMENTS)?.strip_prefix('/')? {
            "" => Some(Place::Attachments),
            name => name.parse().ok().map(Place::Attachment),
        }
    }
}

/// The paths seen so far, by which two that differ only in case are found: some systems take them for one.
#[derive(Debug, Default)]
pub(super) struct Paths(BTreeSet<String>);

impl Paths {
    /// What is said of a path that was there before.
    pub const REPEATED: &'static str = "has a name that another file has, or that differs from it only in case";

    /// Adds a path; whether it is new.
    pub fn add(&mut self, path: &str) -> bool {
        self.0.insert(path.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_text_a_folder_and_plain_files_in_it_and_nothing_else() {
        assert_eq!(Place::of("product.txt"), Some(Place::Text));
        assert_eq!(Place::of("attachments/"), Some(Place::Attachments));
        assert_eq!(Place::of("attachments/a.csv"), Some(Place::Attachment("a.csv".parse().unwrap())));
        for path in
            ["", "attachments", "a.csv", "PRODUCT.TXT", "attachments/a/b.csv", "attachments/../a.csv", "attachments//"]
        {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    #[test]
    fn paths_that_differ_only_in_case_are_one() {
        let mut paths = Paths::default();
        assert!(paths.add("attachments/a.csv") && paths.add("attachments/b.csv"));
        assert!(!paths.add("attachments/A.csv"));
    }
}
