//! The rules as loaded: parsed, named, and validated against their schema.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use serde::Serialize;

use super::entity_cache::EntityCache;
use super::fault::PolicyFault;
use crate::digest::{Digest, Hasher};
use crate::invisible;

/// The release rules and their schema, as one digest names them.
pub struct Policies {
    pub(super) set: PolicySet,
    pub(super) schema: Schema,
    pub(super) schema_text: String,
    /// Entities that were checked against the schema before.
    pub(super) cache: EntityCache,
    rules: BTreeMap<String, RuleInfo>,
    digest: Digest,
}

/// A rule's annotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleInfo {
    /// Its name, unique in the policy.
    pub id: String,
    /// The sentence shown when it decides.
    pub sentence: String,
    /// What it is about.
    pub about: About,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Byte offset in the text: rules are listed in the order in which they are written.
    pub place: usize,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// What the markings themselves allow. The marking engine answers the same question, and must agree.
    Marking,
    /// Something excluded whatever the markings allow; stricter than the marking engine.
    Exclusion,
    /// The partner and its agreement.
    Agreement,
    /// The consent of those whose information it is.
    Consent,
    /// The terms of the request.
    Request,
    /// Who approved.
    Approval,
    /// The content filters.
    Inspection,
    /// The time.
    Clock,
    /// A rule of the operator's own.
    Local,
}

impl About {
    const ALL: [(About, &'static str); 9] = [
        (About::Marking, "marking"),
        (About::Exclusion, "exclusion"),
        (About::Agreement, "agreement"),
        (About::Consent, "consent"),
        (About::Request, "request"),
        (About::Approval, "approval"),
        (About::Inspection, "inspection"),
        (About::Clock, "clock"),
        (About::Local, "local"),
    ];
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // INVARIANT: `ALL` names every variant; a test says so.
        f.write_str(About::ALL.iter().find(|(a, _)| a == self).map_or("", |(_, name)| name))
    }
}

/// The forbidding rules without which no policy is loaded: all of part 4 and every rule that asks for a senior officer among
/// them.
///
/// This guards against accidental removal; the cases and the proofs check that the rules say what they must.
const REQUIRED: [&str; 47] = [
    "not-understood",
    "not-releasable-to-partner",
    "own-country",
    "above-ceiling",
    "network",
    "partner-suspended",
    "direction",
    "agreement-not-in-force",
    "product-too-old",
    "request-expired",
    "not-inspected",
    "clock-in-doubt",
    "originator-controlled",
    "compartments",
    "foreign-source-consent",
    "received-from-another",
    "nato",
    "nato-owner-consent",
    "noforn",
    "display-only",
    "relido-alone",
    "attorney-privilege",
    "federal-only",
    "naval-nuclear",
    "limited-by-law",
    "atomic-energy",
    "fisa",
    "raw-fisa",
    "nuclear-controlled",
    "transclassified-nuclear",
    "nodis-exdis",
    "covert-action",
    "military-information",
    "two-people",
    "own-product",
    "out-of-office",
    "senior-for-top-secret",
    "senior-for-compartments",
    "senior-for-relido",
    "senior-for-atomic-energy",
    "senior-for-nuclear-controlled",
    "senior-for-atomal",
    "senior-for-fisa",
    "senior-for-originator-controlled",
    "senior-for-concealed-source",
    "senior-for-unusual-attachments",
    "senior-for-shared-words",
];

impl Policies {
    /// The shipped schema.
    pub const SHIPPED_SCHEMA: &'static str = include_str!("../../policy/schema.cedarschema");
    /// The shipped rules.
    pub const SHIPPED_RULES: &'static str = include_str!("../../policy/release.cedar");

    /// The policy that ships with the gateway.
    ///
    /// # Errors
    /// [`PolicyFault`] never, for the shipped texts; a test says so.
    pub fn shipped() -> Result<Policies, PolicyFault> {
        Policies::load(Self::SHIPPED_SCHEMA, Self::SHIPPED_RULES)
    }

    /// Reads a schema and the rules written in its words.
    ///
    /// # Errors
    /// [`PolicyFault`] if either cannot be parsed, a rule lacks its id, sentence or subject, two rules have one id, a
    /// required rule is missing, or anything in the rules fails strict validation or draws a warning.
    pub fn load(schema_text: &str, rules_text: &str) -> Result<Policies, PolicyFault> {
        let schema = Schema::from_str(schema_text).map_err(|e| PolicyFault::Schema(said(&e)))?;
        let read = PolicySet::from_str(rules_text).map_err(|e| PolicyFault::Rules(said(&e)))?;
        if let Some(template) = read.templates().next() {
            return Err(PolicyFault::Annotation {
                rule: template.annotation("id").unwrap_or("?").to_owned(),
                problem: "is a template: slots are not supported".into(),
            });
        }
        let mut rules = BTreeMap::new();
        let mut named = Vec::new();
        for policy in read.policies() {
            let mut info = describe(policy)?;
            info.place = rules_text.find(&format!("@id(\"{}\")", info.id)).unwrap_or_default();
            named.push(policy.new_id(PolicyId::new(&info.id)));
            if let Some(first) = rules.insert(info.id.clone(), info) {
                return Err(PolicyFault::Annotation {
                    rule: first.id,
                    problem: "is defined twice: ids must be unique".into(),
                });
            }
        }
        let set = PolicySet::from_policies(named).map_err(|e| PolicyFault::Rules(said(&e)))?;
        for required in REQUIRED {
            if rules.get(required).is_none_or(|r| r.permits) {
                return Err(PolicyFault::Missing(required));
            }
        }
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let errors = result.validation_errors().map(|e| said(e));
        let warnings = result.validation_warnings().map(|w| said(w));
        let mut problems: Vec<String> = errors.chain(warnings).collect();
        if !problems.is_empty() {
            problems.sort();
            return Err(PolicyFault::Validation(problems.join("; ")));
        }
        let digest = digest_of(schema_text, rules_text);
        Ok(Policies { set, schema, schema_text: schema_text.to_owned(), cache: EntityCache::default(), rules, digest })
    }

    /// SHA-256 over the exact texts of schema and rules; every decision and every approval cites it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The rule named `id`.
    pub fn rule(&self, id: &str) -> Option<&RuleInfo> {
        self.rules.get(id)
    }

    /// Every rule, by id.
    pub fn rules(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.values()
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policies({} rules, {})", self.rules.len(), self.digest.short())
    }
}

fn describe(policy: &Policy) -> Result<RuleInfo, PolicyFault> {
    let place = policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned);
    let fault = |problem: &str| PolicyFault::Annotation { rule: place.clone(), problem: problem.into() };
    let id = policy.annotation("id").ok_or_else(|| fault("has no `@id`"))?;
    let named = !id.is_empty()
        && id.len() <= 60
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !named {
        return Err(fault("has an `@id` other than lower-case letters, digits and hyphens"));
    }
    let sentence = policy.annotation("sentence").unwrap_or_default();
    if !invisible::is_plain(sentence, 300) {
        return Err(fault("has no `@sentence` of up to 300 printable characters"));
    }
    let about = policy.annotation("about").unwrap_or_default();
    let Some((about, _)) = About::ALL.into_iter().find(|(_, name)| *name == about) else {
        return Err(fault(
            "has no valid `@about`: expected marking, exclusion, agreement, consent, request, approval, inspection, clock or local",
        ));
    };
    let permits = policy.effect() == Effect::Permit;
    Ok(RuleInfo { id: id.to_owned(), sentence: sentence.to_owned(), about, permits, place: 0 })
}

fn digest_of(schema_text: &str, rules_text: &str) -> Digest {
    let mut hasher = Hasher::new();
    // Each text is framed by its length, so that no two pairs of texts are hashed as the same bytes.
    for text in [schema_text, rules_text] {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finish()
}

/// The message of a Cedar error with its place in the text.
fn said(error: &dyn miette::Diagnostic) -> String {
    let mut text = error.to_string();
    if let Some(label) = error.labels().and_then(|mut l| l.next()) {
        text.push_str(&format!(" (at byte {})", label.offset()));
    }
    if let Some(help) = error.help() {
        text.push_str(&format!(" ({help})"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rules: &str) -> Result<Policies, PolicyFault> {
        Policies::load(Policies::SHIPPED_SCHEMA, rules)
    }

    fn with(rule: &str) -> Result<Policies, PolicyFault> {
        load(&format!("{}\n{rule}\n", Policies::SHIPPED_RULES))
    }

    const OWN: &str = "@id(\"own\") @about(\"local\") @sentence(\"Own\")";

    #[test]
    fn the_shipped_policy_loads_and_so_does_one_with_a_rule_of_the_operators_own() {
        let shipped = Policies::shipped().unwrap();
        assert!(shipped.rules().count() >= 40);
        let own = with(&format!("{OWN} forbid (principal, action, resource) when {{ context.today == 20260101 }};"));
        assert_ne!(own.unwrap().digest(), shipped.digest());
    }

    #[test]
    fn every_subject_prints_the_name_it_is_written_by() {
        for (about, name) in About::ALL {
            assert_eq!(about.to_string(), name);
        }
    }

    #[test]
    fn refuses_rules_without_id_sentence_or_subject_and_ids_twice() {
        let body = "forbid (principal, action, resource) when { context.today == 20260101 };";
        for head in [
            "",
            "@id(\"own\") @about(\"local\")",
            "@id(\"own\") @sentence(\"Own\")",
            "@about(\"local\") @sentence(\"Own\")",
            "@id(\"Own Rule\") @about(\"local\") @sentence(\"Own\")",
            "@id(\"own\") @about(\"weather\") @sentence(\"Own\")",
            "@id(\"own\") @about(\"local\") @sentence(\" \")",
            "@id(\"noforn\") @about(\"local\") @sentence(\"Own\")",
        ] {
            let found = with(&format!("{head} {body}"));
            assert!(matches!(found, Err(PolicyFault::Annotation { .. })), "`{head}` gave {found:?}");
        }
    }

    #[test]
    fn a_rule_has_a_short_id_and_a_sentence_that_prints() {
        let own = |id: &str, sentence: &str| {
            with(&format!(
                "@id(\"{id}\") @about(\"local\") @sentence(\"{sentence}\") \
                 forbid (principal, action, resource) when {{ context.today == 20260101 }};"
            ))
        };
        let refused = |found: Result<Policies, PolicyFault>| matches!(found, Err(PolicyFault::Annotation { .. }));
        assert!(own("own", &"x".repeat(300)).is_ok());
        assert!(refused(own("own", &"x".repeat(301))));
        assert!(refused(own("own", "Own\\nrule")));
        assert!(own(&"x".repeat(60), "Own").is_ok());
        assert!(own("a-1", "Own").is_ok());
        assert!(refused(own(&"x".repeat(61), "Own")));
        assert!(refused(own("", "Own")));
    }

    #[test]
    fn refuses_rules_that_do_not_fit_the_schema_or_can_never_apply() {
        for condition in ["context.weather", "context.now == \"noon\"", "resource.level", "false"] {
            let rule = format!("{OWN} forbid (principal, action, resource) when {{ {condition} }};");
            assert!(matches!(with(&rule), Err(PolicyFault::Validation(_))), "`{condition}` was accepted");
        }
        assert!(matches!(with("forbid ("), Err(PolicyFault::Rules(text)) if text.contains("(at byte ")));
        assert!(matches!(Policies::load("entity", Policies::SHIPPED_RULES), Err(PolicyFault::Schema(_))));
        let slot = format!("{OWN} forbid (principal == ?principal, action, resource);");
        assert!(matches!(with(&slot), Err(PolicyFault::Annotation { .. })));
    }

    #[test]
    fn refuses_a_policy_that_lost_an_exclusion_or_turned_it_into_a_permit() {
        let renamed = Policies::SHIPPED_RULES.replace("@id(\"noforn\")", "@id(\"noforn-was-here\")");
        assert!(matches!(load(&renamed), Err(PolicyFault::Missing("noforn"))));
        let (before, after) = Policies::SHIPPED_RULES.split_once("@id(\"noforn\")").unwrap();
        let lifted = format!("{before}@id(\"noforn\"){}", after.replacen("forbid", "permit", 1));
        assert!(matches!(load(&lifted), Err(PolicyFault::Missing("noforn"))));
        assert!(load("").is_err());
    }

    #[test]
    fn the_digest_tells_apart_where_the_schema_ends_and_the_rules_begin() {
        assert_ne!(digest_of("ab", "c"), digest_of("a", "bc"));
    }
}
