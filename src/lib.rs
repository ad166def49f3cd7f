//! Portcullis: a cross-domain gateway through which tearline products are exchanged with foreign partners.
//!
//! The order of the modules below is the order to read them in, and the order they depend on each other: a module
//! uses only modules above it. `tests/architecture/` holds them to that, and holds the pure core away from tokio,
//! files, sockets and clocks.
//!
//! An outbound product passes `product` → `cut` → `inspect` → `approval` → `release` → `seal` → `wire`;
//! what a partner sends takes the same road inward. `docs/ARCHITECTURE.md` tells it at length.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// ── pure core: no tokio, no files, no sockets, no clock ──
pub mod text_codec;
pub mod time;
pub mod log_limiter;
pub mod digest;
pub mod invisible;
pub mod ident;
pub mod sign;
pub mod precedence;
pub mod marking;
pub mod partner;
pub mod product;
pub mod consent;
pub mod cut;
pub mod origin;
pub mod rebuild;
pub mod inspect;
pub mod approval;
pub mod policy;
pub mod change;
pub mod envelope;
pub mod release;
pub mod seal;
pub mod ledger;
pub mod wire;

// ── io shell ──
pub mod progress;
pub mod system;
pub mod filter_process;
pub mod config;
pub mod store;
pub mod pki;
pub mod edge;
pub mod gateway;
pub mod telemetry;
pub mod cli;
