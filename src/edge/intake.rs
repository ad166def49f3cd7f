//! What the edge asks of the gateway behind it: where an offer resumes, where payload goes, what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::digest::Digest;
use crate::envelope::Header;
use crate::ident::{ExchangeId, PartnerId};
use crate::wire::{Consistency, Extension, KeyAnswer, Offer, RefusalCode};

/// The gateway, as the edge sees it. Implementations hold keys, policy and store; the edge holds none of them.
#[async_trait]
pub trait Intake: Send + Sync {
    /// A partner offers an envelope. Checks the manifest against the agreement, without waiting for anything slow,
    /// and says whether to take it. For one exchange at most one sink may be out at a time.
    async fn offer(&self, partner: &PartnerId, offer: Offer) -> OfferAnswer;

    /// The payload offered has arrived in its sink and has the digest offered, and so has its header. Opens, checks,
    /// stores and records it, and returns the receipt that was made durable with it; asked again, the same bytes.
    async fn complete(&self, partner: &PartnerId, exchange: ExchangeId, whole: Whole) -> Result<Vec<u8>, Refusal>;

    /// An offer was refused for good before the gateway was asked.
    async fn turned_away(&self, _partner: &PartnerId, _exchange: ExchangeId, _code: RefusalCode) {}

    /// A partner took back what it had offered, before all of it had arrived; nothing of it is kept in its sink.
    async fn taken_back(&self, _partner: &PartnerId, _exchange: ExchangeId) {}

    /// What to tell a partner in our Hello.
    async fn greeting(&self, _partner: &PartnerId) -> Vec<Extension> {
        Vec::new()
    }

    /// What proves our ledger, as `ours` told it in our Hello, against what the partner `told` of it in its own.
    async fn prove(&self, _partner: &PartnerId, _ours: &[Extension], _told: &[Extension]) -> Consistency {
        Consistency::default()
    }

    /// What a partner told us in its Hello, with its proof against what `ours` told of its ledger, before anything else is
    /// taken from it. An error closes the connection.
    async fn greeted(
        &self,
        _partner: &PartnerId,
        _ours: &[Extension],
        _told: &[Extension],
        _proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        Ok(())
    }

    /// A partner's link came up or went down.
    fn link_changed(&self, partner: &PartnerId, up: bool);
}

/// What has arrived, besides what its sink keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// What opens the payload; `None` if nothing has to be opened.
    pub header: Option<Header>,
    /// The payload itself, if its sink handed it over.
    pub short: Option<Bytes>,
}

/// What the gateway says to an offer.
pub enum OfferAnswer {
    /// Take it, into this sink.
    Accept(Box<dyn PayloadSink>),
    /// It was received before; this is the receipt given then.
    Replay(Vec<u8>),
    /// Do not take it.
    Refuse(Refusal),
}

/// A refusal that a partner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: RefusalCode,
    /// How long there is no use in trying again.
    pub retry_after: Option<Duration>,
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Refusal {
        Refusal { code, retry_after: None }
    }
}

/// Where a payload is written as it arrives. Dropping a sink keeps what is durable, for a resumption.
#[async_trait]
pub trait PayloadSink: Send {
    /// Length in bytes of the prefix that is durable, and its digest.
    fn durable(&self) -> (u64, Digest);

    /// Appends bytes. They need not be durable when this returns.
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError>;

    /// Discards everything, the durable prefix included.
    async fn discard(&mut self) -> Result<(), SinkError>;

    /// Makes everything written durable, but for what is handed over, and returns the digest of the whole.
    async fn finish(&mut self) -> Result<Digest, SinkError>;

    /// Ends a sink that is finished. A payload that was only gathered in memory is handed over, for
    /// [`Intake::complete`] to make it durable with the record of it.
    fn hand_over(self: Box<Self>) -> Option<Bytes>;
}

/// A sink that did not take bytes: the medium is full or failed. The partner is told that storage is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the spool did not take the payload: {0}")]
pub struct SinkError(pub String);

/// Where a payload is read from as it is sent.
#[async_trait]
pub trait PayloadSource: Send {
    /// The digest of the first `length` bytes.
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError>;

    /// At least one and at most `max` bytes from `offset`.
    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError>;
}

/// A payload that could not be read; the exchange is not lost, but an operator should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the spool did not give the payload: {0}")]
pub struct SourceError(pub String);

/// Asked once, when the partner has the whole payload and nothing to open it with: does the release still stand? Its
/// answer is the only place a header comes from. When it withholds it, or is dropped without an answer, none leaves.
pub type KeyGate = Box<dyn FnOnce() -> BoxFuture<'static, KeyAnswer> + Send>;

/// By which whoever asked for a delivery has it stopped; clones are one signal. A delivery that is stopped sends nothing
/// more, tells the partner that the offer is withdrawn, and ends as [`DeliveryFailure::Withdrawn`]. Once its last byte
/// was let go there is nothing left to stop, and the receipt is waited for as if nobody had said anything.
///
/// While it is in doubt whether a delivery may go on, it is held up: no more of the payload is read or sent until it is
/// let go on or stopped, so that how much still leaves does not depend on how long deciding takes.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    token: CancellationToken,
    held_up: Arc<watch::Sender<bool>>,
    after_the_answer: bool,
}

impl StopSignal {
    /// For what was let go before, and may have arrived without our hearing of it: however early it is stopped, the
    /// partner's answer to the offer is heard first, because it may be the receipt.
    pub fn after_the_answer() -> StopSignal {
        StopSignal { after_the_answer: true, ..StopSignal::default() }
    }

    /// Has the delivery stop.
    pub fn order(&self) {
        self.token.cancel();
    }

    /// Whether somebody has.
    pub fn is_ordered(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Has the delivery send nothing more until [`StopSignal::go_on`].
    pub fn hold_up(&self) {
        self.held_up.send_replace(true);
    }

    /// Lets a delivery that was held up go on.
    pub fn go_on(&self) {
        self.held_up.send_replace(false);
    }

    /// Completes as soon as the delivery is not held up.
    pub async fn may_go_on(&self) {
        // The sender is in `self`, so that the wait ends by what it waits for alone.
        let _ = self.held_up.subscribe().wait_for(|held_up| !held_up).await;
    }

    /// Whether the partner's answer is heard first.
    pub fn hears_the_answer(&self) -> bool {
        self.after_the_answer
    }

    /// Completes when somebody has the delivery stop.
    pub async fn ordered(&self) {
        self.token.cancelled().await;
    }
}

/// A gate that always lets this header go; for tests of the transport.
pub fn open_gate(header: Option<Header>) -> KeyGate {
    Box::new(|| Box::pin(std::future::ready(KeyAnswer::Send(header))))
}

/// Why a delivery ended without a receipt. The exchange itself stays with the gateway, which decides about retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFailure {
    /// The partner refused.
    #[error("the partner refused: {}", .0.code)]
    Refused(Refusal),
    /// Our own limits for this partner are used up for now; nothing was offered.
    #[error("our own limit for this partner is used up for the next {0:?}")]
    Throttled(Duration),
    /// There is no link to the partner, or it broke; what the partner has of the payload is kept there.
    #[error("the link to the partner is down")]
    LinkDown,
    /// The partner was silent for too long.
    #[error("the partner did not answer in time")]
    TimedOut,
    /// The partner broke the protocol.
    #[error("the partner broke the protocol")]
    Protocol,
    /// The gate did not open, or the delivery was stopped: the partner was told that the offer is withdrawn, and has no
    /// header with which it could open what it has.
    #[error("the offer was withdrawn; nothing that was sent can be opened")]
    Withdrawn,
    /// The payload could not be read from our own spool.
    #[error("the payload could not be read from the spool")]
    SourceFailed,
}
