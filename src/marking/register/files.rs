//! The files of a register: their names, the shape of their rows, and what can be wrong with them.

use jiff::civil::Date;
use serde::Deserialize;

/// The texts of a register's files, as JSON. The caller reads the files; the core does no input or output.
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
        /// The parser's message.
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
        /// The engine's form.
        expected: String,
    },
    /// A row that is missing, or one that the engine does not implement.
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

/// `register.json`.
#[derive(Deserialize)]
pub(super) struct RegisterFile {
    pub version: String,
    #[serde(default)]
    pub names: Vec<NameRow>,
    pub markings: Vec<MarkingRow>,
}

/// One marking of `register.json`: its forms, the lowest and highest level, and the ids of what it requires and excludes.
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
pub(super) struct NameRow {
    pub name: String,
    pub effective: Date,
    #[serde(default)]
    #[allow(dead_code, reason = "the basis is for the people who read the file")]
    pub basis: Option<String>,
}

/// `countries.json`.
#[derive(Deserialize)]
pub(super) struct CountriesFile {
    pub countries: Vec<CountryRow>,
}

/// One country: a trigraph and its full name.
#[derive(Deserialize)]
pub(super) struct CountryRow {
    pub code: String,
    #[serde(default)]
    pub name: String,
    pub deprecated_on: Option<Date>,
}

/// `tetragraphs.json`.
#[derive(Deserialize)]
pub(super) struct TetragraphsFile {
    pub tetragraphs: Vec<TetragraphRow>,
    #[serde(default)]
    pub joined: Vec<JoinedRow>,
}

/// The date of a member that is listed without one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinedRow {
    pub code: String,
    pub member: String,
    pub from: Date,
}

/// One organisation: its code, name and members, each dated where a date is known.
#[derive(Deserialize)]
pub(super) struct TetragraphRow {
    pub code: String,
    #[serde(default)]
    pub name: Option<String>,
    pub decomposable: String,
    #[serde(default)]
    pub deprecated_on: Option<Date>,
    #[serde(default)]
    pub members: Vec<String>,
    #[serde(default)]
    pub member_orgs_raw: Vec<String>,
    pub membership: String,
    #[serde(default)]
    pub effective: Option<Date>,
    #[serde(default)]
    pub date_last_verified: Option<Date>,
}

/// `overlay.json`: the operator's dated changes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverlayFile {
    #[serde(default)]
    #[allow(dead_code, reason = "the note is for the people who read the file")]
    pub note: Option<String>,
    #[serde(default)]
    pub overlay: Vec<OverlayRow>,
    #[serde(default)]
    pub names: Vec<NameRow>,
    #[serde(default)]
    pub tetragraphs: Vec<TetragraphRow>,
    #[serde(default)]
    #[allow(dead_code, reason = "the note is for the people who read the file")]
    pub joined_note: Option<String>,
    #[serde(default)]
    pub joined: Vec<JoinedRow>,
    #[serde(default)]
    #[allow(dead_code, reason = "what else a change touches is for the people who read the file")]
    pub also_affects: Vec<String>,
}

/// One change of membership: the organisation's code, and the country that is added or removed from a day on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverlayRow {
    pub code: String,
    #[serde(default)]
    pub add: Option<String>,
    #[serde(default)]
    pub remove: Option<String>,
    pub effective: Date,
    #[serde(default)]
    #[allow(dead_code, reason = "the basis is for the people who read the file")]
    pub basis: Option<String>,
}

/// `cui.json`: the basic and the specified categories.
#[derive(Deserialize)]
pub(super) struct CuiFile {
    pub basic: Vec<CuiRow>,
    pub specified: Vec<CuiRow>,
}

/// One category, by the token that marks have.
#[derive(Deserialize)]
pub(super) struct CuiRow {
    pub token: String,
}

/// A fault of one row.
pub(super) fn row_fault(file: &'static str, what: &'static str, id: &str, remedy: &'static str) -> RegisterError {
    RegisterError::Row { file, what, id: id.to_owned(), remedy }
}
