//! A deliberately naive oracle of the whole release decision: its own parsing of the marks, set arithmetic, no Cedar, no marking engine.
//! It must agree with the decision in every one of many random cases.
//!
//! `scripts/soak decide` runs a million instead of the ordinary ten thousand, in shards that each have their own seed
//! (`PORTCULLIS_CASES`, `PORTCULLIS_SHARD`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis::approval::{Approval, Enrolment, OfficerState, Outline, ReceivedContent, Role};
use portcullis::consent::SourceConsent;
use portcullis::digest::Digest;
use portcullis::ident::ExchangeId;
use portcullis::inspect::{Place, SharedRun};
use portcullis::marking::{Level, PartnerKind};
use portcullis::partner::Standing;
use portcullis::product::PortionKind;
use portcullis::release::{Outcome, Record, Stage};

use crate::classes::Classes;
use crate::support::{self, NOW, World};

type Set = BTreeSet<String>;

/// A small generator of our own, so that a seed always gives the same cases.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize].clone()
    }

    fn some<T: Clone>(&mut self, of: &[T], one_in: u64) -> Vec<T> {
        of.iter().filter(|_| self.one_in(one_in)).cloned().collect()
    }
}

// ── the cases ──

/// The owner of a mark.
#[derive(Clone, Default, PartialEq)]
enum Owner {
    #[default]
    Us,
    Country(&'static str),
    Nato,
    /// Jointly with us.
    Joint(&'static str),
}

/// A mark in pieces, printed by [`Draft::print`].
#[derive(Clone, Default)]
struct Draft {
    owner: Owner,
    level: usize,
    sci: Vec<&'static str>,
    sap: Vec<&'static str>,
    aea: Option<&'static str>,
    fgi: Vec<&'static str>,
    concealed: bool,
    dissem: Vec<usize>,
    noforn: bool,
    rel: Vec<&'static str>,
    relido: bool,
    display: Vec<&'static str>,
    nonic: Vec<usize>,
    junk: bool,
}

const LEVELS: [(&str, &str); 4] = [("UNCLASSIFIED", "U"), ("CONFIDENTIAL", "C"), ("SECRET", "S"), ("TOP SECRET", "TS")];
const NATO_LEVELS: [(&str, &str); 4] =
    [("NATO UNCLASSIFIED", "NU"), ("NATO CONFIDENTIAL", "NC"), ("NATO SECRET", "NS"), ("COSMIC TOP SECRET", "CTS")];
// Register order, in three stretches around NOFORN, PROPIN, REL TO and RELIDO.
const DISSEM: [(&str, &str); 6] =
    [("RSEN", "RS"), ("ORCON", "OC"), ("IMCON", "IMC"), ("PROPIN", "PR"), ("DSEN", "DSEN"), ("FISA", "FISA")];
const NONIC: [(&str, &str); 2] = [("LES", "LES"), ("SSI", "SSI")];
const COUNTRIES: [&str; 6] = ["AUS", "CAN", "DEU", "FRA", "GBR", "NZL"];
const ORGS: [&str; 4] = ["ACGU", "FVEY", "KFOR", "NATO"];

impl Draft {
    fn print(&self, portion: bool) -> String {
        let form = |(banner, short): (&'static str, &'static str)| if portion { short } else { banner };
        let level = form(LEVELS[self.level]);
        let mut text = match &self.owner {
            Owner::Us => level.to_owned(),
            Owner::Country(code) => format!("//{code} {level}"),
            Owner::Nato => format!("//{}", form(NATO_LEVELS[self.level])),
            Owner::Joint(code) => format!("//JOINT {level} {code} USA"),
        };
        let mut segment = |items: Vec<String>| {
            if !items.is_empty() {
                text.push_str("//");
                text.push_str(&items.join("/"));
            }
        };
        segment(self.sci.iter().map(|s| (*s).to_owned()).collect());
        segment(self.sap.iter().map(|s| format!("SAR-{s}")).collect());
        segment(self.aea.iter().map(|a| (*a).to_owned()).collect());
        if self.concealed {
            segment(vec!["FGI".into()]);
        } else if !self.fgi.is_empty() {
            segment(vec![format!("FGI {}", self.fgi.join(" "))]);
        }
        let mut dissem = Vec::new();
        dissem.extend(self.dissem.iter().filter(|d| **d < 3).map(|d| form(DISSEM[*d]).to_owned()));
        if self.noforn {
            dissem.push(if portion { "NF" } else { "NOFORN" }.into());
        }
        dissem.extend(self.dissem.iter().filter(|d| **d == 3).map(|d| form(DISSEM[*d]).to_owned()));
        if !self.rel.is_empty() {
            dissem.push(format!("REL TO USA, {}", self.rel.join(", ")));
        }
        if self.relido {
            dissem.push("RELIDO".into());
        }
        dissem.extend(self.dissem.iter().filter(|d| **d > 3).map(|d| match (DISSEM[*d], portion) {
            (("DSEN", _), false) => "DEA SENSITIVE".to_owned(),
            (pair, _) => form(pair).to_owned(),
        }));
        if !self.display.is_empty() {
            dissem.push(format!("DISPLAY ONLY {}", self.display.join(", ")));
        }
        if self.junk {
            dissem.push("XYZZY".into());
        }
        segment(dissem);
        segment(self.nonic.iter().map(|n| form(NONIC[*n]).to_owned()).collect());
        if portion { format!("({text})") } else { text }
    }

    /// The same, marked by its owner and with nothing but its level and its list.
    fn plain(&self, owner: Owner) -> Draft {
        let mut rel: BTreeSet<&str> = self.rel.iter().copied().collect();
        if let Owner::Joint(code) = owner {
            // A joint mark is released to its owners.
            rel.insert(code);
        }
        Draft { owner, level: self.level.max(1), rel: ordered(&rel), ..Draft::default() }
    }

    /// The sources whose consent it needs: its owner and the sources that it names.
    fn sources(&self) -> Vec<&'static str> {
        match &self.owner {
            Owner::Country(code) | Owner::Joint(code) => vec![code],
            Owner::Nato => vec!["NATO"],
            Owner::Us if self.concealed => vec!["concealed"],
            Owner::Us => self.fgi.clone(),
        }
    }
}

fn owner(dice: &mut Dice) -> Owner {
    let code = dice.pick(&["DEU", "FRA", "GBR"]);
    match dice.roll(3) {
        0 => Owner::Country(code),
        1 => Owner::Nato,
        _ => Owner::Joint(code),
    }
}

/// A mark that is releasable to `code`, given the consents and accreditations it needs.
fn sound_banner(dice: &mut Dice, code: &'static str) -> Draft {
    let level = dice.pick(&[0, 1, 2, 2, 2, 2, 3]);
    let mut rel: BTreeSet<&str> = list(dice).into_iter().collect();
    rel.insert(code);
    let mut draft = Draft { level, rel: ordered(&rel), ..Draft::default() };
    if dice.one_in(5) {
        let owner = owner(dice);
        return draft.plain(owner);
    }
    if level >= 2 {
        if dice.one_in(3) {
            draft.sci = dice.pick(&[vec!["SI"], vec!["TK"], vec!["SI", "TK"]]);
        }
        if dice.one_in(8) {
            draft.sap = vec!["BP"];
        }
        if dice.one_in(6) {
            draft.aea = Some(dice.pick(&["RD", "FRD", "TFNI"]));
        }
        draft.dissem = dice.some(&[0, 1, 2, 3, 4, 5], 10);
    }
    if level >= 1 && dice.one_in(3) {
        draft.fgi = dice.pick(&[vec!["DEU"], vec!["DEU", "FRA"], vec!["GBR"], vec!["NATO"]]);
        draft.concealed = dice.one_in(3);
    }
    if dice.one_in(6) {
        draft.nonic = dice.some(&[0, 1], 2);
    }
    draft.relido = dice.one_in(12) && !draft.dissem.contains(&1);
    draft
}

/// A mark that a valid banner covers.
fn sound_portion(dice: &mut Dice, banner: &Draft) -> Draft {
    let mut portion = banner.clone();
    if dice.one_in(3) && portion.level == 3 {
        portion.level = 2;
    }
    if dice.one_in(3) {
        portion.sci.truncate(1);
        portion.sap.clear();
    }
    if dice.one_in(3) {
        portion.dissem.truncate(1);
    }
    if dice.one_in(3) && !portion.rel.is_empty() {
        let mut wider: BTreeSet<&str> = portion.rel.iter().copied().collect();
        wider.insert(dice.pick(&COUNTRIES));
        portion.rel = ordered(&wider);
    }
    // Whose information the banner acknowledges may stand under their own mark.
    if !portion.fgi.is_empty() && !portion.concealed && !portion.rel.is_empty() && dice.one_in(2) {
        let owner = match dice.pick(&portion.fgi) {
            "NATO" => Owner::Nato,
            code if dice.one_in(2) => Owner::Country(code),
            code => Owner::Joint(code),
        };
        return portion.plain(owner);
    }
    portion
}

fn list(dice: &mut Dice) -> Vec<&'static str> {
    let mut codes = dice.some(&COUNTRIES, 3);
    codes.extend(dice.some(&ORGS, 5));
    if codes.is_empty() { vec!["GBR"] } else { codes }
}

fn draft_banner(dice: &mut Dice) -> Draft {
    let level = dice.pick(&[0, 1, 2, 2, 2, 2, 3]);
    let mut draft = Draft { level, rel: list(dice), ..Draft::default() };
    if level >= 2 && dice.one_in(5) {
        draft.sci = dice.pick(&[vec!["SI"], vec!["TK"], vec!["SI", "TK"]]);
    }
    if level >= 2 && dice.one_in(10) {
        draft.aea = Some(dice.pick(&["RD", "FRD", "TFNI"]));
    }
    if level >= 1 && dice.one_in(8) {
        draft.fgi = dice.pick(&[vec!["DEU"], vec!["DEU", "FRA"], vec!["GBR"], vec!["NATO"]]);
        draft.concealed = dice.one_in(4);
    }
    if level >= 2 {
        draft.dissem = dice.some(&[0, 1, 2, 3, 4, 5], 12);
    }
    if dice.one_in(12) {
        draft.nonic = dice.some(&[0, 1], 2);
    }
    match dice.roll(24) {
        0 => (draft.noforn, draft.rel) = (true, vec![]),
        1 if !draft.dissem.contains(&1) => draft.relido = true,
        2 if !draft.dissem.contains(&1) && level > 0 => (draft.relido, draft.rel) = (true, vec![]),
        3 => draft.rel.clear(),
        4 => draft.junk = true,
        5 => draft.rel = vec!["QQQ"],
        6 => (draft.display, draft.rel) = (vec!["AFG"], vec!["GBR"]),
        7 => (draft.display, draft.rel) = (vec!["GBR"], vec![]),
        _ => {}
    }
    draft
}

/// A portion below `banner`: mostly one that it covers, sometimes not.
fn draft_portion(dice: &mut Dice, banner: &Draft) -> Draft {
    let mut portion = banner.clone();
    if dice.one_in(4) && portion.level > 2 {
        portion.level = 2;
    }
    if dice.one_in(3) {
        portion.sci.truncate(1);
    }
    if dice.one_in(3) {
        portion.dissem.truncate(1);
    }
    if dice.one_in(3) && !portion.rel.is_empty() && portion.rel != ["QQQ"] && portion.display.is_empty() {
        let mut wider: BTreeSet<&str> = portion.rel.iter().copied().collect();
        wider.insert(dice.pick(&COUNTRIES));
        portion.rel = ordered(&wider);
    }
    match dice.roll(40) {
        0 => (portion.noforn, portion.rel, portion.relido, portion.display) = (true, vec![], false, vec![]),
        1 => portion.rel = list(dice),
        2 => portion.junk = true,
        3 if portion.level >= 2 => portion.dissem = vec![1],
        4 if portion.level >= 2 => portion.sci = vec!["SI", "TK"],
        5 => portion.level = 3,
        6 => (portion.rel, portion.display) = (vec![], vec![]),
        7 => portion.nonic = vec![0],
        8 if portion.level >= 1 => (portion.fgi, portion.concealed) = (vec!["FRA"], false),
        _ => {}
    }
    if portion.dissem.contains(&1) {
        portion.relido = false;
    }
    portion
}

/// Countries, then organisations, each in order: how a list is printed.
fn ordered(codes: &BTreeSet<&'static str>) -> Vec<&'static str> {
    let (orgs, countries): (Vec<_>, Vec<_>) = codes.iter().copied().partition(|c| ORGS.contains(c));
    countries.into_iter().chain(orgs).collect()
}

// ── the naive oracle ──

#[derive(Debug, Default)]
struct Naive {
    unknown: bool,
    level: usize,
    words: Set,
    countries: Set,
    orgs: Set,
    sources: Set,
    named: Set,
    /// The other owners of a joint mark.
    joint: Set,
}

impl Naive {
    /// Whether it does not limit the audience of the whole.
    fn is_silent(&self) -> bool {
        let lists = self.countries.is_empty() && self.orgs.is_empty() && self.joint.is_empty();
        self.level == 0 && lists && self.words.is_empty() && self.sources.is_empty()
    }

    fn classed(&mut self, levels: &[(&str, &str)], class: &str) {
        match levels.iter().position(|(banner, short)| *banner == class || *short == class) {
            Some(level) => self.level = level,
            None => self.unknown = true,
        }
    }
}

struct Members(BTreeMap<String, Set>);

impl Members {
    fn load() -> Members {
        let json: serde_json::Value =
            serde_json::from_str(include_str!("../../policy/register/tetragraphs.json")).unwrap();
        let rows = json["tetragraphs"].as_array().unwrap().iter();
        Members(
            rows.map(|row| {
                let members = row["members"].as_array().unwrap().iter().map(|m| m.as_str().unwrap().to_owned());
                (row["code"].as_str().unwrap().to_owned(), members.filter(|m| m != "USA").collect())
            })
            .collect(),
        )
    }
}

fn opinion_of(mark: &str, members: &Members) -> Naive {
    let mut naive = Naive::default();
    let bare = mark.trim_start_matches('(').trim_end_matches(')');
    let ours = !bare.starts_with("//");
    let mut words = bare.trim_start_matches('/').split("//");
    let class = words.next().unwrap();
    if ours {
        naive.classed(&LEVELS, class);
    } else if let Some(joint) = class.strip_prefix("JOINT ") {
        let (class, owner) = joint.strip_suffix(" USA").and_then(|j| j.rsplit_once(' ')).unwrap_or(("", ""));
        naive.classed(&LEVELS, class);
        naive.joint.insert(owner.into());
    } else if class.starts_with("NATO ") || class.starts_with("COSMIC ") || !class.contains(' ') {
        naive.classed(&NATO_LEVELS, class);
        naive.sources.insert("NATO".into());
    } else {
        let (owner, class) = class.split_once(' ').unwrap();
        naive.classed(&LEVELS, class);
        naive.sources.insert(owner.into());
    }
    for word in words.flat_map(|segment| segment.split('/')) {
        if let Some(codes) = word.strip_prefix("REL TO USA, ") {
            for code in codes.split(", ") {
                naive.named.insert(code.into());
                if let Some(list) = members.0.get(code) {
                    naive.orgs.insert(code.into());
                    naive.countries.extend(list.iter().cloned());
                } else if COUNTRIES.contains(&code) {
                    naive.countries.insert(code.into());
                } else {
                    naive.unknown = true;
                }
            }
        } else if let Some(codes) = word.strip_prefix("FGI ") {
            naive.sources.extend(codes.split(' ').map(str::to_owned));
        } else if word.starts_with("DISPLAY ONLY ") {
            naive.words.insert("DISPLAY".into());
        } else if word == "XYZZY" {
            naive.unknown = true;
        } else {
            let long = DISSEM.iter().chain(&NONIC).find(|(_, short)| *short == word).map_or(word, |(long, _)| *long);
            let long = match long {
                "NF" => "NOFORN",
                "DEA SENSITIVE" => "DSEN",
                other => other,
            };
            naive.words.insert(long.into());
        }
    }
    naive
}

/// The reasons, by the names of this oracle, why this may not be sent; empty if it may.
fn opinion(world: &World, people: usize, senior: usize, members: &Members) -> Vec<String> {
    let mut no = Vec::new();
    let outline = world.cuts.values().next().unwrap();
    let agreement = &world.partner.agreement;
    let banner = opinion_of(&outline.marking, members);
    let portions: Vec<Naive> = outline.portions.iter().map(|p| opinion_of(p, members)).collect();
    let all: Vec<&Naive> = std::iter::once(&banner).chain(&portions).collect();
    let code = &agreement.party.code;
    let mut deny = |is: bool, why: &str| {
        if is {
            no.push(why.to_owned());
        }
    };
    let words: Set = all.iter().flat_map(|m| m.words.iter().cloned()).collect();
    let has = |word: &str| words.contains(word);
    let (mut named, nato) = (true, members.0.get("NATO").is_some_and(|nato| nato.contains(code)));
    let lacks = |condition: &str| !agreement.accreditations.contains(condition);
    deny(all.iter().any(|m| m.unknown), "unknown");
    for mark in &all {
        if mark.is_silent() && !std::ptr::eq(*mark, &banner) {
            continue;
        }
        let listed = if agreement.party.kind == PartnerKind::Country {
            mark.countries.contains(code)
        } else {
            mark.orgs.contains(code)
        };
        named &= mark.named.contains(code);
        // A mark that is not releasable to anybody has an empty list: that is one reason, not two.
        deny(!listed && !mark.words.contains("NOFORN"), "not listed");
    }
    let ceiling = Level::ALL.iter().filter(|l| **l != Level::Restricted).position(|l| *l == agreement.ceiling).unwrap();
    deny(all.iter().any(|m| m.level > ceiling), "ceiling");
    deny(has("NOFORN"), "NOFORN");
    for (word, condition) in [
        ("SI", "SCI:SI"),
        ("TK", "SCI:TK"),
        ("HCS-P", "SCI:HCS"),
        ("HCS-P", "SCI:HCS-P"),
        ("SAR-BP", "SAP:BP"),
        ("RD", "AEA-AGREEMENT"),
        ("FRD", "AEA-AGREEMENT"),
        ("TFNI", "AEA-AGREEMENT"),
    ] {
        deny(has(word) && lacks(condition), condition);
    }
    for (word, condition) in BY_CONSENT {
        deny(has(word) && !world.consents.iter().any(|consent| consent.condition == condition), condition);
    }
    let mut sources: Set = all.iter().flat_map(|m| m.sources.iter().cloned()).collect();
    // A joint mark is releasable to each of its owners without consent.
    sources.extend(all.iter().filter(|m| !m.joint.contains(code)).flat_map(|m| m.joint.iter().cloned()));
    let consents = |source: &str| world.consents.iter().any(|consent| consent.source == source);
    // The consent of NATO is not needed for a member that every mark names.
    let asked = |source: &str| source != code && !(source == "NATO" && nato && named);
    deny(sources.iter().any(|s| asked(s) && !consents(s)), "third country");
    deny(has("FGI") && !consents("concealed"), "concealed source");
    deny(has("ORCON") && !consents("EXERCISE DESK"), "originator");
    deny(outline.received.iter().any(|r| r.whole && r.code != *code && !consents(&r.code)), "received");
    deny(outline.consents.len() > world.consents.len(), "consent withdrawn");
    deny(sources.contains("NATO") && lacks("NATO-READON"), "NATO");
    // What the banner must state about the portions below it.
    deny(portions.iter().any(|p| p.level > banner.level), "banner level");
    for portion in &portions {
        let said = ["RELIDO", "DISPLAY", "NOFORN"];
        let missing = portion.words.iter().any(|w| !banner.words.contains(w) && !said.contains(&w.as_str()));
        deny(missing && !covered_otherwise(portion, &banner), "banner words");
        // A banner may not name anyone that a portion which has a say does not; an organisation stands for its members
        // here, unless it lists none.
        let nameless =
            |m: &Naive| -> Vec<String> { m.orgs.iter().filter(|o| members.0[*o].is_empty()).cloned().collect() };
        let narrower = !banner.countries.is_subset(&portion.countries)
            || nameless(&banner).iter().any(|o| !portion.orgs.contains(o));
        deny(!portion.is_silent() && narrower, "banner audience");
        let revealed = has("FGI") && (!banner.words.contains("FGI") || !banner.sources.is_empty());
        let said: Set = banner.sources.union(&banner.joint).cloned().collect();
        // Of a joint product its owners are said by the banner's own class.
        let owners = portion.joint.iter().filter(|_| banner.joint.is_empty());
        let missing = portion.sources.iter().chain(owners).any(|source| !said.contains(source));
        deny(revealed || (!banner.words.contains("FGI") && missing), "banner sources");
    }
    deny(world.partner.standing != Standing::Active, "suspended");
    deny(!agreement.flow.send, "direction");
    let today = world.now.to_string()[..10].to_owned();
    deny(today < agreement.valid_from.to_string() || today > agreement.valid_until.to_string(), "dates");
    deny(!agreement.kinds.contains(&outline.kind), "kind");
    deny(outline.attachments.iter().any(|t| !agreement.attachments.contains(t)), "attachments");
    deny(outline.bytes > agreement.limits.payload_bytes_max, "size");
    // Days of November alone, so that subtracting their numbers is all there is to it; 24 is not yet the 23rd anywhere.
    let day = |date: &str| date[8..].parse::<i64>().unwrap();
    let dated = outline.date.as_deref().map(day);
    deny(dated.is_some_and(|d| d > 23), "future");
    deny(dated.is_none_or(|d| 22 - d > i64::from(agreement.product_age_days_max)), "age");
    let enrolled = world.partner.description.fingerprints().description;
    deny(world.enrolments.values().any(|e| e.description != enrolled), "enrolment");
    deny(world.submission.is_some(), "submission");
    deny(world.now >= world.terms.expires, "expired");
    deny(world.clock_in_doubt, "clock");
    deny(people < 2, "two people");
    let grave = banner.level == 3 || portions.iter().any(|p| p.level == 3);
    let graver = ["SI", "TK", "HCS-P", "SAR-BP", "RELIDO", "RD", "FRD", "TFNI", "FISA", "ORCON", "FGI"];
    let unusual = outline.attachments.iter().any(|t| t != "text/csv" && t != "text/plain");
    let needs_senior = grave || unusual || !outline.shared.is_empty() || graver.iter().any(|w| has(w));
    deny(needs_senior && senior == 0, "senior");
    no.sort();
    no.dedup();
    no
}

/// Whether the two checks of the gateway disagree, which is an alarm: only the marking engine compares a banner with its portions, and
/// only native code knows of a consent that was withdrawn.
fn alarming(no: &[String]) -> bool {
    let engine = |why: &String| why.starts_with("banner ");
    let both = |why: &String| {
        let conditions = ACCREDITATIONS.iter().copied().chain(BY_CONSENT.map(|(_, condition)| condition));
        let other =
            ["unknown", "not listed", "ceiling", "NOFORN", "third country", "concealed source", "originator", "NATO"];
        other.into_iter().chain(conditions).any(|about| about == why)
    };
    (no.iter().any(engine) && !no.iter().any(both)) || no == ["consent withdrawn"]
}

/// RD takes the place of FRD and TFNI in a banner, and FRD that of TFNI (spec 1.8, item 4).
fn covered_otherwise(portion: &Naive, banner: &Naive) -> bool {
    portion.words.iter().filter(|w| !banner.words.contains(*w)).all(|w| match w.as_str() {
        "FRD" => banner.words.contains("RD"),
        "TFNI" => banner.words.contains("RD") || banner.words.contains("FRD"),
        "RELIDO" | "DISPLAY" | "NOFORN" => true,
        _ => false,
    })
}

// ── the comparison ──

const ACCREDITATIONS: [&str; 7] =
    ["SCI:SI", "SCI:TK", "AEA-AGREEMENT", "NATO-READON", "SCI:HCS", "SCI:HCS-P", "SAP:BP"];

/// Conditions that only a consent meets, other than those of a source or originator.
const BY_CONSENT: [(&str, &str); 7] = [
    ("RSEN", "RSEN-LIST"),
    ("IMCON", "IMCON-ACCREDITED"),
    ("PROPIN", "PROPIN-PERMISSION"),
    ("DSEN", "ORIGINATOR:DSEN"),
    ("FISA", "FISA-ACCREDITED"),
    ("LES", "ORIGINATOR:LES"),
    ("SSI", "ORIGINATOR:SSI"),
];

/// Every reason; each must be the only one in many cases.
fn reasons() -> impl Iterator<Item = &'static str> + Clone {
    let marks = ["unknown", "not listed", "ceiling", "NOFORN", "SCI:SI", "SCI:TK", "AEA-AGREEMENT", "SAP:BP"];
    let sources = ["third country", "concealed source", "originator", "received", "consent withdrawn", "NATO"];
    let banner = ["banner level", "banner words", "banner audience", "banner sources"];
    let agreed = ["suspended", "direction", "dates", "kind", "attachments", "size", "future", "age", "enrolment"];
    let asked = ["submission", "expired", "clock", "two people", "senior"];
    let consents = BY_CONSENT.map(|(_, condition)| condition);
    marks.into_iter().chain(sources).chain(banner).chain(agreed).chain(asked).chain(consents)
}

/// Draws a partner, and makes everything valid except the marks.
fn right(dice: &mut Dice, world: &mut World) -> &'static str {
    let agreement = &mut world.partner.agreement;
    let (kind, code) = if dice.one_in(4) {
        (PartnerKind::Organisation, dice.pick(&ORGS))
    } else {
        (PartnerKind::Country, dice.pick(&["GBR", "GBR", "DEU", "FRA", "NZL"]))
    };
    (agreement.party.kind, agreement.party.code) = (kind, code.into());
    agreement.ceiling = Level::TopSecret;
    agreement.accreditations = ACCREDITATIONS.map(str::to_owned).into();
    agreement.flow.send = true;
    agreement.kinds = ["report".to_owned()].into();
    agreement.attachments = ["text/csv", "image/png"].map(str::to_owned).into();
    (agreement.valid_from, agreement.valid_until) = ("2026-11-22".parse().unwrap(), "2026-11-22".parse().unwrap());
    agreement.product_age_days_max = 365;
    world.partner.standing = Standing::Active;
    (world.clock_in_doubt, world.submission) = (false, None);
    world.terms.expires = NOW.plus(Duration::from_secs(60));
    world.officer("officer-two").state = OfficerState::Active;
    enrol(world, None);
    code
}

fn enrol(world: &mut World, description: Option<Digest>) {
    let description = description.unwrap_or_else(|| world.partner.description.fingerprints().description);
    let agreement = world.partner.agreement.digest();
    world.enrolments.insert(world.partner.id.clone(), Enrolment { description, agreement });
}

/// A valid release, made invalid in one place if a reason is given. Returns the number of people who approve it, and of senior ones.
fn sound(dice: &mut Dice, world: &mut World, broken: Option<&str>) -> (usize, usize) {
    let code = right(dice, world);
    let is = |reason: &str| broken == Some(reason);
    let stranger = dice.pick(if code == "DEU" { &["FRA", "GBR"] } else { &["DEU"] });
    let mut banner = sound_banner(dice, code);
    // What is made invalid must exist first.
    let of_ours =
        ["SCI:SI", "SCI:TK", "AEA-AGREEMENT", "SAP:BP", "originator", "concealed source", "NOFORN", "unknown"];
    let consent = BY_CONSENT.iter().find(|(_, condition)| is(condition)).map(|(word, _)| *word);
    let ours = of_ours.contains(&broken.unwrap_or_default()) || consent.is_some();
    if (ours || broken.is_some_and(|b| b.starts_with("banner "))) && banner.owner != Owner::Us {
        (banner.owner, banner.fgi) = (Owner::Us, vec![]);
    }
    match broken {
        Some("SCI:SI" | "SCI:TK") => (banner.level, banner.sci) = (2, vec!["SI", "TK"]),
        Some("AEA-AGREEMENT") => (banner.level, banner.aea) = (2, Some(dice.pick(&["RD", "FRD", "TFNI"]))),
        Some("SAP:BP") => (banner.level, banner.sap) = (2, vec!["BP"]),
        Some("originator") => (banner.level, banner.dissem, banner.relido) = (2, vec![1], false),
        Some("concealed source") => (banner.level, banner.fgi, banner.concealed) = (2, vec!["DEU"], true),
        Some("NATO") => banner = Draft { level: 2, fgi: vec!["NATO"], rel: banner.rel, ..Draft::default() },
        Some("third country") if dice.one_in(2) => {
            banner = Draft { level: 2, fgi: vec![stranger], rel: banner.rel, ..Draft::default() };
        }
        Some("third country") if dice.one_in(2) => banner = banner.plain(Owner::Country(stranger)),
        Some("third country") => banner = banner.plain(Owner::Joint(stranger)),
        Some("ceiling") => banner.level = banner.level.max(1),
        Some("NOFORN") => {
            (banner.noforn, banner.rel, banner.relido) = (true, vec![], false);
            if dice.one_in(2) {
                (banner.level, banner.sci) = (2, vec!["HCS-P"]);
            }
        }
        Some("not listed") => {
            let other = if code == "NATO" { "NZL" } else { stranger };
            let other = if ["ACGU", "FVEY", "KFOR"].contains(&code) { "DEU" } else { other };
            banner = Draft { rel: vec![other], level: 2, ..Draft::default() };
        }
        Some("banner level") => banner.level = 2,
        Some("banner words") => (banner.level, banner.sci) = (2, vec![]),
        Some("banner audience") => {
            let other = if code == "NATO" { "NZL" } else { stranger };
            banner.rel = ordered(&[code, other].into());
        }
        Some("banner sources") => {
            (banner.level, banner.fgi, banner.concealed) = (2, vec![], false);
        }
        _ => {}
    }
    if let Some(word) = consent {
        banner.level = banner.level.max(2);
        if let Some(place) = NONIC.iter().position(|(long, _)| *long == word) {
            banner.nonic = vec![place];
        } else if let Some(place) = DISSEM.iter().position(|(long, _)| *long == word) {
            banner.dissem = vec![place];
        }
    }
    let mut drafts: Vec<Draft> = (0..dice.roll(3)).map(|_| sound_portion(dice, &banner)).collect();
    let mut rogue = banner.clone();
    match broken {
        Some("unknown") => rogue.junk = true,
        Some("banner level") => rogue.level = 3,
        Some("banner words") => rogue.sci = vec!["SI"],
        Some("banner audience") => rogue.rel = vec![code],
        Some("banner sources") if dice.one_in(2) => rogue = rogue.plain(Owner::Country("FRA")),
        Some("banner sources") => rogue.fgi = vec!["FRA"],
        _ => {}
    }
    drafts.extend([banner.clone(), rogue]);
    // All needed consents are recorded except one.
    let mut sources: Vec<&str> = drafts.iter().flat_map(Draft::sources).collect();
    let words = banner.dissem.iter().map(|d| DISSEM[*d].0).chain(banner.nonic.iter().map(|n| NONIC[*n].0));
    let words: Vec<&str> = words.collect();
    let conditions = BY_CONSENT.iter().filter(|(word, condition)| words.contains(word) && !is(condition));
    let conditions: Vec<&str> = conditions.map(|(_, condition)| *condition).collect();
    let received = ["DEU", "FRA", "GBR"].into_iter().find(|from| *from != code && !sources.contains(from));
    let received = received.filter(|_| is("received") || dice.one_in(8));
    sources.extend(received.filter(|_| !is("received")));
    sources.extend(words.contains(&"ORCON").then_some("EXERCISE DESK"));
    sources.sort_unstable();
    sources.dedup();
    sources.retain(|source| match *source {
        "concealed" => !is("concealed source"),
        "EXERCISE DESK" => !is("originator"),
        source => !(is("third country") && source == stranger),
    });
    world.consents = given(&conditions, &sources);
    let mut portions: Set = drafts.iter().map(|draft| draft.print(true)).collect();
    if dice.one_in(2) {
        portions.insert("(U)".into());
    }
    let attachments = match dice.roll(8) {
        _ if is("senior") => vec!["image/png"],
        _ if is("attachments") => vec!["text/plain"],
        0 => vec!["image/png"],
        1 => vec!["text/csv"],
        _ => vec![],
    };
    describe(dice, world, banner.print(false), portions);
    let outline = world.cuts.values_mut().next().unwrap();
    outline.attachments = attachments.into_iter().map(str::to_owned).collect();
    outline.shared = (0..dice.roll(12) / 11).map(|_| shared_run()).collect();
    outline.received = received.map(|code| from(code, true)).into_iter().collect();
    amiss(dice, world, broken, banner.level);
    let officers: &[(&str, Role)] = match broken {
        Some("two people") => &[SENIOR],
        Some("senior") => &[ONE, TWO],
        _ => &[ONE, TWO, SENIOR],
    };
    world.approvals.clear();
    officers.iter().for_each(|(officer, role)| world.approve(officer, *role));
    (officers.len(), officers.iter().filter(|(_, role)| *role == Role::SeniorDisclosureOfficer).count())
}

const ONE: (&str, Role) = ("officer-one", Role::DisclosureOfficer);
const TWO: (&str, Role) = ("officer-two", Role::DisclosureOfficer);
const SENIOR: (&str, Role) = ("officer-senior", Role::SeniorDisclosureOfficer);

/// Makes invalid the one thing, other than the marks, that gives this reason.
fn amiss(dice: &mut Dice, world: &mut World, broken: Option<&str>, level: usize) {
    let agreement = &mut world.partner.agreement;
    let outline = world.cuts.values_mut().next().unwrap();
    match broken.unwrap_or_default() {
        condition if ACCREDITATIONS.contains(&condition) => _ = agreement.accreditations.remove(condition),
        "NATO" => _ = agreement.accreditations.remove("NATO-READON"),
        "ceiling" => agreement.ceiling = [Level::Unclassified, Level::Confidential, Level::Secret][level - 1],
        "consent withdrawn" => _ = outline.consents.insert(Digest::of(b"EXERCISE")),
        "suspended" => world.partner.standing = Standing::Suspended,
        "direction" => agreement.flow.send = false,
        "dates" if dice.one_in(2) => agreement.valid_until = "2026-11-21".parse().unwrap(),
        "dates" => agreement.valid_from = "2026-11-23".parse().unwrap(),
        "kind" => agreement.kinds = ["other".to_owned()].into(),
        "size" => outline.bytes = agreement.limits.payload_bytes_max + 1,
        "future" => outline.date = Some("2026-11-24".into()),
        "age" => agreement.product_age_days_max = 1,
        "submission" => world.submission = Some(world.submit(world.submission(), "officer-one")),
        "expired" => world.terms.expires = NOW,
        "clock" => world.clock_in_doubt = true,
        _ => {}
    }
    enrol(world, (broken == Some("enrolment")).then(|| Digest::of(b"others")));
}

/// Sets the only cut to these marks, resting on the recorded consents.
fn describe(dice: &mut Dice, world: &mut World, marking: String, portions: Set) {
    let consents = world.consents.iter().map(SourceConsent::digest).collect();
    let outline = world.cuts.values_mut().next().unwrap();
    *outline = Outline {
        marking,
        portions,
        digest: Digest::of(&dice.roll(u64::MAX).to_be_bytes()),
        date: Some("2026-11-20".into()),
        consents,
        received: Vec::new(),
        shared: Vec::new(),
        attachments: Set::new(),
        bytes: 1000,
        ..outline.clone()
    };
}

/// Words in the cut that this partner sent.
fn from(code: &str, whole: bool) -> ReceivedContent {
    ReceivedContent {
        partner: format!("exercise-{}", code.to_lowercase()).parse().unwrap(),
        code: code.into(),
        exchange: ExchangeId::new(NOW, [1; 10]),
        place: "paragraph 1".into(),
        whole,
        words: 9,
        places: 1,
    }
}

/// Sometimes makes one of the circumstances invalid.
fn circumstances(dice: &mut Dice, world: &mut World) {
    right(dice, world);
    let agreement = &mut world.partner.agreement;
    agreement.ceiling =
        dice.pick(&[Level::Confidential, Level::Secret, Level::Secret, Level::TopSecret, Level::TopSecret]);
    agreement.accreditations = ACCREDITATIONS.iter().filter(|_| !dice.one_in(4)).map(|a| (*a).to_owned()).collect();
    agreement.flow.send = !dice.one_in(40);
    agreement.kinds = [if dice.one_in(40) { "other" } else { "report" }.to_owned()].into();
    agreement.valid_until = if dice.one_in(40) { "2026-11-21" } else { "2026-11-22" }.parse().unwrap();
    agreement.product_age_days_max = dice.pick(&[365, 365, 2, 9, 30]);
    enrol(world, dice.one_in(60).then(|| Digest::of(b"others")));
    world.partner.standing = if dice.one_in(40) { Standing::Suspended } else { Standing::Active };
    world.clock_in_doubt = dice.one_in(60);
    // Signed by another than it names, or correctly.
    world.submission = dice.one_in(60).then(|| world.submit(world.submission(), "officer-one"));
    world.terms.expires = if dice.one_in(40) { NOW } else { NOW.plus(Duration::from_secs(60)) };
}

/// Draws approvals, and counts independently the people whose votes are valid, and the senior officers among them.
fn approvals(dice: &mut Dice, world: &mut World) -> (usize, usize) {
    let revoked = dice.one_in(20);
    world.officer("officer-two").state = if revoked { OfficerState::Revoked } else { OfficerState::Active };
    world.approvals.clear();
    let (mut people, mut senior) = (0, 0);
    for (officer, role, counts) in [
        ("officer-one", Role::DisclosureOfficer, true),
        ("officer-two", Role::DisclosureOfficer, !revoked),
        ("officer-senior", Role::SeniorDisclosureOfficer, true),
        ("exercise-analyst", Role::DisclosureOfficer, false),
        ("officer-public", Role::ReleaseToPublic, false),
    ] {
        if dice.one_in(5) {
            continue;
        }
        let mut statement = world.statement(officer, role);
        let spoilt = dice.one_in(15);
        if spoilt {
            spoil(dice, &mut statement);
        }
        let signed = world.sign(statement);
        world.approvals.push(signed.clone());
        if dice.one_in(10) {
            world.approvals.push(signed);
        }
        if counts && !spoilt {
            people += 1;
            senior += usize::from(role == Role::SeniorDisclosureOfficer);
        }
    }
    (people, senior)
}

fn spoil(dice: &mut Dice, statement: &mut Approval) {
    match dice.roll(12) {
        6 => statement.cuts[0].enrolment = Digest::of(b"another"),
        7 => statement.terms.precedence = portcullis::envelope::Precedence::Flash,
        8 => statement.terms.supersedes = Some(statement.terms.request),
        9 => statement.cuts[0].cut.bytes += 1,
        0 => statement.cuts[0].cut.digest = Digest::of(b"another"),
        1 => statement.cuts[0].cut.marking.push('X'),
        2 => statement.terms.purpose.push('.'),
        3 => statement.terms.expires = statement.terms.expires.plus(Duration::from_millis(1)),
        4 => statement.policy = Digest::of(b"another"),
        10 => statement.cuts[0].agreement = Digest::of(b"another"),
        11 => statement.instance = support::another_instance(),
        _ => statement.given_at = NOW.plus(portcullis::approval::SKEW_MAX + Duration::from_millis(1)),
    }
}

/// Words in common with text that is not released.
fn shared_run() -> SharedRun {
    let place = Place { part: PortionKind::Title, number: 1, line: 3 };
    let (marking, source_marking) = ("(U)".to_owned(), "(S//NF)".to_owned());
    SharedRun { place, marking, tearline: 1, source: place, source_marking, words: 8 }
}

fn marks(dice: &mut Dice, world: &mut World) {
    let banner = draft_banner(dice);
    world.consents = consents(dice, &banner);
    let mut portions: Vec<String> = (0..=dice.roll(3)).map(|_| draft_portion(dice, &banner).print(true)).collect();
    // Whatever else there is, one portion is marked as its banner is, so that the banner is never above all of them.
    portions.push(banner.print(true));
    if dice.one_in(2) {
        portions.push("(U)".into());
    }
    describe(dice, world, banner.print(false), portions.into_iter().collect());
    let outline = world.cuts.values_mut().next().unwrap();
    outline.date = match dice.roll(30) {
        0 => None,
        1 => Some("2026-11-24".into()),
        2 => Some("2026-11-23".into()),
        3 => Some("2026-11-13".into()),
        4 => Some("2026-11-12".into()),
        _ => Some("2026-11-20".into()),
    };
    outline.shared = (0..dice.roll(12) / 11).map(|_| shared_run()).collect();
    if dice.one_in(60) {
        // The officers signed for a consent that has since been withdrawn.
        outline.consents.insert(Digest::of(b"EXERCISE"));
    }
    if dice.one_in(8) {
        let code = dice.pick(&["DEU", "GBR", "FRA"]);
        outline.received.push(from(code, dice.one_in(2)));
    }
}

/// Consents for this very product and partner, of some of those whose information there may be in it, and for some of the
/// controls that are; no more than one release may rest on.
fn consents(dice: &mut Dice, banner: &Draft) -> Vec<SourceConsent> {
    let words = banner.dissem.iter().map(|d| DISSEM[*d].0).chain(banner.nonic.iter().map(|n| NONIC[*n].0));
    let controls = words.filter_map(|word| BY_CONSENT.iter().find(|(control, _)| *control == word));
    let controls: Vec<&str> = controls.map(|(_, condition)| *condition).filter(|_| !dice.one_in(6)).collect();
    let sources = ["DEU", "FRA", "GBR", "NATO", "concealed", "EXERCISE DESK"];
    let sources: Vec<&str> = sources.into_iter().filter(|_| !dice.one_in(4)).collect();
    given(&controls, &sources)
}

/// Consents to lift these conditions, and those of these sources.
fn given(controls: &[&str], sources: &[&str]) -> Vec<SourceConsent> {
    let text = |source: &str| {
        let condition = match source {
            "EXERCISE DESK" => "ORCON-LIST",
            control if controls.contains(&control) => control,
            _ => "FGI-CONSENT",
        };
        let source = if controls.contains(&source) { "EXERCISE CONTROL" } else { source };
        // These two need a consent by digest.
        let covers = match source == "concealed" || condition == "RAWFISA-ACCREDITED" {
            true => format!("digest = '{}'", Digest::of(support::PRODUCT.as_bytes())),
            false => "product = 'EXERCISE-RELEASE-1'".to_owned(),
        };
        format!(
            "condition = '{condition}'\nsource = '{source}'\nconsented_by = 'EXERCISE'\nreference = 'EXERCISE'\n\
             given_on = 2026-10-31\nuse_statement = 'EXERCISE'\n\
             partners = ['exercise-gbr']\nvalid_from = 2026-11-01\nvalid_until = 2026-11-30\n\
             covers = {{ {covers} }}\n"
        )
    };
    let given = controls.iter().chain(sources).copied().take(8);
    given.map(|source| SourceConsent::parse(&text(source)).unwrap()).collect()
}

#[test]
fn a_naive_evaluator_agrees_on_every_random_case() {
    let cases: u64 = std::env::var("PORTCULLIS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let members = Members::load();
    let mut world = World::new();
    world.stage = Stage::Send;
    // Shard 0 is the ordinary run; another shard is other cases, the same for ever.
    let shard: u64 = std::env::var("PORTCULLIS_SHARD").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut dice = Dice(0x5eed_2026_1122_0001 ^ shard.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let alone = reasons().map(|reason| format!("only {reason}"));
    let permitted = MARKS.iter().filter(|mark| **mark != "HCS").map(|mark| format!("{mark}, permitted"));
    let rest =
        ["permitted to a country", "permitted to an organisation", "permitted, received", "permitted, attachment"];
    let expected = alone.chain(permitted).chain(MARKS.map(str::to_owned)).chain(rest.map(str::to_owned));
    let classes = Classes::new(10_000, expected.chain(["alarm", "no alarm, and refused"].map(str::to_owned)));
    let mut broken = reasons().cycle();
    for case in 0..cases {
        // One third valid, one third invalid in one place, one third random.
        let (people, senior) = match case % 9 {
            0..2 => sound(&mut dice, &mut world, None),
            2..6 => sound(&mut dice, &mut world, broken.next()),
            _ => {
                circumstances(&mut dice, &mut world);
                marks(&mut dice, &mut world);
                approvals(&mut dice, &mut world)
            }
        };
        let (partner, cut) = world.cuts.first_key_value().unwrap();
        world.record = Some(Record {
            request: world.terms.request,
            partner: partner.clone(),
            cut: cut.clone(),
            approvals: vec![],
            officers: vec![],
            agreement: Digest::of(b""),
            policy: Digest::of(b""),
            register: Digest::of(b""),
            rules: vec![],
            inspection: Digest::of(b""),
            expires_ms: world.terms.expires.unix_ms(),
            decided_ms: NOW.unix_ms(),
        });
        let expected = opinion(&world, people, senior, &members);
        let decision = world.decide();
        let sent = matches!(decision.outcome, Outcome::Send(_));
        let outline = world.cuts.values().next().unwrap();
        let told = || {
            format!(
                "case {case}: {} {:?} for {} with {people} people, {senior} senior\nnaive: {expected:?}\ndecided: {:#?}",
                outline.marking, outline.portions, world.partner.agreement.party.code, decision.reasons,
            )
        };
        assert_eq!(sent, expected.is_empty(), "{}", told());
        assert_eq!(decision.alarm, alarming(&expected), "whether to raise an alarm: {}", told());
        classes.case();
        if let [only] = &expected[..] {
            classes.saw(format!("only {only}"), true);
        }
        for mark in marked(outline) {
            classes.saw(mark, true);
            classes.saw(format!("{mark}, permitted"), sent);
        }
        let country = world.partner.agreement.party.kind == PartnerKind::Country;
        classes.saw(if country { "permitted to a country" } else { "permitted to an organisation" }, sent);
        classes.saw("permitted, received", sent && !outline.received.is_empty());
        classes.saw("permitted, attachment", sent && !outline.attachments.is_empty());
        classes.saw("alarm", decision.alarm);
        classes.saw("no alarm, and refused", !decision.alarm && !sent);
    }
    println!("shard {shard}");
    classes.hold();
}

/// Every class of mark that there is here.
const MARKS: [&str; 17] = [
    "foreign",
    "NATO",
    "JOINT",
    "FGI",
    "concealed",
    "SI",
    "TK",
    "HCS",
    "SAP",
    "RD",
    "FRD",
    "TFNI",
    "ORCON",
    "RELIDO",
    "another control",
    "LES or SSI",
    "of an organisation",
];

/// Those of a cut.
fn marked(outline: &Outline) -> impl Iterator<Item = &'static str> {
    let texts: Vec<&str> = outline.portions.iter().map(String::as_str).chain([outline.marking.as_str()]).collect();
    let any = |pieces: &[&str]| texts.iter().any(|text| pieces.iter().any(|piece| text.contains(piece)));
    let is = [
        any(&["(//DEU", "(//FRA", "(//GBR"]),
        any(&["(//NS", "(//NC", "(//CTS", "FGI NATO"]),
        any(&["//JOINT"]),
        any(&["//FGI "]),
        any(&["//FGI//"]),
        any(&["//SI"]),
        any(&["/TK"]),
        any(&["//HCS"]),
        any(&["//SAR-"]),
        any(&["//RD"]),
        any(&["//FRD"]),
        any(&["//TFNI"]),
        any(&["//ORCON", "/ORCON"]),
        any(&["RELIDO"]),
        any(&["RSEN", "IMCON", "PROPIN", "DEA SENSITIVE", "FISA"]),
        any(&["LES", "SSI"]),
        any(&["FVEY", "NATO,", "KFOR", "ACGU"]),
    ];
    MARKS.into_iter().zip(is).filter(|(_, is)| *is).map(|(mark, _)| mark)
}
