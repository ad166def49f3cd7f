//! Connections that cannot write, each lent for one question.
//!
//! A pool that serves every kind of database asks a connection whether it is alive before and after each use; here
//! that would be two of three trips to SQLite's thread, for a file that cannot go away by itself.

use std::sync::{Mutex, PoisonError};

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::StoreError;
use super::fault::of_query;

/// How many questions are asked at once; the others wait.
const AT_ONCE: usize = 4;

/// The reading connections of one store, made when they are first needed.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    turns: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    /// Readers with these options, to which it is added that they cannot write. One connection is made at once, to see
    /// that it can be.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Readers, StoreError> {
        let options = options.pragma("query_only", "ON");
        let readers = Readers { options, turns: Semaphore::new(AT_ONCE), idle: Mutex::default() };
        readers.lend().await?.give_back();
        Ok(readers)
    }

    /// Every row of the answer.
    pub(super) async fn all(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Vec<SqliteRow>, StoreError> {
        let mut lent = self.lend().await?;
        let rows = query.fetch_all(lent.conn()).await.map_err(of_query)?;
        lent.give_back();
        Ok(rows)
    }

    /// The first row of the answer, if there is one.
    pub(super) async fn optional(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>, StoreError> {
        let mut lent = self.lend().await?;
        let row = query.fetch_optional(lent.conn()).await.map_err(of_query)?;
        lent.give_back();
        Ok(row)
    }

    /// The one row of an answer that always has one.
    pub(super) async fn one(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<SqliteRow, StoreError> {
        self.optional(query).await?.ok_or_else(|| of_query(sqlx::Error::RowNotFound))
    }

    /// A connection for several questions. It is closed afterwards unless it is given back: one whose question failed
    /// or was given up half-way is not asked again.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        let idle = self.lock().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.options.connect().await.map_err(of_query)?,
        };
        Ok(Lent { conn, home: self, turn })
    }

    /// Closes every connection, when the questions that are under way have their answers.
    pub(super) async fn close(&self) {
        let Ok(_all) = self.turns.acquire_many(AT_ONCE as u32).await else { return };
        self.turns.close();
        let idle = std::mem::take(&mut *self.lock());
        for conn in idle {
            let _ = conn.close().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        // No code panics while it holds the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection and the turn to use it.
pub(super) struct Lent<'r> {
    conn: SqliteConnection,
    home: &'r Readers,
    turn: SemaphorePermit<'r>,
}

impl Lent<'_> {
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }

    /// Ends a use that came to its end.
    pub(super) fn give_back(self) {
        self.home.lock().push(self.conn);
        // The turn ends after the connection is there for the next.
        drop(self.turn);
    }
}
