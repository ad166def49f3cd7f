//! What the hostile partner offers, and what becomes of it on its stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::{
    ExchangeContext, Header, HeaderCommitment, Kind, Manifest, OpeningCommitment, OpeningProof, OpeningSecret,
    Precedence, Recall, RecallCode,
};
use portcullis::ident::ExchangeId;
use portcullis::sign::Signed;
use portcullis::wire::*;

use super::hostile::{Ear, Hostile};
use super::sealing::{frame, sealed};
use super::stream::{Connection, Stream};
use super::template::banner;
use super::world::Sim;

/// What is kept of what it offered.
const MADE_MAX: usize = 24;
const SECRET: [u8; 32] = [7; 32];

/// Something that it offers, with what stands behind the offer.
#[derive(Clone)]
pub struct Made {
    pub offer: Offer,
    payload: Bytes,
    header: Option<Header>,
}

impl Hostile {
    /// Offers something, and does what it likes on that stream from then on.
    pub async fn offer(self: &Arc<Self>, sim: &Arc<Sim>, connection: &Connection) {
        let takes = [0, 100, 600, 1 << 16, 1 << 16][self.below(5) as usize];
        let Some(stream) = connection.open(takes) else { return };
        let before = self.known().made.clone();
        let made = match self.one_of(&before).filter(|_| self.one_in(4)) {
            Some(made) => made,
            None => self.make(sim),
        };
        let offer = Frame::Offer(self.perhaps_altered(made.offer.clone()));
        if !self.say(&sim.exec, &stream.there, &offer.encode(), 1000).await {
            return;
        }
        let mut ear = Ear::of(&stream.back);
        let mut from = 0;
        if takes >= 600 {
            match ear.hear(&sim.exec, 8000).await {
                Some(Frame::Accept(accept)) => from = usize::try_from(accept.offset).unwrap_or(0),
                // It goes on all the same, now and then.
                _ if self.one_in(2) => return stream.break_off(),
                _ => {}
            }
        }
        if self.one_in(6) {
            from = 0;
            self.say(&sim.exec, &stream.there, &Frame::Restart(Restart {}).encode(), 100).await;
        }
        let all = self.sends(sim, &stream, &made.payload[from.min(made.payload.len())..]).await;
        self.ends(sim, &stream, &made, all, &mut ear).await;
    }

    /// Sends some pieces of a payload; whether that was all of it.
    async fn sends(&self, sim: &Arc<Sim>, stream: &Stream, payload: &[u8]) -> bool {
        let pieces = 1 + self.below(4) as usize;
        let whole = !self.one_in(3);
        let many = if whole { pieces } else { self.below(pieces as u64) as usize };
        for piece in payload.chunks(payload.len() / pieces + 1).take(many) {
            let wait = self.below(800);
            sim.exec.sleep(wait).await;
            if !self.say(&sim.exec, &stream.there, &Frame::Data(Bytes::copy_from_slice(piece)).encode(), 2000).await {
                return false;
            }
        }
        whole
    }

    async fn ends(&self, sim: &Arc<Sim>, stream: &Stream, made: &Made, all: bool, ear: &mut Ear) {
        let codes = [1, 7, 8, 23, 43, 43];
        let code = RefusalCode::try_from(codes[self.below(6) as usize]).expect("a code");
        let last = match self.below(if all { 12 } else { 6 }) {
            0 => Frame::Cancel(Cancel::new(code)),
            1 => return stream.there.end(),
            2 => return stream.break_off(),
            // It leaves the stream as it is.
            3 => return,
            4 => self.any_frame(),
            5 => Frame::End(End::new(Header::new(self.noise(200)).ok())),
            _ => Frame::End(End::new(made.header.clone())),
        };
        self.say(&sim.exec, &stream.there, &last.encode(), 1000).await;
        if self.one_in(2) {
            while ear.hear(&sim.exec, 4000).await.is_some() {}
        }
        if self.one_in(2) {
            stream.there.end();
        }
    }

    /// An offer as it stands, or one that says something else than its manifest does.
    fn perhaps_altered(&self, mut offer: Offer) -> Offer {
        match self.below(48) {
            0 => offer.payload_size = 1 + self.below(1 << 40),
            1 => offer.payload_digest = Digest::of(b"EXERCISE"),
            2 => offer.precedence = Precedence::Flash,
            3 => offer.header = None,
            4 => {
                let at = self.below(offer.manifest.len() as u64) as usize;
                offer.manifest[at] ^= 1;
            }
            5 => offer.manifest = self.noise(MANIFEST_BYTES_MAX),
            6 => offer.payload_size = u64::MAX,
            _ => {}
        }
        offer
    }

    /// Makes something to offer, and keeps it to be offered again.
    fn make(&self, sim: &Arc<Sim>) -> Made {
        let exchange = self.number(sim);
        let made = match self.below(8) {
            0 => self.recall(sim, exchange),
            1 | 2 => self.sealed(sim, exchange),
            _ => self.noise_as_payload(sim, exchange),
        };
        let mut known = self.known();
        if known.made.len() >= MADE_MAX {
            known.made.remove(0);
        }
        known.made.push(made.clone());
        made
    }

    /// A number of its own, or now and then one that somebody else has at the victim.
    fn number(&self, sim: &Arc<Sim>) -> ExchangeId {
        if self.one_in(10)
            && let Some(taken) = self.somebody_elses(sim)
        {
            return taken;
        }
        let mut random = [0; 10];
        random.copy_from_slice(&self.noise(10));
        let exchange = ExchangeId::new(sim.exec.now(), random);
        self.door.budget.offers(exchange);
        exchange
    }

    fn somebody_elses(&self, sim: &Arc<Sim>) -> Option<ExchangeId> {
        let partner = self.foe.name.clone();
        let theirs: Vec<ExchangeId> = sim.of_victim(self.victim, |disk, _| {
            disk.exchanges.iter().filter(|row| row.partner != partner).map(|row| row.id).collect()
        });
        self.one_of(&theirs)
    }

    /// What is in order, but for one thing perhaps.
    fn manifest(&self, sim: &Arc<Sim>, exchange: ExchangeId) -> Manifest {
        let now = sim.exec.now();
        let wrong = self.below(32);
        let recipient =
            if wrong == 0 { "exercise-nobody".parse().expect("a name") } else { sim.name(self.victim).into() };
        let (sender, marking) = match wrong {
            1 => (sim.name(self.victim).into(), banner(self.victim)),
            2 | 3 => (self.foe.name.clone().into(), self.text()),
            4 => (self.foe.name.clone().into(), "SECRET//NOFORN".to_owned()),
            _ => (self.foe.name.clone().into(), banner(self.victim)),
        };
        let sealed_at_ms = if wrong == 5 { now.plus(Duration::from_secs(3600)).unix_ms() } else { now.unix_ms() };
        let lasts = [60, 600, 86_400, 90 * 86_400][self.below(4) as usize];
        let expires = if wrong == 6 { now } else { now.plus(Duration::from_secs(lasts)) };
        Manifest {
            version: if wrong == 7 { 9 } else { Manifest::VERSION },
            exchange,
            kind: Kind::Product,
            sender,
            recipient,
            marking,
            cut_digest: Digest::of(b"EXERCISE"),
            payload_digest: Digest::of(b""),
            payload_size: 1,
            precedence: Precedence::Routine,
            sealed_at_ms,
            expires_at_ms: expires.unix_ms(),
            about: self.one_in(6).then(|| self.somebody_elses(sim)).flatten(),
            formats: self.one_in(8).then(|| vec![super::budget::ITS_OWN_WORD.to_owned()]),
            header: None,
            opening: nothing_opens(),
        }
    }

    fn signed(&self, manifest: Manifest, payload: Bytes, header: Option<Header>) -> Made {
        let signed = Signed::sign(manifest, &*self.foe.signing).expect("a signature");
        let said = signed.statement();
        let offer = Offer {
            exchange: said.exchange,
            payload_size: said.payload_size,
            payload_digest: said.payload_digest,
            precedence: said.precedence,
            header: said.header,
            manifest: signed.bytes().to_vec(),
        };
        Made { offer, payload, header }
    }

    /// A payload that nobody opens, of any size up to the greatest that is agreed, and beyond.
    fn noise_as_payload(&self, sim: &Arc<Sim>, exchange: ExchangeId) -> Made {
        let most = self.door.limits.payload_bytes_max;
        let sizes = [1, 300, 4000, 9000, 9000, 20_000, 70_000, most, most + 1, u64::MAX];
        let size = sizes[self.below(sizes.len() as u64) as usize];
        let payload = Bytes::from(self.noise(usize::try_from(size.min(most)).expect("a size")));
        let header = Header::new(self.noise(200)).expect("a header's bytes, if not its form");
        let manifest = Manifest {
            payload_digest: Digest::of(&payload),
            payload_size: size,
            header: Some(header.commitment()),
            ..self.manifest(sim, exchange)
        };
        self.signed(manifest, payload, Some(header))
    }

    /// A payload that its recipient opens, with a text in it that is no product.
    fn sealed(&self, sim: &Arc<Sim>, exchange: ExchangeId) -> Made {
        let manifest = self.manifest(sim, exchange);
        let elsewhere = self.one_in(4);
        let bound = ExchangeContext {
            sender: if elsewhere { sim.name(self.victim).into() } else { manifest.sender.clone() },
            ..manifest.context()
        };
        let text = format!("PORTCULLIS PRODUCT 1\nId: {0}\nTitle: ({0}) {0}\n\n{1}\n", "QUAGMIRE", self.text());
        let (header, payload) = sealed(&self.theirs.payload, &frame(&bound, SECRET, text.as_bytes(), b""));
        let cut_digest = Digest::of(text.as_bytes());
        let opening = OpeningSecret::new(SECRET).proof(&manifest.context(), cut_digest).commitment();
        let manifest = Manifest {
            cut_digest,
            payload_digest: Digest::of(&payload),
            payload_size: payload.len() as u64,
            header: Some(header.commitment()),
            opening,
            ..manifest
        };
        self.signed(manifest, payload.into(), Some(header))
    }

    /// A notice that recalls something: its own, somebody else's, or nothing that there is.
    fn recall(&self, sim: &Arc<Sim>, exchange: ExchangeId) -> Made {
        let before: Vec<ExchangeId> = self.known().made.iter().map(|made| made.offer.exchange).collect();
        let own = self.one_of(&before).filter(|_| self.one_in(2));
        let about = own.or_else(|| self.somebody_elses(sim)).unwrap_or_else(|| self.number(sim));
        let manifest = self.manifest(sim, exchange);
        let recall = Recall {
            version: Recall::VERSION,
            notice: exchange,
            sender: manifest.sender.clone(),
            recipient: manifest.recipient.clone(),
            exchange: about,
            why: RecallCode::Other,
            ordered_at_ms: manifest.sealed_at_ms,
            secret: OpeningSecret::new(SECRET),
        };
        let recall = Signed::sign(recall, &*self.foe.signing).expect("a signature");
        let payload = Bytes::copy_from_slice(recall.bytes());
        let manifest = Manifest {
            kind: Kind::Recall,
            cut_digest: recall.digest(),
            payload_digest: Digest::of(&payload),
            payload_size: payload.len() as u64,
            about: Some(about),
            formats: None,
            header: None,
            opening: recall.statement().proof(recall.digest()).commitment(),
            ..manifest
        };
        self.signed(manifest, payload, None)
    }
}

fn nothing_opens() -> OpeningCommitment {
    OpeningProof::from_digest(Digest::of(b"")).commitment()
}
