//! Labels: a marking in the formats of others. A marking goes out as a confidentiality label of STANAG 4774, bound to bytes by
//! STANAG 4778, or as STIX data markings; such labels come in and are read back under our rules.
//!
//! It refuses, both ways, whatever has no faithful image in the other format, and any XML construct that a label does not need.

mod xml;
mod c14n;
pub mod stanag4774;
pub mod stanag4778;
mod tlp;
pub mod stix;

pub use xml::XmlError;
