//! Why there is no cut from one tearline, or none for a partner. For this node's officers only.

use super::read::NotACut;
use super::reason::{Places, Reason, refused};
use super::select::Verdict;
use crate::marking::{AccessRefusal, PartnerRights};
use crate::product::Tearline;

/// Every reason why one tearline is not releasable to the partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TearlineRefusal {
    /// The index of the tearline, from zero at the top.
    pub index: usize,
    /// The reasons.
    pub reasons: Vec<Reason>,
}

/// Why there is no cut for a partner. For this node's officers only: nothing of it is sent to a partner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    /// The product as a whole is refused for every partner.
    #[error("product is refused as a whole: {reason}")]
    Product {
        /// The code of the fault and the tearline in which it was found.
        reason: String,
    },
    /// No tearline is releasable to the partner.
    #[error("no tearline is releasable to this partner: {}", reasons(per_tearline))]
    NothingReleasable {
        /// The reasons, for each tearline from the top.
        per_tearline: Vec<TearlineRefusal>,
    },
    /// The tearline is not releasable to the partner.
    #[error("tearline {index} is not releasable to this partner: {}", codes(reasons))]
    Tearline {
        /// The index of the tearline, from zero at the top.
        index: usize,
        /// The reasons.
        reasons: Vec<Reason>,
    },
    /// The product has no such tearline.
    #[error("product has {count} tearlines: there is no tearline {index} counted from zero")]
    NoSuchTearline {
        /// The requested index, from zero.
        index: usize,
        /// The number of tearlines of the product.
        count: usize,
    },
    /// The tearline has an attachment of a type that the agreement does not include. It is not left out: a tearline is released as a
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
        /// The index of the first lower tearline that is releasable, from zero at the top.
        lower: Option<usize>,
    },
    /// The assembled text is not a valid cut. This is a fault of the gateway, and nothing is released.
    #[error("internal fault: the assembled cut is not valid: {0}")]
    NotACut(#[from] NotACut),
}

fn or_lower(lower: Option<usize>) -> String {
    lower.map_or_else(String::new, |index| {
        let number = index + 1;
        format!("; tearline {number} is releasable: to send it instead, submit with `--tearline {number}`")
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
    /// Describes a verdict as a refusal. The reason of a tearline that was passed over is that a lower one was requested.
    pub(super) fn of(index: usize, verdict: &Verdict, tearline: &Tearline, link: &PartnerRights) -> TearlineRefusal {
        let reasons = match verdict {
            Verdict::Refused(refusals) => reasons_of(refusals, tearline, link),
            other => vec![Reason { code: other.to_string(), sentence: "a lower tearline was requested".into() }],
        };
        TearlineRefusal { index, reasons }
    }
}

/// Describes the refusals of the marking engine for a tearline and the partner behind `link`.
pub(super) fn reasons_of(refusals: &[AccessRefusal], tearline: &Tearline, link: &PartnerRights) -> Vec<Reason> {
    let places = Places::of(tearline);
    refusals.iter().map(|refusal| refused(refusal, &places, &link.id)).collect()
}
