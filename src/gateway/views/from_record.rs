//! Rows and ledger entries as plain data.

use crate::envelope::Receipt;
use crate::gateway::views::exchange::{ExchangeView, LedgerEntryView, ReceiptView, RequestView};
use crate::sign::Signed;
use crate::store::{Direction, Exchange, ExchangeState, IndexedEntry, Request};

/// For an exchange that was stopped after its key was sent: whether the partner has it, as a code and a sentence.
pub(in crate::gateway) fn whereabouts(row: &Exchange) -> Option<(&'static str, String)> {
    let (partner, id) = (&row.partner, row.id);
    if row.state == ExchangeState::DeliveredAfterStop {
        let why = row.reason.as_deref().unwrap_or_default();
        let sentence =
            format!("`{partner}` has it: its receipt came after it was stopped ({why}); `recall {id}` withdraws it");
        return Some(("delivered-after-stop", sentence));
    }
    let since = row.unanswered.filter(|_| row.needs_receipt_query())?;
    let sentence = format!("its key left at {since}, before it was stopped: `{partner}` is asked whether it has it");
    Some(("unanswered", sentence))
}

/// The view of an exchange's row; `awaits` is empty.
pub(in crate::gateway) fn exchange_view(row: &Exchange) -> ExchangeView {
    ExchangeView {
        exchange: row.id.to_string(),
        direction: row.direction.to_string(),
        partner: row.partner.to_string(),
        state: row.state.to_string(),
        precedence: row.precedence.to_string(),
        marking: row.marking.clone().unwrap_or_default(),
        attempts: row.attempts,
        last_failure: match whereabouts(row) {
            Some(("unanswered", sentence)) => format!("{}; {sentence}", row.reason.as_deref().unwrap_or_default()),
            _ => row.reason.clone().unwrap_or_default(),
        },
        request: row.request.map(|r| r.to_string()).unwrap_or_default(),
        title: row.title.clone().unwrap_or_default(),
        created: row.created.to_string(),
        updated: row.updated.to_string(),
        carries: row.kind.to_string(),
        about: row.about.map(|id| id.to_string()).unwrap_or_default(),
        recalled: recalled(row),
        superseded_by: row.superseded_by.map(|id| id.to_string()).unwrap_or_default(),
        unanswered: row.unanswered.map(|since| since.to_string()).unwrap_or_default(),
        awaits: String::new(),
        answer: handled(row),
    }
}

/// When and why an exchange's product was recalled.
pub(in crate::gateway) fn recalled(row: &Exchange) -> String {
    row.recalled.as_ref().map(|recalled| format!("{} ({})", recalled.at, recalled.why)).unwrap_or_default()
}

/// The partner's statement, in its receipt, about the product that this exchange recalls or replaces.
pub(in crate::gateway) fn handled(row: &Exchange) -> String {
    let receipt = row.receipt.as_deref().filter(|_| row.direction == Direction::Out);
    let receipt = receipt.and_then(|bytes| Signed::<Receipt>::peek(bytes).ok());
    receipt.and_then(|receipt| receipt.handled).map(|handled| handled.sentence()).unwrap_or_default()
}

/// The view of a request's row; `refused_by` is empty.
pub(in crate::gateway) fn request_view(row: &Request) -> RequestView {
    RequestView {
        request: row.id.to_string(),
        state: row.state.to_string(),
        submitter: row.submitter.clone(),
        purpose: row.purpose.clone(),
        aims: row.aims.clone(),
        expires: row.expires.to_string(),
        refusal: row.reason.clone(),
        refused_by: None,
        supersedes: row.supersedes.map(|id| id.to_string()),
    }
}

/// The view of an exchange's receipt; `None` if it has none.
pub(in crate::gateway) fn receipt_view(row: &Exchange) -> Option<ReceiptView> {
    // Verified before it was recorded; here it is only displayed.
    let receipt = Signed::<Receipt>::peek(row.receipt.as_deref()?).ok()?;
    Some(ReceiptView {
        disposition: receipt.disposition.to_string(),
        received: crate::time::Time::from_unix_ms(receipt.received_at_ms).to_string(),
        checkpoint: receipt.checkpoint,
    })
}

/// The view of a ledger entry.
pub(in crate::gateway) fn entry_view(recorded: &IndexedEntry) -> LedgerEntryView {
    LedgerEntryView {
        index: recorded.index,
        time: recorded.entry.time().to_string(),
        kind: recorded.entry.kind().as_str().to_owned(),
        subject: recorded.entry.subject().to_owned(),
        actor: recorded.entry.actor().to_owned(),
        detail: recorded.entry.detail().clone(),
    }
}
