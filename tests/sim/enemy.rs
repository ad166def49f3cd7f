//! The partner that is hostile: enrolled, with its own valid keys, and with everything that was ever heard on the network. And
//! the weaknesses that are planted to show that the model finds them.
//!
//! None is a switch in the gateway. Where a check is to be ignored, what comes to it is made right first, with keys that
//! nobody but the model has: to a node that checks, this is what it is to a node that does not.

use std::io::{Cursor, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::edge::{CompletePayload, Intake, OfferAnswer, PayloadSink, Refusal, SinkError};
use portcullis::envelope::{Disposition, Header, Manifest, OpeningProof, OpeningSecret, Receipt};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::seal::{Opener as _, open};
use portcullis::sign::Signed;
use portcullis::store::{Direction, Exchange, ExchangeState};
use portcullis::wire::{Frame, Offer, RefusalCode};

use super::model::{HOSTILE, Model, Property, RECEIVER, SENDER, nothing, said};
use super::sealing::{PREAMBLE_BYTES, preamble, sealed};

macro_rules! weaknesses {
    ($($(#[doc = $doc:literal])* $name:ident => $property:ident,)*) => {
        /// A check that does not hold.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Weakness { $($(#[doc = $doc])* $name,)* }

        impl Weakness {
            /// Each with the property that must find it.
            pub const ALL: &'static [(Weakness, Property)] = &[$((Weakness::$name, Property::$property),)*];
        }
    };
}

weaknesses! {
    /// A receipt is believed without the proof that its signer opened anything.
    ProofIgnored => DeliveredWasOpened,
    /// A receipt is believed in answer to the first offer, before anything was let go.
    EarlyReceiptBelieved => DeliveredWasOpened,
    /// A row that says *delivered* is believed.
    RowsBelieved => DeliveredWasOpened,
    /// What stands inside a payload is not compared with what stands around it.
    BindingIgnored => AcceptedWasReleased,
    /// What opens a payload leaves before the decision whether it may.
    KeyBeforeGate => KeyAfterGate,
    /// A partner need not show its ledger again.
    HeadsNotRequired => HeadsShown,
}

/// The intake of the third partner.
pub struct Third(pub Arc<Model>);

/// What it does with one offer.
struct Plays {
    offer: Offer,
    claims: (u64, Digest),
    body: Arc<Mutex<Vec<u8>>>,
}

#[async_trait]
impl Intake for Third {
    async fn offer(&self, _: &PartnerId, offer: Offer) -> OfferAnswer {
        let model = self.0.clone();
        let claims = match model.below(6) {
            0 => return OfferAnswer::Replay(model.receipt_of_public_data(&offer)),
            1 => {
                // A receipt that somebody else gave, or itself for something else.
                let receipts = model.overheard().receipts.clone();
                let receipt = model.one_of(&receipts);
                return OfferAnswer::Replay(receipt.unwrap_or_else(|| model.receipt_of_public_data(&offer)));
            }
            2 => (offer.payload_size, offer.payload_digest),
            _ => nothing(),
        };
        OfferAnswer::Accept(Box::new(Plays { offer, claims, body: Arc::default() }))
    }

    async fn complete(&self, _: &PartnerId, id: ExchangeId, whole: CompletePayload) -> Result<Vec<u8>, Refusal> {
        let model = &self.0;
        let offer = model.overheard().offers.iter().rev().find(|offer| offer.exchange == id).cloned();
        let (Some(offer), Some(header)) = (offer, whole.header) else { return Err(RefusalCode::Refused.into()) };
        let body = whole.short.unwrap_or_default();
        // One time in three it does as it should.
        let opened = if model.one_in(3) { model.open_as(HOSTILE, &offer, &header, &body) } else { None };
        match (opened, model.below(4)) {
            (Some(proof), _) => {
                model.opened(HOSTILE, id);
                Ok(model.receipt(HOSTILE, &offer, proof))
            }
            (None, 0) => Err(RefusalCode::CannotOpen.into()),
            (None, _) => Ok(model.receipt_of_public_data(&offer)),
        }
    }

    fn link_changed(&self, _: &PartnerId, _: bool) {}
}

#[async_trait]
impl PayloadSink for Plays {
    fn durable(&self) -> (u64, Digest) {
        self.claims
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        Ok(self.offer.payload_digest)
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(body.into())
    }
}

impl Model {
    /// What a partner would sign that did not open anything, with the proof that it thinks most likely: something that it
    /// read in an offer, or another exchange's.
    fn receipt_of_public_data(&self, offer: &Offer) -> Vec<u8> {
        let manifest = said(offer);
        let others = self.overheard().receipts.clone();
        let proofs: Vec<OpeningProof> =
            others.iter().filter_map(|r| Signed::<Receipt>::peek(r).ok()).map(|r| r.opened).collect();
        let guess = match self.below(3) {
            0 => self.one_of(&proofs),
            1 => Some(OpeningProof::from_digest(manifest.cut_digest)),
            _ => None,
        };
        let guess = guess.unwrap_or(OpeningProof::from_digest(manifest.payload_digest));
        self.receipt(HOSTILE, offer, guess)
    }

    /// A receipt with a node's own signature.
    fn receipt(&self, by: usize, offer: &Offer, opened: OpeningProof) -> Vec<u8> {
        let manifest = said(offer);
        let receipt = Receipt {
            version: Receipt::VERSION,
            exchange: manifest.exchange,
            sender: manifest.sender,
            recipient: manifest.recipient,
            manifest_digest: Digest::of(&offer.manifest),
            payload_digest: manifest.payload_digest,
            disposition: Disposition::Accepted,
            received_at_ms: self.exec.now().unix_ms(),
            checkpoint: self.head_of(by),
            handled: None,
            opened,
        };
        Signed::sign(receipt, &self.sides[by].keys.signing).expect("a signature").bytes().to_vec()
    }

    /// What the network would send in the place of an answer: a receipt that the third partner signed.
    pub fn forged(&self, offer: &Offer) -> Frame {
        Frame::Receipt(portcullis::wire::Receipt { receipt: self.receipt_of_public_data(offer) })
    }

    /// The proof that whoever has a node's key finds in a payload; `None` if it does not open.
    fn open_as(&self, at: usize, offer: &Offer, header: &Header, payload: &[u8]) -> Option<OpeningProof> {
        let bound = said(offer).bound();
        let keys = &self.sides[at].keys;
        open(&keys.payload, header, Cursor::new(payload.to_vec()), 1 << 20, &bound).ok().map(|opened| opened.proof())
    }

    /// A frame as it comes to a sender that checks less than it should.
    pub fn believed(&self, to: usize, offer: &Offer, frame: Frame) -> Frame {
        let Frame::Receipt(given) = &frame else { return frame };
        let early = !self.was_let_go(offer.exchange);
        let ignored = if early { self.is(Weakness::EarlyReceiptBelieved) } else { self.is(Weakness::ProofIgnored) };
        let theirs =
            Signed::<Receipt>::verify(&given.receipt, portcullis::sign::Signer::public(&self.sides[to].keys.signing));
        let own = theirs.is_ok_and(|receipt| receipt.statement().exchange == offer.exchange);
        if !(ignored && own) {
            return frame;
        }
        let row = self.row(SENDER, &offer.exchange);
        let header = row.and_then(|row| row.header);
        let payload = {
            let disk = self.sides[SENDER].disk.lock().unwrap_or_else(PoisonError::into_inner);
            disk.payloads.get(&offer.exchange).cloned()
        };
        let proof = header.zip(payload).and_then(|(header, payload)| self.open_as(to, offer, &header, &payload));
        match proof {
            Some(proof) => Frame::Receipt(portcullis::wire::Receipt { receipt: self.receipt(to, offer, proof) }),
            None => frame,
        }
    }

    /// The third partner offers a node something: what it heard, as it heard it or under its own name, or what is its
    /// own to send.
    pub async fn third_offers(self: &Arc<Model>) {
        let heard: Vec<(Offer, Vec<u8>, Header)> = {
            let heard = self.overheard();
            let whole = |offer: &Offer| {
                let payload = heard.payloads.get(&offer.exchange)?.clone();
                Some((offer.clone(), payload, heard.headers.get(&offer.exchange)?.clone()))
            };
            heard.offers.iter().filter_map(whole).collect()
        };
        let (choice, to) = (self.below(4), if self.one_in(4) { SENDER } else { RECEIVER });
        let Some((offer, payload, header)) = self.one_of(&heard).filter(|_| choice > 0) else {
            return self.own_offer(to).await;
        };
        if choice == 1 {
            return self.push(to, offer, &payload, header).await;
        }
        let told = said(&offer);
        let mut number = [0; 10];
        number.fill_with(|| self.below(256) as u8);
        let exchange = if choice == 2 { offer.exchange } else { ExchangeId::new(self.exec.now(), number) };
        let (sender, recipient) = (self.name(HOSTILE).into(), self.name(to).into());
        let manifest = Manifest { sender, recipient, exchange, ..told };
        let (manifest, payload, header) = match self.is(Weakness::BindingIgnored) {
            true => match self.bound_anew(to, &manifest, &payload, &header) {
                Some(anew) => anew,
                None => return,
            },
            false => (manifest, payload, header),
        };
        let offer = self.offer_of(manifest);
        self.push(to, offer, &payload, header).await;
    }

    fn offer_of(&self, manifest: Manifest) -> Offer {
        let signed = Signed::sign(manifest, &self.sides[HOSTILE].keys.signing).expect("a signature");
        let manifest = signed.statement();
        Offer {
            exchange: manifest.exchange,
            payload_size: manifest.payload_size,
            payload_digest: manifest.payload_digest,
            precedence: manifest.precedence,
            header: manifest.header,
            manifest: signed.bytes().to_vec(),
        }
    }

    /// What the third partner has released for a node itself.
    async fn own_offer(self: &Arc<Model>, to: usize) {
        let own = |row: &&Exchange| {
            row.direction == Direction::Out && row.state == ExchangeState::Queued && row.partner == self.name(to)
        };
        let found = {
            let disk = self.sides[HOSTILE].disk.lock().unwrap_or_else(PoisonError::into_inner);
            let rows: Vec<_> = disk.exchanges.iter().filter(own).cloned().collect();
            rows.into_iter().find_map(|row| Some((row.manifest?, disk.payloads.get(&row.id)?.to_vec(), row.header?)))
        };
        let Some((bytes, payload, header)) = found else { return };
        let manifest = Signed::<Manifest>::peek(&bytes).expect("its own manifest");
        let offer = Offer { manifest: bytes, ..self.offer_of(manifest) };
        self.push(to, offer, &payload, header).await;
    }

    /// The same content with another beginning, for a receiver that does not look at it: the model opens it with the
    /// receiver's key, and seals it again.
    fn bound_anew(
        &self,
        to: usize,
        manifest: &Manifest,
        payload: &[u8],
        header: &Header,
    ) -> Option<(Manifest, Vec<u8>, Header)> {
        let keys = &self.sides[to].keys;
        let mut frame = Vec::new();
        let file = [header.bytes(), payload].concat();
        keys.payload.open(Box::new(Cursor::new(file))).ok()?.read_to_end(&mut frame).ok()?;
        let bound = manifest.bound();
        let secret = [7; 32];
        frame.get_mut(..PREAMBLE_BYTES)?.copy_from_slice(&preamble(&bound, secret));
        let (header, payload) = sealed(&keys.payload, &frame);
        let opening = OpeningSecret::new(secret).proof(&bound, manifest.cut_digest).commitment();
        let manifest = Manifest {
            payload_digest: Digest::of(&payload),
            payload_size: payload.len() as u64,
            header: Some(header.commitment()),
            opening,
            ..manifest.clone()
        };
        Some((manifest, payload, header))
    }
}
