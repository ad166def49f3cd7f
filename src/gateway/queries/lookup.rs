//! Looks up exchanges and requests by a prefix of their number.

use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, RequestId};
use crate::store::{ExchangeFilter, RequestFilter};

/// Candidates that an error lists; one more is read to know whether there are others.
const CANDIDATES: usize = 5;
const CANDIDATES_MAX: u32 = 6;
/// Hexadecimal digits of a number.
const DIGITS: usize = 32;

impl Node {
    /// The exchange whose number begins with `text`, such as `ex-0199a5`. A complete number is returned without a
    /// query.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if none begins so, or several do; the latter lists them.
    pub async fn exchange_beginning(&self, text: &str) -> Result<ExchangeId, GatewayError> {
        if let Ok(whole) = text.parse() {
            return Ok(whole);
        }
        let filter = ExchangeFilter { between: range(text), limit: CANDIDATES_MAX, ..ExchangeFilter::default() };
        let found = match filter.between {
            Some(_) => self.store().exchanges(&filter).await?.iter().map(|row| row.id).collect(),
            None => Vec::new(),
        };
        only("exchange", text, found)
    }

    /// The request whose number begins with `text`, such as `rq-0199a5`. A complete number is returned without a
    /// query.
    ///
    /// # Errors
    /// As [`Node::exchange_beginning`].
    pub async fn request_beginning(&self, text: &str) -> Result<RequestId, GatewayError> {
        if let Ok(whole) = text.parse() {
            return Ok(whole);
        }
        let filter = RequestFilter { between: range(text), limit: CANDIDATES_MAX, ..RequestFilter::default() };
        let found = match filter.between {
            Some(_) => self.store().requests(&filter).await?.iter().map(|row| row.id).collect(),
            None => Vec::new(),
        };
        only("request", text, found)
    }
}

/// The first and the last number that begin with `text`.
fn range<T: std::str::FromStr>(text: &str) -> Option<(T, T)> {
    let (kind, digits) = text.split_once('-')?;
    let filled = |digits: String| format!("{kind}-{digits}").parse().ok();
    Some((filled(format!("{digits:0<DIGITS$}"))?, filled(format!("{digits:f<DIGITS$}"))?))
}

/// The single element of `found`, the numbers that begin with `text`.
fn only<T: Copy + std::fmt::Display>(what: &str, text: &str, found: Vec<T>) -> Result<T, GatewayError> {
    match &found[..] {
        [one] => Ok(*one),
        [] => Err(GatewayError::NotFound(format!("no {what} begins with `{text}`: see `status --all`"))),
        several => {
            let listed: Vec<String> = several.iter().take(CANDIDATES).map(ToString::to_string).collect();
            let more = if several.len() > CANDIDATES { ", and more" } else { "" };
            let listed = listed.join(", ");
            Err(GatewayError::NotFound(format!(
                "`{text}` is ambiguous: it matches {listed}{more}; give more digits of the {what}'s number"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_stands_for_the_one_number_that_has_it() {
        let id = |text: &str| text.parse::<ExchangeId>().unwrap();
        let one = id("ex-0199a5b2c3d47e8f9a0b1c2d3e4f5061");
        let two = id("ex-0199a5b2c3d47e8f9a0b1c2d3e4f5062");
        let (first, last) = (id("ex-0199a500000000000000000000000000"), id("ex-0199a5ffffffffffffffffffffffffff"));
        assert_eq!(range::<ExchangeId>("ex-0199a5"), Some((first, last)));
        assert!((first..=last).contains(&one));
        assert_eq!(range::<ExchangeId>("rq-0199a5"), None);
        assert_eq!(range::<ExchangeId>("ex-0199A5"), None);
        assert_eq!(only("exchange", "ex-0199", vec![one]).unwrap(), one);
        let ambiguous = only("exchange", "ex-0199", vec![two, one]).unwrap_err().to_string();
        assert!(ambiguous.contains(&one.to_string()) && ambiguous.contains(&two.to_string()), "{ambiguous}");
        let unknown = only::<ExchangeId>("exchange", "ex-0200", vec![]).unwrap_err().to_string();
        assert!(unknown.contains("no exchange begins with `ex-0200`"), "{unknown}");
    }
}
