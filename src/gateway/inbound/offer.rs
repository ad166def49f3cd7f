//! Offers from partners: the manifest is checked before any byte is accepted, the payload is written to its sink, and a
//! product that opens and passes every check is in the inbox before a receipt is signed.

use crate::gateway::inbound::answer::AcceptedOffer;
use crate::gateway::inbound::answer::ReceivedPayload;
use crate::gateway::inbound::answer::Rejection;
use std::time::Duration;

use super::receipt::OPENED;
use crate::cut::Cut;
use crate::edge::{CompletePayload, PayloadSink};
use crate::envelope::{Header, Kind, Manifest, ManifestFault, OpeningProof, Recall};
use crate::gateway::content::attachments::{blocking_unless, is_short};
use crate::gateway::content::payloads::whole;
use crate::gateway::inbound::examination::{Content, NotOpened};
use crate::gateway::outbound::submission::request::describe;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::marking::{DocumentDate, Marking, PartnerKind, Rules, may_release};
use crate::partner::Partner;
use crate::sign::Signed;
use crate::store::{
    Direction, Exchange, ExchangeKind, ExchangeState, Payload, PayloadReader, SpoolError, SpoolId, StoreError,
    until_tomorrow,
};
use crate::system::fault_point;
use crate::time::Time;
use crate::wire::{Offer, RefusalCode};

/// Retry delay for the partner while our clock is in doubt: an operator must act.
const DOUBT: Duration = Duration::from_secs(60);

impl Node {
    /// Judges an offer: accepts it with a sink for its payload, repeats the receipt of an exchange that is complete here, or
    /// rejects it.
    pub(in crate::gateway) async fn accept_offer(
        &self,
        partner: &PartnerId,
        offer: Offer,
    ) -> Result<AcceptedOffer, Rejection> {
        let (partner, clock_in_doubt) = self.sender(partner).await?;
        let manifest = self
            .verified()
            .verify::<Manifest>(&offer.manifest, &partner.description.signing_key)
            .map_err(|e| Rejection::new(RefusalCode::SignatureInvalid, e))?;
        let said = manifest.statement();
        let same = said.exchange == offer.exchange
            && said.payload_size == offer.payload_size
            && said.payload_digest == offer.payload_digest
            && said.header == offer.header
            && said.precedence == offer.precedence;
        if !same {
            return Err(Rejection::new(RefusalCode::ManifestInvalid, "offer and manifest differ"));
        }
        let known = self.store().exchange(&offer.exchange).await?;
        if let Some(row) = &known {
            if row.direction != Direction::In || row.partner != partner.id {
                return Err(Rejection::new(
                    RefusalCode::Conflict,
                    "the number is in use by another partner's or our own exchange",
                ));
            }
            // A resend is answered like the first time, whatever has changed since: it has no second effect.
            if let Some(receipt) = self.receipt_again(row, &manifest).await? {
                return Ok(AcceptedOffer::Replay(receipt));
            }
        }
        self.check_clock_trusted(clock_in_doubt).await?;
        self.admit(&partner, &manifest).await?;
        if said.kind == Kind::Product && self.is_recalled_by_sender(&partner.id, said.exchange).await? {
            return Err(Rejection::new(RefusalCode::Withdrawn, "the partner recalled it before it had arrived"));
        }
        let sink = self.receive(&partner, &manifest, known).await?;
        Ok(AcceptedOffer::Accept(Box::new(partner), sink))
    }

    /// Fails while the clock is in doubt: a new offer could not be judged. Stored data stays, and continues when the
    /// clock is accepted.
    async fn check_clock_trusted(&self, in_doubt: bool) -> Result<(), Rejection> {
        if !in_doubt {
            return Ok(());
        }
        let doubt = self.clock_doubt().await?.unwrap_or_else(|| "the clock was in doubt a moment ago".into());
        Err(Rejection { retry_after: Some(DOUBT), ..Rejection::new(RefusalCode::NotCompleted, doubt) })
    }

    /// Checks a manifest before any byte of its payload is accepted.
    async fn admit(&self, partner: &Partner, manifest: &Signed<Manifest>) -> Result<(), Rejection> {
        let now = self.now();
        let agreement = &partner.agreement;
        let recall = manifest.statement().kind == Kind::Recall;
        // A recall is accepted whatever the agreement says about products: it only reduces what is readable here.
        if !recall && (!agreement.flow.receive || !agreement.in_force(now)) {
            return Err(Rejection::new(RefusalCode::NotAgreed, "the agreement does not let them send now"));
        }
        let limit = if recall { Recall::BYTES_MAX } else { agreement.limits.payload_bytes_max };
        manifest.statement().admit(&partner.id.clone().into(), &self.config().node.name, limit, now).map_err(
            |fault| {
                let code = match fault {
                    ManifestFault::Audience => RefusalCode::WrongAudience,
                    ManifestFault::Expired => RefusalCode::Expired,
                    ManifestFault::Size => RefusalCode::TooLarge,
                    ManifestFault::Version
                    | ManifestFault::Sender
                    | ManifestFault::Future
                    | ManifestFault::Times
                    | ManifestFault::About
                    | ManifestFault::Header
                    | ManifestFault::Formats => RefusalCode::ManifestInvalid,
                };
                Rejection::new(code, fault)
            },
        )?;
        // The product's date is inside: judged by today's register now, and by its own date once opened.
        let said = &manifest.statement().marking;
        let rules = Rules::new(self.register(), DocumentDate::Known(now.date())).in_profile_of(said);
        match rules.parse_banner_canonical(said) {
            // Whatever its release list, it only reduces what is readable here.
            Ok(_) if recall => Ok(()),
            Ok(marking) => self.check_inward_marking(partner, &marking, &[], &rules),
            // Free text is not recorded; but a marking that was valid for the product is valid for its recall.
            Err(_) if recall && self.was_received_as(partner, manifest.statement().about, said).await? => Ok(()),
            Err(not) => Err(Rejection::new(RefusalCode::MarkingRefused, not)),
        }
    }

    /// Whether the product that a partner's notice recalls came from that partner under this marking.
    async fn was_received_as(
        &self,
        partner: &Partner,
        about: Option<ExchangeId>,
        marking: &str,
    ) -> Result<bool, GatewayError> {
        let Some(about) = about else { return Ok(false) };
        let row = self.store().exchange(&about).await?;
        Ok(row.is_some_and(|row| {
            row.direction == Direction::In && row.partner == partner.id && row.marking.as_deref() == Some(marking)
        }))
    }

    /// Whether content with these markings may come from this partner to us under the agreement.
    pub(in crate::gateway) fn check_inward_marking(
        &self,
        partner: &Partner,
        banner: &Marking,
        portions: &[Marking],
        rules: &Rules<'_>,
    ) -> Result<(), Rejection> {
        let organisation = self.register().is_organisation(&partner.agreement.ours);
        let ours = if organisation { PartnerKind::Organisation } else { PartnerKind::Country };
        let link = partner.agreement.link_rights_inward(ours);
        may_release(banner, portions, &link, rules).map(|_| ()).map_err(|reasons| {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            Rejection::new(RefusalCode::MarkingRefused, reasons.join(", "))
        })
    }

    async fn receive(
        &self,
        partner: &Partner,
        manifest: &Signed<Manifest>,
        known: Option<Exchange>,
    ) -> Result<Box<dyn PayloadSink>, Rejection> {
        let said = manifest.statement();
        let now = self.now();
        let resumed = known.as_ref().is_some_and(|row| {
            row.state == ExchangeState::Receiving && row.manifest.as_deref() == Some(manifest.bytes())
        });
        // A resumed transfer has its reservation already. Held until the row is on record.
        let _place = match resumed {
            true => None,
            false => Some(self.reserve_payload(partner, said.kind, said.payload_size).await?),
        };
        let sink = self.sink(said, resumed).await?;
        let row = (!resumed).then(|| arriving(known, partner, manifest, now));
        let (mut changes, mut entries) = (Vec::new(), Vec::new());
        if let Some(row) = row {
            let entry = Entry::new(now, EntryKind::ExchangeReceiving, said.exchange, &partner.id)
                .with("manifest", manifest.digest())
                .with("marking", &said.marking);
            changes.push(row.into());
            entries.push(entry);
        }
        // A resumed transfer was counted when it began.
        if sink.durable().0 == 0 {
            changes.push(self.spend(partner, Direction::In, said.payload_size));
        }
        if changes.is_empty() {
            return Ok(sink);
        }
        if let Err(error) = self.commit(changes, entries).await {
            drop(sink);
            // Nothing was accepted, so nothing is stored.
            let gone = self.remove_begun_file(said.exchange).await;
            if matches!(error, GatewayError::Store(StoreError::Quota { .. })) {
                gone?;
                let again = Some(until_tomorrow(now));
                return Err(Rejection { retry_after: again, ..Rejection::from(error) });
            }
            return Err(error.into());
        }
        fault_point("offer-recorded");
        Ok(sink)
    }

    /// Opens, checks and records an arrived payload, handed over or from the spool; returns the receipt.
    pub(in crate::gateway) async fn complete_exchange(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        CompletePayload { header, short }: CompletePayload,
    ) -> Result<Vec<u8>, Rejection> {
        let (partner, clock_in_doubt) = self.sender(partner).await?;
        let row = self.store().exchange(&exchange).await?;
        let mut row = row
            .filter(|row| row.direction == Direction::In && row.partner == partner.id)
            .ok_or_else(|| Rejection::new(RefusalCode::NotCompleted, "no such exchange is on record"))?;
        let (Some(manifest), Some(payload)) = (row.manifest.clone(), row.payload) else {
            return Err(Rejection::new(RefusalCode::NotCompleted, "nothing was received on record"));
        };
        let manifest = self
            .verified()
            .verify::<Manifest>(&manifest, &partner.description.signing_key)
            .map_err(|e| Rejection::new(RefusalCode::SignatureInvalid, e))?;
        if let Some(receipt) = self.receipt_again(&row, &manifest).await? {
            return Ok(receipt);
        }
        self.check_clock_trusted(clock_in_doubt).await?;
        // Checked again: the agreement may have changed during the transfer.
        self.admit(&partner, &manifest).await?;
        let reader = match short.clone() {
            Some(bytes) => PayloadReader::from(bytes),
            None => self.payload(payload).await?,
        };
        if reader.size() != payload.size || header.as_ref().map(Header::commitment) != manifest.statement().header {
            return Err(other_bytes());
        }
        // Recorded together with the outcome of the exchange.
        row.header = header.clone();
        if manifest.statement().kind == Kind::Recall {
            is_offered(reader.clone(), payload).await?;
            fault_point("payload-whole");
            let notice = whole(reader, "a notice of a recall", Recall::BYTES_MAX).await?;
            return self.receive_recall(&partner, ReceivedPayload { row, short }, manifest.statement(), &notice).await;
        }
        if row.recalled.is_some() || self.is_recalled_by_sender(&partner.id, exchange).await? {
            return Err(self.refuse_withdrawn(row).await);
        }
        // INVARIANT: the manifest of an admitted product names a header, and this is it.
        let header = header.ok_or_else(other_bytes)?;
        // The spool file is hashed while it is inspected. Findings in other bytes do not count.
        let examined = async {
            blocking_unless(is_short(payload.size), || self.check_content(&partner, &manifest, &header, &reader))
        };
        let (offered, examined) = tokio::join!(is_offered(reader.clone(), payload), examined);
        offered?;
        fault_point("payload-whole");
        let content = match examined {
            Ok(content) => content,
            Err(not) => {
                let alarm = self.alarm_of(&not, &row, &manifest);
                return Err(self.not_opened(row, &not.to_string(), alarm).await);
            }
        };
        match content {
            Content { cut: Some(cut), faults, proof, .. } if faults.is_empty() => {
                self.accept(ReceivedPayload { row, short }, &cut, proof).await
            }
            content => self.quarantine(ReceivedPayload { row, short }, &content).await,
        }
    }

    async fn accept(
        &self,
        ReceivedPayload { mut row, short }: ReceivedPayload,
        cut: &Cut,
        proof: OpeningProof,
    ) -> Result<Vec<u8>, Rejection> {
        let now = self.now();
        describe(&mut row, cut);
        row.product_id = Some(cut.id().as_str().to_owned());
        row.state = ExchangeState::Received;
        row.updated = now;
        row.reason = None;
        let entry = Entry::new(now, EntryKind::ExchangeReceived, row.id, &row.partner)
            .with("cut", cut.digest())
            .with("marking", cut.marking())
            .with(OPENED, proof);
        tracing::info!(exchange.id = %row.id, partner.id = %row.partner, "received into the inbox");
        let prints = self.received_from(&row.partner, cut, row.id).await?;
        let (mut more, mut entries) = (vec![prints], vec![entry]);
        self.apply_replacement(&mut row, &mut more, &mut entries).await?;
        self.durable_then_receipt(ReceivedPayload { row, short }, more, entries, proof).await
    }

    async fn quarantine(
        &self,
        ReceivedPayload { mut row, short }: ReceivedPayload,
        Content { cut, unparsed, faults: why, proof }: &Content,
    ) -> Result<Vec<u8>, Rejection> {
        let now = self.now();
        let mut more = Vec::new();
        // People can read it in quarantine and pass it on.
        if let Some(cut) = cut {
            row.product_id = Some(cut.id().as_str().to_owned());
            more.push(self.received_from(&row.partner, cut, row.id).await?);
        }
        if let Some(text) = unparsed {
            more.push(self.received_text_from(&row.partner, text, row.id).await?);
        }
        row.state = ExchangeState::Quarantined;
        row.updated = now;
        row.reason = Some(why.join("\n"));
        let entry = Entry::new(now, EntryKind::ExchangeQuarantined, row.id, &row.partner)
            .with("reasons", why.len())
            .with(OPENED, proof);
        tracing::error!(exchange.id = %row.id, partner.id = %row.partner, reasons = why.len(), "received into quarantine");
        self.durable_then_receipt(ReceivedPayload { row, short }, more, vec![entry], *proof).await
    }

    /// The alarm for a payload that was not opened, for example because it was sealed by or for another. The partner
    /// learns no more than for one that cannot be opened at all.
    fn alarm_of(&self, not: &NotOpened, row: &Exchange, manifest: &Signed<Manifest>) -> Option<Entry> {
        let alarm = Entry::new(self.now(), EntryKind::Alarm, row.id, "gateway")
            .with("why", not)
            .with("partner", &row.partner)
            .with("manifest", manifest.digest());
        match not {
            NotOpened::Fault(_) => None,
            NotOpened::Commitment => Some(alarm),
            NotOpened::Elsewhere(bound) => Some(
                alarm
                    .with("sealed_by", &bound.sender)
                    .with("sealed_for", &bound.recipient)
                    .with("sealed_as", bound.exchange),
            ),
        }
    }

    /// Refuses a payload that this node's key does not open or that differs from its offer: only its arrival is
    /// recorded.
    pub(in crate::gateway) async fn not_opened(&self, mut row: Exchange, why: &str, alarm: Option<Entry>) -> Rejection {
        let now = self.now();
        let (id, partner) = (row.id, row.partner.clone());
        let payload = row.payload.take();
        row.state = ExchangeState::Refused;
        row.updated = now;
        row.reason = Some(why.to_owned());
        let entry = Entry::new(now, EntryKind::ExchangeRefused, id, &partner).with("why", why);
        if alarm.is_some() {
            tracing::error!(exchange.id = %id, partner.id = %partner, why, "the payload does not match the partner's offer");
        }
        if let Err(error) =
            self.commit_unless_repeated(vec![row.into()], [entry].into_iter().chain(alarm).collect()).await
        {
            return error.into();
        }
        if let Some(payload) = payload {
            let _ = self.spool().remove(payload.spool).await;
        }
        Rejection::new(RefusalCode::CannotOpen, why)
    }
}

/// The row of an exchange whose payload is about to arrive.
fn arriving(known: Option<Exchange>, partner: &Partner, manifest: &Signed<Manifest>, now: Time) -> Exchange {
    let said = manifest.statement();
    let new = || {
        let state = ExchangeState::Receiving;
        Exchange::new(said.exchange, Direction::In, partner.id.clone(), state, now, said.expires_at())
    };
    let mut row = known.unwrap_or_else(new);
    row.state = ExchangeState::Receiving;
    row.precedence = said.precedence;
    row.marking = Some(said.marking.clone());
    row.cut_digest = Some(said.cut_digest);
    row.kind = match said.kind {
        Kind::Product => ExchangeKind::Product,
        Kind::Recall => ExchangeKind::Recall,
    };
    row.about = said.about;
    row.expires = said.expires_at();
    row.manifest = Some(manifest.bytes().to_vec());
    let spool = SpoolId::Envelope(said.exchange);
    row.payload = Some(Payload { spool, size: said.payload_size, digest: said.payload_digest });
    row.updated = now;
    row
}

/// Whether the arrived bytes are exactly the offered payload.
async fn is_offered(mut reader: PayloadReader, payload: Payload) -> Result<(), Rejection> {
    let missing = |e: SpoolError| Rejection::new(RefusalCode::NotCompleted, e);
    let found = reader.prefix_digest(payload.size).await.map_err(missing)?;
    if found == payload.digest { Ok(()) } else { Err(other_bytes()) }
}

fn other_bytes() -> Rejection {
    Rejection::new(RefusalCode::DigestMismatch, "the bytes that arrived differ from those offered")
}
