//! Inbound flow: an offer, its payload, the examination of the content, the inbox or quarantine, and the receipt.
//!
//! In come manifests, payloads and headers from the edge; out go receipts and refusal codes. It refuses what no
//! agreement permits before accepting a byte, and quarantines what fails a check.

pub(super) mod answer;
pub(super) mod examination;
pub(super) mod inbox;
pub(super) mod panics;
pub(super) mod payload_sink;
pub(super) mod quarantine;
pub(super) mod receipt;
pub(super) mod offer;
pub(super) mod refused_offers;
pub(super) mod renderings;
pub(super) mod unfinished;
