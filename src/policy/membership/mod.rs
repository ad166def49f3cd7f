//! Membership: who belongs to which organisation, as the policy reads it from the register's data.
//!
//! It reads the files by itself and shares no code with `marking`, so that a fault in one of the two does not decide alone. It
//! refuses files of another form, and a code that is listed twice.

mod files;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

pub use files::MembershipFault;
use files::{
    COUNTRIES, ChangeRow, ChangesFile, CountryFile, CountryRow, ORGANISATIONS, OVERLAY, OrganisationFile,
    OrganisationRow, SinceRow,
};

/// The country and organisation codes that policy knows, and the members of the organisations that list them.
///
/// It is read from the same data files as the marking register's, by code of its own: an error in one reading shows
/// as a disagreement between the two checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    countries: BTreeSet<String>,
    organisations: BTreeMap<String, Organisation>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Organisation {
    members: Vec<Member>,
    /// Organisations that it consists of.
    contains: BTreeSet<String>,
    exists_from: Option<Date>,
    deprecated_on: Option<Date>,
}

/// One country as a member: in documents of that day or later, or in all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    country: String,
    from: Option<Date>,
}

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Party<'a> {
    Country,
    /// Its members in a document of the date that was asked about.
    Organisation(BTreeSet<&'a str>),
}

/// A code that is valid in lists of foreign sources only: nothing is released to it.
const SOURCE_ONLY: &str = "AX1";

impl Membership {
    /// The membership data that ships with the gateway, without an overlay.
    ///
    /// # Errors
    /// [`MembershipFault`] never, for the shipped files; a test says so.
    pub fn shipped() -> Result<Membership, MembershipFault> {
        Membership::parse(
            include_str!("../../../policy/register/countries.json"),
            include_str!("../../../policy/register/tetragraphs.json"),
            None,
        )
    }

    /// Reads the register's `countries.json` and `tetragraphs.json`, and the operator's `overlay.json` where there is one.
    ///
    /// # Errors
    /// [`MembershipFault`] names the file and what is wrong with it.
    pub fn parse(countries: &str, tetragraphs: &str, overlay: Option<&str>) -> Result<Membership, MembershipFault> {
        let form = |file| move |e: serde_json::Error| MembershipFault::Form { file, problem: e.to_string() };
        let country_rows: CountryFile = serde_json::from_str(countries).map_err(form(COUNTRIES))?;
        let rows: OrganisationFile = serde_json::from_str(tetragraphs).map_err(form(ORGANISATIONS))?;
        let changes: ChangesFile =
            overlay.map_or_else(|| Ok(ChangesFile::default()), serde_json::from_str).map_err(form(OVERLAY))?;
        let mut known = Membership { countries: BTreeSet::new(), organisations: BTreeMap::new() };
        for CountryRow { code, deprecated_on } in country_rows.countries {
            // A country code that was withdrawn is left out altogether: no document may be released by it.
            if deprecated_on.is_none() && !known.countries.insert(code.clone()) {
                return Err(MembershipFault::Twice { file: COUNTRIES, code });
            }
        }
        rows.tetragraphs.into_iter().try_for_each(|row| known.organisation(ORGANISATIONS, row))?;
        changes.tetragraphs.into_iter().try_for_each(|row| known.organisation(OVERLAY, row))?;
        rows.joined.into_iter().try_for_each(|row| known.since(ORGANISATIONS, row))?;
        changes.joined.into_iter().try_for_each(|row| known.since(OVERLAY, row))?;
        // A departure overrides every other change, so departures are applied last.
        let (left, added): (Vec<_>, Vec<_>) = changes.overlay.into_iter().partition(|row| row.remove.is_some());
        added.into_iter().chain(left).try_for_each(|row| known.change(row))?;
        Ok(known)
    }

    fn organisation(&mut self, file: &'static str, row: OrganisationRow) -> Result<(), MembershipFault> {
        let OrganisationRow { code, deprecated_on, members, membership, member_orgs_raw, effective } = row;
        if self.countries.contains(&code) || self.organisations.contains_key(&code) {
            return Err(MembershipFault::Twice { file, code });
        }
        // Only a listed membership releases to anyone by country; suppressed and described ones do not.
        let members = if membership == "listed" { members } else { Vec::new() };
        let organisation = Organisation {
            members: members.into_iter().map(|country| Member { country, from: None }).collect(),
            contains: member_orgs_raw.into_iter().collect(),
            exists_from: effective,
            deprecated_on,
        };
        self.organisations.insert(code, organisation);
        Ok(())
    }

    /// Sets the day from which a listed member counts, here and in every organisation that contains this one.
    fn since(&mut self, file: &'static str, row: SinceRow) -> Result<(), MembershipFault> {
        let SinceRow { code, member, from } = row;
        let is_member = |organisation: &Organisation| organisation.members.iter().any(|known| known.country == member);
        if !self.organisations.get(&code).is_some_and(is_member) {
            return Err(MembershipFault::Change { file, code, country: member });
        }
        for known in self.with_and_around(&code).flat_map(|organisation| &mut organisation.members) {
            if known.country == member {
                known.from = Some(known.from.map_or(from, |before| before.max(from)));
            }
        }
        Ok(())
    }

    fn change(&mut self, row: ChangeRow) -> Result<(), MembershipFault> {
        let ChangeRow { code, add, remove, effective } = row;
        let listed = |of: &Organisation| !of.members.is_empty();
        let named: Vec<String> = [&add, &remove].into_iter().flatten().cloned().collect();
        let all_known = named.iter().all(|country| self.countries.contains(country));
        if !all_known || !self.organisations.get(&code).is_some_and(listed) {
            return Err(MembershipFault::Change { file: OVERLAY, code, country: named.join(", ") });
        }
        if let (Some(country), Some(organisation)) = (add, self.organisations.get_mut(&code)) {
            organisation.members.push(Member { country, from: Some(effective) });
        }
        // A departure counts for documents of every date, and wherever the organisation is part of another.
        if let Some(country) = remove {
            self.with_and_around(&code).for_each(|of| of.members.retain(|member| member.country != country));
        }
        Ok(())
    }

    /// The organisation of this code, and those that it is part of.
    fn with_and_around(&mut self, code: &str) -> impl Iterator<Item = &mut Organisation> {
        let holds = move |own: &str, of: &Organisation| own == code || of.contains.contains(code);
        self.organisations.iter_mut().filter_map(move |(own, of)| holds(own, of).then_some(of))
    }

    /// Whether `code` may stand in a list of foreign sources of a document of `date`.
    pub(super) fn is_source(&self, code: &str, date: Option<Date>) -> bool {
        code == SOURCE_ONLY || self.look_up(code, date).is_some()
    }

    /// What `code` stands for in a document of `date`; `None` if it is unknown, did not exist then, or was withdrawn by
    /// then, and also where one of the two depends on a date that is not known.
    pub(super) fn look_up(&self, code: &str, date: Option<Date>) -> Option<Party<'_>> {
        if self.countries.contains(code) {
            return Some(Party::Country);
        }
        let organisation = self.organisations.get(code)?;
        // What depends on a date that is not known counts as not yet begun, and as over.
        let begun = |from: Option<Date>| from.is_none_or(|from| date.is_some_and(|date| date >= from));
        let over = organisation.deprecated_on.is_some_and(|gone| date.is_none_or(|date| date >= gone));
        if over || !begun(organisation.exists_from) {
            return None;
        }
        let members = organisation.members.iter().filter(|member| begun(member.from));
        Some(Party::Organisation(members.map(|member| member.country.as_str()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_data_reads() {
        let known = Membership::shipped().unwrap();
        assert!(matches!(known.look_up("GBR", None), Some(Party::Country)));
        assert!(matches!(known.look_up("FVEY", None), Some(Party::Organisation(m)) if m.contains("NZL")));
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
        assert!(matches!(known.look_up("KFOR", None), Some(Party::Organisation(m)) if m.is_empty()));
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
                None,
            )
        };
        assert!(parse(&["AAA", "BBB"], &["CCCC", "DDDD"]).is_ok());
        assert!(matches!(parse(&["AAA", "AAA"], &[]), Err(MembershipFault::Twice { file: "countries.json", .. })));
        for (countries, organisations) in [(&["AAA"][..], &["AAA"][..]), (&[], &["CCCC", "CCCC"])] {
            let found = parse(countries, organisations);
            assert!(matches!(found, Err(MembershipFault::Twice { file: "tetragraphs.json", .. })), "{found:?}");
        }
    }

    fn member(known: &Membership, code: &str, country: &str, day: Option<&str>) -> bool {
        let day = day.map(|day| day.parse().unwrap());
        matches!(known.look_up(code, day), Some(Party::Organisation(members)) if members.contains(country))
    }

    fn with_overlay(overlay: &str) -> Result<Membership, MembershipFault> {
        Membership::parse(
            include_str!("../../../policy/register/countries.json"),
            include_str!("../../../policy/register/tetragraphs.json"),
            Some(overlay),
        )
    }

    #[test]
    fn an_accession_of_the_overlay_counts_in_documents_from_its_day_on() {
        let known = with_overlay(include_str!("../../../policy/register/overlay.json")).unwrap();
        for (country, day, is) in [
            ("FIN", Some("2023-04-04"), true),
            ("FIN", Some("2023-04-03"), false),
            ("FIN", None, false),
            ("SWE", Some("2024-03-07"), true),
            ("SWE", Some("2024-03-06"), false),
            ("FRA", None, true),
        ] {
            // The shipped overlay says it of the organisation that NATO is part of, too: a widening is written down, never
            // worked out.
            for code in ["NATO", "GMIF"] {
                assert_eq!(member(&known, code, country, day), is, "{code} {country} {day:?}");
            }
        }
        assert!(!member(&Membership::shipped().unwrap(), "NATO", "FIN", Some("2024-01-01")));
    }

    #[test]
    fn a_member_that_joined_later_is_in_no_document_of_before() {
        let known = Membership::shipped().unwrap();
        for (code, country, day, is) in [
            ("NATO", "ALB", Some("2008-12-31"), false),
            ("NATO", "ALB", Some("2009-04-01"), true),
            ("NATO", "MKD", Some("2020-03-26"), false),
            ("NATO", "MKD", Some("2020-03-27"), true),
            ("NATO", "MKD", None, false),
            ("NATO", "FRA", Some("1995-01-01"), true),
            ("GMIF", "MNE", Some("2017-06-04"), false),
            ("GMIF", "MNE", Some("2017-06-05"), true),
            ("BWCS", "MNE", Some("2017-06-04"), true),
        ] {
            assert_eq!(member(&known, code, country, day), is, "{code} {country} {day:?}");
        }
    }

    #[test]
    fn a_departure_counts_at_once_wherever_the_organisation_is_part_of_another() {
        let left = r#"{ "overlay": [{ "code": "NATO", "remove": "TUR", "effective": "2030-01-01" }] }"#;
        let known = with_overlay(left).unwrap();
        for code in ["NATO", "GMIF"] {
            assert!(!member(&known, code, "TUR", Some("2020-06-01")), "{code}");
            assert!(member(&known, code, "FRA", Some("2020-06-01")), "{code}");
        }
        assert!(member(&known, "NSG", "TUR", Some("2020-06-01")));
    }

    #[test]
    fn a_new_organisation_exists_from_its_day_on() {
        let known = with_overlay(
            r#"{ "tetragraphs": [{ "code": "XEXR", "membership": "listed", "members": ["DEU"], "effective": "2024-06-01" }] }"#,
        )
        .unwrap();
        assert!(member(&known, "XEXR", "DEU", Some("2024-06-01")));
        for day in [None, Some("2024-05-31".parse().unwrap())] {
            assert_eq!(known.look_up("XEXR", day), None, "{day:?}");
        }
    }

    #[test]
    fn refuses_an_overlay_about_what_is_not_there() {
        for overlay in [
            "x",
            r#"{ "overlay": [{ "code": "NATU", "add": "FIN", "effective": "2024-01-01" }] }"#,
            r#"{ "overlay": [{ "code": "NATO", "add": "FNL", "effective": "2024-01-01" }] }"#,
            r#"{ "overlay": [{ "code": "KFOR", "add": "FIN", "effective": "2024-01-01" }] }"#,
            r#"{ "overlay": [{ "code": "NATO", "add": "FIN", "effective": "soon" }] }"#,
            r#"{ "joined": [{ "code": "NATO", "member": "CHE", "from": "2024-01-01" }] }"#,
            r#"{ "tetragraphs": [{ "code": "FVEY", "membership": "listed", "members": ["FRA"] }] }"#,
        ] {
            assert!(with_overlay(overlay).is_err(), "{overlay}");
        }
        assert!(with_overlay("{}").is_ok());
    }

    #[test]
    fn what_stands_in_lists_of_sources_only_is_a_source_and_nothing_else() {
        let known = Membership::shipped().unwrap();
        assert!(known.is_source("AX1", None) && known.is_source("DEU", None) && !known.is_source("QQQ", None));
        assert_eq!(known.look_up("AX1", None), None);
    }
}
