//! What the author of a refused CUI mark may have meant.

use std::collections::BTreeSet;

use super::country_names::country;
use super::tokenizer::{self, Gap, Word};
use super::{Ask, Kind, Remedy, RemedyKind, parse};
use crate::marking::model::{Marking, Profile};
use crate::marking::parse::ENGLISH_CODES;

/// Words that people write for a category, and the category.
const CATEGORIES: [(&str, &str); 8] = [
    ("ITAR", "EXPT"),
    ("EAR", "EXPT"),
    ("EXPORT CONTROLLED", "EXPT"),
    ("PRIVACY", "PRVCY"),
    ("PII", "PRVCY"),
    ("PROPRIETARY", "PROPIN"),
    ("LES", "LEI"),
    ("LAWENFORCEMENT", "LEI"),
];
/// The advice for a placeholder.
const PLACEHOLDER: &str = "handbooks write BASIC, DISSEM and their like where a category or control of the registry belongs: name it, or \
                           leave it out if there is none";

/// What was found in a mark.
#[derive(Default)]
struct Found {
    categories: BTreeSet<String>,
    controls: BTreeSet<String>,
    lists: Vec<(&'static str, BTreeSet<String>)>,
    unknown: Vec<String>,
    notes: Vec<String>,
    /// Something may be missing, so that nothing is released by what is proposed.
    open: bool,
}

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
        let words = tokenizer::split(&super::bare(text));
        if !matches!(words.first().map(|word| word.text.as_str()), Some("CUI" | "CONTROLLED")) {
            let said =
                "a mark of this profile begins with CUI; without `--cui` it is read as the intelligence community's";
            return vec![Remedy { kind: RemedyKind::Profile, text: said.to_owned(), mark: None }];
        }
        ask.rewrite_cui(&super::bare(text), &words[1..])
    }

    fn rewrite_cui(&self, text: &str, words: &[Word]) -> Vec<Remedy> {
        let mut found = Found { open: text.contains("///") || text.contains("-/"), ..Found::default() };
        found.open |= text.contains(['!', '~', '^', '?']);
        let mut at = 0;
        while at < words.len() {
            at += self.take(words, at, &mut found);
        }
        self.settle_lists(&mut found);
        if !found.unknown.is_empty() {
            let words = found.unknown.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            found.notes.push(format!(
                "the CUI registry has no {words}; see its list of categories and dissemination controls"
            ));
            return vec![Remedy { kind: RemedyKind::Rewrite, text: found.notes.join("; "), mark: None }];
        }
        let mark = self.compose_cui(&found.categories, &found.controls);
        let read = parse::parse(self.rules, &mark, self.kind, self.banner).marking;
        let releases = |read: &Marking| !read.rel_to().is_empty() || !read.display_to().is_empty();
        // A lost word may have prohibited any release.
        let mark = read.filter(|read| !(found.open && releases(read))).map(|_| mark);
        if found.notes.is_empty() {
            let text = match &mark {
                Some(_) => "the same words with the separators, order and forms of the registry",
                None => "ask its author what is meant",
            };
            found.notes.push(text.to_owned());
        }
        vec![Remedy { kind: RemedyKind::Rewrite, text: found.notes.join("; "), mark }]
    }

    /// Reads what begins at the word `at`; returns the number of words read.
    fn take(&self, words: &[Word], at: usize, found: &mut Found) -> usize {
        let word = words[at].text.as_str();
        let next = words.get(at + 1).map(|word| word.text.as_str());
        let pair = next.map(|next| format!("{word} {next}")).unwrap_or_default();
        let control = |found: &mut Found, control: &str| _ = found.controls.insert(control.to_owned());
        match (word, pair.as_str()) {
            (_, "REL TO" | "DISPLAY ONLY") | ("REL", _) => {
                let opening = if word == "REL" { "REL TO" } else { "DISPLAY ONLY" };
                let width = 1 + usize::from(pair == "REL TO" || pair == "DISPLAY ONLY");
                let (codes, read) = self.read_list(words, at + width, found);
                if found.lists.iter().any(|(known, _)| *known == opening) {
                    found.open = true;
                    found.notes.push("there are two lists: ask its author which one counts".to_owned());
                }
                found.lists.push((opening, codes));
                return width + read;
            }
            (_, "FED ONLY" | "DL ONLY") => {
                control(found, &pair);
                return 2;
            }
            (_, "ATTORNEY CLIENT") => {
                control(found, "Attorney-Client");
                return 2;
            }
            (_, "ATTORNEY WP") => {
                control(found, "Attorney-WP");
                return 2;
            }
            ("AC", _) => control(found, "Attorney-Client"),
            ("AWP", _) => control(found, "Attorney-WP"),
            ("NOFORN" | "NF", _) => control(found, "NOFORN"),
            ("FEDONLY", _) => control(found, "FED ONLY"),
            ("NOCON" | "NOCONTRACTOR" | "NOCONTRACTORS" | "NOCONTRACT", _) => control(found, "NOCON"),
            ("FEDCON" | "RELIDO", _) => control(found, word),
            ("FOUO", _) => found.notes.push("FOUO was retired in favour of CUI".to_owned()),
            ("SP", _) if words.get(at + 1).is_some_and(|word| word.gap == Gap::Hyphen) => {
                let name = words[at + 1].text.as_str();
                match self.category(name, true) {
                    Some(category) => _ = found.categories.insert(category),
                    None => found.unknown.push(format!("SP-{name}")),
                }
                return 2;
            }
            _ => match self.category(word, false) {
                Some(category) => {
                    if category.starts_with("SP-") {
                        found.notes.push(format!("the registry has {word} as a specified category: {category}"));
                    }
                    found.categories.insert(category);
                }
                None if PLACEHOLDERS.contains(&word) || word.len() == 1 || is_filler(word) => {
                    found.open = true;
                    found.notes.push(PLACEHOLDER.to_owned());
                }
                None => found.unknown.push(word.to_owned()),
            },
        }
        1
    }

    /// The codes of a list, and how many words they are.
    fn read_list(&self, words: &[Word], from: usize, found: &mut Found) -> (BTreeSet<String>, usize) {
        let (mut codes, mut at) = (BTreeSet::new(), from);
        let in_capitals = words.iter().any(|word| !word.lowered);
        while let Some(word) = words.get(at).filter(|word| word.gap != Gap::Double || at == from) {
            if matches!(word.text.as_str(), "AND" | "ONLY" | "TO") {
                at += 1;
                continue;
            }
            let Some((code, width, named)) = country(self.rules.register, &words[at..]) else { break };
            let english = ENGLISH_CODES.contains(&code.as_str()) || (word.lowered && in_capitals && !named);
            if english || (word.signed && !codes.is_empty()) {
                found.open = true;
                found.notes.push(format!("{} in the list may not be a code: ask its author", word.text));
            }
            codes.insert(code);
            at += width;
        }
        (codes, at - from)
    }

    /// Turns the lists into controls; of two that exclude each other, the stricter is used.
    fn settle_lists(&self, found: &mut Found) {
        let has = |found: &Found, control: &str| found.controls.contains(control);
        if has(found, "FED ONLY") {
            found.controls.remove("FEDCON");
        }
        let keeps = ["FED ONLY", "FEDCON", "NOFORN"].into_iter().find(|control| has(found, control));
        for (opening, mut codes) in std::mem::take(&mut found.lists) {
            if let Some(control) = keeps {
                found.notes.push(format!("{control} excludes any release: the stricter control is kept"));
            } else if codes.iter().all(|code| code == "USA") {
                found.notes.push("the list names only the United States: use NOFORN".to_owned());
                found.controls.insert("NOFORN".to_owned());
                found.controls.remove("RELIDO");
            } else {
                if opening == "REL TO" && codes.insert("USA".to_owned()) {
                    found.notes.push("a list must begin with USA".to_owned());
                }
                let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
                codes.sort_by_key(|code| (*code != "USA", self.rules.register.is_organisation(code), *code));
                found.controls.insert(format!("{opening} {}", codes.join(", ")));
            }
        }
        if has(found, "NOFORN") && found.controls.remove("RELIDO") {
            found.notes.push("NOFORN excludes any release: the stricter control is kept".to_owned());
        }
        let privileged = found.controls.iter().any(|control| control.starts_with("Attorney"));
        if privileged && found.categories.insert("PRIVILEGE".to_owned()) {
            let text = "Attorney-Client and Attorney-WP stand beside the category PRIVILEGE (ISM-ID-00507)";
            found.notes.push(text.to_owned());
        }
        found.notes.dedup();
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

/// True for one letter repeated, such as `AAAA`.
fn is_filler(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|b| Some(b) == word.bytes().next())
}
