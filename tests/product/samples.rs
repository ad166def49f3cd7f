//! The sample products read, or do not read, as their names promise, and each partner gets what its marks release.

use std::collections::BTreeSet;

use portcullis::cut::{self, CutRefusal, Fate, Terms};
use portcullis::inspect::{self, FilterName, Settings, Source};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, FaultCode, Format, NoContents, Product, ProductFault, Style, render};

const LONG: &[u8] = include_bytes!("../../samples/EXERCISE-northern-lantern.txt");
const SMALL: &[u8] = include_bytes!("../../samples/EXERCISE-small.txt");
const FAULTY: &[u8] = include_bytes!("../../samples/EXERCISE-faulty.txt");

fn read(text: &[u8]) -> Result<Product, Vec<ProductFault>> {
    Product::read(text, &Bounds::default(), Register::compiled_in())
}

fn shown(faults: &[ProductFault]) -> String {
    faults.iter().map(|f| format!("{f}\n")).collect()
}

fn link(id: &str, kind: PartnerKind) -> PartnerRights {
    PartnerRights::new(id, kind, Level::Secret, [])
}

fn terms() -> Terms {
    Terms { attachments: BTreeSet::from(["text/csv".to_owned()]) }
}

fn cut_for(product: &Product, id: &str, kind: PartnerKind) -> Result<cut::Cut, CutRefusal> {
    cut::cut_for(product, &link(id, kind), &terms(), 0, &Bounds::default(), Register::compiled_in())
}

#[test]
fn the_long_sample_is_long_and_sound() {
    let product = read(LONG).unwrap_or_else(|f| panic!("{}", shown(&f)));
    assert_eq!(product.tearlines().len(), 3);
    assert_eq!(product.tearlines().iter().map(|t| t.portions().len()).sum::<usize>(), 40);
    assert_eq!(product.tearlines().iter().map(|t| t.attachments().len()).sum::<usize>(), 2);
}

#[test]
fn each_partner_gets_its_own_tearline_of_the_long_sample() {
    let product = read(LONG).unwrap();
    let gbr = cut_for(&product, "GBR", PartnerKind::Country).unwrap();
    assert_eq!(gbr.marking().banner(), "SECRET//REL TO USA, FVEY");
    let deu = cut_for(&product, "DEU", PartnerKind::Country).unwrap();
    assert_eq!(deu.marking().banner(), "CONFIDENTIAL//REL TO USA, FVEY, NATO");
    let nato = cut_for(&product, "NATO", PartnerKind::Organisation).unwrap();
    assert_eq!(nato.bytes(), deu.bytes(), "the same rights give the same bytes");
    let refused = cut_for(&product, "CHE", PartnerKind::Country).unwrap_err();
    assert!(matches!(refused, CutRefusal::NothingReleasable { per_tearline } if per_tearline.len() == 3));
}

#[test]
fn cuts_of_the_long_sample_pass_inspection_and_read_back() {
    let product = read(LONG).unwrap();
    for id in ["GBR", "DEU"] {
        let cut = cut_for(&product, id, PartnerKind::Country).unwrap();
        let (tearline, register) = (cut.tearline_index().unwrap(), Register::compiled_in());
        let source = Source { product: &product, tearline, register, link: &link(id, PartnerKind::Country) };
        let settings = Settings::default();
        let inspected =
            inspect::outbound(&cut, source, &NoContents, &settings).unwrap_or_else(|r| panic!("{:?}", r.findings));
        assert_eq!(inspected.cut(), cut.digest());
        let filters: Vec<_> = inspected.attestations().iter().map(inspect::Attestation::filter).collect();
        assert_eq!(filters, FilterName::OUTBOUND, "every filter attests, in order");
        let back = cut::Cut::read(cut.bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
        assert_eq!((back.digest(), back.id(), back.marks()), (cut.digest(), cut.id(), cut.marks()));
        assert!(inspect::inbound(&back, Register::compiled_in(), &NoContents, &settings).is_ok());
        let text = std::str::from_utf8(cut.bytes()).unwrap();
        for secret in ["COPPER FINCH", "HERON", "EXERCISE-2026-0117", "NOFORN", "//REL)"] {
            assert!(!text.contains(secret), "{id} got {secret}");
        }
    }
}

#[test]
fn the_small_sample_goes_to_one_country() {
    let product = read(SMALL).unwrap_or_else(|f| panic!("{}", shown(&f)));
    assert!(cut_for(&product, "GBR", PartnerKind::Country).is_ok());
    assert!(cut_for(&product, "AUS", PartnerKind::Country).is_err());
}

#[test]
fn the_faulty_sample_shows_every_kind_of_diagnostic() {
    let faults = read(FAULTY).unwrap_err();
    let codes: BTreeSet<String> = faults.iter().map(|f| f.code.to_string()).collect();
    for code in [
        "P-FRONT-VALUE",
        "P-UNMARKED",
        "P-FRONT-REPEATED",
        "P-FRONT-LINE",
        "E-CODE-ORDER",
        "E-REL-NO-USA",
        "P-MARK-INSIDE",
        "E-TOKEN-UNKNOWN",
        "P-DELIMITER",
        "P-BANNER-STRAY",
        "P-BANNER-MISSING",
        "P-ATTACHMENT-BEGIN",
        "P-ATTACHMENT-BODY",
    ] {
        assert!(codes.contains(code), "{code} is not among {codes:?}");
    }
    let maritime = include_bytes!("../../samples/EXERCISE-maritime-faulty.txt");
    let markdown = include_bytes!("../../samples/EXERCISE-faulty.md");
    let json = include_bytes!("../../samples/EXERCISE-faulty.json");
    let mut kinds: BTreeSet<String> = codes;
    for source in [&maritime[..], markdown, json] {
        kinds.extend(read(source).unwrap_err().iter().map(|f| f.code.to_string()));
    }
    // One of these alone is all that can be said of a source, or takes a bundle; each has vectors of its own.
    let alone = ["P-MORE", "P-UTF8", "P-SIGNATURE", "P-FORMAT", "P-JSON-SYNTAX"];
    let elsewhere = |c: &FaultCode| alone.contains(&c.as_str()) || c.as_str().starts_with("P-STIX");
    let missing: Vec<_> = FaultCode::ALL.iter().filter(|c| !elsewhere(c) && !kinds.contains(c.as_str())).collect();
    assert!(missing.is_empty(), "no faulty sample shows {missing:?}");
    let text: String = faults.iter().map(|f| render(f, FAULTY, "EXERCISE-faulty.txt", Style::Plain)).collect();
    if std::env::var_os("SHOW").is_some() {
        println!("{text}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_maritime_sample_is_one_product_in_three_formats_and_its_widest_tearline_a_bundle() {
    let text = read(include_bytes!("../../samples/EXERCISE-maritime.txt")).unwrap();
    let deu = cut_for(&text, "DEU", PartnerKind::Country).unwrap();
    let others: [(&[u8], Format); 3] = [
        (include_bytes!("../../samples/EXERCISE-maritime.md"), Format::Markdown),
        (include_bytes!("../../samples/EXERCISE-maritime.json"), Format::Json),
        (include_bytes!("../../samples/EXERCISE-maritime-widest.stix.json"), Format::Stix),
    ];
    for (source, format) in others {
        let other = read(source).unwrap_or_else(|f| panic!("{format}: {}", shown(&f)));
        assert_eq!(other.format(), format);
        assert_eq!(cut_for(&other, "DEU", PartnerKind::Country).unwrap().bytes(), deu.bytes(), "{format}");
        if format != Format::Stix {
            assert_eq!(other.as_text(), text.as_text(), "{format}");
        }
    }
}

#[test]
fn an_explanation_marks_what_goes_and_what_may_not() {
    let product = read(LONG).unwrap();
    let deu = link("DEU", PartnerKind::Country);
    let told = cut::explain(&product, &deu, &terms(), 0, &Bounds::default(), Register::compiled_in());
    assert_eq!(told.tearlines.iter().map(|t| t.fate).collect::<Vec<_>>(), [Fate::Refused, Fate::Refused, Fate::Goes]);
    let text = cut::show(&told, LONG, Style::Plain);
    assert!(text.contains("- tearline 1 (TOP SECRET//SI/TK//ORCON/NOFORN): not releasable"), "{text}");
    assert!(text.contains("+ tearline 3 (CONFIDENTIAL//REL TO USA, FVEY, NATO): would be released"));
    let gbr = cut_for(&product, "GBR", PartnerKind::Country).unwrap();
    let sides = cut::side_by_side(("gbr", Some(&gbr)), ("deu", told.cut.as_ref().ok()), 120, Style::Plain);
    assert!(sides.lines().all(|l| l.chars().count() <= 120));
    if std::env::var_os("SHOW").is_some() {
        println!("{text}\n{sides}");
    }
}
