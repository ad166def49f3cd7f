//! The lexicon of the lenient reader: words and phrases of marks in every form that people write, and their meaning.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::marking::model::{Control, Level, SciSystem};
use crate::marking::spelling::edit_distance;

/// What a phrase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Level(Level),
    NatoLevel(Level),
    /// A NATO level in a form that is retired, with a sentence that says so.
    RetiredNato(Level, &'static str),
    /// A NATO level with a control of NATO's.
    NatoWith(Level, Control),
    Control(Control),
    System(SciSystem),
    Rel,
    Display,
    EyesOnly,
    Fgi,
    Joint,
    Sar,
    /// Restricted data with its CNWDI.
    Cnwdi,
    Sigma,
    /// A retired phrase and what replaced it, with a sentence that says so.
    Retired(Control, &'static str),
    RetiredSystem(SciSystem, &'static str),
    /// A retired word without a successor, with a sentence about it. It may have excluded every foreign recipient.
    Gone(&'static str),
    /// A word of another manual or profile.
    Other(&'static str),
    /// A word that is too vague to be a marking, with what to write instead.
    Vague(&'static str),
    /// A remark about the document, not a marking.
    Noise(&'static str),
}

const RETIRED: &[(&str, Meaning)] = &[
    ("COMINT", Meaning::RetiredSystem(SciSystem::Si, "COMINT was retired in favour of SI")),
    ("SPECIAL INTELLIGENCE", Meaning::RetiredSystem(SciSystem::Si, "SPECIAL INTELLIGENCE is written SI")),
    ("CCO", Meaning::RetiredSystem(SciSystem::Si, "CCO (handle via COMINT channels only) was retired in favour of SI")),
    (
        "HVCCO",
        Meaning::RetiredSystem(SciSystem::Si, "HVCCO (handle via COMINT channels only) was retired in favour of SI"),
    ),
    ("NO FOREIGN DISSEM", Meaning::Retired(Control::Nf, "NO FOREIGN DISSEM was retired in favour of NOFORN")),
    (
        "NO FOREIGN DISSEMINATION",
        Meaning::Retired(Control::Nf, "NO FOREIGN DISSEMINATION was retired in favour of NOFORN"),
    ),
    ("NOFORN DISSEM", Meaning::Retired(Control::Nf, "NOFORN DISSEM is written NOFORN")),
    ("NO DISSEM ABROAD", Meaning::Retired(Control::Nf, "NO DISSEM ABROAD was retired; NOFORN is the nearest marking")),
    ("BACKGROUND USE ONLY", Meaning::Gone("BACKGROUND USE ONLY was retired, and nothing replaced it")),
    ("CONTROLLED DISSEM", Meaning::Retired(Control::Oc, "CONTROLLED DISSEM was retired; ORCON is the nearest marking")),
    (
        "DISSEMINATION AND EXTRACTION OF INFORMATION CONTROLLED BY ORIGINATOR",
        Meaning::Retired(Control::Oc, "the long form is written ORCON"),
    ),
    ("NOCONTRACT", Meaning::Gone("NOCONTRACT was retired in 1995, and nothing replaced it")),
    ("NO CONTRACTOR", Meaning::Gone("NO CONTRACTOR was retired in 1995, and nothing replaced it")),
    (
        "WNINTEL",
        Meaning::Gone(
            "WNINTEL (warning notice, intelligence sources and methods) was retired in 1995, and nothing replaced it",
        ),
    ),
    ("SPECAT", Meaning::Gone("SPECAT is a handling category of messages, not a marking of the register")),
    ("UMBRA", Meaning::RetiredSystem(SciSystem::Si, "UMBRA was a codeword of SI, retired in 1999")),
    ("DINAR", Meaning::RetiredSystem(SciSystem::Si, "DINAR was a codeword of SI, retired long ago")),
    ("TRINE", Meaning::RetiredSystem(SciSystem::Si, "TRINE was a codeword of SI, retired in 1968")),
    ("SPOKE", Meaning::RetiredSystem(SciSystem::Si, "SPOKE was a codeword of SI, retired in 1999")),
    ("MORAY", Meaning::RetiredSystem(SciSystem::Si, "MORAY was a codeword of SI, retired in 1999")),
    ("ZARF", Meaning::RetiredSystem(SciSystem::Tk, "ZARF was a codeword of TK, retired in 1999")),
    ("RUFF", Meaning::RetiredSystem(SciSystem::Tk, "RUFF was a codeword of TK, retired in 1999")),
    ("TALENT", Meaning::RetiredSystem(SciSystem::Tk, "TALENT alone is written TK")),
    ("KEYHOLE", Meaning::RetiredSystem(SciSystem::Tk, "KEYHOLE alone is written TK")),
    ("HUMINT CONTROL SYSTEM", Meaning::RetiredSystem(SciSystem::Hcs, "the title HUMINT CONTROL SYSTEM is written HCS")),
    ("BYE", Meaning::Gone("BYE (BYEMAN) was retired in 2005; what it protected is in TK or in programs of its owner")),
    ("BYEMAN", Meaning::Gone("BYEMAN was retired in 2005; what it protected is in TK or in programs of its owner")),
    ("LAC", Meaning::Gone("LAC was a codeword of a retired control system, and nothing replaced it")),
    ("ANB", Meaning::Gone("ANB is a placeholder for an unpublished control system")),
    ("XNB", Meaning::Gone("XNB is a placeholder for an unpublished control system")),
    (
        "KDK",
        Meaning::Gone(
            "KDK (KLONDIKE) was retired: its compartments are in TK as BLFH, IDIT and KAND, and only the originator knows which",
        ),
    ),
    (
        "KLONDIKE",
        Meaning::Gone(
            "KLONDIKE was retired: its compartments are in TK as BLFH, IDIT and KAND, and only the originator knows which",
        ),
    ),
    (
        "EL",
        Meaning::Gone(
            "EL (ENDSEAL) was retired: its compartments are in SI as EU and NK, and only the originator knows which",
        ),
    ),
    (
        "ENDSEAL",
        Meaning::Gone(
            "ENDSEAL was retired: its compartments are in SI as EU and NK, and only the originator knows which",
        ),
    ),
    ("RYBAT", Meaning::Gone("RYBAT was an indicator of sensitivity in cables, and nothing replaced it")),
    ("KAPOK", Meaning::Gone("KAPOK was an indicator of sensitivity in cables, and nothing replaced it")),
    ("SAVATE", Meaning::Gone("SAVATE was a control of NATO's, and is retired")),
    ("AVICULA", Meaning::Gone("AVICULA was a control of NATO's, and is retired")),
    ("NS S", Meaning::RetiredNato(Level::Secret, "NS-S stood for NATO SECRET with SAVATE, which is retired")),
    ("NS AV", Meaning::RetiredNato(Level::Secret, "NS-AV stood for NATO SECRET with AVICULA, which is retired")),
    ("NIS", Meaning::RetiredNato(Level::Secret, "NIS stood for NATO/ISAF SECRET; ISAF ended in 2014")),
    ("NIC", Meaning::RetiredNato(Level::Confidential, "NIC stood for NATO/ISAF CONFIDENTIAL; ISAF ended in 2014")),
    ("NIR", Meaning::RetiredNato(Level::Restricted, "NIR stood for NATO/ISAF RESTRICTED; ISAF ended in 2014")),
    ("NIU", Meaning::RetiredNato(Level::Unclassified, "NIU stood for NATO/ISAF UNCLASSIFIED; ISAF ended in 2014")),
    ("SIOP", Meaning::Gone("SIOP was a category of military plans, and nothing replaced it")),
    ("SIOP ESI", Meaning::Gone("SIOP-ESI was a category of military plans, and nothing replaced it")),
    (
        "HVSACO",
        Meaning::Other(
            "HVSACO (handle via special access control channels only) is a handling channel of the Department of Defense",
        ),
    ),
    ("SRD", Meaning::Gone("SRD stood for SECRET//RD")),
    ("TSC", Meaning::Gone("TSC stood for TOP SECRET and a codeword of SI")),
    ("SC", Meaning::Gone("SC stood for SECRET and a codeword of SI")),
];

const OTHERS: &[(&str, Meaning)] = &[
    ("SCI", Meaning::Vague("SCI is a category, not a control system: name the system, such as SI or TK")),
    ("CODEWORD", Meaning::Vague("CODEWORD stands for a control system: name it, such as SI or TK")),
    ("SAP", Meaning::Vague("SAP is a category: name the program, as SAR-NAME")),
    ("DEA", Meaning::Vague("the marking is DEA SENSITIVE (portion DSEN), and it is not implied by the agency's name")),
    (
        "WAIVED",
        Meaning::Other(
            "WAIVED stands behind special access programs in documents of the Department of Defense (DoDM 5205.07)",
        ),
    ),
    (
        "NNPI",
        Meaning::Other(
            "NNPI is a marking of the Department of Defense (OPNAVINST N9210.3); IC documents do not carry it (ISM-ID-00535)",
        ),
    ),
    (
        "NAVAL NUCLEAR PROPULSION INFORMATION",
        Meaning::Other("NNPI is a marking of the Department of Defense; IC documents do not carry it (ISM-ID-00535)"),
    ),
    (
        "ACCM",
        Meaning::Other(
            "ACCM is a marking of the Department of Defense (DoDM 5200.01 Vol 2); IC documents do not carry it (ISM-ID-00225), so ask the originator for the IC form",
        ),
    ),
    ("NC2 ESI", Meaning::Other("NC2-ESI is a marking of the Department of Defense; IC documents do not carry it")),
    (
        "FED ONLY",
        Meaning::Other(
            "FED ONLY is a dissemination control of CUI, which is marked by itself: CUI//FED ONLY, read with `--cui`",
        ),
    ),
    (
        "FEDCON",
        Meaning::Other(
            "FEDCON is a dissemination control of CUI, which is marked by itself: CUI//FEDCON, read with `--cui`",
        ),
    ),
    (
        "NOCON",
        Meaning::Other(
            "NOCON is a dissemination control of CUI, which is marked by itself: CUI//NOCON, read with `--cui`",
        ),
    ),
    (
        "DL ONLY",
        Meaning::Other(
            "DL ONLY is a dissemination control of CUI, which is marked by itself: CUI//DL ONLY, read with `--cui`",
        ),
    ),
    (
        "CUI",
        Meaning::Other(
            "CUI is marked by itself, as `CUI//CATEGORY//CONTROL`, which `--cui` reads; in a classified mark only documents of the Department of Defense have it (DoDM 5200.01 Vol 2, ISM-ID-00478), and none writes UNCLASSIFIED before it (DoDI 5200.48)",
        ),
    ),
    ("DRAFT", Meaning::Noise("DRAFT is no marking; write it beside the mark")),
    ("PRE DECISIONAL", Meaning::Noise("PRE-DECISIONAL is no marking of the register; write it beside the mark")),
    ("PREDECISIONAL", Meaning::Noise("PREDECISIONAL is no marking of the register; write it beside the mark")),
    ("DELIBERATIVE", Meaning::Noise("DELIBERATIVE is no marking of the register; write it beside the mark")),
    ("WORKING PAPERS", Meaning::Noise("WORKING PAPERS is no marking of the register; write it beside the mark")),
    ("EXERCISE", Meaning::Noise("EXERCISE is no marking of the register; write it beside the mark")),
    ("FOR TRAINING", Meaning::Noise("FOR TRAINING is no marking of the register; write it beside the mark")),
];

/// Other ways in which people write what the register has.
const SPELLINGS: &[(&str, Meaning)] = &[
    ("REL", Meaning::Rel),
    ("RELEASABLE TO", Meaning::Rel),
    ("RELEASE TO", Meaning::Rel),
    ("DISPLAY", Meaning::Display),
    ("NO FORN", Meaning::Control(Control::Nf)),
    ("NOFORM", Meaning::Control(Control::Nf)),
    ("NOT RELEASABLE TO FOREIGN GOVERNMENTS", Meaning::Control(Control::Nf)),
    ("RSEN", Meaning::Control(Control::Rs)),
    ("DEA SENS", Meaning::Control(Control::Dsen)),
    ("FOUO", Meaning::Control(Control::Fouo)),
    ("OFFICIAL USE ONLY", Meaning::Control(Control::Fouo)),
    ("UCNI", Meaning::Control(Control::Ucni)),
    ("TOPSECRET", Meaning::Level(Level::TopSecret)),
    ("UNCLASS", Meaning::Level(Level::Unclassified)),
    ("UNCLAS", Meaning::Level(Level::Unclassified)),
    ("CNWDI", Meaning::Cnwdi),
    ("SIGMA", Meaning::Sigma),
    ("SG", Meaning::Sigma),
    ("EYES ONLY", Meaning::EyesOnly),
    ("EYES", Meaning::EyesOnly),
    ("SAR", Meaning::Sar),
    ("SPECIAL ACCESS REQUIRED", Meaning::Sar),
    ("FGI", Meaning::Fgi),
    ("FOREIGN GOVERNMENT INFORMATION", Meaning::Fgi),
    ("JOINT", Meaning::Joint),
    ("COSMIC TOP SECRET", Meaning::NatoLevel(Level::TopSecret)),
    ("COSMIC TS", Meaning::NatoLevel(Level::TopSecret)),
    ("NATO TOP SECRET", Meaning::NatoLevel(Level::TopSecret)),
    ("NATO SECRET", Meaning::NatoLevel(Level::Secret)),
    ("NATO CONFIDENTIAL", Meaning::NatoLevel(Level::Confidential)),
    ("NATO RESTRICTED", Meaning::NatoLevel(Level::Restricted)),
    ("NATO UNCLASSIFIED", Meaning::NatoLevel(Level::Unclassified)),
    ("NATO S", Meaning::NatoLevel(Level::Secret)),
    ("NATO C", Meaning::NatoLevel(Level::Confidential)),
    ("NATO R", Meaning::NatoLevel(Level::Restricted)),
    ("NATO U", Meaning::NatoLevel(Level::Unclassified)),
    ("CTS", Meaning::NatoLevel(Level::TopSecret)),
    ("NS", Meaning::NatoLevel(Level::Secret)),
    ("NC", Meaning::NatoLevel(Level::Confidential)),
    ("NR", Meaning::NatoLevel(Level::Restricted)),
    ("NU", Meaning::NatoLevel(Level::Unclassified)),
    ("CTSA", Meaning::NatoWith(Level::TopSecret, Control::Atomal)),
    ("CTS A", Meaning::NatoWith(Level::TopSecret, Control::Atomal)),
    ("NSAT", Meaning::NatoWith(Level::Secret, Control::Atomal)),
    ("NSA", Meaning::NatoWith(Level::Secret, Control::Atomal)),
    ("NS A", Meaning::NatoWith(Level::Secret, Control::Atomal)),
    ("NCA", Meaning::NatoWith(Level::Confidential, Control::Atomal)),
    ("NC A", Meaning::NatoWith(Level::Confidential, Control::Atomal)),
    ("CTS B", Meaning::NatoWith(Level::TopSecret, Control::Bohemia)),
    ("CTS BOHEMIA", Meaning::NatoWith(Level::TopSecret, Control::Bohemia)),
    ("CTS BALK", Meaning::NatoWith(Level::TopSecret, Control::Balk)),
];

type Phrases = BTreeMap<&'static str, Vec<(Vec<&'static str>, Meaning)>>;

/// Every phrase, by its first word, the longest first.
static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut phrases: Phrases = BTreeMap::new();
    let mut add = |text: &'static str, meaning: Meaning| {
        let words: Vec<&str> = text.split([' ', '-']).collect();
        let Some(first) = words.first() else { return };
        let known = phrases.entry(first).or_default();
        if known.iter().all(|(other, _)| *other != words) {
            known.push((words, meaning));
        }
    };
    for (text, meaning) in SPELLINGS.iter().chain(RETIRED).chain(OTHERS) {
        add(text, *meaning);
    }
    for level in Level::ALL {
        add(level.title(), Meaning::Level(level));
    }
    for control in Control::ALL {
        let meaning = match control {
            Control::Rel => Meaning::Rel,
            Control::DisplayOnly => Meaning::Display,
            Control::Eyes => Meaning::EyesOnly,
            Control::RdCnwdi | Control::RdSg | Control::FrdSg => continue,
            other => Meaning::Control(*other),
        };
        for form in [control.title(), control.banner(), control.portion()] {
            add(form, meaning);
        }
    }
    for system in SciSystem::ALL {
        add(system.title(), Meaning::System(system));
        add(system.abbreviation(), Meaning::System(system));
    }
    phrases.values_mut().for_each(|known| known.sort_by_key(|(words, _)| std::cmp::Reverse(words.len())));
    phrases
});

/// The meaning of the longest phrase that `words` begin with, and how many words it has. `joined` says whether a word is
/// parted from the one before it by a space or a hyphen, as the words of one phrase are.
pub(super) fn phrase(words: &[&str], joined: impl Fn(usize) -> bool) -> Option<(Meaning, usize)> {
    let known = PHRASES.get(*words.first()?)?;
    let fits = |phrase: &Vec<&str>| {
        phrase.len() <= words.len() && (0..phrase.len()).all(|n| words[n] == phrase[n] && (n == 0 || joined(n)))
    };
    known.iter().find(|(phrase, _)| fits(phrase)).map(|(phrase, meaning)| (*meaning, phrase.len()))
}

/// The one word of the register that differs from `word` by a letter, or a long one by two.
pub(super) fn near(word: &str) -> Option<&'static str> {
    let most = match word.len() {
        0..=3 => return None,
        4 | 5 => 1,
        _ => 2,
    };
    let single = PHRASES
        .values()
        .flatten()
        .filter(|(words, meaning)| words.len() == 1 && !matches!(meaning, Meaning::Level(_) | Meaning::NatoLevel(_)));
    // Two words that run together are not one with letters too many: the other one would be lost.
    let together = |known: &str| {
        let rest = word.strip_prefix(known).or_else(|| word.strip_suffix(known));
        rest.is_some_and(|rest| PHRASES.contains_key(rest))
    };
    let words = single.map(|(words, _)| words[0]).filter(|known| !together(known));
    let close = words.filter(|known| known.len() > 3).map(|known| (edit_distance(known, word), known));
    let mut close: Vec<(usize, &str)> = close.filter(|(apart, _)| *apart <= most).collect();
    close.sort_unstable();
    match close.as_slice() {
        [(_, only)] => Some(only),
        [(nearest, found), (next, _), ..] if nearest < next => Some(found),
        _ => None,
    }
}
