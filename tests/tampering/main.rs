//! Whoever can write to a node's database or spool, without any key, releases nothing and changes nothing unnoticed.

mod altered;
mod facts;
mod finished;
mod inbox_columns;
mod release_columns;
mod sealed_payload;

#[path = "../support/mod.rs"]
mod support;
