//! Reading and checking the register's files.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::code::Code;
use super::super::control::{Control, ControlSet};
use super::super::countries::COUNTRIES_MAX;
use super::super::level::Level;
use super::super::table::Table;
use super::{
    AccessMembership, CodeEntry, CuiWords, Register, RollupMember, RollupMembership, Row, Rows, SciRows, words,
};

/// The texts of a register's files, as JSON. The caller reads the files; this crate's core does no input or output.
#[derive(Debug, Clone, Copy)]
pub struct RegisterFiles<'a> {
    /// The markings: `register.json`.
    pub register: &'a str,
    /// The trigraphs: `countries.json`.
    pub countries: &'a str,
    /// The organisation codes and their members: `tetragraphs.json`.
    pub tetragraphs: &'a str,
    /// The CUI categories: `cui.json`.
    pub cui: &'a str,
    /// The operator's dated changes: `overlay.json`. Absent by default, because widening a tetragraph widens release.
    pub overlay: Option<&'a str>,
}

impl<'a> RegisterFiles<'a> {
    /// The names of the files a register is made of, in the order they are digested; the overlay's is not among them.
    pub const NAMES: [&'static str; 4] = ["register.json", "countries.json", "tetragraphs.json", "cui.json"];

    /// The files whose texts `text` gives by name, and an overlay if there is one.
    pub fn from_named(text: impl Fn(&str) -> &'a str, overlay: Option<&'a str>) -> Self {
        let [register, countries, tetragraphs, cui] = Self::NAMES.map(text);
        Self { register, countries, tetragraphs, cui, overlay }
    }

    /// The texts by name, in the order of [`RegisterFiles::NAMES`].
    #[must_use]
    pub fn named(&self) -> [(&'static str, &'a str); 4] {
        let [register, countries, tetragraphs, cui] = Self::NAMES;
        [(register, self.register), (countries, self.countries), (tetragraphs, self.tetragraphs), (cui, self.cui)]
    }
}

impl RegisterFiles<'static> {
    /// The files this build ships, without an overlay.
    #[must_use]
    pub const fn shipped() -> Self {
        Self {
            register: include_str!("../../../policy/register/register.json"),
            countries: include_str!("../../../policy/register/countries.json"),
            tetragraphs: include_str!("../../../policy/register/tetragraphs.json"),
            cui: include_str!("../../../policy/register/cui.json"),
            overlay: None,
        }
    }
}

/// One fault of a register's files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The file is not the JSON that was expected.
    #[error("`{file}` cannot be read: {why}; restore it from the release or correct the line")]
    Json {
        /// Which file.
        file: &'static str,
        /// What the reader said.
        why: String,
    },
    /// The file and the engine disagree about a marking.
    #[error(
        "`register.json` gives `{id}` {what} `{found}` where this engine knows `{expected}`; use a matching release"
    )]
    Form {
        /// The marking's id.
        id: String,
        /// Which field.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What the engine would print.
        expected: String,
    },
    /// A row that must be there is not, or one is there that the engine does not know.
    #[error("`{file}`: {what} `{id}`; {remedy}")]
    Row {
        /// Which file.
        file: &'static str,
        /// What is wrong.
        what: &'static str,
        /// The row's id or code.
        id: String,
        /// What to do.
        remedy: &'static str,
    },
}

#[derive(Deserialize)]
struct RegisterFile {
    version: String,
    markings: Vec<MarkingRow>,
}

#[derive(Deserialize)]
struct MarkingRow {
    id: String,
    category: String,
    title: Option<String>,
    banner_abbr: Option<String>,
    portion: Option<String>,
    class_min: Option<String>,
    class_max: Option<String>,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    forbids: Vec<String>,
    #[serde(default)]
    values: Vec<u8>,
    #[serde(default)]
    countries: Vec<String>,
}

#[derive(Deserialize)]
struct CountriesFile {
    countries: Vec<CountryRow>,
}

#[derive(Deserialize)]
struct CountryRow {
    code: String,
    deprecated_on: Option<Date>,
}

#[derive(Deserialize)]
struct TetragraphsFile {
    tetragraphs: Vec<TetragraphRow>,
}

#[derive(Deserialize)]
struct TetragraphRow {
    code: String,
    decomposable: String,
    #[serde(default)]
    deprecated_on: Option<Date>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    member_orgs_raw: Vec<String>,
    membership: String,
    #[serde(default)]
    effective: Option<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    #[serde(default)]
    #[allow(dead_code, reason = "the note is for the people who read the file")]
    note: Option<String>,
    #[serde(default)]
    overlay: Vec<OverlayRow>,
    #[serde(default)]
    tetragraphs: Vec<TetragraphRow>,
    #[serde(default)]
    #[allow(dead_code, reason = "what else a change touches is for the people who read the file")]
    also_affects: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayRow {
    code: String,
    #[serde(default)]
    add: Option<String>,
    #[serde(default)]
    remove: Option<String>,
    effective: Date,
    #[serde(default)]
    #[allow(dead_code, reason = "the basis is for the people who read the file")]
    basis: Option<String>,
}

#[derive(Deserialize)]
struct CuiFile {
    basic: Vec<CuiRow>,
    specified: Vec<CuiRow>,
}

#[derive(Deserialize)]
struct CuiRow {
    token: String,
}

pub(super) fn load(files: &RegisterFiles<'_>) -> Result<Register, Vec<RegisterError>> {
    let mut faults = Vec::new();
    let register: Option<RegisterFile> = read("register.json", files.register, &mut faults);
    let countries: Option<CountriesFile> = read("countries.json", files.countries, &mut faults);
    let tetragraphs: Option<TetragraphsFile> = read("tetragraphs.json", files.tetragraphs, &mut faults);
    let cui: Option<CuiFile> = read("cui.json", files.cui, &mut faults);
    let overlay: Option<OverlayFile> = match files.overlay {
        Some(text) => read("overlay.json", text, &mut faults),
        None => Some(OverlayFile { note: None, overlay: vec![], tetragraphs: vec![], also_affects: vec![] }),
    };
    let (Some(register), Some(countries), Some(tetragraphs), Some(cui), Some(overlay)) =
        (register, countries, tetragraphs, cui, overlay)
    else {
        return Err(faults);
    };

    let rows = rows(&register, &mut faults);
    let organisations: Vec<TetragraphRow> = tetragraphs.tetragraphs.into_iter().chain(overlay.tetragraphs).collect();
    let (codes, by_code, country_count) = codes(&countries, &organisations, &mut faults);
    let (access, rollup) = memberships(&organisations, &overlay.overlay, &codes, &by_code, country_count, &mut faults);
    let Some(usa) = by_code.find("USA") else {
        faults.push(row_fault("countries.json", "there is no", "USA", "restore the file"));
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Register {
        version: register.version,
        digest: digest(files),
        codes,
        by_code,
        words: words::table(),
        rows,
        access,
        rollup,
        country_count,
        usa,
        cui: cui_words(cui),
    })
}

fn read<'a, T: Deserialize<'a>>(file: &'static str, text: &'a str, faults: &mut Vec<RegisterError>) -> Option<T> {
    serde_json::from_str(text).map_err(|e| faults.push(RegisterError::Json { file, why: e.to_string() })).ok()
}

fn row_fault(file: &'static str, what: &'static str, id: &str, remedy: &'static str) -> RegisterError {
    RegisterError::Row { file, what, id: id.to_owned(), remedy }
}

/// Turns the rows into masks, and refuses a file whose forms differ from what the engine prints.
fn rows(file: &RegisterFile, faults: &mut Vec<RegisterError>) -> Rows {
    let by_id: BTreeMap<&str, &MarkingRow> = file.markings.iter().map(|m| (m.id.as_str(), m)).collect();
    let known: BTreeMap<&str, Control> = Control::ALL.iter().map(|c| (c.id(), *c)).collect();
    let mut row = |id: &str| -> Row {
        let Some(marking) = by_id.get(id) else {
            faults.push(row_fault("register.json", "there is no marking", id, "restore the file"));
            return Row::default();
        };
        let mask = |ids: &[String]| -> ControlSet {
            // Requirements on structure (a parent system, a compartment, NATO) have no control: the parser holds them.
            ids.iter().filter_map(|i| known.get(i.split(" (").next().unwrap_or(i))).copied().collect()
        };
        let level = |text: &Option<String>, absent: Level| {
            text.as_deref().map_or(Some(absent), Level::from_abbreviation).unwrap_or(absent)
        };
        Row {
            floor: level(&marking.class_min, Level::Unclassified),
            ceiling: level(&marking.class_max, Level::TopSecret),
            requires: mask(&marking.requires),
            forbids: mask(&marking.forbids),
        }
    };
    let mut controls: Vec<Row> = Control::ALL.iter().map(|c| row(c.id())).collect();
    let sci = SciRows {
        hcs: row("HCS"),
        hcs_o: row("HCS-O"),
        hcs_p: row("HCS-P"),
        hcs_p_sub: row("HCS-P-sub"),
        hcs_x: row("HCS-X"),
        klm: row("KLM"),
        klm_r: row("KLM-R"),
        klm_comp: row("KLM-comp"),
        mvl: row("MVL"),
        rsv: row("RSV"),
        si: row("SI"),
        si_comp: row("SI-comp"),
        si_g: row("SI-G"),
        si_g_sub: row("SI-G-sub"),
        tk: row("TK"),
        tk_blfh: row("TK-BLFH"),
        tk_idit: row("TK-IDIT"),
        tk_kand: row("TK-KAND"),
        bur: row("BUR"),
    };
    let (joint, sap) = (row("JOINT"), row("SAR"));

    for from in 0..controls.len() {
        for to in controls[from].forbids.iter() {
            controls[to as usize].forbids.insert(Control::ALL[from]);
        }
    }
    let mut rows = Rows { joint, sap, sci, ..Rows::default() };
    for (i, control) in Control::ALL.iter().enumerate() {
        for level in Level::ALL {
            if level < controls[i].floor {
                rows.too_low[level as usize].insert(*control);
            }
            if level > controls[i].ceiling {
                rows.too_high[level as usize].insert(*control);
            }
        }
        if !controls[i].requires.is_empty() || !controls[i].forbids.is_empty() {
            rows.conditional.insert(*control);
        }
    }
    rows.controls = controls;
    rows.sigma = by_id.get("RD-SG").map(|m| m.values.clone()).unwrap_or_default();
    rows.eyes =
        by_id.get("EYES").map(|m| m.countries.iter().filter_map(|c| Code::new(c)).collect()).unwrap_or_default();
    forms(file, &known, faults);
    rows
}

fn forms(file: &RegisterFile, known: &BTreeMap<&str, Control>, faults: &mut Vec<RegisterError>) {
    let mut order = None;
    for marking in &file.markings {
        let Some(&control) = known.get(marking.id.as_str()) else {
            if matches!(marking.category.as_str(), "dissem" | "aea") {
                let remedy = "a control without a known meaning cannot be decided on; use a matching release";
                faults.push(row_fault("register.json", "this engine does not know the control", &marking.id, remedy));
            }
            continue;
        };
        // Controls whose text holds a list or a number are printed by shape, so their forms are not compared.
        let by_shape = [Control::Rel, Control::Eyes, Control::DisplayOnly, Control::RdSg, Control::FrdSg];
        if !by_shape.contains(&control) {
            let abbreviation = marking.banner_abbr.as_deref().or(marking.title.as_deref());
            for (what, found, expected) in [
                ("the title", marking.title.as_deref(), control.title()),
                ("the banner form", abbreviation, control.banner()),
                ("the portion form", marking.portion.as_deref(), control.portion()),
            ] {
                if found != Some(expected) {
                    let found = found.unwrap_or("nothing").to_owned();
                    let (id, expected) = (marking.id.clone(), expected.to_owned());
                    faults.push(RegisterError::Form { id, what, found, expected });
                }
            }
        }
        let before = order.replace((control.category(), control));
        if before.is_some_and(|b| b.0 == control.category() && b.1 > control) {
            let remedy = "Register order is part of the engine; use a matching release";
            faults.push(row_fault("register.json", "out of Register order:", &marking.id, remedy));
        }
    }
}

type Codes = (Vec<CodeEntry>, Table<u16>, u16);

fn codes(countries: &CountriesFile, organisations: &[TetragraphRow], faults: &mut Vec<RegisterError>) -> Codes {
    let mut entries = Vec::new();
    let mut push = |file, text: &str, organisation, fgi_only, valid_from, deprecated_on| match Code::new(text) {
        Some(code) => entries.push(CodeEntry { code, organisation, fgi_only, valid_from, deprecated_on }),
        None => faults.push(row_fault(file, "not a code:", text, "use 1 to 15 capitals, digits, `_`, `-` or `:`")),
    };
    for country in &countries.countries {
        push("countries.json", &country.code, false, false, None, country.deprecated_on);
    }
    // AX1 stands in FGI lists only (spec 2).
    push("countries.json", "AX1", false, true, None, None);
    for org in organisations {
        push("tetragraphs.json", &org.code, true, false, org.effective, org.deprecated_on);
    }
    entries.sort_by_key(|e| (e.organisation, e.code));
    let country_count = entries.iter().filter(|e| !e.organisation).count();
    if country_count > COUNTRIES_MAX {
        faults.push(row_fault("countries.json", "more than 384 countries at", "the end", "split the register"));
        entries.truncate(COUNTRIES_MAX);
    }
    let mut table = Table::with_room(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        if !table.insert(entry.code.as_str(), number as u16) {
            faults.push(row_fault("tetragraphs.json", "the code is there twice:", entry.code.as_str(), "keep one"));
        }
    }
    (entries, table, country_count as u16)
}

fn memberships(
    organisations: &[TetragraphRow],
    changes: &[OverlayRow],
    codes: &[CodeEntry],
    by_code: &Table<u16>,
    country_count: u16,
    faults: &mut Vec<RegisterError>,
) -> (Vec<AccessMembership>, Vec<RollupMembership>) {
    let count = codes.len() - usize::from(country_count);
    let mut access = vec![AccessMembership::default(); count];
    let mut rollup = vec![RollupMembership::default(); count];
    let country = |text: &str, faults: &mut Vec<RegisterError>| -> Option<u16> {
        let number = by_code.find(text).filter(|n| *n < country_count);
        if number.is_none() {
            faults.push(row_fault("tetragraphs.json", "a member is not a country:", text, "correct the list"));
        }
        number
    };
    for org in organisations {
        let Some(at) = by_code.find(&org.code).filter(|n| *n >= country_count).map(|n| usize::from(n - country_count))
        else {
            continue;
        };
        let listed = org.membership == "listed";
        if listed && org.members.is_empty() {
            faults.push(row_fault("tetragraphs.json", "listed without members:", &org.code, "list or suppress them"));
        }
        access[at].listed = listed;
        rollup[at].decomposable = listed && org.decomposable == "Yes";
        rollup[at].manual2016 = matches!(org.code.as_str(), "TEYE" | "ACGU" | "FVEY");
        for member in org.members.iter().filter(|_| listed).collect::<BTreeSet<_>>() {
            if let Some(number) = country(member, faults) {
                access[at].members.insert(number);
                rollup[at].members.push(RollupMember { number, since: None });
            }
        }
    }
    for change in changes {
        let Some(at) =
            by_code.find(&change.code).filter(|n| *n >= country_count).map(|n| usize::from(n - country_count))
        else {
            faults.push(row_fault("overlay.json", "not an organisation:", &change.code, "add it under `tetragraphs`"));
            continue;
        };
        if !access[at].listed {
            let remedy = "a suppressed membership cannot be changed member by member";
            faults.push(row_fault("overlay.json", "the members are not listed:", &change.code, remedy));
            continue;
        }
        if let Some(number) = change.add.as_deref().and_then(|c| country(c, faults)) {
            access[at].joined.push((change.effective, number));
            rollup[at].members.push(RollupMember { number, since: Some(change.effective) });
        }
        if let Some(number) = change.remove.as_deref().and_then(|c| country(c, faults)) {
            // A departure narrows, so it reaches the organisations that contain this one and older documents alike.
            for org in organisations {
                let inside = org.code == change.code || org.member_orgs_raw.contains(&change.code);
                let Some(n) = by_code.find(&org.code).filter(|n| inside && *n >= country_count) else { continue };
                access[usize::from(n - country_count)].left.insert(number);
                rollup[usize::from(n - country_count)].members.retain(|m| m.number != number);
            }
        }
    }
    (access, rollup)
}

fn cui_words(file: CuiFile) -> CuiWords {
    let sorted = |rows: Vec<CuiRow>| {
        let mut words: Vec<Box<str>> = rows.into_iter().map(|r| r.token.into_boxed_str()).collect();
        words.sort();
        words
    };
    CuiWords { basic: sorted(file.basic), specified: sorted(file.specified) }
}

fn digest(files: &RegisterFiles<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [files.register, files.countries, files.tetragraphs, files.cui, files.overlay.unwrap_or_default()] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}
