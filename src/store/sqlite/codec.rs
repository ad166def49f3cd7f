//! Rows to types and back. What does not parse is damage, named by row kind and column and never repaired.

use std::str::FromStr;

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};

use super::super::exchange::word;
use super::super::{
    Approval, Exchange, Lease, Officer, Partner, Payload, Recalled, Recorded, Request, Setting, Statement, StoreError,
    Version,
};
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::ledger::Entry;
use crate::time::Time;

/// A row being read; `what` names its kind in errors.
pub(super) struct Cells<'a> {
    row: &'a SqliteRow,
    what: &'static str,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a SqliteRow, what: &'static str) -> Cells<'a> {
        Cells { row, what }
    }

    fn damaged(&self, column: &str) -> StoreError {
        StoreError::Damaged { what: format!("{} column `{column}`", self.what) }
    }

    fn raw<T: Decode<'a, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.damaged(column))
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.raw(column)
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.raw(column)
    }

    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.raw(column)
    }

    pub(super) fn number(&self, column: &str) -> Result<u64, StoreError> {
        u64::try_from(self.raw::<i64>(column)?).map_err(|_| self.damaged(column))
    }

    pub(super) fn time(&self, column: &str) -> Result<Time, StoreError> {
        let ms: i64 = self.raw(column)?;
        let time = Time::from_unix_ms(ms);
        if time.unix_ms() == ms { Ok(time) } else { Err(self.damaged(column)) }
    }

    pub(super) fn word<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        word(&self.text(column)?).ok_or_else(|| self.damaged(column))
    }

    fn maybe_word<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.maybe_text(column)? else { return Ok(None) };
        word(&text).map(Some).ok_or_else(|| self.damaged(column))
    }

    pub(super) fn digest(&self, column: &str) -> Result<Digest, StoreError> {
        self.maybe_digest(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, StoreError> {
        let Some(bytes) = self.raw::<Option<Vec<u8>>>(column)? else { return Ok(None) };
        Digest::from_slice(&bytes).map(Some).ok_or_else(|| self.damaged(column))
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Time>, StoreError> {
        let there = self.raw::<Option<i64>>(column)?.is_some();
        there.then(|| self.time(column)).transpose()
    }

    pub(super) fn precedence(&self) -> Result<Precedence, StoreError> {
        let number = usize::try_from(self.number("precedence")?).ok();
        number.and_then(|n| Precedence::ALL.get(n).copied()).ok_or_else(|| self.damaged("precedence"))
    }

    fn version(&self) -> Result<Version, StoreError> {
        Ok(Version(self.number("version")?))
    }
}

/// A precedence as stored: 0 for ROUTINE to 3 for FLASH.
pub(super) fn precedence(precedence: Precedence) -> i64 {
    // INVARIANT: there are four of them.
    Precedence::ALL.iter().position(|p| *p == precedence).map_or(0, |at| at as i64)
}

/// A list of texts as stored: a JSON array.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    serde_json::Value::from_iter(texts.into_iter().cloned()).to_string()
}

fn texts(cells: &Cells<'_>, column: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&cells.text(column)?).map_err(|_| cells.damaged(column))
}

pub(super) fn partner(row: &SqliteRow) -> Result<Partner, StoreError> {
    let cells = Cells::new(row, "partner");
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

pub(super) fn officer(row: &SqliteRow) -> Result<Officer, StoreError> {
    let cells = Cells::new(row, "officer");
    Ok(Officer {
        id: cells.word("id")?,
        name: cells.text("name")?,
        public_key: cells.word("public_key")?,
        certificates: cells.bytes("certificates")?,
        roles: texts(&cells, "roles")?.into_iter().collect(),
        state: cells.word("state")?,
        added: cells.time("added")?,
        changed: cells.time("changed")?,
        valid_until: cells.time("valid_until")?,
        version: cells.version()?,
    })
}

pub(super) fn setting(row: &SqliteRow) -> Result<Setting, StoreError> {
    let cells = Cells::new(row, "setting");
    Ok(Setting {
        name: cells.text("name")?,
        value: cells.bytes("value")?,
        changed: cells.time("changed")?,
        version: cells.version()?,
    })
}

pub(super) fn request(row: &SqliteRow) -> Result<Request, StoreError> {
    let cells = Cells::new(row, "request");
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
        supersedes: cells.maybe_word("supersedes")?,
        state: cells.word("state")?,
        reason: cells.maybe_text("reason")?,
        version: cells.version()?,
    })
}

pub(super) fn statement(row: &SqliteRow) -> Result<Statement, StoreError> {
    let cells = Cells::new(row, "statement");
    Ok(Statement {
        subject: cells.text("subject")?,
        kind: cells.word("kind")?,
        signer: cells.word("signer")?,
        bytes: cells.bytes("bytes")?,
        given: cells.time("given")?,
    })
}

pub(super) fn approval(row: &SqliteRow) -> Result<Approval, StoreError> {
    let cells = Cells::new(row, "approval");
    Ok(Approval {
        request: cells.word("request")?,
        exchange: cells.word("exchange")?,
        officer: cells.word("officer")?,
        statement: cells.bytes("statement")?,
        given: cells.time("given")?,
    })
}

pub(super) fn exchange(row: &SqliteRow) -> Result<Exchange, StoreError> {
    let cells = Cells::new(row, "exchange");
    let maybe_number = |column: &str| -> Result<Option<u64>, StoreError> {
        let Some(number) = cells.raw::<Option<i64>>(column)? else { return Ok(None) };
        u64::try_from(number).map(Some).map_err(|_| cells.damaged(column))
    };
    let payload = match cells.maybe_word("payload")? {
        None => None,
        Some(spool) => {
            let size = maybe_number("payload_size")?.ok_or_else(|| cells.damaged("payload_size"))?;
            Some(Payload { spool, size, digest: cells.digest("payload_digest")? })
        }
    };
    let lease = match cells.maybe_text("lease_owner")? {
        None => None,
        Some(owner) => Some(Lease { owner, until: cells.time("lease_until")? }),
    };
    let recalled = match cells.maybe_time("recalled")? {
        None => None,
        Some(at) => Some(Recalled { at, why: cells.text("recall_code")? }),
    };
    Ok(Exchange {
        id: cells.word("id")?,
        direction: cells.word("direction")?,
        partner: cells.word("partner")?,
        request: cells.maybe_word("request")?,
        kind: cells.word("kind")?,
        about: cells.maybe_word("about")?,
        state: cells.word("state")?,
        precedence: cells.precedence()?,
        cut_digest: cells.maybe_digest("cut_digest")?,
        cut_size: maybe_number("cut_size")?,
        marking: cells.maybe_text("marking")?,
        product_id: cells.maybe_text("product_id")?,
        title: cells.maybe_text("title")?,
        title_marking: cells.maybe_text("title_marking")?,
        subjects: texts(&cells, "subjects")?,
        contact: cells.maybe_text("contact")?,
        purpose: cells.maybe_text("purpose")?,
        manifest: cells.raw("manifest")?,
        payload,
        attempts: u32::try_from(cells.number("attempts")?).map_err(|_| cells.damaged("attempts"))?,
        next_attempt: cells.time("next_attempt")?,
        expires: cells.time("expires")?,
        created: cells.time("created")?,
        updated: cells.time("updated")?,
        receipt: cells.raw("receipt")?,
        partner_checkpoint: cells.maybe_text("partner_checkpoint")?,
        refusal: cells.maybe_text("refusal")?,
        reason: cells.maybe_text("reason")?,
        policy_digest: cells.maybe_digest("policy_digest")?,
        register_digest: cells.maybe_digest("register_digest")?,
        recalled,
        superseded_by: cells.maybe_word("superseded_by")?,
        opened: cells.maybe_time("opened")?,
        taken: cells.maybe_time("taken")?,
        lease,
        version: cells.version()?,
    })
}

pub(super) fn recorded(row: &SqliteRow) -> Result<Recorded, StoreError> {
    let cells = Cells::new(row, "ledger entry");
    let bytes = cells.bytes("bytes")?;
    let entry = Entry::from_bytes(&bytes).map_err(|_| cells.damaged("bytes"))?;
    Ok(Recorded { index: cells.number("n")?, entry, bytes })
}
