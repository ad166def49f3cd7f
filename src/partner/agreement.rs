//! The agreement with a partner: ceiling, accreditations, kinds, directions, dates and limits of exchanges.

mod check;

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::toml_fields::{each_once, each_once_of_some};
use super::{Limits, Retry, Windows};
use crate::digest::Digest;
use crate::marking::{BY_CONSENT, Level, PartnerKind, PartnerRights};
use crate::time::Time;

pub use check::{AgreementFault, FORMATS};
use check::{check, is_by_consent};

/// An agreement with one partner, parsed from TOML that this node's operator wrote. What it does not grant explicitly is not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The reference of the agreement, as both parties cite it.
    pub id: String,
    /// This node's code in the marking register; `USA` if absent.
    #[serde(default = "united_states")]
    pub ours: String,
    /// The country or organisation that the agreement is with.
    pub party: Party,
    /// The highest classification, on the US scale, that may be exchanged: `U`, `C`, `S` or `TS`.
    pub ceiling: Level,
    /// The accreditations of the link (`SCI:SI`, `NATO-READON`, ...). Consents of sources are not accreditations.
    #[serde(default, deserialize_with = "each_once")]
    pub accreditations: BTreeSet<String>,
    /// The codes that the underlying network is accredited for, listed as in REL TO. The partner must be covered by the list. No
    /// limit if absent.
    #[serde(default, deserialize_with = "each_once_of_some", skip_serializing_if = "Option::is_none")]
    pub network: Option<BTreeSet<String>>,
    /// The kinds of product that may be exchanged.
    #[serde(deserialize_with = "each_once")]
    pub kinds: BTreeSet<String>,
    /// The media types of attachments that may be exchanged; none if absent.
    #[serde(default, deserialize_with = "each_once")]
    pub attachments: BTreeSet<String>,
    /// The output formats that the partner's users get in addition to the product itself: `text`, `markdown`, `json`, `stix`,
    /// `html`. They contain nothing that the product does not.
    #[serde(default, deserialize_with = "each_once", skip_serializing_if = "BTreeSet::is_empty")]
    pub formats: BTreeSet<String>,
    /// Whether this node may send to the partner, and accept from it.
    pub flow: Flow,
    /// The first day (UTC) on which the agreement is in force.
    #[serde(with = "crate::partner::toml_fields")]
    pub valid_from: Date,
    /// The last day (UTC) on which the agreement is in force.
    #[serde(with = "crate::partner::toml_fields")]
    pub valid_until: Date,
    /// The key-exchange and certificate profile of the link: `cnsa2`, `hybrid` or `classical`.
    pub profile: String,
    /// The greatest age of a product, in days since its date; 365 if absent. A product with a future or unknown date is
    /// not sent.
    #[serde(default = "a_year")]
    pub product_age_days_max: u32,
    /// The hours in which a delivery may begin; any hour if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// Whether exchanges of one precedence are delivered in the order of their requests.
    #[serde(default, skip_serializing_if = "Order::is_any")]
    pub order: Order,
    /// Rates and sizes.
    #[serde(default)]
    pub limits: Limits,
    /// Attempts before the exchange is parked for an operator.
    #[serde(default)]
    pub retry: Retry,
}

fn united_states() -> String {
    "USA".to_owned()
}

fn a_year() -> u32 {
    365
}

/// The country or organisation an agreement is with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Whether the code is a country's or an organisation's. An organisation is covered only where its own code is
    /// listed, never through a member.
    pub kind: PartnerKind,
    /// The country trigraph or organisation code, from the marking register.
    pub code: String,
}

/// The directions in which products may be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Whether this node may send to the partner.
    pub send: bool,
    /// Whether this node accepts from the partner.
    pub receive: bool,
}

/// The order in which exchanges of one precedence are delivered. Exchanges of higher precedence come first in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Several at once; a short one may finish before a long one that began earlier.
    #[default]
    Any,
    /// One after the other: the next begins when the previous one has its receipt, or has left the queue (parked, held, cancelled
    /// or expired).
    Fifo,
}

impl Order {
    fn is_any(&self) -> bool {
        *self == Order::Any
    }
}

impl Agreement {
    /// Parses an agreement from its TOML text and checks it.
    ///
    /// # Errors
    /// [`AgreementFault`] names the line or the field, and what was expected.
    pub fn parse(text: &str) -> Result<Agreement, AgreementFault> {
        let agreement: Agreement = toml::from_str(text).map_err(|e| AgreementFault::Form(e.to_string()))?;
        check(&agreement)?;
        Ok(agreement)
    }

    /// The agreement as TOML text; parsing it gives the same agreement.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("an agreement is plain data")
    }

    /// SHA-256 of the agreement's canonical text ([`Agreement::to_toml`]), recorded with every decision under it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_toml().as_bytes())
    }

    /// Whether the agreement is in force at `now`, by UTC date, first and last day included.
    pub fn in_force(&self, now: Time) -> bool {
        (self.valid_from..=self.valid_until).contains(&now.date())
    }

    /// The rights of the link, as input of the marking engine. Consents of sources are added for each product, by
    /// [`Agreement::link_rights_with`].
    pub fn link_rights(&self) -> PartnerRights {
        // `parse` refuses such names; if one is here nevertheless, it grants nothing.
        let standing = self.accreditations.iter().filter(|name| !is_by_consent(name)).cloned();
        let mut link =
            PartnerRights::new(&self.party.code, self.party.kind, self.ceiling, standing).with_home(&self.ours);
        link.network.clone_from(&self.network);
        link
    }

    /// The rights of the link for one product, including what the consents of sources add.
    pub fn link_rights_with(&self, consents: impl IntoIterator<Item = String>) -> PartnerRights {
        let mut link = self.link_rights();
        link.accreditations.extend(consents);
        link
    }

    /// The rights of the link for what the partner may send to this node, which is of the kind `ours`.
    pub fn link_rights_inward(&self, ours: PartnerKind) -> PartnerRights {
        // The sender is responsible for the consents of its sources; they are not required again here.
        let consents = BY_CONSENT.map(str::to_owned);
        let met = self.accreditations.iter().cloned().chain(consents);
        PartnerRights::new(&self.ours, ours, self.ceiling, met).with_home(&self.party.code)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::partner) const TEXT: &str = r#"
        id = "EXERCISE-AGREEMENT-1"
        ceiling = "S"
        kinds = ["report"]
        valid_from = "2026-01-01"
        valid_until = "2026-12-31"
        profile = "cnsa2"
        party = { kind = "country", code = "GBR" }
        flow = { send = true, receive = true }
    "#;

    #[test]
    fn an_agreement_prints_and_parses_to_itself() {
        let windows = "\n[windows]\nopen = [{ days = ['mon'], from = '08:00', until = '18:00' }]\n";
        for text in [TEXT, &format!("product_age_days_max = 30\n{TEXT}{windows}")] {
            let agreement = Agreement::parse(text).unwrap();
            assert_eq!(Agreement::parse(&agreement.to_toml()).unwrap(), agreement);
        }
        assert!(Agreement::parse(&format!("{TEXT}\n[windows]\nopen = []\n")).is_err());
    }

    #[test]
    fn the_sample_parses_and_its_dates_need_no_quotes() {
        let agreement = Agreement::parse(include_str!("../../policy/agreements/sample.toml")).unwrap();
        assert_eq!(agreement.valid_from.to_string(), "2026-01-01");
        assert_eq!((agreement.limits, agreement.retry), (Limits::default(), Retry::default()));
    }

    #[test]
    fn a_product_is_a_year_old_at_most_where_nothing_else_is_agreed() {
        assert_eq!(Agreement::parse(TEXT).unwrap().product_age_days_max, 365);
        let agreed = Agreement::parse(&format!("product_age_days_max = 30\n{TEXT}")).unwrap();
        assert_eq!(agreed.product_age_days_max, 30);
    }

    #[test]
    fn is_in_force_on_its_last_day_and_not_after() {
        let agreement = Agreement::parse(TEXT).unwrap();
        assert!(agreement.in_force("2026-12-31T23:59:59Z".parse().unwrap()));
        assert!(!agreement.in_force("2027-01-01T00:00:00Z".parse().unwrap()));
        assert!(!agreement.in_force("2025-12-31T23:59:59Z".parse().unwrap()));
    }
}
