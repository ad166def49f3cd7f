//! Somebody who can write to the database without a key cannot change what partners sent: each column of each row about
//! the inbox and the quarantine is altered, one at a time, and nothing else is shown or exported for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::{self, World};
use portcullis::config::Config;
use portcullis::gateway::{GatewayError, Node};
use portcullis::ident::ExchangeId;
use portcullis::store::{Spool, SqliteStore, Store};
use portcullis::system::{SystemClock, SystemEntropy};
use portcullis::time::FixedClock;
use rusqlite::Connection;

/// Columns that are not facts about an inbound exchange, and why altering them exports nothing else.
const HARMLESS: [(&str, &str); 13] = [
    ("exchange.recall_code", "means nothing without the time of a recall beside it, which is evidence with it"),
    ("exchange.lease_owner", "a claim keeps others from working on it"),
    ("exchange.lease_until", "the same"),
    ("exchange.attempts", "counts what is sent"),
    ("exchange.next_attempt", "the same"),
    ("exchange.updated", "shown only"),
    ("exchange.refusal", "shown only"),
    ("exchange.reason", "shown only, of what is not in quarantine"),
    ("exchange.policy_digest", "of what is sent"),
    ("exchange.register_digest", "the same"),
    ("exchange.version", "orders writes"),
    ("document.partner_checkpoint", "a copy of what was signed"),
    ("document.pieces", "of what is sent"),
];

/// A node with one product in its inbox and one in quarantine.
struct Received {
    base: Node,
    store: PathBuf,
    inbox: ExchangeId,
    quarantine: ExchangeId,
    world: World,
}

impl Received {
    async fn new() -> Received {
        let world = World::new();
        let (mut us, mut them) = world.pair();
        world.officers(&them);
        let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
        world.change(&them, &[("words/exercise.txt", list)]);
        let release = |id: &str| {
            let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
            world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned()
        };
        let (inbox, quarantine) = (release("GOOD"), release("LISTED"));
        us.serve();
        them.serve();
        for exchange in [&inbox, &quarantine] {
            us.until_state(exchange, "delivered");
        }
        assert!(us.stop() && them.stop());
        let base = Node::open(Config::read(&them.config()).unwrap(), Arc::new(SystemClock)).await.unwrap();
        let store = them.folder.join("store");
        support::sql(&store.join("portcullis.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
        let (inbox, quarantine) = (inbox.parse().unwrap(), quarantine.parse().unwrap());
        Received { base, store, inbox, quarantine, world }
    }

    fn database(&self) -> PathBuf {
        self.store.join("portcullis.db")
    }

    /// Returns what is shown and exported after `statement` was run on a copy of the database.
    async fn handed(&self, statement: &str) -> Handed {
        let folder = tempfile::tempdir_in(self.world.folder.path()).unwrap();
        let copy = folder.path().join("portcullis.db");
        std::fs::copy(self.database(), &copy).unwrap();
        support::sql(&copy, &format!("PRAGMA foreign_keys = OFF; {statement}"));
        let config = self.base.config();
        let store = SqliteStore::open(&copy, Arc::new(config.keys.signer("ledger").unwrap())).await.unwrap();
        let store = Arc::new(store);
        let spool = Spool::open(&config.store.spool, 0).unwrap().with_inline_bytes_max(config.store.kept_bytes_max);
        let clock = Arc::new(FixedClock::at(self.base.now()));
        let node = self.base.over(store.clone(), spool, clock, Arc::new(SystemEntropy));
        let listed = node.inbox().await.unwrap_or_default().into_iter().map(|item| item.exchange).collect();
        let mut taken = Vec::new();
        for id in [self.inbox, self.quarantine] {
            let place = folder.path().join(format!("{id}.txt"));
            let took = node.take(&id, &place, false, &support::reader()).await;
            assert_eq!(took.is_ok(), place.exists(), "{statement}: what failed leaves nothing");
            taken.extend(took.ok().map(|_| std::fs::read_to_string(&place).unwrap()));
        }
        let shown = node.inbox_item(&self.inbox).await.map(|item| item.text.unwrap_or_default());
        let in_quarantine = node.quarantined(&self.quarantine, true).await.map(|found| found.text.unwrap_or_default());
        store.close().await;
        Handed { listed, taken, shown, in_quarantine }
    }
}

struct Handed {
    listed: Vec<String>,
    taken: Vec<String>,
    shown: Result<String, GatewayError>,
    in_quarantine: Result<String, GatewayError>,
}

/// The columns of a table, with their types.
fn columns(database: &Path, table: &str) -> Vec<(String, String)> {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection.prepare(&format!("SELECT name, type FROM pragma_table_info('{table}')")).unwrap();
    let column = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    statement.query_map((), column).unwrap().map(Result::unwrap).collect()
}

/// Returns expressions for values other than the current one.
fn others(table: &str, name: &str, kind: &str) -> Vec<String> {
    match (kind, format!("{table}.{name}").as_str()) {
        (_, "exchange.state") => {
            ["received", "taken", "quarantined", "receiving"].map(|state| format!("'{state}'")).into()
        }
        (_, "exchange.kind") => vec!["'recall'".into()],
        (_, "exchange.direction") => vec!["'out'".into()],
        ("INTEGER", _) if name == "seq" || name == "exchange" => vec![format!("{name} + 1000")],
        ("INTEGER", _) => vec![format!("coalesce({name}, 0) + 1")],
        ("TEXT", _) => {
            vec![format!("coalesce({name}, '') || 'x'"), format!("'exercise-' || {name}"), "'[\"x\"]'".into()]
        }
        _ => vec![format!("coalesce({name}, x'') || x'00'"), "zeroblob(32)".into()],
    }
}

fn changes(database: &Path, statement: &str) -> bool {
    let mut connection = Connection::open(database).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let change = connection.transaction().unwrap();
    matches!(change.execute(statement, ()), Ok(1..))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_is_shown_or_handed_out_once_any_column_was_altered() {
    let received = Received::new().await;
    let untouched = received.handed("SELECT 1").await;
    assert_eq!(untouched.listed.len(), 2);
    assert!(untouched.taken.len() == 1 && untouched.taken[0].contains("EXERCISE text of GOOD"));
    assert_eq!(untouched.shown.as_ref().unwrap(), &untouched.taken[0]);
    assert!(untouched.in_quarantine.as_ref().unwrap().contains("EXERCISE text of LISTED"));

    let (mut altered, mut wrong) = (0, Vec::new());
    for table in ["exchange", "document", "payload"] {
        for (name, kind) in columns(&received.database(), table) {
            let full = format!("{table}.{name}");
            let before = altered;
            for id in [received.inbox, received.quarantine] {
                let row = match table {
                    "exchange" => format!("id = '{id}'"),
                    _ => format!("exchange = (SELECT seq FROM exchange WHERE id = '{id}')"),
                };
                let quarantined = id == received.quarantine;
                // An officer is shown exactly the findings.
                let harmless = HARMLESS.iter().any(|(harmless, _)| *harmless == full)
                    && !(quarantined && full == "exchange.reason");
                let update =
                    |other| format!("UPDATE {table} SET {name} = {other} WHERE {name} IS NOT {other} AND {row}");
                let updates = others(table, &name, &kind).into_iter().map(update);
                let updates: Vec<String> = updates.filter(|update| changes(&received.database(), update)).collect();
                let most = if name == "state" { usize::MAX } else { 1 };
                for update in updates.into_iter().take(most) {
                    altered += 1;
                    let handed = received.handed(&update).await;
                    let genuine = |text: &String| *text == untouched.taken[0];
                    let mut wrongly = !handed.taken.iter().all(genuine);
                    wrongly |= handed.shown.as_ref().is_ok_and(|text| !genuine(text));
                    if !harmless {
                        // The altered one is refused completely, and only it is.
                        wrongly |= if quarantined { handed.in_quarantine.is_ok() } else { handed.shown.is_ok() };
                        wrongly |= if quarantined { handed.taken.is_empty() } else { !handed.taken.is_empty() };
                    }
                    if wrongly {
                        let (shown, found) = (handed.shown.is_ok(), handed.in_quarantine.is_ok());
                        wrong.push(format!("{update}: {} taken, shown {shown}, {found}", handed.taken.len()));
                    }
                }
            }
            // A claim has two columns, and neither is valid alone; an inbound exchange is in no outbound state.
            let alone = !full.starts_with("exchange.lease") && full != "exchange.direction";
            if altered == before && alone {
                wrong.push(format!("no value was found that `{full}` could be altered to"));
            }
        }
    }
    assert!(wrong.is_empty(), "of {altered} alterations:\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantined_product_is_not_handed_out_on_the_word_of_its_row() {
    let received = Received::new().await;
    let id = received.quarantine;
    for statement in [
        format!("UPDATE exchange SET state = 'received' WHERE id = '{id}'"),
        format!("UPDATE exchange SET state = 'received', reason = NULL WHERE id = '{id}'"),
        format!("UPDATE exchange SET state = 'taken', taken = 1 WHERE id = '{id}'"),
        // The other product's row is altered to name this one's payload.
        format!(
            "UPDATE exchange SET id = 'x' WHERE id = '{id}'; UPDATE exchange SET id = '{id}' WHERE id = '{inbox}'; \
             UPDATE exchange SET id = '{inbox}' WHERE id = 'x'",
            inbox = received.inbox
        ),
    ] {
        let handed = received.handed(&statement).await;
        assert!(handed.taken.iter().all(|text| text.contains("text of GOOD")), "{statement}");
    }
    // Another quarantined product is still shown: only the altered one is refused.
    let handed = received.handed(&format!("UPDATE exchange SET state = 'received' WHERE id = '{id}'")).await;
    assert_eq!((handed.taken.len(), handed.shown.is_ok(), handed.in_quarantine.is_ok()), (1, true, false));
    assert_eq!(handed.listed, [received.inbox.to_string()]);
}
