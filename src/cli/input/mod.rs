//! The input of commands: arguments, files, keys, prompts, signals, and the node to work on.
//!
//! It refuses input that cannot be used, and says what to give instead.

pub(super) mod interrupt;
pub(super) mod console;
pub(super) mod files;
pub(super) mod keys;
pub(super) mod arguments;
pub(super) mod open;
