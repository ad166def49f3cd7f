//! The facts that the rules and their proofs rest on, derived from marks a second time, by the marking engine: both must come
//! to the same for every valid mark of the shared cases.

use std::collections::BTreeSet;

use portcullis::marking::{
    AccessCheck, AccessRefusal, Control, DocumentDate, Level, Marking, PartnerKind, PartnerRights, Register, Rules,
    System,
};
use portcullis::policy::{Membership, cases};
use serde_json::{Value, json};

const CASES: &str = include_str!("../vectors/marking/cases.jsonl");
const DATE: &str = "2022-12-01";

/// Controls by the names that the rules have for them.
const CONTROLS: [(Control, &str); 25] = [
    (Control::Rd, "RD"),
    (Control::Frd, "FRD"),
    (Control::Dcni, "DCNI"),
    (Control::Ucni, "UCNI"),
    (Control::Tfni, "TFNI"),
    (Control::Atomal, "ATOMAL"),
    (Control::Rs, "RSEN"),
    (Control::Fouo, "FOUO"),
    (Control::Oc, "ORCON"),
    (Control::OcUsgov, "ORCON-USGOV"),
    (Control::Imc, "IMCON"),
    (Control::Nf, "NOFORN"),
    (Control::Pr, "PROPIN"),
    (Control::Relido, "RELIDO"),
    (Control::Dsen, "DSEN"),
    (Control::Rawfisa, "RAWFISA"),
    (Control::Fisa, "FISA"),
    (Control::Ds, "LIMDIS"),
    (Control::Xd, "EXDIS"),
    (Control::Nd, "NODIS"),
    (Control::Sbu, "SBU"),
    (Control::SbuNf, "SBU NOFORN"),
    (Control::Les, "LES"),
    (Control::LesNf, "LES NOFORN"),
    (Control::Ssi, "SSI"),
];

/// Parts of controls, and limited dissemination controls of CUI, which only the rules' reading tells apart.
const PARTS: [&str; 5] = ["CNWDI", "SIGMA", "DL ONLY", "NOCON", "FEDCON"];

/// Marks of CUI, of which the shared cases have few with a list; none that goes to nobody in spite of one.
const CUI: [&str; 12] = [
    "CUI",
    "CUI//SP-CTI",
    "CUI//FEDCON",
    "CUI//REL TO USA, FVEY",
    "CUI//SP-CTI/MIL//NOCON/REL TO USA, GBR",
    "CUI//DL ONLY/REL TO USA, AUS, NATO",
    "CUI//SP-FISA/SP-SSI//REL TO USA, DEU",
    "CUI//LEI/PROPIN//REL TO USA, GBR/RELIDO",
    "CUI//SP-DCNI/UCNI//REL TO USA, AUS",
    "CUI//NOFORN",
    "CUI//DISPLAY ONLY GBR",
    "CUI//RELIDO",
];

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known(DATE.parse().unwrap()))
}

/// Every valid mark of the shared cases, and those of CUI.
fn valid() -> impl Iterator<Item = Marking> {
    let shared = CASES.lines().filter_map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        let input = case["input"].as_str().unwrap();
        match case["kind"].as_str() {
            Some("banner") => rules().parse_banner(input).ok(),
            _ => rules().parse_portion(input, None).ok(),
        }
    });
    shared.chain(CUI.map(|text| rules().in_profile_of(text).parse_banner(text).unwrap()))
}

fn level(mark: &Marking) -> i64 {
    match mark.level() {
        Level::Unclassified => 0,
        Level::Restricted => 1,
        Level::Confidential => 2,
        Level::Secret => 3,
        Level::TopSecret => 4,
    }
}

/// Whoever may have it by its list, asked one by one.
fn reached(mark: &Marking, kind: PartnerKind) -> BTreeSet<String> {
    let (rules, portion) = (rules(), [mark.clone()]);
    let whole = AccessCheck::new(&rules, mark, &portion);
    let may = |code: &str| {
        // From somewhere else, so that the United States are asked about too.
        let link = PartnerRights::new(code, kind, Level::TopSecret, []).with_home("ZZZ");
        let refusals = whole.may_release(&rules, &link).err().unwrap_or_default();
        !refusals.iter().any(|r| matches!(r, AccessRefusal::NotReleasable | AccessRefusal::DisplayOnly))
    };
    let codes = Register::compiled_in().codes().map(|(code, _)| code.as_str().to_owned());
    codes.filter(|code| may(code)).collect()
}

/// The accreditations of one kind that a mark asks for.
fn accreditations(mark: &Marking, kind: &str) -> BTreeSet<String> {
    mark.conditions().iter().map(ToString::to_string).filter(|name| name.starts_with(kind)).collect()
}

/// The facts of one mark for the partner `code` at a gateway of `home`, from what the marking engine made of it.
fn derived(mark: &Marking, code: &str, home: &str) -> Value {
    let named: BTreeSet<String> = mark.rel_to().iter().map(str::to_owned).collect();
    let mut sources: BTreeSet<String> = mark.sources().map(str::to_owned).collect();
    if mark.system() != System::Joint || mark.owned_by().all(|owner| owner != code) {
        sources.extend(mark.owned_by().map(str::to_owned));
    }
    // NATO is told apart, whether it owns it or gave it.
    let of_nato = sources.remove("NATO");
    if home != "USA" || mark.sources().all(|source| source != "USA") {
        sources.remove(home);
    }
    json!({
        "level": level(mark),
        "controls": CONTROLS.iter().filter(|(c, _)| mark.has(*c)).map(|(_, name)| *name).collect::<BTreeSet<_>>(),
        "compartments": accreditations(mark, "SCI:"),
        "programs": accreditations(mark, "SAP:"),
        "releasableTo": reached(mark, PartnerKind::Country),
        "releasableToOrganisations": reached(mark, PartnerKind::Organisation),
        "namedTo": named,
        "foreignSources": sources,
        "concealedSource": mark.conceals_source(),
        "nato": mark.has_nato_information(),
        "natoOwned": of_nato && home != "NATO",
    })
}

#[test]
fn what_one_portion_alone_says_is_said_of_the_whole_cut() {
    let membership = Membership::shipped().unwrap();
    let base = cases::questions(cases::SHIPPED[0].1).unwrap().remove(0).question;
    let facts = |portions: &[&str]| {
        let mut question = base.clone();
        (question.partner.code, question.partner.home) = ("GBR".to_owned(), "USA".to_owned());
        question.cut.banner = "SECRET//REL TO USA, GBR".to_owned();
        question.cut.portions = portions.iter().map(|portion| (*portion).to_owned()).collect();
        question.cut.date = Some(DATE.parse().unwrap());
        question.facts(&membership)["cut"].clone()
    };
    let plain = "(S//REL TO USA, GBR)";
    for (portion, fact, said) in [
        ("(//FGI S//REL TO USA, GBR)", "concealedSource", json!(true)),
        ("(S//FGI//REL TO USA, GBR)", "concealedSource", json!(true)),
        ("(//NS//REL TO USA, GBR)", "nato", json!(true)),
        ("(//NS//REL TO USA, GBR)", "natoOwned", json!(true)),
        ("(//DEU S//REL TO USA, GBR)", "foreignSources", json!(["DEU"])),
        ("(S//FGI FRA//REL TO USA, GBR)", "foreignSources", json!(["FRA"])),
        ("(//JOINT S CAN USA//REL TO USA, CAN, GBR)", "foreignSources", json!(["CAN"])),
        ("(TS//REL TO USA, GBR)", "level", json!(4)),
        ("(S//SI//REL TO USA, GBR)", "compartments", json!(["SCI:SI"])),
        ("(S//SAR-BP//REL TO USA, GBR)", "programs", json!(["SAP:BP"])),
        ("(S//OC/REL TO USA, GBR)", "controls", json!(["ORCON"])),
        ("(S//REL TO USA, AUS)", "releasableTo", json!(["USA"])),
        ("(S//NF)", "releasableTo", json!([])),
        ("(S//REL TO USA, AUS/DISPLAY ONLY GBR)", "displayOnlyTo", json!(["GBR"])),
        ("(S//REL TO USA, FVEY)", "namedTo", json!(["USA"])),
        ("(S//EXERCISE)", "understood", json!(false)),
    ] {
        assert_eq!(facts(&[plain, portion])[fact], said, "{portion} {fact}");
        // The neighbour: without that portion the cut says nothing of the kind.
        assert_ne!(facts(&[plain])[fact], said, "{fact}");
    }
    // What is unclassified and says nothing has no say in who may have the whole; what is classified has.
    assert_eq!(facts(&[plain, "(U)"])["releasableTo"], json!(["GBR", "USA"]));
    assert_eq!(facts(&[plain, "(C)"])["releasableTo"], json!([]));
    assert_eq!(facts(&[plain, "(//NU)"])["releasableTo"], json!([]));
    assert_eq!(facts(&[])["understood"], json!(false));
}

#[test]
fn both_readings_of_every_valid_mark_come_to_the_same_facts() {
    let membership = Membership::shipped().unwrap();
    let base = cases::questions(cases::SHIPPED[0].1).unwrap().remove(0).question;
    let (mut compared, mut not_understood) = (0, 0);
    for mark in valid() {
        for (code, home) in [("GBR", "USA"), ("AUS", "GBR"), ("USA", "CAN"), ("DEU", "FRA")] {
            let mut question = base.clone();
            (question.partner.code, question.partner.home) = (code.to_owned(), home.to_owned());
            question.cut.banner = mark.banner();
            question.cut.portions = [mark.portion()].into();
            question.cut.date = Some(DATE.parse().unwrap());
            let mut facts = question.facts(&membership)["cut"].clone();
            if facts["understood"] == false {
                not_understood += 1;
                continue;
            }
            facts["controls"].as_array_mut().unwrap().retain(|c| !PARTS.contains(&c.as_str().unwrap()));
            for (name, expected) in derived(&mark, code, home).as_object().unwrap() {
                assert_eq!(facts[name], *expected, "`{name}` of `{}` for {code} from {home}", mark.banner());
            }
            compared += 1;
        }
    }
    assert!(compared > 440, "only {compared} were compared");
    assert!(not_understood * 20 < compared, "policy does not understand {not_understood} of {compared} valid marks");
}
