//! What a partner would get: the one tearline of a product that may go to it.
//!
//! It refuses to pick portions out of a tearline, and to choose anything from a product that is not sound as a whole.

pub mod select;
