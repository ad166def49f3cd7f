//! How a delivery is decided, stopped and ended: what the gateway hands to the edge with an envelope, and what it gets back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::intake::Refusal;
use crate::envelope::Header;
use crate::wire::KeyAnswer;

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
    pub fn stops_after_answer(&self) -> bool {
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
    #[error("our own limit for this partner is used up for the next {} ms", .0.as_millis())]
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
