//! Everything that a reader would take for a marking is found wherever it is, and ordinary English is not.

use std::collections::BTreeSet;

use crate::support::{self, cut, inward, link, outward, prepare, read, settings, with_attachment};
use crate::vectors;
use portcullis::digest::Digest;
use portcullis::inspect::{self, FilterName, Finding, Source, marks_in};
use portcullis::marking::Register;
use portcullis::product::{MemoryContents, NoContents};

/// Returns a product for GBR with this text as a paragraph, marked CONFIDENTIAL.
fn with_text(text: &str) -> String {
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0003\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE Group\n\
         Date: 2026-11-20\nKind: report\n\nCONFIDENTIAL//REL TO USA, GBR\n\n(C//REL TO USA, GBR) {text}\n"
    )
}

fn marks(codes: BTreeSet<String>) -> BTreeSet<String> {
    codes.into_iter().filter(|code| code.starts_with("marks.")).collect()
}

/// Returns the findings of the marks filter for a product as it would be cut.
fn found(text: &[u8]) -> Vec<Finding> {
    let product = prepare(&read(text).unwrap(), &settings()).unwrap().product;
    let refused = support::inspect_all(&product, None, &settings()).err();
    let findings = refused.map_or_else(Vec::new, |refused| refused.findings);
    findings.into_iter().filter(|f| f.filter == FilterName::Marks).collect()
}

fn attached(name: &str, media_type: &str, mark: &str, bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(with_attachment(name, media_type, bytes)).unwrap();
    text.replace("(S//REL) BEGIN ATTACHMENT", &format!("{mark} BEGIN ATTACHMENT")).into_bytes()
}

#[test]
fn every_disguise_is_found_and_every_neighbour_passes() {
    let disguises = vectors::lines("inspect/marks.disguises");
    let neighbours = vectors::lines("inspect/marks.neighbours");
    assert!(disguises.len() >= 300 && neighbours.len() >= disguises.len(), "{} {}", disguises.len(), neighbours.len());
    let missed: Vec<_> = disguises.iter().filter(|text| marks_in(text, false).is_empty()).collect();
    let taken: Vec<_> = neighbours.iter().filter(|text| !marks_in(text, false).is_empty()).collect();
    assert!(missed.is_empty() && taken.is_empty(), "missed: {missed:#?}\ntaken: {taken:#?}");
}

/// Between ordinary lines as well as at the beginning.
#[test]
fn a_disguise_is_found_between_other_lines() {
    let missed: Vec<_> = vectors::lines("inspect/marks.disguises")
        .into_iter()
        .filter(|text| marks_in(&format!("Two vessels left.\n{text}\nThey came back."), false).is_empty())
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_mark_in_a_paragraph_is_refused_both_ways_with_its_line() {
    for text in [
        "The source (S/NF) said so.",
        "The source (SNF) said so.",
        "[S//NF] The source said so.",
        "The source said so.\nClassification: SECRET//NOFORN",
        "SECRET//NOFORN.",
        "The source (TS) said so.",
    ] {
        let product = read(with_text(&format!("EXERCISE. {text}")).as_bytes()).unwrap();
        assert!(outward(&product, None, &settings()).contains("marks.text"), "{text}");
        assert!(inward(&product, None, &settings()).contains("marks.text"), "{text}");
    }
    let full_width = with_text("EXERCISE. \u{ff08}S//NF\u{ff09} The source said so.");
    assert!(marks(outward(&read(full_width.as_bytes()).unwrap(), None, &settings())).contains("marks.text"));
    let third = found(with_text("EXERCISE.\nTwo vessels.\nThe source (TS) said so.").as_bytes());
    assert_eq!(third.iter().map(|f| f.line).collect::<Vec<_>>(), [Some(12)]);
    assert!(!third[0].to_string().contains("TS"), "{}", third[0]);
    assert!(found(with_text("EXERCISE. Two vessels left in secret (see the annex).").as_bytes()).is_empty());
}

#[test]
fn a_mark_in_a_title_a_subject_a_contact_or_a_name_is_refused() {
    let sound = with_text("EXERCISE. Two vessels.");
    for (from, to) in [
        ("Title: (U) EXERCISE", "Title: (U) EXERCISE (TS) annex"),
        ("Title: (U) EXERCISE", "Title: (U) Secret"),
        ("Originator: (U) EXERCISE Group", "Originator: (U) EXERCISE Group NODIS"),
        ("Kind: report", "Kind: report\nSubjects: (U) ships; (U) ORCON"),
        ("Kind: report", "Kind: report\nContact: (U) EXERCISE desk TLP:RED"),
    ] {
        let text = sound.replacen(from, to, 1);
        let codes = marks(outward(&read(text.as_bytes()).unwrap(), None, &settings()));
        assert_eq!(codes, BTreeSet::from(["marks.text".to_owned()]), "{to}");
    }
    assert!(found(sound.as_bytes()).is_empty());
    for (name, refused) in [
        ("TS-SI-NF_annex.txt", true),
        ("SECRET_annex.txt", true),
        ("noforn.txt", true),
        ("secret.txt", true),
        ("annex-S-NF.txt", true),
        ("TOPSECRET.txt", true),
        ("topsecret.txt", true),
        ("TSSINF.txt", true),
        ("TS.txt", true),
        ("annex-TS.txt", true),
        ("annexNOFORN.txt", true),
        ("NOFORN1.txt", true),
        ("nato-secret.txt", true),
        ("OC-NF.txt", true),
        ("S-REL.txt", true),
        ("secretnoforn.txt", true),
        ("class.txt", false),
        ("annex-s.txt", false),
        ("secretary-report.txt", false),
        ("secretary-letter.txt", false),
        ("plan-c.txt", false),
        ("annex_s.txt", false),
    ] {
        let codes =
            marks(outward(&read(&with_attachment(name, "text/plain", b"EXERCISE\n")).unwrap(), None, &settings()));
        assert_eq!(codes.contains("marks.name"), refused, "{name}: {codes:?}");
    }
}

const PDF: &str = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R  >>\nendobj\n2 0 obj\n\
    << /Type /Pages /Count 2 /Kids [3 0 R 6 0 R] >>\nendobj\n3 0 obj\n\
    << /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >>  >>  >>\n\
    endobj\n4 0 obj\n<< /Length 39  >>\nstream\nBT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET\nendstream\nendobj\n5 0 obj\n\
    << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>\nendobj\n6 0 obj\n\
    << /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 7 0 R /Resources << /Font << /F1 5 0 R >>  >>  >>\n\
    endobj\n7 0 obj\n<< /Length LENGTH >>\nstream\nCONTENT\nendstream\nendobj\n";

/// Returns a PDF of two pages with these words on the second.
fn pdf(words: &str) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 700 Td ({words}) Tj ET");
    let mut text = PDF.replace("LENGTH", &content.len().to_string()).replace("CONTENT", &content);
    let places: Vec<usize> = (1..=7).map(|n| text.find(&format!("\n{n} 0 obj")).unwrap() + 1).collect();
    let table = text.len();
    text.push_str("xref\n0 8\n0000000000 65535 f \n");
    places.iter().for_each(|at| text.push_str(&format!("{at:010} 00000 n \n")));
    text.push_str(&format!("trailer\n<< /Root 1 0 R /Size 8  >>\nstartxref\n{table}\n%%EOF\n"));
    text.into_bytes()
}

/// Returns a STIX bundle with one object of this name.
fn bundle(name: &str) -> Vec<u8> {
    let id = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";
    format!(
        "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":[{{\"type\":\"identity\",\"spec_version\":\"2.1\",\
         \"id\":\"identity--{id}\",\"name\":\"{name}\"}}]}}"
    )
    .into_bytes()
}

/// A file of any type whose text exceeds the mark `(C//REL TO USA, GBR)` is refused, with the place.
#[test]
fn what_the_reader_of_an_attachment_sees_is_judged() {
    let text = b"TOP SECRET//SI//NOFORN\n\n(TS//SI//NF) EXERCISE.\n";
    let table = b"name,note\nAlpha,TOP SECRET//SI//NOFORN\nBravo,(TS//SI//NF)\n";
    let listed = b"name,classification\nAlpha,U\nBravo,ts\n";
    let value = br#"{"a":"TOP SECRET//SI//NOFORN","b":["(TS//SI//NF) EXERCISE."],"SECRET//NOFORN":1}"#;
    let escaped = br#"{"classification":"\u0073ecret"}"#;
    let parted = br#"{"a":["TOP","SECRET//SI"]}"#;
    let mark = "(C//REL TO USA, GBR)";
    for (name, media_type, bytes, place) in [
        ("a.txt", "text/plain", &text[..], "on line 1"),
        ("a.csv", "text/csv", &table[..], "in row 2, column 2"),
        ("a.csv", "text/csv", &listed[..], "in row 3, column 2"),
        ("a.json", "application/json", &value[..], "in name or value"),
        ("a.json", "application/json", &escaped[..], "in name or value"),
        ("a.json", "application/json", &parted[..], "in name or value"),
        ("a.json", "application/stix+json", &bundle("TOP SECRET//SI//NOFORN"), "in name or value"),
        ("a.json", "application/stix+json", &bundle("(TS//SI//NF) EXERCISE"), "in name or value"),
        ("a.pdf", "application/pdf", &pdf("TOP SECRET//SI//NOFORN"), "on page 2"),
        ("a.pdf", "application/pdf", &pdf("\\(TS//SI//NF\\) EXERCISE"), "on page 2"),
    ] {
        let product = attached(name, media_type, mark, bytes);
        let product = String::from_utf8(product).unwrap();
        let findings = found(product.as_bytes());
        assert!(findings.iter().any(|f| f.code == "marks.attachment"), "{name} {place}: {findings:?}");
        assert!(findings[0].message.contains(place), "{name} {place}: {}", findings[0]);
        assert!(!findings.iter().any(|f| f.message.contains("SI")), "{findings:?}");
    }
    for (name, media_type, bytes) in [
        ("a.txt", "text/plain", &b"EXERCISE. The secret was out (see the annex).\n"[..]),
        ("a.csv", "text/csv", &b"name,kind\nAlpha,s\nBravo,ts\n"[..]),
        ("a.json", "application/json", &br#"{"a":"a secret","s":["c","u"]}"#[..]),
        ("a.json", "application/stix+json", &bundle("EXERCISE")),
        ("a.pdf", "application/pdf", &pdf("EXERCISE of the Secretary")),
    ] {
        assert_eq!(found(&attached(name, media_type, mark, bytes)), [], "{name}");
    }
}

/// A heading or member name about marks is recognised however its words are joined. One that can also mean something
/// else counts only with a value that can only be a mark.
#[test]
fn values_below_and_behind_names_of_fields_are_judged() {
    let mark = "(C//REL TO USA, GBR)";
    let codes = |name: &str, media_type: &str, bytes: &str| {
        let findings = found(&attached(name, media_type, mark, bytes.as_bytes()));
        findings.iter().any(|f| f.code == "marks.attachment")
    };
    for (heading, value, refused) in [
        ("level", "TS", true),
        ("level", "S", false),
        ("sec_level", "S", true),
        ("protectiveMarking", "S", true),
        ("securityClassification", "s", true),
        ("releasability", "USA", true),
        ("releasable_to", "USA", true),
        ("releasableTo", "USA", true),
        ("related_to", "USA", false),
        ("classification", "\"S, NF\"", true),
        ("kind", "TS", false),
    ] {
        let table = format!("name,{heading}\nAlpha,{value}\n");
        assert_eq!(codes("a.csv", "text/csv", &table), refused, "{table}");
    }
    for (value, refused) in [
        (r#"{"classification":{"level":"TS"}}"#, true),
        (r#"{"classification":{"value":"S"}}"#, true),
        (r#"{"securityClassification":"TS"}"#, true),
        (r#"{"portionMark":"TS"}"#, true),
        (r#"{"portion_mark":"S"}"#, true),
        (r#"{"releasableTo":["USA"]}"#, true),
        (r#"{"isNOFORN":true}"#, true),
        (r#"{"level":"TS"}"#, true),
        (r#"{"a":"TSNF"}"#, true),
        (r#"{"a":"SECRET%2F%2FNOFORN"}"#, true),
        (r#"{"a":"\\u0053ECRET"}"#, true),
        (r#"{"level":"S"}"#, false),
        (r#"{"level":{"classification":"high"}}"#, false),
        (r#"{"relatedTo":["USA"]}"#, false),
        (r#"{"a":"100%25"}"#, false),
    ] {
        assert_eq!(codes("a.json", "application/json", value), refused, "{value}");
    }
}

/// Escapes are also searched in decoded form, and the place reported is that in the original text.
#[test]
fn escapes_are_decoded_once_and_looked_at_again() {
    let found = |text: &str| marks_in(text, false).iter().map(|mark| mark.line).collect::<Vec<_>>();
    assert_eq!(found("first%0A\nSECRET%2F%2FNOFORN\nNOFORN"), [1, 2]);
    assert_eq!(found("one\n&#40;S&#47;&#47;NF&#41; The source"), [1]);
    assert_eq!(found("SECRET%252F%252FX is twice encoded: %2553ECRET"), Vec::<usize>::new());
    let filler = "EXERCISE: a plain line of ordinary words, as there are many.\n";
    let long = format!("{}NOFORN\n{}&#78;OFORN\n", filler.repeat(3000), filler.repeat(3000));
    let product = attached("a.txt", "text/plain", "(C//REL TO USA, GBR)", long.as_bytes());
    let told: Vec<String> = self::found(&product).iter().map(|f| f.message.clone()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("on line 3001") && told[1].contains("on line 6002"), "{told:?}");
}

/// A mark that the marking engine can parse and that does not exceed the attachment's own is correct.
#[test]
fn a_mark_that_the_attachments_own_covers_passes() {
    let own = "(S//REL TO USA, GBR)";
    let judged = |words: &str| {
        let bytes = format!("EXERCISE.\n\n{words} EXERCISE.\n");
        found(&attached("a.txt", "text/plain", own, bytes.as_bytes())).len()
    };
    for (words, refused) in [
        ("(S//REL TO USA, GBR)", false),
        ("(C//REL TO USA, GBR)", false),
        ("(S//REL TO USA, AUS, GBR)", false),
        ("(S//REL)", false),
        ("(U)", false),
        ("(TS//REL TO USA, GBR)", true),
        ("(S//REL TO USA, AUS)", true),
        ("(S//SI//REL TO USA, GBR)", true),
        ("(S//NF)", true),
        ("(S//REL TO GBR, USA)", true),
        ("(s//rel to usa, gbr)", true),
        ("(S/REL TO USA, GBR)", true),
    ] {
        assert_eq!(judged(words) > 0, refused, "{words}");
    }
    let banner =
        |line: &str| found(&attached("a.txt", "text/plain", own, format!("{line}\n\nEXERCISE.\n").as_bytes())).len();
    assert_eq!(banner("SECRET//REL TO USA, GBR"), 0);
    assert_eq!(banner("CONFIDENTIAL//REL TO USA, GBR"), 0);
    assert_eq!(banner("SECRET//REL TO USA, GBR//NOFORN"), 1);
    assert_eq!(banner("SECRET//REL TO USA, AUS"), 1);
    // A label has no classification, and determines how far the recipient may share.
    for (label, refused) in
        [("CLEAR", 0), ("WHITE", 0), ("GREEN", 0), ("AMBER", 1), ("AMBER+STRICT", 1), ("RED", 1), ("YELLOW", 1)]
    {
        let labelled = found(&attached("a.json", "application/stix+json", own, &bundle(&format!("TLP:{label}")))).len();
        assert_eq!((banner(&format!("TLP:{label}")), labelled), (refused, refused), "TLP:{label}");
    }
}

/// A CUI mark covers CUI within it and plain `(U)`, but no classification; a classification covers no CUI.
#[test]
fn a_mark_in_an_attachment_of_cui_is_read_in_its_own_profile() {
    let cui = |words: &str| {
        let bytes = format!("EXERCISE.\n\n{words} EXERCISE.\n");
        let text = String::from_utf8(attached("a.txt", "text/plain", "(S//REL)", bytes.as_bytes())).unwrap();
        let lower = text.find("SECRET//REL").unwrap();
        let (above, below) = text.split_at(lower);
        let below = below.replace("SECRET//REL", "CUI//SP-CTI//REL");
        found(format!("{above}{}", below.replace("(S//REL)", "(CUI//SP-CTI//REL TO USA, GBR)")).as_bytes()).len()
    };
    for (words, refused) in [
        ("(CUI//SP-CTI//REL TO USA, GBR)", false),
        ("(CUI//REL TO USA, AUS, GBR)", false),
        ("(U)", false),
        ("SECRET//NOFORN", true),
        ("(S//REL TO USA, GBR)", true),
        ("(U//FOUO)", true),
        ("(CUI)", true),
        ("(CUI//SP-CTI)", true),
        ("(CUI//SP-CTI//NF)", true),
        ("(CUI//MIL//REL TO USA, GBR)", true),
        ("(CUI//SP-CTI//REL TO USA, AUS)", true),
    ] {
        assert_eq!(cui(words) > 0, refused, "{words}");
    }
    let secret =
        |words: &str| found(&attached("a.txt", "text/plain", "(S//REL)", format!("{words} Two.").as_bytes())).len();
    assert_eq!((secret("(U) EXERCISE."), secret("(CUI//REL TO USA, GBR) EXERCISE.")), (0, 1));
}

/// Detached files have the same findings, however long they are.
#[test]
fn a_mark_in_a_file_beside_the_text_is_found() {
    let filler = "EXERCISE: a plain line of ordinary words, as there are many.\n";
    for (name, media_type, bytes, place) in [
        ("a.txt", "text/plain", format!("{}(TS//SI//NF) EXERCISE.\n", filler.repeat(5000)), "on line 5001"),
        ("a.txt", "text/plain", format!("{}TOP\nSECRET\n{}", filler.repeat(1075), filler.repeat(500)), "on line 1076"),
        ("a.csv", "text/csv", format!("a,b\n{}x,NOFORN\n", "1,2\n".repeat(60_000)), "in row 60002, column 2"),
        ("a.csv", "text/csv", format!("a,marking\n{}x,ts\n", "1,2\n".repeat(60_000)), "in row 60002, column 2"),
    ] {
        let inline = String::from_utf8(with_attachment(name, media_type, bytes.as_bytes())).unwrap();
        let at = inline.find("BEGIN ATTACHMENT").unwrap();
        let text = format!(
            "{}ATTACHMENT {name} {media_type} {} {}\n",
            &inline[..at],
            bytes.len(),
            Digest::of(bytes.as_bytes())
        );
        let mut kept = MemoryContents::default();
        kept.insert(bytes.into_bytes());
        let product = read(text.as_bytes()).unwrap();
        let cut = cut(&product);
        let source = Source {
            product: &product,
            tearline: cut.tearline_index().unwrap(),
            register: Register::compiled_in(),
            link: &link(),
        };
        let refused = inspect::outbound(&cut, source, &kept, &settings()).unwrap_err();
        let told: Vec<_> = refused.findings.iter().filter(|f| f.filter == FilterName::Marks).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].message.contains(place), "{place}: {}", told[0]);
    }
}

/// A product of joint owners passes all filters.
#[test]
fn a_product_of_joint_owners_passes() {
    let text = with_text("EXERCISE. Two vessels.")
        .replace("CONFIDENTIAL//REL TO", "//JOINT CONFIDENTIAL GBR USA//REL TO")
        .replace("(C//REL TO", "(//JOINT C GBR USA//REL TO");
    let product = read(text.as_bytes()).unwrap();
    assert_eq!(outward(&product, None, &settings()), BTreeSet::new());
    let cut = cut(&product);
    assert!(inspect::inbound(&cut, Register::compiled_in(), &NoContents, &settings()).is_ok());
}

/// Twice as much text takes about twice as many steps: each pattern is tried once at each word.
#[test]
fn texts_of_nothing_but_marks_and_brackets_are_read_to_their_end() {
    for piece in [
        "(S",
        "SECRET ",
        "S E C R E T ",
        "(TS//SI//NF) ",
        "TOP ",
        "( ",
        "N O ",
        "REL TO USA, ",
        "//GBR ",
        "%53",
        "&#83;",
        "(-",
        "aB",
        "TSSITKOCPR",
        "HANDLE VIA ",
        "(S) South, ",
        "classification level ",
        "\u{6975}\u{79d8}",
        "S\u{b2}",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let found = marks_in(&text, false).len();
        assert!(found <= text.len(), "{piece}");
    }
}
