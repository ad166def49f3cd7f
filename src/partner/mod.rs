//! Partners: who they are, what our agreement with them allows, and how their node is recognised.
//!
//! It refuses to take any right from a partner's own description: keys and addresses are theirs to state, but what
//! may flow is read only from the agreement that our operator signed.

mod agreement;
mod breaker;
mod description;
mod named;
mod owners;
mod roster;
pub(crate) mod toml_date;
mod window;

pub use agreement::{Agreement, AgreementFault, FORMATS, Flow, Limits, Order, Party, Retry};
pub use breaker::{Breaker, Circuit, Observed};
pub use description::{Description, DescriptionFault, Fingerprinted, Fingerprints, ledger_key_fingerprint};
pub use owners::{KeyOwner, KeyOwners, KeyPurpose, KeyTaken};
pub use roster::{Partner, Roster, Standing};
pub use window::{Hour, NotATimeOfDay, Offset, Opening, Weekday, Window, Windows};
