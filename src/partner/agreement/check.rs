//! Validation of an agreement: values of the right TOML type that are not allowed.

use std::collections::BTreeSet;

use super::Agreement;
use crate::invisible::{is_plain, visible};
use crate::marking::{BY_CONSENT, Level, Register, accreditation};
use crate::partner::Windows;

/// The most characters of a wrong value that an error quotes.
const QUOTED_MAX: usize = 60;

/// The names of the output formats that an agreement may list, in the order of the documentation. `product` declares the
/// formats, which this module cannot use; a test in `product/format.rs` holds that the two agree.
pub const FORMATS: [&str; 5] = ["text", "markdown", "json", "stix", "html"];

/// Why the text of an agreement is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementFault {
    /// Not TOML with the expected fields.
    #[error("invalid agreement: {0}")]
    Form(String),
    /// A value that is not allowed.
    #[error("agreement field `{field}` {problem}")]
    Value {
        /// The field at fault.
        field: &'static str,
        /// What is wrong and what is expected, as the rest of a sentence that begins with the field.
        problem: String,
    },
}

/// Checks every value of an agreement.
///
/// # Errors
/// [`AgreementFault::Value`] for the first value that is not allowed.
pub(super) fn check(agreement: &Agreement) -> Result<(), AgreementFault> {
    let fault = |field, problem: &str| Err(AgreementFault::Value { field, problem: problem.into() });
    if !is_plain(&agreement.id, 100) {
        return fault("id", "must be 1 to 100 printable characters");
    }
    if agreement.party.code == agreement.ours {
        return fault("party.code", "is this node's own code: expected the partner's");
    }
    if agreement.party.code.is_empty()
        || !agreement.party.code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    {
        return fault("party.code", "must be a trigraph or organisation code of the register, in capitals");
    }
    if let Some(name) = agreement.accreditations.iter().find(|name| is_by_consent(name)) {
        let problem = format!(
            "must not hold `{name}`: a source consents to a product or a class of products, not to an agreement; remove it, and \
             record each consent with `change propose --consent NAME=FILE --out CHANGE`"
        );
        return fault("accreditations", &problem);
    }
    if let Some(name) = agreement.accreditations.iter().find(|name| !accreditation::is_accreditation(name)) {
        let name = visible(name, QUOTED_MAX);
        let meant = accreditation::suggestion(&name);
        return fault("accreditations", &format!("holds unknown accreditation `{name}`: {meant}"));
    }
    if agreement.kinds.is_empty() {
        return fault("kinds", "is empty, so nothing could be sent: name each kind, such as `report`, or use `flow`");
    }
    if let Some(kind) = agreement.kinds.iter().find(|kind| !is_kind(kind)) {
        let form = "1 to 32 lower-case letters, digits and `-`, starting with a letter";
        return fault(
            "kinds",
            &format!("holds `{}`, which is not a kind of product: expected {form}", visible(kind, QUOTED_MAX)),
        );
    }
    if let Some(kind) = agreement.attachments.iter().find(|kind| !is_media_type(kind)) {
        let form = "full names in lower case, such as `text/csv`";
        return fault(
            "attachments",
            &format!("holds `{}`, which is not a media type: expected {form}", visible(kind, QUOTED_MAX)),
        );
    }
    if agreement.network.as_ref().is_some_and(BTreeSet::is_empty) {
        return fault(
            "network",
            "is empty, so nothing could be sent: leave it out for no limit, or use `flow.send = false`",
        );
    }
    if let Some(code) = agreement.network.iter().flatten().find(|code| !is_known(code)) {
        let near = Register::compiled_in().similar_codes(code).map(|(code, name)| format!("`{code}` ({name})"));
        let near = near.collect::<Vec<_>>().join(", ");
        let meant = if near.is_empty() { near } else { format!(": did you mean {near}?") };
        let code = visible(code, QUOTED_MAX);
        return fault("network", &format!("holds `{code}`, which is not a code of the marking register{meant}"));
    }
    if agreement.ceiling == Level::Restricted {
        // A ceiling is on the US scale, which has no such level.
        return fault("ceiling", "must be `U`, `C`, `S` or `TS`");
    }
    if let Some(format) = agreement.formats.iter().find(|format| !FORMATS.contains(&format.as_str())) {
        let (last, others) = FORMATS.split_last().expect("there is a format");
        let (format, others) = (visible(format, QUOTED_MAX), others.join("`, `"));
        return fault("formats", &format!("holds `{format}`, which is not a format: may hold `{others}` and `{last}`"));
    }
    if agreement.valid_until < agreement.valid_from {
        return fault("valid_until", "is before `valid_from`");
    }
    if !["cnsa2", "hybrid", "classical"].contains(&agreement.profile.as_str()) {
        let profile = visible(&agreement.profile, QUOTED_MAX);
        let problem = format!("is `{profile}`, which is not a profile: must be `cnsa2`, `hybrid` or `classical`");
        return fault("profile", &problem);
    }
    let l = &agreement.limits;
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
    if let Some(problem) = agreement.windows.as_ref().and_then(Windows::fault) {
        return fault("windows", problem);
    }
    if agreement.retry.attempts_max == 0 || agreement.retry.wait_ms == 0 {
        return fault("retry", "must allow at least one attempt, with a wait above zero");
    }
    Ok(())
}

/// Whether a name is one of a source's consent, which no agreement can grant.
pub(super) fn is_by_consent(name: &str) -> bool {
    BY_CONSENT.contains(&name) || BY_CONSENT.contains(&name.split(':').next().unwrap_or_default())
}

/// Whether `text` has the form of a kind of product.
fn is_kind(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(inner)
}

/// Whether `text` is a media type in the form that attachments use: lower case, without wildcards or parameters.
fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b);
        !part.is_empty() && part.len() <= 64 && part.bytes().all(inner)
    };
    text.split_once('/').is_some_and(|(kind, rest)| part(kind) && part(rest))
}

/// Whether the compiled-in marking register has this code. For releases, the register in force decides.
fn is_known(code: &str) -> bool {
    let register = Register::compiled_in();
    register.is_country(code) || register.is_organisation(code)
}

#[cfg(test)]
mod tests {
    use super::super::tests::TEXT;
    use super::*;

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
    fn refuses_unknown_accreditations_and_suggests_the_right_ones() {
        let with = |name: &str| TEXT.replace("kinds = ", &format!("accreditations = [\"{name}\"]\n        kinds = "));
        for name in ["NATO-READON", "AEA-AGREEMENT", "SCI:SI", "SCI:SI-EU", "SAP:EXERCISE"] {
            assert!(Agreement::parse(&with(name)).is_ok(), "{name}");
        }
        let twice = Agreement::parse(&with("SCI:SI\", \"SCI:TK\", \"SCI:SI")).unwrap_err().to_string();
        assert!(twice.contains("`SCI:SI` is listed twice"), "{twice}");
        for (name, meant) in [
            ("NATO", "did you mean `NATO-READON`?"),
            ("SCI:sI", "did you mean `SCI:SI`?"),
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
            (kinds("[]"), "nothing could be sent"),
            (kinds("[\"Report\"]"), "`Report`"),
            (kinds("[\"report\", \"report\"]"), "`report` is listed twice"),
            (types("[\"foo\"]"), "`foo`"),
            (types("[\"image/*\"]"), "`image/*`"),
            (types("[\"TEXT/CSV\"]"), "`TEXT/CSV`"),
        ] {
            let fault = found.unwrap_err();
            assert!(fault.contains(said), "{said}: {fault}");
        }
    }

    #[test]
    fn refuses_values_that_are_not_allowed() {
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
    fn accepts_the_existing_output_formats_and_defaults_to_none() {
        let silent = Agreement::parse(TEXT).unwrap();
        assert!(silent.formats.is_empty() && !silent.to_toml().contains("formats"));
        let named =
            Agreement::parse(&TEXT.replace("kinds = ", "formats = [\"text\", \"html\"]\n        kinds = ")).unwrap();
        assert_eq!(named.formats.iter().map(String::as_str).collect::<Vec<_>>(), ["html", "text"]);
        assert_eq!(Agreement::parse(&named.to_toml()).unwrap(), named);
    }
}
