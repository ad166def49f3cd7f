//! Products in Markdown, JSON and STIX: every vector gives exactly the faults it states, and the same product says the
//! same in every format.

use std::collections::BTreeSet;

use crate::classes::Classes;
use crate::vectors;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::cut::{Cut, NotACut, Terms, cut_for};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Attachment, Bounds, FaultCode, Format, Item, Product, ProductFault};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use unicode_normalization::is_nfc;

fn read(source: &[u8]) -> Result<Product, Vec<ProductFault>> {
    Product::read(source, &Bounds::default(), Register::compiled_in())
}

/// Compares every vector of a format with what it states, and gives how many state a fault.
fn hold(format: Format) -> usize {
    let all = vectors::read_all(&format!("product/{format}"));
    let mut wrong = Vec::new();
    for vector in &all {
        let found: Vec<String> = match read(&vector.body) {
            Ok(product) => {
                assert_eq!(product.format(), format, "{}", vector.name);
                Vec::new()
            }
            Err(faults) => {
                assert!(!faults.is_empty(), "{}: refused without a fault", vector.name);
                faults.iter().map(|f| format!("{}@{}", f.code, f.line)).collect()
            }
        };
        if found != vector.expected() || vector.value("expect").is_empty() {
            wrong.push(format!(
                "{format}/{}\t{}",
                vector.name,
                if found.is_empty() { "pass".into() } else { found.join(" ") }
            ));
        }
    }
    if let Some(file) = std::env::var_os("SHOW") {
        let mut text = std::fs::read_to_string(&file).unwrap_or_default();
        text.push_str(&(wrong.join("\n") + "\n"));
        std::fs::write(file, text).unwrap();
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    all.iter().filter(|v| !v.expected().is_empty()).count()
}

#[test]
fn every_markdown_vector_gives_exactly_the_faults_it_states() {
    assert!(hold(Format::Markdown) >= 25);
}

#[test]
fn every_json_vector_gives_exactly_the_faults_it_states() {
    assert!(hold(Format::Json) >= 25);
}

#[test]
fn every_stix_vector_gives_exactly_the_faults_it_states() {
    assert!(hold(Format::Stix) >= 25);
}

/// The parts of a product that every format must give alike: everything but places and the source's own digest.
fn content(product: &Product) -> String {
    let mut out = format!("{} {} {} {}\n", product.id(), product.date(), product.kind(), product.originator());
    for t in product.tearlines() {
        out.push_str(&format!("== {:?} {:?}\n", t.banner(), t.protected()));
        for (kind, item) in t.head().items() {
            out.push_str(&format!("{kind}: {:?} {:?}\n", item.marking, item.text));
        }
        for p in t.portions() {
            out.push_str(&format!("{:?} {:?}\n", p.marking, p.text));
        }
        for a in t.attachments() {
            out.push_str(&format!(
                "{:?} {} {} {:?} {}\n",
                a.marking(),
                a.name(),
                a.media_type(),
                a.inline(),
                a.digest()
            ));
        }
    }
    out
}

/// A product as JSON, written here by other code than the gateway's.
fn as_json(product: &Product) -> String {
    let item = |i: &Item| json!({ "mark": i.marking.portion(), "text": i.text });
    let tearlines = product.tearlines().iter().enumerate().map(|(index, t)| {
        let head = t.head();
        let mut value = json!({
            "banner": t.banner().banner(),
            "subjects": head.subjects.iter().map(item).collect::<Vec<_>>(),
            "protected": t.protected(),
            "portions": t.portions().iter().map(|p| json!({ "mark": p.marking.portion(), "text": p.text })).collect::<Vec<_>>(),
            "attachments": t.attachments().iter().map(attachment_json).collect::<Vec<_>>(),
        });
        for (key, of) in [("title", &head.title), ("originator", &head.originator), ("contact", &head.contact)] {
            if let Some(of) = of {
                value[key] = item(of);
            } else if key == "originator" && index == 0 {
                value[key] = json!({ "text": product.originator() });
            }
        }
        value
    });
    let value = json!({
        "portcullis_product": 1, "id": product.id().as_str(), "date": product.date().to_string(),
        "kind": product.kind().as_str(), "tearlines": tearlines.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).unwrap()
}

fn attachment_json(a: &Attachment) -> serde_json::Value {
    let mut value = json!({
        "mark": a.marking().portion(), "name": a.name().as_str(), "type": a.media_type(), "size": a.size(),
        "sha256": a.digest().to_string(),
    });
    if let Some(bytes) = a.inline() {
        value["data"] = STANDARD.encode(bytes).into();
    }
    value
}

/// A product as Markdown, made from its text line by line.
fn as_markdown(product: &Product) -> String {
    let text = product.as_text();
    let mut out = String::new();
    let (mut head, mut banner, mut attachment) = (false, false, false);
    for (i, line) in text.lines().enumerate() {
        attachment = attachment && line != "END ATTACHMENT" || line.contains(" BEGIN ATTACHMENT ");
        let escaped: String =
            line.chars().flat_map(|c| if "*_[]<&~`\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        if i == 0 {
            (head, banner) = (true, true);
            out.push_str(&format!("# {line}\n"));
        } else if line.is_empty() {
            head = false;
            out.push('\n');
        } else if attachment || line.starts_with("---") || line == "END ATTACHMENT" {
            banner = banner || line.starts_with("---");
            out.push_str(&format!("{line}\n"));
        } else if head {
            out.push_str(&format!("- {escaped}\n"));
        } else if banner {
            (head, banner) = (true, false);
            out.push_str(&format!("## {line}\n"));
        } else {
            out.push_str(&format!("{escaped}\n"));
        }
    }
    out
}

const SAMPLES: [&[u8]; 3] = [
    include_bytes!("../../samples/EXERCISE-northern-lantern.txt"),
    include_bytes!("../../samples/EXERCISE-maritime.txt"),
    include_bytes!("../../samples/EXERCISE-small.txt"),
];

/// Every partner that could get something else than another.
fn partners() -> Vec<PartnerRights> {
    let country = |code: &str| PartnerRights::new(code, PartnerKind::Country, Level::Secret, []);
    let mut all: Vec<PartnerRights> = ["GBR", "AUS", "CAN", "DEU", "FRA", "CHE", "JPN"].map(country).to_vec();
    all.push(PartnerRights::new("NATO", PartnerKind::Organisation, Level::Secret, []));
    all.push(PartnerRights::new("GBR", PartnerKind::Country, Level::Confidential, []));
    all
}

fn cuts(product: &Product) -> Vec<Option<Cut>> {
    let terms = Terms { attachments: BTreeSet::from(["text/csv".to_owned(), "text/plain".to_owned()]) };
    let register = Register::compiled_in();
    partners().iter().map(|link| cut_for(product, link, &terms, 0, &Bounds::default(), register).ok()).collect()
}

#[test]
fn one_product_is_the_same_in_every_format_and_gives_every_partner_the_same_bytes() {
    let mut sources: Vec<Vec<u8>> = SAMPLES.map(<[u8]>::to_vec).to_vec();
    let sound =
        |format: &str| vectors::read_all(&format!("product{format}")).into_iter().filter(|v| v.expected().is_empty());
    sources.extend(sound("").chain(sound("/markdown")).chain(sound("/json")).chain(sound("/stix")).map(|v| v.body));
    let mut gone = 0;
    for source in &sources {
        let product = read(source).unwrap_or_else(|f| panic!("{f:?}"));
        let written = [product.as_text(), as_json(&product), as_markdown(&product)];
        for (written, format) in written.iter().zip([Format::Text, Format::Json, Format::Markdown]) {
            let again = read(written.as_bytes()).unwrap_or_else(|f| panic!("{format}: {f:#?}\n{written}"));
            assert_eq!(again.format(), format);
            assert_eq!(content(&again), content(&product), "{format}");
            let (expected, found) = (cuts(&product), cuts(&again));
            let bytes =
                |cuts: &[Option<Cut>]| cuts.iter().map(|c| c.as_ref().map(|c| c.bytes().to_vec())).collect::<Vec<_>>();
            assert_eq!(bytes(&found), bytes(&expected), "{format}");
            gone += found.iter().flatten().count();
        }
    }
    assert!(gone > 50, "{gone} cuts are too few to compare anything");
}

/// Reads a rendering back, and expects the cut; a text that is not normal is refused by name instead.
fn returns(cut: &Cut, format: Format) {
    let register = Register::compiled_in();
    let rendered = cut.rendered(format, register).unwrap();
    assert_eq!(cut.rendered(format, register).unwrap(), rendered, "a rendering is a function of the cut");
    let normal = is_nfc(std::str::from_utf8(cut.bytes()).unwrap());
    match Cut::read_rendering(&rendered, format, &Bounds::default(), register) {
        Ok(back) => assert_eq!((back.bytes(), back.digest()), (cut.bytes(), cut.digest()), "{format}"),
        Err(NotACut::Faults(faults)) if !normal => {
            assert!(faults.iter().any(|f| f.code == FaultCode::Unicode.into()), "{format}: {faults:?}");
        }
        Err(other) => panic!("{format}: {other}\n{}", String::from_utf8_lossy(&rendered)),
    }
    if format != Format::Text && normal {
        let mut touched = rendered.clone();
        touched.push(b' ');
        assert!(Cut::read_rendering(&touched, format, &Bounds::default(), register).is_err(), "{format}");
    }
}

const MACHINE: [Format; 4] = [Format::Text, Format::Markdown, Format::Json, Format::Stix];

#[test]
fn every_rendering_for_machines_reads_back_to_the_same_cut() {
    let of_cui = |v: &vectors::Vector| v.name.contains("cui") && v.expected().is_empty();
    let cui: Vec<_> = ["product", "product/stix"].iter().flat_map(|f| vectors::read_all(f)).filter(of_cui).collect();
    assert_eq!(cui.len(), 3);
    for source in SAMPLES.into_iter().chain(cui.iter().map(|v| v.body.as_slice())) {
        for cut in cuts(&read(source).unwrap()).iter().flatten() {
            MACHINE.iter().for_each(|format| returns(cut, *format));
        }
    }
}

#[test]
fn whatever_a_text_may_hold_comes_back() {
    let portion = "[-a-z0-9 \\\\`*_<>&;:!#+=|\"'\\[\\](){}.~\u{e9}\u{65e5}\u{202e}\u{1f6a2}\n]{1,40}";
    let cases = (prop::collection::vec(portion, 1..4), "[a-z \\\\`*_<>&:!#\"'\\[\\]~/]{1,20}");
    let classes = Classes::new(400, ["read", "refused", "came back"]);
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let tried = TestRunner::new(config).run(&cases, |(portions, title)| {
        classes.case();
        let portions: String = portions.iter().map(|p| format!("\n(C//REL TO USA, GBR) x{p}y\n")).collect();
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (C//REL TO USA, GBR) x{title}\nOriginator: (U) EXERCISE\n\
             Date: 2026-11-20\nKind: report\n\nCONFIDENTIAL//REL TO USA, GBR\n{portions}"
        );
        let read = read(text.as_bytes());
        classes.saw("read", read.is_ok());
        classes.saw("refused", read.is_err());
        for cut in read.iter().flat_map(cuts).flatten() {
            MACHINE.iter().for_each(|format| returns(&cut, *format));
            classes.saw("came back", true);
        }
        Ok(())
    });
    tried.unwrap_or_else(|fault| panic!("{fault}"));
    classes.hold();
}

/// SplitMix64: small, and the same everywhere.
fn dice(state: &mut u64, sides: usize) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ (z >> 31)) as usize % sides
}

#[test]
fn no_mutation_of_a_vector_makes_a_reader_fall_over_or_a_cut_that_does_not_come_back() {
    let mut state = 7;
    let formats = ["product/markdown", "product/json", "product/stix"];
    let classes = Classes::new(
        1_000,
        formats
            .map(|f| format!("{f} read though changed"))
            .into_iter()
            .chain(["refused", "cut that came back"].map(str::to_owned)),
    );
    for folder in formats {
        for vector in vectors::read_all(folder) {
            // What is sound is broken in more ways than what is at fault already.
            for _ in 0..if vector.expected().is_empty() { 24 } else { 6 } {
                let mut body = vector.body.clone();
                // A letter of a word for another leaves most of them what they are; anything else hardly ever does.
                let rough = dice(&mut state, 2) == 0;
                for _ in 0..=dice(&mut state, 3) {
                    let at = dice(&mut state, body.len());
                    match dice(&mut state, 4) {
                        _ if !rough => {
                            let words: Vec<usize> =
                                (0..body.len()).filter(|i| body[*i..].starts_with(b"EXERCISE")).collect();
                            if !words.is_empty() {
                                let word = words[dice(&mut state, words.len())];
                                body[word + dice(&mut state, 8)] = b'A' + dice(&mut state, 26) as u8;
                            }
                        }
                        0 => body.truncate(at.max(1)),
                        1 => body[at] = b"\"\\{}[]():;|-# \n(U)\0\xff"[dice(&mut state, 20)],
                        2 => drop(body.remove(at)),
                        _ => {
                            let end = (at + dice(&mut state, 40)).min(body.len());
                            let piece = body[at..end].to_vec();
                            let to = dice(&mut state, body.len());
                            drop(body.splice(to..to, piece));
                        }
                    }
                    if body.is_empty() {
                        body.push(b'#');
                    }
                }
                classes.case();
                match read(&body) {
                    Ok(product) => {
                        classes.saw(format!("{folder} read though changed"), body != vector.body);
                        for cut in cuts(&product).iter().flatten() {
                            returns(cut, Format::Json);
                            classes.saw("cut that came back", true);
                        }
                    }
                    // Every place that a fault names is there to be shown.
                    Err(faults) => {
                        classes.saw("refused", true);
                        faults.iter().for_each(|fault| {
                            assert!(fault.columns.start <= fault.columns.end && fault.line >= 1, "{fault:?}");
                            portcullis::product::render(fault, &body, "mutated", portcullis::product::Style::Plain);
                        });
                    }
                }
            }
        }
    }
    classes.hold();
}

/// Words that mean something to one reader or another, where they stand by themselves.
const WORDS_OF_FORMATS: [&str; 34] = [
    "BEGIN ATTACHMENT",
    "END ATTACHMENT",
    "ATTACHMENT",
    "BEGIN ATTACHMENT a.txt text/plain 1 00",
    "(x)",
    "(",
    ")",
    "(U",
    "Title: EXERCISE",
    "Title:",
    "Id: 1",
    "Protected: x",
    "PORTCULLIS PRODUCT 1",
    "# PORTCULLIS PRODUCT 1",
    "- ",
    "-- x",
    "* x",
    "1. x",
    "## ",
    "> ",
    "```",
    "|a|b|",
    "===",
    "\\",
    "{\"a\":1}",
    "<html>",
    "&amp;",
    "a  b",
    " ",
    "\n",
    "\n ",
    "\n(x) BEGIN ATTACHMENT ",
    "\nBEGIN ATTACHMENT ",
    "\n  END ATTACHMENT",
];

/// parse(print(x)) = x, in every format, of texts made of what the formats themselves are made of: what one reader takes,
/// every other takes, and as the same.
#[test]
fn what_one_reader_takes_every_other_takes_too() {
    let mut state = 20;
    let (mut taken, mut keyword) = (0, 0);
    for _ in 0..1_500 {
        let mut said = || -> String {
            let words =
                (0..1 + dice(&mut state, 4)).map(|_| WORDS_OF_FORMATS[dice(&mut state, WORDS_OF_FORMATS.len())]);
            words.collect::<Vec<_>>().join(["", " "][dice(&mut state, 2)])
        };
        let portions =
            format!("(C//REL TO USA, GBR) {}{}\n\n(U) EXERCISE {}\n", ["", "x "][said().len() % 2], said(), said());
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (C//REL TO USA, GBR) x\nOriginator: (U) EXERCISE\n\
             Date: 2026-11-20\nKind: report\n\nCONFIDENTIAL//REL TO USA, GBR\n\n{portions}"
        );
        let Ok(product) = read(text.as_bytes()) else { continue };
        taken += 1;
        keyword += usize::from(product.tearlines()[0].portions().iter().any(|p| p.text.contains("BEGIN ATTACHMENT")));
        for (written, format) in [(product.as_text(), Format::Text), (as_json(&product), Format::Json)] {
            let again = read(written.as_bytes()).unwrap_or_else(|f| panic!("{format}: {f:#?}\n{text}"));
            assert_eq!(content(&again), content(&product), "{format}\n{text}");
        }
        for cut in cuts(&product).iter().flatten() {
            MACHINE.iter().for_each(|format| returns(cut, *format));
        }
    }
    assert!(taken > 200 && keyword > 20, "{taken} taken, {keyword} of them with the keyword");
}

#[test]
fn the_keyword_of_an_attachment_begins_one_only_behind_the_mark() {
    let text = |paragraph: &str| {
        format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) x\nOriginator: (U) EXERCISE\nDate: 2026-11-20\n\
             Kind: report\n\nUNCLASSIFIED\n\n{paragraph}\n"
        )
    };
    for paragraph in [
        "(U) EXERCISE: write BEGIN ATTACHMENT before it.",
        "(U) EXERCISE\nand BEGIN ATTACHMENT in its second line.",
        "(U) ATTACHMENTS follow.",
    ] {
        let product = read(text(paragraph).as_bytes()).unwrap_or_else(|f| panic!("{paragraph}: {f:?}"));
        assert_eq!(content(&read(as_json(&product).as_bytes()).unwrap()), content(&product));
    }
    for paragraph in [
        "(U) BEGIN ATTACHMENT before it.",
        "(U) EXERCISE\nBEGIN ATTACHMENT in its second line.",
        "(U) EXERCISE\n  END ATTACHMENT",
        "(U) EXERCISE\n(x) BEGIN ATTACHMENT x",
        "(U) ATTACHMENT follows.",
    ] {
        assert!(read(text(paragraph).as_bytes()).is_err(), "{paragraph}");
    }
}
