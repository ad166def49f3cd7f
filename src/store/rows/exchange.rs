//! One exchange's row.

use super::Version;
use super::state::{Direction, ExchangeState, legal};
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
        /// The withdrawal of a product that an earlier exchange carried, or was to carry.
        Recall = "recall",
    }
}

/// Who is working on an exchange, and until when nobody else may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The node process that holds it.
    pub owner: String,
    /// When it ends unless renewed.
    pub until: Time,
}

/// The sealed payload of an exchange: in the store itself, if it was short enough when it came to be, else in the spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload {
    /// Its name, under which it is in the spool if it is there.
    pub spool: SpoolId,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

/// That what an exchange carried was withdrawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recalled {
    /// When, by our clock: when we ordered it (out), or the notice was recorded (in).
    pub at: Time,
    /// Why, as a code both sides know.
    pub why: String,
}

/// One exchange. To change one: read it, change the fields, commit it; [`Exchange::version`] is what is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// Its number, the same at both ends.
    pub id: ExchangeId,
    /// Which way it goes. Never changes.
    pub direction: Direction,
    /// With whom. Never changes.
    pub partner: PartnerId,
    /// The request it serves; outbound only. Never changes.
    pub request: Option<RequestId>,
    /// What it carries. Never changes.
    pub kind: ExchangeKind,
    /// The earlier exchange that this one withdraws (a recall) or replaces (a product). Never changes once set.
    pub about: Option<ExchangeId>,
    /// Where it is.
    pub state: ExchangeState,
    /// How urgent it is.
    pub precedence: Precedence,
    /// Digest of the cut.
    pub cut_digest: Option<Digest>,
    /// Size of the cut in bytes.
    pub cut_size: Option<u64>,
    /// Canonical banner marking of the cut.
    pub marking: Option<String>,
    /// Number of the product inside.
    pub product_id: Option<String>,
    /// Title of the product, to be shown only as `title_marking` allows.
    pub title: Option<String>,
    /// Marking of the title itself.
    pub title_marking: Option<String>,
    /// Subjects of the product.
    pub subjects: Vec<String>,
    /// Whom to ask about it.
    pub contact: Option<String>,
    /// Why it was released.
    pub purpose: Option<String>,
    /// The signed manifest.
    pub manifest: Option<Vec<u8>>,
    /// The sealed payload, without its header.
    pub payload: Option<Payload>,
    /// The header that opens it; the store keeps it while [`Exchange::kept_header`] says so.
    pub header: Option<Header>,
    /// The digests of the pieces of a sealed payload that is longer than one piece; outbound only. The store keeps them
    /// while [`Exchange::kept_pieces`] says so.
    pub pieces: Option<Pieces>,
    /// How often delivery was tried.
    pub attempts: u32,
    /// Before when it must not be tried again.
    pub next_attempt: Time,
    /// Since when the partner may have it without our knowing: the last byte was let go then, and no answer since says
    /// what became of it. Out only.
    pub unanswered: Option<Time>,
    /// After when it must not be delivered.
    pub expires: Time,
    /// When the row was made. Never changes.
    pub created: Time,
    /// When the row was last changed.
    pub updated: Time,
    /// The signed receipt: the partner's (out) or ours (in). Written once.
    pub receipt: Option<Vec<u8>>,
    /// The partner's signed ledger head that came with the receipt or manifest.
    pub partner_checkpoint: Option<String>,
    /// Why it was refused, as the partner may know it.
    pub refusal: Option<String>,
    /// Why, in our own words. Never leaves this node.
    pub reason: Option<String>,
    /// Digest of the policy it was decided under.
    pub policy_digest: Option<Digest>,
    /// Digest of the marking register it was decided under.
    pub register_digest: Option<Digest>,
    /// That its product was withdrawn. Never changes once set.
    pub recalled: Option<Recalled>,
    /// The later exchange whose product takes the place of this one's.
    pub superseded_by: Option<ExchangeId>,
    /// When a reader was first shown its product; inbound only.
    pub opened: Option<Time>,
    /// When its product was first taken; inbound only.
    pub taken: Option<Time>,
    /// Who is working on it. Set by [`crate::store::Change::Claim`] only; what is written here is not stored.
    pub lease: Option<Lease>,
    /// What is compared when it is written.
    pub version: Version,
}

impl Exchange {
    /// Whether its sealed payload is still of use: to be sent, or to be taken.
    pub fn needs_payload(&self) -> bool {
        use ExchangeState as S;
        let ended = matches!(self.state, S::Refused | S::Cancelled | S::Expired | S::Taken);
        self.payload.is_some() && !ended && !self.is_delivered()
    }

    /// Whether its sealed payload is kept: as long as it is of use, and what was taken for as long as it is there.
    pub fn keeps_payload(&self) -> bool {
        self.needs_payload() || self.payload.is_some() && self.state == ExchangeState::Taken
    }

    /// Whether somebody is at work on it at `now`.
    pub fn is_claimed(&self, now: Time) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    /// Whether a partner's product is kept apart because our checks found something.
    pub fn is_in_quarantine(&self) -> bool {
        self.direction == Direction::In && self.state == ExchangeState::Quarantined
    }

    /// Whether the partner's receipt says that it has what this carries.
    pub fn is_delivered(&self) -> bool {
        ExchangeState::DELIVERED.contains(&self.state)
    }

    /// Whether it was stopped, and it is not known whether the partner has it all the same: it is to be asked.
    pub fn is_to_be_asked(&self) -> bool {
        self.direction == Direction::Out && self.unanswered.is_some() && ExchangeState::STOPPED.contains(&self.state)
    }

    /// The header as it is stored. Ours goes with the step after which nothing is to be sent any more, whoever takes it:
    /// what was stopped is sent to nobody, also by mistake. A partner's is kept with its product.
    pub fn kept_header(&self) -> Option<&Header> {
        use ExchangeState as S;
        let kept = match self.direction {
            Direction::Out => self.needs_payload(),
            Direction::In => matches!(self.state, S::Received | S::Taken | S::Quarantined),
        };
        self.header.as_ref().filter(|_| kept)
    }

    /// The digests of the payload's pieces as they are stored: for as long as it may be sent.
    pub fn kept_pieces(&self) -> Option<&Pieces> {
        self.pieces.as_ref().filter(|_| self.direction == Direction::Out && self.needs_payload())
    }

    /// What each piece of the payload must be that is sent of it; `None` if that is not known.
    pub fn pieces_of_payload(&self) -> Option<Pieces> {
        let payload = self.payload?;
        let of_one = Pieces::of_one(payload.size, payload.digest);
        of_one.or_else(|| self.pieces.clone().filter(|pieces| pieces.size() == payload.size))
    }

    /// A row for a new exchange, with nothing known of its product yet.
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

    /// Which rule forbids this row to follow `before`, if one does.
    pub(in crate::store) fn fault(&self, before: Option<&Exchange>) -> Option<String> {
        let from = before.map(|row| row.state);
        // A recall needs no release, so that it begins where a product is once it was sealed.
        let begins_queued = from.is_none()
            && self.kind == ExchangeKind::Recall
            && (self.direction, self.state) == (Direction::Out, ExchangeState::Queued);
        if from != Some(self.state) && !legal(self.direction, from, self.state) && !begins_queued {
            let from = from.map_or("nothing", ExchangeState::as_str);
            return Some(format!("an exchange going {} does not go from `{from}` to `{}`", self.direction, self.state));
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
                return Some("what was recalled stays recalled".into());
            }
            // Of what came in the receipt is ours: one that is damaged is signed again.
            let ours = self.direction == Direction::In && self.receipt.is_some();
            if before.receipt.is_some() && self.receipt != before.receipt && !ours {
                return Some("a receipt is written once".into());
            }
        }
        if self.kind == ExchangeKind::Recall && self.about.is_none() {
            return Some("a recall is about an exchange".into());
        }
        match (self.direction, self.state) {
            (Direction::Out, ExchangeState::Delivered | ExchangeState::DeliveredAfterStop)
                if self.receipt.is_none() || self.unanswered.is_some() =>
            {
                Some(format!("`{}` needs the partner's receipt, which is its answer", self.state))
            }
            (Direction::In, _) if self.unanswered.is_some() => Some("what came in needs no answer".into()),
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

    /// What is searched: title, subjects, purpose, partner, contact, marking, product number.
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
