//! Views for officers, and outcomes of what they signed: plain data, with every text as recorded.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::approval::{Approval, Terms};
use crate::gateway::views::exchange::{ExchangeForecast, ExchangeView, ReasonView};

/// An approval as it would be signed, without the signer.
#[derive(Clone, Debug)]
pub struct Unsigned(pub(in crate::gateway) Approval);

/// One attachment as an officer is shown it.
#[derive(Clone, Debug)]
pub struct AttachmentShown {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its marking.
    pub marking: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many pages it has, if it has pages and they were read.
    pub pages: Option<usize>,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Its content as displayed: the text, the rows of a table, the text of a page; for a picture, a note that it is
    /// one.
    pub text: String,
}

/// An officer in a list.
#[derive(Clone, Debug, Serialize)]
pub struct OfficerView {
    /// The name they are enrolled under.
    pub officer: String,
    /// The person's name.
    pub name: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// `in office`, `expired`, `revoked`, `not certified`, `excluded` or `altered`.
    pub state: String,
    /// When their certificates end; empty for officers who are revoked, excluded or not certified.
    pub until: String,
    /// Fingerprints of their keys.
    pub keys: Vec<String>,
    /// Serial numbers of their certificates, hexadecimal, in the order of the keys.
    pub serials: Vec<String>,
    /// Their certificates, PEM, in the order of the keys.
    pub certificates: Vec<String>,
    /// Why they are not certified, or excluded.
    pub problem: Option<String>,
}

impl OfficerView {
    /// An officer whose row differs from the ledger: none of its content is shown.
    pub(in crate::gateway) fn altered(officer: &str) -> OfficerView {
        OfficerView {
            officer: officer.to_owned(),
            name: String::new(),
            roles: Vec::new(),
            state: "altered".to_owned(),
            until: String::new(),
            keys: Vec::new(),
            serials: Vec::new(),
            certificates: Vec::new(),
            problem: Some("the row differs from the ledger: out of office; run `ledger verify`".to_owned()),
        }
    }
}

/// The outcome of a recall.
#[derive(Clone, Debug, Serialize)]
pub struct RecallView {
    /// The request or exchange.
    pub subject: String,
    /// The officer who ordered it.
    pub officer: String,
    /// The code that partners receive.
    pub why: String,
    /// Exchanges that were cancelled before they left.
    pub cancelled: Vec<String>,
    /// Notices to the partners that have it or may have it.
    pub notices: Vec<ExchangeView>,
}

/// The review that an officer sees before signing.
#[derive(Clone, Debug)]
pub struct RequestReview {
    /// The request.
    pub request: String,
    /// Its terms.
    pub terms: Terms,
    /// What each partner would get.
    pub cuts: Vec<CutReview>,
    pub(in crate::gateway) approval: Unsigned,
}

/// One cut as an officer is shown it.
#[derive(Clone, Debug)]
pub struct CutReview {
    /// The partner.
    pub partner: String,
    /// The effort that its release would count as by the guiding document, and the outcome that it serves; empty if
    /// unknown.
    pub effort: String,
    /// Its marking.
    pub marking: String,
    /// Its digest.
    pub digest: String,
    /// Its size in bytes, attachments included.
    pub bytes: u64,
    /// Fingerprint of the partner's enrolled description.
    pub enrolment: String,
    /// Digest of the agreement with it.
    pub agreement: String,
    /// Its text, without the bodies of attachments, which are shown separately.
    pub text: String,
    /// Its attachments, rendered.
    pub attachments: Vec<AttachmentShown>,
    /// The tearlines that are not in it, and why.
    pub withheld: Vec<WithheldView>,
    /// The source with the verdict on each tearline; for our own side only.
    pub source: String,
    /// The source consents that its release would rest on: name, who consented, reference and end.
    pub consents: Vec<String>,
    /// Its content from other partners, and where it is.
    pub received: Vec<String>,
    /// Full names of the codes in its banner, each with similar codes.
    pub named: Vec<String>,
    /// Warnings about its markings: unusual or unverifiable ones.
    pub warnings: Vec<String>,
    /// What was removed or rewritten before cutting: kinds, counts and places.
    pub rewritten: Vec<String>,
    /// Each run of words that it shares with content withheld from the partner: both places, both markings, and its
    /// length.
    pub shared: Vec<String>,
    /// What changed since the last release to this partner.
    pub changes: ChangesView,
    /// The decision's reasons as of now.
    pub forecast: Vec<ReasonView>,
}

/// A tearline that is not released.
#[derive(Clone, Debug, Serialize)]
pub struct WithheldView {
    /// Its number, from 1 at the top.
    pub tearline: usize,
    /// Its banner.
    pub marking: String,
    /// Number of its portions.
    pub portions: usize,
    /// Number of its attachments.
    pub attachments: usize,
    /// Why it is not released.
    pub why: Vec<String>,
}

/// What changed since the last release of a product to a partner.
#[derive(Clone, Debug, Serialize)]
pub struct ChangesView {
    /// The exchange that carried it then.
    pub since: Option<String>,
    /// When that last changed.
    pub when: Option<String>,
    /// What changed, in a few words.
    pub summary: String,
    /// The changed lines.
    pub diff: Option<String>,
}

/// A request that waits for officers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitingRequest {
    /// Its number.
    pub request: String,
    /// Its purpose.
    pub purpose: String,
    /// Its precedence.
    pub precedence: String,
    /// When it expires.
    pub expires: String,
    /// Officers who have approved it and whose approvals count now.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// Officers whose approvals do not count, and why.
    #[serde(default)]
    pub void: Vec<String>,
    /// What each partner would get, by partner.
    pub cuts: Vec<AwaitingCut>,
}

/// One cut of a request that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitingCut {
    /// The partner.
    pub partner: String,
    /// Digest of the cut.
    pub digest: String,
    /// Its marking.
    pub marking: String,
}

/// The outcome of a refusal.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedRequest {
    /// The request.
    pub request: String,
    /// `refused`.
    pub state: String,
    /// The officer who refused it.
    pub officer: String,
    /// The role in which they refused it.
    pub role: String,
    /// Why.
    pub why: String,
    /// The effect on each exchange: what was stopped, and what was sent already.
    pub exchanges: Vec<RefusedExchange>,
}

/// The effect of a refusal on one exchange.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedExchange {
    /// The exchange.
    pub exchange: String,
    /// The partner.
    pub partner: String,
    /// `stopped`; `stopping` while it is being sent; `unanswered` if the partner may have it; `left`; or `over`.
    pub outcome: String,
    /// The effect in a sentence, with the time.
    pub what: String,
}

impl RefusedExchange {
    /// It was waiting and will not be sent.
    pub const STOPPED: &'static str = "stopped";
    /// It is being sent; its attempt will find the refusal.
    pub const STOPPING: &'static str = "stopping";
    /// Its key was sent, but the partner has not answered.
    pub const UNANSWERED: &'static str = "unanswered";
    /// It was delivered.
    pub const LEFT: &'static str = "left";
    /// It had ended without being sent.
    pub const OVER: &'static str = "over";

    /// Whether the partner has it or may have it.
    pub fn has_left(&self) -> bool {
        [RefusedExchange::LEFT, RefusedExchange::UNANSWERED].contains(&self.outcome.as_str())
    }
}

/// The outcome of an approval.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalOutcome {
    /// The request.
    pub request: String,
    /// The officer who signed it.
    pub officer: String,
    /// Whether it counts as a vote.
    pub counts: bool,
    /// Also covered by the signature: each run of words shared with content withheld from a partner.
    pub shared: Vec<String>,
    /// Why it does not count.
    pub void: Vec<String>,
    /// What each exchange still needs before its release.
    pub exchanges: Vec<ExchangeForecast>,
}

/// One attachment of a cut that was written out, and the files that render it.
#[derive(Clone, Debug, Serialize)]
pub struct AttachmentWritten {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// How many pages it has, if it has pages.
    pub pages: Option<usize>,
    /// A PNG of each page and the text of all of them; for a picture, the file itself. None for text, which is in the
    /// review and beside the cut.
    pub files: Vec<PathBuf>,
    /// What could not be rendered, and why; `None` if everything was.
    pub lacks: Option<String>,
}

/// A cut that was written out.
#[derive(Clone, Debug, Serialize)]
pub struct CutWritten {
    /// The file, or the folder of text and attachments.
    pub place: PathBuf,
    /// Its attachments.
    pub attachments: Vec<AttachmentWritten>,
}
