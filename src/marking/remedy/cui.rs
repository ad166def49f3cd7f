//! What the author of a refused CUI mark may have meant.

use std::collections::BTreeSet;

use super::super::rules::Profile;
use super::loose::{self, Gap, Word};
use super::{Ask, Kind, Remedy, RemedyKind, parse, plain};

/// Words that people write for a category, and the category.
const CATEGORIES: [(&str, &str); 6] = [
    ("ITAR", "EXPT"),
    ("EAR", "EXPT"),
    ("EXPORT CONTROLLED", "EXPT"),
    ("PRIVACY", "PRVCY"),
    ("PII", "PRVCY"),
    ("PROPRIETARY", "PROPIN"),
];
/// What handbooks write where a real category or control belongs.
const PLACEHOLDERS: [&str; 8] = ["BASIC", "SPECIFIED", "CATEGORY", "DISSEM", "DISSEMINATION", "SP", "LDC", "MARKING"];

impl Ask<'_, '_> {
    /// What the author of a CUI mark may have meant.
    pub(super) fn cui(&self, text: &str) -> Vec<Remedy> {
        let rules = self.rules.clone().with_profile(Profile::Cui);
        let ask = Ask { rules: &rules, kind: self.kind, banner: self.banner };
        if self.rules.profile == Profile::Ic && ask.accepts(text) {
            let said = "this is a mark of controlled unclassified information; `--cui` reads it";
            return vec![Remedy { kind: RemedyKind::Profile, text: said.to_owned(), mark: None }];
        }
        let words = loose::split(&plain(text));
        if !matches!(words.first().map(|word| word.text.as_str()), Some("CUI" | "CONTROLLED")) {
            let said =
                "a mark of this profile begins with CUI; without `--cui` it is read as the intelligence community's";
            return vec![Remedy { kind: RemedyKind::Profile, text: said.to_owned(), mark: None }];
        }
        ask.rewrite_cui(&words[1..])
    }

    fn rewrite_cui(&self, words: &[Word]) -> Vec<Remedy> {
        let (mut categories, mut controls) = (BTreeSet::new(), BTreeSet::new());
        let (mut notes, mut unknown, mut placeholder): (Vec<String>, Vec<String>, bool) = Default::default();
        let mut list: Option<(&str, BTreeSet<String>)> = None;
        let mut at = 0;
        while at < words.len() {
            let word = words[at].text.as_str();
            let next = words.get(at + 1).map(|word| word.text.as_str());
            let pair = next.map(|next| format!("{word} {next}")).unwrap_or_default();
            at += 1;
            match (word, pair.as_str()) {
                (_, "REL TO" | "DISPLAY ONLY") | ("REL", _) => {
                    at += usize::from(pair == "REL TO" || pair == "DISPLAY ONLY");
                    let opening = if word == "REL" { "REL TO" } else { "DISPLAY ONLY" };
                    let codes = list.get_or_insert_with(|| (opening, BTreeSet::new()));
                    while let Some((code, width, _)) =
                        loose::country(self.rules.register, &words[at..]).filter(|_| words[at].gap != Gap::Double)
                    {
                        codes.1.insert(code);
                        at += width;
                    }
                    at += usize::from(words.get(at).is_some_and(|word| word.text == "ONLY"));
                }
                (_, "FED ONLY" | "DL ONLY" | "ATTORNEY CLIENT" | "ATTORNEY WP") => {
                    controls.insert(match pair.as_str() {
                        "ATTORNEY CLIENT" => "Attorney-Client".to_owned(),
                        "ATTORNEY WP" => "Attorney-WP".to_owned(),
                        other => other.to_owned(),
                    });
                    at += 1;
                }
                ("AC", _) => _ = controls.insert("Attorney-Client".to_owned()),
                ("AWP", _) => _ = controls.insert("Attorney-WP".to_owned()),
                ("NOFORN" | "NF", _) => _ = controls.insert("NOFORN".to_owned()),
                ("FEDCON" | "NOCON" | "RELIDO", _) => _ = controls.insert(word.to_owned()),
                ("SP", _) if next.is_some_and(|_| words[at].gap == Gap::Hyphen) => {
                    let name = words[at].text.clone();
                    at += 1;
                    match self.category(&name, true) {
                        Some(category) => _ = categories.insert(category),
                        None => unknown.push(format!("SP-{name}")),
                    }
                }
                _ => match self.category(word, false) {
                    Some(category) => {
                        if category.starts_with("SP-") {
                            notes.push(format!("the registry has {word} as a specified category: {category}"));
                        }
                        categories.insert(category);
                    }
                    None if PLACEHOLDERS.contains(&word) || word.len() == 1 || is_filler(word) => placeholder = true,
                    None => unknown.push(word.to_owned()),
                },
            }
        }
        if let Some((opening, codes)) = list {
            if codes.iter().all(|code| code == "USA") {
                notes.push("a list of the United States alone is NOFORN".to_owned());
                controls.insert("NOFORN".to_owned());
            } else {
                let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
                codes.sort_by_key(|code| (*code != "USA", self.rules.register.is_organisation(code), *code));
                controls.insert(format!("{opening} {}", codes.join(", ")));
            }
        }
        if controls.iter().any(|control| control.starts_with("Attorney")) && categories.insert("PRIVILEGE".to_owned()) {
            notes.push("Attorney-Client and Attorney-WP stand beside the category PRIVILEGE (ISM-ID-00507)".to_owned());
        }
        if !unknown.is_empty() {
            let words = unknown.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "the CUI registry has no {words}; see its list of categories and dissemination controls"
            ));
            return vec![Remedy { kind: RemedyKind::Rewrite, text: notes.join("; "), mark: None }];
        }
        if placeholder {
            let text = "handbooks write BASIC, DISSEM and their like where a category or control of the registry belongs: name it, \
                        or leave it out if there is none";
            notes.push(text.to_owned());
        }
        let mark = self.compose_cui(&categories, &controls);
        let read = parse::parse(self.rules, &mark, self.kind, self.banner);
        let fixed = read.diagnostics.iter().find_map(|d| d.fix.as_ref()).map(|fix| fix.replacement.clone());
        let mark = if read.marking.is_some() { Some(mark) } else { fixed };
        if mark.is_none() && notes.is_empty() {
            return Vec::new();
        }
        if notes.is_empty() {
            notes.push("the registry writes it so".to_owned());
        }
        vec![Remedy { kind: RemedyKind::Rewrite, text: notes.join("; "), mark }]
    }

    /// A category as the registry has it: specified or basic as it is written, or whichever of them there is.
    fn category(&self, word: &str, specified: bool) -> Option<String> {
        let words = &self.rules.register.cui;
        let meant = CATEGORIES.iter().find(|(written, _)| *written == word).map_or(word, |(_, category)| category);
        let basic = words.basic.iter().any(|known| **known == *meant).then(|| meant.to_owned());
        let special = words.specified.iter().any(|known| **known == *meant).then(|| format!("SP-{meant}"));
        if specified { special.or(basic) } else { basic.or(special) }
    }

    fn compose_cui(&self, categories: &BTreeSet<String>, controls: &BTreeSet<String>) -> String {
        let mut categories: Vec<&str> = categories.iter().map(String::as_str).collect();
        categories.sort_by_key(|category| (!category.starts_with("SP-"), *category));
        let portion = |control: &String| match (self.kind, control.as_str()) {
            (Kind::Portion, "Attorney-Client") => "AC".to_owned(),
            (Kind::Portion, "Attorney-WP") => "AWP".to_owned(),
            (Kind::Portion, "NOFORN") => "NF".to_owned(),
            _ => control.clone(),
        };
        let mut controls: Vec<String> = controls.iter().map(portion).collect();
        controls.sort_by_key(|control| control.to_ascii_uppercase());
        let segments = [categories.join("/"), controls.join("/")].into_iter().filter(|segment| !segment.is_empty());
        self.enclosed(&std::iter::once("CUI".to_owned()).chain(segments).collect::<Vec<_>>().join("//"))
    }
}

/// `AAAA`, `BBBB`: one letter over and over.
fn is_filler(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|b| Some(b) == word.bytes().next())
}
