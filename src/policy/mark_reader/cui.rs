//! Policy's own reading of a CUI mark, behind its first word: categories, then limited dissemination controls.

use super::reader::Reader;
use super::vocabulary::{CONTROLS, SYSTEMS};

/// Limited dissemination controls that are not lists, as the rules call them, and every form that a mark may give them.
const LIMITED: &[(&str, &[&str])] = &[
    ("ATTORNEY-CLIENT", &["Attorney-Client", "AC"]),
    ("ATTORNEY-WP", &["Attorney-WP", "AWP"]),
    ("DL ONLY", &["DL ONLY"]),
    ("FED ONLY", &["FED ONLY"]),
    ("FEDCON", &["FEDCON"]),
    ("NOCON", &["NOCON"]),
    ("NOFORN", &["NOFORN", "NF"]),
    ("RELIDO", &["RELIDO"]),
];

/// Categories, specified or not, that the rules ask for, and what they call them: that of the control whose information it is,
/// or `LIMITED BY LAW` where the law or the registry's description says who may have it and no control does.
const CATEGORIES: &[(&str, &str)] = &[
    ("AIV", "LES"),
    ("ASYL", "LIMITED BY LAW"),
    ("BATT", "LIMITED BY LAW"),
    ("CENS", "LIMITED BY LAW"),
    ("CHLD", "LES"),
    ("CHRI", "LES"),
    ("CMPRS", "LES"),
    ("CONV", "LIMITED BY LAW"),
    ("CUI-PROVISIONAL-HSEI", "LES"),
    ("CVI", "LIMITED BY LAW"),
    ("CVIC", "LES"),
    ("DCNI", "DCNI"),
    ("FISA", "FISA"),
    ("FISAB", "FISA"),
    ("FSEC", "LIMITED BY LAW"),
    ("FUND", "LES"),
    ("ID", "LIMITED BY LAW"),
    ("INF", "LES"),
    ("INV", "LES"),
    ("IVIC", "LES"),
    ("JURY", "LIMITED BY LAW"),
    ("JUV", "LES"),
    ("LCOMM", "LES"),
    ("LDNA", "LES"),
    ("LEI", "LES"),
    ("LFNC", "LES"),
    ("LNSL", "LES"),
    ("LPROT", "LIMITED BY LAW"),
    ("LSCRN", "LES"),
    ("LVIC", "LES"),
    ("NNPI", "NNPI"),
    ("NUC", "LIMITED BY LAW"),
    ("PCII", "LIMITED BY LAW"),
    ("PRE", "LES"),
    ("PRIOR", "LES"),
    ("PRIVILEGE", "ATTORNEY-CLIENT"),
    ("PROPIN", "PROPIN"),
    ("PSEC", "LIMITED BY LAW"),
    ("RECCOM", "LIMITED BY LAW"),
    ("RWRD", "LES"),
    ("SCV", "LES"),
    ("SGI", "LIMITED BY LAW"),
    ("SRI", "LIMITED BY LAW"),
    ("SSI", "SSI"),
    ("STAT", "LIMITED BY LAW"),
    ("SUB", "LES"),
    ("TAI", "LIMITED BY LAW"),
    ("TAX", "LIMITED BY LAW"),
    ("TRACE", "LES"),
    ("UCNI", "UCNI"),
    ("VISA", "LIMITED BY LAW"),
    ("WHSTL", "LES"),
    ("WIT", "LES"),
];

/// Categories of what others gave under an agreement that protects it, and whom the mark does not name.
const GIVEN: &[&str] = &["CUI-PROVISIONAL-HSAI", "CUI-PROVISIONAL-IAIH", "INTL"];

/// Reads what stands behind the first word of a CUI mark.
pub(super) fn read<'t>(mut segments: impl Iterator<Item = &'t str>, reader: &mut Reader<'_>) {
    let Some(first) = segments.next() else { return };
    let second = segments.next();
    match second {
        Some(second) => {
            categories(first, reader);
            limited(second, reader);
        }
        None if first.split('/').all(|item| name_of(item).is_some() || is_list(item)) => limited(first, reader),
        None => categories(first, reader),
    }
    if segments.next().is_some() {
        reader.unknown();
    }
}

fn name_of(item: &str) -> Option<&'static str> {
    LIMITED.iter().find(|(_, forms)| forms.contains(&item)).map(|(name, _)| *name)
}

/// Whether a word is a control or a system of an intelligence mark.
fn is_of_intelligence(word: &str) -> bool {
    let named = CONTROLS.iter().chain(SYSTEMS).any(|(_, names)| names.contains(&word));
    named || ["RD", "FRD", "FGI", "SAR"].contains(&word)
}

fn is_list(item: &str) -> bool {
    item.starts_with("REL TO ") || item.starts_with("DISPLAY ONLY ")
}

fn categories(segment: &str, reader: &mut Reader<'_>) {
    for category in segment.split('/') {
        let bare = category.strip_prefix("SP-").unwrap_or(category);
        let asked = CATEGORIES.iter().find(|(name, _)| *name == bare).map(|(_, control)| *control);
        let plain = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        // No control, of CUI or of intelligence, is passed over as a category of its name.
        if !plain || asked.is_none() && (name_of(bare).is_some() || is_of_intelligence(bare)) {
            reader.unknown();
        }
        reader.mark.concealed |= GIVEN.contains(&bare);
        reader.mark.controls.extend(asked.map(str::to_owned));
    }
}

fn limited(segment: &str, reader: &mut Reader<'_>) {
    for item in segment.split('/') {
        match name_of(item) {
            Some(name) => _ = reader.mark.controls.insert(name.to_owned()),
            None if is_list(item) => reader.item(item),
            None => reader.unknown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Mark, read_mark};
    use crate::policy::membership::Membership;

    fn read(text: &str) -> Mark {
        read_mark(text, &Membership::shipped().unwrap(), Some("2022-12-01".parse().unwrap()))
    }

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn reads_categories_controls_and_lists() {
        let mark = read("CUI//SP-CTI/PRVCY//DL ONLY/NOCON/REL TO USA, FVEY");
        assert!(mark.understood && mark.cui && mark.states && !mark.bare && mark.level == 0);
        assert_eq!(mark.controls, set(&["DL ONLY", "NOCON"]));
        assert_eq!(mark.countries, set(&["AUS", "CAN", "GBR", "NZL", "USA"]));
        assert_eq!(mark.organisations, set(&["FVEY"]));
        let bare = read("(CUI)");
        assert!(bare.understood && bare.cui && bare.states && !bare.bare && bare.countries.is_empty());
        assert_eq!(read("(CUI//PRIVILEGE//AC/NF)").controls, set(&["ATTORNEY-CLIENT", "NOFORN"]));
        assert_eq!(read("CUI//DISPLAY ONLY GBR").display, set(&["GBR"]));
    }

    #[test]
    fn a_category_of_a_controls_information_is_that_control() {
        for (text, control) in [
            ("CUI//SP-FISA//REL TO USA, GBR", "FISA"),
            ("CUI//SP-FISAB//REL TO USA, GBR", "FISA"),
            ("CUI//SP-SSI", "SSI"),
            ("(CUI//LEI//REL TO USA, GBR)", "LES"),
            ("CUI//PROPIN", "PROPIN"),
            ("CUI//SP-UCNI", "UCNI"),
            ("CUI//DCNI", "DCNI"),
            ("CUI//SP-NNPI//REL TO USA, GBR", "NNPI"),
            ("CUI//PRIVILEGE//REL TO USA, GBR", "ATTORNEY-CLIENT"),
            ("CUI//SP-INV//REL TO USA, GBR", "LES"),
            ("CUI//TRACE//REL TO USA, GBR", "LES"),
            ("CUI//CUI-PROVISIONAL-HSEI//REL TO USA, GBR", "LES"),
            ("CUI//SP-SGI//REL TO USA, GBR", "LIMITED BY LAW"),
            ("(CUI//RECCOM//REL TO USA, GBR)", "LIMITED BY LAW"),
            ("CUI//SP-CTI/SP-PCII//REL TO USA, GBR", "LIMITED BY LAW"),
        ] {
            let mark = read(text);
            assert!(mark.understood && mark.controls.contains(control), "`{text}`: {:?}", mark.controls);
        }
        assert!(read("CUI//SP-CTI").controls.is_empty());
        for (text, given) in [("CUI//SP-INTL", true), ("(CUI//CUI-PROVISIONAL-IAIH)", true), ("CUI//SP-CTI", false)] {
            let mark = read(text);
            assert!(mark.understood && mark.concealed == given, "{text}");
        }
    }

    #[test]
    fn does_not_understand_what_it_does_not_know() {
        for text in [
            "CUI//",
            "CUI//ORCON",
            "CUI//FOUO",
            "CUI//SI",
            "CUI//CTI//FOUO",
            "CUI//NOFORN//CTI",
            "CUI//CTI//NOFORN//REL TO USA, GBR",
            "CUI//CTI/NOFORN",
            "CUI//SP-",
            "CUI//cti",
            "CUI//SP-CTI//REL TO USA, QQQ",
            "CUI//REL TO USA, GBR/REL TO USA, FRA",
            "//CUI",
            "CUI SECRET",
            "SECRET//CUI",
        ] {
            assert!(!read(text).understood, "`{text}` was understood");
        }
    }
}
