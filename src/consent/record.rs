//! The consent of a source, as the TOML text that officers sign.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use crate::ident::ConsentId;

use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::invisible;
use crate::marking::{BY_CONSENT, CONCEALED};
use crate::partner::toml_fields::each_once;
use crate::time::Time;

/// A consent of a source, parsed from TOML. Every field that limits it is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConsent {
    /// The condition of a marking that it meets, by the marking engine's name: one of [`BY_CONSENT`].
    pub condition: String,
    /// The source of the information: for `FGI-CONSENT` a code of the marking register or `concealed`; for `ORCON-LIST` the originator as
    /// the product names it; for any other condition the party that controls information so marked.
    pub source: String,
    /// The organisation and role that consented.
    pub consented_by: String,
    /// The reference of the consent, as both sides cite it.
    pub reference: String,
    /// The day on which it was given. Optional for `FGI-CONSENT` and `ORCON-LIST`.
    #[serde(default, with = "crate::partner::toml_fields::option", skip_serializing_if = "Option::is_none")]
    pub given_on: Option<Date>,
    /// The use that was consented to, as stated by the source (for FISA, the statement required by 50 USC 1806). Optional for
    /// `FGI-CONSENT` and `ORCON-LIST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_statement: Option<String>,
    /// The partners that may receive the information, by the names under which they are enrolled.
    #[serde(deserialize_with = "each_once")]
    pub partners: BTreeSet<PartnerId>,
    /// The first day on which it is in force (UTC).
    #[serde(with = "crate::partner::toml_fields")]
    pub valid_from: Date,
    /// The last day on which it is in force (UTC).
    #[serde(with = "crate::partner::toml_fields")]
    pub valid_until: Date,
    /// The product or class of products that it covers.
    pub covers: Covers,
}

/// What a consent covers: one product by number or digest, or a class by kind, with or without a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    /// The number of the one product, as assigned by its producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// SHA-256 of the one product as submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The kind of every product of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A subject that every product of the class names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl fmt::Display for Covers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Covers { product, digest, kind, subject } = self;
        match (product, digest, kind, subject) {
            (Some(product), ..) => write!(f, "product `{product}` in any version"),
            (_, Some(digest), ..) => write!(f, "exactly the product with the SHA-256 {digest}"),
            (.., Some(kind), None) => write!(f, "every product of the kind `{kind}`"),
            (.., Some(kind), Some(subject)) => {
                write!(f, "every product of the kind `{kind}` with the subject `{subject}`")
            }
            (.., None, _) => f.write_str("nothing"),
        }
    }
}

/// Why the text of a consent is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentFault {
    /// Not TOML with the expected fields.
    #[error("invalid consent: {0}")]
    Form(String),
    /// A value that is not allowed.
    #[error("consent field `{field}` {problem}")]
    Value {
        /// The field at fault.
        field: &'static str,
        /// What is wrong and what is expected, as the rest of a sentence that begins with the field.
        problem: String,
    },
}

impl SourceConsent {
    /// The longest validity in days, first and last day included.
    pub const DAYS_MAX: i64 = 366;
    /// The longest reference, name or subject, in characters.
    pub const TEXT_MAX: usize = 200;

    /// Parses a consent from its TOML text and checks it.
    ///
    /// # Errors
    /// [`ConsentFault`] names the line or the field, and what was expected.
    pub fn parse(text: &str) -> Result<SourceConsent, ConsentFault> {
        let consent: SourceConsent = toml::from_str(text).map_err(|e| ConsentFault::Form(e.to_string()))?;
        consent.check()?;
        Ok(consent)
    }

    /// The consent as TOML text; parsing it gives the same consent.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("a consent is plain data")
    }

    /// SHA-256 of the consent's canonical text ([`SourceConsent::to_toml`]), by which decisions and approvals name it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_toml().as_bytes())
    }

    /// The partners, as text for people.
    pub fn partners_named(&self) -> String {
        self.partners.iter().map(|partner| format!("`{partner}`")).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is in force at `now`, by UTC date, first and last day included.
    pub fn in_force(&self, now: Time) -> bool {
        (self.valid_from..=self.valid_until).contains(&now.date())
    }

    fn check(&self) -> Result<(), ConsentFault> {
        let fault = |field, problem: String| Err(ConsentFault::Value { field, problem });
        if !BY_CONSENT.contains(&self.condition.as_str()) {
            return fault("condition", format!("must be one of `{}`", BY_CONSENT.join("`, `")));
        }
        let c = &self.covers;
        let texts = [
            ("source", Some(&self.source)),
            ("consented_by", Some(&self.consented_by)),
            ("reference", Some(&self.reference)),
            ("use_statement", self.use_statement.as_ref()),
            ("covers.product", c.product.as_ref()),
            ("covers.kind", c.kind.as_ref()),
            ("covers.subject", c.subject.as_ref()),
        ];
        for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text?))) {
            if !invisible::is_plain(text, Self::TEXT_MAX) {
                return fault(field, format!("must be 1 to {} printable characters", Self::TEXT_MAX));
            }
        }
        let is_code = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if self.condition == BY_CONSENT[0] && self.source != CONCEALED && !is_code(&self.source) {
            return fault("source", format!("must be a code of the marking register, in capitals, or `{CONCEALED}`"));
        }
        let of_a_control = !BY_CONSENT[..2].contains(&self.condition.as_str());
        if of_a_control && self.given_on.is_none() {
            return fault(
                "given_on",
                format!("is required for `{}`: the day on which consent was given", self.condition),
            );
        }
        if of_a_control && self.use_statement.is_none() {
            return fault(
                "use_statement",
                format!("is required for `{}`: the use that was consented to", self.condition),
            );
        }
        if self.given_on.is_some_and(|day| day > self.valid_from) {
            return fault("given_on", "is after `valid_from`".into());
        }
        if self.partners.is_empty() {
            return fault("partners", "must name at least one partner".into());
        }
        if self.valid_until < self.valid_from {
            return fault("valid_until", "is before `valid_from`".into());
        }
        if self.valid_until.duration_since(self.valid_from).as_hours() / 24 >= Self::DAYS_MAX {
            return fault("valid_until", format!("is more than {} days from `valid_from`", Self::DAYS_MAX));
        }
        let ways = [c.product.is_some(), c.digest.is_some(), c.kind.is_some()];
        if ways.into_iter().filter(|there| *there).count() != 1 || (c.subject.is_some() && c.kind.is_none()) {
            let problem =
                "must have exactly one of `product`, `digest` and `kind`; `subject` is allowed with `kind` only";
            return fault("covers", problem.into());
        }
        // The producer assigns the number, and may give two products the same one.
        let how = "must name one product by `digest`, the SHA-256 of its file";
        if self.source == CONCEALED && c.digest.is_none() {
            return fault("covers", format!("{how}: a concealed source needs a consent for each product"));
        }
        if self.condition == RAW_FISA && c.digest.is_none() {
            return fault("covers", format!("{how}: raw FISA information needs a consent for each product"));
        }
        Ok(())
    }
}

/// The condition that only a consent to one product, by its digest, meets.
const RAW_FISA: &str = "RAWFISA-ACCREDITED";

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::consent) const TEXT: &str = r#"
        condition = "FGI-CONSENT"
        source = "DEU"
        consented_by = "EXERCISE liaison office, head of release"
        reference = "EXERCISE-2026-1"
        partners = ["exercise-gbr"]
        valid_from = 2026-11-01
        valid_until = 2026-11-30
        [covers]
        product = "EXERCISE-1"
    "#;

    #[test]
    fn prints_and_parses_to_itself_and_is_named_by_the_digest_of_its_text() {
        let consent = SourceConsent::parse(TEXT).unwrap();
        assert_eq!(SourceConsent::parse(&consent.to_toml()), Ok(consent.clone()));
        assert_eq!(consent.digest(), Digest::of(consent.to_toml().as_bytes()));
    }

    #[test]
    fn counts_on_its_last_day_and_not_after() {
        let consent = SourceConsent::parse(TEXT).unwrap();
        for (now, counts) in [
            ("2026-10-31T23:59:59Z", false),
            ("2026-11-01T00:00:00Z", true),
            ("2026-11-30T23:59:59Z", true),
            ("2026-12-01T00:00:00Z", false),
        ] {
            assert_eq!(consent.in_force(now.parse().unwrap()), counts, "{now}");
        }
    }

    #[test]
    fn refuses_whatever_is_without_bounds() {
        for (from, to) in [
            ("FGI-CONSENT", "SCI:SI"),
            ("\"DEU\"", "\"Germany\""),
            ("\"DEU\"", "\"\""),
            ("[\"exercise-gbr\"]", "[]"),
            ("EXERCISE-2026-1", "a\\u200bb"),
            ("valid_until = 2026-11-30", "valid_until = 2026-10-31"),
            ("valid_until = 2026-11-30", "valid_until = 2027-11-02"),
            ("valid_until = 2026-11-30", ""),
            ("product = \"EXERCISE-1\"", ""),
            ("product = \"EXERCISE-1\"", "subject = \"EXERCISE\""),
            ("product = \"EXERCISE-1\"", "product = \"EXERCISE-1\"\nkind = \"report\""),
            ("reference =", "referenze ="),
        ] {
            assert!(SourceConsent::parse(&TEXT.replace(from, to)).is_err(), "{from} -> {to} was accepted");
        }
        let class = TEXT.replace("product = \"EXERCISE-1\"", "kind = \"report\"\nsubject = \"EXERCISE convoys\"");
        assert!(SourceConsent::parse(&class).is_ok());
        assert!(SourceConsent::parse(&TEXT.replace("2026-11-30", "2027-11-01")).is_ok());
    }

    #[test]
    fn consent_for_a_control_says_who_gave_it_when_and_for_what_use() {
        let full = TEXT.replace("FGI-CONSENT", "ORIGINATOR:LES").replace("\"DEU\"", "\"EXERCISE BUREAU\"").replace(
            "reference",
            "given_on = 2026-10-30\nuse_statement = \"EXERCISE: for lead purposes only\"\nreference",
        );
        let consent = SourceConsent::parse(&full).unwrap();
        assert_eq!(SourceConsent::parse(&consent.to_toml()), Ok(consent));
        for (from, to) in [
            ("given_on = 2026-10-30", ""),
            ("given_on = 2026-10-30", "given_on = 2026-11-02"),
            ("use_statement = \"EXERCISE: for lead purposes only\"", ""),
            ("EXERCISE: for lead purposes only", " "),
            ("ORIGINATOR:LES", "ORIGINATOR:ABC"),
        ] {
            assert!(SourceConsent::parse(&full.replace(from, to)).is_err(), "{from} -> {to} was accepted");
        }
        // Raw FISA information needs a consent for each product; information derived from it may be consented to by kind.
        let class = |condition: &str| {
            let text =
                full.replace("ORIGINATOR:LES", condition).replace("product = \"EXERCISE-1\"", "kind = \"report\"");
            SourceConsent::parse(&text).is_ok()
        };
        assert_eq!([class("FISA-ACCREDITED"), class("RAWFISA-ACCREDITED")], [true, false]);
        let raw = full.replace("ORIGINATOR:LES", "RAWFISA-ACCREDITED");
        assert!(SourceConsent::parse(&raw).is_err(), "a number that its producer chose");
        let exactly = format!("digest = \"{}\"", Digest::of(b"EXERCISE"));
        assert!(SourceConsent::parse(&raw.replace("product = \"EXERCISE-1\"", &exactly)).is_ok());
    }

    #[test]
    fn a_concealed_source_consents_product_by_product_and_by_the_bytes_of_each() {
        let concealed = TEXT.replace("\"DEU\"", "\"concealed\"");
        let covers =
            |covers: &str| SourceConsent::parse(&concealed.replace("product = \"EXERCISE-1\"", covers)).is_ok();
        assert!(covers(&format!("digest = \"{}\"", Digest::of(b"EXERCISE"))));
        // Two products may have one number, which their producer chooses.
        assert!(!covers("product = \"EXERCISE-1\""));
        assert!(!covers("kind = \"report\""));
    }

    #[test]
    fn names_each_partner_once() {
        let partners = |names: &str| SourceConsent::parse(&TEXT.replace("[\"exercise-gbr\"]", names));
        assert!(partners("[\"exercise-gbr\", \"exercise-nzl\"]").is_ok());
        let twice = partners("[\"exercise-gbr\", \"exercise-gbr\"]").unwrap_err().to_string();
        assert!(twice.contains("`exercise-gbr` is listed twice"), "{twice}");
    }

    #[test]
    fn says_in_words_what_it_covers() {
        let said = |covers: &str| {
            SourceConsent::parse(&TEXT.replace("product = \"EXERCISE-1\"", covers)).unwrap().covers.to_string()
        };
        let digest = Digest::of(b"EXERCISE");
        assert_eq!(said("product = \"EXERCISE-1\""), "product `EXERCISE-1` in any version");
        assert_eq!(said(&format!("digest = \"{digest}\"")), format!("exactly the product with the SHA-256 {digest}"));
        assert_eq!(said("kind = \"report\""), "every product of the kind `report`");
        let convoys = "kind = \"report\"\nsubject = \"EXERCISE convoys\"";
        assert_eq!(said(convoys), "every product of the kind `report` with the subject `EXERCISE convoys`");
    }
}
