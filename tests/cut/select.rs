//! The shared tearline cases.

use portcullis::cut::select::{MarkedTearline, ProductFault, ProductRefused, Selection, SoundProduct};
use portcullis::marking::{DocumentDate, Level, PartnerKind, PartnerRights, Register, Rules};
use serde_json::{Value, json};

const CASES: &str = include_str!("../vectors/marking/tearline-cases.jsonl");

fn select(case: &Value) -> Selection {
    let date = match case["product"]["date"].as_str() {
        None => DocumentDate::Known("2022-12-01".parse().expect("a date")),
        Some("unknown") => DocumentDate::Unknown,
        Some(day) => DocumentDate::Known(day.parse().expect("a date")),
    };
    let rules = Rules::new(Register::compiled_in(), date);
    let mut tearlines = Vec::new();
    for (at, tearline) in case["product"]["tearlines"].as_array().expect("tearlines").iter().enumerate() {
        let portions = tearline["portions"].as_array().expect("portions").iter().map(|p| p.as_str().expect("a mark"));
        match MarkedTearline::read(&rules, tearline["banner"].as_str().expect("a banner"), portions) {
            Ok(tearline) => tearlines.push(tearline),
            Err(rejected) => {
                return Selection::refused(ProductRefused { fault: ProductFault::InvalidMark(rejected), at });
            }
        }
    }
    let partner = &case["partner"];
    let link = PartnerRights {
        id: partner["id"].as_str().expect("an id").to_owned(),
        kind: if partner["kind"] == "org" { PartnerKind::Organisation } else { PartnerKind::Country },
        ceiling: Level::from_abbreviation(partner["ceiling"].as_str().expect("a ceiling")).expect("a level"),
        accreditations: partner["accreditations"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|a| a.as_str().expect("a name").to_owned())
            .collect(),
        network: None,
        home: "USA".to_owned(),
    };
    match SoundProduct::examine(&rules, &tearlines) {
        Ok(product) => product.select(&rules, &link, 0),
        Err(refused) => Selection::refused(refused),
    }
}

#[test]
fn agrees_with_every_tearline_case() {
    let mut wrong = Vec::new();
    for case in CASES.lines().map(|l| serde_json::from_str::<Value>(l).expect("a case is JSON")) {
        let selection = select(&case);
        let verdicts: Vec<String> = selection.per_tearline.iter().map(ToString::to_string).collect();
        let answer = json!({
            "tearline": selection.tearline,
            "product_refused": selection.refused.is_some(),
            "refusal": selection.refused.as_ref().map(|r| r.fault.to_string()),
            "refused_at": selection.refused.as_ref().map(|r| r.at),
            "per_tearline": selection.refused.is_none().then_some(verdicts),
        });
        if answer != case["expect"] {
            wrong.push(format!("{} {} <> {answer}", case["id"], case["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
