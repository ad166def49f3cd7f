//! The two gates of a delivery. Nothing of an exchange leaves before the first is committed, and nothing can be read
//! before the second is: the header that opens the payload leaves last, through the second gate alone.
//!
//! Each gate decides again on the current record and records the outcome in a transaction that fails if the record
//! has changed. So in the ledger every `exchange.offered` and `exchange.sent` precedes any change that would have
//! refused it.

use std::sync::Arc;

use crate::edge::KeyGate;
use crate::envelope::{Header, Kind};
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::in_flight::LEASE;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::partner::Partner;
use crate::release::SendPermit;
use crate::store::{Change, Direction, Due, Exchange, ExchangeKind, ExchangeState, StoreError, until_tomorrow};
use crate::system::fault_point;
use crate::time::Time;
use crate::wire::{KeyAnswer, Offer};

/// Retries of the key gate because the record changed meanwhile.
const DECISIONS: usize = 16;

/// The basis on which an exchange may be offered.
pub(in crate::gateway) enum OfferBasis {
    /// Its release is permitted while the record has this generation of the roster.
    Permit {
        /// Permission to send it.
        permit: Box<SendPermit>,
        /// The store's generations before the decision.
        roster: u64,
    },
    /// It was stopped, for this reason, after its key had been sent: nothing more is sent, and only its receipt is
    /// requested.
    ReceiptOnly(String),
    /// It carries a recall notice, which contains nothing that needs a release and cannot be stopped.
    Notice,
}

/// An exchange that may be offered: claimed by one attempt and recorded as offered.
///
/// Only [`Node::claim`] makes one.
pub(in crate::gateway) struct Claimed {
    row: Exchange,
    owner: String,
}

impl Claimed {
    /// The row as it was claimed.
    pub(in crate::gateway) fn row(&self) -> &Exchange {
        &self.row
    }

    /// The unique name under which it is claimed.
    pub(in crate::gateway) fn owner(&self) -> &str {
        &self.owner
    }
}

impl Node {
    /// Decides on the current record whether an exchange may be offered; returns the reason if not.
    pub(in crate::gateway) async fn offer_basis(
        &self,
        exchange: &Exchange,
        parties: Arc<Participants>,
    ) -> Result<Result<OfferBasis, String>, GatewayError> {
        let roster = parties.generation;
        if exchange.needs_receipt_query() {
            let why = exchange.reason.clone().unwrap_or_else(|| format!("it is {}", exchange.state));
            return Ok(Ok(OfferBasis::ReceiptOnly(why)));
        }
        match exchange.kind {
            // The row's kind alone is not enough: a product relabelled in the database would need no release.
            ExchangeKind::Recall if self.own_manifest(exchange).is_some() => Ok(Ok(OfferBasis::Notice)),
            ExchangeKind::Recall => Ok(Err("the payload is not a recall notice".to_owned())),
            ExchangeKind::Product => {
                let permit = self.permit_to_send(exchange, parties).await?;
                Ok(match permit {
                    Ok(permit) => Ok(OfferBasis::Permit { permit: Box::new(permit), roster }),
                    Err(why) if exchange.unanswered.is_some() => Ok(OfferBasis::ReceiptOnly(why)),
                    Err(why) => Err(why),
                })
            }
        }
    }

    /// The manifest gate: claims an exchange, so that no other process sends it too, counts it against today's quota
    /// at the first attempt, and records that it is offered, while the basis of the decision is unchanged. `None` if
    /// another process has claimed it, the quota is used up, or the basis changed and it must be decided again.
    pub(in crate::gateway) async fn claim(
        &self,
        due: &Due,
        partner: &Partner,
        exchange: &Exchange,
        basis: &OfferBasis,
    ) -> Result<Option<Claimed>, GatewayError> {
        let now = self.now();
        let id = due.exchange;
        let owner = format!("{}-{}", self.owner(), hex::encode(self.random::<4>()));
        let mut changes = vec![claim_of(id, &owner, now)];
        if let (0, Some(size)) = (due.attempts, due.payload_size) {
            changes.push(self.spend(partner, Direction::Out, size));
        }
        let entry = Entry::new(now, EntryKind::ExchangeOffered, id, "gateway");
        let committed = match basis {
            OfferBasis::Notice | OfferBasis::ReceiptOnly(_) => self.commit(changes, vec![entry]).await,
            OfferBasis::Permit { permit, roster } => {
                if !self.own_manifest(exchange).is_some_and(|manifest| permit.allows(&manifest, now)) {
                    return Ok(None);
                }
                self.commit_while(self.stands(*roster), changes, vec![entry]).await
            }
        };
        match committed {
            Ok(()) => self.claimed(exchange, owner).await,
            Err(GatewayError::Store(StoreError::Conflict { .. } | StoreError::Illegal { .. })) => Ok(None),
            Err(GatewayError::Store(error @ StoreError::Quota { .. })) => {
                self.wait_for_quota(&id, &error.to_string()).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The claimed row, if it is the one decided on: it may have been sealed again meanwhile.
    async fn claimed(&self, decided: &Exchange, owner: String) -> Result<Option<Claimed>, GatewayError> {
        let exchange = decided.id;
        let row = self.store().exchange(&exchange).await?;
        let same = |row: &Exchange| row.manifest == decided.manifest && row.cut_digest == decided.cut_digest;
        if let Some(row) = row.filter(same) {
            return Ok(Some(Claimed { row, owner }));
        }
        self.commit(vec![Change::Unclaim { exchange, owner }], Vec::new()).await?;
        Ok(None)
    }

    /// Exceeding the quota is not a failed attempt: it continues tomorrow with the same attempt count.
    async fn wait_for_quota(&self, id: &ExchangeId, why: &str) -> Result<(), GatewayError> {
        let Some(mut exchange) = self.store().exchange(id).await? else { return Ok(()) };
        exchange.next_attempt = self.now().plus(until_tomorrow(self.now()));
        tracing::warn!(exchange.id = %exchange.id, partner.id = %exchange.partner, "daily quota used up: waiting");
        self.postpone(exchange, why).await
    }

    /// The offer for a claimed exchange: the manifest that the permit names, and no later one. `None` if the row
    /// names another.
    pub(in crate::gateway) fn offer_of(&self, basis: &OfferBasis, claimed: &Claimed) -> Option<Offer> {
        let row = &claimed.row;
        let manifest = self.own_manifest(row)?;
        let named = match basis {
            OfferBasis::Permit { permit, .. } => permit.allows(&manifest, self.now()),
            OfferBasis::Notice => manifest.statement().kind == Kind::Recall,
            // Of a stopped exchange only the manifest is sent, which the partner may have already.
            OfferBasis::ReceiptOnly(_) => row.unanswered.is_some(),
        };
        let said = manifest.statement();
        let offer = Offer {
            exchange: said.exchange,
            manifest: manifest.bytes().to_vec(),
            payload_size: said.payload_size,
            payload_digest: said.payload_digest,
            precedence: row.precedence,
            header: said.header,
        };
        named.then_some(offer)
    }

    /// The key gate: called when the partner has the whole payload but nothing to open it with. It releases the
    /// header recorded at that moment.
    pub(in crate::gateway) fn key_gate(self: &Arc<Self>, basis: &OfferBasis, claimed: &Claimed) -> KeyGate {
        match basis {
            OfferBasis::Notice => return Box::new(|| Box::pin(async { KeyAnswer::Send(None) })),
            OfferBasis::ReceiptOnly(_) => return Box::new(|| Box::pin(async { KeyAnswer::Withhold })),
            OfferBasis::Permit { .. } => {}
        }
        let (node, offered, owner) = (Arc::clone(self), claimed.row.clone(), claimed.owner.clone());
        Box::new(move || {
            Box::pin(async move {
                let header = match node.releasable_header(&offered, &owner).await {
                    Ok(header) => header,
                    Err(error) => {
                        // The release is undecided: it is tried again later.
                        tracing::error!(exchange.id = %offered.id, error = %error, "key withheld: deciding or recording failed");
                        if let Some(attempt) = node.in_flight().attempt(&offered.id, &owner) {
                            attempt.note_local_failure(&format!(
                                "sending its key could not be decided or recorded: {error}"
                            ));
                        }
                        None
                    }
                };
                fault_point("key-recorded");
                header.map_or(KeyAnswer::Withhold, |header| KeyAnswer::Send(Some(header)))
            })
        })
    }

    /// The header of the offer, once its sending is recorded; `None` if it must not leave.
    async fn releasable_header(&self, offered: &Exchange, owner: &str) -> Result<Option<Header>, GatewayError> {
        for _ in 0..DECISIONS {
            let parties = self.participants_now().await?;
            let roster = parties.generation;
            let row = self.store().exchange(&offered.id).await?;
            let Some(row) = row.filter(|row| row.manifest == offered.manifest && is_being_sent(row)) else { break };
            let permit = match self.permit_to_send(&row, parties).await? {
                Ok(permit) => permit,
                Err(why) => {
                    tracing::warn!(exchange.id = %row.id, partner.id = %row.partner, why, "key withheld");
                    return Ok(None);
                }
            };
            match self.mark_sent(&permit, &row, owner, roster).await? {
                Some(true) => return Ok(row.header.filter(|header| permit.allows_header(header))),
                Some(false) => return Ok(None),
                // The record changed during the decision: decide again on the new state.
                None => {}
            }
        }
        Ok(None)
    }

    /// Records that the header leaves now, and returns whether it may; `None` if the decision's basis changed.
    ///
    /// INVARIANT: the entry is committed only while the policy, agreements, partners and officers that the permit was
    /// decided under are the ones on record, and the exchange is this attempt's to send.
    async fn mark_sent(
        &self,
        permit: &SendPermit,
        exchange: &Exchange,
        owner: &str,
        roster: u64,
    ) -> Result<Option<bool>, GatewayError> {
        let (now, id) = (self.now(), exchange.id);
        let Some(manifest) = self.own_manifest(exchange).filter(|manifest| permit.allows(manifest, now)) else {
            return Ok(None);
        };
        // From now on the partner may have it; its answer decides.
        let row = Box::new(Exchange { unanswered: Some(now), updated: now, ..exchange.clone() });
        let sent = Change::Exchange { row, by: Some(owner.to_owned()), sealed: None };
        let entry = Entry::new(now, EntryKind::ExchangeSent, id, "gateway").with("policy", self.policies().digest());
        match self.commit_while(self.stands(roster), vec![claim_of(id, owner, now), sent], vec![entry]).await {
            // The commit may have taken long.
            Ok(()) => Ok(Some(permit.allows(&manifest, self.now()))),
            Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn claim_of(exchange: ExchangeId, owner: &str, now: Time) -> Change {
    Change::Claim { exchange, owner: owner.to_owned(), now, until: now.plus(LEASE) }
}

/// Whether an exchange's state permits sending.
pub(in crate::gateway) fn is_being_sent(row: &Exchange) -> bool {
    matches!(row.state, ExchangeState::Queued | ExchangeState::Sending)
}
