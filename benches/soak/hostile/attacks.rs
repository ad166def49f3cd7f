//! The attacks, each with what it may cost; and those that need nothing but a link.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use portcullis::wire::{Frame, Offer, Ping};

use super::budget::Entries;
use super::offers;
use super::partner::{Going, Hostile, Pace, Shown, endpoint};
use super::strangers;

/// Pings each second: of 256 bytes, what a line of 100 Mbit/s carries is 48,000.
const PINGS_PER_SECOND: u64 = 40_000;
/// Streams of what is no frame, each second; a connection grants some twenty at a time.
const GARBAGE_PER_SECOND: u64 = 5_000;
/// Links tried each second: each is a handshake of up to 40 KB, so that a line of 100 Mbit/s carries some 300.
const LINKS_PER_SECOND: u64 = 50;
/// Links tried each second by those who lose each of theirs by what they send over it.
const PARTNER_LINKS: u64 = 15;
/// Pings that are written at once.
const PINGS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attack {
    Pings,
    Silent,
    Abandoned,
    Big,
    Garbage,
    Older,
    Turning,
    Recalls,
    Initials,
    Strangers,
    Offers,
}

impl Attack {
    pub const ALL: [Attack; 11] = [
        Attack::Pings,
        Attack::Silent,
        Attack::Abandoned,
        Attack::Big,
        Attack::Garbage,
        Attack::Older,
        Attack::Turning,
        Attack::Recalls,
        Attack::Initials,
        Attack::Strangers,
        Attack::Offers,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Attack::Pings => "pings",
            Attack::Silent => "silent-strangers",
            Attack::Abandoned => "abandoned",
            Attack::Big => "big-offers",
            Attack::Garbage => "garbage",
            Attack::Older => "older-head",
            Attack::Turning => "turning-head",
            Attack::Recalls => "recalls",
            Attack::Initials => "initials",
            Attack::Strangers => "refused-certificates",
            Attack::Offers => "offers",
        }
    }

    /// What it does, and how fast it may.
    pub fn rate(self) -> String {
        let all = u64::from(strangers::SILENT) * strangers::SILENT_PER_SECOND;
        match self {
            Attack::Pings => {
                format!("{PINGS_PER_SECOND} pings a second whose answers nobody reads, over one link after the other")
            }
            Attack::Silent => format!(
                "{} addresses in as many /24 show where they are and say nothing more, {all} times a second together",
                strangers::SILENT
            ),
            Attack::Abandoned => format!(
                "{} payloads a second of {} bytes begun, most of it sent, and cancelled with any code, reset or left",
                offers::ABANDONED_PER_SECOND,
                offers::ABANDONED
            ),
            Attack::Big => format!(
                "sixteen offers of {} bytes at once, {} bytes a second in all",
                offers::BIG,
                offers::BIG_BYTES_PER_SECOND
            ),
            Attack::Garbage => format!("{GARBAGE_PER_SECOND} streams a second of what is no frame"),
            Attack::Older => {
                format!("{LINKS_PER_SECOND} links tried a second, each with an older head of the partner's ledger")
            }
            Attack::Turning => {
                format!("{LINKS_PER_SECOND} links tried a second, with an older and the newest head in turn")
            }
            Attack::Recalls => format!("{} recalls a second under markings that are none", offers::RECALLS_PER_SECOND),
            Attack::Initials => format!("{} first packets a second from 256 ports", strangers::INITIALS_PER_SECOND),
            Attack::Strangers => {
                format!("{} handshakes a second with certificates nobody enrolled", strangers::REFUSED_PER_SECOND)
            }
            Attack::Offers => format!("{} offers a second, of which 10 are agreed", offers::OFFERS_PER_SECOND),
        }
    }

    /// Entries of the ledger that it may leave. Two where it leaves none by itself: a link with the newest head of a ledger ends
    /// the alarm that an attack before it raised.
    pub fn entries(self) -> Entries {
        match self {
            Attack::Turning => Entries::OfLinks,
            Attack::Abandoned | Attack::Big | Attack::Recalls | Attack::Offers => Entries::OfOffers,
            _ => Entries::Most(2),
        }
    }

    /// Prepares it, and has it go on by itself until it is told to stop; `life` is that of manifests that are to expire soon.
    pub fn begin(self, hostile: &Arc<Hostile>, life: Duration) -> Begun {
        let going = Going::new(hostile.clone());
        let offers = if self == Attack::Offers { offers::signed(&going) } else { Arc::default() };
        let doing = going.clone();
        let thread = std::thread::spawn(move || {
            // A real attacker has processors of its own. Threads that are made by this one have its priority.
            let _ = rustix::process::setpriority_process(None, 19);
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(self.drive(doing, life, offers));
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        Begun { going, thread }
    }

    async fn drive(self, going: Going, life: Duration, offers: Arc<Vec<Offer>>) {
        match self {
            Attack::Pings => pings(going).await,
            Attack::Silent => strangers::silent(going).await,
            Attack::Abandoned => offers::abandoned(going, life).await,
            Attack::Big => offers::big(going).await,
            Attack::Garbage => garbage(going).await,
            Attack::Older => links(going, &[Shown::Older]).await,
            Attack::Turning => links(going, &[Shown::Older, Shown::Newest]).await,
            Attack::Recalls => offers::recalls(going).await,
            Attack::Initials => strangers::initials(going).await,
            Attack::Strangers => strangers::refused(going).await,
            Attack::Offers => offers::flood(going, offers).await,
        }
    }
}

/// An attack that goes on.
pub struct Begun {
    going: Going,
    thread: JoinHandle<()>,
}

impl Begun {
    pub fn goes_on(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends it; what was counted.
    pub fn end(self) -> std::collections::BTreeMap<&'static str, u64> {
        self.going.stop.cancel();
        // It panics only where the machine has no more ports or threads; what was counted till then is told.
        let panicked = self.thread.join().is_err();
        self.going.add("attackers_failed", u64::from(panicked));
        self.going.counts()
    }
}

/// One link, so that the node has been shown the newest head; ends the alarm about an older one.
pub fn introduce(hostile: &Arc<Hostile>) -> bool {
    let going = Going::new(hostile.clone());
    crate::support::block_on(async {
        let endpoint = endpoint();
        let up = going.link(&endpoint, Shown::Newest).await.is_some();
        endpoint.close(0u32.into(), b"");
        endpoint.wait_idle().await;
        up
    })
}

/// Pings until the link ends, and the same over the next.
async fn pings(going: Going) {
    let (endpoint, mut links, mut pace) = (endpoint(), Pace::new(PARTNER_LINKS), Pace::new(PINGS_PER_SECOND));
    let many: Vec<u8> = (0..PINGS as u64).flat_map(|number| Frame::Ping(Ping { number }).encode()).collect();
    while going.on() {
        links.turn(1).await;
        let Some(mut link) = going.link(&endpoint, Shown::Newest).await else { continue };
        let mut written = 0;
        while let Some(Ok(())) = going.within(link.control.write_all(&many)).await {
            written += PINGS as u64;
            pace.turn(PINGS as u64).await;
        }
        going.add("pings", written);
        going.most("pings_over_one_link", written);
        if going.within(link.connection.closed()).await.is_some() {
            going.add("links_closed", 1);
        }
    }
}

/// Streams of what is no frame until the link ends, and the same over the next.
async fn garbage(going: Going) {
    let (endpoint, mut links, mut pace) = (endpoint(), Pace::new(PARTNER_LINKS), Pace::new(GARBAGE_PER_SECOND));
    while going.on() {
        links.turn(1).await;
        let Some(link) = going.link(&endpoint, Shown::Newest).await else { continue };
        let mut streams = 0;
        while let Some(Ok((mut send, _receive))) = going.within(link.connection.open_bi()).await {
            streams += 1;
            if send.write_all(&[0xff; 64]).await.is_err() {
                break;
            }
            let _ = send.finish();
            pace.turn(1).await;
        }
        going.add("streams", streams);
        going.most("streams_over_one_link", streams);
        if going.within(link.connection.closed()).await.is_some() {
            going.add("links_closed", 1);
        }
    }
}

/// Links as fast as they come, each with the next of these heads.
async fn links(going: Going, shown: &[Shown]) {
    let (endpoint, mut pace) = (endpoint(), Pace::new(LINKS_PER_SECOND));
    for head in shown.iter().cycle() {
        if !going.on() {
            return;
        }
        pace.turn(1).await;
        if let Some(mut link) = going.link(&endpoint, *head).await {
            // Answered only by a node that has judged the head.
            let _ = going.within(link.control.write_all(&Frame::Ping(Ping { number: 1 }).encode())).await;
            if going.within(link.answers.next()).await.flatten().is_some() {
                going.add("links_judged", 1);
            }
            link.connection.close(0u32.into(), b"");
        }
    }
}
