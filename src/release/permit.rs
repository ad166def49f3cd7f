//! The permits that `decide` returns, which nothing else can make, and the record of a release.

use std::time::Duration;

use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::approval::Outline;
use crate::digest::{self, Digest};
use crate::envelope::{Header, HeaderCommitment, Manifest};
use crate::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use crate::sign::Signed;
use crate::time::Time;

/// The record of a release: what was decided, for whom and on which grounds. It is stored and logged. It permits nothing by
/// itself: the decision is taken again before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(map)]
pub struct Record {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Who gets the cut.
    #[n(1)]
    pub partner: PartnerId,
    /// The cut.
    #[n(2)]
    pub cut: Outline,
    /// The signed approvals that counted, by digest.
    #[n(3)]
    pub approvals: Vec<Digest>,
    /// Whose they are.
    #[n(4)]
    pub officers: Vec<OfficerId>,
    /// Digest of the agreement.
    #[n(5)]
    pub agreement: Digest,
    /// Digest of the policy.
    #[n(6)]
    pub policy: Digest,
    /// Digest of the marking register.
    #[n(7)]
    pub register: Digest,
    /// The rules of policy that permitted it.
    #[n(8)]
    pub rules: Vec<String>,
    /// Digest of the settings the content filters passed the cut under.
    #[n(9)]
    pub inspection: Digest,
    /// When the permission ends, in milliseconds since the Unix epoch.
    #[n(10)]
    pub expires_ms: i64,
    /// When it was decided, in milliseconds since the Unix epoch.
    #[n(11)]
    pub decided_ms: i64,
}

impl Record {
    /// The record's canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        digest::encode(self)
    }

    /// Reads a record from its canonical bytes.
    ///
    /// # Errors
    /// [`digest::NotCanonical`] if these are not the bytes of a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Record, digest::NotCanonical> {
        digest::decode(bytes)
    }

    /// SHA-256 of the canonical bytes: how ledger and store cite the decision.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// When the permission ends.
    pub fn expires(&self) -> Time {
        Time::from_unix_ms(self.expires_ms)
    }

    /// When it was decided.
    pub fn decided_at(&self) -> Time {
        Time::from_unix_ms(self.decided_ms)
    }
}

/// Permission to seal one cut for one partner.
///
/// Only [`decide`](super::decide()) makes one. It cannot be copied, stored or read from anything: what is stored is
/// its [`Record`].
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    record: Record,
    recipient: String,
}

impl Release {
    pub(super) fn new(record: Record, recipient: String) -> Release {
        Release { record, recipient }
    }

    /// Who gets the cut.
    pub fn partner(&self) -> &PartnerId {
        &self.record.partner
    }

    /// The age recipient of that partner, as enrolled: the only one the cut may be sealed to.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Digest of the exact bytes that may be sealed.
    pub fn cut(&self) -> Digest {
        self.record.cut.digest
    }

    /// How many bytes they are, with the attachments that belong beside them.
    pub fn cut_bytes(&self) -> u64 {
        self.record.cut.bytes
    }

    /// The cut's banner, canonical.
    pub fn marking(&self) -> &str {
        &self.record.cut.marking
    }

    /// When the permission ends.
    pub fn expires(&self) -> Time {
        self.record.expires()
    }

    /// When it was decided.
    pub fn decided_at(&self) -> Time {
        self.record.decided_at()
    }

    /// What to store and log of it.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether `bytes` are the text that may be sealed.
    pub fn is_for(&self, bytes: &[u8]) -> bool {
        // The length on record counts detached attachments as well, which these bytes name by length and digest.
        bytes.len() as u64 <= self.cut_bytes() && Digest::of(bytes) == self.cut()
    }
}

/// Permission to offer what was sealed to its partner, or to let go what opens it, within [`SendPermit::WINDOW`] of being
/// decided. It names everything that may leave, each part by its digest, and nothing else.
///
/// Only [`decide`](super::decide()) makes one, and only at [`Stage::Send`](super::Stage::Send).
#[derive(Debug, PartialEq, Eq)]
pub struct SendPermit {
    exchange: ExchangeId,
    partner: PartnerId,
    request: RequestId,
    cut: Digest,
    marking: String,
    record: Digest,
    manifest: Digest,
    payload: Digest,
    payload_size: u64,
    header: HeaderCommitment,
    decided_at: Time,
    not_after: Time,
}

impl SendPermit {
    /// How long after the decision what it permits may leave.
    pub const WINDOW: Duration = Duration::from_secs(30);

    /// For what `manifest` describes, which opens with `header`, under the release on `record`.
    pub(super) fn new(record: &Record, manifest: &Signed<Manifest>, header: HeaderCommitment, now: Time) -> SendPermit {
        let said = manifest.statement();
        SendPermit {
            exchange: said.exchange,
            partner: record.partner.clone(),
            request: record.request,
            cut: record.cut.digest,
            marking: record.cut.marking.clone(),
            record: record.digest(),
            manifest: manifest.digest(),
            payload: said.payload_digest,
            payload_size: said.payload_size,
            header,
            decided_at: now,
            // Never past the permission itself.
            not_after: now.plus(Self::WINDOW).min(record.expires()),
        }
    }

    /// Whether this manifest, and the payload that it describes, may leave at `now`. A clock that went back since the
    /// decision voids it.
    pub fn allows(&self, manifest: &Signed<Manifest>, now: Time) -> bool {
        let said = manifest.statement();
        let named = self.manifest == manifest.digest()
            && self.exchange == said.exchange
            && said.recipient == NodeId::from(self.partner.clone())
            && self.cut == said.cut_digest
            && self.marking == said.marking
            && (self.payload, self.payload_size) == (said.payload_digest, said.payload_size)
            && said.header == Some(self.header);
        named && now >= self.decided_at && now < self.not_after
    }

    /// Whether these bytes are the header that may leave.
    pub fn allows_header(&self, header: &Header) -> bool {
        header.commitment() == self.header
    }

    /// The exchange.
    pub fn exchange(&self) -> ExchangeId {
        self.exchange
    }

    /// To whom.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// The request.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Digest of the cut.
    pub fn cut(&self) -> Digest {
        self.cut
    }

    /// Digest of the [`Record`] it was decided on.
    pub fn record(&self) -> Digest {
        self.record
    }

    /// Digest of the signed manifest.
    pub fn manifest(&self) -> Digest {
        self.manifest
    }

    /// Digest and size in bytes of the sealed payload without its header.
    pub fn payload(&self) -> (Digest, u64) {
        (self.payload, self.payload_size)
    }

    /// The first instant at which it is void.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
}
