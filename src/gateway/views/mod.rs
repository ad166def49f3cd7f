//! Plain data that commands and consoles are shown, and how rows become it. Every text is as the record has it.

pub(super) mod exchange;
pub(super) mod officer;
pub(super) mod from_record;
