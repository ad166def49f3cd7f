//! Only what was sealed is sent: somebody who can write to the spool and the database alters a stored payload, and only the
//! pieces before the first altered one are sent, and never the header.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::support::{self, World};
use async_trait::async_trait;
use portcullis::config::Config;
use portcullis::digest::Digest;
use portcullis::edge::{DeliveryFailure, KeyGate, PayloadSource, StopSignal, Transport};
use portcullis::gateway::{DecidedRequests, Node};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::EntryKind;
use portcullis::store::{ExchangeState, Spool, SqliteStore, Store};
use portcullis::system::{SystemClock, SystemEntropy};
use portcullis::time::FixedClock;
use portcullis::wire::{KeyAnswer, Offer};

const MIB: usize = 1 << 20;

/// What was sent of one exchange.
#[derive(Clone, Debug, PartialEq)]
struct Left {
    exchange: ExchangeId,
    bytes: Vec<u8>,
    key: bool,
}

/// Accepts everything, like a partner that has nothing yet, or a prefix.
struct Taking {
    left: Mutex<Vec<Left>>,
    from: u64,
}

#[async_trait]
impl Transport for Taking {
    async fn deliver(
        &self,
        _: &PartnerId,
        offer: Offer,
        mut source: Box<dyn PayloadSource>,
        key: KeyGate,
        _: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let mut left = Left { exchange: offer.exchange, bytes: Vec::new(), key: false };
        let mut at = self.from;
        let outcome = loop {
            if at == offer.payload_size {
                left.key = matches!(key().await, KeyAnswer::Send(Some(_)));
                break DeliveryFailure::LinkDown;
            }
            match source.read_at(at, 40_000).await {
                Ok(piece) if !piece.is_empty() => {
                    at += piece.len() as u64;
                    left.bytes.extend_from_slice(&piece);
                }
                _ => break DeliveryFailure::SourceFailed,
            }
        };
        self.left.lock().unwrap().push(left);
        Err(outcome)
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        None
    }
}

/// A node with queued exchanges: two with long payloads in the spool, two with inline payloads.
struct Ready {
    base: Node,
    store: PathBuf,
    long: [ExchangeId; 2],
    short: [ExchangeId; 2],
    /// One that is not approved.
    held: ExchangeId,
    world: World,
}

impl Ready {
    async fn new() -> Ready {
        let world = World::new();
        let (us, _them) = world.pair();
        let release = |file: String| {
            let answer = world.release(&us, &[file], "exercise-gbr");
            answer.text("/exchanges/0/exchange").parse::<ExchangeId>().unwrap()
        };
        let long = ["LONG-1", "LONG-2"].map(|id| release(package(&world, id)));
        let short = ["SHORT-1", "SHORT-2"]
            .map(|id| release(world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)")));
        let file = world.product("HELD", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
        let producer = us.key("exercise-producer");
        let asked = ["--key", &producer, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
        let held = us.run(&[&["submit", &file][..], &asked].concat()).expect(0);
        let held = held.text("/exchanges/0/exchange").parse().unwrap();
        let config = Config::read(&us.config()).unwrap();
        let base = Node::open(config, Arc::new(SystemClock)).await.unwrap();
        let roster = base.store().generations().await.unwrap().roster;
        let mut seen = DecidedRequests::default();
        while base.release_approved(&mut seen, roster).await.unwrap() {}
        let store = us.folder.join("store");
        support::sql(&store.join("portcullis.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
        Ready { base, store, long, short, held, world }
    }

    fn envelope(&self, exchange: &ExchangeId) -> Vec<u8> {
        fs::read(self.store.join(format!("spool/{exchange}.envelope"))).unwrap()
    }

    /// Returns what is sent of these exchanges from a copy of the store altered by `alter`, to a partner that has the first
    /// `from` bytes of each; and the node on that copy, with its store and folder.
    async fn all_that_leaves(&self, from: u64, only: &[ExchangeId], alter: impl Fn(&Path)) -> (Vec<Left>, Copied) {
        let folder = tempfile::tempdir_in(self.world.folder.path()).unwrap();
        let (database, spool) = (folder.path().join("portcullis.db"), folder.path().join("spool"));
        fs::copy(self.store.join("portcullis.db"), &database).unwrap();
        let made = Spool::open(&spool, 0).unwrap();
        for file in fs::read_dir(self.store.join("spool")).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), spool.join(file.file_name())).unwrap();
            }
        }
        alter(folder.path());
        let config = self.base.config();
        let store = SqliteStore::open(&database, Arc::new(config.keys.signer("ledger").unwrap())).await.unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(FixedClock::at(self.base.now()));
        let spool = made.with_inline_bytes_max(config.store.kept_bytes_max);
        let node = Arc::new(self.base.over(store.clone(), spool, clock, Arc::new(SystemEntropy)));
        let carrier = Taking { left: Mutex::default(), from };
        for due in node.store().due(node.now(), 64).await.unwrap() {
            if only.contains(&due.exchange) {
                // A local failure is also a way not to send.
                let _ = node.attempt(&carrier, due).await;
            }
        }
        (carrier.left.into_inner().unwrap(), Copied { node, store, _folder: folder })
    }

    /// As [`Ready::all_that_leaves`], with the state of `exchange` afterwards and the alarms about its payload.
    async fn leaves(
        &self,
        exchange: &ExchangeId,
        from: u64,
        alter: impl Fn(&Path),
    ) -> (Vec<Left>, ExchangeState, usize) {
        // A short one is sent as well, unless the test resumes a long one.
        let beside = self.short[1];
        let only = [*exchange, if from == 0 { beside } else { *exchange }];
        let (left, copied) = self.all_that_leaves(from, &only, alter).await;
        let node = &copied.node;
        let state = node.store().exchange(exchange).await.unwrap().unwrap().state;
        let about = node.store().entries_about(&exchange.to_string()).await.unwrap();
        let alarms = about.iter().filter(|r| r.entry.kind() == EntryKind::Alarm);
        let alarms =
            alarms.filter(|r| r.entry.detail().get("payload").is_some_and(|said| said == "not-as-sealed")).count();
        copied.store.close().await;
        (left, state, alarms)
    }

    /// Checks that only the first `good` bytes of the exchange were sent, that the other one was sent completely with its
    /// header, and that the exchange was parked.
    async fn only(&self, exchange: ExchangeId, genuine: &[u8], good: usize, what: &str, alter: impl Fn(&Path)) {
        let (left, state, alarms) = self.leaves(&exchange, 0, alter).await;
        for left in &left {
            let altered = left.exchange == exchange;
            assert_eq!(left.key, !altered, "{what}: the key of {}", left.exchange);
            if altered {
                assert!(left.bytes.len() <= good, "{what}: {} bytes left", left.bytes.len());
                assert_eq!(left.bytes, genuine[..left.bytes.len()], "{what}");
            }
        }
        let others = left.iter().filter(|left| left.exchange != exchange).count();
        assert_eq!((others, state, alarms), (1, ExchangeState::Parked, 1), "{what}");
    }
}

/// A node over a copy of the store.
struct Copied {
    node: Arc<Node>,
    store: Arc<SqliteStore>,
    _folder: tempfile::TempDir,
}

/// Creates a product with an attachment that makes its sealed payload three pieces long.
fn package(world: &World, id: &str) -> String {
    let folder = world.path(id);
    fs::create_dir_all(folder.join("attachments")).unwrap();
    let line = |n: usize| format!("EXERCISE sighting {n} of {id} at berth {}, nothing more to report.\n", n % 97);
    let text: String = (0..36_000).map(line).collect();
    fs::write(folder.join("attachments/sightings.txt"), &text).unwrap();
    let (size, digest) = (text.len(), Digest::of(text.as_bytes()));
    let product = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE {id}, attached.\n\n\
         (S//REL TO USA, GBR) ATTACHMENT sightings.txt text/plain {size} {digest}\n"
    );
    fs::write(folder.join("product.txt"), product).unwrap();
    folder.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_behind_the_first_piece_that_is_not_what_was_sealed() {
    let ready = Ready::new().await;
    let [first, second] = ready.long;
    let (genuine, other) = (ready.envelope(&first), ready.envelope(&second));
    assert!(genuine.len() > 2 * MIB && genuine.len() == other.len(), "three pieces: {}", genuine.len());

    // Unaltered, each is sent completely, with its header.
    let (left, state, alarms) = ready.leaves(&first, 0, |_| ()).await;
    assert_eq!((left.len(), state, alarms), (2, ExchangeState::Queued, 0));
    assert!(left.iter().all(|left| left.key));
    assert!(left.contains(&Left { exchange: first, bytes: genuine.clone(), key: true }));
    let (left, ..) = ready.leaves(&first, 1_500_000, |_| ()).await;
    assert_eq!(left, [Left { exchange: first, bytes: genuine[1_500_000..].to_vec(), key: true }], "resumed in a piece");

    let flipped = |at: usize| {
        let mut bytes = genuine.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut swapped = genuine.clone();
    swapped[..2 * MIB].rotate_left(MIB);
    let end = genuine.len();
    let cases = [
        ("the first byte flipped", flipped(0), 0),
        ("a byte of the first piece flipped", flipped(MIB - 1), 0),
        ("a byte of the second piece flipped", flipped(MIB), MIB),
        ("the last byte flipped", flipped(end - 1), 2 * MIB),
        ("two pieces swapped", swapped, 0),
        (
            "its second piece is another payload's",
            [&genuine[..MIB], &other[MIB..2 * MIB], &genuine[2 * MIB..]].concat(),
            MIB,
        ),
        ("another exchange's payload", other.clone(), 0),
        ("cut short by a byte", genuine[..end - 1].to_vec(), 0),
        ("cut short by a piece", genuine[..2 * MIB].to_vec(), 0),
        ("a byte appended", [&genuine[..], b"x"].concat(), 0),
        ("emptied", Vec::new(), 0),
    ];
    let file = format!("spool/{first}.envelope");
    for (what, bytes, good) in cases {
        ready.only(first, &genuine, good, what, |store| fs::write(store.join(&file), &bytes).unwrap()).await;
    }
    ready.only(first, &genuine, 0, "removed", |store| fs::remove_file(store.join(&file)).unwrap()).await;

    // A partner that has a prefix is not sent the rest of an altered piece either.
    let altered = flipped(MIB + 7);
    let (left, state, _) =
        ready.leaves(&first, 1_500_000, |store| fs::write(store.join(&file), &altered).unwrap()).await;
    assert_eq!((left, state), (vec![Left { exchange: first, bytes: Vec::new(), key: false }], ExchangeState::Parked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_of_a_kept_payload_that_is_not_what_was_sealed() {
    let ready = Ready::new().await;
    let [first, second] = ready.short;
    let genuine = ready.base.store().inline_payload(&first).await.unwrap().unwrap().to_vec();
    let of = |id: &ExchangeId| format!("(SELECT seq FROM exchange WHERE id = '{id}')");
    let (mine, theirs) = (of(&first), of(&second));
    for (what, statement) in [
        (
            "a byte flipped",
            format!("UPDATE payload SET bytes = CAST(x'00' || substr(bytes, 2) AS BLOB) WHERE exchange = {mine}"),
        ),
        ("cut short", format!("UPDATE payload SET bytes = substr(bytes, 2) WHERE exchange = {mine}")),
        ("a byte appended", format!("UPDATE payload SET bytes = CAST(bytes || x'00' AS BLOB) WHERE exchange = {mine}")),
        ("another's", {
            let other = format!("(SELECT bytes FROM payload WHERE exchange = {theirs})");
            format!("UPDATE payload SET bytes = {other} WHERE exchange = {mine}")
        }),
        ("removed", format!("DELETE FROM payload WHERE exchange = {mine}")),
    ] {
        ready.only(first, &genuine, 0, what, |store| support::sql(&store.join("portcullis.db"), &statement)).await;
    }
}

/// One SQL statement each, without a key: rows that claim that something was released, sealed and queued, copied from
/// genuine rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_says_it_was_released_and_sealed_sends_nothing() {
    let ready = Ready::new().await;
    let ([first, second], held) = (ready.short, ready.held);
    let seq = |id: &ExchangeId| format!("(SELECT seq FROM exchange WHERE id = '{id}')");
    let of = |column: &str, id: &ExchangeId| format!("(SELECT {column} FROM exchange WHERE id = '{id}')");
    let sealed_as = |id: &ExchangeId, other: &ExchangeId| {
        let columns = ["cut_digest", "payload_size", "payload_digest", "policy_digest", "register_digest"];
        let set = columns.map(|column| format!("{column} = {}", of(column, other))).join(", ");
        format!(
            "UPDATE exchange SET state = 'queued', next_attempt = 0, payload = '{id}.envelope', {set} WHERE id = '{id}'; \
             INSERT OR REPLACE INTO document (exchange, manifest, header) \
             SELECT {}, manifest, header FROM document WHERE exchange = {}; \
             INSERT OR REPLACE INTO payload (exchange, bytes) SELECT {}, bytes FROM payload WHERE exchange = {}",
            seq(id),
            seq(other),
            seq(id),
            seq(other)
        )
    };
    let under = format!("UPDATE exchange SET request = {} WHERE id = '{held}'", of("request", &first));
    let asked = format!("UPDATE exchange SET unanswered = 1, state = 'cancelled' WHERE id = '{held}'");
    for (what, victim, beside, statement) in [
        // A request with an extra row is refused completely.
        ("queued under another's request", held, second, format!("{under}; {}", sealed_as(&held, &first))),
        ("queued with what was sealed for another", held, first, sealed_as(&held, &first)),
        ("queued, and then said to be unanswered", held, first, format!("{}; {asked}", sealed_as(&held, &first))),
        ("released, with another's manifest and payload", second, first, sealed_as(&second, &first)),
    ] {
        let alter = |store: &Path| support::sql(&store.join("portcullis.db"), &statement);
        let (left, copied) = ready.all_that_leaves(0, &[first, second, held], alter).await;
        copied.store.close().await;
        assert!(left.iter().all(|left| left.exchange != victim), "{what}");
        assert!(left.iter().any(|left| left.exchange == beside && left.key), "{what}: the one beside it leaves");
    }
}
