//! The marking engine and the policy, queried about the same random marks: they must agree on every one, for every partner, every home
//! country, any accreditations and consents, with and without the overlay of accessions, at any date.
//!
//! `scripts/soak marks` runs a million instead of the ordinary few thousand, in shards that each have their own seed
//! (`PORTCULLIS_CASES`, `PORTCULLIS_SHARD`).

use std::collections::{BTreeMap, BTreeSet};

use portcullis::approval::Outline;
use portcullis::consent::SourceConsent;
use portcullis::digest::Digest;
use portcullis::marking::{
    BY_CONSENT, Condition, DocumentDate, Level, Marking, PartnerKind, PortionForRollup, Profile, Register,
    RegisterFiles, RollupOptions, Rules, covers_portions, roll_up,
};
use portcullis::policy::{About, Membership};
use portcullis::release::Source;

use crate::support::{self, World};

/// A small generator of our own, so that a seed always gives the same cases.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % sides as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.roll(of.len())]
    }

    fn some<'t>(&mut self, of: &[&'t str], one_in: usize) -> Vec<&'t str> {
        of.iter().filter(|_| self.one_in(one_in)).copied().collect()
    }
}

// ── marks ──

const SCI: [&str; 22] = [
    "BUR",
    "BUR-BLG",
    "HCS",
    "HCS-O",
    "HCS-P",
    "HCS-P ABCDEF",
    "HCS-X",
    "KLM",
    "KLM-R",
    "KLM-ABC",
    "MVL",
    "RSV-ABC",
    "SI",
    "SI-EU",
    "SI-NK",
    "SI-ABC",
    "SI-G",
    "SI-G ABCD",
    "TK",
    "TK-BLFH",
    "TK-IDIT",
    "TK-KAND",
];
const SAP: [&str; 3] = ["SAR-BP", "SAR-BP-A12/CD", "SAR-BUTTERED POPCORN"];
const AEA: [&str; 9] = ["RD", "RD-CNWDI", "RD-SG 14", "FRD", "FRD-SG 14", "TFNI", "DCNI", "UCNI", "RD-CNWDI-SG 14"];
const FGI: [&str; 8] =
    ["FGI", "FGI DEU", "FGI DEU FRA", "FGI GBR", "FGI NATO", "FGI DEU NATO", "FGI AX1", "FGI CAN FRA"];
/// Register order, before and behind the lists of who may have it.
const DISSEM: [&str; 6] = ["RS", "FOUO", "OC", "OC-USGOV", "IMC", "PR"];
const DISSEM_BEHIND: [&str; 3] = ["DSEN", "RAWFISA", "FISA"];
const NONIC: [&str; 8] = ["DS", "XD", "ND", "SBU", "SBU-NF", "LES", "LES-NF", "SSI"];
const COUNTRIES: [&str; 12] = ["ALB", "AUS", "CAN", "DEU", "FIN", "FRA", "GBR", "JPN", "MKD", "MNE", "NZL", "SWE"];
const ORGANISATIONS: [&str; 7] = ["ACGU", "EU", "FVEY", "GMIF", "ISAF", "KFOR", "NATO"];
const DATES: [&str; 11] = [
    "1998-06-01",
    "2008-06-01",
    "2009-04-01",
    "2016-03-01",
    "2018-01-01",
    "2020-03-27",
    "2023-04-03",
    "2024-03-07",
    "2026-11-20",
    "2026-11-20",
    "2026-11-20",
];

/// Controls for whose sake a mark must have NOFORN.
const WITH_NOFORN: [&str; 12] =
    ["BUR", "HCS", "RSV", "KLM-R", "TK-BLFH", "TK-IDIT", "TK-KAND", "XD", "ND", "HCS-O", "HCS-P", "HCS-X"];
/// Controls for whose sake it must have ORCON.
const WITH_ORCON: [&str; 5] = ["HCS-O", "HCS-P ABCDEF", "KLM-ABC", "SI-G", "SI-G ABCD"];

fn codes(dice: &mut Dice) -> String {
    let mut codes = dice.some(&COUNTRIES, 3);
    codes.extend(if dice.one_in(4) { vec!["NATO"] } else { dice.some(&ORGANISATIONS, 6) });
    if codes.is_empty() {
        codes.push("GBR");
    }
    codes.join(", ")
}

/// A portion mark of any kind, which may not be valid.
fn portion(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => owned(dice),
        1 => joint(dice),
        2 => nato(dice),
        _ => united_states(dice),
    }
}

fn united_states(dice: &mut Dice) -> String {
    let level = dice.pick(&["U", "C", "S", "S", "S", "TS", "TS"]);
    // Mostly few controls at once: combinations of many are rarely valid, and never released.
    let rare = 3 + dice.roll(12);
    let mut sci = if dice.one_in(3) { vec![dice.pick(&SCI)] } else { dice.some(&SCI, rare * 6) };
    sci.sort_unstable();
    let sap = dice.one_in(12).then(|| dice.pick(&SAP));
    let aea = dice.one_in(8).then(|| dice.pick(&AEA));
    let fgi = dice.one_in(6).then(|| dice.pick(&FGI));
    let nonic = if dice.one_in(7) { vec![dice.pick(&NONIC)] } else { dice.some(&NONIC, rare * 8) };
    // Some controls are for unclassified information only.
    let only_unclassified = |c: &&str| ["DCNI", "UCNI", "DS", "SBU", "SBU-NF"].contains(c);
    let unclassified = aea.iter().chain(&nonic).any(only_unclassified) && !dice.one_in(4);
    let (level, sap) = if unclassified { ("U", None) } else { (level, sap) };
    sci.retain(|_| !unclassified);
    let chosen = || sci.iter().chain(&aea).chain(&nonic);
    let mut dissem = if dice.one_in(4) { vec![dice.pick(&DISSEM)] } else { dice.some(&DISSEM, rare * 4) };
    if chosen().any(|c| WITH_ORCON.contains(c)) && !dissem.contains(&"OC") {
        dissem = vec!["OC"];
    }
    let mut items: Vec<String> = dissem.iter().filter(|d| **d != "PR").map(|d| (*d).to_owned()).collect();
    let needs_noforn = chosen().any(|c| WITH_NOFORN.iter().any(|n| c == n || c.starts_with(&format!("{n}-"))));
    let says_itself = nonic.iter().any(|n| n.ends_with("-NF"));
    let list = dice.roll(20);
    let noforn = !says_itself && (needs_noforn || list == 0);
    if noforn {
        items.push("NF".into());
    }
    items.extend(dissem.iter().filter(|d| **d == "PR").map(|d| (*d).to_owned()));
    let mut eyes = None;
    if !noforn && !says_itself {
        match list {
            1 => items.push("RELIDO".into()),
            2 => items.extend([format!("REL TO USA, {}", codes(dice)), "RELIDO".into()]),
            3 => {}
            4 => eyes = Some(dice.pick(&["USA/GBR EYES ONLY", "USA/AUS/CAN EYES ONLY"])),
            _ => items.push(format!("REL TO USA, {}", codes(dice))),
        }
    }
    items.extend(eyes.map(str::to_owned));
    let behind = if dice.one_in(8) { vec![dice.pick(&DISSEM_BEHIND)] } else { Vec::new() };
    items.extend(behind.into_iter().map(str::to_owned));
    if !noforn && !says_itself && list == 5 {
        items.push(format!("DISPLAY ONLY {}", codes(dice)));
    } else if list == 6 {
        items.retain(|item| !item.starts_with("REL TO"));
        items.push(format!("DISPLAY ONLY {}", codes(dice)));
    }
    let segments = [
        sci.join("/"),
        sap.unwrap_or_default().into(),
        aea.unwrap_or_default().into(),
        fgi.unwrap_or_default().into(),
        items.join("/"),
        nonic.join("/"),
    ];
    mark(level.to_owned(), &segments)
}

fn mark(class: String, segments: &[String]) -> String {
    let segments = segments.iter().filter(|s| !s.is_empty()).map(String::as_str);
    format!("({})", std::iter::once(class.as_str()).chain(segments).collect::<Vec<_>>().join("//"))
}

fn release(dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 => "NF".into(),
        1 => String::new(),
        2 => format!("DISPLAY ONLY {}", codes(dice)),
        _ => format!("REL TO USA, {}", codes(dice)),
    }
}

fn owned(dice: &mut Dice) -> String {
    let owners = dice.pick(&["DEU", "GBR", "FRA", "DEU FRA", "FGI", "CAN GBR"]);
    let level = dice.pick(&["TS", "S", "C", "R", "U"]);
    let control = if dice.one_in(4) { dice.pick(&["OC", "RS", "IMC"]).to_owned() + "/" } else { String::new() };
    let release = release(dice);
    mark(format!("//{owners} {level}"), &[format!("{control}{release}").trim_end_matches('/').to_owned()])
}

fn joint(dice: &mut Dice) -> String {
    let (owners, list) =
        [("CAN GBR USA", "CAN, GBR"), ("DEU USA", "DEU"), ("AUS USA", "AUS, FVEY"), ("GBR USA", "FVEY")][dice.roll(4)];
    let level = dice.pick(&["TS", "S", "C", "U"]);
    let sci = if dice.one_in(4) { "SI" } else { "" };
    let fgi = if dice.one_in(5) { dice.pick(&["FGI DEU", "FGI FRA", "FGI"]) } else { "" };
    mark(format!("//JOINT {level} {owners}"), &[sci.into(), fgi.into(), format!("REL TO USA, {list}")])
}

fn nato(dice: &mut Dice) -> String {
    let level = dice.pick(&["CTS", "NS", "NC", "NR", "NU"]);
    let sci = if level == "CTS" && dice.one_in(3) { dice.pick(&["BALK", "BOHEMIA"]) } else { "" };
    let aea = if dice.one_in(5) { "ATOMAL" } else { "" };
    let release = release(dice);
    mark(format!("//{level}"), &[sci.into(), aea.into(), release])
}

/// Marks with a single control that can be released under its own conditions: random marks rarely can. `LIST` is drawn.
const ALONE: [&str; 40] = [
    "(S//KLM//LIST)",
    "(TS//MVL//LIST)",
    "(S//SI//LIST)",
    "(TS//SI-NK//LIST)",
    "(TS//SI-EU//LIST)",
    "(TS//TK//LIST)",
    "(TS//SI/TK//LIST)",
    "(TS//SI-G ABCD//OC/LIST)",
    "(S//SAR-BP//LIST)",
    "(S//RD//LIST)",
    "(S//RD-CNWDI//LIST)",
    "(S//RD-SG 14//LIST)",
    "(S//FRD//LIST)",
    "(S//FRD-SG 14//LIST)",
    "(S//TFNI//LIST)",
    "(U//DCNI//LIST)",
    "(U//UCNI//LIST)",
    "(S//FGI//LIST)",
    "(S//FGI DEU//LIST)",
    "(S//FGI NATO//LIST)",
    "(S//FGI AX1//LIST)",
    "(//FGI S//LIST)",
    "(//DEU S//LIST)",
    "(//NS//LIST)",
    "(//NS//ATOMAL//LIST)",
    "(//CTS//BALK//LIST)",
    "(//CTS//BOHEMIA//LIST)",
    "(S//RS/LIST)",
    "(U//FOUO/LIST)",
    "(S//OC/LIST)",
    "(S//OC-USGOV/LIST)",
    "(S//IMC/LIST)",
    "(S//PR/LIST)",
    "(S//LIST/RELIDO)",
    "(S//LIST/DSEN)",
    "(S//LIST/FISA)",
    "(S//LIST/RAWFISA)",
    "(S//LIST//LES)",
    "(S//LIST//SSI)",
    "(U//LIST//DS)",
];

/// Categories of CUI in the order in which they are written: those with conditions of their own, and others.
const CATEGORIES: [&str; 15] = [
    "SP-CTI",
    "SP-FISAB",
    "SP-LDNA",
    "SP-NNPI",
    "SP-PCII",
    "SP-SGI",
    "SP-SSI",
    "DCNI",
    "LEI",
    "MIL",
    "PRIVILEGE",
    "PROPIN",
    "PRVCY",
    "TRACE",
    "UCNI",
];
/// Controls of CUI in the order in which they are written; `LIST` and `SHOWN` are drawn.
const CONTROLS: [&str; 10] =
    ["AC", "AWP", "DISPLAY ONLY SHOWN", "DL ONLY", "FED ONLY", "FEDCON", "NOCON", "NF", "REL TO USA, LIST", "RELIDO"];

/// A portion mark of CUI, which may not be valid.
fn controlled(dice: &mut Dice) -> String {
    let categories = if dice.one_in(2) { vec![dice.pick(&CATEGORIES)] } else { dice.some(&CATEGORIES, 12) };
    // Mostly a release list, and seldom anything else.
    let list = if dice.one_in(6) { 10 } else { [2, 7, 8, 8, 8, 8][dice.roll(6)] };
    let rare = 4 + dice.roll(20);
    let chosen = |(n, control): (usize, &&'static str)| (n == list || dice.one_in(rare)).then_some(*control);
    let controls: Vec<&str> = CONTROLS.iter().enumerate().filter_map(chosen).collect();
    let controls = controls.join("/").replace("LIST", &codes(dice)).replace("SHOWN", &codes(dice));
    mark("CUI".to_owned(), &[categories.join("/"), controls])
}

/// How a case is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    /// Anything.
    Freely,
    /// A single control, mostly with everything that it requires.
    Alone,
    /// The same, for a member that the overlay adds.
    ForWhoJoined,
    /// Controlled unclassified information.
    Controlled,
}

fn alone(dice: &mut Dice, drawn: Drawn) -> String {
    let mark = dice.pick(&ALONE);
    let list = if drawn == Drawn::ForWhoJoined { dice.pick(&["GMIF", "NATO"]).to_owned() } else { codes(dice) };
    mark.replace("LIST", &format!("REL TO USA, {list}"))
}

/// A banner and portions, valid and canonical; `None` if what was drawn is not.
fn marks(dice: &mut Dice, rules: &Rules<'_>, drawn: Drawn) -> Option<(Marking, Vec<Marking>)> {
    let any = if drawn == Drawn::Controlled { controlled } else { portion };
    let freely = [Drawn::Freely, Drawn::Controlled].contains(&drawn);
    let mut texts = vec![if freely { any(dice) } else { alone(dice, drawn) }];
    for _ in 0..if freely { dice.roll(3) } else { 0 } {
        let again = texts[0].clone();
        texts.push(if dice.one_in(2) { again } else { any(dice) });
    }
    let mut portions: Vec<Marking> = texts.iter().filter_map(|text| rules.parse_portion(text, None).ok()).collect();
    if dice.one_in(3) {
        portions.extend(rules.parse_portion("(U)", None).ok());
    }
    let parts: Vec<PortionForRollup<'_>> = portions.iter().map(Into::into).collect();
    let rolled = roll_up(rules, &parts, RollupOptions::default()).ok();
    let own = portions.first()?.clone();
    let banner = if dice.one_in(6) { own } else { rolled.unwrap_or(own) };
    let banner = rules.parse_banner_canonical(&banner.banner()).ok()?;
    // No cut has a banner lower than its portions: the policy leaves that check to the parser and the marking engine.
    covers_portions(rules, &banner, &portions).ok()?;
    Some((banner, portions))
}

// ── what is counted ──

/// The classes of a mark, by the names of the minimum counts below.
fn classes(text: &str) -> Vec<String> {
    let inner = text.trim_matches(['(', ')']);
    let mut found = Vec::new();
    let mut segments = inner.split("//");
    let class = segments.next().unwrap_or_default();
    if class == "CUI" {
        found.push("CUI".into());
        let named = |item: &str| {
            let name = ["REL TO", "DISPLAY ONLY"].into_iter().find(|name| item.starts_with(name));
            format!("CUI {}", name.unwrap_or(item))
        };
        found.extend(segments.flat_map(|segment| segment.split('/')).map(named));
        return found;
    }
    if class.is_empty() {
        let class = segments.next().unwrap_or_default();
        let kind = match class.split(' ').next() {
            Some("JOINT") => "JOINT",
            Some("FGI") => "concealed owner",
            Some("CTS" | "NS" | "NC" | "NR" | "NU") => "NATO owner",
            _ => "foreign owner",
        };
        found.push(kind.to_owned());
    }
    for segment in segments {
        if segment == "FGI" {
            found.push("concealed FGI".into());
        } else if segment.starts_with("FGI ") {
            found.push("FGI".into());
            found.extend(["NATO", "AX1"].into_iter().filter(|c| segment.contains(c)).map(|c| format!("FGI {c}")));
        } else if segment.starts_with("SAR-") {
            found.push("SAP".into());
        } else if segment.contains("EYES ONLY") {
            found.push("EYES ONLY".into());
        } else {
            for item in segment.split('/') {
                let name = ["REL TO", "DISPLAY ONLY"].into_iter().find(|name| item.starts_with(name));
                found.push(name.unwrap_or(item).to_owned());
                let listed = |code: &str| name.is_some() && item.split([',', ' ']).any(|c| c == code);
                found.extend(["NATO", "GMIF", "KFOR"].into_iter().filter(|c| listed(c)).map(|c| format!("list {c}")));
            }
        }
    }
    found
}

/// Classes that every run reaches, and whether both checks permit them at least once.
const REACHED: [&str; 94] = [
    "CUI",
    "CUI DCNI",
    "CUI DISPLAY ONLY",
    "CUI DL ONLY",
    "CUI FED ONLY",
    "CUI FEDCON",
    "CUI LEI",
    "CUI MIL",
    "CUI NF",
    "CUI NOCON",
    "CUI PRIVILEGE",
    "CUI PROPIN",
    "CUI REL TO",
    "CUI RELIDO",
    "CUI SP-NNPI",
    "CUI SP-SSI",
    "CUI TRACE",
    "CUI UCNI",
    "BUR-BLG",
    "HCS-O",
    "HCS-P",
    "HCS-P ABCDEF",
    "HCS-X",
    "KLM",
    "KLM-R",
    "KLM-ABC",
    "MVL",
    "RSV-ABC",
    "SI",
    "SI-EU",
    "SI-NK",
    "SI-ABC",
    "SI-G",
    "SI-G ABCD",
    "TK",
    "TK-BLFH",
    "TK-IDIT",
    "TK-KAND",
    "SAP",
    "RD",
    "RD-CNWDI",
    "RD-SG 14",
    "FRD",
    "FRD-SG 14",
    "TFNI",
    "DCNI",
    "UCNI",
    "ATOMAL",
    "BALK",
    "BOHEMIA",
    "FGI",
    "FGI NATO",
    "FGI AX1",
    "concealed FGI",
    "concealed owner",
    "foreign owner",
    "JOINT",
    "NATO owner",
    "RS",
    "FOUO",
    "OC",
    "OC-USGOV",
    "IMC",
    "NF",
    "PR",
    "REL TO",
    "RELIDO",
    "EYES ONLY",
    "DSEN",
    "RAWFISA",
    "FISA",
    "DISPLAY ONLY",
    "DS",
    "XD",
    "ND",
    "SBU",
    "SBU-NF",
    "LES",
    "LES-NF",
    "SSI",
    "list NATO",
    "list GMIF",
    "list KFOR",
    "overlay",
    "accession by the overlay",
    "undated",
    "older than an accession",
    "organisation",
    "bound network",
    "home GBR",
    "home DEU",
    "to the United States",
    "permitted",
    "refused",
];
const RELEASED: [&str; 58] = [
    "CUI",
    "CUI LEI",
    "CUI MIL",
    "CUI NOCON",
    "CUI REL TO",
    "CUI SP-SSI",
    "ATOMAL",
    "BALK",
    "BOHEMIA",
    "DCNI",
    "DS",
    "DSEN",
    "FGI",
    "FGI AX1",
    "FGI NATO",
    "FISA",
    "FOUO",
    "FRD",
    "FRD-SG 14",
    "IMC",
    "JOINT",
    "KLM",
    "LES",
    "NATO owner",
    "OC",
    "OC-USGOV",
    "PR",
    "RAWFISA",
    "RD",
    "RD-CNWDI",
    "RD-SG 14",
    "REL TO",
    "RELIDO",
    "RS",
    "SAP",
    "SI",
    "SI-EU",
    "SI-G ABCD",
    "SSI",
    "TFNI",
    "TK",
    "UCNI",
    "DISPLAY ONLY",
    "accession by the overlay",
    "bound network",
    "concealed FGI",
    "concealed owner",
    "foreign owner",
    "home DEU",
    "home GBR",
    "list GMIF",
    "list KFOR",
    "list NATO",
    "older than an accession",
    "organisation",
    "overlay",
    "to the United States",
    "undated",
];
/// Classes that are never released, whatever other conditions are met.
const KEPT: [&str; 8] =
    ["CUI FED ONLY", "CUI FEDCON", "CUI NF", "CUI PRIVILEGE", "CUI SP-NNPI", "CUI SP-PCII", "CUI SP-SGI", "NF"];
/// Every reason of refusal about marks, by the codes of the one check and the rules of the other.
const REFUSED: [&str; 50] = [
    "lattice CEILING",
    "lattice CONDITION:AEA-AGREEMENT",
    "lattice CONDITION:ATOMAL-AGREEMENT",
    "lattice CONDITION:FGI-CONSENT",
    "lattice CONDITION:FISA-ACCREDITED",
    "lattice CONDITION:IMCON-ACCREDITED",
    "lattice CONDITION:NATO-READON",
    "lattice CONDITION:ORCON-LIST",
    "lattice CONDITION:ORIGINATOR:DCNI",
    "lattice CONDITION:ORIGINATOR:DS",
    "lattice CONDITION:ORIGINATOR:DSEN",
    "lattice CONDITION:ORIGINATOR:LES",
    "lattice CONDITION:ORIGINATOR:SBU",
    "lattice CONDITION:ORIGINATOR:SSI",
    "lattice CONDITION:ORIGINATOR:UCNI",
    "lattice CONDITION:PROPIN-PERMISSION",
    "lattice CONDITION:RAWFISA-ACCREDITED",
    "lattice CONDITION:RSEN-LIST",
    "lattice CONDITION:SAP",
    "lattice CONDITION:SCI:SI",
    "lattice CONDITION:SCI:TK",
    "lattice CONDITION:SCI of a compartment",
    "lattice DISPLAY-ONLY",
    "lattice NETWORK",
    "lattice NOT-RELEASABLE",
    "rule above-ceiling",
    "rule atomal",
    "rule atomic-energy",
    "rule compartments",
    "rule display-only",
    "rule drug-enforcement",
    "rule fisa",
    "rule foreign-source-consent",
    "rule imagery",
    "rule law-enforcement",
    "rule limited-distribution",
    "rule nato",
    "rule nato-owner-consent",
    "rule network",
    "rule noforn",
    "rule not-releasable-to-partner",
    "rule nuclear-controlled",
    "rule originator-controlled",
    "rule proprietary",
    "rule raw-fisa",
    "rule relido-alone",
    "rule risk-sensitive",
    "rule security-sensitive",
    "rule sensitive-unclassified",
    "rule special-access",
];

// ── the comparison ──

/// Consents for this very product and partner.
fn consents() -> Vec<SourceConsent> {
    let text = |condition: &str, source: &str| {
        // These two need a consent by digest.
        let covers = match source == "concealed" || condition == "RAWFISA-ACCREDITED" {
            true => format!("digest = '{}'", Digest::of(support::PRODUCT.as_bytes())),
            false => "product = 'EXERCISE-RELEASE-1'".to_owned(),
        };
        format!(
            "condition = '{condition}'\nsource = '{source}'\nconsented_by = 'EXERCISE'\nreference = 'EXERCISE'\n\
             given_on = 2026-10-30\nuse_statement = 'EXERCISE'\n\
             partners = ['exercise-gbr']\nvalid_from = 2026-11-01\nvalid_until = 2026-11-30\n\
             covers = {{ {covers} }}\n"
        )
    };
    let [of_a_source, of_an_originator, of_a_control @ ..] = BY_CONSENT;
    let sources = ["AX1", "CAN", "DEU", "FRA", "GBR", "NATO", "USA", "concealed"].map(|source| (of_a_source, source));
    let controls = of_a_control.map(|condition| (condition, "EXERCISE CONTROL"));
    let all = sources.into_iter().chain([(of_an_originator, "EXERCISE DESK")]).chain(controls);
    all.map(|(condition, source)| SourceConsent::parse(&text(condition, source)).unwrap()).collect()
}

/// Cases of an ordinary run, and how many of them at least hold each class of mark and each refusal, and how many of those that
/// are released each class that may be.
const ORDINARY: u64 = 8_000;
const FLOOR: u64 = 50;
const FLOOR_RELEASED: u64 = 5;

#[test]
fn the_marking_engine_and_policy_agree_on_every_random_mark() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (cases, shard) = (number("PORTCULLIS_CASES").unwrap_or(ORDINARY), number("PORTCULLIS_SHARD").unwrap_or(0));
    let mut dice = Dice(0x5eed_2026_1129_0001 ^ shard.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let overlay = include_str!("../../policy/register/overlay.json");
    let shipped = RegisterFiles::shipped();
    let with_overlay = Register::load(&RegisterFiles { overlay: Some(overlay), ..shipped }).unwrap();
    let registers: [&'static Register; 2] = [Register::compiled_in(), Box::leak(Box::new(with_overlay))];
    let memberships =
        [None, Some(overlay)].map(|o| Membership::parse(shipped.countries, shipped.tetragraphs, o).unwrap());
    let on_record = consents();

    let mut world = World::new();
    // Without approvals nothing is released, but any disagreement about the marks still raises the alarm.
    // Submission and approval are covered by other tests.
    world.approvals.clear();
    world.officers.clear();
    world.partner.agreement.product_age_days_max = 100_000;
    world.submission = Some(Vec::new());
    let (mut reached, mut released): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
    // Of what was seen seldom, the marks that it was seen with: the later cases are drawn until one of them comes.
    let mut seen_with: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut wanted, mut passed_over, mut seldom_refused): (BTreeSet<String>, u32, bool) = Default::default();
    let (mut done, mut drawn) = (0, 0u64);
    while done < cases {
        drawn += u64::from(passed_over == 0);
        assert!(drawn < cases * 20 + 1000, "only {done} of {drawn} marks that were drawn are valid");
        // One case in three can be released if its conditions are met.
        let how = [Drawn::Alone, Drawn::Alone, Drawn::Alone, Drawn::ForWhoJoined][dice.roll(4)];
        let how = if dice.one_in(3) { how } else { Drawn::Freely };
        let how = if dice.one_in(8) { Drawn::Controlled } else { how };
        let (aimed, joined) = (how != Drawn::Freely, how == Drawn::ForWhoJoined);
        let added = joined || dice.one_in(2);
        (world.register, world.membership) = (registers[usize::from(added)], memberships[usize::from(added)].clone());
        let date = (joined || !dice.one_in(12)).then(|| dice.pick(&DATES[if joined { 7 } else { 0 }..]));
        let known = date.map_or(DocumentDate::Unknown, |date| DocumentDate::Known(date.parse().unwrap()));
        let profile = if how == Drawn::Controlled { Profile::Cui } else { Profile::default() };
        let rules = Rules::new(world.register, known).with_profile(profile);
        let Some((banner, portions)) = marks(&mut dice, &rules, how) else { continue };
        let marked: BTreeSet<String> = portions.iter().flat_map(|portion| classes(&portion.portion())).collect();
        if !wanted.is_empty() && wanted.is_disjoint(&marked) && passed_over < 60 {
            passed_over += 1;
            continue;
        }
        passed_over = 0;
        let agreement = &mut world.partner.agreement;
        agreement.ours = dice.pick(&["USA", "USA", "USA", "GBR", "DEU"]).into();
        let codes: Vec<String> =
            banner.rel_to().iter().map(str::to_owned).filter(|code| *code != agreement.ours).collect();
        // Mostly a partner that is named: both checks refuse every other for that reason alone.
        let (kind, code) = match dice.roll(5) {
            _ if joined => (PartnerKind::Country, dice.pick(&["FIN", "SWE"]).to_owned()),
            0 => (PartnerKind::Organisation, dice.pick(&ORGANISATIONS).to_owned()),
            1 => (PartnerKind::Country, dice.pick(&COUNTRIES).to_owned()),
            2 if agreement.ours != "USA" => (PartnerKind::Country, "USA".to_owned()),
            _ if codes.is_empty() => (PartnerKind::Country, "GBR".to_owned()),
            _ => {
                let code = codes[dice.roll(codes.len())].clone();
                let expanded = dice.one_in(2) && ["NATO", "GMIF"].contains(&code.as_str());
                match (ORGANISATIONS.contains(&code.as_str()), expanded) {
                    (true, true) => {
                        (PartnerKind::Country, dice.pick(&["FIN", "SWE", "SWE", "MKD", "ALB", "DEU"]).to_owned())
                    }
                    (true, false) => (PartnerKind::Organisation, code),
                    (false, _) => (PartnerKind::Country, code),
                }
            }
        };
        if code == agreement.ours {
            continue;
        }
        (agreement.party.kind, agreement.party.code) = (kind, code.clone());
        let ceilings = [Level::Unclassified, Level::Secret, Level::TopSecret, Level::TopSecret];
        agreement.ceiling = ceilings[if aimed && !dice.one_in(8) { 3 } else { dice.roll(4) }];
        // Mostly a network without limits.
        agreement.network = match dice.roll(if aimed { 20 } else { 10 }) {
            0 => Some([code.clone()].into()),
            1 => Some(["FVEY".to_owned(), "NATO".to_owned()].into()),
            2 => Some([dice.pick(&COUNTRIES).to_owned(), dice.pick(&ORGANISATIONS).to_owned()].into()),
            _ => None,
        };
        let conditions = std::iter::once(&banner).chain(&portions).flat_map(Marking::conditions);
        let by_consent = |c: &Condition| BY_CONSENT.contains(&c.to_string().as_str());
        let lacks = if aimed { [40, 40, 40, 2][dice.roll(4)] } else { 2 + dice.roll(20) };
        // What is refused for want of an accreditation or a consent comes by itself too seldom.
        let lacks = if seldom_refused && !dice.one_in(4) { 2 } else { lacks };
        agreement.accreditations = conditions
            .filter(|c| !by_consent(c) && !dice.one_in(lacks))
            .map(|condition| condition.to_string())
            .collect();
        // Those that it takes, and one or two of others.
        let of_any = |is: &dyn Fn(&Marking) -> bool| std::iter::once(&banner).chain(&portions).any(is);
        let taken = |consent: &SourceConsent| {
            let has = |mark: &Marking| mark.conditions().iter().any(|c| c.to_string() == consent.condition);
            let source = consent.condition == BY_CONSENT[0] && of_any(&|mark| mark.is_of(&consent.source));
            source || consent.condition != BY_CONSENT[0] && of_any(&has)
        };
        let kept = |consent: &&SourceConsent| if taken(consent) { !dice.one_in(lacks) } else { dice.one_in(12) };
        world.consents = on_record.iter().filter(kept).cloned().collect();
        let outline = world.cuts.values_mut().next().unwrap();
        *outline = Outline {
            marking: banner.banner(),
            portions: portions.iter().map(Marking::portion).collect(),
            digest: Digest::of(&done.to_be_bytes()),
            date: date.map(str::to_owned),
            consents: world.consents.iter().map(SourceConsent::digest).collect(),
            ..outline.clone()
        };
        let decision = world.decide();
        let outline = world.cuts.values().next().unwrap();
        let agreement = &world.partner.agreement;
        assert!(
            !decision.alarm,
            "case {done} of shard {shard}: `{}` {:?} of {date:?} from {} to {code}, overlay {added}, accredited {:?}, \
             consents of {:?}\n{:#?}",
            outline.marking,
            outline.portions,
            agreement.ours,
            agreement.accreditations,
            world.consents.iter().map(|c| &c.source).collect::<Vec<_>>(),
            decision.reasons,
        );
        done += 1;
        let permitted = !decision.reasons.iter().any(|r| r.source == Source::Lattice && r.against);
        let mut found: Vec<String> = outline.portions.iter().flat_map(|portion| classes(portion)).collect();
        found.push(if permitted { "permitted" } else { "refused" }.into());
        // The reasons of both checks.
        let marking = |id: &str| world.policies.rule(id).is_some_and(|rule| rule.about == About::Marking);
        let against = decision.reasons.iter().filter(|r| r.against);
        found.extend(against.filter_map(|r| match r.source {
            Source::Lattice => Some(match r.code.strip_prefix("CONDITION:S") {
                Some(name) if name.starts_with("AP:") => "lattice CONDITION:SAP".to_owned(),
                Some(name) if name.contains('-') => "lattice CONDITION:SCI of a compartment".to_owned(),
                _ => format!("lattice {}", r.code),
            }),
            Source::Policy if marking(&r.code) => Some(format!("rule {}", r.code)),
            _ => None,
        }));
        found.extend(added.then(|| "overlay".into()));
        let by_list = ["FIN", "SWE"].contains(&code.as_str()) && !outline.marking.contains(&code);
        found.extend(
            (added && by_list && ["GMIF", "NATO"].iter().any(|list| outline.marking.contains(list)))
                .then(|| "accession by the overlay".into()),
        );
        found.extend(date.is_none().then(|| "undated".into()));
        found.extend(date.is_some_and(|date| date < "2020").then(|| "older than an accession".into()));
        found.extend((kind == PartnerKind::Organisation).then(|| "organisation".into()));
        found.extend(agreement.network.is_some().then(|| "bound network".into()));
        found.push(format!("home {}", agreement.ours));
        found.extend((code == "USA").then(|| "to the United States".into()));
        found.sort_unstable();
        found.dedup();
        for class in found {
            *released.entry(class.clone()).or_default() += u64::from(permitted);
            *reached.entry(class.clone()).or_default() += 1;
            seen_with.entry(class).or_insert_with(|| marked.clone());
        }
        if done * 4 > cases && done.is_multiple_of(20) {
            let count = |class: &&str| reached.get(*class).copied().unwrap_or_default();
            let seldom: Vec<&str> =
                REACHED.into_iter().chain(REFUSED).filter(|class| count(class) < FLOOR + 10).collect();
            let with = |class: &&str| {
                let seen = seen_with.get(*class).into_iter().flatten();
                seen.min_by_key(|mark| reached.get(*mark).copied().unwrap_or_default()).cloned()
            };
            seldom_refused = seldom.iter().any(|class| REFUSED.contains(class));
            wanted = seldom.iter().filter_map(with).chain(seldom.iter().map(|class| (*class).to_owned())).collect();
        }
    }
    let permits = reached.get("permitted").copied().unwrap_or_default();
    println!(
        "shard {shard}: {cases} cases, 0 differences, {permits} permitted, {drawn} drawn, {} classes",
        reached.len()
    );
    if std::env::var_os("PORTCULLIS_SHOW").is_some() {
        for (class, count) in &reached {
            println!("{class}: {count}, permitted {}", released[class]);
        }
    }
    // A run that covers little, or permits hardly anything, would agree for the wrong reason.
    let few = |counts: &BTreeMap<String, u64>, classes: &[&str], least: u64| -> Vec<String> {
        let count = |class: &str| counts.get(class).copied().unwrap_or_default();
        classes.iter().filter(|c| count(c) < least).map(|c| format!("{c}: {}", count(c))).collect()
    };
    let known: Vec<&str> = REACHED.into_iter().chain(REFUSED).collect();
    let unreached = few(&reached, &known, if cases < ORDINARY { 1 } else { FLOOR });
    assert!(unreached.is_empty(), "reached too seldom: {unreached:?}");
    let unreleased = few(&released, &RELEASED, if cases < ORDINARY { 1 } else { FLOOR_RELEASED });
    assert!(unreleased.is_empty(), "released too seldom: {unreleased:?}");
    let went: Vec<&str> = KEPT.into_iter().filter(|class| released.get(*class).is_some_and(|n| *n > 0)).collect();
    assert!(went.is_empty(), "released, which never may be: {went:?}");
    assert!(permits * 25 > cases, "only {permits} of {cases} cases were permitted");
}
