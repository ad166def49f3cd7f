//! The reading threads: each answers queries on a connection of its own that cannot write.
//!
//! A question is a closure: what it reads is made into our types where it is read, and one answer comes back. SQLite
//! blocks the thread it runs on, which none of the runtime's may be.

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

/// How many questions are answered at once; the others wait.
const AT_ONCE: usize = 4;

/// A question, to be asked on a connection or told why there is none. It says when its thread is free, before whoever
/// asked can ask again, and then whether the connection is fit for another: one on which a question failed is closed.
type Question = Box<dyn FnOnce(Result<&mut Connection, StoreError>, &dyn Fn()) -> bool + Send>;

/// A thread, and the connection it leaves behind when it has nothing more to do.
pub(super) type Reader = JoinHandle<Option<Connection>>;

/// The reading threads of one store, each started when all before it are busy.
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
    /// Questions that no thread has taken yet, first come, first served.
    waiting: VecDeque<Question>,
    threads: Vec<Reader>,
    /// How many of the threads have one.
    busy: usize,
    closed: bool,
}

impl Readers {
    /// Readers of the database at `path`. One connection is made at once, to see that it can be.
    pub(super) async fn open(path: PathBuf, access: Access) -> Result<Readers, StoreError> {
        let shared = Shared { path, access, state: Mutex::default(), asked: Condvar::new() };
        let readers = Readers { shared: Arc::new(shared) };
        readers.ask(|_| Ok(())).await?;
        Ok(readers)
    }

    /// Has `question` answered by the next thread that is free. What it panics at is an error of this question alone.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.shared.push(Box::new(move |conn, free| {
            // Whoever asked may have gone away while the question waited.
            if answer.is_closed() {
                free();
                return true;
            }
            let found = conn.and_then(question).map_err(of_question);
            let good = found.is_ok();
            free();
            let _ = answer.send(found);
            good
        }))?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Query { why: "the question was given up".into() }))
    }

    /// Forgets the questions that no thread has taken: nobody is left to wait for an answer.
    pub(super) fn give_up(&self) {
        self.shared.lock().waiting.clear();
    }

    /// Takes no more questions. The threads end when those that were asked have their answers.
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
    fn push(self: &Arc<Shared>, question: Question) -> Result<(), StoreError> {
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
                Err(error) => return Err(StoreError::Query { why: format!("no thread to read with: {error}") }),
            }
        }
        state.waiting.push_back(question);
        drop(state);
        self.asked.notify_one();
        Ok(())
    }

    /// What a thread does all its life. A connection is made for the first question and kept for the others.
    fn serve(&self) -> Option<Connection> {
        let mut conn = None;
        while let Some(question) = self.next() {
            conn = answer((&self.path, self.access), conn, question, &|| self.lock().busy -= 1);
        }
        conn
    }

    /// The next question, or nothing when there will be none.
    fn next(&self) -> Option<Question> {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let question = state.waiting.pop_front()?;
        state.busy += 1;
        Some(question)
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

/// Answers one question and gives the connection back, if it is fit for another.
fn answer(
    (path, access): (&Path, Access),
    conn: Option<Connection>,
    question: Question,
    free: &dyn Fn(),
) -> Option<Connection> {
    let mut conn = match conn.map_or_else(|| connect_to_read(path, access), Ok) {
        Ok(conn) => conn,
        Err(error) => {
            question(Err(error), free);
            return None;
        }
    };
    // The thread outlives a panic; whoever asked learns of it, because nobody is left to answer.
    let good = catch_unwind(AssertUnwindSafe(|| question(Ok(&mut conn), free))).unwrap_or_else(|_| {
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
    async fn a_question_that_panics_is_an_error_and_leaves_every_thread() {
        let (_folder, readers) = readers().await;
        for _ in 0..2 * AT_ONCE {
            let panicked = readers.ask(|_| -> Result<(), StoreError> { panic!("EXERCISE") }).await;
            assert!(matches!(panicked, Err(StoreError::Query { .. })), "{panicked:?}");
        }
        assert_eq!(readers.ask(one).await, Ok(1));
    }

    #[tokio::test]
    async fn questions_are_answered_beside_one_that_takes_long() {
        let (_folder, readers) = readers().await;
        let (release, held) = std::sync::mpsc::channel::<()>();
        let long = readers.ask(move |_| Ok(held.recv().is_ok()));
        let others = async {
            for _ in 0..AT_ONCE {
                assert_eq!(readers.ask(one).await, Ok(1));
            }
            release.send(()).unwrap();
        };
        let (long, ()) = tokio::join!(long, others);
        assert_eq!(long, Ok(true));
    }

    #[tokio::test]
    async fn one_question_after_another_takes_one_thread() {
        let (_folder, readers) = readers().await;
        for _ in 0..100 {
            assert_eq!(readers.ask(one).await, Ok(1));
        }
        assert_eq!(readers.close().len(), 1);
    }

    #[tokio::test]
    async fn refuses_to_write() {
        let (_folder, readers) = readers().await;
        let wrote = readers.ask(|conn| super::super::connection::run(conn, "CREATE TABLE t (a)", ())).await;
        assert!(matches!(wrote, Err(StoreError::Query { .. })), "{wrote:?}");
    }

    #[tokio::test]
    async fn refuses_questions_once_closed_and_its_threads_end() {
        let (_folder, readers) = readers().await;
        for thread in readers.close() {
            assert!(thread.join().unwrap().is_some());
        }
        assert_eq!(readers.ask(one).await, Err(StoreError::Closed));
    }

    #[tokio::test]
    async fn threads_end_with_the_store_that_nobody_closed() {
        let (_folder, readers) = readers().await;
        let threads = std::mem::take(&mut readers.shared.lock().threads);
        drop(readers);
        assert_eq!(threads.into_iter().map(JoinHandle::join).filter(Result::is_ok).count(), 1);
    }
}
