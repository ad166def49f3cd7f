//! Logging: one line per event with named fields, compact on a terminal and JSON otherwise. Product content is never logged.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Replaces the filter after logging was started.
static REPLACE: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();

/// An invalid log filter.
#[derive(Debug, thiserror::Error)]
#[error("invalid log filter `{filter}`: expected directives such as `info` or `portcullis=debug,quinn=warn`")]
pub struct BadFilter {
    filter: String,
}

/// Checks that `filter` is a `tracing` filter.
///
/// # Errors
/// [`BadFilter`] if it is not.
pub fn check(filter: &str) -> Result<(), BadFilter> {
    read(filter).map(drop)
}

fn read(filter: &str) -> Result<EnvFilter, BadFilter> {
    EnvFilter::try_new(filter).map_err(|_| BadFilter { filter: filter.to_owned() })
}

/// Replaces the filter, from the next event on. Has no effect if logging was not started by [`start`].
///
/// # Errors
/// [`BadFilter`] if `filter` is not a `tracing` filter; the current one stays.
pub fn replace(filter: &str) -> Result<(), BadFilter> {
    let filter = read(filter)?;
    if let Some(replace) = REPLACE.get() {
        replace(filter);
    }
    Ok(())
}

/// Starts logging to standard error. Call once, in the binary only.
///
/// # Errors
/// [`BadFilter`] if `filter` is not a `tracing` filter.
pub fn start(filter: &str) -> Result<(), BadFilter> {
    let filter = read(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(true);
    // An existing subscriber belongs to a test and stays.
    if std::io::stderr().is_terminal() {
        let builder = builder.compact().with_filter_reloading();
        let handle = builder.reload_handle();
        if builder.try_init().is_ok() {
            let _ = REPLACE.set(Box::new(move |filter| drop(handle.reload(filter))));
        }
    } else {
        let builder = builder.json().flatten_event(true).with_current_span(false).with_span_list(false);
        let builder = builder.with_ansi(false).with_filter_reloading();
        let handle = builder.reload_handle();
        if builder.try_init().is_ok() {
            let _ = REPLACE.set(Box::new(move |filter| drop(handle.reload(filter))));
        }
    }
    Ok(())
}
