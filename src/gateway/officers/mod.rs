//! What officers do with a request: they review it, approve it or refuse it, here or on a machine of their own.
//!
//! In come signed statements; out go what is to be signed and what became of it. It refuses statements of people without the
//! role, of those who submitted the request, and over anything that is not exactly what would be sent.

pub(super) mod certification;
pub(super) mod attachments;
pub(super) mod approval;
pub(super) mod refusal;
pub(super) mod review;
pub(super) mod offline;
pub(super) mod roster;
