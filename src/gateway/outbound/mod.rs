//! The way out: submission, decision, release, sealing, the queue, and each attempt to deliver.
//!
//! In come products, and approvals that suffice; out go sealed envelopes, offered one attempt at a time. It refuses whatever
//! the release decision does not permit now: at submission, after the last approval, at both gates, and while it is sent.

pub(super) mod decision;
pub(super) mod submission;
pub(super) mod delivery;
pub(super) mod sealing;
pub(super) mod release;
