//! Plain data for front ends.
//!
//! In come rows of the store; out goes plain data to serialise. It refuses to interpret: all text is as recorded, and a front
//! end escapes it before it shows it.

pub(super) mod exchange;
pub(super) mod operator;
pub(super) mod officer;
pub(super) mod what_if;
pub(super) mod from_record;
