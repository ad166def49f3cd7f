//! Policy: the release rules, written in Cedar so that a lawyer can read them, and asked about one cut for one partner. A
//! [`Question`] in plain terms comes in; a [`Verdict`] with the rules that decided goes out. The facts come from policy's own
//! reading of the marks; it shares no code with the marking engine, which checks it.
//!
//! It refuses to release anything: `release` does, and only if policy and the marking engine both permit. It refuses
//! rules that do not validate against the schema, and any error while deciding is a refusal.

mod fault;
mod membership;
mod mark_reader;
mod terms;
mod cedar_values;
mod cut_facts;
mod consents;
mod entity_cache;
mod rules;
mod question;
mod verdict;
mod prohibitions;
pub mod cases;
pub mod obligations;
mod priorities;

pub use consents::ConsentTerms;
pub use fault::PolicyFault;
pub use membership::{Membership, MembershipFault};
pub use priorities::{Effort, Objective, Priorities, PrioritiesFault, PriorityPartner};
pub use prohibitions::Prohibitions;
pub use question::Question;
pub use rules::{About, Policies, RuleInfo};
pub use terms::{AgreementTerms, CutTerms, ProductTerms, RequestTerms, Stage, VoterTerms};
pub use verdict::{RuleHit, Verdict, decide};

/// The schema that ships with the gateway.
pub const SHIPPED_SCHEMA: &str = Policies::SHIPPED_SCHEMA;
/// The release rules that ship with the gateway.
pub const SHIPPED_RULES: &str = Policies::SHIPPED_RULES;
