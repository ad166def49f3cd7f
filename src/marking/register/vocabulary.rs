//! The fixed words of the grammar: the forms of controls, the SCI control systems and retired words.

use super::hash_table::HashTable;
use crate::marking::model::{Category, Control, Level, SciSystem};

/// What a word of a segment means.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Word {
    /// A control, and in which kinds of mark this form of it may stand.
    Control { control: Control, in_banner: bool, in_portion: bool },
    /// An SCI system, by its abbreviation or its title.
    Sci { system: SciSystem, in_portion: bool },
    /// A retired word that used to stand in this category.
    Legacy(Category),
    /// A word of another profile, which used to or may stand in this category.
    Profile(Category),
}

/// Retired words, which are refused as such (M16 F, I). What they meant is never inferred.
const LEGACY: &[(&str, Category)] = &[
    ("COMINT", Category::Sci),
    ("SPECIAL INTELLIGENCE", Category::Sci),
    ("G", Category::Sci),
    ("KDK", Category::Sci),
    ("KLONDIKE", Category::Sci),
    ("EL", Category::Sci),
    ("ENDSEAL", Category::Sci),
    ("ECI", Category::Sci),
    ("RD-N", Category::Aea),
    ("FRD-N", Category::Aea),
    ("RESTRICTED DATA-N", Category::Aea),
    ("FORMERLY RESTRICTED DATA-N", Category::Aea),
];

/// Further words of the grammar and the register that a free name must not be: levels and owners, the openings of lists and trees, values
/// that stand in the authority block (`X1`), retired or other profiles' words that have no form of their own above, and
/// the English between codes.
const RESERVED: &str = "TS S C U R CTS NS NC NR NU COSMIC NATO USA JOINT TOP SCI SAP SAR SPECIAL ACCESS REQUIRED FGI REL EYES ONLY CUI \
    CONTROLLED CNWDI SIGMA SG ACCM WAIVED HVSACO OADR MR X1 X2 X3 X4 X5 X6 X7 X8 X9 25X1 25X2 25X3 25X4 25X5 25X6 25X7 25X8 25X9 \
    EXEMPT AND OR ALL SPECAT WNINTEL NOCONTRACT NOCON FEDCON UMBRA DINAR TRINE SPOKE MORAY ZARF RUFF BYEMAN VRK NNPI";

/// Every word of the register, in any form: none may be a free name (spec 1.2 note f).
pub(super) fn reserved() -> HashTable<()> {
    let levels = Level::ALL.iter().map(|level| level.title());
    let controls = Control::ALL.iter().flat_map(|control| [control.title(), control.banner(), control.portion()]);
    let systems = SciSystem::ALL.iter().flat_map(|system| {
        let compartments = system.compartment_titles().iter().flat_map(|(title, id)| [*title, *id]);
        // EU and NK are too short to be told from a name where they do not stand behind SI.
        [system.abbreviation(), system.title()].into_iter().chain(compartments.filter(|word| word.len() > 2))
    });
    let retired = LEGACY.iter().map(|(word, _)| *word);
    let forms = RESERVED.split_whitespace().chain(levels).chain(controls).chain(systems).chain(retired);
    let mut words = HashTable::with_room(320);
    for word in forms.flat_map(|form| form.split([' ', '-', '/'])).filter(|word| !word.is_empty()) {
        words.insert(word, ());
    }
    words
}

/// The words by which an item of a segment is recognised, with their meaning.
pub(super) fn table() -> HashTable<Word> {
    let mut words = HashTable::with_room(192);
    for &control in Control::ALL {
        // REL TO, DISPLAY ONLY and EYES ONLY carry lists, and SIGMA carries numbers: the parser knows those by shape.
        if matches!(
            control,
            Control::Rel | Control::DisplayOnly | Control::Eyes | Control::RdCnwdi | Control::RdSg | Control::FrdSg
        ) {
            continue;
        }
        for form in [control.title(), control.banner(), control.portion()] {
            let in_portion = form == control.portion();
            // A form that is both (FOUO) may stand in both; the title is always a banner form.
            let in_banner = form == control.banner() || form == control.title();
            words.insert(form, Word::Control { control, in_banner, in_portion });
        }
    }
    for system in SciSystem::ALL {
        words.insert(system.abbreviation(), Word::Sci { system, in_portion: true });
        words.insert(system.title(), Word::Sci { system, in_portion: false });
    }
    for &(word, category) in LEGACY {
        words.insert(word, Word::Legacy(category));
    }
    words.insert("NNPI", Word::Profile(Category::NonIc));
    words
}
