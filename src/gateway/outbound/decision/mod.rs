//! What could go to each partner, and whether it may: assembled from the record, with consents and what is known of its origin.
//!
//! In come requests and the participants of one moment; out come candidates, decisions and permits to send, with every reason.

pub(in crate::gateway) mod assembly;
pub(in crate::gateway) mod consents;
pub(in crate::gateway) mod origin;
pub(in crate::gateway) mod permit;
pub(in crate::gateway) mod reasons;
pub(in crate::gateway) mod dossier;
pub(in crate::gateway) mod forecast;
pub(in crate::gateway) mod candidates;
