//! The permits that only `decide` can create, and the record of a release.

use std::time::Duration;

use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::approval::Outline;
use crate::digest::{self, Digest};
use crate::envelope::{Header, HeaderCommitment, Manifest};
use crate::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use crate::sign::Signed;
use crate::time::Time;

/// The record of a release: what was decided, for which partner and on which grounds. The ledger has the digest of its canonical
/// CBOR. It permits nothing by itself: the decision is made again before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(map)]
pub struct Record {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// The partner that the cut is for.
    #[n(1)]
    pub partner: PartnerId,
    /// The cut.
    #[n(2)]
    pub cut: Outline,
    /// Digests of the signed approvals that counted.
    #[n(3)]
    pub approvals: Vec<Digest>,
    /// The officers who signed them, in the same order.
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
    /// IDs of the policy rules that permitted it.
    #[n(8)]
    pub rules: Vec<String>,
    /// Digest of the settings with which the content filters passed the cut.
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
    /// Encodes the record as canonical CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        digest::encode(self)
    }

    /// Decodes a record from canonical CBOR.
    ///
    /// # Errors
    /// [`digest::NotCanonical`] if the bytes are not the canonical encoding of a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Record, digest::NotCanonical> {
        digest::decode(bytes)
    }

    /// SHA-256 of [`Record::to_bytes`], by which ledger entries and permits to send cite the decision.
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
/// Only [`decide`](super::decide()) creates one. It cannot be copied, stored or decoded; what can be is its [`Record`].
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    record: Record,
    recipient: String,
}

impl Release {
    pub(super) fn new(record: Record, recipient: String) -> Release {
        Release { record, recipient }
    }

    /// The partner that the cut is for.
    pub fn partner(&self) -> &PartnerId {
        &self.record.partner
    }

    /// The enrolled age recipient of that partner, the only one to which the cut may be sealed.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Digest of the exact bytes that may be sealed.
    pub fn cut(&self) -> Digest {
        self.record.cut.digest
    }

    /// The size of the cut in bytes, including detached attachments.
    pub fn cut_bytes(&self) -> u64 {
        self.record.cut.bytes
    }

    /// The cut's banner in canonical form.
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

    /// The record of the decision.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether `bytes` are the text that may be sealed.
    pub fn is_for(&self, bytes: &[u8]) -> bool {
        // The recorded size also counts detached attachments, which these bytes name by length and digest.
        bytes.len() as u64 <= self.cut_bytes() && Digest::of(bytes) == self.cut()
    }
}

/// Permission to offer a sealed payload to its partner, or to release the header that opens it, within [`SendPermit::WINDOW`] of the
/// decision. It names everything that may be sent, each part by its digest.
///
/// Only [`decide`](super::decide()) creates one, and only at [`Stage::Send`](super::Stage::Send).
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
    /// How long a permit is valid after the decision.
    pub const WINDOW: Duration = Duration::from_secs(30);

    /// Creates a permit for the payload that `manifest` describes and `header` opens, under the recorded release `record`.
    pub(super) fn new(record: &Record, manifest: &Signed<Manifest>, header: HeaderCommitment, now: Time) -> SendPermit {
        let statement = manifest.statement();
        SendPermit {
            exchange: statement.exchange,
            partner: record.partner.clone(),
            request: record.request,
            cut: record.cut.digest,
            marking: record.cut.marking.clone(),
            record: record.digest(),
            manifest: manifest.digest(),
            payload: statement.payload_digest,
            payload_size: statement.payload_size,
            header,
            decided_at: now,
            // Never later than the expiry of the release itself.
            not_after: now.plus(Self::WINDOW).min(record.expires()),
        }
    }

    /// Whether this manifest, and the payload that it describes, may be sent at `now`. The permit is void if the clock was set back
    /// since the decision.
    pub fn allows(&self, manifest: &Signed<Manifest>, now: Time) -> bool {
        let statement = manifest.statement();
        let named = self.manifest == manifest.digest()
            && self.exchange == statement.exchange
            && statement.recipient == NodeId::from(self.partner.clone())
            && self.cut == statement.cut_digest
            && self.marking == statement.marking
            && (self.payload, self.payload_size) == (statement.payload_digest, statement.payload_size)
            && statement.header == Some(self.header);
        named && now >= self.decided_at && now < self.not_after
    }

    /// Whether this is the header that may be sent.
    pub fn allows_header(&self, header: &Header) -> bool {
        header.commitment() == self.header
    }

    /// The exchange.
    pub fn exchange(&self) -> ExchangeId {
        self.exchange
    }

    /// The partner that it is for.
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

    /// Digest of the [`Record`] of the release.
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

    /// The first instant at which the permit is void.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
}
