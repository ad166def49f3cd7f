//! Plain data for front ends, and its conversion from rows. All text is as recorded.

pub(super) mod exchange;
pub(super) mod operator;
pub(super) mod officer;
pub(super) mod what_if;
pub(super) mod from_record;
