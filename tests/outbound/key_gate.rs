//! The key travels last. A partner that is hostile keeps whatever reaches it: what it holds of an exchange that was stopped,
//! whole and with its own key in hand, is nothing that it can read.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::support::{Node, World, block_on, sql};
use async_trait::async_trait;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::edge::{
    CompletePayload, Edge, EdgeConfig, EdgeTuning, Intake, Listen, OfferAnswer, PartnerLink, PayloadSink, Refusal,
    SinkError,
};
use portcullis::envelope::{Header, Manifest};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::EntryKind;
use portcullis::partner::Limits;
use portcullis::pki::{CredentialStore, PartnerTrust, TrustSnapshot, TrustStore};
use portcullis::seal::{Opener as _, PayloadIdentity, open};
use portcullis::sign::Signed;
use portcullis::system::{SystemClock, entropy};
use portcullis::wire::{Offer, RefusalCode};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// What reached the partner's machine, with the moment at which it has everything but the key.
#[derive(Default)]
struct Reached {
    offers: Mutex<Vec<Offer>>,
    body: Mutex<Vec<u8>>,
    headers: Mutex<Vec<Header>>,
    at_the_last_byte: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// The intake of a partner that keeps everything, whatever it is told to discard, and never gives a receipt.
struct Hostile(Arc<Reached>);

struct Keeps(Arc<Reached>);

#[async_trait]
impl Intake for Hostile {
    async fn offer(&self, _: &PartnerId, offer: Offer) -> OfferAnswer {
        self.0.offers.lock().unwrap().push(offer);
        self.0.body.lock().unwrap().clear();
        OfferAnswer::Accept(Box::new(Keeps(self.0.clone())))
    }

    async fn complete(&self, _: &PartnerId, _: ExchangeId, whole: CompletePayload) -> Result<Vec<u8>, Refusal> {
        self.0.headers.lock().unwrap().extend(whole.header);
        Err(RefusalCode::Refused.into())
    }

    fn link_changed(&self, _: &PartnerId, _: bool) {}
}

#[async_trait]
impl PayloadSink for Keeps {
    fn durable(&self) -> (u64, Digest) {
        (0, Digest::of(b""))
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.0.body.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        let order = self.0.at_the_last_byte.lock().unwrap().take();
        if let Some(order) = order {
            tokio::task::spawn_blocking(order).await.expect("an order that is given");
        }
        Ok(Digest::of(&self.0.body.lock().unwrap()))
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        None
    }
}

/// Our node as a process, and the partner's machine in hostile hands: its certificates and keys are the partner's own.
struct Scene {
    world: World,
    us: Arc<Node>,
    them: Node,
    reached: Arc<Reached>,
    identity: PayloadIdentity,
    _edge: Edge,
    _runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new() -> Scene {
        let world = World::new();
        let (mut us, them) = world.pair();
        let reached = Arc::<Reached>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let edge = runtime.block_on(hostile_edge(&us, &them, reached.clone()));
        let keys = them.open().config().keys.load().unwrap();
        us.serve();
        us.until_serving();
        Scene { world, us: Arc::new(us), them, reached, identity: keys.payload, _edge: edge, _runtime: runtime }
    }

    /// Releases a product for the partner; its request and exchange.
    fn release(&self, id: &str) -> (String, String) {
        let file = self.world.product(id, BANNER, PORTION);
        let released = self.world.release(&self.us, &[file], &self.them.name);
        (released.text("/request").to_owned(), released.text("/exchanges/0/exchange").to_owned())
    }

    /// The same, with `order` given when the partner has the last byte, and before it says so.
    fn stopped_by(&self, id: &str, order: impl FnOnce(&Node, &str, &str) + Send + 'static) -> String {
        let file = self.world.product(id, BANNER, PORTION);
        let key = self.us.key("exercise-producer");
        let terms = ["--key", &key, "--to", &self.them.name, "--purpose", "EXERCISE", "--expires", "1d"];
        let submitted = self.us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
        let request = submitted.text("/request").to_owned();
        let exchange = submitted.text("/exchanges/0/exchange").to_owned();
        let (us, of) = (self.us.clone(), (request.clone(), exchange.clone()));
        *self.reached.at_the_last_byte.lock().unwrap() = Some(Box::new(move || order(&us, &of.0, &of.1)));
        for officer in ["exercise-officer-1", "exercise-officer-2"] {
            self.us.run(&["approve", &request, "--yes", "--key", &self.world.key(officer)]).expect(0);
        }
        exchange
    }

    /// Whether what reached the partner last opens with `header` and the partner's own key.
    fn opens_with(&self, header: &Header) -> bool {
        let body = self.reached.body.lock().unwrap().clone();
        let offer = self.reached.offers.lock().unwrap().last().cloned().unwrap();
        let bound = Signed::<Manifest>::peek(&offer.manifest).unwrap().bound();
        open(&self.identity, header, Cursor::new(body), 1 << 20, &bound).is_ok()
    }

    fn recorded(&self, exchange: &str, kind: EntryKind) -> usize {
        let node = self.us.open();
        block_on(async {
            let entries = node.store().entries_about(exchange).await.unwrap();
            node.store().close().await;
            entries.iter().filter(|e| e.entry.kind() == kind).count()
        })
    }
}

async fn hostile_edge(us: &Node, them: &Node, reached: Arc<Reached>) -> Edge {
    let node = {
        let config = portcullis::config::Config::read(&them.config()).unwrap();
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
    let trust = Arc::new(TrustStore::new(trust));
    let edge =
        Edge::start(config, credentials, trust, Arc::new(Hostile(reached)), Arc::new(SystemClock)).await.unwrap();
    let link = PartnerLink { addresses: Vec::new(), limits: Limits::default() };
    edge.apply_partners([(partner.id.clone(), link)].into());
    node.store().close().await;
    edge
}

#[test]
fn what_a_partner_holds_of_a_release_that_was_stopped_opens_for_nobody() {
    let scene = Scene::new();
    // Nobody stops this one: it is sent with its key, after that was recorded, and opens with both.
    let (_, exchange) = scene.release("KEY-1");
    scene.us.until_state(&exchange, "parked");
    assert_eq!(scene.recorded(&exchange, EntryKind::ExchangeSent), 1);
    let given = scene.reached.headers.lock().unwrap().clone();
    assert!(matches!(&given[..], [header] if scene.opens_with(header)));

    let key = scene.world.key("exercise-officer-1");
    let refusal = {
        let key = key.clone();
        move |us: &Node, request: &str, _: &str| {
            us.run(&["refuse", request, "--why", "EXERCISE", "--key", &key]).expect(0);
        }
    };
    let recall = move |us: &Node, _: &str, exchange: &str| {
        us.run(&["recall", exchange, "--why", "incorrect", "--key", &key]).expect(0);
    };
    let revocation = |us: &Node, _: &str, _: &str| {
        us.run(&["officer", "revoke", "exercise-officer-2", "--why", "EXERCISE"]).expect(0);
    };
    type Order = Box<dyn FnOnce(&Node, &str, &str) + Send>;
    let orders: [(&str, Order, &str); 3] = [
        ("KEY-2", Box::new(refusal), "refused"),
        ("KEY-3", Box::new(recall), "cancelled"),
        ("KEY-4", Box::new(revocation), "held"),
    ];
    for (id, order, state) in orders {
        let exchange = scene.stopped_by(id, order);
        scene.us.until_state(&exchange, state);
        // Every byte of the payload is there, and is the one offered. The key is not, and was never on its way.
        let offer = scene.reached.offers.lock().unwrap().iter().rev().find(|o| o.header.is_some()).cloned().unwrap();
        assert_eq!(offer.exchange.to_string(), exchange);
        assert_eq!(scene.recorded(&exchange, EntryKind::ExchangeOffered), 1, "{id}");
        assert_eq!(scene.recorded(&exchange, EntryKind::ExchangeSent), 0, "{id}");
        assert_eq!(*scene.reached.headers.lock().unwrap(), given, "{id}: a header left");
        if state != "cancelled" {
            let body = scene.reached.body.lock().unwrap().clone();
            assert_eq!(Digest::of(&body), offer.payload_digest, "{id}");
            // Neither the partner's key alone opens it, nor with the header of another payload.
            assert!(scene.identity.open(Box::new(Cursor::new(body))).is_err(), "{id}");
            assert!(!scene.opens_with(&given[0]), "{id}");
        }
        // What was stopped for good has no key here either.
        assert_eq!(scene.us.exchange(&exchange).header.is_some(), state == "held", "{id}");
    }
    scene.us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn offer_and_manifest_commit_to_the_header_and_a_notice_of_a_recall_has_none() {
    let scene = Scene::new();
    let (_, exchange) = scene.release("KEY-1");
    scene.us.until_state(&exchange, "parked");
    let key = scene.world.key("exercise-officer-1");
    scene.us.run(&["recall", &exchange, "--why", "incorrect", "--key", &key]).expect(0);
    // The partner is hostile to the notice too, so that it is parked as well.
    scene.us.until(&["status"], |_| scene.reached.offers.lock().unwrap().iter().any(|offer| offer.header.is_none()));
    let offers = scene.reached.offers.lock().unwrap().clone();
    let header = scene.reached.headers.lock().unwrap()[0].clone();
    for offer in offers {
        let manifest = Signed::<Manifest>::peek(&offer.manifest).unwrap();
        assert_eq!(manifest.header, offer.header);
        let expected = (offer.exchange.to_string() == exchange).then(|| header.commitment());
        assert_eq!(offer.header, expected);
    }
    assert_eq!(scene.reached.headers.lock().unwrap().len(), 1);
}

#[test]
fn nothing_of_an_exchange_leaves_whose_header_was_put_in_its_place() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    let file = world.product("KEY-1", BANNER, PORTION);
    let exchange = world.release(&us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    us.until_state(&exchange, "queued");
    assert!(us.stop());
    sql(&us.folder.join("store/portcullis.db"), "UPDATE document SET header = CAST('EXERCISE' AS BLOB)");
    us.serve();
    them.serve();
    // The ledger knows the header that was sealed, so that nothing is decided on the row at all.
    us.until_logged("exchange.header");
    us.kill();
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
}
