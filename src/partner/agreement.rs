//! What may flow to and from a partner: ceiling, accreditations, kinds, directions, dates, limits.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Windows;
use super::named::{is_kind, is_known, is_media_type};
use super::toml_date::{each_once, each_once_of_some};
use crate::digest::Digest;
use crate::marking::{BY_CONSENT, Level, LinkRights, PartnerKind, accreditation};
use crate::time::Time;
use crate::unseen;

/// An agreement with one partner, read from TOML that our operator wrote. Every field that grants something must be
/// present: an agreement that is silent grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The agreement's reference, as both parties cite it.
    pub id: String,
    /// The code of our own side, in the terms of the marking register; `USA` if left out.
    #[serde(default = "united_states")]
    pub ours: String,
    /// Whom it is with, in the terms of the marking register.
    pub party: Party,
    /// The highest classification, on the US scale, that may flow: `U`, `C`, `S` or `TS`.
    pub ceiling: Level,
    /// What the link is accredited or authorised for, as the conditions name it (`SCI:SI`, `NATO-READON`, ...). What only
    /// the consent of a source lifts is never among them.
    #[serde(default, deserialize_with = "each_once")]
    pub accreditations: BTreeSet<String>,
    /// What the network under the link may carry, as a list of codes like that of REL TO: the partner must be in it, by
    /// name or as a listed member. No bound of its own if left out.
    #[serde(default, deserialize_with = "each_once_of_some", skip_serializing_if = "Option::is_none")]
    pub network: Option<BTreeSet<String>>,
    /// Kinds of product that may flow, as products name them.
    #[serde(deserialize_with = "each_once")]
    pub kinds: BTreeSet<String>,
    /// Media types an attachment may have; none if left out.
    #[serde(default, deserialize_with = "each_once")]
    pub attachments: BTreeSet<String>,
    /// The renderings that the partner's people are handed beside the product: `text`, `markdown`, `json`, `stix`,
    /// `html`. The product itself, which is text, always goes; a rendering holds nothing that it does not.
    #[serde(default, deserialize_with = "each_once", skip_serializing_if = "BTreeSet::is_empty")]
    pub formats: BTreeSet<String>,
    /// Whether we may send to them, and accept from them.
    pub flow: Flow,
    /// First day on which anything may flow.
    #[serde(with = "crate::partner::toml_date")]
    pub valid_from: Date,
    /// Last day on which anything may flow.
    #[serde(with = "crate::partner::toml_date")]
    pub valid_until: Date,
    /// The key-exchange and certificate profile of the link: `cnsa2`, `hybrid` or `classical`.
    pub profile: String,
    /// The greatest age of a product, in days since its date; 365 if left out. A product dated in the future, or whose
    /// date is not known, is never sent.
    #[serde(default = "a_year")]
    pub product_age_days_max: u32,
    /// The hours in which a delivery may begin; any hour if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// Whether exchanges of one precedence go one after the other, in the order of their requests.
    #[serde(default, skip_serializing_if = "Order::is_any")]
    pub order: Order,
    /// How much, how fast.
    #[serde(default)]
    pub limits: Limits,
    /// How often delivery is tried before the exchange is parked for an operator.
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
    /// The trigraph or organisation code of the marking register.
    pub code: String,
}

/// The directions in which products may flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// We may send to them.
    pub send: bool,
    /// We accept from them.
    pub receive: bool,
}

/// In what order exchanges of one precedence go to the partner. The more urgent overtake in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Several at once; a small one may pass a large one.
    #[default]
    Any,
    /// One after the other: the next is begun when the one before it has its receipt, or has left the queue (parked,
    /// held, cancelled or expired).
    Fifo,
}

impl Order {
    fn is_any(&self) -> bool {
        *self == Order::Any
    }
}

/// Rate and size limits, applied alike to what we send and what we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Offers a minute, averaged.
    pub offers_per_minute: u32,
    /// Offers that may come at once.
    pub offers_burst: u32,
    /// Payload bytes a second, averaged.
    pub bytes_per_second: u32,
    /// Payload bytes that may come at once.
    pub bytes_burst: u32,
    /// Exchanges in progress at once.
    pub concurrent: u32,
    /// The largest sealed payload, in bytes.
    pub payload_bytes_max: u64,
    /// Exchanges a day, by UTC date.
    pub daily_exchanges: u64,
    /// Payload bytes a day, by UTC date.
    pub daily_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            offers_per_minute: 600,
            offers_burst: 100,
            bytes_per_second: 64 * 1024 * 1024,
            bytes_burst: 64 * 1024 * 1024,
            concurrent: 16,
            payload_bytes_max: 64 * 1024 * 1024,
            daily_exchanges: 100_000,
            daily_bytes: 1 << 40,
        }
    }
}

/// Delivery attempts: exponential with a cap, and then the exchange is parked where an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts before parking.
    pub attempts_max: u32,
    /// Wait after the first failure, in milliseconds; doubled after each further one.
    pub wait_ms: u64,
    /// The longest wait between attempts, in milliseconds.
    pub wait_ms_max: u64,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts_max: 200, wait_ms: 500, wait_ms_max: 60_000 }
    }
}

impl Retry {
    /// How long to wait after `attempts` failures, or `None` when it is time to park. `jitter` in 0..=255 shortens
    /// the wait by up to a quarter, so that partners who failed together do not come back together.
    pub fn wait_after(&self, attempts: u32, jitter: u8) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let doubled = self.wait_ms.saturating_mul(1u64 << attempts.saturating_sub(1).min(20));
        let capped = doubled.min(self.wait_ms_max);
        Some(Duration::from_millis(capped - capped / 4 * u64::from(jitter) / 255))
    }
}

/// The renderings that an agreement may name, as `product` has them.
pub const FORMATS: [&str; 5] = ["html", "json", "markdown", "stix", "text"];

/// What is wrong with an agreement's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementFault {
    /// Not TOML of the expected shape.
    #[error("agreement does not read: {0}")]
    Form(String),
    /// A value that no agreement may have.
    #[error("agreement field `{field}` {problem}")]
    Value {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it and what is expected.
        problem: String,
    },
}

impl Agreement {
    /// Reads an agreement from its TOML text.
    ///
    /// # Errors
    /// [`AgreementFault`] names the line or the field, and what was expected.
    pub fn parse(text: &str) -> Result<Agreement, AgreementFault> {
        let agreement: Agreement = toml::from_str(text).map_err(|e| AgreementFault::Form(e.to_string()))?;
        agreement.check()?;
        Ok(agreement)
    }

    /// The agreement as TOML text; parsing it gives the same agreement.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("an agreement is plain data")
    }

    /// SHA-256 of the agreement's canonical text, recorded with every decision taken under it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_toml().as_bytes())
    }

    /// Whether the agreement is in force at `now`, by UTC date, both ends included.
    pub fn in_force(&self, now: Time) -> bool {
        (self.valid_from..=self.valid_until).contains(&now.date())
    }

    /// What the marking engine needs to know of the link to decide access. The consents of sources come on top, product
    /// by product: see [`Agreement::link_rights_with`].
    pub fn link_rights(&self) -> LinkRights {
        // No agreement reads with such a name in it; one that came by it otherwise grants nothing by it.
        let standing = self.accreditations.iter().filter(|name| !is_by_consent(name)).cloned();
        let mut link =
            LinkRights::new(&self.party.code, self.party.kind, self.ceiling, standing).at_home_in(&self.ours);
        link.network.clone_from(&self.network);
        link
    }

    /// The same rights, with those that consents of sources give the link for one product.
    pub fn link_rights_with(&self, consents: impl IntoIterator<Item = String>) -> LinkRights {
        let mut link = self.link_rights();
        link.accreditations.extend(consents);
        link
    }

    /// The same rights read the other way: what this partner may let come to us, who are of this kind.
    pub fn link_rights_inward(&self, ours: PartnerKind) -> LinkRights {
        // Whoever sends something needs the consent of those whose it is, and has it on record; nobody asks them again.
        let consents = BY_CONSENT.map(str::to_owned);
        let met = self.accreditations.iter().cloned().chain(consents);
        LinkRights::new(&self.ours, ours, self.ceiling, met).at_home_in(&self.party.code)
    }

    fn check(&self) -> Result<(), AgreementFault> {
        let fault = |field, problem: &str| Err(AgreementFault::Value { field, problem: problem.into() });
        if !unseen::is_plain(&self.id, 100) {
            return fault("id", "must be 1 to 100 printable characters");
        }
        if self.party.code == self.ours {
            return fault("party.code", "is our own: a partner is foreign");
        }
        if self.party.code.is_empty()
            || !self.party.code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            return fault("party.code", "must be a trigraph or organisation code of the register, in capitals");
        }
        if let Some(name) = self.accreditations.iter().find(|name| is_by_consent(name)) {
            let problem = format!(
                "must not name `{name}`: a source consents to one product or a bounded class of them, not to a link; take \
                 it out, and record each consent by itself with `change propose --consent NAME=FILE --out CHANGE`"
            );
            return fault("accreditations", &problem);
        }
        if let Some(name) = self.accreditations.iter().find(|name| !accreditation::is_accreditation(name)) {
            let name: String = name.chars().filter(|c| !unseen::is_unseen(*c)).take(60).collect();
            let meant = accreditation::meant_by(&name);
            return fault("accreditations", &format!("holds `{name}`, which no condition asks for: {meant}"));
        }
        let plain = |text: &str| -> String { text.chars().filter(|c| !unseen::is_unseen(*c)).take(60).collect() };
        if self.kinds.is_empty() {
            let meant = "name each, such as `report`, and use `flow` where nothing may go one way";
            return fault("kinds", &format!("names none, so that nothing could ever go: {meant}"));
        }
        if let Some(kind) = self.kinds.iter().find(|kind| !is_kind(kind)) {
            let form = "1 to 32 lower-case letters, digits and `-`, starting with a letter";
            return fault(
                "kinds",
                &format!("names `{}`, which no product says of itself: expected {form}", plain(kind)),
            );
        }
        if let Some(kind) = self.attachments.iter().find(|kind| !is_media_type(kind)) {
            let form = "each by its whole name in lower case, such as `text/csv`";
            return fault("attachments", &format!("names `{}`, which no attachment is: expected {form}", plain(kind)));
        }
        if self.network.as_ref().is_some_and(BTreeSet::is_empty) {
            let meant = "leave it out for a network without a bound, and use `flow.send = false` where nothing may go";
            return fault("network", &format!("names nobody, so that nothing could ever go: {meant}"));
        }
        if let Some(code) = self.network.iter().flatten().find(|code| !is_known(code)) {
            let code: String = code.chars().filter(|c| !unseen::is_unseen(*c)).take(60).collect();
            return fault("network", &format!("names `{code}`, which is no code of the marking register, in capitals"));
        }
        if self.ceiling == Level::Restricted {
            // A ceiling is on the US scale, which has no such level.
            return fault("ceiling", "must be `U`, `C`, `S` or `TS`");
        }
        if self.formats.iter().any(|f| !FORMATS.contains(&f.as_str())) {
            return fault("formats", "must be of `text`, `markdown`, `json`, `stix` and `html`");
        }
        if self.valid_until < self.valid_from {
            return fault("valid_until", "is before `valid_from`");
        }
        if !["cnsa2", "hybrid", "classical"].contains(&self.profile.as_str()) {
            return fault("profile", "must be `cnsa2`, `hybrid` or `classical`");
        }
        let l = &self.limits;
        if l.offers_per_minute == 0
            || l.offers_burst == 0
            || l.bytes_per_second == 0
            || l.bytes_burst == 0
            || l.concurrent == 0
            || l.daily_exchanges == 0
            || l.daily_bytes == 0
        {
            return fault("limits", "must all be above zero: use `partner suspend` to stop a partner");
        }
        if let Some(problem) = self.windows.as_ref().and_then(Windows::fault) {
            return fault("windows", problem);
        }
        if self.retry.attempts_max == 0 || self.retry.wait_ms == 0 {
            return fault("retry", "must allow at least one attempt, with a wait above zero");
        }
        Ok(())
    }
}

/// Whether an accreditation would stand for the consent of a source, of one or of all.
fn is_by_consent(name: &str) -> bool {
    BY_CONSENT.contains(&name) || BY_CONSENT.contains(&name.split(':').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
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
    fn the_sample_reads_and_its_dates_need_no_quotes() {
        let agreement = Agreement::parse(include_str!("../../policy/agreements/sample.toml")).unwrap();
        assert_eq!(agreement.valid_from.to_string(), "2026-01-01");
        assert_eq!((agreement.limits, agreement.retry), (Limits::default(), Retry::default()));
    }

    #[test]
    fn names_the_renderings_that_there_are_and_none_unless_it_says_so() {
        let silent = Agreement::parse(TEXT).unwrap();
        assert!(silent.formats.is_empty() && !silent.to_toml().contains("formats"));
        let named =
            Agreement::parse(&TEXT.replace("kinds = ", "formats = [\"text\", \"html\"]\n        kinds = ")).unwrap();
        assert_eq!(named.formats.iter().map(String::as_str).collect::<Vec<_>>(), ["html", "text"]);
        assert_eq!(Agreement::parse(&named.to_toml()).unwrap(), named);
    }

    #[test]
    fn refuses_a_standing_consent_and_says_where_consents_are_recorded() {
        for name in ["FGI-CONSENT", "FGI-CONSENT:DEU", "ORCON-LIST"] {
            let text =
                TEXT.replace("kinds = ", &format!("accreditations = [\"SCI:SI\", \"{name}\"]\n        kinds = "));
            let fault = Agreement::parse(&text).unwrap_err().to_string();
            assert!(fault.contains(name) && fault.contains("--consent"), "{fault}");
            assert!(Agreement::parse(&text.replace(&format!(", \"{name}\""), "")).is_ok());
        }
    }

    #[test]
    fn refuses_accreditations_that_nothing_asks_for_and_says_what_was_meant() {
        let with = |name: &str| TEXT.replace("kinds = ", &format!("accreditations = [\"{name}\"]\n        kinds = "));
        for name in ["NATO-READON", "AEA-AGREEMENT", "SCI:SI", "SCI:SI-EU", "SAP:EXERCISE"] {
            assert!(Agreement::parse(&with(name)).is_ok(), "{name}");
        }
        let twice = Agreement::parse(&with("SCI:SI\", \"SCI:TK\", \"SCI:SI")).unwrap_err().to_string();
        assert!(twice.contains("`SCI:SI` is there twice"), "{twice}");
        for (name, meant) in [
            ("NATO", "is `NATO-READON` meant?"),
            ("SCI:sI", "is `SCI:SI` meant?"),
            ("ORCON", "`ORCON-LIST` is a consent"),
            ("LES", "`ORIGINATOR:LES` is a consent"),
            ("EXERCISE WEATHER", "expected AEA-AGREEMENT"),
        ] {
            let fault = Agreement::parse(&with(name)).unwrap_err().to_string();
            assert!(fault.contains(meant), "{fault}");
        }
    }

    #[test]
    fn bounds_the_network_by_codes_of_the_register() {
        let with = |network: &str| TEXT.replace("kinds = ", &format!("network = {network}\n        kinds = "));
        let bound = Agreement::parse(&with("[\"USA\", \"FVEY\"]")).unwrap();
        assert_eq!(bound.link_rights().network, Some(["FVEY".to_owned(), "USA".to_owned()].into()));
        assert_eq!(Agreement::parse(&bound.to_toml()).unwrap(), bound);
        let nobody = Agreement::parse(&with("[]")).unwrap_err().to_string();
        assert!(nobody.contains("network") && nobody.contains("leave it out"), "{nobody}");
        assert_eq!(Agreement::parse(TEXT).unwrap().link_rights().network, None);
        for code in ["gbr", "XYZZY", "Britain"] {
            let fault = Agreement::parse(&with(&format!("[\"{code}\"]"))).unwrap_err().to_string();
            assert!(fault.contains(code) && fault.contains("network"), "{fault}");
        }
    }

    #[test]
    fn names_each_kind_and_type_once_and_as_products_write_it() {
        let with = |from: &str, to: &str| Agreement::parse(&TEXT.replacen(from, to, 1)).map_err(|e| e.to_string());
        let kinds = |kinds: &str| with("kinds = [\"report\"]", &format!("kinds = {kinds}"));
        let types = |types: &str| with("kinds = ", &format!("attachments = {types}\n        kinds = "));
        assert!(kinds("[\"report\", \"image-2\"]").is_ok() && types("[\"text/csv\", \"image/png\"]").is_ok());
        for (found, said) in [
            (kinds("[]"), "nothing could ever go"),
            (kinds("[\"Report\"]"), "`Report`"),
            (kinds("[\"report\", \"report\"]"), "`report` is there twice"),
            (types("[\"foo\"]"), "`foo`"),
            (types("[\"image/*\"]"), "`image/*`"),
            (types("[\"TEXT/CSV\"]"), "`TEXT/CSV`"),
        ] {
            let fault = found.unwrap_err();
            assert!(fault.contains(said), "{said}: {fault}");
        }
    }

    #[test]
    fn a_product_is_a_year_old_at_most_where_nothing_else_is_agreed() {
        assert_eq!(Agreement::parse(TEXT).unwrap().product_age_days_max, 365);
        let agreed = Agreement::parse(&format!("product_age_days_max = 30\n{TEXT}")).unwrap();
        assert_eq!(agreed.product_age_days_max, 30);
    }

    #[test]
    fn refuses_what_no_agreement_may_say() {
        for (from, to) in [
            ("GBR", "USA"),
            ("GBR", "gbr"),
            ("2026-12-31", "2025-12-31"),
            ("cnsa2", "none"),
            ("\"S\"", "\"R\""),
            ("kinds", "kindz"),
            ("kinds = ", "formats = [\"pdf\"]\n        kinds = "),
            ("send = true, ", ""),
        ] {
            assert!(Agreement::parse(&TEXT.replace(from, to)).is_err(), "{from} -> {to} was accepted");
        }
    }

    #[test]
    fn is_in_force_on_its_last_day_and_not_after() {
        let agreement = Agreement::parse(TEXT).unwrap();
        assert!(agreement.in_force("2026-12-31T23:59:59Z".parse().unwrap()));
        assert!(!agreement.in_force("2027-01-01T00:00:00Z".parse().unwrap()));
        assert!(!agreement.in_force("2025-12-31T23:59:59Z".parse().unwrap()));
    }

    #[test]
    fn waits_double_to_a_cap_and_then_park() {
        let retry = Retry { attempts_max: 4, wait_ms: 100, wait_ms_max: 250 };
        let waits: Vec<_> = (1..=4).map(|n| retry.wait_after(n, 0).map(|d| d.as_millis())).collect();
        assert_eq!(waits, [Some(100), Some(200), Some(250), None]);
        assert_eq!(retry.wait_after(1, 255).unwrap().as_millis(), 75);
    }
}
