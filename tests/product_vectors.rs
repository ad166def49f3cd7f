//! Every product vector gives exactly the faults its head states, each on the line it states.

#[path = "support/vectors.rs"]
mod vectors;

use portcullis::marking::Register;
use portcullis::product::{Bounds, FaultCode, Product};

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
fn what_is_in_another_profile_is_refused_with_what_to_do_about_it_in_every_format() {
    for (folder, name, hints) in [
        ("product", "profile_cui", &["leave it out, or have whoever designated it mark it"; 4][..]),
        ("product", "profile_cui_within", &["whoever designated it", "have its originator mark it"]),
        ("product/markdown", "profile_cui", &["whoever designated it"; 4]),
        ("product/json", "profile_cui", &["whoever designated it"; 4]),
        ("product/stix", "marking_cui", &["whoever designated it"]),
    ] {
        let all = vectors::read_all(folder);
        let vector = all.iter().find(|v| v.name == name).unwrap();
        let faults = Product::read(&vector.body, &Bounds::default(), Register::compiled_in()).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), hints.len(), "{folder}: {told:?}");
        for (told, hint) in told.iter().zip(hints) {
            let says =
                ["E-PROFILE", "in the profile of the intelligence community", hint].iter().all(|w| told.contains(w));
            assert!(says, "{folder}/{name}: {told}");
        }
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
