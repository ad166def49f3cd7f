//! Active content in text: markup and headers that a program which detects content types would execute or follow.

use crate::inspect::content::{ANGLE, COLON, DASH};

/// Returns what a program which detects content types would take the text for, if it contains active content. `kinds`
/// are the byte classes of the text.
pub(super) fn active(text: &str, kinds: u8) -> Option<&'static str> {
    let bytes = text.as_bytes();
    // This runs over files of up to a gigabyte: patterns are compared only at their characteristic character.
    let at_sign = |sign: u8, kind: u8, here: &dyn Fn(usize) -> Option<&'static str>| match kinds & kind {
        0 => None,
        _ => text.match_indices(char::from(sign)).find_map(|(at, _)| here(at)),
    };
    let first = |words: &'static [(&str, &'static str)], found: &dyn Fn(&str) -> bool| {
        words.iter().find(|(word, _)| found(word)).map(|(_, what)| *what)
    };
    at_sign(b'<', ANGLE, &|at| first(&BEGINS, &|word| begins(&bytes[at..], word)))
        .or_else(|| at_sign(b'-', DASH, &|at| first(&ARMOUR, &|word| begins(&bytes[at..], word))))
        .or_else(|| at_sign(b':', COLON, &|at| first(&ENDS, &|word| ends(&bytes[..=at], word))))
}

fn begins(bytes: &[u8], word: &str) -> bool {
    bytes.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

fn ends(bytes: &[u8], word: &str) -> bool {
    let from = bytes.len().checked_sub(word.len());
    from.is_some_and(|from| bytes[from..].eq_ignore_ascii_case(word.as_bytes()))
}

/// Patterns that begin with an angle bracket, and what a program would take the text for.
const BEGINS: [(&str, &str); 14] = [
    ("<!doctype", "HTML"),
    ("<html", "HTML"),
    ("<script", "HTML"),
    ("<iframe", "HTML"),
    ("<svg", "HTML"),
    ("<body", "HTML"),
    ("<object", "HTML"),
    ("<embed", "HTML"),
    ("<img", "HTML"),
    ("<?xml", "XML"),
    ("<!entity", "XML"),
    ("<![cdata[", "XML"),
    ("<?php", "a script"),
    ("<%", "a script"),
];
/// The same for patterns that begin with a hyphen.
const ARMOUR: [(&str, &str); 1] = [("-----begin ", "a mail or armoured file")];
/// The same for patterns that end with a colon.
const ENDS: [(&str, &str); 4] = [
    ("javascript:", "HTML"),
    ("vbscript:", "HTML"),
    ("mime-version:", "a mail or armoured file"),
    ("content-transfer-encoding:", "a mail or armoured file"),
];

#[cfg(test)]
mod tests {
    use super::super::super::super::content::classes;
    use super::*;

    #[test]
    fn what_a_program_would_act_on_is_found_wherever_it_stands() {
        for (word, what) in BEGINS.iter().chain(&ARMOUR).chain(&ENDS) {
            for text in [word.to_string(), format!("a{}b", word.to_uppercase()), format!("--:<\u{e9}{word}\n")] {
                assert_eq!(active(&text, classes(&text)), Some(*what), "{text}");
            }
            let (cut, kept) = (&word[..word.len() - 1], &word[1..]);
            assert!(active(cut, classes(cut)).is_none() && active(kept, classes(kept)).is_none(), "{word}");
        }
    }
}
