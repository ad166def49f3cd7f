//! Control of a delivery: the key gate and the stop signal that the gateway passes to the edge, and the failures it gets back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::intake::Refusal;
use crate::envelope::Header;
use crate::wire::KeyAnswer;

/// Decides whether the header, without which the payload cannot be opened, may be sent. Called at most once, when the partner
/// has the whole payload; the release is decided again then. The header exists only in its answer: if it withholds it, or is
/// dropped without being called, no header is sent.
pub type KeyGate = Box<dyn FnOnce() -> BoxFuture<'static, KeyAnswer> + Send>;

/// Stops or pauses a delivery; all clones are the same signal. A delivery that is stopped sends nothing more, notifies the partner
/// that the offer is withdrawn, and ends with [`DeliveryFailure::Withdrawn`]. After the last byte was released there is nothing
/// left to stop, and the receipt is awaited as usual.
///
/// While it is being decided whether a delivery may continue, it is paused: no more of the payload is read or sent until it is
/// resumed or stopped, so that the time the decision takes does not determine how much is still sent.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    token: CancellationToken,
    paused: Arc<watch::Sender<bool>>,
    after_answer: bool,
}

impl StopSignal {
    /// Creates a signal for an exchange whose header was sent before and may have arrived: the partner's answer to the offer is
    /// awaited before the delivery stops, because it may be the receipt.
    pub fn after_answer() -> StopSignal {
        StopSignal { after_answer: true, ..StopSignal::default() }
    }

    /// Stops the delivery.
    pub fn stop(&self) {
        self.token.cancel();
    }

    /// Whether the delivery was stopped.
    pub fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Pauses the delivery until [`StopSignal::resume`].
    pub fn pause(&self) {
        self.paused.send_replace(true);
    }

    /// Resumes a paused delivery.
    pub fn resume(&self) {
        self.paused.send_replace(false);
    }

    /// Completes as soon as the delivery is not paused.
    pub async fn resumed(&self) {
        // The sender is in `self`, so the wait cannot end because the channel was closed.
        let _ = self.paused.subscribe().wait_for(|paused| !paused).await;
    }

    /// Whether the partner's answer is awaited before the delivery stops.
    pub fn awaits_answer(&self) -> bool {
        self.after_answer
    }

    /// Completes when the delivery is stopped.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }
}

/// A gate that always releases this header, for tests of the transport.
pub fn open_gate(header: Option<Header>) -> KeyGate {
    Box::new(|| Box::pin(std::future::ready(KeyAnswer::Send(header))))
}

/// Why a delivery ended without a receipt. The gateway still has the exchange and decides about retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFailure {
    /// The partner refused.
    #[error("the partner refused: {}", .0.code)]
    Refused(Refusal),
    /// The rate limits for this partner are used up for this long; nothing was offered.
    #[error("the rate limit for this partner is used up for the next {} ms", .0.as_millis())]
    Throttled(Duration),
    /// There is no link to the partner, or it broke. What the partner has of the payload stays there.
    #[error("the link to the partner is down")]
    LinkDown,
    /// The partner did not answer within the timeout.
    #[error("the partner did not answer in time")]
    TimedOut,
    /// The partner violated the protocol.
    #[error("the partner broke the protocol")]
    Protocol,
    /// The gate withheld the header, or the delivery was stopped. The partner was notified that the offer is withdrawn, and has
    /// no header to open what it received.
    #[error("the offer was withdrawn; nothing that was sent can be opened")]
    Withdrawn,
    /// The payload could not be read from the spool of this node.
    #[error("the payload could not be read from the spool")]
    SourceFailed,
}
