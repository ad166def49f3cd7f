//! Partners: their identities, the agreement with each, and how their nodes are recognised.
//!
//! In come the agreement (TOML, written by this node's operator) and the partner's description (JSON); out come checked values and
//! the [`Roster`] on which decisions are made.
//!
//! A description grants no rights: it states keys and addresses, and only the agreement determines what may be exchanged.

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
