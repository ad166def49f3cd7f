//! Changes to what releases are decided by: the texts of the policy (rules, schema, marking register, word lists,
//! guiding document) and the agreements with partners. A change says what it replaces and what by, digest by digest,
//! and two officers sign exactly that.
//!
//! It refuses to let one person change what is released, whatever keys they hold; to let a change made against other
//! texts than are in force take effect; and to let one take effect twice.

mod consent;
mod proposal;
mod texts;

pub use consent::{Authorised, Consent, ConsentVoid, NotAuthorised, OFFICERS_MIN, VoidConsent, authorise};
pub use proposal::{ChangeSet, Part, PartName, Proposal, ProposalFault};
pub use texts::{PolicyTexts, TextsFault};
