//! Random products with a canary in every part, mutated as a careless or hostile producer might: no cut ever holds a
//! canary from a part that is not in the selected tearline or whose mark does not release it to that partner.
//!
//! The judge here is a dozen lines that read marks as text, so that it shares nothing with the engine it judges.
//! `PORTCULLIS_PRODUCTS` sets how many products are tried, `PORTCULLIS_SEED` where to begin.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis::cut::{Cut, Terms, cut_for};
use portcullis::digest::Digest;
use portcullis::inspect::{self, Settings, Source};
use portcullis::marking::{Level, LinkRights, PartnerKind, Register};
use portcullis::product::{Bounds, NoContents, Product};

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
const LADDER: [(&str, &[&str]); 6] = [
    (
        "TOP SECRET//SI//NOFORN",
        &["(TS//SI//NF)", "(S//NF)", "(S//REL TO USA, GBR)", "(U)", "(S//SI//REL TO USA, AUS, GBR)"],
    ),
    ("SECRET//SI//REL TO USA, GBR", &["(S//SI//REL)", "(S//REL)", "(S//REL TO USA, AUS, GBR)", "(U)"]),
    ("SECRET//REL TO USA, AUS, GBR", &["(S//REL)", "(C//REL)", "(S//REL TO USA, FVEY)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, FVEY", &["(C//REL)", "(C//REL TO USA, FVEY, NATO)", "(U)"]),
    ("CONFIDENTIAL//REL TO USA, FVEY, NATO", &["(C//REL)", "(C//REL TO USA, CHE, FVEY, NATO)", "(U)"]),
    ("UNCLASSIFIED//REL TO USA, CHE, FVEY, NATO", &["(U//REL)", "(U//REL TO USA, CHE, FVEY, NATO)", "(U)"]),
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
}

impl Writer {
    fn canary(&mut self) -> String {
        self.canaries += 1;
        format!("canary{:05}x", self.canaries)
    }

    fn mark(&mut self, fitting: &[&str]) -> String {
        if self.dice.roll(40) == 0 { (*self.dice.pick(&ANY_MARK)).into() } else { (*self.dice.pick(fitting)).into() }
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

    fn product(&mut self) -> String {
        let mut text = String::from("PORTCULLIS PRODUCT 1\nId: EXERCISE-7731\n");
        let first = self.dice.roll(LADDER.len());
        let steps: Vec<usize> = (first..LADDER.len()).filter(|i| *i == first || self.dice.roll(2) == 0).collect();
        self.head(LADDER[first].1, &mut text, true);
        text.push_str("Date: 2026-11-20\nKind: report\n\n");
        for (n, step) in steps.iter().enumerate() {
            let (banner, fitting) = LADDER[*step];
            if n > 0 {
                text.push_str("\n------------------------\n\n");
            }
            writeln!(text, "{banner}").unwrap();
            if n > 0 {
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

    /// Changes one thing that a producer controls.
    fn mutate(&mut self, text: &mut String) {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (a, b) = (self.dice.roll(lines.len()), self.dice.roll(lines.len()));
        match self.dice.roll(13) {
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
    link: LinkRights,
    /// The words of REL TO lists that reach it.
    named_by: &'static [&'static str],
    ceiling: u8,
    si: bool,
}

fn recipients() -> Vec<Recipient> {
    let country = PartnerKind::Country;
    let one = |id: &str, kind, level: Level, ceiling, si: bool, named_by| {
        let accreditations: Vec<String> = si.then(|| "SCI:SI".to_owned()).into_iter().collect();
        Recipient { link: LinkRights::new(id, kind, level, accreditations), named_by, ceiling, si }
    };
    vec![
        one("GBR", country, Level::Secret, 3, true, &["GBR", "FVEY", "NATO"]),
        one("AUS", country, Level::Secret, 3, false, &["AUS", "FVEY"]),
        one("DEU", country, Level::Confidential, 2, false, &["DEU", "NATO"]),
        one("CHE", country, Level::Secret, 3, false, &["CHE"]),
        one("FRA", country, Level::TopSecret, 4, true, &["FRA", "NATO"]),
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

#[test]
fn no_cut_holds_a_canary_that_is_not_released_to_its_partner() {
    let (bounds, register, settings) = (Bounds::default(), Register::compiled_in(), Settings::default());
    let terms = Terms { attachments: BTreeSet::from(["text/csv".to_owned()]) };
    let partners = recipients();
    let (seed, count) = (number("PORTCULLIS_SEED", 0), number("PORTCULLIS_PRODUCTS", 10_000));
    let (mut sound, mut cuts, mut checked, mut contradictions) = (0u64, 0u64, 0u64, 0u64);
    for n in 0..count {
        let mut writer = Writer { dice: Dice(seed.wrapping_add(n).wrapping_mul(0x5851_F42D_4C95_7F2D)), canaries: 0 };
        let mut text = writer.product();
        for _ in 0..writer.dice.roll(3) {
            writer.mutate(&mut text);
        }
        let Ok(product) = Product::read(text.as_bytes(), &bounds, register) else { continue };
        sound += 1;
        let places = places(&text);
        for partner in &partners {
            let Ok(cut) = cut_for(&product, &partner.link, &terms, 0, &bounds, register) else { continue };
            cuts += 1;
            let selected = cut.tearline_index().unwrap();
            for canary in canaries_in(&cut) {
                checked += 1;
                let allowed = places.iter().any(|(token, tearline, mark, banner)| {
                    // The front block is the first tearline's; from a lower cut its own mark must release it.
                    let follows = *tearline == selected;
                    *token == canary && (follows || *tearline == 0) && releases(mark, banner, partner, follows)
                });
                assert!(
                    allowed,
                    "seed {seed}, product {n}: `{canary}` went to {} in\n{text}\nfrom\n{}",
                    partner.link.id,
                    String::from_utf8_lossy(cut.bytes())
                );
            }
            // What would go is what is made ready to go; that must be as clean.
            if let Ok(prepared) = inspect::prepare(&product, selected, &settings) {
                let again = cut_for(&prepared.product, &partner.link, &terms, 0, &bounds, register).unwrap();
                assert_eq!(again.tearline_index(), Some(selected), "seed {seed}, product {n}");
                assert!(canaries_in(&again).is_subset(&canaries_in(&cut)), "seed {seed}, product {n}");
            }
            let source = Source { product: &product, tearline: selected, register, link: &partner.link };
            if let Err(refused) = inspect::outbound(&cut, source, &NoContents, &settings) {
                let says = |codes: &[&str]| refused.findings.iter().any(|f| codes.contains(&f.code));
                // What a mutation put elsewhere too, under a mark that does not release it, the source contradicts itself.
                let twice = || {
                    let in_cut = canaries_in(&cut);
                    let elsewhere = places.iter().filter(|(token, at, ..)| *at != selected && in_cut.contains(token));
                    let mut held = elsewhere.filter(|(_, _, mark, banner)| !releases(mark, banner, partner, true));
                    held.next().is_some() || text.matches(") x\n").count() > 1
                };
                if says(&["canary.contradiction", "canary.shared"]) {
                    contradictions += 1;
                    assert!(twice(), "seed {seed}, product {n}, {}: {refused}\n{text}", partner.link.id);
                }
                // A file that nobody reads cannot be compared, and is refused for that.
                let known = ["canary.unread", "canary.contradiction", "canary.shared"];
                let canary = refused.findings.iter().any(|f| f.code.starts_with("canary") && !known.contains(&f.code));
                assert!(!canary, "seed {seed}, product {n}: {refused}\n{text}");
            }
        }
    }
    // A test that never gets as far as a cut would hold vacuously.
    assert!(
        sound * 5 > count && cuts > sound && checked > cuts * 3,
        "{sound} sound of {count}, {cuts} cuts, {checked} canaries"
    );
    println!("{sound} sound of {count}, {cuts} cuts, {checked} canaries looked up, {contradictions} contradictions");
}
