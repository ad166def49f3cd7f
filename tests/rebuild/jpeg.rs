//! The coded data of a JPEG must hold every block of the picture and nothing else: files of other encoders are read,
//! and refused if anything is removed from or added to them.

use crate::support;
use crate::vectors;
use portcullis::rebuild::{InProcess, Kind, Rebuilder as _, Task};

fn code(bytes: &[u8]) -> &'static str {
    InProcess::default().work(Task::Rebuild, Kind::Jpeg, bytes).map_or_else(|fault| fault.code, |_| "pass")
}

/// The offset of each scan header, and the start and end of its coded data.
fn scans(bytes: &[u8]) -> Vec<[usize; 3]> {
    let (mut at, mut found) = (2, Vec::new());
    while bytes[at + 1] != 0xD9 {
        let (head, marker) = (at, bytes[at + 1]);
        at += 2 + usize::from(bytes[at + 2]) * 256 + usize::from(bytes[at + 3]);
        if marker == 0xDA {
            let coded = at;
            while bytes[at] != 0xFF || matches!(bytes[at + 1], 0 | 0xD0..=0xD7) {
                at += 1;
            }
            found.push([head, coded, at]);
        }
    }
    found
}

fn pictures() -> impl Iterator<Item = (String, Vec<u8>)> {
    let all = vectors::read_all("inspect").into_iter();
    all.filter(|v| v.name.starts_with("sound_jpeg")).map(|v| (v.name.clone(), support::body(&v)))
}

#[test]
fn the_files_of_other_makers_are_read() {
    let passed: Vec<String> = pictures().filter(|(_, bytes)| code(bytes) == "pass").map(|(name, _)| name).collect();
    assert!(passed.len() == pictures().count() && passed.len() >= 5, "only {passed:?}");
}

#[test]
fn coded_data_that_are_cut_short_anywhere_are_refused() {
    for (name, bytes) in pictures() {
        for [_, coded, end] in scans(&bytes) {
            for from in coded..end {
                // The rest must not end with half of a stuffed byte.
                if bytes[from - 1] == 0xFF {
                    continue;
                }
                let cut = [&bytes[..from], &bytes[end..]].concat();
                assert!(code(&cut).starts_with("jpeg."), "{name}: {from} of {coded}..{end}");
            }
        }
    }
}

#[test]
fn bytes_behind_the_last_block_of_a_scan_are_refused() {
    for (name, bytes) in pictures() {
        for [_, _, end] in scans(&bytes) {
            for more in [&b"\0"[..], b"\xFF\0", b"EXERCISE", b"\xFF\xD0", b"\xFF\xD0\xAA"] {
                let longer = [&bytes[..end], more, &bytes[end..]].concat();
                assert!(code(&longer).starts_with("jpeg."), "{name}: {more:?}");
            }
        }
    }
}

#[test]
fn a_picture_without_one_of_its_scans_or_with_one_twice_is_refused() {
    for (name, bytes) in pictures() {
        for [head, _, end] in scans(&bytes) {
            let without = [&bytes[..head], &bytes[end..]].concat();
            let twice = [&bytes[..end], &bytes[head..]].concat();
            assert_eq!((code(&without), code(&twice)), ("jpeg.form", "jpeg.form"), "{name}: scan at {head}");
        }
    }
}
