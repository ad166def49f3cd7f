//! The files of the register as policy reads them, and what can be wrong with them.

use jiff::civil::Date;
use serde::Deserialize;

/// A fault in the register's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipFault {
    /// Not JSON of the expected shape.
    #[error("invalid {file}: {problem}")]
    Form {
        /// Which of the files.
        file: &'static str,
        /// What was wrong, and where.
        problem: String,
    },
    /// The same code as a country and as an organisation, or twice.
    #[error("{file} lists the code `{code}` twice: codes must be unique")]
    Twice {
        /// Which of the files.
        file: &'static str,
        /// The code.
        code: String,
    },
    /// A change of members that refers to no listed membership.
    #[error(
        "{file} changes the members of `{code}` by `{country}`: expected an organisation whose members are listed, and a \
         country of countries.json, which is a member already where the row says since when; correct the row"
    )]
    Change {
        /// Which of the files.
        file: &'static str,
        /// The organisation.
        code: String,
        /// The country.
        country: String,
    },
}

#[derive(Deserialize)]
pub(super) struct CountryFile {
    pub countries: Vec<CountryRow>,
}

#[derive(Deserialize)]
pub(super) struct CountryRow {
    pub code: String,
    pub deprecated_on: Option<Date>,
}

#[derive(Deserialize)]
pub(super) struct OrganisationFile {
    pub tetragraphs: Vec<OrganisationRow>,
    #[serde(default)]
    pub joined: Vec<SinceRow>,
}

#[derive(Deserialize)]
pub(super) struct OrganisationRow {
    pub code: String,
    #[serde(default)]
    pub deprecated_on: Option<Date>,
    #[serde(default)]
    pub members: Vec<String>,
    pub membership: String,
    #[serde(default)]
    pub member_orgs_raw: Vec<String>,
    #[serde(default)]
    pub effective: Option<Date>,
}

#[derive(Deserialize)]
pub(super) struct SinceRow {
    pub code: String,
    pub member: String,
    pub from: Date,
}

/// The operator's changes.
#[derive(Default, Deserialize)]
pub(super) struct ChangesFile {
    #[serde(default)]
    pub overlay: Vec<ChangeRow>,
    #[serde(default)]
    pub tetragraphs: Vec<OrganisationRow>,
    #[serde(default)]
    pub joined: Vec<SinceRow>,
}

#[derive(Deserialize)]
pub(super) struct ChangeRow {
    pub code: String,
    #[serde(default)]
    pub add: Option<String>,
    #[serde(default)]
    pub remove: Option<String>,
    pub effective: Date,
}

pub(super) const COUNTRIES: &str = "countries.json";
pub(super) const ORGANISATIONS: &str = "tetragraphs.json";
pub(super) const OVERLAY: &str = "overlay.json";
