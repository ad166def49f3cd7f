//! Name matching: which names a reader would take for the same.
//!
//! It prefers false matches: officers can declare that two people with similar names are two, but nobody would notice
//! one person enrolled as two.

use std::collections::BTreeSet;

use crate::product::confusable::{Folded, spellings};

/// The forms in which a name is compared: two names that have a form in common read alike. Case, width, look-alikes,
/// accents, spacing, punctuation and the order of the parts make no difference.
pub(in crate::approval) fn forms(name: &str) -> BTreeSet<String> {
    spellings(name).iter().flat_map(|folded| [folded.squeezed().to_owned(), in_order(folded)]).collect()
}

/// Whether `line` names whoever is called `name`, in any spelling and wherever in the line.
pub(in crate::approval) fn mentions(line: &str, name: &str) -> bool {
    let names = spellings(name);
    let in_line = |line: &Folded| {
        let words: BTreeSet<&str> = line.words().collect();
        names.iter().filter(|name| !name.is_empty()).any(|name| {
            line.squeezed() == name.squeezed() || line.holds(name) || name.words().all(|word| words.contains(word))
        })
    };
    spellings(line).iter().any(in_line)
}

/// The words of a name in the order of the alphabet.
fn in_order(folded: &Folded) -> String {
    let mut words: Vec<&str> = folded.words().collect();
    words.sort_unstable();
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        !forms(one).is_disjoint(&forms(other))
    }

    #[test]
    fn one_name_in_another_spelling_is_the_same_name() {
        for other in [
            "EXERCISE OFFICER ONE",
            "exercise  officer-one",
            "ExerciseOfficerOne",
            "One, Exercise Officer",
            "EXERCISE OFFICER \u{41e}ne",
            "EXERCISE OFFICER \u{43e}ne",
            "EXERCISE \u{41e}FFI\u{421}\u{415}R \u{41e}N\u{415}",
            "\u{ff25}\u{ff38}\u{ff25}\u{ff32}\u{ff23}\u{ff29}\u{ff33}\u{ff25} officer one",
            "EXERCISE OFFICER \u{d4}n\u{e9}",
            "EXERCISE OFFICER O\u{200b}ne",
            "EXERCISE \"OFFICER\" (ONE)",
        ] {
            assert!(alike("EXERCISE Officer One", other), "{other:?}");
        }
        for other in [
            "\u{1d07}x\u{1d07}\u{280}\u{1d04}\u{26a}s\u{1d07} \u{1d0f}\u{a730}\u{a730}\u{26a}\u{1d04}\u{1d07}\u{280} \u{1d0f}\u{274}\u{1d07}",
            "EX\u{190}RCIS\u{18e} Offi\u{23b}er On\u{25b}",
            "EXERCISE Officer One\u{b9}",
            "\u{20ac}XERCI$E Officer One",
            "EXERCISE Officer One!",
            "EXERCISE Officer |One|",
        ] {
            assert!(alike("EXERCISE Officer One", other), "{other:?}");
        }
        // Letters that look alike only as capitals.
        assert!(alike("EXERCISE HANNA", "EXERCISE \u{43d}\u{430}nn\u{430}"));
    }

    #[test]
    fn two_names_are_two() {
        for other in ["EXERCISE Officer Two\u{b9}", "EXERCISE \u{1d0f}\u{a730}\u{a730}icer Two"] {
            assert!(!alike("EXERCISE Officer One", other), "{other:?}");
        }
        for other in ["EXERCISE Officer Two", "EXERCISE Officer", "EXERCISE Officer One Junior", "Officer One", ""] {
            assert!(!alike("EXERCISE Officer One", other), "{other:?}");
        }
    }

    #[test]
    fn a_line_names_a_person_wherever_it_does_and_however_it_is_spelled() {
        let name = "EXERCISE Ann Bell";
        for line in [
            "EXERCISE Ann Bell",
            "Bell, Ann (EXERCISE)",
            "EXERCISE Directorate, att. ANN BELL",
            "exercise-\u{430}nn-b\u{435}ll",
            "ExerciseAnnBell",
        ] {
            assert!(mentions(line, name), "{line:?}");
        }
        // A longer name that begins with all of it bars as well: it could be the same person's.
        assert!(mentions("EXERCISE Ann Belling", name));
        for line in ["EXERCISE Directorate", "EXERCISE Ann", "EXERCISE Annabell", ""] {
            assert!(!mentions(line, name), "{line:?}");
        }
        assert!(!mentions("EXERCISE", "--"));
    }
}
