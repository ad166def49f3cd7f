//! Submission: a product is checked, submitted and recorded as a request.
//!
//! In come a product, its terms and a signature; out goes a request with an exchange for each partner. It refuses,
//! before anything is stored, a product that can never be released.

pub(in crate::gateway) mod request;
pub(in crate::gateway) mod submit;
pub(in crate::gateway) mod check;
pub(in crate::gateway) mod preview;
pub(in crate::gateway) mod precheck;
