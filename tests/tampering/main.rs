//! Somebody who can write to a node's database or spool, without a key, can release nothing and change nothing unnoticed.

mod altered;
mod facts;
mod finished;
mod inbox_columns;
mod release_columns;
mod sealed_payload;

#[path = "../support/mod.rs"]
mod support;
