//! The register: the vocabulary of marks as data. Files with markings, countries, organisations and CUI categories come in;
//! a checked, immutable [`Register`] goes out, whose version and digest are part of every decision made with it.
//!
//! It refuses data that disagrees with what the engine knows by meaning, and it never guesses: a code that is not in
//! it does not exist, and an organisation whose members are not listed has none.

mod country_set;
mod hash_table;
mod vocabulary;
mod files;
mod rows;
mod membership;
mod load;

use std::sync::LazyLock;

use jiff::civil::Date;

use super::model::{Code, CodeList, Control, ControlSet, DocumentDate, Level};
use super::spelling::is_one_edit_apart;
pub(super) use country_set::CountrySet;
pub use files::{RegisterError, RegisterFiles};
use hash_table::HashTable;
pub(super) use vocabulary::Word;

/// The immutable vocabulary under which marks are read, printed and decided.
///
/// ```
/// use portcullis::marking::Register;
///
/// let register = Register::compiled_in();
/// assert_eq!(register.version(), "M16 + ISM 2021-NOVr2022-NOV");
/// assert!(register.is_country("GBR") && register.is_organisation("NSG"));
/// ```
#[derive(Debug, Clone)]
pub struct Register {
    /// The version of the data, for decisions and logs.
    pub(super) version: String,
    /// SHA-256 over the loaded texts.
    pub(super) digest: [u8; 32],
    /// Countries first, then organisations, each in alphabetical order: numbering order is list order (spec 1.5).
    pub(super) codes: Vec<CodeEntry>,
    /// The number of each code.
    pub(super) by_code: HashTable<u16>,
    /// The fixed words of the grammar.
    pub(super) words: HashTable<Word>,
    /// Words that must not be names of compartments and programs.
    pub(super) reserved: HashTable<()>,
    /// The exceptions to `reserved`, each with its first day.
    pub(super) names: Vec<(Box<str>, Date)>,
    /// What markings require and exclude.
    pub(super) rows: Rows,
    /// What access expands, by organisation. Kept apart from `rollup` on purpose (spec 1.9).
    pub(super) access: Vec<AccessMembership>,
    /// What roll-up expands, by organisation: number of the organisation, then the members as listed.
    pub(super) rollup: Vec<RollupMembership>,
    /// The number of countries: codes with a number below it are countries, the others organisations.
    pub(super) country_count: u16,
    /// The number of `USA`.
    pub(super) usa: u16,
    /// The CUI categories.
    pub(super) cui: CuiWords,
}

/// One code of a list.
#[derive(Debug, Clone)]
pub(super) struct CodeEntry {
    pub code: Code,
    pub name: Box<str>,
    pub organisation: bool,
    /// Valid in FGI lists only (`AX1`).
    pub fgi_only: bool,
    pub valid_from: Option<Date>,
    pub deprecated_on: Option<Date>,
}

/// Membership as the access check sees it (ISM.ACES).
#[derive(Debug, Clone, Default)]
pub(super) struct AccessMembership {
    /// False when the membership is suppressed or only described: nobody matches by country.
    pub listed: bool,
    pub members: CountrySet,
    /// The first day for which the member list is known: the earliest date of a member or, without dates, the day on which the
    /// register's list was verified.
    pub known_from: Option<Date>,
    /// The members with a date of accession, by the register's numbers.
    pub since: Vec<(Date, u16)>,
    /// Members that the operator's overlay adds, with the first day of each.
    pub joined: Vec<(Date, u16)>,
    /// Former members, which count in no document.
    pub left: CountrySet,
}

/// Membership as roll-up may expand it (M16 HashTable 3 rule 23; ISMCAT `decomposable`).
#[derive(Debug, Clone, Default)]
pub(super) struct RollupMembership {
    pub decomposable: bool,
    /// One of the three codes that the 2016 Manual lets roll-up expand.
    pub manual2016: bool,
    pub members: Vec<RollupMember>,
}

/// One member in a roll-up list.
#[derive(Debug, Clone, Copy)]
pub(super) struct RollupMember {
    pub number: u16,
    pub since: Option<Date>,
}

/// What the register says a marking needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The lowest classification it may have.
    pub floor: Level,
    /// The highest classification it may have.
    pub ceiling: Level,
    /// The controls that must be present with it.
    pub requires: ControlSet,
    /// The controls that must not be present with it.
    pub forbids: ControlSet,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            floor: Level::Unclassified,
            ceiling: Level::TopSecret,
            requires: ControlSet::EMPTY,
            forbids: ControlSet::EMPTY,
        }
    }
}

/// The rows the engine applies, found once by name when the register is loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// By `Control as usize`; `forbids` is symmetric.
    pub controls: Vec<Row>,
    /// Controls whose floor is above a level, by `Level as usize`.
    pub too_low: [ControlSet; 5],
    /// As `too_low`, for controls above their ceiling.
    pub too_high: [ControlSet; 5],
    /// Controls that require or forbid something.
    pub conditional: ControlSet,
    pub joint: Row,
    pub sap: Row,
    pub sci: SciRows,
    pub sigma: Vec<u8>,
    pub eyes: Vec<Code>,
}

/// The SCI rows.
#[derive(Debug, Clone, Default)]
pub(super) struct SciRows {
    pub hcs: Row,
    pub hcs_o: Row,
    pub hcs_p: Row,
    pub hcs_p_sub: Row,
    pub hcs_x: Row,
    pub klm: Row,
    pub klm_r: Row,
    pub klm_comp: Row,
    pub mvl: Row,
    pub rsv: Row,
    pub si: Row,
    pub si_comp: Row,
    pub si_g: Row,
    pub si_g_sub: Row,
    pub tk: Row,
    pub tk_blfh: Row,
    pub tk_idit: Row,
    pub tk_kand: Row,
    pub bur: Row,
}

/// The CUI vocabulary.
#[derive(Debug, Clone, Default)]
pub(super) struct CuiWords {
    pub basic: Vec<Box<str>>,
    pub specified: Vec<Box<str>>,
}

static COMPILED_IN: LazyLock<Register> = LazyLock::new(|| {
    // INVARIANT: the shipped files are part of this build, and a test loads them.
    Register::load(&RegisterFiles::shipped()).expect("the shipped register is sound")
});

impl Register {
    /// The shipped register: ISMCAT 2022-NOV membership, no overlay.
    #[must_use]
    pub fn compiled_in() -> &'static Self {
        &COMPILED_IN
    }

    /// Reads and checks a register from the texts of its files.
    ///
    /// # Errors
    ///
    /// Every fault found, not only the first.
    pub fn load(files: &RegisterFiles<'_>) -> Result<Self, Vec<RegisterError>> {
        load::load(files)
    }

    /// The version string of the data, for decisions and logs.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 over the exact texts that were loaded, in fixed order, each framed by its length.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// True when `code` is a country of this register that may be named in a release list.
    #[must_use]
    pub fn is_country(&self, code: &str) -> bool {
        self.by_code.find(code).map(|n| &self.codes[usize::from(n)]).is_some_and(|e| !e.organisation && !e.fgi_only)
    }

    /// True when `code` is an organisation of this register, current or deprecated.
    #[must_use]
    pub fn is_organisation(&self, code: &str) -> bool {
        self.by_code.find(code).is_some_and(|n| self.codes[usize::from(n)].organisation)
    }

    /// True when `code` can be the source of a consent: a country, or an organisation with information of its own, such as NATO.
    /// A group name for countries that each decide for themselves, such as FVEY, cannot.
    #[must_use]
    pub fn is_source(&self, code: &str) -> bool {
        let Some(number) = self.by_code.find(code) else { return false };
        let organisation = number.checked_sub(self.country_count).and_then(|n| self.rollup.get(usize::from(n)));
        let group = organisation.is_some_and(|members| members.decomposable);
        !group || code == "NATO"
    }

    /// Every code with whether it is an organisation, in list order.
    pub fn codes(&self) -> impl Iterator<Item = (Code, bool)> + '_ {
        self.codes.iter().filter(|e| !e.fgi_only).map(|e| (e.code, e.organisation))
    }

    /// The full name of the country or organisation that `code` stands for.
    #[must_use]
    pub fn name_of(&self, code: &str) -> Option<&str> {
        let number = self.by_code.find(code)?;
        Some(&*self.entry(number).name).filter(|name| !name.is_empty())
    }

    /// The codes that are one edit away from `code`, with their full names: a letter inserted, deleted or replaced, or two
    /// neighbours transposed. Withdrawn codes are left out.
    pub fn similar_codes<'a>(&'a self, code: &str) -> impl Iterator<Item = (Code, &'a str)> {
        let code = code.to_owned();
        let slip = move |entry: &&CodeEntry| {
            !entry.fgi_only && entry.deprecated_on.is_none() && is_one_edit_apart(entry.code.as_str(), &code)
        };
        self.codes.iter().filter(slip).map(|entry| (entry.code, &*entry.name))
    }

    /// The code of the country whose name this is, in upper case and as the register writes it.
    pub(super) fn code_named(&self, name: &str) -> Option<String> {
        let countries = self.codes.iter().filter(|entry| !entry.organisation);
        let mut found = countries.filter(|entry| entry.name.eq_ignore_ascii_case(name));
        found.next().map(|entry| entry.code.to_string())
    }

    /// The entry of the code with this number.
    pub(super) fn entry(&self, number: u16) -> &CodeEntry {
        &self.codes[usize::from(number)]
    }

    /// The organisations of a list whose members on `date` the register does not know.
    pub(super) fn undated<'l>(&self, list: &'l CodeList, date: DocumentDate) -> impl Iterator<Item = &'l str> {
        list.iter().filter(move |code| {
            let place = self.by_code.find(code).and_then(|n| n.checked_sub(self.country_count));
            let membership = place.and_then(|place| self.access.get(usize::from(place)));
            membership.is_some_and(|m| m.listed && m.known_from.is_some_and(|day| date.is_before(day)))
        })
    }

    /// True when legacy EYES ONLY may name `code`.
    pub(super) fn may_be_in_eyes_only(&self, code: &str) -> bool {
        self.rows.eyes.iter().any(|c| c.as_str() == code)
    }

    /// What `control` requires and excludes.
    pub(super) fn row(&self, control: Control) -> &Row {
        &self.rows.controls[control as usize]
    }
}
