//! `portcullis submit`, `approve`, `refuse`, `recall`, `request` and `explain`: what people do with a request.
//!
//! In comes what a person typed or signed; out goes what the gateway answered. Nothing is decided here.

pub(super) mod explain;
pub(super) mod submit_offline;
pub(super) mod submit;
pub(super) mod refuse;
pub(super) mod recall;
pub(super) mod export;
pub(super) mod approve_batch;
pub(super) mod approve;
