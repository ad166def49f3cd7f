//! Changes that need two officers: policy texts (rules, schema, marking register, word lists, filter settings, guiding document),
//! officers, partners and agreements, consents of sources, a clock that was in doubt, a ledger that lost entries.
//!
//! In comes a [`Proposal`]: the digests of the texts it replaces, the new texts, and the officers' signed consents. Out comes
//! [`Authorised`], the proof that two officers consented to exactly that. The first change of a node, its founding, is signed by every
//! officer whom it appoints.
//!
//! It refuses a change by one person, whatever keys they hold; a change for another node, or against texts other than those in force;
//! and a change that has already taken effect.

mod policy_texts;
mod lost_checkpoints;
mod appointment;
mod part;
mod proposal;
mod consent;
mod authorise;
mod founding;

pub use appointment::{Appointment, AppointmentFault};
pub use authorise::{Authorised, NotAuthorised, OFFICERS_MIN, authorise};
pub use consent::{Consent, ConsentVoid, VoidConsent};
pub use founding::{NotFounded, appointed, found};
pub use lost_checkpoints::{CheckpointPlace, LostCheckpoint, LostCheckpoints, MissingCheckpoint};
pub use part::{NotAPartName, Part, PartName};
pub use policy_texts::{PolicyTexts, TextsFault};
pub use proposal::{ChangeSet, Proposal, ProposalFault};
