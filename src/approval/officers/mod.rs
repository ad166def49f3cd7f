//! Who may approve: officers with their roles and keys, and which records belong to one person.
//!
//! In come rows and certificates that were verified; out comes the roster. It refuses a roster in which two records may be one
//! person's, and says which.

pub(super) mod name_matching;
pub(super) mod role;
pub(super) mod officer;
pub(super) mod fault;
pub(super) mod identity;
pub(super) mod roster;
