//! Marks in file names, whose words are joined by signs, by capitals or directly.

use super::compound::{camel_case_words, is_run_together, whole};
use super::find::MarkKind;
use super::text::marks_in;
use super::vocabulary::{Folded, Term, term};
use super::words::Words;

/// Returns what kind of mark a file name, without its extension, looks like.
pub(in crate::inspect) fn kind_of_name(name: &str) -> Option<MarkKind> {
    let parted = name.replace(['_', '-', '.'], ". ");
    let spelt = || marks_in(name, true).into_iter().chain(marks_in(&parted, true)).map(|mark| mark.kind).next();
    // A name in small letters is read like one in capitals, except that a level alone may be an ordinary word.
    let small = !name.chars().any(char::is_uppercase);
    let control = || {
        let marks = marks_in(&parted.to_uppercase(), true);
        marks.into_iter().map(|mark| mark.kind).find(|kind| small && *kind == MarkKind::Control)
    };
    spelt().or_else(|| of_pieces(name)).or_else(control)
}

/// Like [`kind_of_name`], by the words that the name is composed of.
fn of_pieces(name: &str) -> Option<MarkKind> {
    let words = Words::of(name);
    let pieces = words.text().split(|c: char| !c.is_ascii_alphanumeric()).flat_map(camel_case_words);
    let pieces = pieces.map(|piece| piece.trim_matches(|c: char| c.is_ascii_digit())).filter(|piece| !piece.is_empty());
    let pieces: Vec<(&str, Option<Term>)> = pieces.map(|piece| (piece, known(piece))).collect();
    let kind = |term: &Term| match term {
        Term::Control => Some(MarkKind::Control),
        Term::Banner => Some(MarkKind::Classification),
        _ => None,
    };
    let alone = pieces.iter().find_map(|(piece, term)| match term.as_ref()? {
        Term::Letters | Term::Level | Term::Run if is_capitals(piece) => Some(MarkKind::Classification),
        term => kind(term),
    });
    let all_known = pieces.iter().all(|(_, term)| !matches!(term, None | Some(Term::Saying)));
    let of_level = all_known && pieces.iter().any(|(_, term)| *term == Some(Term::Level));
    let small_run = name.len() > 3 && pieces.len() == 1 && is_run(pieces[0].0) && has_start(pieces[0].0, "TS");
    alone
        .or_else(|| (of_level || small_run).then_some(MarkKind::Classification))
        .or_else(|| pieces.windows(2).find_map(|pair| of_pair(pair[0], pair[1])))
}

fn known(piece: &str) -> Option<Term> {
    term(piece.as_bytes()).or_else(|| whole(piece, is_capitals(piece)))
}

fn is_capitals(piece: &str) -> bool {
    !piece.bytes().any(|b| b.is_ascii_lowercase())
}

fn is_run(word: &str) -> bool {
    Folded::of(word).is_some_and(|folded| is_run_together(folded.as_bytes()))
}

fn has_start(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|first| first.eq_ignore_ascii_case(start))
}

/// Returns the mark formed by two words: `S-REL`, `OC-NF`, `NoForn`, `REL-USA`.
fn of_pair(first: (&str, Option<Term>), second: (&str, Option<Term>)) -> Option<MarkKind> {
    let joined = format!("{}{}", first.0, second.0);
    let forbids = second.0.eq_ignore_ascii_case("NF");
    let released = first.0.eq_ignore_ascii_case("REL") && second.1 == Some(Term::Code);
    let capitals = is_capitals(&joined);
    if term(joined.as_bytes()) == Some(Term::Control) || first.1 == Some(Term::Weak) && forbids || released {
        Some(MarkKind::Control)
    } else {
        let classified = matches!(first.1, Some(Term::Letter | Term::Letters)) && is_run(&joined);
        (classified && (forbids || capitals || first.1 == Some(Term::Letters))).then_some(MarkKind::Classification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_mark_however_its_words_are_joined() {
        for name in [
            "TOPSECRET",
            "topsecret",
            "TSSINF",
            "tsnf",
            "TS",
            "annex-TS",
            "annexNOFORN",
            "annexNoForn",
            "annexSECRET",
            "NOFORN1",
            "secret1",
            "nato-secret",
            "OC-NF",
            "S-REL",
            "s_nf",
            "REL-USA",
            "secretnoforn",
            "SNF",
            "hemmelig",
            "STRENGT-HEMMELIG",
            "eyes-only",
            "ts-sci",
            "SECRET%2F%2FNOFORN",
        ] {
            assert!(kind_of_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_name_of_other_words_is_none() {
        for name in [
            "class",
            "annex-s",
            "annex_s",
            "secretary-report",
            "plan-c",
            "level-2",
            "S",
            "s3-buckets",
            "report-2026",
            "client_secrets",
            "SIGMA-units",
            "my-secret-garden",
            "JavaScript",
            "rel-notes",
            "US-report",
            "restricted-area",
        ] {
            assert!(kind_of_name(name).is_none(), "{name}");
        }
    }
}
