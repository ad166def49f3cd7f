//! Marks of several words, and classifications of other countries in their own languages.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::fold::Plain;

/// How the words of a phrase must be written to count as a mark in running text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In any case.
    Anyhow,
    /// In capitals, or between punctuation with an initial capital.
    Capitals,
    /// In any case, followed by a colon.
    Field,
    /// In capitals at the beginning or end of a line or sentence, in brackets or in a field. Elsewhere the words are
    /// ordinary words of a language.
    Marked,
    /// In capitals, alone on a line. Elsewhere the phrase is an everyday expression.
    Line,
}

/// Controls of several words, and marks of other countries, ascending, with folded letters.
pub(super) const PHRASES: &[(&str, Written)] = &[
    ("ADDRESSEE EYES ONLY", Written::Anyhow),
    ("ADDRESSEE ONLY", Written::Capitals),
    ("ADDRESSEES ONLY", Written::Capitals),
    ("AGAO", Written::Marked),
    ("ATTORNEY CLIENT", Written::Line),
    ("ATTORNEY CLIENT PRIVILEGE", Written::Capitals),
    ("ATTORNEY CLIENT PRIVILEGED", Written::Capitals),
    ("ATTORNEY WORK PRODUCT", Written::Capitals),
    ("AUTHORIZED FOR RELEASE TO", Written::Capitals),
    ("BEGRANSAT HEMLIG", Written::Marked),
    ("BEGRENSET", Written::Marked),
    ("BEPERKTE VERSPREIDING", Written::Marked),
    ("BIZALMAS", Written::Marked),
    ("C UE", Written::Line),
    ("C UE EU C", Written::Anyhow),
    // In Cyrillic letters, all of which look like Latin ones.
    ("CEKPETHO", Written::Marked),
    ("CHEMICAL TERRORISM VULNERABILITY INFORMATION", Written::Capitals),
    ("CLASSIFIED BY", Written::Field),
    ("CLOSE HOLD", Written::Capitals),
    ("COK GIZLI", Written::Marked),
    ("COMMERCIAL IN CONFIDENCE", Written::Capitals),
    ("COMPANY CONFIDENTIAL", Written::Capitals),
    ("CONFIDENCIAL", Written::Marked),
    ("CONFIDENTIEEL", Written::Marked),
    ("CONFIDENTIEL", Written::Marked),
    ("CONFIDENTIEL DEFENSE", Written::Anyhow),
    ("CONFIDENTIEL LUX", Written::Capitals),
    ("CONFIDENTIEL UE", Written::Anyhow),
    ("CONTROLLED DISTRIBUTION", Written::Capitals),
    ("CONTROLLED IMAGERY", Written::Capitals),
    ("CONTROLLED UNCLASSIFIED INFORMATION", Written::Capitals),
    ("DECLASSIFY ON", Written::Field),
    ("DEP VERTROUWELIJK", Written::Marked),
    ("DIENESTA VAJADZIBAM", Written::Marked),
    ("DIFFUSION INTERDITE", Written::Anyhow),
    ("DIFFUSION RESTREINTE", Written::Anyhow),
    ("DIFUSION LIMITADA", Written::Anyhow),
    ("DISPLAY ONLY", Written::Capitals),
    ("DISSEMINATION AND EXTRACTION OF INFORMATION CONTROLLED BY ORIGINATOR", Written::Anyhow),
    ("DISTRIBUTION STATEMENT B", Written::Anyhow),
    ("DISTRIBUTION STATEMENT C", Written::Anyhow),
    ("DISTRIBUTION STATEMENT D", Written::Anyhow),
    ("DISTRIBUTION STATEMENT E", Written::Anyhow),
    ("DISTRIBUTION STATEMENT F", Written::Anyhow),
    ("DL ONLY", Written::Line),
    ("DOVERNE", Written::Marked),
    ("DUVERNE", Written::Marked),
    ("EINGESCHRANKT", Written::Line),
    ("ERITTAIN SALAINEN", Written::Marked),
    ("EUROPOL CONFIDENTIAL", Written::Capitals),
    ("EUROPOL RESTRICTED", Written::Capitals),
    ("EUROPOL SECRET", Written::Capitals),
    ("EXCLUSIVE DISTRIBUTION", Written::Capitals),
    ("EYES ONLY", Written::Capitals),
    ("FED ONLY", Written::Line),
    ("FEDERAL TAX INFORMATION", Written::Capitals),
    ("FIVE EYES", Written::Line),
    ("FOR ADDRESSEE ONLY", Written::Capitals),
    ("FOR ADDRESSEES ONLY", Written::Capitals),
    ("FOR INTERNAL USE ONLY", Written::Capitals),
    ("FOR OFFICIAL USE ONLY", Written::Capitals),
    ("FOR RECIPIENTS ONLY", Written::Capitals),
    ("FOR U S GOVERNMENT USE ONLY", Written::Capitals),
    ("FOR US GOVERNMENT USE ONLY", Written::Capitals),
    ("FOREIGN GOVERNMENT INFORMATION", Written::Capitals),
    ("FORMERLY RESTRICTED DATA", Written::Anyhow),
    ("FORTROLIG", Written::Marked),
    ("FORTROLIGT", Written::Marked),
    ("GEHEIM", Written::Capitals),
    ("GIZLI", Written::Marked),
    ("GRAND JURY MATERIAL", Written::Capitals),
    ("HEMLIG", Written::Marked),
    ("HEMMELIG", Written::Marked),
    ("HEMMELIGT", Written::Marked),
    ("HIZMETE OZEL", Written::Marked),
    ("INTELLIGENCE SOURCES AND METHODS INVOLVED", Written::Anyhow),
    ("INTERNAL ONLY", Written::Capitals),
    ("INTERNAL USE ONLY", Written::Capitals),
    ("INTERNO", Written::Line),
    ("KAYTTO RAJOITETTU", Written::Marked),
    ("KONFIDENCIALI", Written::Marked),
    ("KONFIDENCIALIAI", Written::Marked),
    ("KONFIDENSIELT", Written::Marked),
    ("KONFIDENTIELL", Written::Marked),
    ("KONFIDENTSIAALNE", Written::Marked),
    ("KORLATOZOTT TERJESZTESU", Written::Marked),
    ("KVALIFICERAT HEMLIG", Written::Marked),
    ("LAW ENFORCEMENT SENSITIVE", Written::Capitals),
    ("LIMITED CIRCULATION", Written::Capitals),
    ("LIMITED DISTRIBUTION", Written::Capitals),
    ("LIMITED OFFICIAL USE", Written::Capitals),
    ("LUOTTAMUKSELLINEN", Written::Marked),
    ("MUITO SECRETO", Written::Marked),
    ("N0 FORN", Written::Anyhow),
    ("NATIONAL EYES ONLY", Written::Anyhow),
    ("NAVAL NUCLEAR PROPULSION INFORMATION", Written::Capitals),
    ("NE PAS COMMUNIQUER", Written::Anyhow),
    ("NE PAS DIFFUSER", Written::Anyhow),
    ("NE PAS TRANSMETTRE", Written::Anyhow),
    ("NICHT WEITERGEBEN", Written::Anyhow),
    ("NICHT ZUR WEITERGABE", Written::Anyhow),
    ("NO DIFUNDIR", Written::Capitals),
    ("NO DISTRIBUTION", Written::Capitals),
    ("NO FOREIGN DISSEM", Written::Anyhow),
    ("NO FOREIGN DISSEMINATION", Written::Anyhow),
    ("NO FOREIGN NATIONALS", Written::Capitals),
    ("NON DIVULGARE", Written::Capitals),
    ("NON RELEASABLE", Written::Anyhow),
    ("NONRELEASABLE", Written::Anyhow),
    ("NOT FOR RELEASE TO FOREIGN NATIONALS", Written::Anyhow),
    ("NOT RELEASABLE", Written::Capitals),
    ("NOT RELEASABLE TO CONTRACTORS", Written::Anyhow),
    ("NOT RELEASABLE TO FOREIGN", Written::Anyhow),
    ("NUR FUR DEN DIENSTGEBRAUCH", Written::Capitals),
    ("NUR FUR DEN INTERNEN GEBRAUCH", Written::Anyhow),
    ("OFFICIAL SENSITIVE", Written::Capitals),
    ("OFFICIAL USE ONLY", Written::Capitals),
    ("OGRANICENO", Written::Line),
    ("ORIGINATOR CONTROLLED", Written::Capitals),
    ("OZEL", Written::Line),
    ("PIIRATUD", Written::Line),
    ("POUFNE", Written::Marked),
    ("POVJERLJIVO", Written::Marked),
    ("PRISNE TAJNE", Written::Marked),
    ("PRIVATE AND CONFIDENTIAL", Written::Capitals),
    ("PROTECTED A", Written::Marked),
    ("PROTECTED B", Written::Marked),
    ("PROTECTED C", Written::Marked),
    ("PROTECTED CABINET", Written::Marked),
    ("PROTECTED CRITICAL INFRASTRUCTURE INFORMATION", Written::Capitals),
    ("R UE", Written::Line),
    ("R UE EU R", Written::Anyhow),
    ("RECIPIENT ONLY", Written::Capitals),
    ("RECIPIENTS ONLY", Written::Capitals),
    ("RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", Written::Anyhow),
    ("RESERVADO", Written::Line),
    ("RESTREINT LUX", Written::Capitals),
    ("RESTREINT UE", Written::Anyhow),
    ("RESTRICTED CIRCULATION", Written::Capitals),
    ("RESTRICTED DATA", Written::Capitals),
    ("RESTRICTED DISSEMINATION", Written::Capitals),
    ("RESTRICTED DISTRIBUTION", Written::Capitals),
    ("RESTRICTED RELEASE", Written::Capitals),
    ("RIBOTO NAUDOJIMO", Written::Marked),
    ("RISERVATISSIMO", Written::Marked),
    ("RISERVATO", Written::Marked),
    ("S UE", Written::Line),
    ("S UE EU S", Written::Anyhow),
    ("SAFEGUARDS INFORMATION", Written::Capitals),
    ("SALAINEN", Written::Marked),
    ("SALAJANE", Written::Marked),
    ("SCISLE TAJNE", Written::Anyhow),
    ("SECRET DE SERVICIU", Written::Marked),
    ("SECRET DEFENSE", Written::Capitals),
    ("SECRET LUX", Written::Capitals),
    ("SECRET UE", Written::Capitals),
    ("SECRETO", Written::Capitals),
    ("SEGRETO", Written::Capitals),
    ("SEKRET", Written::Line),
    ("SENSITIVE BUT UNCLASSIFIED", Written::Capitals),
    ("SENSITIVE COMPARTMENTED INFORMATION", Written::Capitals),
    ("SENSITIVE SECURITY INFORMATION", Written::Capitals),
    ("SEVISKI SLEPENI", Written::Marked),
    ("SIGRIET", Written::Line),
    ("SLAPTAI", Written::Marked),
    ("SLEPENI", Written::Marked),
    ("SPECIAL ACCESS REQUIRED", Written::Capitals),
    ("SPECIAL FRANCE", Written::Marked),
    ("STRAP 1", Written::Marked),
    ("STRAP 2", Written::Marked),
    ("STRAP 3", Written::Marked),
    ("STRAP2", Written::Marked),
    ("STRAPE", Written::Marked),
    ("STRAPI", Written::Marked),
    ("STRENG GEHEIM", Written::Anyhow),
    ("STRENG VERTRAULICH", Written::Anyhow),
    ("STRENGT HEMMELIG", Written::Marked),
    ("STRICT SECRET", Written::Capitals),
    ("STROGO TAJNO", Written::Marked),
    ("SZIGORUAN TITKOS", Written::Marked),
    ("TAIESTI SALAJANE", Written::Marked),
    ("TAJNE", Written::Marked),
    ("TAJNO", Written::Marked),
    ("TALENT KEYHOLE", Written::Capitals),
    ("TEPER SEKRET", Written::Marked),
    ("THIRD PARTY RULE", Written::Anyhow),
    ("TIL TJENESTEBRUG", Written::Marked),
    ("TITKOS", Written::Marked),
    ("TRES SECRET", Written::Anyhow),
    ("TS UE EU TS", Written::Anyhow),
    ("UK AND US ONLY", Written::Line),
    ("UK US ONLY", Written::Line),
    ("US AND UK ONLY", Written::Line),
    ("US UK ONLY", Written::Line),
    ("VERTRAULICH", Written::Marked),
    ("VERTROUWELIJK", Written::Marked),
    ("VISISKAI SLAPTAI", Written::Marked),
    ("VRLO TAJNO", Written::Marked),
    ("VS NFD", Written::Anyhow),
    ("VS NUR FUR DEN DIENSTGEBRAUCH", Written::Anyhow),
    ("VS VERTRAULICH", Written::Anyhow),
    ("VYHRAZENE", Written::Marked),
    ("WARNING NOTICE INTELLIGENCE SOURCES", Written::Anyhow),
    ("WEITERGABE AN DRITTE", Written::Anyhow),
    ("YDERST HEMMELIGT", Written::Marked),
    ("ZASTRZEZONE", Written::Marked),
    ("ZAUPNO", Written::Line),
    ("ZEER GEHEIM", Written::Marked),
];

/// Marks of other countries in non-Latin scripts.
const FOREIGN: [&str; 41] = [
    "ΆΚΡΩΣ ΑΠΌΡΡΗΤΟ",
    "ΑΠΌΡΡΗΤΟ",
    "ΕΜΠΙΣΤΕΥΤΙΚΌ",
    "ΠΕΡΙΟΡΙΣΜΈΝΗΣ ΧΡΉΣΗΣ",
    "ДЛЯ СЛУЖБОВОГО КОРИСТУВАННЯ",
    "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ",
    "ДОВЕРЛИВО",
    "ДРЖАВНА ТАЈНА",
    "ЗА СЛУЖЕБНО ПОЛЗВАНЕ",
    "ОСОБЛИВОЇ ВАЖЛИВОСТІ",
    "ОСОБОЙ ВАЖНОСТИ",
    "ПОВЕРЉИВО",
    "ПОВЕРИТЕЛНО",
    "СОВЕРШЕННО СЕКРЕТНО",
    "СТРОГО ДОВЕРЛИВО",
    "СТРОГО ПОВЕРЉИВО",
    "СТРОГО СЕКРЕТНО",
    "ТАЄМНО",
    "ЦІЛКОМ ТАЄМНО",
    "極秘",
    "機密",
    "秘",
    "特定秘密",
    "取扱注意",
    "机密",
    "绝密",
    "秘密",
    "絕對機密",
    "極機密",
    "대외비",
    "군사기밀",
    "기밀",
    "비밀",
    "سري",
    "سري جدا",
    "سري للغاية",
    "محرمانه",
    "خیلی محرمانه",
    "סודי",
    "סודי ביותר",
    "שמור",
];

/// The words of [`FOREIGN`], folded like a text, ascending.
pub(super) fn foreign() -> &'static [Vec<String>] {
    static FOLDED: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        // Split like a text: the confusables table maps some letters to punctuation.
        let parts = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
        let words = |mark: &str| {
            let plain = Plain::of(mark);
            plain.text().split(parts).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        // Also with an initial capital and small letters.
        let titled = |mark: &str| {
            let first = mark.chars().next().map_or(0, char::len_utf8);
            let (capital, rest) = mark.split_at(first);
            format!("{capital}{}", rest.to_lowercase())
        };
        let both = FOREIGN.iter().flat_map(|mark| [words(mark), words(&titled(mark))]);
        let mut folded: Vec<Vec<String>> = both.collect();
        // Longer marks are tried first.
        folded.sort_by(|a, b| b.cmp(a));
        folded.dedup();
        folded
    });
    &FOLDED
}

/// Returns the index of the word by which a foreign mark is found: the first with a letter that does not look Latin.
pub(super) fn leading(mark: &[String]) -> usize {
    mark.iter().position(|word| !word.is_ascii()).unwrap_or(0)
}

/// Returns whether a foreign mark is found by this word.
pub(super) fn leads_foreign(word: &str) -> bool {
    static LEADING: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| foreign().iter().map(|mark| mark[leading(mark)].as_str()).collect());
    LEADING.contains(word)
}

#[cfg(test)]
mod tests {
    use super::super::text::marks_in;
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

    #[test]
    fn controls_of_cui_and_of_legal_protections_are_found_and_sentences_with_their_words_are_not() {
        for text in [
            "ATTORNEY-CLIENT PRIVILEGED",
            "ATTORNEY-CLIENT",
            "FED ONLY",
            "FEDCON",
            "N0 FORN",
            "CHEMICAL-TERRORISM VULNERABILITY INFORMATION",
            "FOR U.S. GOVERNMENT USE ONLY",
            "UK & US ONLY",
            "UKEO",
            "NUR F\u{dc}R DEN DIENSTGEBRAUCH",
        ] {
            assert!(!marks_in(&format!("Two vessels left.\n{text}\nThey came back."), false).is_empty(), "{text}");
        }
        for text in [
            "The attorney-client privilege is old, and attorney work product is paid.",
            "FED ONLY ON FRIDAYS",
            "The FEDCON meeting was short.",
            "Chemical terrorism vulnerability information is scarce.",
            "For US government use only two cars are left.",
            "Das Auto ist nur f\u{fc}r den Dienstgebrauch bestimmt.",
        ] {
            assert!(marks_in(&format!("Two vessels left.\n{text}\nThey came back."), false).is_empty(), "{text}");
        }
    }
}
