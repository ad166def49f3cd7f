//! Officers' work on requests: they review, approve or refuse them, here or on their own machine.
//!
//! In come signed statements; out go texts to sign and recorded outcomes. It refuses statements by people without the
//! role, by the submitter of the request, and about anything that differs from what would be sent.

pub(super) mod certification;
pub(super) mod attachments;
pub(super) mod approval;
pub(super) mod refusal;
pub(super) mod review;
pub(super) mod offline;
pub(super) mod roster;
