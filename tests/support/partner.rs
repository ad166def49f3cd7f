//! A partner that the test controls, and a node that it reaches without a network: with the keys of its node it seals, signs and
//! offers arbitrary content, to a node opened in this process with the test's clock.
#![allow(dead_code, reason = "each test file uses its own part")]

#[path = "sealing.rs"]
mod sealing;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use portcullis::config::{Config, Keys};
use portcullis::digest::Digest;
use portcullis::edge::{CompletePayload, Intake, OfferAnswer, PayloadSink, Refusal};
use portcullis::envelope::{
    Disposition, ExchangeContext, Header, Kind, Manifest, OpeningProof, OpeningSecret, Precedence, Recall, RecallCode,
    Receipt,
};
use portcullis::gateway;
use portcullis::ident::{ExchangeId, NodeId, PartnerId};
use portcullis::ledger::{EntryKind, LedgerKey, Origin, SignedCheckpoint};
use portcullis::seal::{PayloadIdentity, open};
use portcullis::sign::{Signed, Signer as _, Statement};
use portcullis::store::Exchange;
use portcullis::time::{Clock, FixedClock, Time};
use portcullis::wire::{CheckpointExchange, Consistency, Extension, Offer, RefusalCode};
use tokio::sync::Notify;

use super::support::{Node, block_on};

/// The secret of everything that is sealed here.
const SECRET: [u8; 32] = [7; 32];

/// The keys of a node.
pub fn keys(node: &Node) -> Keys {
    Config::read(&node.config()).unwrap().keys.load().unwrap()
}

/// The node as the library opens it, by any clock.
pub async fn opened(node: &Node, clock: Arc<dyn Clock>) -> Arc<gateway::Node> {
    Arc::new(gateway::Node::open(Config::read(&node.config()).unwrap(), clock).await.unwrap())
}

/// A node in this process, as its partners meet it.
pub struct Met {
    pub node: Arc<gateway::Node>,
    pub clock: Arc<FixedClock>,
    pub intake: Arc<dyn Intake>,
    key: PayloadIdentity,
}

impl Met {
    pub fn at(node: &Node, now: Time) -> Met {
        let clock = Arc::new(FixedClock::at(now));
        let opened = block_on(opened(node, clock.clone()));
        let intake = opened.intake(Arc::new(Notify::new()));
        Met { node: opened, clock, intake, key: keys(node).payload }
    }

    pub fn name(&self) -> NodeId {
        self.node.config().node.name.clone()
    }

    /// An offer of this envelope is made, and the payload sent if it is taken: the sink, or the receipt that was given before.
    pub fn begins(&self, from: &Partner, sent: &Envelope) -> Result<Result<Box<dyn PayloadSink>, Vec<u8>>, Refusal> {
        block_on(async {
            match self.intake.offer(&from.id(), from.offer(sent)).await {
                OfferAnswer::Accept(mut sink) => {
                    sink.write(Bytes::copy_from_slice(&sent.payload)).await.unwrap();
                    Ok(Ok(sink))
                }
                OfferAnswer::Replay(receipt) => Ok(Err(receipt)),
                OfferAnswer::Refuse(refusal) => Err(refusal),
            }
        })
    }

    /// The rest of what began: everything is there, and its header comes.
    pub fn ends(&self, from: &Partner, sent: &Envelope, mut sink: Box<dyn PayloadSink>) -> Result<Receipt, Refusal> {
        block_on(async {
            sink.finish().await.unwrap();
            let whole = CompletePayload { header: sent.header.clone(), short: sink.hand_over() };
            let receipt = self.intake.complete(&from.id(), sent.manifest.exchange, whole).await?;
            Ok(Signed::<Receipt>::peek(&receipt).unwrap())
        })
    }

    /// Offers and sends an envelope: its receipt, or the code with which it was refused.
    pub fn takes(&self, from: &Partner, sent: &Envelope) -> Result<Receipt, RefusalCode> {
        let outcome = match self.begins(from, sent) {
            Ok(Ok(sink)) => self.ends(from, sent, sink),
            Ok(Err(receipt)) => Ok(Signed::<Receipt>::peek(&receipt).unwrap()),
            Err(refusal) => Err(refusal),
        };
        outcome.map_err(|refusal| refusal.code)
    }

    /// What it says to a Hello, after its own.
    pub fn greeted(
        &self,
        from: &PartnerId,
        told: &[Extension],
        proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        block_on(async {
            let ours = self.intake.hello_extensions(from).await;
            self.intake.check_hello(from, &ours, told, proof).await
        })
    }

    /// The head of its ledger.
    pub fn head(&self) -> SignedCheckpoint {
        block_on(self.node.store().head()).unwrap()
    }

    pub fn row(&self, exchange: &ExchangeId) -> Option<Exchange> {
        block_on(self.node.store().exchange(exchange)).unwrap()
    }

    /// What of this kind is on record about a subject, as the texts of its details.
    pub fn recorded(&self, subject: &str, kind: EntryKind) -> Vec<String> {
        let all = block_on(self.node.store().entries_about(subject)).unwrap();
        let of_kind = all.iter().map(|recorded| &recorded.entry).filter(|entry| entry.kind() == kind);
        of_kind.map(|entry| format!("{:?}", entry.detail())).collect()
    }

    pub fn close(&self) {
        block_on(self.node.store().close());
    }
}

/// The heads of two ledgers, as a Hello carries them.
pub fn heads(own: &SignedCheckpoint, seen: Option<&str>) -> Vec<Extension> {
    let heads = CheckpointExchange { own: own.as_str().to_owned(), seen: seen.map(str::to_owned), heard: None };
    heads.to_extension().into_iter().collect()
}

/// What travels.
#[derive(Clone)]
pub struct Envelope {
    pub manifest: Manifest,
    pub header: Option<Header>,
    pub payload: Vec<u8>,
}

/// A partner: the keys and the name of its node.
pub struct Partner {
    pub keys: Keys,
    pub name: NodeId,
    numbers: AtomicU8,
    /// Manifests that it has signed: no two signatures of one are the same bytes.
    signed: Mutex<Vec<(Manifest, Vec<u8>)>>,
}

impl Partner {
    pub fn of(node: &Node) -> Partner {
        Partner { keys: keys(node), name: node.name.parse().unwrap(), numbers: 0.into(), signed: Mutex::default() }
    }

    /// Who signs with the keys of a node, under the name of another.
    pub fn posing(node: &Node, name: &Partner) -> Partner {
        Partner { keys: keys(node), name: name.name.clone(), numbers: 100.into(), signed: Mutex::default() }
    }

    pub fn id(&self) -> PartnerId {
        PartnerId::from(self.name.clone())
    }

    fn number(&self, now: Time) -> ExchangeId {
        // The last byte: of the first, half is the version. No two partners give the same.
        let mut number = [self.numbers.fetch_add(1, Ordering::SeqCst); 10];
        number[..9].copy_from_slice(&Digest::of(self.name.as_str().as_bytes()).as_bytes()[..9]);
        ExchangeId::new(now, number)
    }

    /// Where what it sends to a node under a new number belongs.
    pub fn bound(&self, to: &Met) -> ExchangeContext {
        ExchangeContext { exchange: self.number(to.node.now()), sender: self.name.clone(), recipient: to.name() }
    }

    /// A text as it would be sent in good faith, with what `files` hold behind it, under a manifest that says `marking`.
    pub fn seals(&self, to: &Met, marking: &str, text: &str, files: &[u8]) -> Envelope {
        let bound = self.bound(to);
        let frame = sealing::frame(&bound, SECRET, text.as_bytes(), files);
        self.envelope(to, &bound, marking, Digest::of(text.as_bytes()), &frame)
    }

    /// What a frame is sealed into, however it was made, and what its manifest says then.
    pub fn envelope(&self, to: &Met, bound: &ExchangeContext, marking: &str, cut: Digest, frame: &[u8]) -> Envelope {
        let (header, payload) = sealing::sealed(&to.key, frame);
        let now = to.node.now();
        let manifest = Manifest {
            version: Manifest::VERSION,
            exchange: bound.exchange,
            kind: Kind::Product,
            sender: bound.sender.clone(),
            recipient: bound.recipient.clone(),
            marking: marking.to_owned(),
            cut_digest: cut,
            payload_digest: Digest::of(&payload),
            payload_size: payload.len() as u64,
            precedence: Precedence::Routine,
            sealed_at_ms: now.unix_ms(),
            expires_at_ms: now.plus(Duration::from_secs(86_400)).unix_ms(),
            formats: None,
            about: None,
            header: Some(header.commitment()),
            opening: OpeningSecret::new(SECRET).proof(bound, cut).commitment(),
        };
        Envelope { manifest, header: Some(header), payload }
    }

    /// The frame of a text, with the preamble of another place.
    pub fn frame(&self, bound: &ExchangeContext, text: &str, files: &[u8]) -> Vec<u8> {
        sealing::frame(bound, SECRET, text.as_bytes(), files)
    }

    /// The notice that `exchange` is withdrawn, with `edit` made to the statement before it is signed.
    pub fn recalls(&self, to: &Met, exchange: ExchangeId, edit: impl FnOnce(&mut Recall)) -> Envelope {
        let (now, ExchangeContext { exchange: notice, sender, recipient }) = (to.node.now(), self.bound(to));
        let mut recall = Recall {
            version: Recall::VERSION,
            notice,
            sender: sender.clone(),
            recipient: recipient.clone(),
            exchange,
            why: RecallCode::Incorrect,
            ordered_at_ms: now.unix_ms(),
            secret: OpeningSecret::new(SECRET),
        };
        edit(&mut recall);
        let payload = self.signs(recall.clone());
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
            precedence: Precedence::Flash,
            sealed_at_ms: now.unix_ms(),
            expires_at_ms: now.plus(Duration::from_secs(86_400)).unix_ms(),
            formats: None,
            about: Some(exchange),
            header: None,
            opening: recall.proof(digest).commitment(),
        };
        Envelope { manifest, header: None, payload }
    }

    pub fn signs<T: Statement>(&self, statement: T) -> Vec<u8> {
        Signed::sign(statement, &self.keys.signing).unwrap().bytes().to_vec()
    }

    /// What it finds in what it was sent.
    pub fn opens(&self, offer: &Offer, header: &Header, payload: &[u8]) -> OpeningProof {
        let bound = Signed::<Manifest>::peek(&offer.manifest).unwrap().context();
        let payload = std::io::Cursor::new(payload.to_vec());
        open(&self.keys.payload, header, payload, 1 << 20, &bound).unwrap().proof()
    }

    /// A head of its ledger, of so many entries under this root.
    pub fn head(&self, entries: u64, root: &[u8]) -> SignedCheckpoint {
        let key = LedgerKey::new(Origin::of_node(&self.name), self.keys.ledger.public().clone()).unwrap();
        SignedCheckpoint::sign(entries, Digest::of(root), &key, &self.keys.ledger).unwrap()
    }

    /// What its receipt of an offer says that it has opened.
    pub fn receipt(&self, offer: &Offer, opened: OpeningProof, now: Time) -> Receipt {
        let said = Signed::<Manifest>::peek(&offer.manifest).unwrap();
        Receipt {
            version: Receipt::VERSION,
            exchange: said.exchange,
            sender: said.sender,
            recipient: said.recipient,
            manifest_digest: Digest::of(&offer.manifest),
            payload_digest: said.payload_digest,
            disposition: Disposition::Accepted,
            received_at_ms: now.unix_ms(),
            checkpoint: self.head(1 << 20, b"EXERCISE root").as_str().to_owned(),
            handled: None,
            opened,
        }
    }

    /// The offer of an envelope, which says what its manifest says; the same each time.
    pub fn offer(&self, sent: &Envelope) -> Offer {
        let said = &sent.manifest;
        let mut signed = self.signed.lock().unwrap();
        let known = signed.iter().find(|(manifest, _)| manifest == said).map(|(_, bytes)| bytes.clone());
        let manifest = known.unwrap_or_else(|| {
            let bytes = self.signs(said.clone());
            signed.push((said.clone(), bytes.clone()));
            bytes
        });
        Offer {
            exchange: said.exchange,
            manifest,
            payload_size: said.payload_size,
            payload_digest: said.payload_digest,
            precedence: said.precedence,
            header: said.header,
        }
    }
}

/// The text of a cut with this head and body, numbered as it must be.
pub fn cut(kind: &str, banner: &str, blocks: &[&str]) -> String {
    let blocks: String = blocks.iter().map(|block| format!("\n{block}\n")).collect();
    let text = |id: &str| {
        format!(
            "PORTCULLIS PRODUCT 1\nId: {id}\nTitle: (U) EXERCISE\nDate: 2026-11-20\nKind: {kind}\n\n{banner}\n{blocks}"
        )
    };
    let number = Digest::of(text("").as_bytes()).to_string();
    text(&format!("PC-{}", &number[..32]))
}
