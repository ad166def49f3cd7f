//! Certificates of authorities, nodes and officers: parsed, and checked against their profile field by field.
//!
//! In comes DER and a profile; out comes a typed certificate. A field or extension that the profile does not name is refused.

pub(super) mod fault;
pub(super) mod fields;
pub(super) mod officer_profile;
pub(super) mod profile_check;
pub(super) mod authority;
pub(super) mod end_entity;
pub(super) mod node;
pub(super) mod officer;
