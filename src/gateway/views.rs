//! What commands and consoles are shown: plain data, with every text as the record has it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::approval::Terms;
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
    /// `active` or `suspended`.
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
            standing: format!("{:?}", partner.standing).to_lowercase(),
            agreement: partner.agreement.id.clone(),
            ceiling: partner.agreement.ceiling.abbreviation().to_owned(),
            until: partner.agreement.valid_until.to_string(),
        }
    }
}

/// An officer in a list.
#[derive(Clone, Debug, Serialize)]
pub struct OfficerView {
    /// The name they are enrolled under.
    pub officer: String,
    /// The person's name.
    pub name: String,
    /// What they may do.
    pub roles: Vec<String>,
    /// `in office`, `expired`, `revoked` or `not certified`.
    pub state: String,
    /// When their certificates end.
    pub until: String,
    /// Fingerprints of their keys.
    pub keys: Vec<String>,
    /// Serial numbers of their certificates, hexadecimal, in the order of the keys.
    pub serials: Vec<String>,
    /// Their certificates, PEM, in the order of the keys.
    pub certificates: Vec<String>,
    /// Why they are not certified.
    pub problem: Option<String>,
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

/// What an officer is shown before signing.
#[derive(Clone, Debug)]
pub struct RequestReview {
    /// The request.
    pub request: String,
    /// Its terms.
    pub terms: Terms,
    /// What each partner would get.
    pub cuts: Vec<CutReview>,
    pub(super) approval: super::approve::Unsigned,
}

/// One cut as an officer is shown it.
#[derive(Clone, Debug)]
pub struct CutReview {
    /// Who would get it.
    pub partner: String,
    /// Its marking.
    pub marking: String,
    /// Its digest.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// Its exact text.
    pub text: String,
    /// What of the product is not in it, by count.
    pub held_back: String,
    /// What was taken out or written anew before the cut was made: kinds, counts and places.
    pub changes: Vec<String>,
    /// The decision's reasons as of now.
    pub forecast: Vec<ReasonView>,
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

/// What became of an approval.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalOutcome {
    /// The request.
    pub request: String,
    /// Who signed.
    pub officer: String,
    /// Whether it counts as a vote.
    pub counts: bool,
    /// Why it does not.
    pub void: Vec<String>,
    /// What still stands between each exchange and its release.
    pub exchanges: Vec<ExchangeForecast>,
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
    /// When it ends.
    pub expires: String,
    /// Why it was refused.
    pub refusal: Option<String>,
}

/// An exchange in a list.
#[derive(Clone, Debug, Serialize)]
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
    /// When it last changed.
    pub updated: String,
}

/// Everything on record about one exchange.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeDetail {
    /// The exchange.
    #[serde(flatten)]
    pub exchange: ExchangeView,
    /// The title, as its marking allows.
    pub title: String,
    /// Subjects.
    pub subjects: String,
    /// Whom to call about it.
    pub contact: String,
    /// What it is for.
    pub purpose: String,
    /// The request it belongs to.
    pub request: String,
    /// Digest of the cut.
    pub cut_digest: String,
    /// Digest of the sealed payload.
    pub payload_digest: String,
    /// When it began.
    pub created: String,
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
    /// The title, as its marking allows.
    pub title: String,
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
    /// Whether the node has decided on it, with all the approvals it was waiting for.
    pub decided: bool,
    /// Every reason.
    pub reasons: Vec<ReasonView>,
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
    /// When it arrived.
    pub received: String,
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
