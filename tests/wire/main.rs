//! The protocol as bytes: frames, and two ends that exchange them.

mod exchange;
mod frames;
mod stop;

#[path = "../support/property.rs"]
mod property;
