//! Logging: one line per event with named fields, compact on a terminal and JSON otherwise. Product content is never logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// A log filter that is not valid.
#[derive(Debug, thiserror::Error)]
#[error("invalid log filter `{filter}`: expected directives such as `info` or `portcullis=debug,quinn=warn`")]
pub struct BadFilter {
    filter: String,
}

/// Starts logging to standard error. Call once, in the program only.
///
/// # Errors
/// [`BadFilter`] if `filter` is not a `tracing` filter.
pub fn start(filter: &str) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(filter).map_err(|_| BadFilter { filter: filter.to_owned() })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(true);
    // A subscriber that is already there belongs to a test; it stays.
    let _ = if std::io::stderr().is_terminal() {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).with_ansi(false).try_init()
    };
    Ok(())
}
