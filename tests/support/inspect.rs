//! Inspection vectors as products, and what each step says about them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::cut::{Cut, Terms, cut_for};
use portcullis::digest::Digest;
use portcullis::inspect::{self, FilterName, Inspected, Prepared, Refused, Settings, Source};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, NoContents, Product};
use portcullis::rebuild::{InProcess, Limits, PdfFonts};

use super::vectors::Vector;

pub const WORDS: &str = include_str!("../vectors/inspect/words.list");

/// The filters with a word list, and parsers that run here: the vectors are about what they find.
pub fn settings() -> Settings {
    Settings { words: vec![WORDS.parse().unwrap()], rebuilder: Arc::new(InProcess::default()), ..Settings::default() }
}

/// The same, with the fonts of a PDF that the vector is about: plain ones unless its head says otherwise.
pub fn settings_for(vector: &Vector) -> Settings {
    let pdf_fonts = if vector.value("fonts") == "mapped" { PdfFonts::Mapped } else { PdfFonts::Plain };
    let limits = Limits { pdf_fonts, ..Limits::default() };
    Settings { rebuilder: Arc::new(InProcess { limits: limits.clone() }), limits, ..settings() }
}

/// The bytes of a vector: text with escapes, or base64.
pub fn body(vector: &Vector) -> Vec<u8> {
    if vector.value("encoding") == "base64" {
        let text: String = String::from_utf8_lossy(&vector.body).split_whitespace().collect();
        STANDARD.decode(text).unwrap()
    } else {
        vector.body.clone()
    }
}

/// The product's text: the vector's body, or a product with the body attached.
pub fn product_text(vector: &Vector) -> Vec<u8> {
    let Some((name, media_type)) = vector.value("attachment").split_once(' ') else { return body(vector) };
    with_attachment(name, media_type, &body(vector))
}

/// A product of two tearlines; the lower one has the attachment.
pub fn with_attachment(name: &str, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = bytes.chunks(57).map(|chunk| STANDARD.encode(chunk)).collect();
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0003\nTitle: (S//NF) EXERCISE: above the line\n\
         Originator: (U) EXERCISE Group\nDate: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n\n\
         (S//NF) EXERCISE. The version above the line.\n\n------------------------\n\nSECRET//REL TO USA, GBR\n\
         Title: (S//REL) EXERCISE: below the line\n\n(S//REL) EXERCISE. Two vessels.\n\n(U) EXERCISE.\n\n\
         (S//REL) BEGIN ATTACHMENT {name} {media_type} {} {}\n{}\nEND ATTACHMENT\n",
        bytes.len(),
        Digest::of(bytes),
        lines.join("\n")
    )
    .into_bytes()
}

pub fn read(text: &[u8]) -> Result<Product, BTreeSet<String>> {
    Product::read(text, &Bounds::default(), Register::compiled_in())
        .map_err(|faults| faults.iter().map(|f| format!("read:{}", f.code)).collect())
}

/// What the exercise partner may have.
pub fn link() -> PartnerRights {
    PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, [])
}

/// The cut for an exercise partner, of every type of attachment, so that inspection alone stands between.
pub fn cut(product: &Product) -> Cut {
    let gbr = link();
    let attachments = product.tearlines().iter().flat_map(|t| t.attachments()).map(|a| a.media_type().to_owned());
    let terms = Terms { attachments: attachments.collect() };
    cut_for(product, &gbr, &terms, 0, &Bounds::default(), Register::compiled_in()).unwrap()
}

pub fn prepare(product: &Product, settings: &Settings) -> Result<Prepared, Refused> {
    let tearline = cut(product).tearline_index().unwrap();
    inspect::prepare(product, tearline, settings)
}

pub fn codes(inspected: Result<Inspected, Refused>) -> BTreeSet<String> {
    inspected.err().map_or_else(BTreeSet::new, |r| r.findings.iter().map(|f| f.code.to_owned()).collect())
}

/// The whole answer of the way out for a cut made of `product` as it is, with one filter replaced by one that says yes.
pub fn inspect_all(product: &Product, left_out: Option<FilterName>, settings: &Settings) -> Result<Inspected, Refused> {
    let cut = cut(product);
    let tearline = cut.tearline_index().unwrap();
    let source = Source { product, tearline, register: Register::compiled_in(), link: &link() };
    inspect::outbound_without(left_out, &cut, source, &NoContents, settings)
}

/// What the way out finds in it.
pub fn outward(product: &Product, left_out: Option<FilterName>, settings: &Settings) -> BTreeSet<String> {
    codes(inspect_all(product, left_out, settings))
}

/// The filters that found something in it.
pub fn findings(product: &Product, settings: &Settings) -> BTreeSet<FilterName> {
    let refused = inspect_all(product, None, settings).err();
    refused.map_or_else(BTreeSet::new, |r| r.findings.iter().map(|f| f.filter).collect())
}

/// What the way in finds in the same cut.
pub fn inward(product: &Product, left_out: Option<FilterName>, settings: &Settings) -> BTreeSet<String> {
    codes(inspect::inbound_without(left_out, &cut(product), Register::compiled_in(), &NoContents, settings))
}
