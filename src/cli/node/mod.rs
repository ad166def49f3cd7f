//! `portcullis init`, `found`, `config`, `serve`, `clock` and `cert`: creating and running a node.

pub(super) mod config;
pub(super) mod clock;
pub(super) mod cert;
pub(super) mod serve;
pub(super) mod policy_folder;
pub(super) mod init;
pub(super) mod founding;
