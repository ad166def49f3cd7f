//! The release decision for each partner, from the record, source consents and the known origin of content.
//!
//! In come requests and the participants of one moment; out come candidates, decisions and permits to send, with
//! every reason. It refuses to decide on anything but the record as it is at that moment.

pub(in crate::gateway) mod assembly;
pub(in crate::gateway) mod consents;
pub(in crate::gateway) mod origin;
pub(in crate::gateway) mod permit;
pub(in crate::gateway) mod reasons;
pub(in crate::gateway) mod dossier;
pub(in crate::gateway) mod forecast;
pub(in crate::gateway) mod candidates;
