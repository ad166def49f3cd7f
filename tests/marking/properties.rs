//! The algebra of markings (spec 1.11), over random marks. Seeds are fixed, so a failure is the same everywhere.
//!
//! `PORTCULLIS_CASES` raises the number of cases for a long run.

use std::collections::BTreeSet;

use portcullis::marking::{
    Audience, Control, DocumentDate, Kind, Level, Marking, PortionForRollup, Register, RollupOptions, Rules, System,
    UnclassifiedPolicy, covers_portions, roll_up,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::classes::Classes;

/// Portions that between them carry every control, list shape and system.
const PORTIONS: &[&str] = &[
    "(U)",
    "(C)",
    "(S)",
    "(TS)",
    "(U//FOUO)",
    "(U//NF)",
    "(U//RELIDO)",
    "(U//REL TO USA, FVEY)",
    "(U//SBU)",
    "(U//SBU-NF)",
    "(U//LES)",
    "(U//LES-NF)",
    "(U//SSI)",
    "(U//DS)",
    "(U//DCNI)",
    "(U//UCNI)",
    "(U//PR)",
    "(U//DSEN)",
    "(U//FISA)",
    "(U//REL TO USA, GBR//LES)",
    "(U//NF//XD)",
    "(U//NF//ND)",
    "(C//RELIDO)",
    "(C//OC)",
    "(C//OC-USGOV/NF)",
    "(C//SI)",
    "(C//SI//REL TO USA, FVEY)",
    "(S//NF)",
    "(S//RELIDO)",
    "(S//REL TO USA, GBR)",
    "(S//REL TO USA, FVEY)",
    "(S//REL TO USA, AUS, CAN)",
    "(S//REL TO USA, NATO)",
    "(S//REL TO USA, DEU)",
    "(S//REL TO USA, GBR, KFOR)",
    "(S//REL TO USA, KFOR)",
    "(S//REL TO USA, EU, GMIF)",
    "(S//REL TO USA, ACGU/RELIDO)",
    "(S//DISPLAY ONLY GBR)",
    "(S//DISPLAY ONLY FVEY)",
    "(S//REL TO USA, GBR/DISPLAY ONLY AUS, FRA)",
    "(S//REL TO USA, FRA/DISPLAY ONLY NATO)",
    "(S//OC/REL TO USA, GBR)",
    "(S//OC/NF)",
    "(S//IMC/REL TO USA, FVEY)",
    "(S//RS/NF)",
    "(S//PR)",
    "(S//NF/PR)",
    "(S//FISA)",
    "(S//REL TO USA, GBR/FISA)",
    "(S//RAWFISA)",
    "(S//TK//REL TO USA, FVEY)",
    "(S//HCS-O//OC/NF)",
    "(S//HCS-P//NF)",
    "(TS//HCS-P JJJ//OC/NF)",
    "(TS//SI-G ABCD//OC/NF)",
    "(TS//SI-G EFGH-XYZ//OC/REL TO USA, GBR)",
    "(TS//SI-EU)",
    "(TS//TK-BLFH ABCD-IDIT//NF)",
    "(TS//KLM-R//NF)",
    "(S//KLM-ABC//OC)",
    "(TS//MVL)",
    "(S//RSV-123//NF)",
    "(S//BUR-BLG//NF)",
    "(TS//SAR-BP-123/CA-XYZ YYY//NF)",
    "(S//SAR-CD//REL TO USA, GBR)",
    "(S//RD//NF)",
    "(S//RD-CNWDI//NF)",
    "(S//RD-SG 14 20//NF)",
    "(S//FRD-SG 15//REL TO USA, GBR)",
    "(C//TFNI//REL TO USA, GBR)",
    "(//GBR S)",
    "(//GBR S//REL TO USA, GBR)",
    "(//CAN GBR R//REL TO USA, CAN, GBR)",
    "(//FGI S//REL TO USA, ACGU)",
    "(//FGI TS)",
    "(//NS//REL TO USA, NATO)",
    "(//NU)",
    "(//NS//ATOMAL//NF)",
    "(//CTS//BOHEMIA//REL TO USA, NATO)",
    "(//CTS//BALK)",
    "(S//FGI DEU//REL TO USA, DEU, FRA)",
    "(S//FGI//RELIDO)",
    "(S//FGI NATO//REL TO USA, NATO)",
    "(//JOINT S GBR USA//REL TO USA, GBR)",
    "(//JOINT S CAN GBR USA//FGI NZL//REL TO USA, FVEY)",
    "(//JOINT S GBR USA//SI//REL TO USA, FVEY)",
    "(S//NF//LES)",
    "(S//NF//SSI)",
    "(S//REL TO USA, FVEY//LES)",
];

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().expect("a date")))
}

fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PORTCULLIS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

fn portions() -> Vec<Marking> {
    PORTIONS.iter().map(|p| rules().parse_portion(p, None).unwrap_or_else(|e| panic!("{p}: {e}"))).collect()
}

fn roll(rules: &Rules<'_>, parts: &[Marking]) -> Marking {
    let parts: Vec<PortionForRollup<'_>> = parts.iter().map(Into::into).collect();
    roll_up(rules, &parts, RollupOptions::default()).expect("valid portions have a banner")
}

/// Whom an audience reaches by country, or by a code that stands for nobody's countries.
fn reached(audience: &Audience) -> BTreeSet<String> {
    audience.countries.iter().chain(&audience.unresolved).map(ToString::to_string).collect()
}

/// What a mark may carry, by the pieces of its text: each of these must turn up in every property.
const CARRIED: &[(&str, &[&str])] = &[
    ("SI", &["//SI"]),
    ("TK", &["//TK"]),
    ("HCS", &["//HCS"]),
    ("SAP", &["//SAR-"]),
    ("RD", &["//RD"]),
    ("FRD", &["//FRD"]),
    ("TFNI", &["//TFNI"]),
    ("FGI of a named source", &["//FGI "]),
    ("FGI concealed", &["//FGI)", "//FGI//", "(//FGI "]),
    ("foreign", &["(//GBR", "(//CAN"]),
    ("NATO", &["(//NS", "(//CTS", "(//NU"]),
    ("JOINT", &["(//JOINT"]),
    ("ORCON", &["//OC/", "//OC)"]),
    ("IMCON", &["//IMC"]),
    ("FISA", &["FISA)"]),
    ("LES", &["LES)"]),
    ("SSI", &["SSI)"]),
    ("NODIS or EXDIS", &["//XD", "//ND"]),
    ("RELIDO", &["RELIDO"]),
    ("DISPLAY ONLY", &["DISPLAY ONLY"]),
    ("NOFORN", &["NF"]),
    ("nothing", &["(S)", "(C)", "(U)", "(TS)"]),
];

/// Those that a mark which is released to somebody may carry.
fn releasable() -> impl Iterator<Item = &'static str> {
    let never = ["HCS", "SSI", "NODIS or EXDIS", "NOFORN", "nothing", "RD", "FGI concealed"];
    CARRIED.iter().map(|(class, _)| *class).filter(move |class| !never.contains(class))
}

fn carried(parts: &[Marking]) -> impl Iterator<Item = &'static str> {
    let texts: Vec<String> = parts.iter().map(Marking::portion).collect();
    let carries = move |pieces: &[&str]| texts.iter().any(|text| pieces.iter().any(|piece| text.contains(piece)));
    CARRIED.iter().filter(move |(_, pieces)| carries(pieces)).map(|(class, _)| *class)
}

/// The classes that a property over portions must reach: every mark, and those that are released with an audience left.
fn carried_and_released() -> impl Iterator<Item = String> {
    let carried = CARRIED.iter().map(|(class, _)| (*class).to_owned());
    carried.chain(releasable().map(|class| format!("{class}, released")))
}

fn count(classes: &Classes, parts: &[Marking], released: bool) {
    for class in carried(parts) {
        classes.saw(class, true);
        classes.saw(format!("{class}, released"), released);
    }
}

/// Portions, by their numbers: mostly such as are all released to one country, some with one among them that is not, some
/// thrown together.
fn choice(least: usize, max: usize) -> impl Strategy<Value = Vec<usize>> {
    let rules = rules();
    let audiences: Vec<BTreeSet<String>> = portions().iter().map(|p| reached(&rules.release_audience(p))).collect();
    let pool = move |code: &'static str| {
        let released: Vec<usize> = (0..PORTIONS.len()).filter(|i| audiences[*i].contains(code)).collect();
        assert!(released.len() > 5, "{code}: {}", released.len());
        Just(released)
    };
    let pools = prop_oneof![4 => pool("GBR"), 2 => pool("CAN"), 1 => pool("FRA"), 1 => pool("DEU")];
    // How far a case goes astray: not, in one portion, or altogether.
    let astray = prop_oneof![6 => Just(0_u8), 3 => Just(1), 2 => Just(2)];
    let any = || any::<prop::sample::Index>();
    (pools, astray, proptest::collection::vec((any(), any()), least..=max)).prop_map(|(pool, astray, chosen)| {
        let one = |(number, (of_pool, of_all)): (usize, (prop::sample::Index, prop::sample::Index))| match astray {
            0 => pool[of_pool.index(pool.len())],
            1 if number > 0 => pool[of_pool.index(pool.len())],
            _ => of_all.index(PORTIONS.len()),
        };
        chosen.into_iter().enumerate().map(one).collect()
    })
}

#[test]
fn roll_up_is_commutative_idempotent_closed_monotone_and_never_wider() {
    let (rules, all) = (rules(), portions());
    let outcomes = ["released, of two or more", "NOFORN banner", "RELIDO banner", "DISPLAY ONLY banner", "REL banner"];
    let classes = Classes::new(6_000, carried_and_released().chain(outcomes.map(str::to_owned)));
    runner(6_000)
        .run(&choice(1, 4), |chosen| {
            let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let banner = roll(&rules, &parts);
            let reversed: Vec<Marking> = parts.iter().rev().cloned().collect();
            prop_assert_eq!(&roll(&rules, &reversed), &banner);
            let twice: Vec<Marking> = parts.iter().chain(&parts).cloned().collect();
            prop_assert_eq!(&roll(&rules, &twice), &banner);
            // Closed: what comes out is a valid banner, and covers what it came from.
            prop_assert_eq!(&rules.parse_banner_canonical(&banner.banner()).expect("closed"), &banner);
            prop_assert!(covers_portions(&rules, &banner, &parts).is_ok(), "{} over {:?}", banner, parts);
            let (release, display) = (rules.release_audience(&banner), rules.display_audience(&banner));
            for part in &parts {
                prop_assert!(banner.level() >= part.level().in_us_banner());
                let uncaveated = part.is_unclassified_uncontrolled();
                if !uncaveated {
                    prop_assert!(
                        reached(&release).is_subset(&reached(&rules.release_audience(part))),
                        "{} {}",
                        banner,
                        part
                    );
                    prop_assert!(
                        reached(&display).is_subset(&reached(&rules.display_audience(part))),
                        "{} {}",
                        banner,
                        part
                    );
                }
            }
            let released = !reached(&release).is_empty();
            classes.case();
            count(&classes, &parts, released);
            classes.saw("released, of two or more", released && chosen.iter().collect::<BTreeSet<_>>().len() > 1);
            for (class, control) in [
                ("NOFORN banner", Control::Nf),
                ("RELIDO banner", Control::Relido),
                ("DISPLAY ONLY banner", Control::DisplayOnly),
                ("REL banner", Control::Rel),
            ] {
                classes.saw(class, banner.has(control));
            }
            Ok(())
        })
        .unwrap();
    classes.hold();
}

#[test]
fn one_more_portion_never_widens_the_audience() {
    let (rules, all) = (rules(), portions());
    let outcomes = ["the same audience", "fewer", "nobody left", "nobody before"].map(str::to_owned);
    let classes = Classes::new(4_000, carried_and_released().chain(outcomes));
    runner(4_000)
        .run(&choice(2, 4), |chosen| {
            let mut parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let more = parts.pop().expect("there are two at least");
            let before = roll(&rules, &parts);
            parts.push(more);
            let after = roll(&rules, &parts);
            prop_assert!(after.level() >= before.level());
            // Portions that take no part leave no audience to compare with.
            let silent = |m: &Marking| m.is_unclassified_uncontrolled();
            classes.case();
            if !parts[..parts.len() - 1].iter().all(silent) {
                let (after, before) = (rules.release_audience(&after), rules.release_audience(&before));
                let (after, before) = (reached(&after), reached(&before));
                prop_assert!(after.is_subset(&before));
                count(&classes, &parts, !after.is_empty());
                classes.saw("nobody before", before.is_empty());
                classes.saw("the same audience", !before.is_empty() && after == before);
                classes.saw("fewer", !after.is_empty() && after.len() < before.len());
                classes.saw("nobody left", !before.is_empty() && after.is_empty());
            }
            Ok(())
        })
        .unwrap();
    classes.hold();
}

#[test]
fn rolling_up_banners_again_is_never_wider_than_rolling_up_their_portions() {
    let (rules, all) = (rules(), portions());
    let outcomes = ["the same audience", "nobody"].map(str::to_owned);
    let classes = Classes::new(4_000, carried_and_released().chain(outcomes));
    runner(4_000)
        .run(&(choice(2, 5), 1_usize..5), |(chosen, at)| {
            let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let (left, right) = parts.split_at(at.min(parts.len() - 1));
            let whole = roll(&rules, &parts);
            let again = roll(&rules, &[roll(&rules, left), roll(&rules, right)]);
            let (again, whole) = (rules.release_audience(&again), rules.release_audience(&whole));
            let (again, whole) = (reached(&again), reached(&whole));
            prop_assert!(again.is_subset(&whole));
            classes.case();
            count(&classes, &parts, !again.is_empty());
            classes.saw("nobody", whole.is_empty());
            classes.saw("the same audience", !again.is_empty() && again == whole);
            Ok(())
        })
        .unwrap();
    classes.hold();
}

#[test]
fn a_joint_product_rolls_up_to_something_valid_and_no_wider() {
    let (rules, all) = (rules(), portions());
    let joint: Vec<usize> = (0..PORTIONS.len()).filter(|i| PORTIONS[*i].starts_with("(//JOINT")).collect();
    let outcomes = ["JOINT banner", "JOINT banner of two or more", "US banner over a JOINT portion"].map(str::to_owned);
    let classes = Classes::new(4_000, carried_and_released().chain(outcomes));
    runner(4_000)
        .run(&(choice(1, 3), 0..joint.len(), any::<bool>()), |(mut chosen, of, with)| {
            if with {
                chosen.push(joint[of]);
            }
            let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let refs: Vec<PortionForRollup<'_>> = parts.iter().map(Into::into).collect();
            let options = RollupOptions { joint: true, ..RollupOptions::default() };
            let banner = roll_up(&rules, &refs, options).expect("valid portions have a banner");
            let us = roll(&rules, &parts);
            prop_assert_eq!(rules.release_audience(&banner), rules.release_audience(&us));
            let (is_joint, owned) = (banner.system() == System::Joint, carried(&parts).any(|class| class == "JOINT"));
            classes.case();
            count(&classes, &parts, !reached(&rules.release_audience(&banner)).is_empty());
            classes.saw("JOINT banner", is_joint);
            classes.saw("JOINT banner of two or more", is_joint && parts.len() > 1);
            classes.saw("US banner over a JOINT portion", owned && !is_joint);
            Ok(())
        })
        .unwrap();
    classes.hold();
}

/// Words of every category and form, right and wrong, from which texts are thrown together.
const WORDS: &[&str] = &[
    "TOP SECRET",
    "SECRET",
    "CONFIDENTIAL",
    "UNCLASSIFIED",
    "RESTRICTED",
    "TS",
    "S",
    "C",
    "U",
    "R",
    "//",
    "//",
    "//",
    "/",
    "/",
    " ",
    ", ",
    "-",
    "JOINT ",
    "NATO ",
    "COSMIC ",
    "CTS",
    "NS",
    "FGI",
    "FGI GBR",
    "USA",
    "GBR",
    "AUS",
    "FVEY",
    "NATO",
    "KFOR",
    "ISAF",
    "XYZ",
    "REL TO USA, GBR",
    "REL TO USA, FVEY",
    "REL TO ",
    "REL",
    "DISPLAY ONLY FRA",
    "DISPLAY ONLY ",
    "USA/GBR EYES ONLY",
    "EYES",
    "NOFORN",
    "NF",
    "RELIDO",
    "ORCON",
    "OC",
    "ORCON-USGOV",
    "OC-USGOV",
    "IMCON",
    "IMC",
    "RSEN",
    "RS",
    "PROPIN",
    "PR",
    "FOUO",
    "FISA",
    "RAWFISA",
    "DSEN",
    "DEA SENSITIVE",
    "SI",
    "SI-G",
    "SI-G ABCD",
    "SI-EU",
    "TK",
    "TK-BLFH",
    "HCS",
    "HCS-O",
    "HCS-P",
    "HCS-P ABC",
    "KLM",
    "KLM-R",
    "MVL",
    "RSV-ABC",
    "BUR-BLG",
    "BALK",
    "BOHEMIA",
    "SAR-BP",
    "SAR-BP-123",
    "RD",
    "RD-CNWDI",
    "RD-SIGMA 14",
    "RD-SG 14",
    "FRD",
    "TFNI",
    "DCNI",
    "DOD UCNI",
    "ATOMAL",
    "LES",
    "LES-NF",
    "LES NOFORN",
    "SBU",
    "SBU-NF",
    "SSI",
    "XD",
    "EXDIS",
    "ND",
    "NODIS",
    "DS",
    "LIMDIS",
    "COMINT",
    "KDK",
    "\u{200b}",
    "\u{202e}",
    "\u{a0}",
    "\u{41e}",
    "\u{2215}",
    "(",
    ")",
    "a",
    "0",
    "\t",
    "\n",
];

fn thrown_together() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..WORDS.len(), 1..12).prop_map(|chosen| chosen.iter().map(|i| WORDS[*i]).collect())
}

/// A valid portion mark, or the banner that some roll up to, in either form.
fn valid() -> impl Strategy<Value = (String, Kind)> {
    let (rules, all) = (rules(), portions());
    (choice(1, 2), any::<prop::sample::Index>(), 0_u8..4).prop_map(move |(chosen, any, form)| {
        let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
        match form {
            0 | 1 => (all[any.index(all.len())].portion(), Kind::Portion),
            2 => (roll(&rules, &parts).banner(), Kind::Banner),
            _ => (roll(&rules, &parts).banner_titled(), Kind::Banner),
        }
    })
}

/// The same broken in one place, or in a few, or whole.
fn broken() -> impl Strategy<Value = (String, Kind)> {
    let edit = (any::<prop::sample::Index>(), 0_u8..8, 0..WORDS.len());
    let edits = prop_oneof![
        4 => proptest::collection::vec(edit.clone(), 0..=0),
        4 => proptest::collection::vec(edit.clone(), 1..=1),
        1 => proptest::collection::vec(edit, 2..4),
    ];
    (valid(), edits).prop_map(|((text, kind), edits)| (edits.into_iter().fold(text, edited), kind))
}

/// `text` with one of its pieces, or one of its characters, changed.
fn edited(text: String, (at, how, word): (prop::sample::Index, u8, usize)) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let place = at.index(chars.len().max(1));
    let mut segments: Vec<&str> = text.split("//").collect();
    let segment = at.index(segments.len());
    match how {
        // A whole segment is gone, or there is one more, or another.
        0 => drop(segments.remove(segment)),
        1 => segments.insert(segment, WORDS[word]),
        2 => segments[segment] = WORDS[word],
        3 => {
            let item = format!("{}/{}", segments[segment], WORDS[word]);
            return text.replacen(segments[segment], &item, 1);
        }
        4 if chars.len() > 1 => drop(chars.remove(place)),
        5 => chars.insert(place, chars.get(place).copied().unwrap_or('X')),
        6 if chars.len() > 1 => chars.swap(place, (place + 1) % text.chars().count()),
        _ => drop(chars.splice(place..place, WORDS[word].chars())),
    }
    if how < 3 { segments.join("//") } else { chars.into_iter().collect() }
}

#[test]
fn whatever_is_accepted_round_trips_and_every_span_is_inside_the_text() {
    let rules = rules();
    let outcomes = ["portion accepted", "banner accepted", "accepted though broken", "refused", "mended"];
    let accepted = CARRIED.iter().map(|(class, _)| format!("{class} accepted"));
    let classes = Classes::new(15_000, accepted.chain(outcomes.map(str::to_owned)));
    let known: BTreeSet<String> = portions().iter().map(Marking::portion).collect();
    let thrown = (thrown_together(), any::<bool>())
        .prop_map(|(text, portion)| (text, if portion { Kind::Portion } else { Kind::Banner }));
    runner(15_000)
        .run(&prop_oneof![1 => thrown, 4 => broken()], |(text, kind)| {
            let checked = rules.check(&text, kind, None);
            classes.case();
            for diagnostic in &checked.diagnostics {
                let span = &diagnostic.span;
                prop_assert!(span.start <= span.end && span.end <= text.len(), "{:?} {:?}", text, diagnostic);
                prop_assert!(
                    text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
                    "{:?} {:?}",
                    text,
                    diagnostic
                );
                if let Some(fix) = &diagnostic.fix {
                    let fixed = rules.check(&fix.replacement, kind, None);
                    prop_assert!(fixed.is_valid(), "{:?} -> {:?}", text, fix);
                    // A fix names no code that the text did not name.
                    let marking = fixed.marking.expect("valid");
                    let upper = text.to_ascii_uppercase();
                    for code in marking.rel_to().iter().chain(marking.display_to().iter()) {
                        prop_assert!(upper.contains(code), "{:?} -> {:?}", text, fix);
                    }
                    classes.saw("mended", true);
                }
            }
            let Some(marking) = checked.marking else {
                prop_assert!(!checked.codes().is_empty());
                prop_assert!(checked.releasable_to.is_empty());
                classes.saw("refused", true);
                return Ok(());
            };
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let again = match kind {
                Kind::Banner => rules.parse_banner_canonical(&marking.banner()),
                Kind::Portion => rules.parse_portion(&marking.portion(), None),
            };
            prop_assert_eq!(again, Ok(marking.clone()));
            if kind == Kind::Portion {
                // Where nothing is left to a banner, there is one form.
                prop_assert_eq!(marking.portion(), text.as_str());
            }
            if kind == Kind::Banner {
                prop_assert_eq!(rules.parse_banner(&marking.banner_titled()), Ok(marking.clone()));
            }
            classes.saw(if kind == Kind::Banner { "banner accepted" } else { "portion accepted" }, true);
            classes.saw("accepted though broken", kind == Kind::Portion && !known.contains(&text));
            carried(&[marking]).for_each(|class| classes.saw(format!("{class} accepted"), true));
            Ok(())
        })
        .unwrap();
    classes.hold();
}

#[test]
fn adding_a_control_other_than_a_release_list_never_adds_a_country() {
    let rules = rules();
    let others: Vec<Control> =
        Control::ALL.iter().copied().filter(|c| !matches!(c, Control::Rel | Control::Eyes)).collect();
    let (all, mut tried, mut accepted) = (portions(), 0, 0);
    for marking in &all {
        let before = reached(&rules.release_audience(marking));
        for control in &others {
            // Put the word into every place it could stand in.
            let text = marking.portion();
            for at in text.char_indices().map(|(i, _)| i).filter(|i| *i > 0) {
                for glue in ["/", "//"] {
                    for edited in [
                        format!("{}{glue}{}{}", &text[..at], control.portion(), &text[at..]),
                        format!("{}{}{glue}{}", &text[..at], control.portion(), &text[at..]),
                    ] {
                        tried += 1;
                        if let Ok(after) = rules.parse_portion(&edited, None) {
                            accepted += 1;
                            let after = reached(&rules.release_audience(&after));
                            assert!(after.is_subset(&before), "{text} -> {edited}");
                        }
                    }
                }
            }
        }
    }
    assert!(tried > 50_000 && accepted > 200, "{tried} tried, {accepted} accepted");
}

#[test]
fn an_unknown_date_never_releases_more_than_a_known_one() {
    let register = Register::compiled_in();
    let unknown = Rules::new(register, DocumentDate::Unknown);
    for year in [2005, 2010, 2016, 2018, 2022, 2026] {
        let known = Rules::new(register, DocumentDate::Known(format!("{year}-06-28").parse().expect("a date")));
        for portion in PORTIONS {
            let Ok(at_unknown) = unknown.parse_portion(portion, None) else { continue };
            let at_known = known.parse_portion(portion, None).expect("what stands without a date stands with one");
            let (less, more) = (unknown.release_audience(&at_unknown), known.release_audience(&at_known));
            assert!(reached(&less).is_subset(&reached(&more)), "{portion} {year}");
        }
    }
}

#[test]
fn the_manual_policy_is_the_only_one_that_lets_fouo_follow_a_release_banner() {
    let strict = rules();
    let manual = rules().with_unclassified_policy(UnclassifiedPolicy::Manual);
    let parts = ["(S//REL TO USA, AUS)", "(U//FOUO)"].map(|p| strict.parse_portion(p, None).expect("valid"));
    assert_eq!(roll(&strict, &parts).banner(), "SECRET//NOFORN");
    assert_eq!(roll(&manual, &parts).banner(), "SECRET//REL TO USA, AUS");
    assert_eq!(roll(&strict, &parts).level(), Level::Secret);
}
