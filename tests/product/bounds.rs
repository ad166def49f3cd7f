//! Whatever a producer or partner sends, reading it costs no more than its bounds allow, and nothing panics.

use std::path::Path;

use portcullis::config::Config;
use portcullis::cut::Cut;
use portcullis::marking::Register;
use portcullis::product::{Bounds, Package as _, Product, TextAlone};

const FRONT: &str = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: EXERCISE Group\nDate: 2026-11-20\n\
    Kind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL) EXERCISE. ";

fn codes(text: &[u8], bounds: &Bounds) -> Vec<String> {
    let read = Product::read(text, bounds, Register::compiled_in());
    read.err().unwrap_or_default().iter().map(|f| f.code.to_string()).collect()
}

#[test]
fn refuses_each_dimension_one_above_its_bound_and_accepts_it_at_the_bound() {
    let small = Bounds { portions_max: 3, tearlines_max: 2, attachments_max: 1, entries_max: 2, ..Bounds::default() };
    let portions = |n: usize| format!("{FRONT}x\n{}", "\n(U) EXERCISE.\n".repeat(n - 1));
    assert!(codes(portions(3).as_bytes(), &small).is_empty());
    assert_eq!(codes(portions(4).as_bytes(), &small), ["P-BOUNDS"]);
    let tearline = format!("\n{}\n\nSECRET//REL TO USA, GBR\n\n(S//REL) EXERCISE.\n", "-".repeat(20));
    let tearlines = |n: usize| format!("{FRONT}x\n{}", tearline.repeat(n - 1));
    assert!(codes(tearlines(2).as_bytes(), &small).is_empty());
    assert_eq!(codes(tearlines(3).as_bytes(), &small), ["P-BOUNDS"]);
    let subjects =
        |n: usize| FRONT.replace("Kind:", &format!("Subjects: {}\nKind:", vec!["(U) x"; n].join("; "))) + "x\n";
    assert!(codes(subjects(2).as_bytes(), &small).is_empty());
    assert_eq!(codes(subjects(3).as_bytes(), &small), ["P-BOUNDS"]);
    let exact = Bounds { bytes_max: FRONT.len() + 2, ..Bounds::default() };
    assert!(codes(format!("{FRONT}x\n").as_bytes(), &exact).is_empty());
    assert_eq!(codes(format!("{FRONT}xy\n").as_bytes(), &exact), ["P-BOUNDS"]);
}

#[test]
fn refuses_titles_and_files_beyond_their_bound_and_accepts_them_at_it() {
    let title =
        |n: usize| format!("{}x\n", FRONT.replacen("Title: (U) ", &format!("Title: (U) {} ", "x".repeat(n)), 1));
    let length = FRONT.split_once("Title: (U) ").unwrap().1.lines().next().unwrap().len();
    let short = Bounds { title_chars_max: length + 11, ..Bounds::default() };
    assert!(codes(title(10).as_bytes(), &short).is_empty());
    assert_eq!(codes(title(11).as_bytes(), &short), ["P-BOUNDS"]);
    // Two files beside the text, each of its own content; one that both name counts once.
    let files = |sizes: [u64; 2], digests: [&str; 2]| {
        let line = |n: usize| format!("(U) ATTACHMENT {n}.txt text/plain {} {}\n", sizes[n], digests[n].repeat(64));
        format!("{FRONT}x\n\n{}\n{}", line(0), line(1))
    };
    let small = Bounds { detached_bytes_max: 8, detached_total_max: 12, ..Bounds::default() };
    assert!(codes(files([8, 4], ["a", "b"]).as_bytes(), &small).is_empty());
    assert!(codes(files([8, 8], ["a", "a"]).as_bytes(), &small).is_empty());
    assert_eq!(codes(files([8, 5], ["a", "b"]).as_bytes(), &small), ["P-BOUNDS"]);
    assert_eq!(codes(files([9, 1], ["a", "b"]).as_bytes(), &small), ["P-ATTACHMENT-BEGIN"]);
    assert_eq!(codes(files([8, 4], ["a", "a"]).as_bytes(), &small), ["P-ATTACHMENT-BODY"]);
}

#[test]
fn a_paragraph_begins_with_its_mark_and_with_nothing_before_it() {
    assert_eq!(codes(format!("{FRONT}x\n\nEXERCISE (U) x.\n").as_bytes(), &Bounds::default()), ["P-UNMARKED"]);
    assert!(codes(format!("{FRONT}x\n\n(U) EXERCISE x.\n").as_bytes(), &Bounds::default()).is_empty());
}

#[test]
fn reports_no_more_faults_than_the_bound_and_says_that_there_are_more() {
    let bounds = Bounds { faults_max: 10, ..Bounds::default() };
    let found = codes(format!("{FRONT}{}\n", "\u{1}".repeat(5_000)).as_bytes(), &bounds);
    assert_eq!(found.len(), 11);
    assert_eq!(found.last().unwrap(), "P-MORE");
}

#[test]
fn no_cut_off_or_altered_byte_of_a_sample_makes_the_readers_panic() {
    let sample = include_bytes!("../../samples/EXERCISE-small.txt");
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    for at in 0..sample.len() {
        let _ = Product::read(&sample[..at], &bounds, register);
        for byte in [0, b'(', b')', b'-', b'\n', 0xff] {
            let mut text = sample.to_vec();
            text[at] = byte;
            let _ = Product::read(&text, &bounds, register);
            let _ = Cut::read(&text, &bounds, register);
        }
    }
}

#[test]
fn a_text_of_nothing_but_parentheses_is_read_in_one_pass() {
    // Looking for the end of a mark from each of these would take hours; there is no clock here but the patience of
    // whoever runs the tests.
    let line = format!("x{}", "(".repeat(15_000));
    let text = format!("{FRONT}{}\n", format!("{line}\n").repeat(200));
    assert!(codes(text.as_bytes(), &Bounds::default()).is_empty());
}

/// `product check` uses these where there is no node.
#[test]
fn the_default_limits_are_those_of_a_node_that_configures_none() {
    let text = "[node]\nname = \"exercise-usa\"\norganisation = \"EXERCISE Gateway\"\ncode = \"USA\"\ncontact = \"EXERCISE\"\n";
    let limits = Config::parse(Path::new("/node/portcullis.toml"), text).unwrap().limits;
    let of_node = [limits.product_bytes, limits.inline_bytes, limits.lines, limits.line_bytes, limits.tearlines];
    let more =
        [limits.portions, limits.attachments, limits.depth, limits.attachment_bytes, limits.attachments_total_bytes];
    let ours = Bounds::default();
    let number = |n: usize| n as u64;
    let texts =
        [ours.bytes_max, ours.inline_attachment_bytes_max, ours.lines_max, ours.line_bytes_max, ours.tearlines_max];
    assert_eq!(of_node, texts.map(number));
    let (portions, attachments, depth) = (ours.portions_max, ours.attachments_max, ours.depth_max);
    assert_eq!(more[..3], [portions, attachments, depth].map(number));
    assert_eq!(more[3..], [ours.detached_bytes_max, ours.detached_total_max]);
}

/// Of a text that is too long only one byte more than the limit is read, so its length is not known.
#[test]
fn a_text_that_is_too_long_is_told_the_limit_and_no_length() {
    let bounds = Bounds { bytes_max: 1000, ..Bounds::default() };
    let text = TextAlone(vec![b'x'; 5000]).text(bounds.bytes_max).unwrap();
    let faults = Product::read(&text, &bounds, Register::compiled_in()).unwrap_err();
    assert_eq!(faults[0].message, "the product is larger than the limit of 1000 bytes");
}
