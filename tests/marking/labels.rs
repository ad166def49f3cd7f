//! Markings in other vocabularies, through the real binary: STANAG 4774 labels bound by STANAG 4778, and STIX.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portcullis::sign::{Algorithm, LocalSigner, Signer as _};

const BANNER: &str = "SECRET//REL TO USA, GBR";

fn portcullis(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).args(args).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn refused(output: &Output, why: &str) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty(), "nothing is said of what is refused");
    assert!(text.contains(why), "{text}");
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/marking/stanag4778").join(name)
}

fn read(label: &Path, bound: &Path, signer: &str) -> Output {
    let (label, bound) = (label.to_str().expect("UTF-8"), bound.to_str().expect("UTF-8"));
    portcullis(&["marking", "read", label, "--date", "2026-01-01", "--bound", bound, "--signer", signer])
}

#[test]
fn reads_a_binding_that_another_implementation_signed_and_refuses_it_changed() {
    let signer = std::fs::read_to_string(vector("signer.pub")).expect("vector");
    let done = read(&vector("binding.xml"), &vector("product.bin"), &signer);
    assert_eq!(said(&done), format!("{BANNER}\n"));

    let folder = tempfile::tempdir().expect("folder");
    let changed = folder.path().join("changed");
    let text = std::fs::read_to_string(vector("binding.xml")).expect("vector");
    for (from, to, why) in [
        (">GB&#82;<", ">FRA<", "changed after signing"),
        ("\"text/plain\"", "\"text/csv\"", "changed after signing"),
        ("Id='binding-7'", "Id='binding-8'", "Reference"),
        ("ecdsa-sha384", "rsa-sha384", "SignatureMethod"),
        ("<sig:KeyName>EXERCISE", "<sig:KeyName>ANOTHER", ""),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&changed, text.replacen(from, to, 1)).expect("written");
        let done = read(&changed, &vector("product.bin"), &signer);
        // The name that a signature gives its own key is not signed and counts for nothing.
        if why.is_empty() { assert_eq!(said(&done), format!("{BANNER}\n")) } else { refused(&done, why) }
    }
    std::fs::write(&changed, b"EXERCISE other bytes\n").expect("written");
    refused(&read(&vector("binding.xml"), &changed, &signer), "does not match the bytes");
    let other = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Es384).expect("random")).expect("key");
    refused(&read(&vector("binding.xml"), &vector("product.bin"), &other.public().to_string()), "not signed with");
}

#[test]
fn writes_a_binding_that_reads_back_for_its_file_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let new = portcullis(&["officer", "new-key", &path("key.pem"), "--algorithm", "p384"]);
    assert!(new.status.success(), "{}", String::from_utf8_lossy(&new.stderr));
    let signer = std::fs::read_to_string(path("key.pem.pub")).expect("the public key").trim().to_owned();
    std::fs::write(path("product"), "EXERCISE").expect("written");
    std::fs::write(path("other"), "EXERCISF").expect("written");
    let (key, product) = (path("key.pem"), path("product"));
    let bound = portcullis(&["marking", "label", BANNER, "--date", "2026-01-01", "--bind", &product, "--key", &key]);
    std::fs::write(path("binding"), &bound.stdout).expect("written");
    let binding = path("binding");
    let done = read(Path::new(&binding), Path::new(&product), &signer);
    assert_eq!(said(&done), format!("{BANNER}\n"), "{}", String::from_utf8_lossy(&done.stderr));
    refused(&read(Path::new(&binding), Path::new(&path("other")), &signer), "does not match the bytes");
    // A binding is not a label: without the file and the key it says nothing.
    refused(&portcullis(&["marking", "read", &binding]), "originatorConfidentialityLabel");
}

#[test]
fn refuses_what_the_other_vocabulary_cannot_say() {
    let joint = "//JOINT SECRET GBR USA//REL TO USA, GBR";
    refused(&portcullis(&["marking", "label", joint, "--date", "2026-01-01"]), "JOINT");
    assert_eq!(portcullis(&["marking", "label", "SECRET//NOFORM", "--date", "2026-01-01"]).status.code(), Some(1));
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("definition.json");
    let stix = portcullis(&["marking", "label", BANNER, "--as", "stix", "--date", "2026-01-01"]);
    std::fs::write(&file, &stix.stdout).expect("written");
    let name = file.to_str().expect("UTF-8");
    assert_eq!(said(&portcullis(&["marking", "read", name, "--date", "2026-01-01"])), format!("{BANNER}\n"));
    std::fs::write(&file, said(&stix).replace("MARKING: SECRET", "MARKING: SECRET ")).expect("written");
    refused(&portcullis(&["marking", "read", name, "--date", "2026-01-01"]), "");
}
