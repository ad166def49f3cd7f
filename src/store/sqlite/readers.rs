//! The reading threads: each answers queries on a read-only connection of its own.
//!
//! A query is a closure that converts what it reads into Rust types and returns one answer. SQLite blocks the thread
//! it runs on, so it cannot run on a thread of the async runtime.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::StoreError;
use super::connection::{Access, connect_to_read};
use super::error::of_question;

/// Number of queries that run at the same time; the others wait.
const AT_ONCE: usize = 4;

/// A query, called with a connection or with the error of opening one. It calls its second argument when its thread
/// is free, before its caller can send another query, and returns whether the connection can be used again: one on
/// which a query failed is closed.
type Query = Box<dyn FnOnce(Result<&mut Connection, StoreError>, &dyn Fn()) -> bool + Send>;

/// A thread, which returns its connection when it ends.
pub(super) type Reader = JoinHandle<Option<Connection>>;

/// The reading threads of one store. Another one is started when all are busy.
#[derive(Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    access: Access,
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    /// Queries that no thread has taken yet, in order of arrival.
    waiting: VecDeque<Query>,
    threads: Vec<Reader>,
    /// Number of threads that run a query.
    busy: usize,
    closed: bool,
}

impl Readers {
    /// Opens readers of the database at `path`. One connection is opened at once, to detect errors.
    pub(super) async fn open(path: PathBuf, access: Access) -> Result<Readers, StoreError> {
        let shared = Shared { path, access, state: Mutex::default(), asked: Condvar::new() };
        let readers = Readers { shared: Arc::new(shared) };
        readers.query(|_| Ok(())).await?;
        Ok(readers)
    }

    /// Runs `query` on the next free thread. If it panics, only this query fails.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.shared.push(Box::new(move |conn, free| {
            // The caller may have been cancelled while the query waited.
            if answer.is_closed() {
                free();
                return true;
            }
            let found = conn.and_then(query).map_err(of_question);
            let good = found.is_ok();
            free();
            let _ = answer.send(found);
            good
        }))?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Query { why: "the query was cancelled".into() }))
    }

    /// Discards the queries that no thread has taken, as no caller waits for them.
    pub(super) fn give_up(&self) {
        self.shared.lock().waiting.clear();
    }

    /// Accepts no more queries. The threads end when all accepted queries are answered.
    pub(super) fn close(&self) -> Vec<Reader> {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.asked.notify_all();
        std::mem::take(&mut state.threads)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.give_up();
        self.close();
    }
}

impl Shared {
    fn push(self: &Arc<Shared>, query: Query) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        if state.threads.len() - state.busy <= state.waiting.len() && state.threads.len() < AT_ONCE {
            let shared = self.clone();
            let thread = std::thread::Builder::new().name("store-reader".into());
            match thread.spawn(move || shared.serve()) {
                Ok(thread) => state.threads.push(thread),
                Err(_) if !state.threads.is_empty() => {}
                Err(error) => return Err(StoreError::Query { why: format!("cannot start a reader thread: {error}") }),
            }
        }
        state.waiting.push_back(query);
        drop(state);
        self.asked.notify_one();
        Ok(())
    }

    /// The main loop of a thread. A connection is opened for the first query and reused.
    fn serve(&self) -> Option<Connection> {
        let mut conn = None;
        while let Some(query) = self.next() {
            conn = answer((&self.path, self.access), conn, query, &|| self.lock().busy -= 1);
        }
        conn
    }

    /// Returns the next query; `None` after the readers were closed.
    fn next(&self) -> Option<Query> {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let query = state.waiting.pop_front()?;
        state.busy += 1;
        Some(query)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Answers one query and returns the connection if it can be used again.
fn answer(
    (path, access): (&Path, Access),
    conn: Option<Connection>,
    query: Query,
    free: &dyn Fn(),
) -> Option<Connection> {
    let mut conn = match conn.map_or_else(|| connect_to_read(path, access), Ok) {
        Ok(conn) => conn,
        Err(error) => {
            query(Err(error), free);
            return None;
        }
    };
    // The thread survives a panic; the caller gets an error because the answer's sender is dropped.
    let good = catch_unwind(AssertUnwindSafe(|| query(Ok(&mut conn), free))).unwrap_or_else(|_| {
        free();
        false
    });
    good.then_some(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn readers() -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exercise.db");
        std::fs::write(&path, b"").unwrap();
        let readers = Readers::open(path, Access::Shared).await.unwrap();
        (folder, readers)
    }

    fn one(conn: &mut Connection) -> Result<i64, StoreError> {
        conn.query_row("SELECT 1", (), |row| row.get(0)).map_err(super::super::error::of_write)
    }

    #[tokio::test]
    async fn a_query_that_panics_is_an_error_and_ends_no_thread() {
        let (_folder, readers) = readers().await;
        for _ in 0..2 * AT_ONCE {
            let panicked = readers.query(|_| -> Result<(), StoreError> { panic!("EXERCISE") }).await;
            assert!(matches!(panicked, Err(StoreError::Query { .. })), "{panicked:?}");
        }
        assert_eq!(readers.query(one).await, Ok(1));
    }

    #[tokio::test]
    async fn answers_queries_while_a_long_one_runs() {
        let (_folder, readers) = readers().await;
        let (release, held) = std::sync::mpsc::channel::<()>();
        let long = readers.query(move |_| Ok(held.recv().is_ok()));
        let others = async {
            for _ in 0..AT_ONCE {
                assert_eq!(readers.query(one).await, Ok(1));
            }
            release.send(()).unwrap();
        };
        let (long, ()) = tokio::join!(long, others);
        assert_eq!(long, Ok(true));
    }

    #[tokio::test]
    async fn sequential_queries_use_one_thread() {
        let (_folder, readers) = readers().await;
        for _ in 0..100 {
            assert_eq!(readers.query(one).await, Ok(1));
        }
        assert_eq!(readers.close().len(), 1);
    }

    #[tokio::test]
    async fn refuses_to_write() {
        let (_folder, readers) = readers().await;
        let wrote = readers.query(|conn| super::super::connection::run(conn, "CREATE TABLE t (a)", ())).await;
        assert!(matches!(wrote, Err(StoreError::Query { .. })), "{wrote:?}");
    }

    #[tokio::test]
    async fn refuses_queries_once_closed_and_ends_its_threads() {
        let (_folder, readers) = readers().await;
        for thread in readers.close() {
            assert!(thread.join().unwrap().is_some());
        }
        assert_eq!(readers.query(one).await, Err(StoreError::Closed));
    }

    #[tokio::test]
    async fn threads_end_with_a_store_that_was_not_closed() {
        let (_folder, readers) = readers().await;
        let threads = std::mem::take(&mut readers.shared.lock().threads);
        drop(readers);
        assert_eq!(threads.into_iter().map(JoinHandle::join).filter(Result::is_ok).count(), 1);
    }
}
