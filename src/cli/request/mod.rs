//! `portcullis submit`, `approve`, `refuse`, `recall`, `request` and `explain`: the life of a request.
//!
//! Commands pass what a person typed or signed to the gateway and print its answer. They decide nothing.

pub(super) mod explain;
pub(super) mod submit_offline;
pub(super) mod submit;
pub(super) mod write_out;
mod review;
pub(super) mod export;
mod outcome;
pub(super) mod approve_batch;
pub(super) mod approve;
pub(super) mod refuse;
pub(super) mod recall;
