//! What officers sign besides approvals: that a request is refused, that what left is withdrawn, that a product in quarantine
//! may be read after all.

pub(super) mod order;
pub(super) mod admission;
pub(super) mod recall;
pub(super) mod refusal;
