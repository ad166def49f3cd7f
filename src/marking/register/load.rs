//! Reading and checking the register's files.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::code::Code;
use super::super::countries::COUNTRIES_MAX;
use super::super::table::Table;
use super::{AccessMembership, CodeEntry, CuiWords, Register, RollupMember, RollupMembership, rows, words};

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
pub(super) struct RegisterFile {
    version: String,
    #[serde(default)]
    names: Vec<NameRow>,
    pub markings: Vec<MarkingRow>,
}

#[derive(Deserialize)]
pub(super) struct MarkingRow {
    pub id: String,
    pub category: String,
    pub title: Option<String>,
    pub banner_abbr: Option<String>,
    pub portion: Option<String>,
    pub class_min: Option<String>,
    pub class_max: Option<String>,
    #[serde(default)]
    pub requires: Vec<String>,
    #[serde(default)]
    pub forbids: Vec<String>,
    #[serde(default)]
    pub values: Vec<u8>,
    #[serde(default)]
    pub countries: Vec<String>,
}

/// A compartment, a program or a part of one whose name is also a word of the register: `SI-TK`, `SAR-BP-RD`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRow {
    name: String,
    effective: Date,
    #[serde(default)]
    #[allow(dead_code, reason = "the basis is for the people who read the file")]
    basis: Option<String>,
}

#[derive(Deserialize)]
struct CountriesFile {
    countries: Vec<CountryRow>,
}

#[derive(Deserialize)]
struct CountryRow {
    code: String,
    #[serde(default)]
    name: String,
    deprecated_on: Option<Date>,
}

#[derive(Deserialize)]
struct TetragraphsFile {
    tetragraphs: Vec<TetragraphRow>,
    #[serde(default)]
    joined: Vec<JoinedRow>,
}

/// Since when a member that is listed without a date has been one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinedRow {
    code: String,
    member: String,
    from: Date,
}

#[derive(Deserialize)]
struct TetragraphRow {
    code: String,
    #[serde(default)]
    name: Option<String>,
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
    #[serde(default)]
    date_last_verified: Option<Date>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    #[serde(default)]
    #[allow(dead_code, reason = "the note is for the people who read the file")]
    note: Option<String>,
    #[serde(default)]
    overlay: Vec<OverlayRow>,
    #[serde(default)]
    names: Vec<NameRow>,
    #[serde(default)]
    tetragraphs: Vec<TetragraphRow>,
    #[serde(default)]
    #[allow(dead_code, reason = "the note is for the people who read the file")]
    joined_note: Option<String>,
    #[serde(default)]
    joined: Vec<JoinedRow>,
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
        None => Some(OverlayFile::default()),
    };
    let (Some(register), Some(countries), Some(tetragraphs), Some(cui), Some(overlay)) =
        (register, countries, tetragraphs, cui, overlay)
    else {
        return Err(faults);
    };

    let rows = rows::rows(&register, &mut faults);
    let organisations: Vec<TetragraphRow> = tetragraphs.tetragraphs.into_iter().chain(overlay.tetragraphs).collect();
    let (codes, by_code, country_count) = codes(&countries, &organisations, &mut faults);
    let joined: Vec<JoinedRow> = tetragraphs.joined.into_iter().chain(overlay.joined).collect();
    let changes = Changes { joined: &joined, overlay: &overlay.overlay };
    let (access, rollup) = memberships(&organisations, &changes, &codes, &by_code, country_count, &mut faults);
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
        reserved: words::reserved(),
        names: register.names.into_iter().chain(overlay.names).map(|row| (row.name.into(), row.effective)).collect(),
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

pub(super) fn row_fault(file: &'static str, what: &'static str, id: &str, remedy: &'static str) -> RegisterError {
    RegisterError::Row { file, what, id: id.to_owned(), remedy }
}

type Codes = (Vec<CodeEntry>, Table<u16>, u16);

fn codes(countries: &CountriesFile, organisations: &[TetragraphRow], faults: &mut Vec<RegisterError>) -> Codes {
    let mut entries = Vec::new();
    let mut push =
        |file, text: &str, name: &str, organisation, fgi_only, valid_from, deprecated_on| match Code::new(text) {
            Some(code) => {
                entries.push(CodeEntry { code, name: name.into(), organisation, fgi_only, valid_from, deprecated_on });
            }
            None => faults.push(row_fault(file, "not a code:", text, "use 1 to 15 capitals, digits, `_`, `-` or `:`")),
        };
    for country in &countries.countries {
        push("countries.json", &country.code, &country.name, false, false, None, country.deprecated_on);
    }
    // AX1 stands in FGI lists only (spec 2).
    push("countries.json", "AX1", "", false, true, None, None);
    for org in organisations {
        push(
            "tetragraphs.json",
            &org.code,
            org.name.as_deref().unwrap_or_default(),
            true,
            false,
            org.effective,
            org.deprecated_on,
        );
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

/// What is dated about members.
struct Changes<'a> {
    joined: &'a [JoinedRow],
    overlay: &'a [OverlayRow],
}

fn memberships(
    organisations: &[TetragraphRow],
    changes: &Changes<'_>,
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
        let own = changes.joined.iter().filter(|row| row.code == org.code).map(|row| row.from);
        access[at].known_from = own.min().or(org.date_last_verified);
        rollup[at].decomposable = listed && org.decomposable == "Yes";
        rollup[at].manual2016 = matches!(org.code.as_str(), "TEYE" | "ACGU" | "FVEY");
        for member in org.members.iter().filter(|_| listed).collect::<BTreeSet<_>>() {
            if let Some(number) = country(member, faults) {
                access[at].members.insert(number);
                rollup[at].members.push(RollupMember { number, since: None });
            }
        }
    }
    // The organisations whose members those of `code` are: itself, and those that contain it.
    let holding = |code: &str| -> Vec<usize> {
        let holds = |org: &&TetragraphRow| org.code == code || org.member_orgs_raw.iter().any(|inside| inside == code);
        let place = |org: &TetragraphRow| by_code.find(&org.code).filter(|n| *n >= country_count);
        organisations.iter().filter(holds).filter_map(place).map(|n| usize::from(n - country_count)).collect()
    };
    for JoinedRow { code, member, from } in changes.joined {
        let number = by_code.find(member).filter(|n| *n < country_count);
        let places = holding(code);
        let is_member = |n: u16| {
            let own =
                by_code.find(code).filter(|own| *own >= country_count).map(|own| usize::from(own - country_count));
            own.is_some_and(|own| access[own].members.has(n))
        };
        let Some(number) = number.filter(|n| is_member(*n)) else {
            let what = format!("{code}, {member}");
            faults.push(row_fault("tetragraphs.json", "joined, and no listed member:", &what, "correct the row"));
            continue;
        };
        // A date narrows, so it reaches the organisations that contain this one alike.
        for at in places {
            access[at].since.push((*from, number));
            for held in rollup[at].members.iter_mut().filter(|held| held.number == number) {
                held.since = held.since.max(Some(*from));
            }
        }
    }
    for change in changes.overlay {
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
            for at in holding(&change.code) {
                access[at].left.insert(number);
                rollup[at].members.retain(|m| m.number != number);
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
