//! Changes by operators and officers: partners, officers' keys and certificates, rules, acceptance of a doubted clock
//! or ledger, and manual operations on exchanges.
//!
//! In come proposals and signed changes; out go rows, ledger entries and files in one commit. It refuses a change
//! that lacks signatures, gives a key a second owner, or rests on something that has changed since.

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
