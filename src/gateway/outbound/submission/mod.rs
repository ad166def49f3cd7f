//! A product is checked, submitted and put on record as a request.
//!
//! In come a product, its terms and a signature; out goes a request with an exchange for each partner. It refuses, before anything is
//! kept, what could never go.

pub(in crate::gateway) mod request;
pub(in crate::gateway) mod submit;
pub(in crate::gateway) mod check;
pub(in crate::gateway) mod precheck;
