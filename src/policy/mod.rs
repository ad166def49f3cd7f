//! Policy: the release rules, written in Cedar so that a lawyer can read them, and asked about one cut for one partner.
//! Its facts come from its own reading of the markings; it shares no code with the marking engine that checks it.
//!
//! It refuses to release anything: `release` does, and only if policy and the marking engine both permit. It refuses
//! rules that do not validate against the schema, and it takes any error while deciding for a refusal.

pub mod cases;
mod consents;
mod cui;
mod facts;
mod items;
mod known;
mod membership;
mod merged;
mod never;
pub mod obligations;
mod priorities;
mod rules;
mod split;
mod values;
mod verdict;

pub use consents::ConsentTerms;
pub use facts::{AgreementTerms, CutTerms, ProductTerms, Question, RequestTerms, Stage, VoterTerms};
pub use membership::{Membership, MembershipFault};
pub use never::Never;
pub use priorities::{Effort, Objective, Priorities, PrioritiesFault, PriorityPartner};
pub use rules::{About, Policies, PolicyFault, RuleInfo};
pub use verdict::{RuleHit, Verdict, decide};

/// The schema that ships with the gateway.
pub const SHIPPED_SCHEMA: &str = Policies::SHIPPED_SCHEMA;
/// The release rules that ship with the gateway.
pub const SHIPPED_RULES: &str = Policies::SHIPPED_RULES;
