//! Somebody who can write to the database without a key can release nothing: each column of each row on which a decision
//! can depend is altered, one at a time, before the node is opened and while it runs, and nothing is offered to the partner.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::support::{self, World};
use async_trait::async_trait;
use portcullis::config::Config;
use portcullis::edge::{DeliveryFailure, KeyGate, PayloadSource, StopSignal, Transport};
use portcullis::gateway::{DecidedRequests, Node};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::store::{Change, Commit, Spool, SqliteStore, Store};
use portcullis::system::{SystemClock, SystemEntropy};
use portcullis::time::{Clock, FixedClock, Time};
use portcullis::wire::Offer;
use rusqlite::Connection;

/// The tables on which decisions and sending depend.
const TABLES: [&str; 8] = ["partner", "officer", "setting", "request", "statement", "approval", "exchange", "document"];

/// Columns that are not facts, and why altering them cannot release anything. An alteration of any other column must stop
/// what depends on it.
const HARMLESS: [(&str, &str); 23] = [
    ("partner.changed", "shown only"),
    ("officer.changed", "shown only"),
    ("setting.changed", "shown only"),
    ("request.seq", "the order of a list"),
    ("request.product", "the name of a file whose content is held against the digest of the product"),
    ("request.reason", "shown only"),
    ("request.version", "orders writes; what a request may become is final"),
    ("statement.seq", "the order of a list"),
    ("approval.seq", "the order of a list"),
    ("approval.given", "shown only: when it was given is in what was signed"),
    ("exchange.seq", "the order of a list; what is signed of an exchange is missed under another"),
    ("exchange.recall_code", "means nothing without the time of a recall beside it, which is evidence with it"),
    ("exchange.lease_owner", "a claim keeps others from sending; without it nothing is sent that may not go"),
    ("exchange.lease_until", "the same"),
    ("exchange.attempts", "how often it is tried"),
    ("exchange.next_attempt", "when it is tried"),
    ("exchange.updated", "shown only"),
    ("exchange.refusal", "shown only"),
    ("exchange.reason", "shown only"),
    ("exchange.policy_digest", "holds an exchange sooner; approvals name the policy themselves"),
    ("exchange.register_digest", "holds an exchange sooner; approvals name the register themselves"),
    ("exchange.version", "orders writes; every decision is taken on the facts"),
    ("document.partner_checkpoint", "a copy of what a receipt says"),
];
/// Records what would have been sent, and delivers nothing.
#[derive(Default)]
struct Counted(Mutex<BTreeSet<ExchangeId>>);

#[async_trait]
impl Transport for Counted {
    async fn deliver(
        &self,
        _: &PartnerId,
        offer: Offer,
        _: Box<dyn PayloadSource>,
        key: KeyGate,
        _: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        // The manifest is sent first, and the header last.
        self.0.lock().unwrap().insert(offer.exchange);
        key().await;
        Err(DeliveryFailure::LinkDown)
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        None
    }
}

/// A node with one exchange queued, one approved and not sealed, and one that an officer refused while it was claimed.
struct Ready {
    base: Node,
    database: PathBuf,
    queued: ExchangeId,
    waiting: ExchangeId,
    refused: ExchangeId,
    now: Time,
    world: World,
}

impl Ready {
    async fn new() -> Ready {
        let world = World::new();
        let (us, _them) = world.pair();
        let release = |id: &str| {
            let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
            let answer = world.release(&us, &[file], "exercise-gbr");
            (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").parse::<ExchangeId>().unwrap())
        };
        let ((_, queued), (stopped, refused)) = (release("QUEUED"), release("REFUSED"));
        let config = Config::read(&us.config()).unwrap();
        let base = Node::open(config, Arc::new(SystemClock)).await.unwrap();
        let roster = base.store().generations().await.unwrap().roster;
        let mut seen = DecidedRequests::default();
        while base.release_approved(&mut seen, roster).await.unwrap() {}
        let now = base.now();
        let hour = std::time::Duration::from_secs(3600);
        let claim = Change::Claim { exchange: refused, owner: "exercise".into(), now, until: now.plus(hour) };
        base.store().commit(Commit::new().change(claim)).await.unwrap();
        us.run(&["refuse", &stopped, "--why", "EXERCISE", "--key", &world.key("exercise-officer-1")]).expect(0);
        let (_, waiting) = release("WAITING");
        let database = us.folder.join("store/portcullis.db");
        support::sql(&database, "PRAGMA wal_checkpoint(TRUNCATE)");
        // After the claim on the refused one has expired.
        let now = SystemClock.now().plus(2 * hour);
        Ready { base, database, queued, waiting, refused, now, world }
    }

    /// The rows of a table, each as a condition, with the exchanges that depend on it.
    fn rows(&self, table: &str) -> Vec<(String, BTreeSet<ExchangeId>)> {
        let (queued, waiting) = (self.queued, self.waiting);
        let each = |condition: &dyn Fn(ExchangeId) -> String| {
            [queued, waiting].map(|id| (condition(id), BTreeSet::from([id]))).into_iter().collect()
        };
        let all = |condition: &str| vec![(condition.to_owned(), BTreeSet::from([queued, waiting]))];
        match table {
            "partner" => all("id = 'exercise-gbr'"),
            "officer" => all("id = 'exercise-officer-1'"),
            "setting" => all("name = 'policy.texts'"),
            "statement" => {
                let mut rows: Vec<(String, BTreeSet<ExchangeId>)> = each(&|id| {
                    format!("kind = 'submission' AND subject = (SELECT request FROM exchange WHERE id = '{id}')")
                });
                rows.push(("kind = 'refusal'".to_owned(), BTreeSet::from([self.refused])));
                rows
            }
            "request" => each(&|id| format!("id = (SELECT request FROM exchange WHERE id = '{id}')")),
            "approval" => each(&|id| format!("exchange = '{id}' AND officer = 'exercise-officer-1'")),
            "document" => each(&|id| format!("exchange = (SELECT seq FROM exchange WHERE id = '{id}')")),
            _ => each(&|id| format!("id = '{id}'")),
        }
    }

    /// Returns what is sent after `statement` was run on a copy of the database: before the node is opened, or while it runs.
    async fn leaves(&self, statement: &str, running: bool) -> BTreeSet<ExchangeId> {
        let folder = tempfile::tempdir_in(self.world.folder.path()).unwrap();
        let copy = folder.path().join("portcullis.db");
        std::fs::copy(&self.database, &copy).unwrap();
        if !running {
            alter(&copy, statement);
        }
        let config = self.base.config();
        let signer = Arc::new(config.keys.signer("ledger").unwrap());
        let Ok(store) = SqliteStore::open(&copy, signer).await else { return BTreeSet::new() };
        let store = Arc::new(store);
        let spool = Spool::open(&config.store.spool, 0).unwrap().with_inline_bytes_max(config.store.kept_bytes_max);
        let clock = Arc::new(FixedClock::at(self.now));
        let node = Arc::new(self.base.over(store.clone(), spool, clock, Arc::new(SystemEntropy)));
        if running {
            // It has read everything once, so its caches are filled.
            node.redecide().await.unwrap();
            alter(&copy, statement);
        }
        let carrier = Counted::default();
        if let Ok(counted) = node.store().generations().await {
            let mut seen = DecidedRequests::default();
            while node.release_approved(&mut seen, counted.roster).await.unwrap_or(false) {}
        }
        for due in node.store().due(self.now, 64).await.unwrap_or_default() {
            // A local failure is also a way not to send.
            let _ = node.attempt(&carrier, due).await;
        }
        store.close().await;
        carrier.0.into_inner().unwrap()
    }
}

fn alter(database: &Path, statement: &str) {
    support::sql(database, &format!("PRAGMA foreign_keys = OFF; {statement}"));
}

/// A column of a table, with what it may hold.
struct Column {
    table: &'static str,
    name: String,
    declared: String,
}

impl Column {
    fn full(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }

    /// Returns expressions for values other than the current one.
    fn others(&self) -> Vec<String> {
        let name = &self.name;
        let words = |words: &[&str]| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>();
        match (self.declared.as_str(), self.full().as_str()) {
            (_, "partner.state") => words(&["suspended"]),
            (_, "officer.state") => words(&["revoked"]),
            (_, "request.state") => words(&["approved", "refused", "cancelled"]),
            (_, "exchange.state") => words(&["requested", "held", "sending", "queued", "delivered"]),
            (_, "exchange.kind") => words(&["recall"]),
            (_, "exchange.direction") => words(&["in"]),
            (_, "statement.kind") => words(&["recall"]),
            (_, "exchange.expires" | "request.expires" | "officer.valid_until") => vec![format!("{name} + 86400000")],
            ("INTEGER", _) if name == "seq" || name == "exchange" => vec![format!("{name} + 1000")],
            ("INTEGER", _) => vec![format!("coalesce({name}, 0) + 1")],
            ("TEXT", _) => {
                vec![format!("coalesce({name}, '') || 'x'"), format!("'exercise-' || {name}"), "'[\"x\"]'".into()]
            }
            _ => vec![format!("coalesce({name}, x'') || x'00'"), "zeroblob(32)".into()],
        }
    }
}

fn columns(database: &Path) -> Vec<Column> {
    let connection = Connection::open(database).unwrap();
    let of = |table: &'static str| {
        let mut statement =
            connection.prepare(&format!("SELECT name, type FROM pragma_table_info('{table}')")).unwrap();
        let column = |row: &rusqlite::Row<'_>| Ok(Column { table, name: row.get(0)?, declared: row.get(1)? });
        statement.query_map((), column).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    TABLES.into_iter().flat_map(of).collect()
}

/// Returns whether a statement changes anything in a copy of the database; constraints of the table refuse some.
fn changes(database: &Path, statement: &str) -> bool {
    let mut connection = Connection::open(database).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let change = connection.transaction().unwrap();
    matches!(change.execute(statement, ()), Ok(1..))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_once_any_column_that_is_decided_upon_was_altered() {
    let ready = Ready::new().await;
    let both = BTreeSet::from([ready.queued, ready.waiting]);
    for running in [false, true] {
        assert_eq!(ready.leaves("SELECT 1", running).await, both, "untouched, both leave and the refused one does not");
    }
    let (mut altered, mut wrong) = (0, Vec::new());
    for column in columns(&ready.database) {
        let (table, name, full) = (column.table, &column.name, column.full());
        let harmless = HARMLESS.iter().any(|(harmless, _)| *harmless == full);
        let before = altered;
        for (row, resting) in ready.rows(table) {
            let update =
                |other: &String| format!("UPDATE {table} SET {name} = {other} WHERE {name} IS NOT {other} AND {row}");
            let others = column.others();
            let updates = others.iter().map(update).filter(|update| changes(&ready.database, update));
            // All states are tried; of other columns, one value that the table accepts.
            let most = if name == "state" { usize::MAX } else { 1 };
            for update in updates.take(most).collect::<Vec<_>>() {
                altered += 1;
                for running in [false, true] {
                    let left = ready.leaves(&update, running).await;
                    let stopped = left.is_disjoint(&resting) && !left.contains(&ready.refused);
                    if !stopped && (!harmless || left.contains(&ready.refused)) {
                        wrong.push(format!("{update} (running: {running}): {left:?}"));
                    }
                }
            }
        }
        // A claim has two columns, and neither is valid alone; an outbound exchange is in no inbound state.
        let alone = !full.starts_with("exchange.lease") && full != "exchange.direction";
        if altered == before && alone {
            wrong.push(format!("no value was found that `{full}` could be altered to"));
        }
    }
    assert!(wrong.is_empty(), "of {altered} alterations:\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_once_a_row_that_is_decided_upon_was_deleted() {
    let ready = Ready::new().await;
    for table in TABLES {
        for (row, resting) in ready.rows(table) {
            let delete = format!("DELETE FROM {table} WHERE {row}");
            for running in [false, true].into_iter().filter(|_| changes(&ready.database, &delete)) {
                let left = ready.leaves(&delete, running).await;
                assert!(left.is_disjoint(&resting), "{delete} (running: {running}): {left:?}");
            }
        }
    }
}
