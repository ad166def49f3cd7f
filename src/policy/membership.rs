//! Who belongs to which organisation, as policy reads it from the register's data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;

/// The country and organisation codes that policy knows, and the members of the organisations that list them.
///
/// It is read from the same data files as the marking register's, by code of its own: an error in one reading shows
/// as a disagreement between the two checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    countries: BTreeSet<String>,
    organisations: BTreeMap<String, Organisation>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Organisation {
    members: BTreeSet<String>,
    deprecated_on: Option<Date>,
}

/// Register data that policy cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipFault {
    /// Not JSON of the expected shape.
    #[error("{file} does not read: {problem}")]
    Form {
        /// Which of the files.
        file: &'static str,
        /// What was wrong, and where.
        problem: String,
    },
    /// The same code as a country and as an organisation, or twice.
    #[error("{file} lists the code `{code}` again: every code stands for one thing")]
    Twice {
        /// Which of the files.
        file: &'static str,
        /// The code.
        code: String,
    },
}

/// What a code of a list stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    Country,
    Organisation(&'a BTreeSet<String>),
}

#[derive(Deserialize)]
struct CountryFile {
    countries: Vec<CountryRow>,
}

#[derive(Deserialize)]
struct CountryRow {
    code: String,
    deprecated_on: Option<Date>,
}

#[derive(Deserialize)]
struct OrganisationFile {
    tetragraphs: Vec<OrganisationRow>,
}

#[derive(Deserialize)]
struct OrganisationRow {
    code: String,
    deprecated_on: Option<Date>,
    members: Vec<String>,
    membership: String,
}

impl Membership {
    /// The membership data that ships with the gateway.
    ///
    /// # Errors
    /// [`MembershipFault`] never, for the shipped files; a test says so.
    pub fn shipped() -> Result<Membership, MembershipFault> {
        Membership::parse(
            include_str!("../../policy/register/countries.json"),
            include_str!("../../policy/register/tetragraphs.json"),
        )
    }

    /// Reads the register's `countries.json` and `tetragraphs.json`.
    ///
    /// # Errors
    /// [`MembershipFault`] names the file and what is wrong with it.
    pub fn parse(countries: &str, tetragraphs: &str) -> Result<Membership, MembershipFault> {
        let form = |file| move |e: serde_json::Error| MembershipFault::Form { file, problem: e.to_string() };
        let country_rows: CountryFile = serde_json::from_str(countries).map_err(form("countries.json"))?;
        let rows: OrganisationFile = serde_json::from_str(tetragraphs).map_err(form("tetragraphs.json"))?;
        let mut known = Membership { countries: BTreeSet::new(), organisations: BTreeMap::new() };
        for CountryRow { code, deprecated_on } in country_rows.countries {
            // A country code that was withdrawn is left out altogether: no document may be released by it.
            if deprecated_on.is_none() && !known.countries.insert(code.clone()) {
                return Err(MembershipFault::Twice { file: "countries.json", code });
            }
        }
        for row in rows.tetragraphs {
            let file = "tetragraphs.json";
            if known.countries.contains(&row.code) || known.organisations.contains_key(&row.code) {
                return Err(MembershipFault::Twice { file, code: row.code });
            }
            // Only a listed membership releases to anyone by country; suppressed and described ones do not.
            let members = if row.membership == "listed" { row.members.into_iter().collect() } else { BTreeSet::new() };
            known.organisations.insert(row.code, Organisation { members, deprecated_on: row.deprecated_on });
        }
        Ok(known)
    }

    /// This membership with `country` added to `organisation` from `effective` on, if that day has come at `today`;
    /// an organisation that is not known is left unknown.
    pub fn with_accession(mut self, organisation: &str, country: &str, effective: Date, today: Date) -> Membership {
        if effective <= today
            && let Some(known) = self.organisations.get_mut(organisation)
        {
            known.members.insert(country.to_owned());
        }
        self
    }

    /// What `code` stands for in a document of `date`; `None` if it is unknown, or was withdrawn by then, or was
    /// withdrawn at all and the document's date is not known.
    pub(super) fn look_up(&self, code: &str, date: Option<Date>) -> Option<Known<'_>> {
        if self.countries.contains(code) {
            return Some(Known::Country);
        }
        let organisation = self.organisations.get(code)?;
        match (organisation.deprecated_on, date) {
            (None, _) => {}
            (Some(gone), Some(date)) if date < gone => {}
            (Some(_), _) => return None,
        }
        Some(Known::Organisation(&organisation.members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_data_reads() {
        let known = Membership::shipped().unwrap();
        assert!(matches!(known.look_up("GBR", None), Some(Known::Country)));
        assert!(matches!(known.look_up("FVEY", None), Some(Known::Organisation(m)) if m.contains("NZL")));
        assert_eq!(known.look_up("ZZZ", None), None);
    }

    #[test]
    fn a_withdrawn_code_counts_only_in_documents_from_before() {
        let known = Membership::shipped().unwrap();
        let day = |text: &str| Some(text.parse().unwrap());
        assert!(known.look_up("ISAF", day("2016-03-16")).is_some());
        assert_eq!(known.look_up("ISAF", day("2016-03-17")), None);
        assert_eq!(known.look_up("ISAF", None), None);
    }

    #[test]
    fn members_of_an_organisation_that_lists_none_are_nobody() {
        let known = Membership::shipped().unwrap();
        assert!(matches!(known.look_up("KFOR", None), Some(Known::Organisation(m)) if m.is_empty()));
    }

    #[test]
    fn refuses_a_code_that_is_there_twice() {
        let country = |code: &str| format!(r#"{{ "code": "{code}", "deprecated_on": null }}"#);
        let organisation = |code: &str| {
            format!(r#"{{ "code": "{code}", "deprecated_on": null, "members": [], "membership": "listed" }}"#)
        };
        let parse = |countries: &[&str], organisations: &[&str]| {
            let countries: Vec<String> = countries.iter().map(|c| country(c)).collect();
            let organisations: Vec<String> = organisations.iter().map(|c| organisation(c)).collect();
            Membership::parse(
                &format!(r#"{{ "countries": [{}] }}"#, countries.join(",")),
                &format!(r#"{{ "tetragraphs": [{}] }}"#, organisations.join(",")),
            )
        };
        assert!(parse(&["AAA", "BBB"], &["CCCC", "DDDD"]).is_ok());
        assert!(matches!(parse(&["AAA", "AAA"], &[]), Err(MembershipFault::Twice { file: "countries.json", .. })));
        for (countries, organisations) in [(&["AAA"][..], &["AAA"][..]), (&[], &["CCCC", "CCCC"])] {
            let found = parse(countries, organisations);
            assert!(matches!(found, Err(MembershipFault::Twice { file: "tetragraphs.json", .. })), "{found:?}");
        }
    }

    #[test]
    fn an_accession_counts_from_its_day_on_and_for_a_known_organisation_only() {
        let (day, before) = ("2026-11-22".parse().unwrap(), "2026-11-21".parse().unwrap());
        let holds = |known: &Membership| matches!(known.look_up("FVEY", None), Some(Known::Organisation(m)) if m.contains("FRA"));
        let shipped = || Membership::shipped().unwrap();
        assert!(holds(&shipped().with_accession("FVEY", "FRA", day, day)));
        assert!(!holds(&shipped().with_accession("FVEY", "FRA", day, before)));
        assert_eq!(shipped().with_accession("ZZZZ", "FRA", day, day), shipped());
    }
}
