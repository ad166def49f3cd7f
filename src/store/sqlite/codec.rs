//! Rows to types and back. What does not parse is damage, named by row kind and column and never repaired.

use std::cell::Cell;
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::{FromSqlResult, ValueRef};

use super::super::exchange::word;
use super::super::{
    Approval, Due, Exchange, Lease, Officer, Partner, Payload, Recalled, Recorded, Request, Setting, Statement,
    StoreError, Version,
};
use crate::approval::{Aims, Declared};
use crate::digest::{Digest, Pieces};
use crate::envelope::{Header, Precedence};
use crate::ledger::Entry;
use crate::time::Time;

/// A row being read; `what` names its kind in errors.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    what: &'static str,
    /// Where the column after the last one that was asked for stands.
    next: Cell<usize>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row<'a>, what: &'static str) -> Cells<'a> {
        Cells { row, what, next: Cell::new(0) }
    }

    fn damaged(&self, column: &str) -> StoreError {
        StoreError::Damaged { what: format!("{} column `{column}`", self.what) }
    }

    /// The value in a column. Columns are asked for mostly in the order in which they stand, so the search for a name
    /// begins where the last one ended.
    fn value(&self, column: &str) -> Result<ValueRef<'a>, StoreError> {
        let (columns, next) = (self.row.as_ref(), self.next.get());
        let at = (next..columns.column_count()).chain(0..next);
        let at = at.into_iter().find(|at| columns.column_name(*at).is_ok_and(|name| name == column));
        let at = at.ok_or_else(|| self.damaged(column))?;
        self.next.set(at + 1);
        self.row.get_ref(at).map_err(|_| self.damaged(column))
    }

    /// What `take` makes of a value that may be missing. Nothing is converted: a number is no text.
    fn maybe<T>(
        &self,
        column: &str,
        take: impl FnOnce(ValueRef<'a>) -> FromSqlResult<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            value => take(value).map(Some).map_err(|_| self.damaged(column)),
        }
    }

    fn maybe_str(&self, column: &str) -> Result<Option<&'a str>, StoreError> {
        self.maybe(column, |value| value.as_str())
    }

    fn str(&self, column: &str) -> Result<&'a str, StoreError> {
        self.maybe_str(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.maybe_str(column)?.map(str::to_owned))
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.str(column).map(str::to_owned)
    }

    fn maybe_blob(&self, column: &str) -> Result<Option<&'a [u8]>, StoreError> {
        self.maybe(column, |value| value.as_blob())
    }

    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.maybe_blob(column)?.map(<[u8]>::to_vec))
    }

    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.maybe_bytes(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.maybe(column, |value| value.as_i64())
    }

    pub(super) fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.maybe_integer(column)?.ok_or_else(|| self.damaged(column))
    }

    /// A truth, kept as 0 or 1.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged(column)),
        }
    }

    fn maybe_number(&self, column: &str) -> Result<Option<u64>, StoreError> {
        let Some(number) = self.maybe_integer(column)? else { return Ok(None) };
        u64::try_from(number).map(Some).map_err(|_| self.damaged(column))
    }

    pub(super) fn number(&self, column: &str) -> Result<u64, StoreError> {
        self.maybe_number(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Time>, StoreError> {
        let Some(ms) = self.maybe_integer(column)? else { return Ok(None) };
        let time = Time::from_unix_ms(ms);
        if time.unix_ms() == ms { Ok(Some(time)) } else { Err(self.damaged(column)) }
    }

    pub(super) fn time(&self, column: &str) -> Result<Time, StoreError> {
        self.maybe_time(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_word<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.maybe_str(column)? else { return Ok(None) };
        word(text).map(Some).ok_or_else(|| self.damaged(column))
    }

    pub(super) fn word<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.maybe_word(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, StoreError> {
        let Some(bytes) = self.maybe_blob(column)? else { return Ok(None) };
        Digest::from_slice(bytes).map(Some).ok_or_else(|| self.damaged(column))
    }

    pub(super) fn digest(&self, column: &str) -> Result<Digest, StoreError> {
        self.maybe_digest(column)?.ok_or_else(|| self.damaged(column))
    }

    pub(super) fn precedence(&self) -> Result<Precedence, StoreError> {
        let number = usize::try_from(self.number("precedence")?).ok();
        number.and_then(|n| Precedence::ALL.get(n).copied()).ok_or_else(|| self.damaged("precedence"))
    }

    fn version(&self) -> Result<Version, StoreError> {
        Ok(Version(self.number("version")?))
    }
}

/// What is wrong when the node's own row is not there.
pub(super) fn no_node() -> StoreError {
    StoreError::Damaged { what: "the node's own row".into() }
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
    serde_json::from_str(cells.str(column)?).map_err(|_| cells.damaged(column))
}

pub(super) fn partner(row: &Row<'_>) -> Result<Partner, StoreError> {
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

pub(super) fn officer(row: &Row<'_>) -> Result<Officer, StoreError> {
    let cells = Cells::new(row, "officer");
    Ok(Officer {
        id: cells.word("id")?,
        name: cells.text("name")?,
        public_key: cells.word("public_key")?,
        roles: texts(&cells, "roles")?.into_iter().collect(),
        state: cells.word("state")?,
        added: cells.time("added")?,
        changed: cells.time("changed")?,
        valid_until: cells.time("valid_until")?,
        version: cells.version()?,
        certificates: cells.bytes("certificates")?,
        declared: serde_json::from_str(&cells.text("declared")?).map_err(|_| cells.damaged("declared"))?,
    })
}

/// What an officer's record declares of others, as it is kept.
pub(super) fn declared(declared: &Declared) -> String {
    // INVARIANT: sets of names encode.
    serde_json::to_string(declared).unwrap_or_default()
}

pub(super) fn setting(row: &Row<'_>) -> Result<Setting, StoreError> {
    let cells = Cells::new(row, "setting");
    Ok(Setting {
        name: cells.text("name")?,
        value: cells.bytes("value")?,
        changed: cells.time("changed")?,
        version: cells.version()?,
    })
}

pub(super) fn request(row: &Row<'_>) -> Result<Request, StoreError> {
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

pub(super) fn statement(row: &Row<'_>) -> Result<Statement, StoreError> {
    let cells = Cells::new(row, "statement");
    Ok(Statement {
        subject: cells.text("subject")?,
        kind: cells.word("kind")?,
        signer: cells.word("signer")?,
        bytes: cells.bytes("bytes")?,
        given: cells.time("given")?,
    })
}

pub(super) fn approval(row: &Row<'_>) -> Result<Approval, StoreError> {
    let cells = Cells::new(row, "approval");
    Ok(Approval {
        request: cells.word("request")?,
        exchange: cells.word("exchange")?,
        officer: cells.word("officer")?,
        statement: cells.bytes("statement")?,
        given: cells.time("given")?,
    })
}

pub(super) fn due(row: &Row<'_>) -> Result<Due, StoreError> {
    let cells = Cells::new(row, "exchange");
    Ok(Due {
        exchange: cells.word("id")?,
        partner: cells.word("partner")?,
        precedence: cells.precedence()?,
        payload_size: cells.maybe_number("payload_size")?,
        attempts: u32::try_from(cells.number("attempts")?).map_err(|_| cells.damaged("attempts"))?,
        updated: cells.time("updated")?,
        reason: cells.maybe_text("reason")?,
        kind: cells.word("kind")?,
        asks: cells.number("asks")? != 0,
    })
}

/// The columns are read in the order in which they stand.
pub(super) fn exchange(row: &Row<'_>) -> Result<Exchange, StoreError> {
    let cells = Cells::new(row, "exchange");
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
        subjects: texts(&cells, "subjects")?,
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

pub(super) fn recorded(row: &Row<'_>) -> Result<Recorded, StoreError> {
    let cells = Cells::new(row, "ledger entry");
    let bytes = cells.bytes("bytes")?;
    let entry = Entry::from_bytes(&bytes).map_err(|_| cells.damaged("bytes"))?;
    Ok(Recorded { index: cells.number("n")?, entry, bytes })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn of<T: std::fmt::Debug>(
        sql: &str,
        read: impl FnOnce(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let conn = Connection::open_in_memory().unwrap();
        let mut statement = conn.prepare(sql).unwrap();
        let mut rows = statement.query(()).unwrap();
        read(&Cells::new(rows.next().unwrap().unwrap(), "exercise"))
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let sql = "SELECT 0 AS a, 1 AS b, 2 AS c, 3 AS d";
        let columns = ["c", "d", "a", "b", "a", "d", "d"];
        let found = of(sql, |cells| columns.iter().map(|column| cells.number(column)).collect::<Result<Vec<_>, _>>());
        assert_eq!(found, Ok(vec![2, 3, 0, 1, 0, 3, 3]));
    }

    #[test]
    fn refuses_a_value_of_another_kind_than_its_column_has() {
        let damaged = Err(StoreError::Damaged { what: "exercise column `a`".into() });
        for value in ["1", "x'61'", "1.0", "NULL", "CAST(x'ff' AS TEXT)"] {
            assert_eq!(of(&format!("SELECT {value} AS a"), |cells| cells.text("a").map(drop)), damaged, "{value}");
        }
        for value in ["1", "'a'", "NULL"] {
            assert_eq!(of(&format!("SELECT {value} AS a"), |cells| cells.bytes("a").map(drop)), damaged, "{value}");
        }
        for value in ["'1'", "x'31'", "1.0", "-1", "NULL"] {
            assert_eq!(of(&format!("SELECT {value} AS a"), |cells| cells.number("a").map(drop)), damaged, "{value}");
        }
        assert_eq!(of("SELECT 1 AS b", |cells| cells.number("a").map(drop)), damaged);
        assert_eq!(of("SELECT 'a' AS a", |cells| cells.text("a")), Ok("a".into()));
        assert_eq!(of("SELECT x'61' AS a", |cells| cells.bytes("a")), Ok(b"a".to_vec()));
        assert_eq!(of("SELECT 1 AS a", |cells| cells.number("a")), Ok(1));
    }
}
