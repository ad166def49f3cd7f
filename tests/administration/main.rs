//! What changes a node: partners, keys, revocation lists, consents, policy, and how many people that takes.

mod consents;
mod key_ownership;
mod partners;
mod policy_change;
mod revocation_lists;
mod two_person_rule;

#[path = "../support/mod.rs"]
mod support;
