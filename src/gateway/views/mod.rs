//! Plain data for commands and consoles, and its conversion from rows. All text is as recorded.

pub(super) mod exchange;
pub(super) mod officer;
pub(super) mod from_record;
