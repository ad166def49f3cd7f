//! Policy's own reading of consents: which of those on record are given for exactly this cut, partner and day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;

use super::terms::ProductTerms;

/// A consent of a source, in plain terms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentTerms {
    /// SHA-256 of its text, hexadecimal: how a cut names it.
    pub id: String,
    /// The condition that it meets: `FGI-CONSENT`, `ORCON-LIST`, `ORIGINATOR:LES`, ...
    pub condition: String,
    /// Whose information it is: a code, `concealed`, or an originator.
    pub source: String,
    /// The partners it may go to, by name.
    pub partners: BTreeSet<String>,
    /// First day on which it counts.
    pub from: Date,
    /// Last day on which it counts.
    pub until: Date,
    /// The number of the one product, if it is for one.
    pub product: Option<String>,
    /// The digest of the one product, if it is for one.
    pub digest: Option<String>,
    /// The kind of the products, if it is for a class.
    pub kind: Option<String>,
    /// The subject of the products, if it is for a class of one.
    pub subject: Option<String>,
}

/// The release for which consents are looked up.
pub(super) struct ConsentQuery<'a> {
    pub partner: &'a str,
    /// The partner's code.
    pub code: &'a str,
    /// The kind of product.
    pub kind: &'a str,
    pub product: &'a ProductTerms,
    /// The consents that the cut names, by their digests.
    pub listed: &'a BTreeSet<String>,
    pub day: Date,
}

/// The conditions that consents meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GrantedConsents {
    /// Codes of the governments and organisations that consented, or need not be asked.
    pub sources: BTreeSet<String>,
    /// Other conditions that are met.
    pub conditions: BTreeSet<String>,
}

/// The rules' name for the consent of a concealed source.
const CONCEALED_SOURCE: &str = "CONCEALED-SOURCE";

impl ConsentQuery<'_> {
    /// The conditions that `consents` meet for this release.
    pub fn given(&self, consents: &[ConsentTerms]) -> GrantedConsents {
        let mut given = GrantedConsents::default();
        // The partner needs no consent for its own information.
        given.sources.insert(self.code.to_owned());
        for consent in consents.iter().filter(|consent| self.is_given_by(consent)) {
            match (consent.condition.as_str(), consent.source.as_str()) {
                ("FGI-CONSENT", "concealed") => given.conditions.insert(CONCEALED_SOURCE.to_owned()),
                ("FGI-CONSENT", code) => given.sources.insert(code.to_owned()),
                // Only the originator of this product can lift originator control.
                ("ORCON-LIST", originator) if originator != self.product.originator => false,
                // A consent cannot claim a concealed source by this name.
                (CONCEALED_SOURCE, _) => false,
                (condition, _) => given.conditions.insert(condition.to_owned()),
            };
        }
        given
    }

    fn is_given_by(&self, consent: &ConsentTerms) -> bool {
        let ConsentTerms { id, condition: _, source: _, partners, from, until, product, digest, kind, subject } =
            consent;
        let same = |stated: &Option<String>, found: &str| stated.as_deref().is_none_or(|stated| stated == found);
        let bounded = product.is_some() || digest.is_some() || kind.is_some();
        bounded
            && self.listed.contains(id)
            && partners.contains(self.partner)
            && *from <= self.day
            && self.day <= *until
            && same(product, &self.product.number)
            && same(digest, &self.product.digest)
            && same(kind, self.kind)
            && subject.as_ref().is_none_or(|subject| self.product.subjects.contains(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent() -> ConsentTerms {
        ConsentTerms {
            id: "one".into(),
            condition: "FGI-CONSENT".into(),
            source: "DEU".into(),
            partners: ["exercise-gbr".to_owned()].into(),
            from: "2026-11-01".parse().unwrap(),
            until: "2026-11-30".parse().unwrap(),
            product: Some("EXERCISE-1".into()),
            digest: None,
            kind: None,
            subject: None,
        }
    }

    fn given(consent: ConsentTerms) -> GrantedConsents {
        let product = ProductTerms {
            number: "EXERCISE-1".into(),
            digest: "00".into(),
            subjects: ["EXERCISE convoys".to_owned()].into(),
            originator: "EXERCISE DESK".into(),
        };
        let sought = ConsentQuery {
            partner: "exercise-gbr",
            code: "GBR",
            kind: "report",
            product: &product,
            listed: &["one".to_owned()].into(),
            day: "2026-11-22".parse().unwrap(),
        };
        sought.given(&[consent])
    }

    fn codes(given: &GrantedConsents) -> Vec<&str> {
        given.sources.iter().chain(&given.conditions).map(String::as_str).collect()
    }

    #[test]
    fn a_consent_that_fits_in_everything_is_given_and_one_that_differs_in_anything_is_not() {
        assert_eq!(codes(&given(consent())), ["DEU", "GBR"]);
        let today = "2026-11-22".parse().unwrap();
        assert_eq!(codes(&given(ConsentTerms { from: today, until: today, ..consent() })), ["DEU", "GBR"]);
        let spoilt: [fn(&mut ConsentTerms); 9] = [
            |c| c.id = "two".into(),
            |c| c.partners = ["exercise-nzl".to_owned()].into(),
            |c| c.from = "2026-11-23".parse().unwrap(),
            |c| c.until = "2026-11-21".parse().unwrap(),
            |c| c.product = Some("EXERCISE-2".into()),
            |c| c.product = None,
            |c| (c.product, c.digest) = (None, Some("01".into())),
            |c| (c.product, c.kind) = (None, Some("image".into())),
            |c| (c.product, c.kind, c.subject) = (None, Some("report".into()), Some("EXERCISE ships".into())),
        ];
        for spoil in spoilt {
            let mut consent = consent();
            spoil(&mut consent);
            assert_eq!(codes(&given(consent.clone())), ["GBR"], "{consent:?}");
        }
    }

    #[test]
    fn a_concealed_source_and_an_originator_meet_a_condition_and_are_no_code() {
        let concealed = ConsentTerms { source: "concealed".into(), ..consent() };
        assert_eq!(codes(&given(concealed)), ["GBR", "CONCEALED-SOURCE"]);
        let orcon = |source: &str| ConsentTerms { condition: "ORCON-LIST".into(), source: source.into(), ..consent() };
        assert_eq!(codes(&given(orcon("EXERCISE DESK"))), ["GBR", "ORCON-LIST"]);
        assert_eq!(codes(&given(orcon("EXERCISE OTHER DESK"))), ["GBR"]);
        let control =
            |condition: &str| ConsentTerms { condition: condition.into(), source: "EXERCISE".into(), ..consent() };
        assert_eq!(codes(&given(control("ORIGINATOR:LES"))), ["GBR", "ORIGINATOR:LES"]);
        assert_eq!(codes(&given(control("CONCEALED-SOURCE"))), ["GBR"]);
    }
}
