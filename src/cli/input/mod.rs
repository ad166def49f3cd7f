//! What a command is given: arguments, files, keys, answers at the terminal, and the node to work on.
//!
//! It refuses what cannot be used, and says what to give instead.

pub(super) mod interrupt;
pub(super) mod console;
pub(super) mod files;
pub(super) mod keys;
pub(super) mod arguments;
pub(super) mod open;
