//! Partners: who they are, what our agreement with each allows, and how their nodes are recognised.
//!
//! In go the agreement that our operator wrote and the description that the partner gave, both TOML; out come checked values
//! and the [`Roster`] that decisions are made on.
//!
//! It refuses to take any right from a partner's own description: a description states keys and addresses, and only the
//! agreement says what may flow.

pub(crate) mod toml_fields;
mod window;
mod limits;
mod retry;
mod agreement;
mod circuit_breaker;
mod description;
mod key_owners;
mod roster;

pub use agreement::{Agreement, AgreementFault, FORMATS, Flow, Order, Party};
pub use circuit_breaker::{Breaker, Circuit, Observed};
pub use description::{Description, DescriptionFault, Fingerprinted, Fingerprints, ledger_key_fingerprint};
pub use key_owners::{KeyOwner, KeyOwners, KeyPurpose, KeyTaken};
pub use limits::Limits;
pub use retry::Retry;
pub use roster::{Partner, Roster, Standing};
pub use window::{Hour, NotATimeOfDay, Offset, Opening, Weekday, Window, Windows};
