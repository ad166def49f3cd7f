//! Nodes with fresh keys, and a gateway that keeps everything in memory, for tests that run real QUIC on loopback.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::edge::{
    CompletePayload, Edge, EdgeConfig, EdgeTuning, Intake, KeyGate, Listen, OfferAnswer, PartnerLink, PayloadSink,
    PayloadSource, Refusal, SinkError, SourceError, StopSignal, open_gate,
};
use portcullis::envelope::{Header, Precedence};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::partner::Limits;
use portcullis::pki::{
    self, Authority, Credential, CredentialStore, IssuedNode, PartnerTrust, ProfileName, Revocation, TrustSnapshot,
    TrustStanding, TrustStore,
};
use portcullis::time::{Clock, FixedClock, Time};
use portcullis::wire::{Consistency, Extension, Offer, RefusalCode};
use quinn::crypto::rustls::QuicClientConfig;

pub const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

/// A node's keys and certificates.
pub struct Keys {
    pub name: PartnerId,
    pub profile: ProfileName,
    pub authority: Authority,
    pub issued: IssuedNode,
}

impl Keys {
    pub fn new(name: &str, profile: ProfileName) -> Keys {
        let authority = Authority::create(&name.parse().unwrap(), profile.profile(), NOW, [7; 16]).unwrap();
        let issued = authority.issue_node(NOW, [8; 16]).unwrap();
        Keys { name: name.parse().unwrap(), profile, authority, issued }
    }

    pub fn list(&self, number: u64, revoked: bool) -> Vec<u8> {
        let entry = Revocation { serial: self.issued.certificate.serial().to_vec(), at: NOW };
        let revoked = if revoked { vec![entry] } else { Vec::new() };
        self.authority.issue_revocation_list(&revoked, number, NOW).unwrap().der().to_vec()
    }

    pub fn trust(&self) -> PartnerTrust {
        PartnerTrust {
            partner: self.name.clone(),
            profile: self.profile,
            authorities: vec![self.authority.certificate().der().to_vec()],
            revocation_lists: vec![self.list(1, false)],
            standing: TrustStanding::Active,
            revoked_serials: Default::default(),
            revoked_fingerprints: Default::default(),
        }
    }

    pub fn credentials(&self) -> Arc<CredentialStore> {
        let node = self.name.clone().into();
        let (authority, certificate) = (self.authority.certificate(), self.issued.certificate.der());
        let credential = Credential::new(self.profile, authority, &node, certificate, &self.issued.key).unwrap();
        Arc::new(CredentialStore::new([credential]))
    }
}

/// A client without a certificate, which takes an authority's nodes for what they say.
pub fn client_of_nobody(authority: &Keys, provider: rustls::crypto::CryptoProvider) -> quinn::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.authority.certificate().der().to_vec().into()).unwrap();
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"portcullis/2".to_vec()];
    let crypto = QuicClientConfig::with_initial(Arc::new(tls), pki::initial_suite()).unwrap();
    quinn::ClientConfig::new(Arc::new(crypto))
}

pub fn snapshot(trust: impl IntoIterator<Item = PartnerTrust>) -> TrustSnapshot {
    let (snapshot, faults) = TrustSnapshot::new(trust);
    assert_eq!(faults, []);
    snapshot
}

/// A running edge with its keys, its trust and its gateway.
pub struct Node {
    pub keys: Keys,
    pub trust: Arc<TrustStore>,
    pub clock: Arc<FixedClock>,
    pub memory: Arc<Memory>,
    pub edge: Arc<Edge>,
}

impl Node {
    pub async fn start(keys: Keys, partners: impl IntoIterator<Item = PartnerTrust>) -> Node {
        Node::start_tuned(keys, partners, EdgeTuning::default()).await
    }

    pub async fn start_tuned(keys: Keys, partners: impl IntoIterator<Item = PartnerTrust>, tuning: EdgeTuning) -> Node {
        let trust = Arc::new(TrustStore::new(snapshot(partners)));
        let (clock, memory) = (Arc::new(FixedClock::at(NOW)), Arc::new(Memory::default()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = EdgeConfig {
            node: keys.name.clone().into(),
            boot: rand::random(),
            secret: [5; 32],
            partner_networks: BTreeMap::new(),
            listen: vec![Listen { profile: keys.profile, address }],
            tuning,
        };
        let shown: Arc<dyn Clock> = clock.clone();
        let intake: Arc<dyn Intake> = memory.clone();
        let edge = Edge::start(config, keys.credentials(), trust.clone(), intake, shown).await.unwrap();
        Node { keys, trust, clock, memory, edge: Arc::new(edge) }
    }

    pub fn address(&self) -> SocketAddr {
        self.edge.local_addr(self.keys.profile).unwrap()
    }

    /// Waits until the link to `partner` is up or down, as asked.
    pub async fn until_link(&self, partner: &PartnerId, up: bool) {
        let mut changes = self.edge.changes();
        let reached = async {
            while self.edge.is_up(partner) != up {
                changes.changed().await.unwrap();
            }
        };
        within(reached).await;
    }

    pub async fn deliver(&self, to: &Node, payload: &Payload) -> Result<Vec<u8>, portcullis::edge::DeliveryFailure> {
        let (gate, stop) = (payload.gate(), StopSignal::default());
        within(self.edge.deliver(&to.keys.name, payload.offer(), payload.source(), gate, stop)).await
    }
}

/// Nothing in these tests waits on a clock; this only turns a hang into a failure.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("something that must happen did not")
}

pub fn link_to(node: Option<&Node>, limits: Limits) -> PartnerLink {
    PartnerLink { addresses: node.map(|n| n.address().to_string()).into_iter().collect(), limits }
}

/// Two nodes of one profile that know each other; the second dials the first.
pub async fn pair(profile: ProfileName) -> (Node, Node) {
    pair_with(profile, Limits::default(), Limits::default()).await
}

/// As [`pair`], with the limits each node has for the other.
pub async fn pair_with(profile: ProfileName, limits_of_first: Limits, limits_of_second: Limits) -> (Node, Node) {
    let (usa, gbr) = (Keys::new("exercise-usa", profile), Keys::new("exercise-gbr", profile));
    let (usa_trust, gbr_trust) = (usa.trust(), gbr.trust());
    let usa = Node::start(usa, [gbr_trust]).await;
    let gbr = Node::start(gbr, [usa_trust]).await;
    usa.edge.apply_partners(BTreeMap::from([(gbr.keys.name.clone(), link_to(None, limits_of_first))]));
    gbr.edge.apply_partners(BTreeMap::from([(usa.keys.name.clone(), link_to(Some(&usa), limits_of_second))]));
    usa.until_link(&gbr.keys.name, true).await;
    gbr.until_link(&usa.keys.name, true).await;
    (usa, gbr)
}

/// A payload of pseudorandom bytes, offered under its own exchange number.
#[derive(Clone)]
pub struct Payload {
    pub exchange: ExchangeId,
    pub bytes: Bytes,
    pub reads: Arc<Mutex<Vec<u64>>>,
    pub precedence: Precedence,
}

impl Payload {
    pub fn new(seed: u8, length: usize) -> Payload {
        let mut state = u64::from(seed) + 1;
        let mut step = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let bytes: Bytes = (0..length).map(|_| step()).collect();
        Payload {
            exchange: ExchangeId::new(NOW, [seed; 10]),
            bytes,
            reads: Arc::default(),
            precedence: Precedence::Routine,
        }
    }

    pub fn with(self, precedence: Precedence) -> Payload {
        Payload { precedence, ..self }
    }

    pub fn offer(&self) -> Offer {
        Offer {
            exchange: self.exchange,
            manifest: b"EXERCISE manifest".to_vec(),
            payload_size: self.bytes.len() as u64,
            payload_digest: Digest::of(&self.bytes),
            precedence: self.precedence,
            header: Some(self.header().commitment()),
        }
    }

    /// What would open it, if it were sealed.
    pub fn header(&self) -> Header {
        Header::new(format!("EXERCISE header of {}", self.exchange)).unwrap()
    }

    /// A gate that lets its header go.
    pub fn gate(&self) -> KeyGate {
        open_gate(Some(self.header()))
    }

    pub fn source(&self) -> Box<dyn PayloadSource> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl PayloadSource for Payload {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        Ok(Digest::of(&self.bytes[..usize::try_from(length).unwrap()]))
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        self.reads.lock().unwrap().push(offset);
        let from = usize::try_from(offset).unwrap();
        Ok(self.bytes.slice(from..self.bytes.len().min(from + max)))
    }
}

/// What becomes of a Hello.
pub type Greeted = Box<dyn FnOnce() -> Result<(), RefusalCode> + Send>;

/// A gateway that keeps everything in memory and gives the payload's digest as its receipt.
#[derive(Default)]
pub struct Memory {
    pub spool: Arc<Mutex<BTreeMap<ExchangeId, Vec<u8>>>>,
    pub inbox: Mutex<BTreeMap<ExchangeId, (PartnerId, Vec<u8>)>>,
    pub refuse: Mutex<Option<Refusal>>,
    pub completions: Mutex<u32>,
    /// The headers that came, by exchange.
    pub headers: Mutex<BTreeMap<ExchangeId, Header>>,
    /// Completed exchanges, in the order in which their receipts were given.
    pub completed: Mutex<Vec<ExchangeId>>,
    pub written: Arc<Mutex<u64>>,
    pub links: Mutex<Vec<(PartnerId, bool)>>,
    /// What is done when the next Hello has been heard, before its link is up.
    pub greeted: Mutex<Option<Greeted>>,
}

impl Memory {
    pub fn receipt(payload: &[u8]) -> Vec<u8> {
        format!("EXERCISE receipt for {}", Digest::of(payload)).into_bytes()
    }
}

#[async_trait]
impl Intake for Memory {
    async fn offer(&self, _: &PartnerId, offer: Offer) -> OfferAnswer {
        if let Some(refusal) = *self.refuse.lock().unwrap() {
            return OfferAnswer::Refuse(refusal);
        }
        if let Some((_, payload)) = self.inbox.lock().unwrap().get(&offer.exchange) {
            return OfferAnswer::Replay(Memory::receipt(payload));
        }
        let spool = self.spool.clone();
        spool.lock().unwrap().entry(offer.exchange).or_default();
        OfferAnswer::Accept(Box::new(MemorySink { spool, exchange: offer.exchange, written: self.written.clone() }))
    }

    async fn complete(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        whole: CompletePayload,
    ) -> Result<Vec<u8>, Refusal> {
        *self.completions.lock().unwrap() += 1;
        self.headers.lock().unwrap().extend(whole.header.map(|header| (exchange, header)));
        let payload = self.spool.lock().unwrap().remove(&exchange).ok_or(RefusalCode::NotCompleted)?;
        let receipt = Memory::receipt(&payload);
        self.completed.lock().unwrap().push(exchange);
        self.inbox.lock().unwrap().insert(exchange, (partner.clone(), payload));
        Ok(receipt)
    }

    async fn check_hello(
        &self,
        _: &PartnerId,
        _: &[Extension],
        _: &[Extension],
        _: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        let then = self.greeted.lock().unwrap().take();
        then.map_or(Ok(()), |then| then())
    }

    fn link_changed(&self, partner: &PartnerId, up: bool) {
        self.links.lock().unwrap().push((partner.clone(), up));
    }
}

struct MemorySink {
    spool: Arc<Mutex<BTreeMap<ExchangeId, Vec<u8>>>>,
    exchange: ExchangeId,
    written: Arc<Mutex<u64>>,
}

impl MemorySink {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(self.spool.lock().unwrap().entry(self.exchange).or_default())
    }
}

#[async_trait]
impl PayloadSink for MemorySink {
    fn durable(&self) -> (u64, Digest) {
        self.with(|bytes| (bytes.len() as u64, Digest::of(bytes)))
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        *self.written.lock().unwrap() += bytes.len() as u64;
        self.with(|all| all.extend_from_slice(&bytes));
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        self.with(Vec::clear);
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        Ok(self.with(|bytes| Digest::of(bytes)))
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        None
    }
}
