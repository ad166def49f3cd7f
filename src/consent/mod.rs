//! Consents of sources: a government, an organisation or an originator agrees that information of theirs is passed on to
//! named partners, for one product or a class of products, until a date. Two officers put each consent on record.
//!
//! In go consents as TOML, and the marks of a cut; out come the consents that the cut needs ([`Need`]) and the rights that
//! those on record give the link. It decides nothing: `release` asks it.
//!
//! It refuses a consent without product, partners, reference and end, and one of a concealed source that covers more than
//! one product.

mod record;
mod need;

pub use need::{Described, Need, chosen, rights};
pub use record::{ConsentFault, ConsentId, Covers, SourceConsent};
