//! `portcullis policy`: tests, explains and compares the release rules; `portcullis change` changes them.

mod diff;
mod prove;
mod texts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::output::{Exit, Failure, Out, shown};
use crate::change::PolicyTexts;
use crate::cli::input::files::{cannot_read, read_text};
use crate::cli::input::open::node_at;
use crate::policy::cases::{self, Outcome};
use crate::policy::{
    self, AgreementTerms, CutTerms, Membership, Policies, ProductTerms, Question, RequestTerms, RuleInfo, Stage,
    Verdict, VoterTerms,
};
use crate::system::SystemClock;
use crate::time::Clock as _;

/// Test, explain and compare the release rules.
///
/// Changing them takes two officers: see `portcullis change`.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Run policy test cases.
    ///
    /// Each case states the expected decision and the rules that must make it. Exit status 1 if any case fails.
    Test {
        /// Files of cases, or folders of such files (`.toml`); by default the cases that ship with the gateway.
        cases: Vec<PathBuf>,
        #[command(flatten)]
        rules: RulesFrom,
    },
    /// List the rules in plain sentences, or explain their decision on a marking.
    ///
    /// With `--banner`, shows which rules permit or refuse the marking, and why. Everything not given is assumed to permit a
    /// release: an agreement in force, two approvals, an inspected cut.
    Explain {
        #[command(flatten)]
        asked: Box<Asked>,
        #[command(flatten)]
        rules: RulesFrom,
    },
    /// Show the policy in force, and whether the policy folder matches it.
    ///
    /// Exit status 1 if it does not.
    Status,
    /// Restore the policy folder to the policy in force.
    ///
    /// Edited files are kept, with `.edited` added to their names.
    Restore,
    Diff(diff::Diff),
    Prove(prove::Prove),
}

/// The source of the rules.
#[derive(Debug, clap::Args)]
pub struct RulesFrom {
    /// Use the rules in this policy folder instead of those in force at the node.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Use the rules that ship with the gateway; no node is needed.
    #[arg(long, conflicts_with = "policy")]
    shipped: bool,
}

/// A hypothetical release to decide. Everything not given permits it: an agreement in force, two approvals, an inspected cut.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// The banner to decide on, in its canonical form.
    #[arg(long)]
    banner: Option<String>,
    /// A portion mark, in parentheses; repeat for several.
    #[arg(long, requires = "banner")]
    portion: Vec<String>,
    /// The partner's code in the marking register.
    #[arg(long, requires = "banner", default_value = "GBR")]
    partner: String,
    /// The code of our own side.
    #[arg(long, requires = "banner", default_value = "USA")]
    home: String,
    /// The partner is a multinational organisation.
    #[arg(long, requires = "banner")]
    organisation: bool,
    /// The agreement's ceiling: U, C, S or TS.
    #[arg(long, requires = "banner", default_value = "TS")]
    ceiling: String,
    /// An accreditation of the link, such as `SCI:SI`; repeat for several.
    #[arg(long, requires = "banner")]
    accredited: Vec<String>,
    /// A country code that the network under the link may carry; repeat for several. Unlimited by default.
    #[arg(long, requires = "banner")]
    network: Vec<String>,
    /// The objective of the guiding document, as the request cites it.
    #[arg(long, requires = "banner")]
    objective: Option<String>,
    /// The request seeks perspectives from the partner.
    #[arg(long, requires = "banner")]
    perspectives: bool,
    /// The request supports a preferred outcome.
    #[arg(long, requires = "banner")]
    outcome: bool,
    /// The kind of product.
    #[arg(long, requires = "banner", default_value = "report")]
    kind: String,
    /// The product's date; today by default.
    #[arg(long, requires = "banner")]
    date: Option<jiff::civil::Date>,
    /// Number of officers who approved.
    #[arg(long, requires = "banner", default_value_t = 2)]
    people: usize,
    /// Number of them who are senior disclosure officers.
    #[arg(long, requires = "banner", default_value_t = 0)]
    senior: usize,
    /// Also print the facts that the rules are given (JSON).
    #[arg(long, requires = "banner")]
    facts: bool,
}

impl PolicyCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the policy, a file of cases or the node cannot be read.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            PolicyCommand::Test { cases, rules } => {
                let (policies, membership) = rules.load(config).await?;
                test(&case_texts(&cases)?, &policies, &membership, out)
            }
            PolicyCommand::Explain { asked, rules } => {
                let (policies, membership) = rules.load(config).await?;
                match asked.question() {
                    Some(question) => Ok(explain(&question, asked.facts, &policies, &membership, out)),
                    None => Ok(list(&policies, out)),
                }
            }
            PolicyCommand::Status => texts::status(config, out).await,
            PolicyCommand::Restore => texts::restore(config, out).await,
            PolicyCommand::Diff(diff) => diff.run(config, out).await,
            PolicyCommand::Prove(prove) => prove.run(config).await,
        }
    }
}

impl RulesFrom {
    async fn load(&self, config: &Path) -> Result<(Policies, Membership), Failure> {
        if self.shipped {
            return Ok((
                Policies::shipped().map_err(Failure::trouble)?,
                Membership::shipped().map_err(Failure::trouble)?,
            ));
        }
        let Some(folder) = &self.policy else {
            let node = node_at(config).await?;
            let texts = node.policy_texts();
            let text = |name: &str| texts.text(name).map(str::to_owned).ok_or_else(|| Failure::trouble(name));
            return loaded(text, texts.text(PolicyTexts::OVERLAY));
        };
        let overlay = folder.join(PolicyTexts::OVERLAY);
        let overlay = if overlay.exists() { Some(read_text(&overlay)?) } else { None };
        loaded(|name| read_text(&folder.join(name)), overlay.as_deref())
    }
}

fn loaded(
    text: impl Fn(&str) -> Result<String, Failure>,
    overlay: Option<&str>,
) -> Result<(Policies, Membership), Failure> {
    let policies = Policies::load(&text("schema.cedarschema")?, &text("release.cedar")?).map_err(Failure::input)?;
    let (countries, tetragraphs) = (text("register/countries.json")?, text("register/tetragraphs.json")?);
    let membership = Membership::parse(&countries, &tetragraphs, overlay);
    Ok((policies, membership.map_err(Failure::input)?))
}

/// Reads the case files, as pairs of name and text; folders stand for the `.toml` files in them, and no name for the shipped
/// cases.
fn case_texts(named: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    if named.is_empty() {
        return Ok(cases::SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    }
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let unread = |e| cannot_read(path, &e);
            let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
                .map_err(unread)?;
            inside.retain(|p| p.extension().is_some_and(|e| e == "toml"));
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(Failure::input("no policy cases found: expected files ending in `.toml`"));
    }
    files.into_iter().map(|file| Ok((file.display().to_string(), read_text(&file)?))).collect()
}

fn test(files: &[(String, String)], policies: &Policies, membership: &Membership, out: Out) -> Result<Exit, Failure> {
    let mut outcomes: Vec<(&str, Outcome)> = Vec::new();
    for (name, text) in files {
        let run = cases::run(text, policies, membership).map_err(|e| Failure::input(format!("{name}: {e}")))?;
        outcomes.extend(run.into_iter().map(|o| (name.as_str(), o)));
    }
    let shown_by: BTreeSet<&str> = outcomes.iter().flat_map(|(_, o)| o.rules.iter().map(String::as_str)).collect();
    let unshown: Vec<&str> = policies.rules().map(|r| r.id.as_str()).filter(|id| !shown_by.contains(id)).collect();
    let failed: Vec<&(&str, Outcome)> = outcomes.iter().filter(|(_, o)| o.fault.is_some()).collect();
    let ok = failed.is_empty();
    let answer = json!({
        "ok": ok,
        "policy": policies.digest(),
        "cases": outcomes.iter().map(|(file, o)| json!({ "file": file, "case": o })).collect::<Vec<_>>(),
        "rules_without_a_case": unshown,
    });
    out.answer(&answer, |text| {
        for (file, outcome) in &failed {
            let fault = outcome.fault.as_deref().unwrap_or_default();
            let _ = writeln!(
                text,
                "{} {}: {}: {}",
                out.verdict("FAILED", false),
                shown(file),
                shown(&outcome.name),
                shown(fault)
            );
        }
        for rule in &unshown {
            let _ = writeln!(text, "note: no case shows the rule `{rule}`");
        }
        let permits = outcomes.iter().filter(|(_, o)| o.permit).count();
        let verdict = if ok { out.verdict("ok", true) } else { out.verdict("not ok", false) };
        let refusals = outcomes.len() - permits;
        let _ = writeln!(
            text,
            "{verdict}: {} cases ({permits} permits, {refusals} refusals), {} failed",
            outcomes.len(),
            failed.len()
        );
        let _ = writeln!(text, "policy {}", policies.digest());
    });
    Ok(if ok { Exit::Done } else { Exit::No })
}

fn list(policies: &Policies, out: Out) -> Exit {
    let mut rules: Vec<&RuleInfo> = policies.rules().collect();
    rules.sort_by_key(|r| (!r.permits, r.about, r.place));
    out.answer(&json!({ "policy": policies.digest(), "rules": rules }), |text| {
        let mut heading = String::new();
        for rule in &rules {
            let now = if rule.permits { "Permits".to_owned() } else { format!("Refuses, about the {}", rule.about) };
            if now != heading {
                let _ = writeln!(text, "{}", out.bold(&now));
                heading = now;
            }
            let _ = writeln!(text, "  {}. [{}]", shown(&rule.sentence), rule.id);
        }
        let _ = writeln!(text, "policy {}", policies.digest());
    });
    Exit::Done
}

fn explain(question: &Question, facts: bool, policies: &Policies, membership: &Membership, out: Out) -> Exit {
    let Verdict { permit, reasons, errors } = policy::decide(policies, membership, question);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let seen = question.facts(membership);
    let answer = json!({
        "permit": permit, "reasons": reasons, "errors": errors, "facts": seen, "policy": policies.digest(),
    });
    out.answer(&answer, |text| {
        let _ = writeln!(
            text,
            "{}",
            if permit { out.verdict("permitted by policy", true) } else { out.verdict("refused by policy", false) }
        );
        for reason in &reasons {
            let _ = writeln!(
                text,
                "  {} {} [{}]",
                out.verdict(if permit { "+" } else { "-" }, permit),
                shown(&reason.sentence),
                reason.id
            );
        }
        for error in &errors {
            let _ = writeln!(text, "  - {}", shown(error));
        }
        if reasons.is_empty() && errors.is_empty() {
            text.push_str("  - no rule permits it\n");
        }
        if facts {
            // INVARIANT: a JSON value prints.
            let _ = writeln!(text, "{}", serde_json::to_string_pretty(&seen).expect("a JSON value prints"));
        }
        text.push_str(
            "The marking engine must permit it as well: `portcullis explain` shows both decisions on a request.\n",
        );
    });
    if permit { Exit::Done } else { Exit::No }
}

/// An enrolled officer without any relation to the product.
fn some_officer(number: usize) -> VoterTerms {
    let id = format!("officer-{number}");
    VoterTerms { name: id.clone(), id, in_office: true }
}

impl Asked {
    fn question(&self) -> Option<Question> {
        let banner = self.banner.clone()?;
        let now = SystemClock.now();
        let mut portions: BTreeSet<String> = self.portion.iter().cloned().collect();
        if portions.is_empty() {
            // Without portion marks, the banner itself serves as one.
            portions.insert(format!("({banner})"));
        }
        Some(Question {
            stage: Stage::Approve,
            partner: AgreementTerms {
                partner: self.partner.clone(),
                code: self.partner.clone(),
                home: self.home.clone(),
                organisation: self.organisation,
                suspended: false,
                ceiling: self.ceiling.clone(),
                accreditations: self.accredited.iter().cloned().collect(),
                network: (!self.network.is_empty()).then(|| self.network.iter().cloned().collect()),
                kinds: [self.kind.clone()].into(),
                attachments: BTreeSet::new(),
                sends: true,
                valid_from: now.date(),
                valid_until: now.date(),
                age_days_max: u32::MAX,
                bytes_max: u64::MAX,
            },
            cut: CutTerms {
                banner,
                portions,
                kind: self.kind.clone(),
                attachments: BTreeSet::new(),
                bytes: 0,
                // A product without a date is releasable to no partner, and its age is not the question here.
                date: self.date.or_else(|| Some(now.date())),
                product: ProductTerms::default(),
                consents: BTreeSet::new(),
                received_from: BTreeSet::new(),
                shared_runs: 0,
                shared_words: 0,
            },
            request: RequestTerms {
                expires: now.plus(Duration::from_secs(60)),
                complete: true,
                objective: self.objective.clone().unwrap_or_default(),
                engages: self.perspectives,
                supports_outcome: self.outcome,
            },
            consents: Vec::new(),
            people: self.people,
            senior: self.senior,
            voters: (1..=self.people).map(some_officer).collect(),
            submitter: String::new(),
            inspected: true,
            now,
            clock_in_doubt: false,
        })
    }
}
