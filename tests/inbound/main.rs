//! The way in: what a partner sends and does not get in, does not finish, or gets into quarantine.

mod lying_sender;
mod quarantine;
mod refused_offers;
mod unfinished;

#[path = "../support/partner.rs"]
mod partner;
#[path = "../support/mod.rs"]
mod support;
