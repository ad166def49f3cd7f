//! Adapts SQLite's rows to the store's codec.

use std::cell::Cell;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::super::codec::{self, Columns, Value};
use super::super::{
    Approval, Due, Exchange, Generations, IndexedEntry, Node, Officer, Partner, Request, Setting, Statement,
    StoreError, Usage,
};
use crate::ident::PartnerId;
use crate::partner::Breaker;

/// A row of a result.
pub(super) struct SqliteRow<'a> {
    row: &'a Row<'a>,
    /// Index of the column after the last one that was read.
    next: Cell<usize>,
}

/// The cells of a row of a result.
pub(super) type Cells<'a> = codec::Cells<SqliteRow<'a>>;

/// Returns the cells of `row`; `what` names its kind in errors.
pub(super) fn cells<'a>(row: &'a Row<'a>, what: &'static str) -> Cells<'a> {
    codec::Cells::new(SqliteRow { row, next: Cell::new(0) }, what)
}

impl Columns for SqliteRow<'_> {
    /// Columns are mostly read in the order of the table, so the search for a name begins after the last one found.
    fn value(&self, column: &str) -> Option<Value<'_>> {
        let (columns, next) = (self.row.as_ref(), self.next.get());
        let mut places = (next..columns.column_count()).chain(0..next);
        let at = places.find(|at| columns.column_name(*at).is_ok_and(|name| name == column))?;
        self.next.set(at + 1);
        Some(match self.row.get_ref(at).ok()? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Other, Value::Text),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            ValueRef::Real(_) => Value::Other,
        })
    }
}

macro_rules! decode {
    ($($name:ident: $type:ty = $what:literal;)*) => {
        $(pub(super) fn $name(row: &Row<'_>) -> Result<$type, StoreError> {
            codec::$name(&cells(row, $what))
        })*
    };
}

decode! {
    node: Node = "node";
    generations: Generations = "node";
    partner: Partner = "partner";
    officer: Officer = "officer";
    setting: Setting = "setting";
    request: Request = "request";
    statement: Statement = "statement";
    approval: Approval = "approval";
    exchange: Exchange = "exchange";
    due: Due = "exchange";
    recorded: IndexedEntry = "ledger entry";
    usage: Usage = "usage";
    breaker: (PartnerId, Breaker) = "breaker";
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::StoreError;

    fn of<T: std::fmt::Debug>(
        sql: &str,
        read: impl FnOnce(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let conn = Connection::open_in_memory().unwrap();
        let mut statement = conn.prepare(sql).unwrap();
        let mut rows = statement.query(()).unwrap();
        read(&cells(rows.next().unwrap().unwrap(), "exercise"))
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
