//! What a partner does with exchanges: it begins and does not finish them, asks for all the room there is, offers without end,
//! and withdraws under markings that are none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::{Kind, Manifest, OpeningSecret, Precedence, Recall, RecallCode};
use portcullis::ident::ExchangeId;
use portcullis::system::{SystemClock, entropy};
use portcullis::time::Clock as _;
use portcullis::wire::{End, Frame, Offer, RefusalCode};
use quinn::{SendStream, VarInt};
use tokio::sync::Mutex;

use super::partner::{Answers, Going, Link, Pace, Shown, endpoint};

/// A payload that is begun and abandoned, and how many pieces of it are sent: more than the node gathers in memory.
pub const ABANDONED: u64 = 512 << 10;
const ABANDONED_PIECES: usize = 3;
/// Bytes of payload in one frame.
const SENT: usize = 128 << 10;
pub const ABANDONED_PER_SECOND: u64 = 50;
/// A payload that would fit into the room alone; sixteen of them do not.
pub const BIG: u64 = 24 << 20;
/// Bytes a second of all of them: what a line of 100 Mbit/s carries.
pub const BIG_BYTES_PER_SECOND: u64 = 12 << 20;
/// Offers a second, a hundred times what was agreed.
pub const OFFERS_PER_SECOND: u64 = 1_000;
pub const RECALLS_PER_SECOND: u64 = 20;
/// What stands in every marking that is none, so that it is found wherever it gets to.
pub const SENTINEL: &str = "EXERCISEHOSTILE";
/// A character that turns the direction of what follows it.
pub const TURNED: char = '\u{202e}';

/// Offers that are signed before an attack begins: after these the same numbers come again.
const SIGNED: usize = 4_000;
/// A day: nothing of it expires in a run.
const LONG: Duration = Duration::from_secs(86_400);

/// What a node says to an offer.
enum Said {
    Accepted(SendStream, Answers),
    Refused,
    Nothing,
}

async fn ask(going: &Going, link: &Link, offer: Offer) -> Said {
    let asked = going.within(async {
        let (mut send, receive) = link.connection.open_bi().await.ok()?;
        send.write_all(&Frame::Offer(offer).encode()).await.ok()?;
        let mut answers = Answers::of(receive);
        let answer = answers.next().await?;
        Some((send, answers, answer))
    });
    let Some(Some((send, answers, answer))) = asked.await else { return Said::Nothing };
    match answer {
        Frame::Accept(_) => {
            going.add("accepted", 1);
            Said::Accepted(send, answers)
        }
        Frame::Refuse(refuse) => {
            going.add(told(refuse.code()), 1);
            Said::Refused
        }
        _ => Said::Nothing,
    }
}

/// The names under which refusals are counted.
fn told(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::OfferRate => "refused_17_offer_rate",
        RefusalCode::Busy => "refused_16_busy",
        RefusalCode::StorageUnavailable => "refused_20_storage",
        RefusalCode::MarkingRefused => "refused_40_marking",
        RefusalCode::Quota => "refused_19_quota",
        RefusalCode::ByteRate => "refused_18_byte_rate",
        _ => "refused_otherwise",
    }
}

/// Keeps a link up and has `workers` work over it, as long as the attack goes on.
async fn over_links<F>(going: Going, workers: usize, work: impl Fn(Going, Arc<Link>, usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (endpoint, mut pace) = (endpoint(), Pace::new(2));
    while going.on() {
        pace.turn(1).await;
        let Some(link) = going.link(&endpoint, Shown::Newest).await else { continue };
        let link = Arc::new(link);
        let all: Vec<_> = (0..workers).map(|n| tokio::spawn(work(going.clone(), link.clone(), n))).collect();
        for one in all {
            let _ = one.await;
        }
    }
}

/// A Cancel with any code, also with one that there is not.
fn cancel(code: u16) -> Vec<u8> {
    let mut message = minicbor::Encoder::new(Vec::new());
    message.map(1).and_then(|m| m.u8(0)).and_then(|m| m.u16(code)).expect("a vector takes everything");
    let message = message.into_writer();
    let mut frame = [&252u32.to_be_bytes()[..], &[0x16], &(message.len() as u32).to_be_bytes(), &message].concat();
    frame.resize(256, 0);
    frame
}

/// Begins payloads, sends most of each, and ends each in another of the ways there are.
pub async fn abandoned(going: Going, life: Duration) {
    let pace = Arc::new(Mutex::new(Pace::new(ABANDONED_PER_SECOND)));
    over_links(going, 8, |going, link, worker| {
        let pace = pace.clone();
        async move {
            let mut n = worker;
            while going.on() && link.connection.close_reason().is_none() {
                pace.lock().await.turn(1).await;
                let offer = going.hostile.offer(going.hostile.manifest(ABANDONED, life));
                let Said::Accepted(mut send, _answers) = ask(&going, &link, offer).await else { continue };
                let part = Frame::Data(Bytes::from(vec![7; SENT])).encode();
                for _ in 0..ABANDONED_PIECES {
                    let _ = going.within(send.write_all(&part)).await;
                }
                n += 1;
                match n % 5 {
                    0 => drop(going.within(send.write_all(&cancel(RefusalCode::TimedOut.number()))).await),
                    1 => drop(going.within(send.write_all(&cancel(RefusalCode::Withdrawn.number()))).await),
                    // A code that nobody has given a meaning.
                    2 => drop(going.within(send.write_all(&cancel(u16::MAX))).await),
                    3 => drop(send.reset(VarInt::from_u32(0))),
                    // It ends without a last frame.
                    _ => drop(send.finish()),
                }
            }
        }
    })
    .await;
}

/// Asks for all of the room at once, and takes it as slowly as a line does.
pub async fn big(going: Going) {
    let pace = Arc::new(Mutex::new(Pace::new(BIG_BYTES_PER_SECOND)));
    over_links(going, 16, |going, link, _| {
        let pace = pace.clone();
        async move {
            let mut tries = Pace::new(2);
            while going.on() && link.connection.close_reason().is_none() {
                tries.turn(1).await;
                let offer = going.hostile.offer(going.hostile.manifest(BIG, LONG));
                let Said::Accepted(mut send, _answers) = ask(&going, &link, offer).await else { continue };
                let piece = Frame::Data(Bytes::from(vec![7; SENT])).encode();
                let mut left = BIG - 1;
                // One byte is never sent: it would have to be what was offered.
                while left > SENT as u64 && going.on() {
                    pace.lock().await.turn(SENT as u64).await;
                    match going.within(send.write_all(&piece)).await {
                        Some(Ok(())) => left -= SENT as u64,
                        _ => break,
                    }
                    going.add("bytes", SENT as u64);
                }
                // Held as long as the node lets it be, and then taken back.
                let _ = going.within(send.stopped()).await;
                let cancel = cancel(RefusalCode::Withdrawn.number());
                let _ = tokio::time::timeout(Duration::from_secs(2), send.write_all(&cancel)).await;
                let _ = send.finish();
                let _ = tokio::time::timeout(Duration::from_secs(2), send.stopped()).await;
            }
        }
    })
    .await;
}

/// Offers that are signed beforehand, so that it is the node's time that is measured.
pub fn signed(going: &Going) -> Arc<Vec<Offer>> {
    Arc::new((0..SIGNED).map(|_| going.hostile.offer(going.hostile.manifest(ABANDONED, LONG))).collect())
}

/// The number of the next of what is sent at a pace, when its turn has come.
async fn next(pace: &Mutex<(Pace, usize)>) -> usize {
    let mut turns = pace.lock().await;
    turns.0.turn(1).await;
    turns.1 += 1;
    turns.1
}

/// Offers at a hundred times the agreed rate, every one of another number; what is accepted is taken back.
pub async fn flood(going: Going, offers: Arc<Vec<Offer>>) {
    let pace = Arc::new(Mutex::new((Pace::new(OFFERS_PER_SECOND), 0usize)));
    over_links(going, 16, |going, link, _| {
        let (pace, offers) = (pace.clone(), offers.clone());
        async move {
            while going.on() && link.connection.close_reason().is_none() {
                let n = next(&pace).await;
                going.add("offered", 1);
                let Said::Accepted(mut send, _answers) = ask(&going, &link, offers[n % SIGNED].clone()).await else {
                    continue;
                };
                let _ = going.within(send.write_all(&cancel(RefusalCode::Withdrawn.number()))).await;
            }
        }
    })
    .await;
}

/// What fits a manifest of 32 KiB beside a signature of ML-DSA-87.
const LONG_MARKING: usize = 27_000;

/// Markings that are none: 27 KB of it, nothing, and a text that turns the direction of what stands behind it.
fn markings() -> [String; 3] {
    [
        SENTINEL.repeat(LONG_MARKING / SENTINEL.len()),
        String::new(),
        format!("SECRET//REL TO USA, GBR{TURNED}{SENTINEL}"),
    ]
}

/// Withdraws under markings that are none.
pub async fn recalls(going: Going) {
    let pace = Arc::new(Mutex::new((Pace::new(RECALLS_PER_SECOND), 0usize)));
    over_links(going, 2, |going, link, _| {
        let pace = pace.clone();
        async move {
            while going.on() && link.connection.close_reason().is_none() {
                let n = next(&pace).await;
                let (offer, payload) = recall(&going, markings()[n % 3].clone());
                going.add("offered", 1);
                let Said::Accepted(mut send, mut answers) = ask(&going, &link, offer).await else { continue };
                let sent = going.within(async {
                    send.write_all(&Frame::Data(payload.into()).encode()).await.ok()?;
                    let ready = answers.next().await?;
                    if !matches!(ready, Frame::Ready(_)) {
                        return Some(ready);
                    }
                    send.write_all(&Frame::End(End::new(None)).encode()).await.ok()?;
                    answers.next().await
                });
                match sent.await.flatten() {
                    Some(Frame::Refuse(refuse)) => going.add(told(refuse.code()), 1),
                    Some(Frame::Receipt(_)) => going.add("receipts", 1),
                    _ => going.add("unanswered", 1),
                }
            }
        }
    })
    .await;
}

fn recall(going: &Going, marking: String) -> (Offer, Vec<u8>) {
    let (hostile, now) = (&going.hostile, SystemClock.now());
    let notice = ExchangeId::new(now, entropy());
    let exchange = ExchangeId::new(now, entropy());
    let recall = Recall {
        version: Recall::VERSION,
        notice,
        sender: hostile.name().clone(),
        recipient: hostile.victim.clone().into(),
        exchange,
        why: RecallCode::Incorrect,
        ordered_at_ms: now.unix_ms(),
        secret: OpeningSecret::new(entropy()),
    };
    let payload = hostile.sign(recall.clone());
    let digest = Digest::of(&payload);
    let manifest = Manifest {
        exchange: notice,
        kind: Kind::Recall,
        marking,
        cut_digest: digest,
        payload_digest: digest,
        precedence: Precedence::Flash,
        about: Some(exchange),
        header: None,
        opening: recall.proof(digest).commitment(),
        ..hostile.manifest(payload.len() as u64, LONG)
    };
    (hostile.offer(manifest), payload)
}
