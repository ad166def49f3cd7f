//! `portcullis init`, `found`, `serve`, `clock` and `cert`: making a node, and running it.

pub(super) mod config;
pub(super) mod clock;
pub(super) mod cert;
pub(super) mod serve;
pub(super) mod policy_folder;
pub(super) mod init;
pub(super) mod founding;
