//! The row of an exchange.

use super::Version;
use super::state::{Direction, ExchangeState, is_legal_transition};
use super::words::words;
use crate::digest::{Digest, Pieces};
use crate::envelope::{Header, Precedence};
use crate::ident::{ExchangeId, PartnerId, RequestId};
use crate::store::spool::SpoolId;
use crate::time::Time;

words! {
    /// What an exchange carries.
    ExchangeKind {
        /// A cut of a product.
        Product = "product",
        /// The recall of a product that an earlier exchange carried, or was to carry.
        Recall = "recall",
    }
}

/// A time-limited claim on an exchange: until it ends, no other process may work on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The node process that holds it.
    pub owner: String,
    /// When it ends unless it is renewed.
    pub until: Time,
}

/// The sealed payload of an exchange: inline in the store if it was short enough when it was created, else in the
/// spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload {
    /// Its name in the spool, whether or not it is there.
    pub spool: SpoolId,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

/// The recall of what an exchange carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recalled {
    /// When, by this node's clock: when it was ordered (outbound), or when the notice was recorded (inbound).
    pub at: Time,
    /// Why, as a code that both sides understand.
    pub why: String,
}

/// An exchange. To change one: read it, change its fields, commit it. [`Exchange::version`] is compared when it is
/// written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// Its identifier, the same on both nodes.
    pub id: ExchangeId,
    /// Its direction. Never changes.
    pub direction: Direction,
    /// The partner. Never changes.
    pub partner: PartnerId,
    /// The request it belongs to; outbound only. Never changes.
    pub request: Option<RequestId>,
    /// What it carries. Never changes.
    pub kind: ExchangeKind,
    /// The earlier exchange that this one recalls (a recall) or replaces (a product). Never changes once set.
    pub about: Option<ExchangeId>,
    /// Its state.
    pub state: ExchangeState,
    /// Its precedence.
    pub precedence: Precedence,
    /// Digest of the cut.
    pub cut_digest: Option<Digest>,
    /// Size of the cut in bytes.
    pub cut_size: Option<u64>,
    /// Canonical banner marking of the cut.
    pub marking: Option<String>,
    /// Identifier of the product inside.
    pub product_id: Option<String>,
    /// Title of the product, to be shown only as `title_marking` allows.
    pub title: Option<String>,
    /// Marking of the title.
    pub title_marking: Option<String>,
    /// Subjects of the product.
    pub subjects: Vec<String>,
    /// Contact for questions about the product.
    pub contact: Option<String>,
    /// Why it was released.
    pub purpose: Option<String>,
    /// The signed manifest.
    pub manifest: Option<Vec<u8>>,
    /// The sealed payload, without its header.
    pub payload: Option<Payload>,
    /// The header that opens the payload; stored while [`Exchange::stored_header`] returns it.
    pub header: Option<Header>,
    /// The digests of the pieces of a sealed payload that is longer than one piece; outbound only. Stored while
    /// [`Exchange::stored_pieces`] returns them.
    pub pieces: Option<Pieces>,
    /// Number of delivery attempts so far.
    pub attempts: u32,
    /// The earliest time of the next attempt.
    pub next_attempt: Time,
    /// Since when the partner may have received it without this node knowing: the last byte was sent then, and no
    /// answer since says whether it arrived. Outbound only.
    pub unanswered: Option<Time>,
    /// The time after which it must not be delivered.
    pub expires: Time,
    /// When the row was created. Never changes.
    pub created: Time,
    /// When the row was last changed.
    pub updated: Time,
    /// The signed receipt: the partner's (outbound) or this node's (inbound). Written once.
    pub receipt: Option<Vec<u8>>,
    /// The partner's signed ledger checkpoint that came with the receipt or manifest.
    pub partner_checkpoint: Option<String>,
    /// Why it was refused, as a code that the partner may see.
    pub refusal: Option<String>,
    /// Why, in detail. Never leaves this node.
    pub reason: Option<String>,
    /// Digest of the policy it was decided under.
    pub policy_digest: Option<Digest>,
    /// Digest of the marking register it was decided under.
    pub register_digest: Option<Digest>,
    /// The recall of its product. Never changes once set.
    pub recalled: Option<Recalled>,
    /// The later exchange whose product replaces this one's.
    pub superseded_by: Option<ExchangeId>,
    /// When a reader was first shown its product; inbound only.
    pub opened: Option<Time>,
    /// When its product was first taken; inbound only.
    pub taken: Option<Time>,
    /// The claim on it. Set only by [`crate::store::Change::Claim`]; ignored when the row is written.
    pub lease: Option<Lease>,
    /// The version, compared when it is written.
    pub version: Version,
}

impl Exchange {
    /// Returns whether its sealed payload may still have to be sent or taken.
    pub fn needs_payload(&self) -> bool {
        use ExchangeState as S;
        let ended = matches!(self.state, S::Refused | S::Cancelled | S::Expired | S::Taken);
        self.payload.is_some() && !ended && !self.is_delivered()
    }

    /// Returns whether its sealed payload is kept: while it is needed, and after it was taken.
    pub fn keeps_payload(&self) -> bool {
        self.needs_payload() || self.payload.is_some() && self.state == ExchangeState::Taken
    }

    /// Returns whether a process has a claim on it at `now`.
    pub fn is_claimed(&self, now: Time) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    /// Returns whether it is a partner's product in quarantine.
    pub fn is_in_quarantine(&self) -> bool {
        self.direction == Direction::In && self.state == ExchangeState::Quarantined
    }

    /// Returns whether the partner's receipt confirms the delivery.
    pub fn is_delivered(&self) -> bool {
        ExchangeState::DELIVERED.contains(&self.state)
    }

    /// Returns whether it was stopped while it is unknown if the partner received it, so that its receipt must be
    /// requested.
    pub fn needs_receipt_query(&self) -> bool {
        self.direction == Direction::Out && self.unanswered.is_some() && ExchangeState::STOPPED.contains(&self.state)
    }

    /// Returns the header as it is stored. The header of an outbound exchange is deleted with the transition after
    /// which nothing may be sent, so a stopped product cannot be sent by mistake. The header of an inbound exchange
    /// is kept with its product.
    pub fn stored_header(&self) -> Option<&Header> {
        use ExchangeState as S;
        let kept = match self.direction {
            Direction::Out => self.needs_payload(),
            Direction::In => matches!(self.state, S::Received | S::Taken | S::Quarantined),
        };
        self.header.as_ref().filter(|_| kept)
    }

    /// Returns the digests of the payload's pieces as they are stored: while the payload may be sent.
    pub fn stored_pieces(&self) -> Option<&Pieces> {
        self.pieces.as_ref().filter(|_| self.direction == Direction::Out && self.needs_payload())
    }

    /// Returns the expected digest of each piece of the payload; `None` if it is unknown.
    pub fn pieces_of_payload(&self) -> Option<Pieces> {
        let payload = self.payload?;
        let of_one = Pieces::of_one(payload.size, payload.digest);
        of_one.or_else(|| self.pieces.clone().filter(|pieces| pieces.size() == payload.size))
    }

    /// Returns the row of a new exchange, without any data about its product.
    pub fn new(
        id: ExchangeId,
        direction: Direction,
        partner: PartnerId,
        state: ExchangeState,
        now: Time,
        expires: Time,
    ) -> Exchange {
        Exchange {
            id,
            direction,
            partner,
            request: None,
            kind: ExchangeKind::Product,
            about: None,
            state,
            precedence: Precedence::Routine,
            cut_digest: None,
            cut_size: None,
            marking: None,
            product_id: None,
            title: None,
            title_marking: None,
            subjects: Vec::new(),
            contact: None,
            purpose: None,
            manifest: None,
            payload: None,
            header: None,
            pieces: None,
            attempts: 0,
            next_attempt: now,
            unanswered: None,
            expires,
            created: now,
            updated: now,
            receipt: None,
            partner_checkpoint: None,
            refusal: None,
            reason: None,
            policy_digest: None,
            register_digest: None,
            recalled: None,
            superseded_by: None,
            opened: None,
            taken: None,
            lease: None,
            version: Version::NEW,
        }
    }

    /// Returns which rule forbids that this row replaces `before`, if one does.
    pub(in crate::store) fn fault(&self, before: Option<&Exchange>) -> Option<String> {
        let from = before.map(|row| row.state);
        // A recall needs no release, so it begins in the state that a product enters when it is sealed.
        let begins_queued = from.is_none()
            && self.kind == ExchangeKind::Recall
            && (self.direction, self.state) == (Direction::Out, ExchangeState::Queued);
        if from != Some(self.state) && !is_legal_transition(self.direction, from, self.state) && !begins_queued {
            let from = from.map_or("nothing", ExchangeState::as_str);
            return Some(format!(
                "an exchange in direction `{}` cannot go from `{from}` to `{}`",
                self.direction, self.state
            ));
        }
        if let Some(before) = before {
            let kept = self.direction == before.direction
                && self.partner == before.partner
                && self.request == before.request
                && self.kind == before.kind
                && (before.about.is_none() || self.about == before.about)
                && self.created == before.created;
            if !kept {
                return Some(
                    "direction, partner, request, kind, what it is about and creation time never change".into(),
                );
            }
            if before.recalled.is_some() && self.recalled != before.recalled {
                return Some("a recall cannot be undone".into());
            }
            // The receipt of an inbound exchange is this node's: a damaged one is signed again.
            let ours = self.direction == Direction::In && self.receipt.is_some();
            if before.receipt.is_some() && self.receipt != before.receipt && !ours {
                return Some("a receipt never changes".into());
            }
        }
        if self.kind == ExchangeKind::Recall && self.about.is_none() {
            return Some("a recall must name the exchange that it recalls".into());
        }
        match (self.direction, self.state) {
            (Direction::Out, ExchangeState::Delivered | ExchangeState::DeliveredAfterStop)
                if self.receipt.is_none() || self.unanswered.is_some() =>
            {
                Some(format!("`{}` needs the partner's receipt, which is its answer", self.state))
            }
            (Direction::In, _) if self.unanswered.is_some() => Some("an inbound exchange awaits no answer".into()),
            (Direction::Out, ExchangeState::Queued | ExchangeState::Sending)
                if self.payload.is_none() || self.manifest.is_none() =>
            {
                Some(format!("`{}` needs a sealed payload and its manifest", self.state))
            }
            (Direction::Out, ExchangeState::Queued | ExchangeState::Sending)
                if self.kind == ExchangeKind::Product && self.header.is_none() =>
            {
                Some(format!("`{}` needs the header that opens the payload", self.state))
            }
            (Direction::In, ExchangeState::Received) if self.payload.is_none() => {
                Some("`received` needs the payload".into())
            }
            _ => None,
        }
    }

    /// Returns the texts for full-text search: title, subjects, purpose, partner, contact, marking, product
    /// identifier.
    pub(in crate::store) fn searchable(&self) -> [String; 7] {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        [
            text(&self.title),
            self.subjects.join("; "),
            text(&self.purpose),
            self.partner.to_string(),
            text(&self.contact),
            text(&self.marking),
            text(&self.product_id),
        ]
    }
}
