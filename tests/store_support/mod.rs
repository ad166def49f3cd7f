//! Builders shared by the store's tests: everything in them is fictitious exercise material.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::envelope::{Header, Precedence};
use portcullis::ident::{ExchangeId, OfficerId, RequestId};
use portcullis::ledger::{Entry, EntryKind};
use portcullis::sign::{Algorithm, LocalSigner, PublicKey, Signer};
use portcullis::store::*;
use portcullis::time::Time;
use rusqlite::{Connection, OpenFlags};

pub const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

pub fn signer() -> Arc<dyn Signer> {
    let key = LocalSigner::generate(Algorithm::Ed25519).expect("the system has randomness");
    Arc::new(LocalSigner::from_pkcs8(&key).expect("a key just made"))
}

pub fn later(seconds: u64) -> Time {
    NOW.plus(Duration::from_secs(seconds))
}

pub fn ex(n: u16) -> ExchangeId {
    let [a, b] = n.to_be_bytes();
    ExchangeId::new(NOW, [0, 0, 0, 0, 0, 0, 0, 0, a, b])
}

pub fn rq(n: u16) -> RequestId {
    let [a, b] = n.to_be_bytes();
    RequestId::new(NOW, [0, 0, 0, 0, 0, 0, 0, 0, a, b])
}

pub fn note(kind: EntryKind, subject: impl std::fmt::Display) -> Entry {
    Entry::new(NOW, kind, subject, "exercise")
}

pub fn partner(name: &str) -> Partner {
    Partner {
        id: name.parse().expect("a partner name"),
        state: PartnerState::Active,
        description: b"EXERCISE description".to_vec(),
        agreement: b"EXERCISE agreement".to_vec(),
        crl: Vec::new(),
        added: NOW,
        changed: NOW,
        version: Version::NEW,
    }
}

pub fn officer(name: &str, key: PublicKey) -> Officer {
    Officer {
        id: name.parse().expect("an officer name"),
        name: format!("EXERCISE {name}"),
        public_key: key,
        certificates: b"EXERCISE certificate".to_vec(),
        roles: ["disclosure-officer".to_owned()].into(),
        state: OfficerState::Active,
        added: NOW,
        changed: NOW,
        valid_until: later(86_400),
        declared: Default::default(),
        version: Version::NEW,
    }
}

pub fn request(n: u16) -> Request {
    Request {
        id: rq(n),
        product_digest: Digest::of(b"EXERCISE product"),
        product_id: "EXERCISE-0001".into(),
        product: Some(SpoolId::Product(rq(n))),
        submitter: "exercise-submitter".into(),
        purpose: "EXERCISE purpose".into(),
        basis: "EXERCISE basis".into(),
        precedence: Precedence::Routine,
        expires: later(3600),
        created: NOW,
        supersedes: None,
        aims: Default::default(),
        state: RequestState::Open,
        reason: None,
        version: Version::NEW,
    }
}

pub fn outbound(n: u16, partner: &str) -> Exchange {
    let partner = partner.parse().expect("a partner name");
    Exchange::new(ex(n), Direction::Out, partner, ExchangeState::Requested, NOW, later(3600))
}

pub fn sealed(mut row: Exchange) -> Exchange {
    row.state = ExchangeState::Queued;
    row.cut_digest = Some(Digest::of(b"EXERCISE cut"));
    row.marking = Some("SECRET//REL TO USA, GBR".into());
    row.manifest = Some(b"EXERCISE manifest".to_vec());
    row.header = Some(Header::new(*b"EXERCISE header").expect("a header"));
    row.payload = Some(Payload { spool: SpoolId::Envelope(row.id), size: 16, digest: Digest::of(b"EXERCISE payload") });
    row
}

/// Commits one change with one entry about `subject`.
pub async fn put(
    store: &dyn Store,
    change: impl Into<Change>,
    kind: EntryKind,
    subject: impl std::fmt::Display,
) -> Result<Committed, StoreError> {
    store.commit(Commit::new().change(change).entry(note(kind, subject))).await
}

pub async fn enrol(store: &dyn Store, name: &str) {
    put(store, partner(name), EntryKind::PartnerAdded, name).await.expect("a new partner");
}

pub async fn add_officer(store: &dyn Store, name: &str) -> OfficerId {
    let row = officer(name, signer().public().clone());
    let id = row.id.clone();
    put(store, row, EntryKind::OfficerAdded, name).await.expect("a new officer");
    id
}

/// Puts exchange `n` for `partner` into the queue and returns it as stored.
pub async fn queue(store: &dyn Store, n: u16, partner: &str, precedence: Precedence) -> Exchange {
    let mut row = outbound(n, partner);
    row.precedence = precedence;
    put(store, row, EntryKind::ExchangeRequested, ex(n)).await.expect("a new exchange");
    let row = sealed(read(store, n).await);
    put(store, row, EntryKind::ExchangeSealed, ex(n)).await.expect("a legal step");
    read(store, n).await
}

pub async fn read(store: &dyn Store, n: u16) -> Exchange {
    store.exchange(&ex(n)).await.expect("a query").expect("an exchange that was stored")
}

/// A store in a folder that goes away with it.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub signer: Arc<dyn Signer>,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder"), signer: signer() }
    }

    pub fn db(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    pub async fn create(&self) -> SqliteStore {
        let node = "exercise-usa".parse().expect("a node name");
        SqliteStore::create(&self.db(), &node, self.signer.clone(), NOW).await.expect("an empty folder")
    }

    pub async fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.db(), self.signer.clone()).await
    }

    /// Runs SQL on the closed database, as an intruder with the file would.
    pub fn meddle(&self, sql: &str) {
        meddle(&self.db(), sql);
    }
}

/// The database of a closed store, opened without going through it.
pub fn database(db: &Path) -> Connection {
    Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database")
}

pub fn meddle(db: &Path, sql: &str) {
    database(db).execute_batch(sql).expect("SQL that the test wrote");
}
