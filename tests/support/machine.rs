//! A partner's machine in hostile hands: its certificates and keys are the partner's own, and it says what it likes.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis::config::{Config, Keys};
use portcullis::digest::Digest;
use portcullis::edge::{
    CompletePayload, DeliveryFailure, Edge, EdgeConfig, EdgeTuning, Intake, Listen, OfferAnswer, PartnerLink,
    PayloadSink, PayloadSource, Refusal, SinkError, SourceError, StopSignal, open_gate,
};
use portcullis::envelope::{
    Disposition, Header, Kind, Manifest, OpeningProof, OpeningSecret, Precedence, Recall, RecallCode, Receipt,
};
use portcullis::ident::{ExchangeId, NodeId, PartnerId};
use portcullis::ledger::{LedgerKey, SignedCheckpoint};
use portcullis::partner::Limits;
use portcullis::pki::{CredentialStore, PartnerTrust, TrustSnapshot, TrustStore};
use portcullis::seal::open;
use portcullis::sign::{Signed, Statement};
use portcullis::system::{SystemClock, entropy};
use portcullis::time::Clock as _;
use portcullis::wire::{CheckpointExchange, Extension, Offer, RefusalCode};

use super::support::Node;

/// How it answers what it is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    /// As it should: it opens what came and signs for it, at this moment if not at the present one.
    Honest(Option<i64>),
    /// With a receipt of what it reads in the offer, before anything else has left.
    Early,
    /// It has all of the payload, it says, and signs for it when the header is there. It never had a byte.
    AtSize,
    /// It says that it could not open what came.
    Unopened,
}

/// What it holds and does.
pub struct Acts {
    pub play: Mutex<Play>,
    pub offers: Mutex<Vec<Offer>>,
    pub body: Mutex<Vec<u8>>,
    pub headers: Mutex<Vec<Header>>,
    pub heads: Mutex<bool>,
    keys: Keys,
    ledger: LedgerKey,
}

impl Acts {
    fn head(&self) -> SignedCheckpoint {
        SignedCheckpoint::sign(1 << 20, Digest::of(b"EXERCISE root"), &self.ledger, &self.keys.ledger).unwrap()
    }

    pub fn sign<T: Statement>(&self, statement: T) -> Vec<u8> {
        Signed::sign(statement, &self.keys.signing).unwrap().bytes().to_vec()
    }

    /// A receipt with everything in it that the offer says, and with what was found by who opened it.
    fn receipt(&self, offer: &Offer, received_at_ms: Option<i64>, opened: Option<OpeningProof>) -> Receipt {
        let said = Signed::<Manifest>::peek(&offer.manifest).unwrap();
        Receipt {
            version: Receipt::VERSION,
            exchange: said.exchange,
            sender: said.sender,
            recipient: said.recipient,
            manifest_digest: Digest::of(&offer.manifest),
            payload_digest: offer.payload_digest,
            disposition: Disposition::Accepted,
            received_at_ms: received_at_ms.unwrap_or_else(|| SystemClock.now().unix_ms()),
            checkpoint: self.head().as_str().to_owned(),
            handled: None,
            opened: opened.unwrap_or(OpeningProof::from_digest(offer.payload_digest)),
        }
    }
}

struct Hostile(Arc<Acts>);

struct Keeps {
    acts: Arc<Acts>,
    offer: Offer,
    at_size: bool,
}

#[async_trait]
impl Intake for Hostile {
    async fn offer(&self, _: &PartnerId, offer: Offer) -> OfferAnswer {
        let acts = self.0.clone();
        acts.offers.lock().unwrap().push(offer.clone());
        let play = *acts.play.lock().unwrap();
        if play == Play::Early {
            return OfferAnswer::Replay(acts.sign(acts.receipt(&offer, None, None)));
        }
        acts.body.lock().unwrap().clear();
        OfferAnswer::Accept(Box::new(Keeps { acts, offer, at_size: play == Play::AtSize }))
    }

    async fn complete(&self, _: &PartnerId, exchange: ExchangeId, whole: CompletePayload) -> Result<Vec<u8>, Refusal> {
        let acts = &self.0;
        let offer = acts.offers.lock().unwrap().iter().rev().find(|o| o.exchange == exchange).cloned().unwrap();
        acts.headers.lock().unwrap().extend(whole.header.clone());
        let receipt = match *acts.play.lock().unwrap() {
            Play::Unopened => return Err(RefusalCode::CannotOpen.into()),
            Play::Honest(at) => {
                let body = acts.body.lock().unwrap().clone();
                let bound = Signed::<Manifest>::peek(&offer.manifest).unwrap().bound();
                let opened = open(&acts.keys.payload, &whole.header.unwrap(), Cursor::new(body), 1 << 20, &bound);
                acts.receipt(&offer, at, Some(opened.unwrap().proof()))
            }
            Play::Early | Play::AtSize => acts.receipt(&offer, None, None),
        };
        Ok(acts.sign(receipt))
    }

    async fn hello_extensions(&self, _: &PartnerId) -> Vec<Extension> {
        let heads = CheckpointExchange { own: self.0.head().as_str().to_owned(), seen: None, heard: None };
        let shown = *self.0.heads.lock().unwrap();
        heads.to_extension().filter(|_| shown).into_iter().collect()
    }

    fn link_changed(&self, _: &PartnerId, _: bool) {}
}

#[async_trait]
impl PayloadSink for Keeps {
    fn durable(&self) -> (u64, Digest) {
        if self.at_size { (self.offer.payload_size, self.offer.payload_digest) } else { (0, Digest::of(b"")) }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.acts.body.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        Ok(self.offer.payload_digest)
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        None
    }
}

/// The machine, running.
pub struct Machine {
    pub acts: Arc<Acts>,
    pub edge: Edge,
    runtime: tokio::runtime::Runtime,
}

impl Machine {
    /// In the place of `them`, which is not running, towards `us`.
    pub fn start(us: &Node, them: &Node, play: Play, heads: bool) -> Machine {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (acts, edge) = runtime.block_on(edge(us, them, play, heads));
        Machine { acts, edge, runtime }
    }

    pub fn plays(&self, play: Play) {
        *self.acts.play.lock().unwrap() = play;
    }

    /// Offers `to` what is in an offer, with what opens it.
    pub fn offers(&self, to: &str, offer: Offer, payload: &[u8], header: Header) -> Result<Vec<u8>, DeliveryFailure> {
        self.sends(to, offer, payload, Some(header))
    }

    /// As [`Machine::offers`], also of what is not sealed.
    pub fn sends(
        &self,
        to: &str,
        offer: Offer,
        payload: &[u8],
        header: Option<Header>,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let to: PartnerId = to.parse().unwrap();
        let source = Box::new(Bytes::copy_from_slice(payload));
        self.runtime.block_on(async {
            let mut changes = self.edge.changes();
            while !self.edge.is_up(&to) {
                changes.changed().await.unwrap();
            }
            let source: Box<dyn PayloadSource> = Box::new(Held(*source));
            self.edge.deliver(&to, offer, source, open_gate(header), StopSignal::default()).await
        })
    }
}

struct Held(Bytes);

#[async_trait]
impl PayloadSource for Held {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        Ok(Digest::of(&self.0[..usize::try_from(length).unwrap()]))
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        let from = usize::try_from(offset).unwrap();
        Ok(self.0.slice(from..self.0.len().min(from + max)))
    }
}

/// What a partner would offer of somebody else's payload: the manifest as it is, but for who made it and under which
/// number.
pub fn reoffered(acts: &Acts, by: &str, of: &[u8], exchange: ExchangeId) -> Offer {
    let said = Signed::<Manifest>::peek(of).unwrap();
    assert_eq!(said.kind, Kind::Product);
    offered(acts, Manifest { sender: by.parse().unwrap(), exchange, ..said })
}

/// An offer of what a manifest says.
pub fn offered(acts: &Acts, manifest: Manifest) -> Offer {
    Offer {
        exchange: manifest.exchange,
        payload_size: manifest.payload_size,
        payload_digest: manifest.payload_digest,
        precedence: manifest.precedence,
        header: manifest.header,
        manifest: acts.sign(manifest),
    }
}

/// What a partner would send to recall an exchange, whoever sent that one: a notice that it signed itself, and its offer.
pub fn recalled(acts: &Acts, by: &str, to: &str, exchange: ExchangeId) -> (Offer, Vec<u8>) {
    let (now, notice) = (SystemClock.now(), ExchangeId::new(SystemClock.now(), entropy()));
    let (sender, recipient): (NodeId, NodeId) = (by.parse().unwrap(), to.parse().unwrap());
    let recall = Recall {
        version: Recall::VERSION,
        notice,
        sender: sender.clone(),
        recipient: recipient.clone(),
        exchange,
        why: RecallCode::Incorrect,
        ordered_at_ms: now.unix_ms(),
        secret: OpeningSecret::new(entropy()),
    };
    let payload = acts.sign(recall.clone());
    let digest = Digest::of(&payload);
    let manifest = Manifest {
        version: Manifest::VERSION,
        exchange: notice,
        kind: Kind::Recall,
        sender,
        recipient,
        marking: "UNCLASSIFIED".into(),
        cut_digest: digest,
        payload_digest: digest,
        payload_size: payload.len() as u64,
        precedence: Precedence::Immediate,
        sealed_at_ms: now.unix_ms(),
        expires_at_ms: now.unix_ms() + 3_600_000,
        about: Some(exchange),
        formats: None,
        header: None,
        opening: recall.proof(digest).commitment(),
    };
    let offer = Offer {
        exchange: notice,
        manifest: acts.sign(manifest.clone()),
        payload_size: manifest.payload_size,
        payload_digest: digest,
        precedence: manifest.precedence,
        header: None,
    };
    (offer, payload)
}

async fn edge(us: &Node, them: &Node, play: Play, heads: bool) -> (Arc<Acts>, Edge) {
    let node = {
        let config = Config::read(&them.config()).unwrap();
        portcullis::gateway::Node::open(config, Arc::new(SystemClock)).await.unwrap()
    };
    let partner = node.partner(&us.name.parse().unwrap()).await.unwrap();
    let (trust, faults) = TrustSnapshot::new([PartnerTrust::of(&partner).unwrap()]);
    assert_eq!(faults, []);
    let profile = partner.agreement.profile.parse().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], them.port));
    let config = EdgeConfig {
        node: them.name.parse().unwrap(),
        boot: entropy(),
        secret: entropy(),
        partner_networks: BTreeMap::new(),
        listen: vec![Listen { profile, address }],
        tuning: EdgeTuning::default(),
    };
    let credentials = Arc::new(CredentialStore::new([node.credential().unwrap()]));
    let keys = node.config().keys.load().unwrap();
    let ledger = node.store().node().await.unwrap().ledger_key;
    let acts = Arc::new(Acts {
        play: Mutex::new(play),
        offers: Mutex::default(),
        body: Mutex::default(),
        headers: Mutex::default(),
        heads: Mutex::new(heads),
        keys,
        ledger,
    });
    let intake = Arc::new(Hostile(acts.clone()));
    let trust = Arc::new(TrustStore::new(trust));
    let edge = Edge::start(config, credentials, trust, intake, Arc::new(SystemClock)).await.unwrap();
    let link = PartnerLink { addresses: Vec::new(), limits: Limits::default() };
    edge.apply_partners([(partner.id.clone(), link)].into());
    node.store().close().await;
    (acts, edge)
}
