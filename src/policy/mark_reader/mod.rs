//! Policy's own reading of a canonical marking: it splits the text at its separators and looks the pieces up in tables of
//! its own. The text of a mark comes in; what it says, in the words of the rules, goes out.
//!
//! It shares no code with the marking engine, which checks it. It repairs nothing and checks no order or form; the marking
//! engine does. A piece that it does not know makes the whole mark not understood, and a rule refuses that.

mod vocabulary;
mod items;
mod reader;
mod cui;

use std::collections::BTreeSet;

use jiff::civil::Date;

use reader::Reader;

use super::membership::Membership;

/// What one mark says, in the rules' vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// 0 unclassified, 1 restricted, 2 confidential, 3 secret, 4 top secret.
    pub level: i64,
    /// Whether every part was recognised.
    pub understood: bool,
    /// Whether it is a US classification and nothing else.
    pub bare: bool,
    /// Controls by banner abbreviation.
    pub controls: BTreeSet<String>,
    /// Control systems, as `SCI:SI`.
    pub compartments: BTreeSet<String>,
    /// Special access programmes, as `SAP:NAME`.
    pub programs: BTreeSet<String>,
    /// Acknowledged foreign sources and owners, without NATO, the owners of a joint mark and the United States.
    pub sources: BTreeSet<String>,
    /// Whether NATO owns it.
    pub nato_owned: bool,
    /// The owners of a joint mark.
    pub joint: BTreeSet<String>,
    /// Whether the United States owns it: every US mark except a bare unclassified one.
    pub states: bool,
    /// Whether NATO information is in it.
    pub nato: bool,
    /// Whether a foreign source is concealed.
    pub concealed: bool,
    /// Countries it may be released to, organisations expanded; without the United States.
    pub countries: BTreeSet<String>,
    /// Organisations it names for release.
    pub organisations: BTreeSet<String>,
    /// The codes of its release list, as written.
    pub named: BTreeSet<String>,
    /// Whether it is a mark of CUI.
    pub cui: bool,
    /// Codes it may be displayed to, organisations and their members both; without the United States.
    pub display: BTreeSet<String>,
}

/// Reads a banner, or a portion mark in parentheses, of a document of `date`.
pub(super) fn read_mark(text: &str, membership: &Membership, date: Option<Date>) -> Mark {
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let mut reader = Reader::new(membership, date);
    let (foreign, rest) = match text.strip_prefix("//") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut segments = rest.split("//");
    // INVARIANT: splitting any text yields at least one piece.
    let class = segments.next().expect("a split yields a piece");
    if !foreign && matches!(class, "CUI" | "CONTROLLED") {
        cui::read(segments, &mut reader);
        return Mark { understood: reader.understood, cui: true, states: true, ..reader.mark };
    }
    if foreign {
        reader.foreign_class(class)
    } else {
        reader.us_class(class)
    }
    let mut bare = !foreign;
    for segment in segments {
        bare = false;
        reader.segment(segment);
    }
    let says_nothing = bare && reader.mark.level == 0;
    let states = !(foreign || says_nothing);
    Mark { understood: reader.understood, bare, states, ..reader.mark }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Mark {
        read_mark(text, &Membership::shipped().unwrap(), Some("2022-12-01".parse().unwrap()))
    }

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn reads_every_category_of_a_mark() {
        let mark = read(
            "TOP SECRET//SI-G ABCD-XYZ/TK//SAR-EXERCISE//RD-CNWDI-SIGMA 14//FGI DEU NATO//ORCON/REL TO USA, AUS, FVEY//LES",
        );
        assert!(mark.understood && !mark.bare);
        assert_eq!(mark.level, 4);
        assert_eq!(mark.compartments, set(&["SCI:SI", "SCI:SI-G", "SCI:SI-XYZ", "SCI:TK"]));
        assert_eq!(mark.programs, set(&["SAP:EXERCISE"]));
        assert_eq!(mark.controls, set(&["RD", "CNWDI", "SIGMA", "ORCON", "LES"]));
        assert_eq!(mark.sources, set(&["DEU", "NATO"]));
        assert_eq!(mark.countries, set(&["AUS", "CAN", "GBR", "NZL", "USA"]));
        assert_eq!(mark.organisations, set(&["FVEY"]));
    }

    #[test]
    fn reads_foreign_joint_and_nato_classes() {
        assert_eq!(read("//DEU TOP SECRET//REL TO USA, DEU").level, 4);
        assert_eq!(read("//DEU R//REL TO USA, DEU").level, 1);
        assert!(read("(//FGI S)").concealed);
        let nato = read("(//NS//REL TO USA, NATO)");
        assert!(nato.understood && nato.nato && nato.nato_owned && nato.sources.is_empty() && !nato.states);
        let joint = read("//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR");
        assert!(joint.understood && joint.sources.is_empty() && !joint.states);
        assert_eq!(joint.joint, set(&["CAN", "GBR", "USA"]));
        assert!(
            read("SECRET//FGI NATO//REL TO USA, NATO").states && !read("SECRET//FGI NATO//REL TO USA, NATO").nato_owned
        );
        assert!(read("(U//FOUO)").states && !read("(U)").states && read("(C)").states);
    }

    #[test]
    fn an_owner_that_is_no_country_is_a_source_in_lists_of_sources_and_nowhere_else() {
        let mark = read("SECRET//FGI AX1 DEU//REL TO USA, GBR");
        assert!(mark.understood && mark.sources == set(&["AX1", "DEU"]));
        for text in [
            "//AX1 S//REL TO USA, GBR",
            "SECRET//REL TO USA, AX1",
            "//JOINT S AX1 USA//REL TO USA, AX1",
            "SECRET//FGI QQQ",
        ] {
            assert!(!read(text).understood, "`{text}`");
        }
    }

    #[test]
    fn nato_information_stays_so_whatever_else_the_mark_says() {
        for text in [
            "//NS//ATOMAL//ORCON/RELIDO",
            "SECRET//ATOMAL//ORCON",
            "//CTS//BOHEMIA/SI",
            "TOP SECRET//BALK/SI",
            "SECRET//FGI NATO",
            "SECRET//FGI NATO DEU",
            "SECRET//FGI DEU NATO",
            "//NS//FGI DEU",
        ] {
            assert!(read(text).nato, "`{text}`");
        }
        for text in ["SECRET//ORCON", "SECRET//SI/TK", "SECRET//FGI DEU", "//DEU S"] {
            assert!(!read(text).nato, "`{text}`");
        }
    }

    #[test]
    fn a_program_is_named_in_capitals_digits_and_spaces() {
        for text in ["SECRET//SAR-BUTTERED POPCORN", "SECRET//SAR-A1", "SECRET//SAR-BP/CD", "SECRET//SAR-BP-ABC/CD"] {
            assert!(read(text).understood, "`{text}`");
        }
        for text in ["SECRET//SAR-", "SECRET//SAR-BP/", "SECRET//SAR-/BP", "SECRET//SAR-Bp", "SECRET//SAR-B_P"] {
            assert!(!read(text).understood, "`{text}`");
        }
        let parts = ["SAP:BP", "SAP:BP-ABC", "SAP:BP-ABC QQ", "SAP:BP-ABC Y", "SAP:CD"];
        assert_eq!(read("SECRET//SAR-BP-ABC QQ Y/CD").programs, set(&parts));
    }

    #[test]
    fn reads_the_legacy_eyes_only_list_among_other_items() {
        let mark = read("SECRET//ORCON/USA/GBR/AUS EYES ONLY/FISA");
        assert!(mark.understood);
        assert_eq!(mark.countries, set(&["AUS", "GBR", "USA"]));
        assert_eq!(mark.controls, set(&["ORCON", "FISA"]));
        let alone = read("SECRET//USA/GBR EYES ONLY");
        assert!(alone.understood);
        assert_eq!(alone.countries, set(&["GBR", "USA"]));
        for text in ["SECRET//XUSA/GBR EYES ONLY", "SECRET//GBR EYES ONLY", "SECRET//ORCONUSA/GBR EYES ONLY"] {
            assert!(!read(text).understood, "`{text}` was understood");
        }
    }

    #[test]
    fn does_not_understand_what_it_does_not_know() {
        for text in [
            "",
            "SECRET//",
            "SECRET//XYZZY",
            "SECRET//REL",
            "SECRET//REL TO USA, QQQ",
            "SECRET//REL TO USA,GBR",
            "SECRET//REL TO USA, ISAF",
            "SECRET//REL TO USA, GBR/REL TO USA, FRA",
            "secret//NOFORN",
            "RESTRICTED",
            "SECRET//SI-",
            "SECRET//RD-SIGMA",
            "SECRET//RD-SIGMA ",
            "SECRET//RD-SIGMA X",
            "SECRET//RD-SIGMA 14  15",
            "SECRET//RDX",
            "SECRET//ACCM-EXERCISE",
            "//QQQ S",
            "//JOINT S",
            "SECRET //NOFORN",
        ] {
            assert!(!read(text).understood, "`{text}` was understood");
        }
        assert!(read("SECRET//NOFORN").understood);
    }

    #[test]
    fn only_a_bare_us_class_is_bare() {
        assert!(read("(U)").bare && read("SECRET").bare);
        assert!(!read("(U//FOUO)").bare && !read("//DEU S").bare);
    }
}
