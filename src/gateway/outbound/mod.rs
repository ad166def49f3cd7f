//! The way out: submission, decision, release, sealing, the queue, and each attempt to deliver.
//!
//! In come products, and approvals that suffice; out go sealed envelopes, offered one attempt at a time. It refuses whatever
//! the release decision does not permit now: at submission, after the last approval, at both gates, and while it is sent.

pub(super) mod reasons;
pub(super) mod allowance;
pub(super) mod assembly;
pub(super) mod consents;
pub(super) mod decision;
pub(super) mod forecast;
pub(super) mod request;
pub(super) mod gates;
pub(super) mod origin;
pub(super) mod outcome;
pub(super) mod receipted;
pub(super) mod permit;
pub(super) mod attempt;
pub(super) mod sealing;
pub(super) mod release;
pub(super) mod stopped;
pub(super) mod hold;
pub(super) mod stopping;
pub(super) mod precheck;
pub(super) mod submission;
pub(super) mod check;
