//! Labels: markings in external formats. A marking is written as a confidentiality label of STANAG 4774, bound to bytes by
//! STANAG 4778, or as STIX data markings. Such labels are parsed under our rules.
//!
//! In both directions it refuses whatever has no exact equivalent in the other format, and any XML construct that a label does
//! not need.

mod xml;
mod c14n;
pub mod stanag4774;
pub mod stanag4778;
mod tlp;
pub mod stix;

pub use xml::XmlError;
