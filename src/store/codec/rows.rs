//! Decoding of each kind of row, column by column.

use super::{Cells, Columns};
use crate::approval::{Aims, Declared};
use crate::digest::Pieces;
use crate::envelope::{Header, Precedence};
use crate::ident::PartnerId;
use crate::ledger::Entry;
use crate::partner::Breaker;
use crate::store::error::StoreError;
use crate::store::query::{Due, Generations, IndexedEntry};
use crate::store::rows::{
    Approval, Exchange, Lease, Node, Officer, Partner, Payload, Recalled, Request, Setting, Statement,
};
use crate::store::traffic::Usage;

/// Returns the error for a store without the row of its node.
pub(in crate::store) fn no_node() -> StoreError {
    StoreError::Damaged { what: "the node's own row".into() }
}

/// Returns a precedence as stored: 0 for ROUTINE to 3 for FLASH.
pub(in crate::store) fn precedence(precedence: Precedence) -> i64 {
    // INVARIANT: `ALL` has every precedence, and there are four.
    Precedence::ALL.iter().position(|p| *p == precedence).map_or(0, |at| at as i64)
}

/// Returns a list of texts as stored: a JSON array.
pub(in crate::store) fn list<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    serde_json::Value::from_iter(texts.into_iter().cloned()).to_string()
}

fn texts(cells: &Cells<impl Columns>, column: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(cells.str(column)?).map_err(|_| cells.damaged(column))
}

/// Decodes a partner.
pub(in crate::store) fn partner(cells: &Cells<impl Columns>) -> Result<Partner, StoreError> {
    Ok(Partner {
        id: cells.word("id")?,
        state: cells.word("state")?,
        description: cells.bytes("description")?,
        agreement: cells.bytes("agreement")?,
        crl: cells.bytes("crl")?,
        added: cells.time("added")?,
        changed: cells.time("changed")?,
        version: cells.version()?,
    })
}

/// Decodes an officer.
pub(in crate::store) fn officer(cells: &Cells<impl Columns>) -> Result<Officer, StoreError> {
    Ok(Officer {
        id: cells.word("id")?,
        name: cells.text("name")?,
        public_key: cells.word("public_key")?,
        roles: texts(cells, "roles")?.into_iter().collect(),
        state: cells.word("state")?,
        added: cells.time("added")?,
        changed: cells.time("changed")?,
        valid_until: cells.time("valid_until")?,
        version: cells.version()?,
        certificates: cells.bytes("certificates")?,
        declared: serde_json::from_str(&cells.text("declared")?).map_err(|_| cells.damaged("declared"))?,
    })
}

/// Returns what an officer's record declares about other records, as stored: JSON.
pub(in crate::store) fn declared(declared: &Declared) -> String {
    // INVARIANT: sets of names can always be serialized.
    serde_json::to_string(declared).unwrap_or_default()
}

/// Decodes a setting.
pub(in crate::store) fn setting(cells: &Cells<impl Columns>) -> Result<Setting, StoreError> {
    Ok(Setting {
        name: cells.text("name")?,
        value: cells.bytes("value")?,
        changed: cells.time("changed")?,
        version: cells.version()?,
    })
}

/// Decodes a request.
pub(in crate::store) fn request(cells: &Cells<impl Columns>) -> Result<Request, StoreError> {
    Ok(Request {
        id: cells.word("id")?,
        product_digest: cells.digest("product_digest")?,
        product_id: cells.text("product_id")?,
        product: cells.maybe_word("product")?,
        submitter: cells.text("submitter")?,
        purpose: cells.text("purpose")?,
        basis: cells.text("basis")?,
        precedence: cells.precedence()?,
        expires: cells.time("expires")?,
        created: cells.time("created")?,
        state: cells.word("state")?,
        reason: cells.maybe_text("reason")?,
        version: cells.version()?,
        supersedes: cells.maybe_word("supersedes")?,
        aims: Aims {
            objective: cells.maybe_text("objective")?,
            engages: cells.flag("engages")?,
            supports_outcome: cells.flag("supports_outcome")?,
        },
    })
}

/// Decodes a statement.
pub(in crate::store) fn statement(cells: &Cells<impl Columns>) -> Result<Statement, StoreError> {
    Ok(Statement {
        subject: cells.text("subject")?,
        kind: cells.word("kind")?,
        signer: cells.word("signer")?,
        bytes: cells.bytes("bytes")?,
        given: cells.time("given")?,
    })
}

/// Decodes an approval.
pub(in crate::store) fn approval(cells: &Cells<impl Columns>) -> Result<Approval, StoreError> {
    Ok(Approval {
        request: cells.word("request")?,
        exchange: cells.word("exchange")?,
        officer: cells.word("officer")?,
        statement: cells.bytes("statement")?,
        given: cells.time("given")?,
    })
}

/// Decodes an exchange that is due.
pub(in crate::store) fn due(cells: &Cells<impl Columns>) -> Result<Due, StoreError> {
    Ok(Due {
        exchange: cells.word("id")?,
        partner: cells.word("partner")?,
        precedence: cells.precedence()?,
        payload_size: cells.maybe_number("payload_size")?,
        attempts: u32::try_from(cells.number("attempts")?).map_err(|_| cells.damaged("attempts"))?,
        updated: cells.time("updated")?,
        reason: cells.maybe_text("reason")?,
        kind: cells.word("kind")?,
        receipt_query: cells.number("asks")? != 0,
    })
}

/// Decodes an exchange. Columns are read in the order of the table.
pub(in crate::store) fn exchange(cells: &Cells<impl Columns>) -> Result<Exchange, StoreError> {
    Ok(Exchange {
        id: cells.word("id")?,
        direction: cells.word("direction")?,
        partner: cells.word("partner")?,
        request: cells.maybe_word("request")?,
        state: cells.word("state")?,
        precedence: cells.precedence()?,
        cut_digest: cells.maybe_digest("cut_digest")?,
        cut_size: cells.maybe_number("cut_size")?,
        marking: cells.maybe_text("marking")?,
        product_id: cells.maybe_text("product_id")?,
        title: cells.maybe_text("title")?,
        title_marking: cells.maybe_text("title_marking")?,
        subjects: texts(cells, "subjects")?,
        contact: cells.maybe_text("contact")?,
        purpose: cells.maybe_text("purpose")?,
        payload: match cells.maybe_word("payload")? {
            None => None,
            Some(spool) => {
                let size = cells.number("payload_size")?;
                Some(Payload { spool, size, digest: cells.digest("payload_digest")? })
            }
        },
        attempts: u32::try_from(cells.number("attempts")?).map_err(|_| cells.damaged("attempts"))?,
        next_attempt: cells.time("next_attempt")?,
        expires: cells.time("expires")?,
        created: cells.time("created")?,
        updated: cells.time("updated")?,
        refusal: cells.maybe_text("refusal")?,
        reason: cells.maybe_text("reason")?,
        policy_digest: cells.maybe_digest("policy_digest")?,
        register_digest: cells.maybe_digest("register_digest")?,
        lease: match cells.maybe_text("lease_owner")? {
            None => None,
            Some(owner) => Some(Lease { owner, until: cells.time("lease_until")? }),
        },
        version: cells.version()?,
        kind: cells.word("kind")?,
        about: cells.maybe_word("about")?,
        recalled: match cells.maybe_time("recalled")? {
            None => None,
            Some(at) => Some(Recalled { at, why: cells.text("recall_code")? }),
        },
        superseded_by: cells.maybe_word("superseded_by")?,
        opened: cells.maybe_time("opened")?,
        taken: cells.maybe_time("taken")?,
        unanswered: cells.maybe_time("unanswered")?,
        manifest: cells.maybe_bytes("manifest")?,
        receipt: cells.maybe_bytes("receipt")?,
        partner_checkpoint: cells.maybe_text("partner_checkpoint")?,
        header: match cells.maybe_bytes("header")? {
            None => None,
            Some(bytes) => Some(Header::new(bytes).map_err(|_| cells.damaged("header"))?),
        },
        pieces: match cells.maybe_bytes("pieces")? {
            None => None,
            Some(bytes) => Some(Pieces::from_bytes(&bytes).ok_or_else(|| cells.damaged("pieces"))?),
        },
    })
}

/// Decodes a ledger entry with its index.
pub(in crate::store) fn recorded(cells: &Cells<impl Columns>) -> Result<IndexedEntry, StoreError> {
    let bytes = cells.bytes("bytes")?;
    let entry = Entry::from_bytes(&bytes).map_err(|_| cells.damaged("bytes"))?;
    Ok(IndexedEntry { index: cells.number("n")?, entry, bytes })
}

/// Decodes usage of a day.
pub(in crate::store) fn usage(cells: &Cells<impl Columns>) -> Result<Usage, StoreError> {
    Ok(Usage { exchanges: cells.number("exchanges")?, bytes: cells.number("bytes")? })
}

/// Decodes a circuit breaker with its partner.
pub(in crate::store) fn breaker(cells: &Cells<impl Columns>) -> Result<(PartnerId, Breaker), StoreError> {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let partner = cells.word("partner")?;
    let breaker = Breaker {
        failures: small(cells.number("failures")?),
        opened: small(cells.number("opened")?),
        until: cells.time("until")?,
    };
    Ok((partner, breaker))
}

/// Decodes the node's own row.
pub(in crate::store) fn node(cells: &Cells<impl Columns>) -> Result<Node, StoreError> {
    Ok(Node {
        id: cells.word("id")?,
        ledger_key: cells.word("ledger_key")?,
        created: cells.time("created")?,
        clock_high: cells.time("clock_high")?,
    })
}

/// Decodes the counters.
pub(in crate::store) fn generations(cells: &Cells<impl Columns>) -> Result<Generations, StoreError> {
    Ok(Generations {
        all: cells.number("generation")?,
        roster: cells.number("roster_generation")?,
        clock_high: cells.time("clock_high")?,
        approvals: cells.number("approvals")?,
    })
}
