//! The schema of the database and its migrations: which version a file has, and the steps to the latest. The version
//! is stored in `PRAGMA user_version` and changes in the transaction that changes the tables.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, Row, TransactionBehavior};

use super::super::StoreError;
use super::connection::{every, first};
use super::error::of_write;
use super::files::{last_name, turn};

/// All migrations, oldest first: the version, and the SQL that leads to it from the version before. A released
/// migration is never edited, because existing stores were created by it.
const MIGRATIONS: [(i64, &str); 12] = [
    (1, include_str!("migrations/0001_records.sql")),
    (10, include_str!("migrations/0010_recall.sql")),
    (60, include_str!("migrations/0060_flow.sql")),
    (70, include_str!("migrations/0070_documents.sql")),
    (80, include_str!("migrations/0080_payload.sql")),
    (90, include_str!("migrations/0090_header.sql")),
    (100, include_str!("migrations/0100_print.sql")),
    (105, include_str!("migrations/0105_after_stop.sql")),
    (110, include_str!("migrations/0110_people.sql")),
    (115, include_str!("migrations/0115_removed.sql")),
    (120, include_str!("migrations/0120_pieces.sql")),
    (130, include_str!("migrations/0130_aims.sql")),
];

/// Migrates the schema to the latest version. A lock file next to the database serializes processes that start at the
/// same time.
///
/// # Errors
/// [`StoreError::Place`] if the version is unknown, for example of a newer program.
pub(super) fn migrate(path: &Path, conn: &mut Connection) -> Result<(), StoreError> {
    let _turn = turn(path)?;
    let kept = number(conn)?;
    let stands = if kept == 0 { number_in_table(conn)? } else { kept };
    if stands != 0 && MIGRATIONS.iter().all(|(number, _)| *number != stands) {
        let latest = MIGRATIONS.last().map_or(0, |(number, _)| *number);
        let why = format!("unknown schema version {stands}: the latest that this program knows is {latest}");
        return Err(StoreError::Place { what: last_name(path), why });
    }
    if kept != stands {
        change_to(conn, stands, "")?;
    }
    MIGRATIONS.iter().filter(|(number, _)| *number > stands).try_for_each(|(number, sql)| change_to(conn, *number, sql))
}

/// Refuses a database that needs a migration, on a read-only disk.
///
/// # Errors
/// [`StoreError::Place`] if its version is not the latest.
pub(super) fn is_latest(path: &Path, conn: &Connection) -> Result<(), StoreError> {
    let (found, latest) = (number(conn)?, MIGRATIONS.last().map_or(0, |(number, _)| *number));
    if found == latest {
        return Ok(());
    }
    let why = format!(
        "schema version {found} must be migrated to {latest}, but the disk is read-only: copy the store to a writable disk"
    );
    Err(StoreError::Place { what: last_name(path), why })
}

/// Returns SQLite's own counter of schema changes (not the version of this schema). Every statement that changes the
/// schema increases it, so that open connections notice.
pub(super) fn schema_number(conn: &Connection) -> Result<i64, StoreError> {
    first(conn, "PRAGMA schema_version", (), |row| row.get(0).map_err(of_write)).map(Option::unwrap_or_default)
}

/// Refuses a database whose tables, indexes, views and triggers are not those of the latest version: a trigger could
/// undo what is committed.
///
/// # Errors
/// [`StoreError::Damaged`] if one differs, is missing or was added.
pub(super) fn check_schema(conn: &Connection) -> Result<(), StoreError> {
    match schema_difference(conn)? {
        Some(part) => Err(StoreError::Damaged { what: format!("the schema ({part})") }),
        None => Ok(()),
    }
}

/// Returns a table, index, view or trigger that differs from the latest version, is missing or was added.
pub(super) fn schema_difference(conn: &Connection) -> Result<Option<String>, StoreError> {
    let plain = Connection::open_in_memory().map_err(of_write)?;
    MIGRATIONS.iter().try_for_each(|(_, sql)| plain.execute_batch(sql)).map_err(of_write)?;
    let (expected, found) = (schema(&plain)?, schema(conn)?);
    Ok(expected.symmetric_difference(&found).next().map(|(kind, name, ..)| format!("{kind} `{name}`")))
}

/// An object of a schema: its type, its name, its table and the statement that created it.
type Part = (String, String, String, Option<String>);

/// Returns the objects of a schema.
fn schema(conn: &Connection) -> Result<BTreeSet<Part>, StoreError> {
    // The table in which earlier versions recorded migrations is not used any more.
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema \
               WHERE NOT (tbl_name = '_sqlx_migrations' AND type IN ('table', 'index'))";
    let row = |row: &Row<'_>| {
        let part = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        part().map_err(of_write)
    };
    Ok(every(conn, sql, (), row)?.into_iter().collect())
}

/// Returns the schema version of the database; 0 if it has none.
fn number(conn: &Connection) -> Result<i64, StoreError> {
    conn.query_row("PRAGMA user_version", (), |row| row.get(0)).map_err(of_write)
}

/// Returns the version of a store in which an earlier program recorded it in a table of its own.
fn number_in_table(conn: &Connection) -> Result<i64, StoreError> {
    let there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations')";
    if !conn.query_row(there, (), |row| row.get(0)).map_err(of_write)? {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    conn.query_row(sql, (), |row| row.get(0)).map_err(of_write)
}

/// Runs the migration `sql` to version `number`, in one transaction.
fn change_to(conn: &mut Connection, number: i64, sql: &str) -> Result<(), StoreError> {
    let change = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of_write)?;
    change.execute_batch(sql).map_err(of_write)?;
    change.pragma_update(None, "user_version", number).map_err(of_write)?;
    change.commit().map_err(of_write)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::connection::connect;
    use super::*;

    /// The table that the library of earlier versions created.
    const TABLE: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
                         checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);";

    const LATEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

    fn empty() -> (tempfile::TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exercise.db");
        std::fs::write(&path, b"").unwrap();
        let conn = connect(&path).unwrap();
        (folder, path, conn)
    }

    fn tables(conn: &Connection) -> Vec<(String, Option<String>)> {
        let sql = "SELECT name, sql FROM sqlite_schema WHERE name <> '_sqlx_migrations' \
                   AND tbl_name <> '_sqlx_migrations' ORDER BY name";
        let mut statement = conn.prepare(sql).unwrap();
        statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    fn newest() -> Vec<(String, Option<String>)> {
        let (_folder, path, mut conn) = empty();
        migrate(&path, &mut conn).unwrap();
        assert_eq!(number(&conn), Ok(LATEST));
        tables(&conn)
    }

    /// Returns a database as an earlier version left it after this number of migrations.
    fn left_by_an_earlier_version(layouts: usize) -> (tempfile::TempDir, PathBuf, Connection) {
        let (folder, path, conn) = empty();
        conn.execute_batch(TABLE).unwrap();
        for (number, sql) in &MIGRATIONS[..layouts] {
            conn.execute_batch(sql).unwrap();
            let row = "INSERT INTO _sqlx_migrations VALUES (?1, 'exercise', '2026-01-01', TRUE, x'00', 1)";
            conn.execute(row, [number]).unwrap();
        }
        (folder, path, conn)
    }

    #[test]
    fn migrates_a_store_of_an_earlier_version_in_place() {
        for layouts in 0..=MIGRATIONS.len() {
            let (_folder, path, mut conn) = left_by_an_earlier_version(layouts);
            for _ in 0..2 {
                migrate(&path, &mut conn).unwrap();
                assert_eq!(number(&conn), Ok(LATEST));
                assert_eq!(tables(&conn), newest());
            }
        }
    }

    #[test]
    fn refuses_the_schema_of_another_version() {
        let refused = |path: &Path, conn: &mut Connection| {
            let before = (number(conn), tables(conn));
            let refused = migrate(path, conn);
            assert!(
                matches!(&refused, Err(StoreError::Place { why, .. }) if why.contains("unknown schema version")),
                "{refused:?}"
            );
            assert_eq!((number(conn), tables(conn)), before);
        };
        for stands in [LATEST + 1, 9, -1] {
            let (_folder, path, mut conn) = empty();
            conn.pragma_update(None, "user_version", stands).unwrap();
            refused(&path, &mut conn);
        }
        let (_folder, path, mut conn) = left_by_an_earlier_version(3);
        conn.execute("UPDATE _sqlx_migrations SET version = 999 WHERE version = 60", ()).unwrap();
        refused(&path, &mut conn);
    }

    #[test]
    fn keeps_documents_that_were_in_the_rows() {
        let (_folder, path, mut conn) = left_by_an_earlier_version(3);
        conn.execute_batch(
            "PRAGMA foreign_keys = OFF; \
             INSERT INTO exchange (seq, id, direction, partner, state, precedence, subjects, manifest, attempts, \
             next_attempt, expires, created, updated, receipt, partner_checkpoint, version) \
             VALUES (7, 'a', 'out', 'b', 'delivered', 0, '[]', x'01', 0, 0, 0, 0, 0, x'02', 'EXERCISE', 1), \
             (8, 'b', 'out', 'b', 'requested', 0, '[]', NULL, 0, 0, 0, 0, 0, NULL, NULL, 1); \
             PRAGMA foreign_keys = ON",
        )
        .unwrap();
        migrate(&path, &mut conn).unwrap();
        let sql = "SELECT concat_ws(' ', id, hex(manifest), hex(receipt), partner_checkpoint) FROM whole_exchange \
                   ORDER BY seq";
        let mut statement = conn.prepare(sql).unwrap();
        let rows: Vec<String> = statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, ["a 01 02 EXERCISE", "b  "]);
    }

    #[test]
    fn a_failed_migration_changes_nothing() {
        let (_folder, path, mut conn) = empty();
        conn.execute_batch("CREATE TABLE exchange (a)").unwrap();
        assert!(migrate(&path, &mut conn).is_err());
        assert_eq!(number(&conn), Ok(0));
        assert_eq!(tables(&conn).len(), 1);
    }
}
