//! A deliberately naive second opinion on the whole release decision: its own reading of the marks, set arithmetic, no
//! Cedar, no marking engine. It must agree on every one of many random cases.
//!
//! `scripts/soak decide` runs a million instead of the ordinary ten thousand, in shards that each have their own seed
//! (`PORTCULLIS_CASES`, `PORTCULLIS_SHARD`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis::approval::{Approval, Enrolment, OfficerState, Outline, Received, Role};
use portcullis::consent::SourceConsent;
use portcullis::digest::Digest;
use portcullis::ident::ExchangeId;
use portcullis::inspect::{Place, SharedRun};
use portcullis::marking::{Level, PartnerKind};
use portcullis::partner::Standing;
use portcullis::product::PortionKind;
use portcullis::release::{Outcome, Record, Stage};

#[path = "support/release.rs"]
mod support;
use support::{NOW, World};

type Set = BTreeSet<String>;

/// A small generator of our own, so that a seed means the same cases for ever.
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

// ── what is asked ──

/// A mark in pieces, printed by [`Draft::print`].
#[derive(Clone, Default)]
struct Draft {
    level: usize,
    sci: Vec<&'static str>,
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
// Register order, in three stretches around NOFORN, PROPIN, REL TO and RELIDO.
const DISSEM: [(&str, &str); 6] =
    [("RSEN", "RS"), ("ORCON", "OC"), ("IMCON", "IMC"), ("PROPIN", "PR"), ("DSEN", "DSEN"), ("FISA", "FISA")];
const NONIC: [(&str, &str); 2] = [("LES", "LES"), ("SSI", "SSI")];
const COUNTRIES: [&str; 6] = ["AUS", "CAN", "DEU", "FRA", "GBR", "NZL"];
const ORGS: [&str; 4] = ["ACGU", "FVEY", "KFOR", "NATO"];

impl Draft {
    fn print(&self, portion: bool) -> String {
        let form = |(banner, short): (&'static str, &'static str)| if portion { short } else { banner };
        let mut text = form(LEVELS[self.level]).to_owned();
        let mut segment = |items: Vec<String>| {
            if !items.is_empty() {
                text.push_str("//");
                text.push_str(&items.join("/"));
            }
        };
        segment(self.sci.iter().map(|s| (*s).to_owned()).collect());
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

/// A portion beneath `banner`: mostly one that it covers, sometimes a rogue.
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

// ── the naive opinion ──

#[derive(Debug, Default)]
struct Naive {
    unknown: bool,
    level: usize,
    words: Set,
    countries: Set,
    orgs: Set,
    sources: Set,
    named: Set,
}

struct Members(BTreeMap<String, Set>);

impl Members {
    fn load() -> Members {
        let json: serde_json::Value =
            serde_json::from_str(include_str!("../policy/register/tetragraphs.json")).unwrap();
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
    let mut words = bare.split("//");
    let class = words.next().unwrap();
    match LEVELS.iter().position(|(banner, short)| *banner == class || *short == class) {
        Some(level) => naive.level = level,
        None => naive.unknown = true,
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

/// The reasons, in our own words, why this may not be sent; empty if it may.
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
        let silent = mark.level == 0 && mark.words.is_empty() && mark.countries.is_empty() && mark.orgs.is_empty();
        if silent && mark.sources.is_empty() && !std::ptr::eq(*mark, &banner) {
            continue;
        }
        let listed = if agreement.party.kind == PartnerKind::Country {
            mark.countries.contains(code)
        } else {
            mark.orgs.contains(code)
        };
        named &= mark.named.contains(code);
        deny(!listed, "not listed");
    }
    let ceiling = Level::ALL.iter().filter(|l| **l != Level::Restricted).position(|l| *l == agreement.ceiling).unwrap();
    deny(all.iter().any(|m| m.level > ceiling), "ceiling");
    deny(has("NOFORN"), "NOFORN");
    for (word, condition) in [
        ("SI", "SCI:SI"),
        ("TK", "SCI:TK"),
        ("RD", "AEA-AGREEMENT"),
        ("FRD", "AEA-AGREEMENT"),
        ("TFNI", "AEA-AGREEMENT"),
    ] {
        deny(has(word) && lacks(condition), condition);
    }
    for (word, condition) in BY_CONSENT {
        deny(has(word) && !world.consents.iter().any(|consent| consent.condition == condition), condition);
    }
    let sources: Set = all.iter().flat_map(|m| m.sources.iter().cloned()).collect();
    let consents = |source: &str| world.consents.iter().any(|consent| consent.source == source);
    // NATO is not asked for a member whom every mark names.
    let asked = |source: &str| source != code && !(source == "NATO" && nato && named);
    deny(sources.iter().any(|s| asked(s) && !consents(s)), "third country");
    deny(has("FGI") && !consents("concealed"), "concealed source");
    deny(has("ORCON") && !consents("EXERCISE DESK"), "originator");
    deny(outline.received.iter().any(|r| r.whole && r.code != *code && !consents(&r.code)), "received");
    deny(outline.consents.len() > world.consents.len(), "consent withdrawn");
    deny(sources.contains("NATO") && lacks("NATO-READON"), "NATO");
    // What the banner must say of the portions beneath it.
    deny(portions.iter().any(|p| p.level > banner.level), "banner level");
    for portion in &portions {
        let said = ["RELIDO", "DISPLAY", "NOFORN"];
        let missing = portion.words.iter().any(|w| !banner.words.contains(w) && !said.contains(&w.as_str()));
        deny(missing && !covered_otherwise(portion, &banner), "banner words");
        // A banner may not name anyone that a portion which has a say does not; an organisation stands for its members
        // here, unless it lists none.
        let nameless =
            |m: &Naive| -> Vec<String> { m.orgs.iter().filter(|o| members.0[*o].is_empty()).cloned().collect() };
        let silent =
            portion.level == 0 && portion.words.is_empty() && portion.countries.is_empty() && portion.orgs.is_empty();
        let narrower = !banner.countries.is_subset(&portion.countries)
            || nameless(&banner).iter().any(|o| !portion.orgs.contains(o));
        deny(!(silent && portion.sources.is_empty()) && narrower, "banner audience");
        let revealed = has("FGI") && !banner.words.contains("FGI");
        deny(
            revealed || (!banner.words.contains("FGI") && !portion.sources.is_subset(&banner.sources)),
            "banner sources",
        );
    }
    deny(has("FGI") && !banner.sources.is_empty(), "concealed source revealed");
    deny(world.partner.standing != Standing::Active, "suspended");
    deny(!agreement.flow.send, "direction");
    let today = world.now.to_string()[..10].to_owned();
    deny(today < agreement.valid_from.to_string() || today > agreement.valid_until.to_string(), "dates");
    deny(!agreement.kinds.contains(&outline.kind), "kind");
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
    let graver = ["SI", "TK", "RELIDO", "RD", "FRD", "TFNI", "FISA", "ORCON", "FGI"];
    let needs_senior = grave || !outline.shared.is_empty() || graver.iter().any(|w| has(w));
    deny(needs_senior && senior == 0, "senior");
    no
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

const ACCREDITATIONS: [&str; 4] = ["SCI:SI", "SCI:TK", "AEA-AGREEMENT", "NATO-READON"];

/// What only a consent lifts, besides that of a source or originator.
const BY_CONSENT: [(&str, &str); 7] = [
    ("RSEN", "RSEN-LIST"),
    ("IMCON", "IMCON-ACCREDITED"),
    ("PROPIN", "PROPIN-PERMISSION"),
    ("DSEN", "ORIGINATOR:DSEN"),
    ("FISA", "FISA-ACCREDITED"),
    ("LES", "ORIGINATOR:LES"),
    ("SSI", "ORIGINATOR:SSI"),
];

/// Spoils one of the circumstances, now and then, and sets the others right.
fn circumstances(dice: &mut Dice, world: &mut World) {
    let agreement = &mut world.partner.agreement;
    let (kind, code) = if dice.one_in(4) {
        (PartnerKind::Organisation, dice.pick(&ORGS))
    } else {
        (PartnerKind::Country, dice.pick(&["GBR", "GBR", "DEU", "FRA", "NZL"]))
    };
    (agreement.party.kind, agreement.party.code) = (kind, code.into());
    agreement.ceiling =
        dice.pick(&[Level::Confidential, Level::Secret, Level::Secret, Level::TopSecret, Level::TopSecret]);
    agreement.accreditations = ACCREDITATIONS.iter().filter(|_| !dice.one_in(4)).map(|a| (*a).to_owned()).collect();
    agreement.flow.send = !dice.one_in(40);
    agreement.kinds = [if dice.one_in(40) { "other" } else { "report" }.to_owned()].into();
    agreement.valid_until = if dice.one_in(40) { "2026-11-21" } else { "2026-11-22" }.parse().unwrap();
    agreement.product_age_days_max = dice.pick(&[365, 365, 2, 9, 30]);
    let fingerprint = world.partner.description.fingerprints().description;
    let description = if dice.one_in(60) { Digest::of(b"others") } else { fingerprint };
    let agreement = world.partner.agreement.digest();
    world.enrolments.insert(world.partner.id.clone(), Enrolment { description, agreement });
    world.partner.standing = if dice.one_in(40) { Standing::Suspended } else { Standing::Active };
    world.clock_in_doubt = dice.one_in(60);
    // Signed by somebody else than it names, or as it should be.
    world.submission = dice.one_in(60).then(|| world.submit(world.submission(), "officer-one"));
    world.terms.expires = if dice.one_in(40) { NOW } else { NOW.plus(Duration::from_secs(60)) };
}

/// Approves by chance, and counts by itself: people whose vote is good, and how many as a senior officer.
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

/// Words in common with what is held back.
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
    let outline = world.cuts.values_mut().next().unwrap();
    *outline = Outline {
        marking: banner.print(false),
        portions: portions.into_iter().collect(),
        digest: Digest::of(&dice.roll(u64::MAX).to_be_bytes()),
        date: match dice.roll(30) {
            0 => None,
            1 => Some("2026-11-24".into()),
            2 => Some("2026-11-23".into()),
            3 => Some("2026-11-13".into()),
            4 => Some("2026-11-12".into()),
            _ => Some("2026-11-20".into()),
        },
        consents: world.consents.iter().map(SourceConsent::digest).collect(),
        received: Vec::new(),
        shared: (0..dice.roll(12) / 11).map(|_| shared_run()).collect(),
        ..outline.clone()
    };
    if dice.one_in(60) {
        // The officers signed for a consent that is on record no more.
        outline.consents.insert(Digest::of(b"EXERCISE"));
    }
    if dice.one_in(8) {
        let code = dice.pick(&["DEU", "GBR", "FRA"]);
        outline.received.push(Received {
            partner: format!("exercise-{}", code.to_lowercase()).parse().unwrap(),
            code: code.into(),
            exchange: ExchangeId::new(NOW, [1; 10]),
            place: "paragraph 1".into(),
            whole: dice.one_in(2),
            words: 9,
            places: 1,
        });
    }
}

/// Consents for this very product and partner, of some of those whose information there may be in it, and for some of the
/// controls that are; no more than one release may rest on.
fn consents(dice: &mut Dice, banner: &Draft) -> Vec<SourceConsent> {
    let words = banner.dissem.iter().map(|d| DISSEM[*d].0).chain(banner.nonic.iter().map(|n| NONIC[*n].0));
    let controls = words.filter_map(|word| BY_CONSENT.iter().find(|(control, _)| *control == word));
    let controls: Vec<&str> = controls.map(|(_, condition)| *condition).filter(|_| !dice.one_in(6)).collect();
    let sources = ["DEU", "FRA", "GBR", "NATO", "concealed", "EXERCISE DESK"];
    let given = sources.into_iter().filter(|_| !dice.one_in(4));
    let text = |source: &str| {
        let condition = match source {
            "EXERCISE DESK" => "ORCON-LIST",
            control if controls.contains(&control) => control,
            _ => "FGI-CONSENT",
        };
        let source = if controls.contains(&source) { "EXERCISE CONTROL" } else { source };
        // These two go by the bytes of the product alone.
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
    let given: Vec<&str> = controls.iter().copied().chain(given).take(8).collect();
    given.into_iter().map(|source| SourceConsent::parse(&text(source)).unwrap()).collect()
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
    let (mut permits, mut alarms) = (0, 0);
    for case in 0..cases {
        circumstances(&mut dice, &mut world);
        marks(&mut dice, &mut world);
        let (people, senior) = approvals(&mut dice, &mut world);
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
        assert_eq!(
            sent,
            expected.is_empty(),
            "case {case}: {} {:?} for {} with {people} people, {senior} senior\nnaive: {expected:?}\ndecided: {:#?}",
            outline.marking,
            outline.portions,
            world.partner.agreement.party.code,
            decision.reasons,
        );
        permits += u64::from(sent);
        alarms += u64::from(decision.alarm);
    }
    println!("shard {shard}: {cases} cases, {permits} permitted, {alarms} alarms");
    // A run that permits hardly anything would agree for the wrong reason.
    assert!(permits * 25 > cases, "only {permits} of {cases} cases were permitted");
}
