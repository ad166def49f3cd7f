//! Consents of sources: that a government, an organisation or an originator lets what is theirs go on to named partners,
//! for one product or a bounded class of them, until a day. Each is a record of its own, put on record by two officers.
//!
//! It refuses to stand for more than it says: no consent is without a product, partners, a reference and an end, and a
//! concealed source consents product by product. It decides nothing; `release` asks it.

mod need;
mod record;

pub use need::{Described, Need, chosen, rights};
pub use record::{ConsentFault, ConsentId, Covers, SourceConsent};
