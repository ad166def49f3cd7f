//! Random products with a canary in every part, mutated as a careless or hostile producer might: no cut contains a canary from a part
//! that is not in the selected tearline or whose mark does not release it to that partner.
//!
//! The oracle here is a dozen lines that read marks as text, so that it shares no code with the engine under test.
//! `PORTCULLIS_PRODUCTS` sets the number of products, `PORTCULLIS_SEED` the first seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use portcullis::cut::select::{MarkedTearline, ProductFault, SoundProduct};
use portcullis::cut::{Cut, CutRefusal, Terms, cut_for};
use portcullis::digest::Digest;
use portcullis::inspect::{self, Hidden, Settings, Source};
use portcullis::marking::{DocumentDate, Level, PartnerKind, PartnerRights, Register, RegisterFiles, Rules};
use portcullis::product::{Bounds, NoContents, Product};

use crate::classes::Classes;

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// Banners from the most restricted to the widest, each with portion marks that fit beneath it.
const LADDER: [(&str, &[&str]); 8] = [
    (
        "TOP SECRET//SI//NOFORN",
        &["(TS//SI//NF)", "(S//NF)", "(S//REL TO USA, GBR)", "(U)", "(S//SI//REL TO USA, AUS, GBR)"],
    ),
    ("SECRET//SI//REL TO USA, GBR", &["(S//SI//REL)", "(S//REL)", "(S//REL TO USA, AUS, GBR)", "(U)"]),
    ("SECRET//SI//REL TO USA, AUS, GBR", &["(S//SI//REL)", "(S//REL TO USA, AUS, GBR)", "(U)"]),
    ("SECRET//REL TO USA, AUS, GBR", &["(S//REL)", "(C//REL)", "(S//REL TO USA, FVEY)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, FVEY", &["(C//REL)", "(C//REL TO USA, FVEY, NATO)", "(U)"]),
    (
        "CONFIDENTIAL//REL TO USA, DEU, FVEY",
        &["(C//REL)", "(C//REL TO USA, DEU, FVEY)", "(C//REL TO USA, FVEY, NATO)", "(U)"],
    ),
    ("CONFIDENTIAL//REL TO USA, FVEY, NATO", &["(C//REL)", "(C//REL TO USA, CHE, FVEY, NATO)", "(U)"]),
    ("UNCLASSIFIED//REL TO USA, CHE, FVEY, NATO", &["(U//REL)", "(U//REL TO USA, CHE, FVEY, NATO)", "(U)"]),
];

/// Banners of every level and list, each with its own portion mark: in any order, mostly the wrong one.
const RUNGS: [(&str, &[&str]); 9] = [
    ("SECRET//REL TO USA, GBR", &["(S//REL)", "(U)"]),
    ("SECRET//REL TO USA, AUS, GBR", &["(S//REL)", "(U)"]),
    ("SECRET//REL TO USA, FVEY, NATO", &["(S//REL)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, GBR", &["(C//REL)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, AUS, GBR", &["(C//REL)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, FVEY, NATO", &["(C//REL)", "(U)"]),
    ("UNCLASSIFIED//REL TO USA, GBR", &["(U//REL)", "(U)"]),
    ("UNCLASSIFIED//REL TO USA, AUS, GBR", &["(U//REL)", "(U)"]),
    ("UNCLASSIFIED//REL TO USA, FVEY, NATO", &["(U//REL)", "(U)"]),
];

const ANY_MARK: [&str; 10] = [
    "(TS//SI//NF)",
    "(S//NF)",
    "(S//REL)",
    "(S//REL TO USA, GBR)",
    "(S//REL TO USA, AUS)",
    "(C//REL TO USA, DEU)",
    "(U)",
    "(S)",
    "(S//OC/REL TO USA, GBR)",
    "(TS//REL TO USA, FVEY)",
];

struct Writer {
    dice: Dice,
    canaries: usize,
    /// The banner of each tearline with the marks beneath it, as they were written.
    marks: Vec<(&'static str, Vec<String>)>,
    /// One mark in this many is an arbitrary mark.
    rogues: usize,
}

impl Writer {
    fn new(seed: u64, rogues: usize) -> Writer {
        Writer { dice: Dice(seed.wrapping_mul(0x5851_F42D_4C95_7F2D)), canaries: 0, marks: Vec::new(), rogues }
    }

    fn canary(&mut self) -> String {
        self.canaries += 1;
        format!("canary{:05}x", self.canaries)
    }

    fn mark(&mut self, fitting: &[&str]) -> String {
        let of = if self.dice.roll(self.rogues) == 0 { &ANY_MARK[..] } else { fitting };
        let mark = (*self.dice.pick(of)).to_owned();
        if let Some((_, marks)) = self.marks.last_mut() {
            marks.push(mark.clone());
        }
        mark
    }

    fn head(&mut self, fitting: &[&str], text: &mut String, all: bool) {
        for key in ["Title", "Originator", "Subjects", "Contact"] {
            if all || self.dice.roll(2) == 0 {
                let (mark, canary) = (self.mark(fitting), self.canary());
                write!(text, "{key}: {mark} EXERCISE {canary}").unwrap();
                if key == "Subjects" {
                    let (mark, canary) = (self.mark(fitting), self.canary());
                    write!(text, "; {mark} EXERCISE {canary}").unwrap();
                }
                text.push('\n');
            }
        }
    }

    /// From the most restricted tearline to the widest.
    fn product(&mut self) -> String {
        let first = self.dice.roll(LADDER.len());
        let mut steps: Vec<usize> = (first..LADDER.len()).filter(|i| *i == first || self.dice.roll(2) == 0).collect();
        // Not every product ends with an unrestricted tearline.
        if self.dice.roll(3) == 0 {
            steps.truncate(1 + self.dice.roll(2));
        }
        self.tearlines(&steps.into_iter().map(|step| LADDER[step]).collect::<Vec<_>>())
    }

    /// Tearlines in any order.
    fn disorder(&mut self) -> String {
        let rungs: Vec<_> = (0..2 + self.dice.roll(2)).map(|_| *self.dice.pick(&RUNGS)).collect();
        self.tearlines(&rungs)
    }

    fn tearlines(&mut self, steps: &[(&'static str, &'static [&'static str])]) -> String {
        let mut text = String::from("PORTCULLIS PRODUCT 1\nId: EXERCISE-7731\n");
        let (banner, fitting) = steps[0];
        self.marks.push((banner, Vec::new()));
        self.head(fitting, &mut text, true);
        text.push_str("Date: 2026-11-20\nKind: report\n\n");
        for (n, (banner, fitting)) in steps.iter().copied().enumerate() {
            if n > 0 {
                text.push_str("\n------------------------\n\n");
            }
            writeln!(text, "{banner}").unwrap();
            if n > 0 {
                self.marks.push((banner, Vec::new()));
                self.head(fitting, &mut text, false);
            }
            for _ in 0..=self.dice.roll(3) {
                let (mark, canary) = (self.mark(fitting), self.canary());
                write!(text, "\n{mark} EXERCISE {canary}\nand a second line.\n").unwrap();
            }
            if self.dice.roll(3) == 0 {
                let (mark, canary) = (self.mark(fitting), self.canary());
                text.push_str(&attachment(&mark, &canary));
            }
        }
        text
    }

    /// A paragraph of the first tearline and one from a lower one, if there is one.
    fn two(&mut self, lines: &[String], paragraphs: &[usize]) -> (usize, usize) {
        let below = lines.iter().position(|l| l.starts_with("-----")).unwrap_or_default();
        let (above, below): (Vec<usize>, Vec<usize>) = paragraphs.iter().partition(|at| **at < below);
        let of = |some: Vec<usize>| if some.is_empty() { paragraphs.to_vec() } else { some };
        (*self.dice.pick(&of(above)), *self.dice.pick(&of(below)))
    }

    /// Changes one thing that a producer controls.
    fn mutate(&mut self, text: &mut String) {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (a, b) = (self.dice.roll(lines.len()), self.dice.roll(lines.len()));
        let paragraphs: Vec<usize> =
            (0..lines.len().saturating_sub(1)).filter(|i| lines[i + 1] == "and a second line.").collect();
        match self.dice.roll(25) {
            13 | 14 | 22..25 if paragraphs.len() > 1 => {
                // The words of one paragraph are repeated under the mark of another.
                let (from, to) = self.two(&lines, &paragraphs);
                let words = lines[from].split_once(") ").map_or("", |(_, words)| words).to_owned();
                if let Some((mark, _)) = lines[to].clone().split_once(") ") {
                    lines[to] = format!("{mark}) {words}");
                }
            }
            15..=19 if paragraphs.len() > 1 => {
                // Two paragraphs have a long run of words in common, and a canary of one of them in it.
                let (from, to) = self.two(&lines, &paragraphs);
                let token = lines[from].split(' ').next_back().unwrap_or_default();
                let run = format!(
                    "EXERCISE words about {token} {}",
                    "of no meaning at all here ".repeat(1 + self.dice.roll(5))
                );
                lines[from + 1] = run.trim_end().to_owned();
                lines[to + 1] = format!("then {}", run.trim_end());
            }
            20 | 21 => {
                // An invisible character is inserted in a word.
                let unseen = *self.dice.pick(&['\u{200b}', '\u{a0}', '\u{ad}', '\u{202e}']);
                let at = if paragraphs.is_empty() { a } else { *self.dice.pick(&paragraphs) };
                lines[at] = lines[at].replacen("RCI", &format!("R{unseen}CI"), 1);
            }
            0 => lines.swap(a, b),
            1 => drop(lines.remove(a)),
            2 => lines.insert(b, lines[a].clone()),
            3 => lines.insert(a, String::new()),
            4 => lines.insert(
                a,
                (*self.dice.pick(&[
                    "------------------------",
                    "-----",
                    "SECRET//REL TO USA, GBR",
                    "(S//REL) x",
                    "=====",
                ]))
                .into(),
            ),
            5 => {
                let mark = *self.dice.pick(&ANY_MARK);
                if let (Some(open), Some(close)) = (lines[a].find('('), lines[a].find(')')) {
                    lines[a].replace_range(open..=close, mark);
                }
            }
            6 => {
                let joined = lines[b].clone();
                lines[a].push_str(&joined);
            }
            7 => {
                // A word of another part is declared protected, or no longer.
                let token: String = lines[b].split_whitespace().last().unwrap_or("x").chars().take(40).collect();
                lines.insert(a, format!("Protected: {token}"));
            }
            8 => {
                let kinds = ["text/plain", "application/json", "image/png", "application/pdf", "text/html"];
                lines[a] = lines[a].replace("text/csv", self.dice.pick::<&str>(&kinds));
            }
            9 => {
                let lists =
                    ["REL TO USA, GBR", "REL TO USA, AUS, GBR", "REL TO USA, NATO", "REL TO USA, CHE, FVEY", "NOFORN"];
                if let Some(at) = lines[a].find("REL TO USA") {
                    let end = lines[a][at..].find([')', '/']).map_or(lines[a].len(), |e| at + e);
                    lines[a].replace_range(at..end, self.dice.pick::<&str>(&lists));
                }
            }
            10 => {
                // What stood in the text is only named there.
                if let Some(begin) = lines.iter().position(|l| l.contains("BEGIN ATTACHMENT")) {
                    let end = (begin + 1..lines.len()).find(|i| lines[*i] == "END ATTACHMENT").unwrap_or(begin);
                    lines.drain(begin + 1..=end.min(lines.len() - 1));
                    lines[begin] = lines[begin].replace("BEGIN ", "");
                }
            }
            11 => {
                let changed = ["Id: EXERCISE-7732", "Date: 2019-02-28", "Kind: notice", "Originator: EXERCISE"];
                let line = (*self.dice.pick(&changed)).to_owned();
                let key = line.split(' ').next().unwrap_or_default().to_owned();
                if let Some(at) = lines.iter().position(|l| l.starts_with(&key)) {
                    lines[at] = line;
                }
            }
            _ => {
                let at = self.dice.roll(lines[a].len() + 1);
                if lines[a].is_char_boundary(at) {
                    let c =
                        *self.dice.pick(&['(', ')', '/', 'A', '-', ' ', '\u{200b}', '\u{405}', ';', ':', '\u{2028}']);
                    lines[a].insert(at, c);
                }
            }
        }
        *text = lines.join("\n") + "\n";
    }
}

/// An attachment whose name and only cell hold `canary`.
fn attachment(mark: &str, canary: &str) -> String {
    let bytes = format!("name\n{canary}\n").into_bytes();
    let mut body = String::new();
    for three in bytes.chunks(3) {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let word = three.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let six = usize::try_from(word >> (18 - 6 * i) & 63).unwrap();
            body.push(if i <= three.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    let digest = Digest::of(&bytes);
    format!("\n{mark} BEGIN ATTACHMENT {canary}.csv text/csv {} {digest}\n{body}\nEND ATTACHMENT\n", bytes.len())
}

struct Recipient {
    link: PartnerRights,
    terms: Terms,
    /// The words of REL TO lists that reach it.
    named_by: &'static [&'static str],
    ceiling: u8,
    si: bool,
}

fn recipients() -> Vec<Recipient> {
    let country = PartnerKind::Country;
    let one = |id: &str, kind, level: Level, ceiling, si: bool, named_by| {
        let accreditations: Vec<String> = si.then(|| "SCI:SI".to_owned()).into_iter().collect();
        // One of them accepts no attachments.
        let attachments = if id == "AUS" { BTreeSet::new() } else { BTreeSet::from(["text/csv".to_owned()]) };
        let terms = Terms { attachments };
        Recipient { link: PartnerRights::new(id, kind, level, accreditations), terms, named_by, ceiling, si }
    };
    vec![
        one("GBR", country, Level::TopSecret, 4, true, &["GBR", "FVEY", "NATO"]),
        one("AUS", country, Level::Secret, 3, false, &["AUS", "FVEY"]),
        one("DEU", country, Level::Confidential, 2, false, &["DEU", "NATO"]),
        one("CHE", country, Level::Secret, 3, false, &["CHE"]),
        one("FRA", country, Level::Unclassified, 0, false, &["FRA", "NATO"]),
        one("NATO", PartnerKind::Organisation, Level::Secret, 3, false, &["NATO"]),
    ]
}

/// Whether `mark`, beneath `banner`, releases to `to`. `(U)` alone releases to nobody, and follows its tearline.
fn releases(mark: &str, banner: &str, to: &Recipient, follows: bool) -> bool {
    let inner = mark.trim_matches(['(', ')']);
    if inner == "U" {
        return follows;
    }
    let level = match inner.split("//").next() {
        Some("U") => 0,
        Some("C") => 2,
        Some("S") => 3,
        Some("TS") => 4,
        _ => return false,
    };
    let list = |text: &str| {
        text.split("//").flat_map(|s| s.split('/')).find_map(|s| s.strip_prefix("REL TO ").map(str::to_owned))
    };
    let inherits = inner.ends_with("//REL");
    let Some(list) = (if inherits { list(banner) } else { list(inner) }) else { return false };
    let named = list.split(", ").any(|code| to.named_by.contains(&code));
    let controls = inner.contains("NF") || inner.contains("OC") || (inner.contains("SI") && !to.si);
    named && !controls && level <= to.ceiling
}

/// The mark that `rest` begins with, where `before` stands before it on the line. A parenthesis that a mutation left open
/// in a word begins none, and a lone letter in parentheses is one only where a mark belongs.
fn mark_at<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    let inner = rest.strip_prefix('(')?;
    let inner = &inner[..inner.find(['(', ')']).filter(|end| inner[*end..].starts_with(')'))?];
    let class = inner.split("//").next().unwrap_or_default().trim();
    let before = before.trim_end();
    let belongs = before.is_empty()
        || before.ends_with(':') && !before.contains(' ')
        || before.starts_with("Subjects:") && before.ends_with(';');
    let mark = ["U", "C", "S", "TS"].contains(&class) && (belongs || inner.contains("//"));
    mark.then(|| &rest[..inner.len() + 2])
}

/// Where each canary stands in the source: its tearline, and the mark and banner over it.
fn places(text: &str) -> Vec<(String, usize, String, String)> {
    let mut places = Vec::new();
    let (mut tearline, mut banner, mut over, mut in_front) = (0, String::new(), String::new(), true);
    let lines: Vec<&str> = text.lines().collect();
    // The banner of the source version stands behind the front block, whose marks may lean on it.
    let first_banner =
        lines.iter().position(|l| l.trim().is_empty()).and_then(|i| lines[i..].iter().find(|l| !l.trim().is_empty()));
    for line in &lines {
        if line.len() >= 20 && line.bytes().all(|b| b == b'-') {
            (tearline, banner, over, in_front) = (tearline + 1, String::new(), String::new(), false);
        } else if line.trim().is_empty() {
            in_front = false;
            over.clear();
        } else if banner.is_empty() && !in_front {
            banner = (*line).to_owned();
        }
        // What an attachment holds stands under the mark on its first line, whatever became of its name.
        for token in canaries(&decoded(line)) {
            places.push((token, tearline, over.clone(), banner.clone()));
        }
        let banner = if in_front { (*first_banner.unwrap_or(&"")).to_owned() } else { banner.clone() };
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            if let Some(mark) = mark_at(&line[..at], rest) {
                over = mark.to_owned();
            }
            if rest.starts_with("canary") {
                let token: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                places.push((token, tearline, over.clone(), banner.clone()));
            }
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    places
}

/// What a line of an attachment stands for, as far as it does.
fn decoded(line: &str) -> String {
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, line).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn canaries(text: &str) -> BTreeSet<String> {
    text.match_indices("canary")
        .map(|(at, _)| text[at..].chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect()
}

fn canaries_in(cut: &Cut) -> BTreeSet<String> {
    let mut text = String::from_utf8(cut.bytes().to_vec()).unwrap();
    for attachment in cut.attachments() {
        text.push_str(&String::from_utf8_lossy(attachment.inline().unwrap_or_default()));
    }
    canaries(&text)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A register in which one country has left an organisation since products were read.
fn later_register() -> Register {
    let left = r#"{ "overlay": [{ "code": "NATO", "remove": "DEU", "effective": "2026-01-01" }] }"#;
    Register::load(&RegisterFiles { overlay: Some(left), ..RegisterFiles::shipped() }).unwrap()
}

/// A product of this number, changed in none, one or two places.
fn product(number: u64) -> (Writer, String) {
    let mut writer = Writer::new(number, 60);
    let mut text = writer.product();
    for _ in 0..writer.dice.roll(3) {
        writer.mutate(&mut text);
    }
    (writer, text)
}

/// Why there is no cut, as the names of the classes.
fn refused_for(refusal: &CutRefusal) -> Vec<String> {
    match refusal {
        CutRefusal::Product { reason } => {
            vec![format!("product refused: {}", reason.split([' ', ':']).next().unwrap_or_default())]
        }
        CutRefusal::NothingReleasable { per_tearline } => {
            // Each tearline that one reason alone keeps back.
            let alone = per_tearline.iter().filter_map(|tearline| match &tearline.reasons[..] {
                [reason] => Some(format!("only {}", reason.code)),
                _ => None,
            });
            alone.chain(["nothing releasable".to_owned()]).collect()
        }
        CutRefusal::AttachmentType { lower, .. } if lower.is_some() => vec!["attachment, and a lower tearline".into()],
        CutRefusal::AttachmentType { .. } => vec!["attachment, and no lower tearline".into()],
        other => vec![other.to_string()],
    }
}

#[test]
fn no_cut_holds_a_canary_that_is_not_released_to_its_partner() {
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let refusing = Settings::default();
    let stripping = Settings { hidden: Hidden::Strip, ..Settings::default() };
    let partners = recipients();
    let (seed, count) = (number("PORTCULLIS_SEED", 0), number("PORTCULLIS_PRODUCTS", 1_500));
    let classes = Classes::new(
        1_500,
        [
            "sound",
            "sound though changed",
            "not sound",
            "changed while made ready",
            "cut of tearline 0",
            "cut of tearline 1",
            "cut of tearline 2",
            "cut of tearline 3",
            "with an attachment",
            "own title",
            "title of the front block",
            "title written anew",
            "nothing releasable",
            "only NOT-RELEASABLE",
            "only CEILING",
            "only CONDITION:SCI:SI",
            "attachment, and a lower tearline",
            "attachment, and no lower tearline",
            "passes inspection",
            "fails inspection",
            "canary.contradiction",
            "canary.shared",
            "shown to officers",
        ]
        .into_iter()
        .map(str::to_owned)
        .chain(partners.iter().map(|partner| format!("cut for {}", partner.link.id))),
    );
    let mut checked = 0;
    for n in 0..count {
        let settings = if n % 2 == 0 { &refusing } else { &stripping };
        let (mut writer, text) = product(seed.wrapping_add(n));
        classes.case();
        let Ok(product) = Product::read(text.as_bytes(), &bounds, register) else {
            classes.saw("not sound", true);
            continue;
        };
        writer = Writer::new(seed.wrapping_add(n), writer.rogues);
        classes.saw("sound", true);
        classes.saw("sound though changed", writer.product() != text);
        let places = places(&text);
        // Preparation does not depend on the partner, and inspection depends only on the bytes.
        let mut prepared = BTreeMap::new();
        for partner in &partners {
            let make = |product: &Product| cut_for(product, &partner.link, &partner.terms, 0, &bounds, register);
            let cut = match make(&product) {
                Ok(cut) => cut,
                Err(refusal) => {
                    refused_for(&refusal).into_iter().for_each(|class| classes.saw(class, true));
                    continue;
                }
            };
            let selected = cut.tearline_index().unwrap();
            classes.saw(format!("cut for {}", partner.link.id), true);
            classes.saw(format!("cut of tearline {selected}"), true);
            classes.saw("with an attachment", !cut.attachments().is_empty());
            let own = product.tearlines()[selected].head().title.as_ref();
            classes.saw("own title", selected > 0 && own.is_some());
            classes.saw("title of the front block", own.is_none() && cut.generated_title().is_none());
            classes.saw("title written anew", cut.generated_title().is_some());
            for canary in canaries_in(&cut) {
                checked += 1;
                assert!(
                    may_stand(&canary, &places, selected, partner),
                    "seed {seed}, product {n}: `{canary}` went to {} in\n{text}\nfrom\n{}",
                    partner.link.id,
                    String::from_utf8_lossy(cut.bytes())
                );
            }
            // The prepared tearline is what would be released; it must satisfy the same property.
            let ready = prepared.entry(selected).or_insert_with(|| inspect::prepare(&product, selected, settings));
            if let Some(ready) = ready.as_ref().ok().filter(|ready| ready.product != product) {
                let again = make(&ready.product).unwrap();
                classes.saw("changed while made ready", true);
                assert_eq!(again.tearline_index(), Some(selected), "seed {seed}, product {n}");
                assert!(canaries_in(&again).is_subset(&canaries_in(&cut)), "seed {seed}, product {n}");
            }
            let source = Source { product: &product, tearline: selected, register, link: &partner.link };
            match inspect::outbound(&cut, source, &NoContents, settings) {
                Ok(inspected) => {
                    classes.saw("passes inspection", true);
                    classes.saw("shown to officers", !inspected.shared().is_empty());
                }
                Err(refused) => {
                    classes.saw("fails inspection", true);
                    let says = |code: &str| refused.findings.iter().any(|f| f.code == code);
                    // What a mutation put elsewhere too, under a mark that does not release it, the source contradicts
                    // itself.
                    let twice = || {
                        let in_cut = canaries_in(&cut);
                        let elsewhere =
                            places.iter().filter(|(token, at, ..)| *at != selected && in_cut.contains(token));
                        let mut held = elsewhere.filter(|(_, _, mark, banner)| !releases(mark, banner, partner, true));
                        held.next().is_some() || text.matches(") x\n").count() > 1
                    };
                    for code in ["canary.contradiction", "canary.shared"] {
                        classes.saw(code, says(code));
                        let fair = !says(code) || twice();
                        assert!(fair, "seed {seed}, product {n}, {}: {refused}\n{text}", partner.link.id);
                    }
                    // A file that nobody reads cannot be compared, and is refused for that.
                    let known = ["canary.unread", "canary.contradiction", "canary.shared"];
                    let canary =
                        refused.findings.iter().any(|f| f.code.starts_with("canary") && !known.contains(&f.code));
                    assert!(!canary, "seed {seed}, product {n}: {refused}\n{text}");
                }
            }
        }
    }
    println!("{checked} canaries looked up");
    classes.hold();
}

/// Whether `canary` may be released to `partner` with the tearline `selected`. The front block belongs to the first tearline; in a lower
/// cut its own mark must release it.
fn may_stand(canary: &str, places: &[(String, usize, String, String)], selected: usize, partner: &Recipient) -> bool {
    places.iter().any(|(token, tearline, mark, banner)| {
        let follows = *tearline == selected;
        token == canary && (follows || *tearline == 0) && releases(mark, banner, partner, follows)
    })
}

/// A parsed product is checked again with the register in force when it is cut.
#[test]
fn a_product_read_under_another_register_goes_only_as_far_as_the_one_in_force_lets_it() {
    let (bounds, register, later) = (Bounds::default(), Register::compiled_in(), later_register());
    let mut partners = recipients();
    for partner in partners.iter_mut().filter(|partner| partner.link.id == "DEU") {
        partner.named_by = &["DEU"];
    }
    let classes = Classes::new(
        650,
        [
            "product refused: BANNER-UNDERSTATED",
            "product refused: AUDIENCE-SHRINKS",
            "cut",
            "cut for DEU",
            "only NOT-RELEASABLE",
            "cut before, and no more",
        ],
    );
    for n in 0..700 {
        let mut writer = Writer::new(n, 1_000);
        // That country by its own name, and by no organisation.
        let by_name = ("CONFIDENTIAL//REL TO USA, DEU, FVEY", &["(C//REL)", "(U)"][..]);
        let text = if n % 4 == 0 { writer.tearlines(&[LADDER[3], by_name]) } else { writer.product() };
        let Ok(product) = Product::read(text.as_bytes(), &bounds, register) else { continue };
        classes.case();
        let places = places(&text);
        for partner in &partners {
            match cut_for(&product, &partner.link, &partner.terms, 0, &bounds, &later) {
                Ok(cut) => {
                    classes.saw("cut", true);
                    classes.saw("cut for DEU", partner.link.id == "DEU");
                    for canary in canaries_in(&cut) {
                        let may = may_stand(&canary, &places, cut.tearline_index().unwrap(), partner);
                        assert!(may, "product {n}: `{canary}` went to {} in\n{text}", partner.link.id);
                    }
                }
                Err(refusal) => {
                    refused_for(&refusal).into_iter().for_each(|class| classes.saw(class, true));
                    let before = cut_for(&product, &partner.link, &partner.terms, 0, &bounds, register);
                    classes.saw("cut before, and no more", before.is_ok());
                }
            }
        }
    }
    classes.hold();
}

/// Reading a product and choosing a tearline check it whole, each by code of its own.
#[test]
fn what_reading_takes_whole_choosing_takes_whole_and_what_one_refuses_the_other_does() {
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let rules = Rules::new(register, DocumentDate::Known("2026-11-20".parse().unwrap()));
    let classes =
        Classes::new(1_500, ["taken", "BANNER-UNDERSTATED alone", "LEVEL-RISES alone", "AUDIENCE-SHRINKS alone"]);
    for n in 0..1_500 {
        let mut writer = Writer::new(n, 40);
        let text = if n % 3 == 0 { writer.product() } else { writer.disorder() };
        let tearlines = writer
            .marks
            .iter()
            .map(|(banner, marks)| MarkedTearline::read(&rules, banner, marks.iter().map(String::as_str)));
        let read = Product::read(text.as_bytes(), &bounds, register).err().unwrap_or_default();
        classes.case();
        let Ok(tearlines) = tearlines.collect::<Result<Vec<_>, _>>() else {
            classes.saw("INVALID-MARK", true);
            assert!(!read.is_empty(), "product {n}\n{text}");
            continue;
        };
        let chosen = SoundProduct::examine(&rules, &tearlines).err().map(|refused| refused.fault);
        let codes: BTreeSet<String> = read.iter().map(|fault| fault.code.to_string()).collect();
        assert!(codes.iter().all(|code| code == "P-COVER" || code == "P-LADDER"), "product {n}: {codes:?}\n{text}");
        // Choosing names the first fault that it finds, reading every one.
        let (cover, ladder) = (codes.contains("P-COVER"), codes.contains("P-LADDER"));
        let same = match &chosen {
            None => codes.is_empty(),
            Some(ProductFault::BannerUnderstated(_)) => cover,
            Some(ProductFault::LevelRises | ProductFault::AudienceShrinks) => ladder && !cover,
            Some(_) => false,
        };
        assert!(same, "product {n}: {chosen:?} and {codes:?}\n{text}");
        classes.saw("taken", chosen.is_none());
        let first = chosen.map(|fault| fault.to_string().split(':').next().unwrap_or_default().to_owned());
        classes.saw(format!("{} alone", first.unwrap_or_default()), read.len() == 1);
    }
    classes.hold();
}
