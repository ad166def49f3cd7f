//! Every product vector gives exactly the faults its head states, each on the line it states.

use crate::vectors;
use portcullis::marking::{Profile, Register};
use portcullis::product::{Bounds, FaultCode, Product, Tearline};

#[test]
fn every_vector_gives_exactly_the_faults_it_states() {
    let all = vectors::read_all("product");
    let mut wrong = Vec::new();
    for vector in &all {
        let found: Vec<String> = match Product::read(&vector.body, &Bounds::default(), Register::compiled_in()) {
            Ok(_) => Vec::new(),
            Err(faults) => {
                assert!(!faults.is_empty(), "{}: refused without a fault", vector.name);
                faults.iter().map(|f| format!("{}@{}", f.code, f.line)).collect()
            }
        };
        if found != vector.expected() {
            wrong.push(format!("{}: expected {:?}, found {found:?}", vector.name, vector.expected()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn what_has_no_place_under_its_banner_is_refused_with_what_to_do_about_it_in_every_format() {
    const BESIDE: &str = "CUI does not stand beside other markings, in a mark or under a banner (ISM-ID-00478)";
    const BENEATH: &str = "a banner that begins with CUI has nothing beneath it but CUI and plain `(U)`";
    for (folder, name, hints) in [
        ("product", "profile_cui_within", &[BESIDE, "have its originator mark it so"][..]),
        ("product", "profile_cui_beneath", &[BESIDE; 2]),
        ("product", "profile_cui_above", &[BENEATH; 2]),
        (
            "product",
            "profile_cui_cover",
            &["a category of CUI", "a dissemination control", "it allows a recipient that one"],
        ),
        ("product/stix", "marking_cui_within", &[BESIDE]),
    ] {
        let all = vectors::read_all(folder);
        let vector = all.iter().find(|v| v.name == name).unwrap();
        let faults = Product::read(&vector.body, &Bounds::default(), Register::compiled_in()).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), hints.len(), "{folder}/{name}: {told:?}");
        for (told, hint) in told.iter().zip(hints) {
            assert!(told.contains(hint), "{folder}/{name}: {told}");
        }
    }
}

#[test]
fn a_product_and_each_of_its_tearlines_has_the_profile_of_its_banner() {
    let all = vectors::read_all("product");
    for (name, profiles) in [
        ("profile_cui", &[Profile::Cui; 3][..]),
        ("profile_cui_below", &[Profile::Ic, Profile::Cui]),
        ("sound", &[Profile::Ic; 2]),
    ] {
        let vector = all.iter().find(|v| v.name == name).unwrap();
        let product = Product::read(&vector.body, &Bounds::default(), Register::compiled_in()).unwrap();
        let found: Vec<Profile> = product.tearlines().iter().map(Tearline::profile).collect();
        assert_eq!((product.profile(), &found[..2]), (profiles[0], &profiles[..2]), "{name}");
    }
}

#[test]
fn every_fault_code_has_a_vector() {
    let folders = ["product", "product/markdown", "product/json", "product/stix"];
    let all: Vec<_> = folders.into_iter().flat_map(vectors::read_all).collect();
    let shown = |code: &FaultCode| all.iter().any(|v| v.value("expect").contains(code.as_str()));
    let missing: Vec<&FaultCode> = FaultCode::ALL.iter().filter(|c| !shown(c) && **c != FaultCode::More).collect();
    assert!(missing.is_empty(), "no vector shows {missing:?}");
}
