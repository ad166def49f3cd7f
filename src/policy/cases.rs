//! Policy cases: questions and the answers expected to them, as data that a lawyer can read and add to.
//!
//! A file has one `[base]`, a question that is permitted, and `[[case]]`s that each change what they name. A case
//! says whether it expects a permit, and exactly which rules decide.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::consents::ConsentTerms;
use super::membership::Membership;
use super::question::Question;
use super::rules::Policies;
use super::terms::{AgreementTerms, CutTerms, ProductTerms, RequestTerms, Stage, VoterTerms};
use super::verdict::{RuleHit, decide};
use crate::time::Time;

/// The cases that ship with the gateway: the name of each file, and its text.
pub const SHIPPED: [(&str, &str); 10] = [
    ("agreement", include_str!("../../policy/cases/agreement.toml")),
    ("approval", include_str!("../../policy/cases/approval.toml")),
    ("conditions", include_str!("../../policy/cases/conditions.toml")),
    ("consents", include_str!("../../policy/cases/consents.toml")),
    ("coverage", include_str!("../../policy/cases/coverage.toml")),
    ("cui", include_str!("../../policy/cases/cui.toml")),
    ("exclusions", include_str!("../../policy/cases/exclusions.toml")),
    ("owners", include_str!("../../policy/cases/owners.toml")),
    ("request", include_str!("../../policy/cases/request.toml")),
    ("understood", include_str!("../../policy/cases/understood.toml")),
];

/// The result of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// Whether it was permitted.
    pub permit: bool,
    /// The rules that decided.
    pub rules: BTreeSet<String>,
    /// Their sentences, and what went wrong if anything did.
    pub reasons: Vec<RuleHit>,
    /// How the result differs from what the case expects; `None` if it does not.
    pub fault: Option<String>,
}

/// A file of cases that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CasesFault {
    /// Not TOML of the expected shape.
    #[error("invalid policy cases: {0}")]
    Form(String),
    /// A question that states something impossible or leaves something out.
    #[error("invalid policy case `{case}`: {problem}")]
    Case {
        /// The case's name.
        case: String,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: toml::Table,
    case: Vec<toml::Table>,
}

/// One case, after the base was filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    expect: Expect,
    rules: BTreeSet<String>,
    stage: String,
    /// The code of our own side.
    #[serde(default = "united_states")]
    home: String,
    partner: String,
    organisation: bool,
    suspended: bool,
    ceiling: String,
    accreditations: BTreeSet<String>,
    /// What the network may carry; no bound if left out.
    network: Option<BTreeSet<String>>,
    kinds: BTreeSet<String>,
    attachment_types: BTreeSet<String>,
    sends: bool,
    valid_from: Date,
    valid_until: Date,
    bytes_max: u64,
    /// The greatest age of a product in days.
    #[serde(default = "a_year")]
    age_days_max: u32,
    banner: String,
    portions: BTreeSet<String>,
    kind: String,
    attachments: BTreeSet<String>,
    bytes: u64,
    /// Runs of words in common with withheld text, and the words of the longest; none if left out.
    #[serde(default)]
    shared_runs: usize,
    #[serde(default)]
    shared_words: u32,
    date: String,
    /// The number of the product, its subjects and its originator, as consents name them.
    #[serde(default)]
    product: String,
    #[serde(default)]
    subjects: BTreeSet<String>,
    #[serde(default)]
    originator: String,
    /// The consents on record, all of which the cut names.
    #[serde(default)]
    consents: Vec<ConsentTerms>,
    /// The codes of partners from whom something in it came.
    #[serde(default)]
    received_from: BTreeSet<String>,
    expires: Time,
    complete: bool,
    /// The objective that is cited; none if left out. Whether perspectives are sought and a preferred outcome supported.
    #[serde(default)]
    objective: String,
    #[serde(default)]
    engages: bool,
    #[serde(default)]
    supports_outcome: bool,
    people: usize,
    senior: usize,
    /// Whose votes count, by name; as many as `people` if left out.
    voters: Option<BTreeSet<String>>,
    /// Of those, who is not in office.
    #[serde(default)]
    out_of_office: BTreeSet<String>,
    /// Who submitted the request.
    #[serde(default)]
    submitter: String,
    inspected: bool,
    now: Time,
    clock_in_doubt: bool,
}

fn united_states() -> String {
    "USA".to_owned()
}

fn a_year() -> u32 {
    365
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Permit,
    Refuse,
}

/// Runs every case of one file's text.
///
/// # Errors
/// [`CasesFault`] if the file is not valid; a case that turns out otherwise than expected is an [`Outcome`].
pub fn run(text: &str, policies: &Policies, membership: &Membership) -> Result<Vec<Outcome>, CasesFault> {
    let file: File = toml::from_str(text).map_err(|e| CasesFault::Form(e.to_string()))?;
    file.case.into_iter().map(|case| run_one(&file.base, case, policies, membership)).collect()
}

fn run_one(
    base: &toml::Table,
    changes: toml::Table,
    policies: &Policies,
    membership: &Membership,
) -> Result<Outcome, CasesFault> {
    let case = read(base, changes)?;
    let fault = |problem: String| CasesFault::Case { case: case.name.clone(), problem };
    if let Some(unknown) = case.rules.iter().find(|id| policies.rule(id).is_none()) {
        return Err(fault(format!("expects the rule `{unknown}`, which the policy does not have")));
    }
    let question = question(&case).map_err(fault)?;
    let verdict = decide(policies, membership, &question);
    let listed = |rules: &BTreeSet<String>| match rules.is_empty() {
        true => "no rule".to_owned(),
        false => rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", "),
    };
    let rules: BTreeSet<String> = verdict.reasons.iter().map(|r| r.id.clone()).collect();
    let expected = case.expect == Expect::Permit;
    let fault = if let Some(error) = verdict.errors.first() {
        Some(error.to_string())
    } else if verdict.permit != expected {
        Some(format!("expected {}, decided by {}", if expected { "a permit" } else { "a refusal" }, listed(&rules)))
    } else if rules != case.rules {
        Some(format!("expected to be decided by {}, found {}", listed(&case.rules), listed(&rules)))
    } else {
        None
    };
    Ok(Outcome { name: case.name, permit: verdict.permit, rules, reasons: verdict.reasons, fault })
}

fn voters(case: &Case) -> BTreeSet<VoterTerms> {
    let some = || (1..=case.people).map(|n| format!("officer-{n}")).collect();
    let names = case.voters.clone().unwrap_or_else(some);
    let voter = |id: String| VoterTerms { in_office: !case.out_of_office.contains(&id), name: id.clone(), id };
    names.into_iter().map(voter).collect()
}

/// One case as a question, with the expected answer.
#[derive(Clone, Debug)]
pub struct CaseQuestion {
    /// Its name.
    pub name: String,
    /// The question.
    pub question: Question,
    /// Whether a permit is expected.
    pub permit: bool,
    /// The rules expected to decide.
    pub rules: BTreeSet<String>,
}

/// Every case of one file's text as a question.
///
/// # Errors
/// [`CasesFault`] if the file is not valid.
pub fn questions(text: &str) -> Result<Vec<CaseQuestion>, CasesFault> {
    let file: File = toml::from_str(text).map_err(|e| CasesFault::Form(e.to_string()))?;
    let read = |changes: toml::Table| {
        let case = read(&file.base, changes)?;
        let fault = |problem| CasesFault::Case { case: case.name.clone(), problem };
        let question = question(&case).map_err(fault)?;
        Ok(CaseQuestion { name: case.name, question, permit: case.expect == Expect::Permit, rules: case.rules })
    };
    file.case.into_iter().map(read).collect()
}

/// A case merged over the base.
fn read(base: &toml::Table, changes: toml::Table) -> Result<Case, CasesFault> {
    let named = changes.get("name").and_then(toml::Value::as_str).unwrap_or("?").to_owned();
    let mut merged = base.clone();
    merged.extend(changes);
    merged.try_into().map_err(|e: toml::de::Error| CasesFault::Case { case: named, problem: e.to_string() })
}

fn question(case: &Case) -> Result<Question, String> {
    let stage = [Stage::Forecast, Stage::Approve, Stage::Send].into_iter().find(|s| s.to_string() == case.stage);
    let date = match case.date.as_str() {
        "unknown" => None,
        text => Some(text.parse::<Date>().map_err(|e| format!("date: {e}"))?),
    };
    Ok(Question {
        stage: stage.ok_or("stage: expected `forecast`, `release` or `send`")?,
        partner: AgreementTerms {
            // Consents name partners as they are enrolled, and here everybody is enrolled under their code.
            partner: case.partner.clone(),
            code: case.partner.clone(),
            home: case.home.clone(),
            organisation: case.organisation,
            suspended: case.suspended,
            ceiling: case.ceiling.clone(),
            accreditations: case.accreditations.clone(),
            network: case.network.clone(),
            kinds: case.kinds.clone(),
            attachments: case.attachment_types.clone(),
            sends: case.sends,
            valid_from: case.valid_from,
            valid_until: case.valid_until,
            age_days_max: case.age_days_max,
            bytes_max: case.bytes_max,
        },
        cut: CutTerms {
            banner: case.banner.clone(),
            portions: case.portions.clone(),
            kind: case.kind.clone(),
            attachments: case.attachments.clone(),
            bytes: case.bytes,
            date,
            product: ProductTerms {
                number: case.product.clone(),
                digest: String::new(),
                subjects: case.subjects.clone(),
                originator: case.originator.clone(),
            },
            consents: case.consents.iter().map(|consent| consent.id.clone()).collect(),
            received_from: case.received_from.clone(),
            shared_runs: case.shared_runs,
            shared_words: case.shared_words,
        },
        request: RequestTerms {
            expires: case.expires,
            complete: case.complete,
            objective: case.objective.clone(),
            engages: case.engages,
            supports_outcome: case.supports_outcome,
        },
        consents: case.consents.clone(),
        people: case.people,
        senior: case.senior,
        voters: voters(case),
        submitter: case.submitter.clone(),
        inspected: case.inspected,
        now: case.now,
        clock_in_doubt: case.clock_in_doubt,
    })
}
