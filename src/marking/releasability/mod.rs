//! Releasability: who may have what a marking covers. A marking, the rights of a link and the rules come in; the audience,
//! the conditions to meet and the decision on one partner go out (spec 1.9).
//!
//! It is default deny: an unknown code, an organisation without listed members or an unmet condition is a refusal. It shares
//! no code with roll-up's expansion and none with the policy engine.

pub(super) mod audience;
pub(super) mod condition;
pub mod accreditation;
mod decision;

pub use audience::{Audience, DisclosureState};
pub use condition::{BY_CONSENT, Condition};
pub use decision::{AccessCheck, AccessRefusal, PartnerKind, PartnerRights, Permitted, may_release};
