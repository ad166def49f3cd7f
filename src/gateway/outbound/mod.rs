//! Outbound flow: submission, decision, release, sealing, the queue, and each delivery attempt.
//!
//! In come products and approvals; out go sealed envelopes, offered one attempt at a time. It refuses whatever the
//! release decision does not permit now: at submission, after the last approval, at both gates, and during transfer.

pub(super) mod decision;
pub(super) mod submission;
pub(super) mod delivery;
pub(super) mod sealing;
pub(super) mod release;
