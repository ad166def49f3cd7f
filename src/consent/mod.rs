//! Consents of sources: a government, an organisation or an originator agrees that its information is passed on to named partners,
//! for one product or a class of products, until a date. Two officers record each consent.
//!
//! In come consents as TOML, and the marks of a cut; out come the consents that the cut needs ([`Need`]) and the rights that the
//! recorded consents give the link. It makes no decision; `release` does.
//!
//! A consent without product, partners, reference or end is refused, and so is one of a concealed source that covers more than one
//! product.

mod record;
mod need;

pub use need::{Described, Need, chosen, rights};
pub use record::{ConsentFault, ConsentId, Covers, SourceConsent};
