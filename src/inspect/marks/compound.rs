//! Compound words: marks joined together, in camel case, or with digits attached.

use super::vocabulary::{Folded, Term, term};

/// Spelled-out classifications that controls can be joined to.
const LEVELS: [&str; 7] =
    ["TOPSECRET", "SECRET", "CONFIDENTIAL", "RESTRICTED", "UNCLASSIFIED", "NATOSECRET", "COSMICTOPSECRET"];
const CONTROLS: [&str; 16] = [
    "NOFORN", "RELIDO", "RELTO", "ORCON", "FOUO", "FVEY", "REL", "HCS", "SCI", "FGI", "USA", "NF", "SI", "TK", "OC",
    "PR",
];

/// Returns whether a word consists of an abbreviated level and controls, such as `SNF` or `TSSINF`.
pub(super) fn is_run_together(word: &[u8]) -> bool {
    const LETTERS: [&[u8]; 5] = [b"CTS", b"TS", b"S", b"C", b"U"];
    LETTERS.iter().any(|level| {
        let Some(rest) = word.strip_prefix(*level) else { return false };
        // `SSI` and `CSI` are abbreviations of other things; a control that forbids or widens release is unambiguous.
        let telling = level.len() > 1 || rest.ends_with(b"NF") || rest.starts_with(b"REL") || rest.len() >= 4;
        !rest.is_empty() && telling && are_controls(rest)
    })
}

/// Returns whether a word consists of a spelled-out level and controls, such as `SECRETNOFORN`.
fn is_banner(word: &[u8]) -> bool {
    let rest = LEVELS.iter().filter_map(|level| strip(word, level));
    rest.into_iter().any(|rest| !rest.is_empty() && are_controls(rest))
}

/// Returns whether a word in small letters can be such a banner: for most words the first four letters exclude it.
pub(super) fn may_be_banner(word: &str) -> bool {
    let first = word.as_bytes().first_chunk::<4>().filter(|_| word.len() >= 8);
    first.is_some_and(|first| {
        matches!(
            &first.map(|b| b.to_ascii_uppercase()),
            b"TOPS" | b"SECR" | b"CONF" | b"REST" | b"UNCL" | b"NATO" | b"COSM"
        )
    })
}

/// Returns whether the rest of a word consists of controls. Every way to split it gives the same result.
fn are_controls(rest: &[u8]) -> bool {
    rest.is_empty() || CONTROLS.iter().any(|control| strip(rest, control).is_some_and(are_controls))
}

fn strip<'a>(word: &'a [u8], start: &str) -> Option<&'a [u8]> {
    let (first, rest) = word.split_at_checked(start.len())?;
    first.eq_ignore_ascii_case(start.as_bytes()).then_some(rest)
}

/// The length from which a word can be encoded data, in which the four letters of a control occur by chance.
const SHORT: usize = 16;

/// The characters next to a word.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// A slash before or after it.
    pub slashed: bool,
    /// A bracket before and after it.
    pub bracketed: bool,
}

/// Returns the role of a word that is not in the vocabulary, and the part of it that has the role.
///
/// `capitals` says that its letters are capitals.
pub(super) fn inner(word: &str, capitals: bool, beside: Context) -> Option<(std::ops::Range<usize>, Term)> {
    if let Some(term) = whole(word, capitals) {
        return Some((0..word.len(), term));
    }
    let unglued = word.trim_matches(|c: char| c.is_ascii_digit());
    if unglued.len() < word.len() && !unglued.is_empty() {
        let from = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let found = term(unglued.as_bytes()).or_else(|| whole(unglued, capitals));
        let marks = found.filter(|term| match term {
            Term::Control | Term::Banner => true,
            Term::Level => capitals,
            Term::Run => capitals && unglued.len() > 3,
            // `S3` and `C4` are names of other things.
            Term::Letters => capitals && (beside.slashed || beside.bracketed),
            Term::Letter | Term::Weak | Term::Code => capitals && beside.slashed,
            _ => false,
        });
        if let Some(term) = marks {
            return Some((from..from + unglued.len(), term));
        }
    }
    let mixed = !capitals && word.bytes().any(|b| b.is_ascii_uppercase());
    if mixed { in_camel_case(word) } else { None }
}

/// Returns the role of a word that consists of joined parts.
pub(super) fn whole(word: &str, capitals: bool) -> Option<Term> {
    let folded = Folded::of(word)?;
    if is_banner(folded.as_bytes()) {
        return Some(Term::Banner);
    }
    (capitals && is_run_together(folded.as_bytes())).then_some(Term::Run)
}

/// Finds a control within a word, or a word that names a field of marks: `isNOFORN`, `securityClassification`.
fn in_camel_case(word: &str) -> Option<(std::ops::Range<usize>, Term)> {
    // The last capital before a small letter may belong to the capitals, as in `NOFORNx`.
    let capitals = word.split(|c: char| !c.is_ascii_uppercase()).filter(|run| run.len() > 4);
    for run in capitals {
        if let Some(term @ (Term::Control | Term::Banner)) = term(run.as_bytes()).or_else(|| whole(run, true)) {
            let at = word.find(run)?;
            return Some((at..at + run.len(), term));
        }
    }
    let mut label = None;
    let mut at = 0;
    for hump in camel_case_words(word) {
        match term(hump.as_bytes()).or_else(|| whole(hump, false)) {
            Some(term @ (Term::Control | Term::Banner)) if hump.len() > 4 || word.len() <= SHORT => {
                return Some((at..at + hump.len(), term));
            }
            Some(Term::Label) => label = Some(Term::Label),
            _ => {}
        }
        at += hump.len();
    }
    label.map(|term| (0..word.len(), term))
}

/// Returns the words of a camel-case word.
pub(super) fn camel_case_words(word: &str) -> impl Iterator<Item = &str> {
    let bytes = word.as_bytes();
    let begins = move |at: usize| {
        bytes[at].is_ascii_uppercase()
            && (!bytes[at - 1].is_ascii_uppercase() || bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase))
    };
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = word.get(from..).filter(|rest| !rest.is_empty())?;
        let to = (from + 1..word.len()).find(|at| begins(*at)).unwrap_or(word.len());
        from = to;
        Some(&rest[..rest.len() - (word.len() - to)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_run_together_marks_from_other_abbreviations() {
        for word in ["SNF", "TSSI", "TSSINF", "TSSITKNF", "SREL", "SRELTO", "CNF", "UFOUO", "TSSCI"] {
            assert!(is_run_together(word.as_bytes()), "{word}");
        }
        for word in ["SSI", "CSI", "COC", "S", "TS", "UPR", "SOC", "CAN", "SIP", "STOP"] {
            assert!(!is_run_together(word.as_bytes()), "{word}");
        }
        for word in ["SECRETNOFORN", "secretnoforn", "TOPSECRETSINF", "ConfidentialNoforn"] {
            assert!(is_banner(word.as_bytes()), "{word}");
        }
        for word in ["SECRET", "secretary", "secretion", "restricting", "secrets"] {
            assert!(!is_banner(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn finds_what_is_glued_to_digits_or_stands_in_camel_case() {
        for (word, capitals, slashed, found) in [
            ("NOFORN1", true, false, Some(("NOFORN", Term::Control))),
            ("SECRET2", true, false, Some(("SECRET", Term::Level))),
            ("NF1", true, true, Some(("NF", Term::Weak))),
            ("S3", true, false, None),
            ("isNOFORN", false, false, Some(("NOFORN", Term::Control))),
            ("NOFORNx", false, false, Some(("NOFORN", Term::Control))),
            ("securityClassification", false, false, Some(("securityClassification", Term::Label))),
            ("isFOUO", false, false, Some(("FOUO", Term::Control))),
            ("JavaScript", false, false, None),
            ("aGVsbG8gd29FOUOybGQgaGVsbG8", false, false, None),
        ] {
            let inner = inner(word, capitals, Context { slashed, bracketed: false });
            assert_eq!(inner.map(|(range, term)| (&word[range], term)), found, "{word}");
        }
        assert_eq!(camel_case_words("portionMarkTSx").collect::<Vec<_>>(), ["portion", "Mark", "T", "Sx"]);
    }
}
