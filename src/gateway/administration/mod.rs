//! What operators and officers change: partners, officers' keys and certificates, rules, a clock or a ledger in doubt, and
//! what is done by hand with an exchange.
//!
//! In come proposals and signed changes; out go rows, ledger entries and files in one commit. It refuses a change that too few
//! officers have signed, that gives a key a second owner, or that rests on something that has changed since.

pub(super) mod change;
pub(super) mod change_checks;
pub(super) mod apply;
pub(super) mod effective_changes;
pub(super) mod founding;
pub(super) mod key_owners;
pub(super) mod manual;
pub(super) mod orphans;
pub(super) mod partners;
pub(super) mod revocation_lists;
pub(super) mod certificates;
pub(super) mod what_if;
