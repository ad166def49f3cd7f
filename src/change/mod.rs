//! Changes to what releases are decided by, and to who decides them: the texts of the policy (rules, schema, marking
//! register, word lists, filter settings, guiding document), officers, partners and the agreements with them, a clock
//! that was doubted, a ledger that lost entries. A change says what it replaces and what by, digest by digest, and two
//! officers sign exactly that. The first of them, the founding, is signed by every officer whom it appoints.
//!
//! It refuses to let one person change what is released or by whom, whatever keys they hold; to let a change made for
//! another node, or against other texts than are in force, take effect; and to let one take effect twice.

mod appointment;
mod consent;
mod founding;
mod lost;
mod part;
mod proposal;
mod texts;

pub use appointment::{Appointment, AppointmentFault};
pub use consent::{Authorised, Consent, ConsentVoid, NotAuthorised, OFFICERS_MIN, VoidConsent, authorise};
pub use founding::{NotFounded, appointed, found};
pub use lost::{HeadPlace, LostHead, LostHeads, MissingHead};
pub use part::{Part, PartName};
pub use proposal::{ChangeSet, Proposal, ProposalFault};
pub use texts::{PolicyTexts, TextsFault};
