//! Products in folders: what reads, what is refused, and that a folder that was written is one that reads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use portcullis::digest::Digest;
use portcullis::gateway::package;
use portcullis::marking::Register;
use portcullis::product::{Bounds, MemoryContents, PackageFault, Product};

const A: &[u8] = b"name,count\nAlpha,1\n";

fn text(attachments: &[(&str, &[u8])]) -> String {
    let mut text = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\n\
                    Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL) EXERCISE text.\n"
        .to_owned();
    for (name, bytes) in attachments {
        text += &format!("\n(S//REL) ATTACHMENT {name} text/csv {} {}\n", bytes.len(), Digest::of(bytes));
    }
    text
}

struct Place(tempfile::TempDir);

impl Place {
    /// A sound package, as `change` leaves it.
    fn with(change: impl FnOnce(&Path)) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let root = place.root();
        fs::create_dir_all(root.join("attachments")).unwrap();
        fs::write(root.join("product.txt"), text(&[("a.csv", A)])).unwrap();
        fs::write(root.join("attachments/a.csv"), A).unwrap();
        change(&root);
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("product")
    }

    fn take(&self) -> Result<Vec<Vec<u8>>, Vec<PackageFault>> {
        let mut package = package::open(&self.root())?;
        let text = package.text(1 << 20)?;
        let product = Product::read(&text, &Bounds::default(), Register::compiled_in()).unwrap();
        let mut taken = Vec::new();
        package.read_attachments(&product, &mut |_, bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all)?;
            let found = (all.len() as u64, Digest::of(&all));
            taken.push(all);
            Ok(found)
        })?;
        Ok(taken)
    }

    fn codes(&self) -> Vec<&'static str> {
        self.take().err().unwrap_or_default().iter().map(|f| f.code.as_str()).collect()
    }
}

#[test]
fn reads_a_text_with_its_attachments_and_a_text_alone() {
    assert_eq!(Place::with(|_| {}).take().unwrap(), [A.to_vec()]);
    let alone = Place::with(|root| {
        fs::remove_dir_all(root.join("attachments")).unwrap();
        fs::write(root.join("product.txt"), text(&[])).unwrap();
    });
    assert!(alone.take().unwrap().is_empty());
    let file = Place::with(|root| {
        fs::remove_dir_all(root).unwrap();
        fs::write(root, text(&[])).unwrap();
    });
    assert!(file.take().unwrap().is_empty());
    let file = Place::with(|root| {
        fs::remove_dir_all(root).unwrap();
        fs::write(root, text(&[("a.csv", A)])).unwrap();
    });
    assert_eq!(file.codes(), ["K-MISSING"], "a text that came alone has nothing beside it");
}

#[test]
fn refuses_what_is_missing_too_many_or_other_than_named() {
    let at = |path: &'static str| move |root: &Path| fs::write(root.join(path), b"x").unwrap();
    assert_eq!(Place::with(at("attachments/b.csv")).codes(), ["K-STRANGER"]);
    assert_eq!(Place::with(at("notes.txt")).codes(), ["K-NAME"]);
    assert_eq!(Place::with(at(".hidden")).codes(), ["K-NAME"]);
    assert_eq!(Place::with(at("attachments/.DS_Store")).codes(), ["K-NAME"]);
    assert_eq!(Place::with(at("attachments/con.csv")).codes(), ["K-NAME"]);
    assert_eq!(Place::with(at("attachments/a.csv")).codes(), ["K-LENGTH"]);
    let altered = Place::with(|root| fs::write(root.join("attachments/a.csv"), b"name,count\nAlpha,2\n").unwrap());
    assert_eq!(altered.codes(), ["K-DIGEST"]);
    let gone = Place::with(|root| fs::remove_file(root.join("attachments/a.csv")).unwrap());
    assert_eq!(gone.codes(), ["K-MISSING"]);
    let no_text = Place::with(|root| fs::remove_file(root.join("product.txt")).unwrap());
    assert_eq!(no_text.codes(), ["K-TEXT"]);
}

#[test]
fn refuses_names_that_differ_in_capitals_only() {
    let twice = Place::with(|root| fs::write(root.join("attachments/A.csv"), A).unwrap());
    assert_eq!(twice.codes(), ["K-TWICE"]);
}

#[test]
fn refuses_one_name_for_two_contents() {
    let both = Place::with(|root| {
        let first = text(&[("a.csv", A)]);
        let second = first.split_once("\nSECRET").unwrap().1.replace(&Digest::of(A).to_string(), &"0".repeat(64));
        let text = format!("{first}\n------------------------\n\nSECRET{second}");
        fs::write(root.join("product.txt"), text).unwrap();
    });
    assert_eq!(both.codes(), ["K-AMBIGUOUS"]);
}

#[test]
fn refuses_links_pipes_and_folders_in_the_place_of_files() {
    let replaced = |path: &'static str, with: &dyn Fn(&Path)| {
        Place::with(|root| {
            let path = root.join(path);
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
            with(&path);
        })
        .codes()
    };
    let link = |path: &Path| symlink("/etc/hostname", path).unwrap();
    let folder = |path: &Path| fs::create_dir(path).unwrap();
    let link_to_folder = |path: &Path| symlink("/etc", path).unwrap();
    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    };
    assert_eq!(replaced("attachments/a.csv", &link), ["K-KIND"]);
    assert_eq!(replaced("attachments/a.csv", &folder), ["K-KIND"]);
    assert_eq!(replaced("attachments/a.csv", &pipe), ["K-KIND"]);
    assert_eq!(replaced("product.txt", &link), ["K-KIND"]);
    assert_eq!(replaced("product.txt", &folder), ["K-KIND"]);
    assert_eq!(replaced("attachments", &link_to_folder), ["K-KIND"]);
}

#[test]
fn a_folder_that_was_written_reads_and_is_never_written_over() {
    let mut kept = MemoryContents::default();
    kept.insert(A);
    let text = text(&[("a.csv", A)]);
    let product = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
    let place = Place(tempfile::tempdir().unwrap());
    let mut fill = |folder: &Path| product.detached().try_for_each(|a| package::write_attachment(folder, a, &kept));
    package::write(&place.root(), text.as_bytes(), Some(&mut fill)).unwrap();
    assert_eq!(place.take().unwrap(), [A.to_vec()]);
    let refused = package::write(&place.root(), text.as_bytes(), Some(&mut fill)).unwrap_err();
    assert!(refused.contains("exists"), "{refused}");
}

#[test]
fn a_folder_whose_attachments_are_not_to_be_had_is_not_there_at_all() {
    let text = text(&[("a.csv", A)]);
    let product = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
    let place = Place(tempfile::tempdir().unwrap());
    let mut fill = |folder: &Path| {
        product.detached().try_for_each(|a| package::write_attachment(folder, a, &MemoryContents::default()))
    };
    let refused = package::write(&place.root(), text.as_bytes(), Some(&mut fill)).unwrap_err();
    assert!(refused.contains("is missing"), "{refused}");
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0, "nothing is left of it");
}
