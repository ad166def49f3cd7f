//! The hostile partner: the keys of a node that is enrolled, and the links that it brings up and abuses.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis::config::Keys;
use portcullis::digest::Digest;
use portcullis::envelope::{Kind, Manifest, OpeningProof, Precedence};
use portcullis::ident::{ExchangeId, NodeId, PartnerId};
use portcullis::ledger::{LedgerKey, Origin, SignedCheckpoint};
use portcullis::pki::{self, CredentialStore, PartnerTrust, ProfileName, TrustSnapshot, TrustStore};
use portcullis::sign::{Signed, Signer as _};
use portcullis::system::{SystemClock, entropy};
use portcullis::time::Clock;
use portcullis::wire::{CheckpointExchange, Consistency, Frame, FrameReader, Hello, Offer, VERSION};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio_util::sync::CancellationToken;

use crate::support::{Node, block_on};

/// Where the hostile partner is: at another address than the honest one, as it would be.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 2, 0, 1);
/// What a node must answer within, or the attempt counts as refused.
const PATIENCE: Duration = Duration::from_secs(10);
/// A marking that its agreement lets come.
pub const BANNER: &str = "SECRET//REL TO USA, AUS, GBR";

/// Which head of its ledger the partner shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Newest,
    /// One that it had before, as after a restore that it did not mean to have.
    Older,
}

/// Everything that the attackers of one node have in common.
pub struct Hostile {
    pub profile: ProfileName,
    pub to: SocketAddr,
    pub victim: PartnerId,
    pub trust: Arc<TrustStore>,
    name: NodeId,
    keys: Keys,
    config: quinn::ClientConfig,
}

impl Hostile {
    /// With the keys of `node`, which knows `victim`.
    pub fn of(node: &Node, victim: &Node, profile: ProfileName) -> Hostile {
        let opened = node.open_live();
        let (partner, credential, keys) = block_on(async {
            let partner = opened.partner(&victim.name.parse().expect("a name")).await.expect("it is enrolled");
            let told = (partner, opened.credential().expect("its own"), opened.config().keys.load().expect("its keys"));
            opened.store().close().await;
            told
        });
        let trust = PartnerTrust::of(&partner).expect("a partner's certificates");
        let (snapshot, faults) = TrustSnapshot::new([trust]);
        assert_eq!(faults, [], "the victim's certificates");
        let trust = Arc::new(TrustStore::new(snapshot));
        let credentials = Arc::new(CredentialStore::new([credential]));
        let victim_id = partner.id.clone();
        Hostile {
            profile,
            to: SocketAddr::from((Ipv4Addr::LOCALHOST, victim.port)),
            config: client(profile, &victim_id, &credentials, &trust),
            victim: victim_id,
            trust,
            name: node.name.parse().expect("a name"),
            keys,
        }
    }

    fn hello(&self, shown: Shown) -> Frame {
        let entries = if shown == Shown::Newest { 1 << 20 } else { 1 << 10 };
        let key = LedgerKey::new(Origin::of_node(&self.name), self.keys.ledger.public().clone()).expect("a key");
        let head = SignedCheckpoint::sign(entries, Digest::of(b"EXERCISE root"), &key, &self.keys.ledger);
        let heads = CheckpointExchange { own: head.expect("a signature").as_str().to_owned(), seen: None, heard: None };
        Frame::Hello(Hello {
            version: VERSION,
            node: self.name.clone(),
            boot: [9; 16],
            data_bytes_max: 256 * 1024,
            exchanges_max: 4,
            extensions: heads.to_extension().into_iter().collect(),
        })
    }

    /// A manifest of so many bytes under a number of its own, good for so long.
    pub fn manifest(&self, bytes: u64, life: Duration) -> Manifest {
        let now = SystemClock.now();
        let nothing = Digest::of(b"EXERCISE: nobody has these bytes");
        Manifest {
            version: Manifest::VERSION,
            exchange: ExchangeId::new(now, entropy()),
            kind: Kind::Product,
            sender: self.name.clone(),
            recipient: self.victim.clone().into(),
            marking: BANNER.to_owned(),
            cut_digest: nothing,
            payload_digest: nothing,
            payload_size: bytes,
            precedence: Precedence::Flash,
            sealed_at_ms: now.unix_ms(),
            expires_at_ms: now.plus(life).unix_ms(),
            about: None,
            formats: None,
            header: Some(portcullis::envelope::HeaderCommitment { size: 200, digest: nothing }),
            opening: OpeningProof::from_digest(nothing).commitment(),
        }
    }

    /// The offer of a manifest, signed.
    pub fn offer(&self, manifest: Manifest) -> Offer {
        Offer {
            exchange: manifest.exchange,
            payload_size: manifest.payload_size,
            payload_digest: manifest.payload_digest,
            precedence: manifest.precedence,
            header: manifest.header,
            manifest: self.sign(manifest),
        }
    }

    pub fn sign<T: portcullis::sign::Statement>(&self, statement: T) -> Vec<u8> {
        Signed::sign(statement, &self.keys.signing).expect("its own key").bytes().to_vec()
    }

    pub fn name(&self) -> &NodeId {
        &self.name
    }
}

/// A client of some credentials, that trusts the victim to be itself.
pub fn client(
    profile: ProfileName,
    victim: &PartnerId,
    credentials: &Arc<CredentialStore>,
    trust: &Arc<TrustStore>,
) -> quinn::ClientConfig {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tls = pki::client_config(profile, victim, credentials, trust, &clock).expect("a client of that profile");
    let crypto = QuicClientConfig::with_initial(Arc::new(tls), pki::initial_suite()).expect("a suite for QUIC");
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    let mut transport = quinn::TransportConfig::default();
    // Certificates of ML-DSA-87 are larger than what is taken by default.
    transport.crypto_buffer_size(128 * 1024);
    config.transport_config(Arc::new(transport));
    config
}

/// One attack while it goes on.
#[derive(Clone)]
pub struct Going {
    pub hostile: Arc<Hostile>,
    pub stop: CancellationToken,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Going {
    pub fn new(hostile: Arc<Hostile>) -> Going {
        Going { hostile, stop: CancellationToken::new(), counts: Arc::default() }
    }

    pub fn on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    pub fn add(&self, what: &'static str, n: u64) {
        *self.counts.lock().expect("nobody panics with it").entry(what).or_default() += n;
    }

    /// Counts the most there was of something.
    pub fn most(&self, what: &'static str, n: u64) {
        let mut counts = self.counts.lock().expect("nobody panics with it");
        let most = counts.entry(what).or_default();
        *most = (*most).max(n);
    }

    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().expect("nobody panics with it").clone()
    }

    /// Waits for something, but not beyond the attack's end or what a node may take.
    pub async fn within<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            done = tokio::time::timeout(PATIENCE, what) => done.ok(),
        }
    }

    /// Brings a link up from where the hostile partner is.
    pub async fn link(&self, endpoint: &Endpoint, shown: Shown) -> Option<Link> {
        let link = self.within(up(&self.hostile, endpoint, shown)).await.flatten();
        if self.on() || link.is_some() {
            self.add(if link.is_some() { "links" } else { "links_refused" }, 1);
        }
        link
    }
}

/// An endpoint at the hostile partner's address; it belongs to the runtime that it is made on.
pub fn endpoint() -> Endpoint {
    Endpoint::client((ADDRESS, 0).into()).expect("an address of the loopback")
}

/// A link that is up.
pub struct Link {
    pub connection: Connection,
    pub control: SendStream,
    /// What the node says on the control stream; nobody needs to read it.
    pub answers: Answers,
}

async fn up(hostile: &Hostile, endpoint: &Endpoint, shown: Shown) -> Option<Link> {
    let connecting = endpoint.connect_with(hostile.config.clone(), hostile.to, "node.portcullis.invalid").ok()?;
    let connection = connecting.await.ok()?;
    let (mut control, unread) = connection.open_bi().await.ok()?;
    control.write_all(&hostile.hello(shown).encode()).await.ok()?;
    let mut answers = Answers::of(unread);
    let Some(Frame::Hello(theirs)) = answers.next().await else { return None };
    let heads = CheckpointExchange::from_extensions(&theirs.extensions).ok().flatten();
    if heads.is_some_and(|heads| heads.receiver_checkpoints().next().is_some()) {
        // Nothing is proven: of the head that was shown before there is nothing to prove, and of another it is a lie.
        control.write_all(&Frame::Consistency(Consistency::default()).encode()).await.ok()?;
    }
    Some(Link { connection, control, answers })
}

/// The frames that come back on a stream.
pub struct Answers {
    stream: RecvStream,
    reader: FrameReader,
}

impl Answers {
    pub fn of(stream: RecvStream) -> Answers {
        Answers { stream, reader: FrameReader::new(1024) }
    }

    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.reader.next().ok()? {
                return Some(frame);
            }
            let chunk = self.stream.read_chunk(4096, true).await.ok()??;
            self.reader.push(&chunk.bytes);
        }
    }
}

/// So many of something each second, and no more: what a real network would carry.
pub struct Pace {
    begun: Instant,
    per_second: f64,
    n: f64,
}

impl Pace {
    pub fn new(per_second: u64) -> Pace {
        Pace { begun: Instant::now(), per_second: per_second as f64, n: 0.0 }
    }

    /// Waits until so many more are due. What was missed by more than a tenth of a second is not made up for.
    pub async fn turn(&mut self, many: u64) {
        let now = self.begun.elapsed().as_secs_f64();
        self.n = self.n.max((now - 0.1) * self.per_second) + many as f64;
        let due = self.n / self.per_second;
        if due > now {
            tokio::time::sleep(Duration::from_secs_f64(due - now)).await;
        }
    }
}
