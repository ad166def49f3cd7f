//! What commands and consoles are shown: plain data, with every text as the record has it.

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
    /// Whether it speaks for the release.
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
    /// The highest classification that may flow.
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

/// What a submission led to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SubmitOutcome {
    /// A request is open and waits for approvals.
    Open(RequestOpened),
    /// Nothing was queued.
    Refused {
        /// The partners for whom nothing may go, and why.
        refused: Vec<PartnerRefusal>,
        /// What is wrong with the product or the terms themselves.
        faults: Vec<String>,
    },
}

/// A request that was opened.
#[derive(Clone, Debug, Serialize)]
pub struct RequestOpened {
    /// Its number.
    pub request: String,
    /// One exchange a partner.
    pub exchanges: Vec<ExchangeForecast>,
    /// Partners who got what is replaced, and are not among those who get the replacement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_replaced: Vec<String>,
}

/// What stands between an exchange and its release.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeForecast {
    /// The exchange.
    pub exchange: String,
    /// To whom.
    pub partner: String,
    /// Marking of the cut.
    pub marking: String,
    /// Digest of the cut.
    pub digest: String,
    /// Where the exchange stands.
    pub state: String,
    /// Whether it would be released now.
    pub permitted: bool,
    /// The decision's reasons as of now.
    pub forecast: Vec<ReasonView>,
}

/// A partner for whom nothing may go.
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
    /// What it is, as far as that is known.
    #[serde(flatten)]
    pub item: InboxView,
    /// What was found wrong with it: codes and places, never content.
    pub verdicts: Vec<String>,
    /// Its text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A request in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RequestView {
    /// Its number.
    pub request: String,
    /// `open`, `refused`, `expired`, ...
    pub state: String,
    /// Who submitted it.
    pub submitter: String,
    /// What it is for.
    pub purpose: String,
    /// What it is to serve beyond sharing.
    #[serde(flatten)]
    pub aims: Aims,
    /// When it ends.
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
    /// Its number.
    pub exchange: String,
    /// `out` or `in`.
    pub direction: String,
    /// With whom.
    pub partner: String,
    /// Where it stands.
    pub state: String,
    /// How urgent it is.
    pub precedence: String,
    /// The marking of what is exchanged.
    pub marking: String,
    /// How often delivery was tried.
    pub attempts: u32,
    /// Why the last try did not deliver.
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
    /// The earlier exchange that it withdraws or replaces.
    pub about: String,
    /// When and why its product was withdrawn.
    pub recalled: String,
    /// The later exchange that replaced its product.
    pub superseded_by: String,
    /// Since when it is not known whether the partner has its product: it was let go then, and not answered.
    pub unanswered: String,
    /// What it waits for while it is `requested`, such as `awaiting approval: 1 of 2`; where views were asked for with it.
    pub awaits: String,
    /// What the partner had done with its product when it was withdrawn or replaced, or where the recall is.
    pub answer: String,
}

/// Everything on record about one exchange.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeDetail {
    /// The exchange.
    #[serde(flatten)]
    pub exchange: ExchangeView,
    /// Subjects.
    pub subjects: String,
    /// Whom to call about it.
    pub contact: String,
    /// What it is for.
    pub purpose: String,
    /// Digest of the cut.
    pub cut_digest: String,
    /// Digest of the sealed payload.
    pub payload_digest: String,
    /// When it ends.
    pub expires: String,
    /// Who approved.
    pub approvals: Vec<ApprovalView>,
    /// The receipt.
    pub receipt: Option<ReceiptView>,
    /// Its ledger entries.
    pub history: Vec<LedgerEntryView>,
}

/// One approval on record.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalView {
    /// Who.
    pub officer: String,
    /// In which role.
    pub role: String,
    /// When.
    pub given: String,
    /// Why it does not count for what has not been delivered; empty where it counts, and for what has ended.
    pub void: Vec<String>,
}

/// A receipt on record.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptView {
    /// `accepted` or `quarantined`.
    pub disposition: String,
    /// When the partner had it durably.
    pub received: String,
    /// The partner's ledger checkpoint.
    pub checkpoint: String,
}

/// A knowledge-store record.
#[derive(Clone, Debug, Serialize)]
pub struct RecordView {
    /// The exchange.
    #[serde(flatten)]
    pub exchange: ExchangeView,
    /// What it is for.
    pub purpose: String,
    /// Subjects.
    pub subjects: String,
    /// Whom to call about it.
    pub contact: String,
    /// Who approved.
    pub approvals: Vec<ApprovalView>,
    /// The receipt.
    pub receipt: Option<ReceiptView>,
}

/// The release decision as it stands, for every partner of a subject.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The request or exchange.
    pub subject: String,
    /// What it is to serve, as whoever submitted it says.
    pub aims: Aims,
    /// Digest of the policy it was decided under.
    pub policy: String,
    /// Digest of the marking register it was decided under.
    pub register: String,
    /// Each partner.
    pub partners: Vec<PartnerExplained>,
}

/// The decision for one partner.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerExplained {
    /// The partner.
    pub partner: String,
    /// The exchange.
    pub exchange: String,
    /// Where the exchange stands.
    pub state: String,
    /// Whether it is permitted.
    pub permitted: bool,
    /// `permitted`; `pending`, where only approvals or a time are missing; `closed`, where it was delivered or has ended; or
    /// `refused`.
    pub verdict: &'static str,
    /// Whether the node has decided on it, with all the approvals it was waiting for.
    pub decided: bool,
    /// Every reason.
    pub reasons: Vec<ReasonView>,
    /// What its release counts as today by the guiding document, and the outcome that is preferred; empty where there is none.
    pub effort: String,
    /// The consents of sources that it rests on.
    pub consents: Vec<String>,
    /// What in it came from other partners.
    pub received: Vec<String>,
    /// Whether the partner's window is open to it now, in a sentence; none where the agreement has no windows.
    pub window: Option<String>,
}

/// Something a partner sent.
#[derive(Clone, Debug, Serialize)]
pub struct InboxView {
    /// The exchange it came by.
    pub exchange: String,
    /// Who sent it.
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
    /// When and why the partner withdrew it: it is not to be used.
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
    /// When.
    pub time: String,
    /// What.
    pub kind: String,
    /// To what.
    pub subject: String,
    /// By whom.
    pub actor: String,
    /// The facts.
    pub detail: BTreeMap<String, String>,
}

/// Whether a ledger holds.
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
    /// What does not agree.
    pub problems: Vec<String>,
}
