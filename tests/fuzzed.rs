//! Files and products bent at random, by their own structure, from a seed: no reader falls over, no decoder panics, what is
//! written anew is found to be so, and what is read is read again as the same.
//!
//! Short as a test; `scripts/fuzz --stable N SEED` runs it for longer. Coverage-guided targets are in `fuzz/`.

#[path = "support/fuzz.rs"]
mod fuzz;
#[path = "support/inspect.rs"]
mod support;
#[path = "support/vectors.rs"]
mod vectors;

use std::sync::atomic::{AtomicUsize, Ordering};

use fuzz::{Dice, bent};
use portcullis::marking::Register;
use portcullis::product::{Bounds, Product};
use portcullis::rebuild::{InProcess, Kind, Limits, Rebuilder as _, Task};

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |n| n.parse().expect("a number"))
}

/// A small file is cheap to read, and a large one is no better at being bent.
const SEED_BYTES_MAX: usize = 20_000;

#[test]
fn nothing_falls_over_what_is_bent_and_what_passes_is_found_to_be_written_anew() {
    let (times, seed) = (asked("PORTCULLIS_FUZZ", 1_500), asked("PORTCULLIS_FUZZ_SEED", 1));
    // A decoder's panic is caught where it is called, and would be seen by nobody.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        hook(panic);
    }));
    let files: Vec<(String, Kind, Vec<u8>)> = vectors::read_all("inspect")
        .into_iter()
        .filter_map(|v| Some((v.name.clone(), Kind::of(v.value("attachment").split_once(' ')?.1)?, support::body(&v))))
        .filter(|(_, _, bytes)| bytes.len() <= SEED_BYTES_MAX)
        .collect();
    let products: Vec<(String, Vec<u8>)> = ["product", "product/markdown", "product/json", "product/stix"]
        .iter()
        .flat_map(|folder| vectors::read_all(folder))
        .map(|v| (v.name, v.body))
        .collect();
    let limits = Limits { pixels_max: 40_000, unpacked_bytes_max: 1 << 20, ..Limits::default() };
    let here = InProcess { limits };
    let (mut passed, mut read) = (0, 0);
    for n in 0..times {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(n));
        let before = PANICS.load(Ordering::Relaxed);
        let (name, kind, bytes) = dice.one_of(&files);
        let file = bent(&mut dice, Some(*kind), bytes);
        if let Ok(anew) = here.work(Task::Rebuild, *kind, &file) {
            passed += 1;
            let again = here.work(Task::Examine, *kind, &anew.bytes);
            let again = again.unwrap_or_else(|f| panic!("seed {seed}, {n}, {name}: written anew and refused: {f}"));
            assert_eq!((again.bytes, again.text), (anew.bytes, anew.text), "seed {seed}, {n}, {name}");
        }
        let (name, bytes) = dice.one_of(&products);
        let source = bent(&mut dice, None, bytes);
        let product = |bytes: &[u8]| Product::read(bytes, &Bounds::default(), Register::compiled_in());
        if let Ok(one) = product(&source) {
            read += 1;
            let text = one.as_text();
            let other = product(text.as_bytes()).unwrap_or_else(|f| panic!("seed {seed}, {n}, {name}: {f:?}\n{text}"));
            assert_eq!(other.as_text(), text, "seed {seed}, {n}, {name}");
        }
        assert_eq!(PANICS.load(Ordering::Relaxed), before, "seed {seed}, {n}: a decoder panicked");
    }
    println!("{times} files and products, {passed} files passed, {read} products read");
    assert!(passed * 50 > times && read * 100 > times, "{passed} and {read} of {times} are too few to say anything");
}
