//! A detached attachment is inspected block by block, and the findings do not depend on where the blocks end.

use std::collections::BTreeSet;

use crate::support::{self, cut, settings, with_attachment};
use portcullis::digest::Digest;
use portcullis::inspect::{self, FilterName, Source};
use portcullis::marking::Register;
use portcullis::product::{Bounds, Contents, ContentsFault, MemoryContents, NoContents, Product, ReadSeek};
use proptest::prelude::*;

/// Contents that return a few bytes per read, so that blocks end at different positions.
struct Trickle(MemoryContents, usize);

struct Slow(Box<dyn ReadSeek + Send>, usize);

impl std::io::Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

impl std::io::Seek for Slow {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

impl Contents for Trickle {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        Ok(Box::new(Slow(self.0.open(digest)?, self.1)))
    }
}

/// Returns the same product with its attachment detached.
fn beside(name: &str, media_type: &str, bytes: &[u8]) -> String {
    let inline = String::from_utf8(with_attachment(name, media_type, bytes)).unwrap();
    let at = inline.find("BEGIN ATTACHMENT").unwrap();
    let line = inline[at..].lines().next().unwrap().replace("BEGIN ATTACHMENT", "ATTACHMENT");
    format!("{}{line}\n", &inline[..at])
}

fn read(text: &[u8]) -> Product {
    let bounds =
        Bounds { bytes_max: 64 << 20, lines_max: 1 << 20, inline_attachment_bytes_max: 32 << 20, ..Bounds::default() };
    Product::read(text, &bounds, Register::compiled_in()).unwrap_or_else(|f| panic!("{f:?}"))
}

fn outward(product: &Product, contents: &dyn Contents) -> BTreeSet<String> {
    let cut = cut(product);
    let (tearline, register) = (cut.tearline_index().unwrap(), Register::compiled_in());
    let source = Source { product, tearline, register, link: &support::link() };
    let outward = support::codes(inspect::outbound(&cut, source, contents, &settings()));
    let mut inward = support::codes(inspect::inbound(&cut, Register::compiled_in(), contents, &settings()));
    inward.extend(outward.iter().filter(|c| c.starts_with("canary")).cloned());
    assert_eq!(inward, outward);
    outward
}

/// Returns the findings for a detached attachment that is read `at_a_time` bytes per call.
fn streamed(media_type: &str, name: &str, bytes: &[u8], at_a_time: usize) -> BTreeSet<String> {
    let mut kept = MemoryContents::default();
    kept.insert(bytes.to_vec());
    outward(&read(beside(name, media_type, bytes).as_bytes()), &Trickle(kept, at_a_time))
}

fn whole(media_type: &str, name: &str, bytes: &[u8]) -> BTreeSet<String> {
    outward(&read(&with_attachment(name, media_type, bytes)), &NoContents)
}

/// Returns at least `bytes` bytes of harmless lines.
fn filler(bytes: usize) -> String {
    "EXERCISE: a plain line of ordinary words, as there are many.\n".repeat(bytes / 61 + 1)
}

#[test]
fn passes_a_long_text_and_a_long_table() {
    assert_eq!(streamed("text/plain", "a.txt", filler(900_000).as_bytes(), 10_000), BTreeSet::new());
    let table = format!("name,count\n{}", "\"Alpha, of\nExercise\",3\n".repeat(30_000));
    assert_eq!(streamed("text/csv", "a.csv", table.as_bytes(), 4097), BTreeSet::new());
}

#[test]
fn refuses_wherever_in_a_long_file_it_stands() {
    // Blocks end near multiples of 128 KiB; each of these texts spans one of them, wherever exactly it is.
    for (hostile, code) in [
        ("a word: Copper\nFinch flew.\n", "words.listed"),
        ("right\u{202e}left\n", "text.bidi"),
        ("p\u{430}ssword\n", "text.mixed"),
        ("PK\u{3}\u{4}\n", "types.signature"),
        ("see <ScRipt>\n", "types.active"),
        ("the number EXERCISE-2026-\n0003 itself\n", "canary.protected"),
    ] {
        for shift in [0, 13, 34] {
            let mut text = filler(131_072 - 40);
            text.truncate(131_072 - shift);
            let cut_at = text.rfind('\n').unwrap() + 1;
            text.truncate(cut_at);
            text.push_str(&"x ".repeat((131_072 - shift - cut_at) / 2));
            text.push('\n');
            text.push_str(hostile);
            text.push_str(&filler(20_000));
            let found = streamed("text/plain", "a.txt", text.as_bytes(), 65_536);
            assert!(found.contains(code), "{hostile:?} at {shift}: {found:?}");
        }
    }
    let table = format!("a,b\n{}1,=2\n{}", "1,2\n".repeat(50_000), "1,2\n".repeat(50_000));
    assert!(streamed("text/csv", "a.csv", table.as_bytes(), 65_536).contains("csv.formula"));
    let ragged = format!("a,b\n{}1,2,3\n", "1,2\n".repeat(50_000));
    assert!(streamed("text/csv", "a.csv", ragged.as_bytes(), 65_536).contains("csv.columns"));
}

#[test]
fn refuses_a_file_that_is_missing_short_endless_or_of_a_type_that_must_be_rewritten() {
    let bytes = filler(1000);
    let product = read(beside("a.txt", "text/plain", bytes.as_bytes()).as_bytes());
    let found = outward(&product, &NoContents);
    assert_eq!(found, BTreeSet::from(["canary.unread".to_owned(), "inspect.contents".to_owned()]));
    let one_line = "word ".repeat(40_000);
    assert!(streamed("text/plain", "a.txt", one_line.as_bytes(), 65_536).contains("types.line"));
    let latin = b"caf\xe9\n".repeat(40_000);
    assert!(streamed("text/plain", "a.txt", &latin, 65_536).contains("types.text"));
    let found = streamed("image/png", "a.png", b"\x89PNG\r\n\x1a\n", 8);
    assert!(found.contains("types.detached") && found.contains("rebuild.detached"), "{found:?}");
}

#[test]
fn every_filter_that_looks_into_a_file_refuses_one_that_it_cannot_read() {
    let bytes = filler(1000);
    let product = read(beside("a.txt", "text/plain", bytes.as_bytes()).as_bytes());
    let cut = cut(&product);
    let refused = inspect::inbound(&cut, Register::compiled_in(), &NoContents, &settings()).unwrap_err();
    let by: BTreeSet<FilterName> = refused.findings.iter().map(|finding| finding.filter).collect();
    let readers = [FilterName::Text, FilterName::Words, FilterName::Types, FilterName::Marks];
    assert!(by.is_superset(&BTreeSet::from(readers)), "{by:?}");
    // The counterpart: the same file, when it can be read.
    let mut kept = MemoryContents::default();
    kept.insert(bytes.into_bytes());
    assert!(inspect::inbound(&cut, Register::compiled_in(), &kept, &settings()).is_ok());
}

#[test]
fn a_file_of_another_tearline_that_cannot_be_read_refuses_though_its_own_mark_releases_it() {
    let above = filler(1000);
    let line =
        format!("(S//REL TO USA, GBR) ATTACHMENT a.txt text/plain {} {}", above.len(), Digest::of(above.as_bytes()));
    let text = String::from_utf8(with_attachment("b.txt", "text/plain", b"EXERCISE.\n")).unwrap();
    let product = read(text.replacen("line.\n\n-----", &format!("line.\n\n{line}\n\n-----"), 1).as_bytes());
    // None of it is withheld from the partner, so only the comparison of the cut with the whole source reads it.
    assert_eq!(outward(&product, &NoContents), BTreeSet::from(["canary.unread".to_owned()]));
    let mut kept = MemoryContents::default();
    kept.insert(above.into_bytes());
    assert_eq!(outward(&product, &kept), BTreeSet::new());
}

#[test]
fn a_file_of_no_part_of_the_tearline_is_found_though_its_name_is_one() {
    let (bytes, others) = (filler(1000), filler(2000));
    let product = read(beside("a.txt", "text/plain", bytes.as_bytes()).as_bytes());
    let source = read(beside("a.txt", "text/plain", others.as_bytes()).as_bytes());
    let mut kept = MemoryContents::default();
    kept.insert(bytes.into_bytes());
    kept.insert(others.into_bytes());
    let found = |source: &Product| {
        let source = Source { product: source, tearline: 1, register: Register::compiled_in(), link: &support::link() };
        support::codes(inspect::outbound(&cut(&product), source, &kept, &settings()))
    };
    assert_eq!(found(&source), BTreeSet::from(["canary.stranger".to_owned()]));
    assert_eq!(found(&product), BTreeSet::new());
}

#[test]
fn a_cut_counts_the_bytes_of_a_file_once_however_often_it_is_named() {
    let one = beside("a.txt", "text/plain", b"EXERCISE.\n");
    let line = one.lines().last().unwrap();
    let size = |second: &str| {
        let cut = cut(&read(format!("{one}\n{second}\n").as_bytes()));
        cut.size() - cut.bytes().len() as u64
    };
    assert_eq!(size(&line.replace("a.txt", "b.txt")), 10);
    let other = format!("{} 12 {}", line.split(" 10 ").next().unwrap(), Digest::of(b"EXERCISE 2.\n"));
    assert_eq!(size(&other.replace("a.txt", "b.txt")), 22);
}

#[test]
fn a_run_of_words_from_a_file_above_the_line_is_found() {
    let secret = "the harbour master counts the crates at night and tells us\n";
    let above = format!("{}{secret}{}", filler(200_000), filler(50_000));
    let below = format!("EXERCISE. {secret}");
    let text = String::from_utf8(with_attachment("b.txt", "text/plain", below.as_bytes())).unwrap();
    let line = format!("(S//NF) ATTACHMENT a.txt text/plain {} {}", above.len(), Digest::of(above.as_bytes()));
    let text = text.replacen("line.\n\n-----", &format!("line.\n\n{line}\n\n-----"), 1);
    let mut kept = MemoryContents::default();
    kept.insert(above.into_bytes());
    let product = read(text.as_bytes());
    // The run is in the tearline itself, so it is allowed there and is no leak ...
    assert_eq!(outward(&product, &kept), BTreeSet::new());
    // ... but it is one in a cut that was not made from that tearline.
    let clean = String::from_utf8(with_attachment("b.txt", "text/plain", b"EXERCISE.\n")).unwrap();
    let clean = read(clean.replacen("line.\n\n-----", &format!("line.\n\n{line}\n\n-----"), 1).as_bytes());
    let leaking = cut(&product);
    let source = Source { product: &clean, tearline: 1, register: Register::compiled_in(), link: &support::link() };
    let found = support::codes(inspect::outbound(&leaking, source, &kept, &settings()));
    assert!(found.contains("canary.run") && found.contains("canary.stranger"), "{found:?}");
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("EXERCISE: a plain line of ordinary words. ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("Copper ".to_owned()),
        1 => Just("Finch ".to_owned()),
        1 => Just("Cop\nper\nFin\nch ".to_owned()),
        1 => Just("\u{200b}".to_owned()),
        1 => Just("p\u{430}ss ".to_owned()),
        1 => Just("<script> ".to_owned()),
        1 => Just("=1,".to_owned()),
        1 => "[a-z ]{0,40}",
        1 => Just("d\u{e9}j\u{e0} vu ".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A detached file is refused for exactly the same reasons as an inline one, wherever blocks end.
    #[test]
    fn what_is_found_in_blocks_is_what_is_found_in_the_whole(
        pieces in prop::collection::vec(piece(), 1..60),
        lead in 0usize..140_000,
        at_a_time in 1usize..70_000,
    ) {
        let text = format!("{}{}\n", &filler(lead), pieces.concat());
        // Only short files are read one byte at a time.
        let at_a_time = at_a_time.max(text.len() / 2000 + 1);
        prop_assert_eq!(
            streamed("text/plain", "a.txt", text.as_bytes(), at_a_time),
            whole("text/plain", "a.txt", text.as_bytes())
        );
    }
}
