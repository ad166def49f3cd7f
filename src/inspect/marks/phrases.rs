//! Marks of several words, and the marks of other countries in words of their own.

use std::sync::LazyLock;

use super::fold::Plain;

/// How the words of a phrase must be written to be a mark in running text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In any case.
    Anyhow,
    /// In capitals, or alone between punctuation with a capital at its beginning.
    Capitals,
    /// In any case, and with a colon behind it.
    Field,
    /// In capitals at the beginning or end of a line or sentence, in brackets or in a field: elsewhere the words are those
    /// of a language like any other.
    Marked,
}

/// Controls of several words and marks of other countries, ascending, their letters folded.
pub(super) const PHRASES: &[(&str, Written)] = &[
    ("ADDRESSEE EYES ONLY", Written::Anyhow),
    ("ADDRESSEE ONLY", Written::Capitals),
    ("ADDRESSEES ONLY", Written::Capitals),
    ("AGAO", Written::Marked),
    ("AUTHORIZED FOR RELEASE TO", Written::Capitals),
    ("BEGRENSET", Written::Marked),
    // In Cyrillic letters, all of which are drawn like Latin ones.
    ("CEKPETHO", Written::Marked),
    ("CLASSIFIED BY", Written::Field),
    ("CLOSE HOLD", Written::Capitals),
    ("COK GIZLI", Written::Marked),
    ("COMMERCIAL IN CONFIDENCE", Written::Capitals),
    ("COMPANY CONFIDENTIAL", Written::Capitals),
    ("CONFIDENCIAL", Written::Marked),
    ("CONFIDENTIEL", Written::Marked),
    ("CONFIDENTIEL DEFENSE", Written::Anyhow),
    ("CONFIDENTIEL UE", Written::Anyhow),
    ("CONTROLLED DISTRIBUTION", Written::Capitals),
    ("CONTROLLED IMAGERY", Written::Capitals),
    ("CONTROLLED UNCLASSIFIED INFORMATION", Written::Capitals),
    ("DECLASSIFY ON", Written::Field),
    ("DEP VERTROUWELIJK", Written::Marked),
    ("DIFFUSION INTERDITE", Written::Anyhow),
    ("DIFFUSION RESTREINTE", Written::Anyhow),
    ("DIFUSION LIMITADA", Written::Anyhow),
    ("DISPLAY ONLY", Written::Capitals),
    ("DISTRIBUTION STATEMENT B", Written::Anyhow),
    ("DISTRIBUTION STATEMENT C", Written::Anyhow),
    ("DISTRIBUTION STATEMENT D", Written::Anyhow),
    ("DISTRIBUTION STATEMENT E", Written::Anyhow),
    ("DISTRIBUTION STATEMENT F", Written::Anyhow),
    ("DUVERNE", Written::Marked),
    ("ERITTAIN SALAINEN", Written::Marked),
    ("EXCLUSIVE DISTRIBUTION", Written::Capitals),
    ("EYES ONLY", Written::Capitals),
    ("FOR ADDRESSEE ONLY", Written::Capitals),
    ("FOR ADDRESSEES ONLY", Written::Capitals),
    ("FOR INTERNAL USE ONLY", Written::Capitals),
    ("FOR OFFICIAL USE ONLY", Written::Capitals),
    ("FOR RECIPIENTS ONLY", Written::Capitals),
    ("FORMERLY RESTRICTED DATA", Written::Anyhow),
    ("FORTROLIGT", Written::Marked),
    ("GEHEIM", Written::Capitals),
    ("GIZLI", Written::Marked),
    ("HEMLIG", Written::Marked),
    ("HEMMELIG", Written::Marked),
    ("INTERNAL USE ONLY", Written::Capitals),
    ("KONFIDENSIELT", Written::Marked),
    ("KVALIFICERAT HEMLIG", Written::Marked),
    ("LAW ENFORCEMENT SENSITIVE", Written::Capitals),
    ("LIMITED CIRCULATION", Written::Capitals),
    ("LIMITED DISTRIBUTION", Written::Capitals),
    ("LIMITED OFFICIAL USE", Written::Capitals),
    ("LUOTTAMUKSELLINEN", Written::Marked),
    ("NATIONAL EYES ONLY", Written::Anyhow),
    ("NE PAS COMMUNIQUER", Written::Anyhow),
    ("NE PAS DIFFUSER", Written::Anyhow),
    ("NE PAS TRANSMETTRE", Written::Anyhow),
    ("NICHT WEITERGEBEN", Written::Anyhow),
    ("NICHT ZUR WEITERGABE", Written::Anyhow),
    ("NO DIFUNDIR", Written::Capitals),
    ("NO DISTRIBUTION", Written::Capitals),
    ("NO FOREIGN DISSEMINATION", Written::Anyhow),
    ("NO FOREIGN NATIONALS", Written::Capitals),
    ("NON DIVULGARE", Written::Capitals),
    ("NON RELEASABLE", Written::Anyhow),
    ("NOT FOR RELEASE TO FOREIGN NATIONALS", Written::Anyhow),
    ("NOT RELEASABLE TO CONTRACTORS", Written::Anyhow),
    ("NOT RELEASABLE TO FOREIGN", Written::Anyhow),
    ("NUR FUR DEN INTERNEN GEBRAUCH", Written::Anyhow),
    ("OFFICIAL SENSITIVE", Written::Capitals),
    ("ORIGINATOR CONTROLLED", Written::Capitals),
    ("POUFNE", Written::Marked),
    ("PRISNE TAJNE", Written::Marked),
    ("PRIVATE AND CONFIDENTIAL", Written::Capitals),
    ("PROTECTED A", Written::Marked),
    ("PROTECTED B", Written::Marked),
    ("PROTECTED C", Written::Marked),
    ("PROTECTED CABINET", Written::Marked),
    ("RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", Written::Anyhow),
    ("RESTREINT UE", Written::Anyhow),
    ("RESTRICTED CIRCULATION", Written::Capitals),
    ("RESTRICTED DATA", Written::Capitals),
    ("RESTRICTED DISSEMINATION", Written::Capitals),
    ("RESTRICTED DISTRIBUTION", Written::Capitals),
    ("RESTRICTED RELEASE", Written::Capitals),
    ("RISERVATISSIMO", Written::Marked),
    ("RISERVATO", Written::Marked),
    ("SALAINEN", Written::Marked),
    ("SCISLE TAJNE", Written::Anyhow),
    ("SECRET DEFENSE", Written::Capitals),
    ("SECRET UE", Written::Capitals),
    ("SECRETO", Written::Capitals),
    ("SEGRETO", Written::Capitals),
    ("SENSITIVE BUT UNCLASSIFIED", Written::Capitals),
    ("SENSITIVE COMPARTMENTED INFORMATION", Written::Capitals),
    ("SENSITIVE SECURITY INFORMATION", Written::Capitals),
    ("SPECIAL ACCESS REQUIRED", Written::Capitals),
    ("SPECIAL FRANCE", Written::Marked),
    ("STRENG GEHEIM", Written::Anyhow),
    ("STRENG VERTRAULICH", Written::Anyhow),
    ("STRENGT HEMMELIG", Written::Marked),
    ("TAJNE", Written::Marked),
    ("TALENT KEYHOLE", Written::Capitals),
    ("THIRD PARTY RULE", Written::Anyhow),
    ("TIL TJENESTEBRUG", Written::Marked),
    ("TRES SECRET", Written::Anyhow),
    ("VERTRAULICH", Written::Marked),
    ("VERTROUWELIJK", Written::Marked),
    ("VS NFD", Written::Anyhow),
    ("VS NUR FUR DEN DIENSTGEBRAUCH", Written::Anyhow),
    ("VS VERTRAULICH", Written::Anyhow),
    ("VYHRAZENE", Written::Marked),
    ("WEITERGABE AN DRITTE", Written::Anyhow),
    ("YDERST HEMMELIGT", Written::Marked),
    ("ZASTRZEZONE", Written::Marked),
    ("ZEER GEHEIM", Written::Marked),
];

/// Marks of other countries that have other letters than Latin ones.
const FOREIGN: [&str; 17] = [
    "СОВЕРШЕННО СЕКРЕТНО",
    "ОСОБОЙ ВАЖНОСТИ",
    "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ",
    "ТАЄМНО",
    "ЦІЛКОМ ТАЄМНО",
    "ΑΠΟΡΡΗΤΟ",
    "ΑΚΡΩΣ ΑΠΟΡΡΗΤΟ",
    "ΕΜΠΙΣΤΕΥΤΙΚΟ",
    "極秘",
    "機密",
    "秘",
    "特定秘密",
    "取扱注意",
    "机密",
    "绝密",
    "대외비",
    "군사기밀",
];

/// The words of [`FOREIGN`] as a text is folded, ascending.
pub(super) fn foreign() -> &'static [Vec<String>] {
    static FOLDED: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        let words = |mark: &str| Plain::of(mark).text().split(' ').map(str::to_owned).collect();
        let mut folded: Vec<Vec<String>> = FOREIGN.iter().map(|mark| words(mark)).collect();
        // The longer one is tried first.
        folded.sort_by(|a, b| b.cmp(a));
        folded
    });
    &FOLDED
}

/// Whether a foreign mark begins with this word.
pub(super) fn begins_foreign(word: &str) -> bool {
    foreign().iter().any(|mark| mark[0] == word)
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::Folded;
    use super::*;

    #[test]
    fn phrases_are_in_order_and_begin_with_a_word_that_is_looked_up() {
        assert!(PHRASES.is_sorted_by(|a, b| a.0 < b.0));
        for (phrase, _) in PHRASES {
            let first = phrase.split(' ').next().unwrap_or_default();
            assert!(Folded::of(first).unwrap().term().is_some(), "{phrase}");
        }
    }
}
