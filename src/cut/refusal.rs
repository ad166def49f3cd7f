//! Why there is no cut: for one tearline, or for a partner. For our own side only.

use super::read::NotACut;
use super::reason::{Places, Reason, refused};
use super::select::Verdict;
use crate::marking::{AccessRefusal, LinkRights};
use crate::product::Tearline;

/// Why one tearline may not go to the partner: every reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TearlineRefusal {
    /// Which tearline, counted from the top.
    pub index: usize,
    /// Each reason.
    pub reasons: Vec<Reason>,
}

/// Why there is no cut for a partner. For our own side only: a partner learns nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    /// The product as a whole is refused, whatever the partner.
    #[error("product is refused as a whole: {reason}")]
    Product {
        /// What is wrong with it, as the marking engine names it.
        reason: String,
    },
    /// No tearline may go to the partner.
    #[error("no tearline may go to this partner: {}", reasons(per_tearline))]
    NothingReleasable {
        /// The reasons, for each tearline from the top.
        per_tearline: Vec<TearlineRefusal>,
    },
    /// The tearline asked for is not there, or lies above the ones that may go.
    #[error("tearline {index} may not go to this partner: {}", codes(reasons))]
    Tearline {
        /// Which tearline, counted from the top.
        index: usize,
        /// Each reason.
        reasons: Vec<Reason>,
    },
    /// The product has no such tearline.
    #[error("product has {count} tearlines: there is no tearline {index} counted from zero")]
    NoSuchTearline {
        /// The one that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The tearline has an attachment of a type that the agreement does not name. It is not left out: a tearline goes
    /// whole or not at all.
    #[error(
        "attachment on line {line} has the media type `{media_type}`, which the agreement does not name: remove it from the tearline, or amend the agreement{}",
        or_lower(*.lower)
    )]
    AttachmentType {
        /// The declared media type.
        media_type: String,
        /// The line of the source on which it begins.
        line: usize,
        /// The first tearline beneath it that may go, counted from zero.
        lower: Option<usize>,
    },
    /// What was assembled does not read back as a cut. This is a fault of the gateway, and nothing goes.
    #[error("assembled cut does not read back: {0}")]
    NotACut(#[from] NotACut),
}

fn or_lower(lower: Option<usize>) -> String {
    lower.map_or_else(String::new, |index| {
        let number = index + 1;
        format!("; tearline {number} may go: to send it instead, submit with `--tearline {number}`")
    })
}

fn reasons(per_tearline: &[TearlineRefusal]) -> String {
    let one = |t: &TearlineRefusal| format!("tearline {}: {}", t.index, codes(&t.reasons));
    per_tearline.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn codes(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(", ")
}

impl TearlineRefusal {
    /// The refusal that a verdict is for people. A tearline that was passed over gives that as its reason.
    pub(super) fn of(index: usize, verdict: &Verdict, tearline: &Tearline, link: &LinkRights) -> TearlineRefusal {
        let reasons = match verdict {
            Verdict::Refused(refusals) => reasons_of(refusals, tearline, link),
            other => vec![Reason { code: other.to_string(), sentence: "a lower tearline was requested".into() }],
        };
        TearlineRefusal { index, reasons }
    }
}

/// The refusals of the marking engine for a tearline and the partner behind `link`, in words for people.
pub(super) fn reasons_of(refusals: &[AccessRefusal], tearline: &Tearline, link: &LinkRights) -> Vec<Reason> {
    let places = Places::of(tearline);
    refusals.iter().map(|refusal| refused(refusal, &places, &link.id)).collect()
}
