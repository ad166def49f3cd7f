//! `portcullis policy`: try the release rules, ask them, and compare them; `portcullis change` changes them.

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
use crate::cli::input::files::read_text;
use crate::cli::input::open::node_at;
use crate::policy::cases::{self, Outcome};
use crate::policy::{
    self, AgreementTerms, CutTerms, Membership, Policies, ProductTerms, Question, RequestTerms, RuleInfo, Stage,
    Verdict, VoterTerms,
};
use crate::system::SystemClock;
use crate::time::Clock as _;

/// Try the release rules, ask them, and compare them. Two officers change them: see `portcullis change`.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Run the policy cases: each says what must be decided, and by which rules. Exit status 1 if any is not so.
    Test {
        /// Files of cases, or folders of them; the cases that ship with the gateway if none is named.
        cases: Vec<PathBuf>,
        #[command(flatten)]
        rules: RulesFrom,
    },
    /// Say in a sentence what each rule does; with `--banner`, say which rules decide on a marking and why.
    Explain {
        #[command(flatten)]
        asked: Box<Asked>,
        #[command(flatten)]
        rules: RulesFrom,
    },
    /// Say what is in force, and whether the policy folder agrees. Exit status 1 if it does not.
    Status,
    /// Make the policy folder hold what is in force again; edits are kept beside it.
    Restore,
    Diff(diff::Diff),
    Prove(prove::Prove),
}

/// Whose rules.
#[derive(Debug, clap::Args)]
pub struct RulesFrom {
    /// A policy folder to use instead of the rules in force at the node.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Use the rules that ship with the gateway; no node is needed.
    #[arg(long, conflicts_with = "policy")]
    shipped: bool,
}

/// A question to the rules. What is not given is in order: an agreement in force, two approvals, an inspected cut.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// The banner, in its canonical form.
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
    /// What the link is accredited for, such as `SCI:SI`; repeat for several.
    #[arg(long, requires = "banner")]
    accredited: Vec<String>,
    /// What the network under the link may carry, as a code; repeat for several. No bound if left out.
    #[arg(long, requires = "banner")]
    network: Vec<String>,
    /// The objective of the guiding document that the request cites.
    #[arg(long, requires = "banner")]
    objective: Option<String>,
    /// The request says that perspectives are sought from the partner.
    #[arg(long, requires = "banner")]
    perspectives: bool,
    /// The request says that a preferred outcome is supported.
    #[arg(long, requires = "banner")]
    outcome: bool,
    /// The kind of product.
    #[arg(long, requires = "banner", default_value = "report")]
    kind: String,
    /// The product's date; unknown if left out.
    #[arg(long, requires = "banner")]
    date: Option<jiff::civil::Date>,
    /// How many people have validly approved.
    #[arg(long, requires = "banner", default_value_t = 2)]
    people: usize,
    /// How many of them as a senior disclosure officer.
    #[arg(long, requires = "banner", default_value_t = 0)]
    senior: usize,
    /// Show the facts that the rules see.
    #[arg(long, requires = "banner")]
    facts: bool,
}

impl PolicyCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the policy or a file of cases does not read.
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

/// The texts of the files named, folders opened; the shipped ones if none is named.
fn case_texts(named: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    if named.is_empty() {
        return Ok(cases::SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    }
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let unread = |e| Failure::input(format!("`{}` cannot be read: {e}", path.display()));
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
        return Err(Failure::input("no file of policy cases there: expected files ending in `.toml`"));
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
            "The marking engine must permit it as well: `portcullis explain` asks both about a real request.\n",
        );
    });
    if permit { Exit::Done } else { Exit::No }
}

/// Somebody in office who has nothing to do with the product.
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
            // A banner's own words are read in a portion mark too.
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
                // Its age is not what is asked here: a product whose date is not known would go to nobody.
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
