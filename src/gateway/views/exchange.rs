//! Views of exchanges, requests, partners, the inbox and the ledger: plain data, with every text as recorded. Times are
//! RFC 3339 in UTC, digests `sha256:` or hexadecimal as on record, numbers of exchanges and requests as `ex-…` and `rq-…`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::approval::Aims;
use crate::partner::Partner;

/// One reason for or against a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonView {
    /// Which check gave it.
    pub source: String,
    /// Its stable code or rule id.
    pub code: String,
    /// The reason in a sentence.
    pub sentence: String,
    /// Whether it supports the release.
    pub permits: bool,
}

/// A partner in a list.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerView {
    /// The name it is enrolled under.
    pub partner: String,
    /// The organisation.
    pub name: String,
    /// Its country or organisation code.
    pub code: String,
    /// `active`, `suspended` or `removed`.
    pub standing: String,
    /// The agreement's reference.
    pub agreement: String,
    /// The highest classification that may be exchanged.
    pub ceiling: String,
    /// The agreement's last day.
    pub until: String,
}

impl PartnerView {
    /// The view of `partner`.
    pub fn of(partner: &Partner) -> PartnerView {
        PartnerView {
            partner: partner.id.to_string(),
            name: partner.description.name.clone(),
            code: partner.agreement.party.code.clone(),
            standing: partner.standing.to_string(),
            agreement: partner.agreement.id.clone(),
            ceiling: partner.agreement.ceiling.abbreviation().to_owned(),
            until: partner.agreement.valid_until.to_string(),
        }
    }
}

/// The outcome of a submission.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SubmitOutcome {
    /// A request is open and waits for approvals.
    Open(RequestOpened),
    /// Nothing was queued.
    Refused {
        /// The partners for whom nothing can be released, and why.
        refused: Vec<PartnerRefusal>,
        /// Faults of the product or the terms themselves.
        faults: Vec<String>,
    },
}

/// A request that was opened.
#[derive(Clone, Debug, Serialize)]
pub struct RequestOpened {
    /// Its number, `rq-…`.
    pub request: String,
    /// One exchange per partner.
    pub exchanges: Vec<ExchangeForecast>,
    /// Partners that received the replaced product and are not among the recipients of this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_replaced: Vec<String>,
}

/// What an exchange still needs before its release.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeForecast {
    /// The exchange.
    pub exchange: String,
    /// The partner.
    pub partner: String,
    /// Marking of the cut.
    pub marking: String,
    /// SHA-256 of the cut, hexadecimal.
    pub digest: String,
    /// The state of the exchange.
    pub state: String,
    /// Whether it would be released now.
    pub permitted: bool,
    /// The decision's reasons as of now.
    pub forecast: Vec<ReasonView>,
}

/// A partner for whom nothing can be released.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerRefusal {
    /// The partner.
    pub partner: String,
    /// Why, tearline by tearline.
    pub reasons: Vec<ReasonView>,
}

/// One product in quarantine.
#[derive(Clone, Debug, Serialize)]
pub struct QuarantineView {
    /// The item, as far as known.
    #[serde(flatten)]
    pub item: InboxView,
    /// The findings: codes and places, never content.
    pub verdicts: Vec<String>,
    /// Its text, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A request in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RequestView {
    /// Its number, `rq-…`.
    pub request: String,
    /// `open`, `refused`, `expired`, ...
    pub state: String,
    /// Who submitted it.
    pub submitter: String,
    /// Its purpose.
    pub purpose: String,
    /// The outcome and objectives that it supports.
    #[serde(flatten)]
    pub aims: Aims,
    /// When it expires, RFC 3339.
    pub expires: String,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// The officer whose signed statement refused it.
    pub refused_by: Option<String>,
    /// The request whose product this one replaces.
    pub supersedes: Option<String>,
}

/// An exchange in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExchangeView {
    /// Its number, `ex-…`.
    pub exchange: String,
    /// `out` or `in`.
    pub direction: String,
    /// The partner.
    pub partner: String,
    /// Its state, in the words of [`ExchangeState`](crate::store::ExchangeState), such as `requested` or `delivered`.
    pub state: String,
    /// Its precedence: `FLASH`, `IMMEDIATE`, `PRIORITY` or `ROUTINE`.
    pub precedence: String,
    /// The banner of what is exchanged; empty if none is on record.
    pub marking: String,
    /// Number of delivery attempts.
    pub attempts: u32,
    /// Why the last attempt did not deliver; empty if none failed.
    pub last_failure: String,
    /// The request it belongs to; empty for what came from a partner.
    pub request: String,
    /// The title of the product, as its marking allows; empty where none is on record.
    pub title: String,
    /// When it began, RFC 3339.
    pub created: String,
    /// When it last changed, RFC 3339.
    pub updated: String,
    /// `product`, or `recall` of one.
    pub carries: String,
    /// The earlier exchange that it recalls or replaces, `ex-…`; empty if there is none.
    pub about: String,
    /// When its product was recalled, RFC 3339, and the reason's code in parentheses; empty if it was not.
    pub recalled: String,
    /// The later exchange that replaced its product, `ex-…`; empty if there is none.
    pub superseded_by: String,
    /// Since when delivery is unknown, RFC 3339: the key was sent then, and the partner has not answered. Empty if it is known.
    pub unanswered: String,
    /// What it waits for while it is `requested`, such as `awaiting approval: 1 of 2`; empty until
    /// [`Node::fill_awaits`](crate::gateway::Node::fill_awaits) fills it in.
    pub awaits: String,
    /// What the partner's receipt says of the recalled or replaced product, in one sentence; empty if it says nothing.
    pub answer: String,
}

/// Everything on record about one exchange.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeDetail {
    /// The exchange.
    #[serde(flatten)]
    pub exchange: ExchangeView,
    /// Its subjects, separated by `; `.
    pub subjects: String,
    /// The contact for it.
    pub contact: String,
    /// Its purpose.
    pub purpose: String,
    /// SHA-256 of the cut, hexadecimal; empty before there is one.
    pub cut_digest: String,
    /// SHA-256 of the sealed payload, hexadecimal; empty before it is sealed.
    pub payload_digest: String,
    /// When it expires, RFC 3339; empty if it does not.
    pub expires: String,
    /// The approvals.
    pub approvals: Vec<ApprovalView>,
    /// The receipt; `None` before delivery.
    pub receipt: Option<ReceiptView>,
    /// Its ledger entries, oldest first.
    pub history: Vec<LedgerEntryView>,
}

/// One approval on record.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalView {
    /// The officer who gave it.
    pub officer: String,
    /// The role in which they gave it.
    pub role: String,
    /// When it was given, RFC 3339.
    pub given: String,
    /// Why it does not count for an undelivered exchange; empty if it counts or the exchange has ended.
    pub void: Vec<String>,
}

/// A receipt on record.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptView {
    /// `accepted` or `quarantined`.
    pub disposition: String,
    /// When the partner had stored it durably, RFC 3339.
    pub received: String,
    /// The partner's ledger checkpoint, a C2SP signed note.
    pub checkpoint: String,
}

/// A knowledge-store record.
#[derive(Clone, Debug, Serialize)]
pub struct RecordView {
    /// The exchange.
    #[serde(flatten)]
    pub exchange: ExchangeView,
    /// Its purpose.
    pub purpose: String,
    /// Its subjects, separated by `; `.
    pub subjects: String,
    /// The contact for it.
    pub contact: String,
    /// The approvals.
    pub approvals: Vec<ApprovalView>,
    /// The receipt.
    pub receipt: Option<ReceiptView>,
}

/// The current release decision for every partner of a subject.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The request or exchange.
    pub subject: String,
    /// The outcome and objectives it supports, as the submitter states.
    pub aims: Aims,
    /// SHA-256 of the policy it was decided under, hexadecimal.
    pub policy: String,
    /// SHA-256 of the marking register it was decided under, hexadecimal.
    pub register: String,
    /// The decision for each partner.
    pub partners: Vec<PartnerExplained>,
}

/// The decision for one partner.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerExplained {
    /// The partner.
    pub partner: String,
    /// The exchange.
    pub exchange: String,
    /// The state of the exchange.
    pub state: String,
    /// Whether it is permitted.
    pub permitted: bool,
    /// `permitted`; `pending`, where only approvals or a time are missing; `closed`, where it was delivered or has ended; or
    /// `refused`.
    pub verdict: &'static str,
    /// Whether the node has decided on it with all required approvals.
    pub decided: bool,
    /// Every reason.
    pub reasons: Vec<ReasonView>,
    /// The effort that its release counts as today by the guiding document, and the preferred outcome; empty without
    /// one.
    pub effort: String,
    /// The source consents that it rests on.
    pub consents: Vec<String>,
    /// Its content from other partners.
    pub received: Vec<String>,
    /// Whether the partner's window is open for it now, in a sentence; `None` if the agreement has no windows.
    pub window: Option<String>,
}

/// Something a partner sent.
#[derive(Clone, Debug, Serialize)]
pub struct InboxView {
    /// The exchange it came by.
    pub exchange: String,
    /// The partner that sent it.
    pub partner: String,
    /// `received`, `taken` or `quarantined`.
    pub state: String,
    /// Its marking.
    pub marking: String,
    /// Its title.
    pub title: String,
    /// When it arrived, as its receipt says.
    pub received: String,
    /// When it was taken for the first time; empty if it was not.
    pub taken: String,
    /// When and why the partner recalled it: it must not be used.
    pub recalled: String,
    /// The exchange by which its replacement came.
    pub superseded_by: String,
    /// The exchange by which what it replaces came.
    pub replaces: String,
}

/// One product in the inbox.
#[derive(Clone, Debug, Serialize)]
pub struct InboxItem {
    /// The item.
    #[serde(flatten)]
    pub item: InboxView,
    /// Why it is in quarantine.
    pub quarantine: Vec<String>,
    /// The product; none for what is in quarantine.
    pub text: Option<String>,
}

/// A ledger entry.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerEntryView {
    /// Its index.
    pub index: u64,
    /// When it was recorded.
    pub time: String,
    /// Its kind, such as `exchange.sent`.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Who caused it.
    pub actor: String,
    /// Its details, by name.
    pub detail: BTreeMap<String, String>,
}

/// The result of verifying a ledger.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerVerified {
    /// Whether everything agrees.
    pub ok: bool,
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree.
    pub root: String,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The discrepancies.
    pub problems: Vec<String>,
}
