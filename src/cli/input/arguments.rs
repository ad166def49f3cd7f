//! Arguments of several commands: durations, numbers of exchanges and requests, and limits on lists.

use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::cli::output::Failure;
use crate::gateway::Node;
use crate::ident::{ConsentId, ExchangeId, NotAnIdent, RequestId};

/// The ID of an exchange, or a unique prefix of it.
#[derive(Clone, Debug)]
pub struct ExchangeArg(String);

/// The ID of a request, or a unique prefix of it.
#[derive(Clone, Debug)]
pub struct RequestArg(String);

/// An exchange or a request.
#[derive(Clone, Debug)]
pub enum SubjectArg {
    /// An exchange (`ex-…`).
    Exchange(ExchangeArg),
    /// A request (`rq-…`).
    Request(RequestArg),
}

/// The name of a consent, or a unique prefix of it.
#[derive(Clone, Debug)]
pub struct ConsentArg(String);

/// Whether `text` is the beginning of a number such as `ex-0199a5b2c3d47e8f9a0b1c2d3e4f5061`.
fn begins(text: &str, kind: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let digits = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| (1..=32).contains(&digits.len()) && digits.bytes().all(digit))
}

fn wrong(error: NotAnIdent) -> String {
    format!("{error}, or a unique prefix of one")
}

impl FromStr for ExchangeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<ExchangeArg, String> {
        match text.parse::<ExchangeId>() {
            Err(error) if !begins(text, "ex") => Err(wrong(error)),
            _ => Ok(ExchangeArg(text.to_owned())),
        }
    }
}

impl FromStr for RequestArg {
    type Err = String;

    fn from_str(text: &str) -> Result<RequestArg, String> {
        match text.parse::<RequestId>() {
            Err(_) if begins(text, "ex") => {
                Err(format!("`{text}` is an exchange: give its request (`rq-…`), which `status {text}` names"))
            }
            Err(error) if !begins(text, "rq") => Err(wrong(error)),
            _ => Ok(RequestArg(text.to_owned())),
        }
    }
}

impl FromStr for SubjectArg {
    type Err = String;

    fn from_str(text: &str) -> Result<SubjectArg, String> {
        if text.starts_with("ex-") {
            return text.parse().map(SubjectArg::Exchange);
        }
        if text.starts_with("rq-") {
            return text.parse().map(SubjectArg::Request);
        }
        Err("expected the ID of an exchange (`ex-…`) or a request (`rq-…`), or a unique prefix of it".to_owned())
    }
}

impl FromStr for ConsentArg {
    type Err = String;

    fn from_str(text: &str) -> Result<ConsentArg, String> {
        // A beginning may end in a character that no name ends in. The empty text begins every name, so it is refused.
        match text.parse::<ConsentId>() {
            Err(error) if text.is_empty() || format!("{text}0").parse::<ConsentId>().is_err() => Err(error.to_string()),
            _ => Ok(ConsentArg(text.to_owned())),
        }
    }
}

impl ExchangeArg {
    /// Looks up the exchange.
    ///
    /// # Errors
    /// [`Failure`] if no exchange begins with it, or several do; they are listed.
    pub(in crate::cli) async fn find(&self, node: &Node) -> Result<ExchangeId, Failure> {
        node.exchange_beginning(&self.0).await.map_err(Failure::from)
    }
}

impl RequestArg {
    /// Looks up the request.
    ///
    /// # Errors
    /// As [`ExchangeArg::find`].
    pub(in crate::cli) async fn find(&self, node: &Node) -> Result<RequestId, Failure> {
        node.request_beginning(&self.0).await.map_err(Failure::from)
    }
}

impl ConsentArg {
    /// Looks up the consent.
    ///
    /// # Errors
    /// As [`ExchangeArg::find`].
    pub(in crate::cli) async fn find(&self, node: &Node) -> Result<ConsentId, Failure> {
        let all = node.consents().await.map_err(Failure::from)?;
        let found: Vec<&ConsentId> = all.iter().map(|c| &c.name).filter(|n| n.as_str().starts_with(&self.0)).collect();
        if let Some(whole) = found.iter().find(|name| name.as_str() == self.0) {
            return Ok((*whole).clone());
        }
        match &found[..] {
            [one] => Ok((*one).clone()),
            [] => Err(Failure::refused(format!("no consent `{}` is on record: see `consent list`", self.0))),
            several => {
                let listed: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                Err(Failure::input(format!("`{}` is ambiguous: it may be {}", self.0, listed.join(", "))))
            }
        }
    }
}

/// The maximum length of a list.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Limit {
    /// Maximum results.
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    limit: Option<NonZeroUsize>,
}

impl Limit {
    /// The first `--limit` rows; all without `--limit`.
    pub(in crate::cli) fn first<T>(self, mut rows: Vec<T>) -> Vec<T> {
        rows.truncate(self.limit.map_or(usize::MAX, NonZeroUsize::get));
        rows
    }
}

/// Parses a number of at least 1.
pub(in crate::cli) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

/// Parses a duration of at least one second, such as `90s`, `30m`, `12h` or `7d`.
pub(in crate::cli) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "expected a duration such as `90s`, `30m`, `12h` or `7d`".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|s| *s > 0).map(std::time::Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_has_at_least_one_character_of_the_number_or_name() {
        for text in ["", "-a", "A", "a b", &"a".repeat(41)] {
            assert!(text.parse::<ConsentArg>().is_err(), "{text:?}");
        }
        assert!("e".parse::<ConsentArg>().is_ok() && "exercise-".parse::<ConsentArg>().is_ok());
        for text in ["", "ex", "ex-", "rq-0", "ex-0199A5"] {
            assert!(text.parse::<ExchangeArg>().is_err(), "{text:?}");
        }
        for text in ["", "rq", "rq-", "ex-0", "rq-g"] {
            assert!(text.parse::<RequestArg>().is_err(), "{text:?}");
        }
        assert!("ex-0".parse::<ExchangeArg>().is_ok() && "rq-0".parse::<RequestArg>().is_ok());
    }
}
