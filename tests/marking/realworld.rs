//! Markings as they stand in public documents (`tests/vectors/marking/realworld.jsonl`): each has the meaning that its source
//! gives, or is refused with a proposal that, written, has that meaning; and none is read wider.

use std::collections::BTreeSet;

use portcullis::marking::{Checked, DocumentDate, Kind, Marking, Parsed, Profile, Register, Rules};
use serde_json::Value;

const ROWS: &str = include_str!("../vectors/marking/realworld.jsonl");

struct Row {
    text: String,
    kind: Kind,
    meaning: Value,
    /// What the specification says of it, where the file tells.
    valid: Option<bool>,
    rules: Rules<'static>,
}

fn rows() -> Vec<Row> {
    let rows = ROWS.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.map(|row| {
        let day = row["date"].as_str().unwrap_or("2022-12-01");
        let rules = Rules::new(Register::compiled_in(), DocumentDate::Known(day.parse().expect("a date")));
        let profile = if row["profile"] == "cui" { Profile::Cui } else { Profile::Ic };
        Row {
            text: row["text"].as_str().expect("a text").to_owned(),
            kind: if row["form"] == "portion" { Kind::Portion } else { Kind::Banner },
            meaning: row["meaning"].clone(),
            valid: row["spec_valid"].as_bool(),
            rules: rules.with_profile(profile),
        }
    })
    .collect()
}

fn check(row: &Row, text: &str) -> Checked {
    row.rules.check(text, row.kind, None)
}

/// What of a row's meaning a mark does not say.
fn lacks(row: &Row, marking: &Marking) -> Vec<String> {
    let words = |key: &str| -> Vec<String> {
        row.meaning[key].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let mut lacking = Vec::new();
    match marking.parsed(Kind::Portion) {
        Parsed::Mark { level, owners, sci, dissem, rel_to, fgi, aea, nonic, .. } => {
            let said: BTreeSet<String> =
                sci.into_iter().map(|tree| tree.system).chain(dissem).chain(aea).chain(nonic).collect();
            lacking.extend(words("controls").into_iter().filter(|control| !said.contains(control)));
            lacking.extend(words("rel_to").into_iter().filter(|code| !rel_to.contains(code)));
            let sources = fgi.map(|fgi| fgi.sources).unwrap_or_default();
            lacking.extend(words("fgi").into_iter().filter(|code| !sources.contains(code)));
            lacking.extend(row.meaning["level"].as_str().filter(|meant| *meant != level).map(str::to_owned));
            lacking
                .extend(row.meaning["owner"].as_str().filter(|o| !owners.iter().any(|is| is == o)).map(str::to_owned));
        }
        Parsed::Cui { .. } => {
            let said = marking.banner();
            lacking.extend(words("controls").into_iter().filter(|control| !said.contains(control.as_str())));
            // A list of the United States alone says that nobody else may have it.
            let alone = words("rel_to") == ["USA"] && said.contains("NOFORN");
            lacking.extend(words("rel_to").into_iter().filter(|code| !alone && !said.contains(code.as_str())));
        }
    }
    lacking
}

#[test]
fn each_text_has_its_meaning_or_a_proposal_that_has_it() {
    let (mut wrong, mut refused, mut without) = (Vec::new(), 0, 0);
    for row in rows() {
        let checked = check(&row, &row.text);
        let text = &row.text;
        if row.valid.is_some_and(|valid| valid != checked.is_valid()) {
            // What names like a compartment was valid by the grammar once; it is refused now (spec 1.2 f).
            wrong.push(format!("{text}: {:?}, and the specification says {:?}", checked.codes(), row.valid));
        }
        if let Some(marking) = &checked.marking {
            wrong.extend(lacks(&row, marking).into_iter().map(|what| format!("{text}: does not say {what}")));
            continue;
        }
        refused += 1;
        let remedies = row.rules.remedies(text, row.kind, None, &checked);
        without += usize::from(remedies.is_empty());
        let marks: Vec<&String> = remedies.iter().filter_map(|remedy| remedy.mark.as_ref()).collect();
        let read = |mark: &&String| check(&row, mark).marking;
        if marks.iter().any(|mark| read(mark).is_none()) {
            wrong.push(format!("{text}: {marks:?} is no mark"));
        }
        let meant = |mark: &&String| read(mark).is_some_and(|marking| lacks(&row, &marking).is_empty());
        if !marks.is_empty() && !marks.iter().any(meant) {
            wrong.push(format!("{text}: {marks:?} do not mean {}", row.meaning));
        }
        assert!(remedies.iter().all(|remedy| !remedy.text.is_empty()), "{text}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused > 100 && without * 20 <= refused, "{without} of {refused} without a proposal");
}

#[test]
fn no_proposal_reaches_whom_the_text_does_not_name() {
    let names = [("UK", "GBR"), ("NZ", "NZL"), ("JAPAN", "JPN")];
    for row in rows() {
        let checked = check(&row, &row.text);
        let upper = row.text.to_uppercase();
        let words: BTreeSet<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for mark in row.rules.remedies(&row.text, row.kind, None, &checked).into_iter().filter_map(|r| r.mark) {
            let marking = check(&row, &mark).marking.expect("a proposal is a mark");
            for code in marking.rel_to().iter().chain(marking.display_to().iter()) {
                let named = words.contains(code)
                    || code == "USA"
                    || names.iter().any(|(name, meant)| *meant == code && words.contains(*name));
                assert!(named, "{} -> {mark}: {code}", row.text);
            }
        }
    }
}
