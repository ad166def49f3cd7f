//! The two gates of a delivery. Nothing of an exchange leaves before the first is committed, and nothing of it can be read
//! before the second is: the header that opens the payload leaves last, and comes from the second gate alone.
//!
//! Each takes the release decision anew, on what is on record at that moment, and puts its outcome on record in a
//! transaction that fails if any of that has changed. So in the ledger every `exchange.offered` and every `exchange.sent`
//! stands before the change after which it would have been refused.

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
use crate::system::power_may_fail;
use crate::time::Time;
use crate::wire::{KeyAnswer, Offer};

/// How often the key gate decides anew because something on record changed while it decided.
const DECISIONS: usize = 16;

/// On what an exchange may be offered.
pub(in crate::gateway) enum Ground {
    /// Its release stands, as long as the record counts this generation of the roster.
    Permit {
        /// Permission to send it.
        permit: Box<SendPermit>,
        /// What the store counted before it was decided.
        roster: u64,
    },
    /// It was stopped, for this reason, after it had been let go: nothing of it is sent, and its receipt is asked for.
    Asked(String),
    /// It carries a notice of a recall. Such a notice holds nothing that was ever to be released, and nothing that changes
    /// may stop it.
    Notice,
}

/// An exchange that may be offered: claimed by one attempt, and on record as offered.
///
/// Only [`Node::claim`] makes one.
pub(in crate::gateway) struct Claimed {
    row: Exchange,
    owner: String,
}

impl Claimed {
    pub(in crate::gateway) fn row(&self) -> &Exchange {
        &self.row
    }

    /// The name under which it is claimed, which is no other attempt's.
    pub(in crate::gateway) fn owner(&self) -> &str {
        &self.owner
    }
}

impl Node {
    /// Decides whether an exchange may be offered, on what is on record now; or why it may not.
    pub(in crate::gateway) async fn ground(
        &self,
        exchange: &Exchange,
        parties: Arc<Participants>,
    ) -> Result<Result<Ground, String>, GatewayError> {
        let roster = parties.generation;
        if exchange.is_to_be_asked() {
            let why = exchange.reason.clone().unwrap_or_else(|| format!("it is {}", exchange.state));
            return Ok(Ok(Ground::Asked(why)));
        }
        match exchange.kind {
            // What the row says of itself is not enough: a product that was renamed in the database would need no release.
            ExchangeKind::Recall if self.own_manifest(exchange).is_some() => Ok(Ok(Ground::Notice)),
            ExchangeKind::Recall => Ok(Err("what is to be sent is no notice of a recall".to_owned())),
            ExchangeKind::Product => {
                let permit = self.permit_to_send(exchange, parties).await?;
                Ok(match permit {
                    Ok(permit) => Ok(Ground::Permit { permit: Box::new(permit), roster }),
                    Err(why) if exchange.unanswered.is_some() => Ok(Ground::Asked(why)),
                    Err(why) => Err(why),
                })
            }
        }
    }

    /// The manifest gate: takes hold of an exchange, so that no other process sends it too, counts it against today's quota
    /// the first time it is tried, and puts on record that it is offered, while what that was decided on still stands.
    /// `None` if another has it, the quota is used up, or something changed, so that it is to be decided anew.
    pub(in crate::gateway) async fn claim(
        &self,
        due: &Due,
        partner: &Partner,
        exchange: &Exchange,
        ground: &Ground,
    ) -> Result<Option<Claimed>, GatewayError> {
        let now = self.now();
        let id = due.exchange;
        let owner = format!("{}-{}", self.owner(), hex::encode(self.random::<4>()));
        let mut changes = vec![claim_of(id, &owner, now)];
        if let (0, Some(size)) = (due.attempts, due.payload_size) {
            changes.push(self.spend(partner, Direction::Out, size));
        }
        let entry = Entry::new(now, EntryKind::ExchangeOffered, id, "gateway");
        let committed = match ground {
            Ground::Notice | Ground::Asked(_) => self.commit(changes, vec![entry]).await,
            Ground::Permit { permit, roster } => {
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

    /// The row that was claimed, if it is what was decided upon: it may have been sealed anew in between.
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

    /// An exchange beyond today's quota is no failure: it goes on tomorrow, with as many tries as it had.
    async fn wait_for_quota(&self, id: &ExchangeId, why: &str) -> Result<(), GatewayError> {
        let Some(mut exchange) = self.store().exchange(id).await? else { return Ok(()) };
        exchange.next_attempt = self.now().plus(until_tomorrow(self.now()));
        tracing::warn!(exchange.id = %exchange.id, partner.id = %exchange.partner, "daily quota is used up: waits");
        self.put_off(exchange, why).await
    }

    /// What is offered of an exchange that was claimed: the manifest that the permit names, and nothing that was put in its
    /// place since. `None` if the row names anything else.
    pub(in crate::gateway) fn offer_of(&self, ground: &Ground, claimed: &Claimed) -> Option<Offer> {
        let row = &claimed.row;
        let manifest = self.own_manifest(row)?;
        let named = match ground {
            Ground::Permit { permit, .. } => permit.allows(&manifest, self.now()),
            Ground::Notice => manifest.statement().kind == Kind::Recall,
            // Of what was stopped nothing but its manifest is sent, which the partner may have already.
            Ground::Asked(_) => row.unanswered.is_some(),
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

    /// The key gate: asked when the partner has the whole payload and nothing to open it with. What it lets go is the
    /// header as it is on record then.
    pub(in crate::gateway) fn key_gate(self: &Arc<Self>, ground: &Ground, claimed: &Claimed) -> KeyGate {
        match ground {
            Ground::Notice => return Box::new(|| Box::pin(async { KeyAnswer::Send(None) })),
            Ground::Asked(_) => return Box::new(|| Box::pin(async { KeyAnswer::Withhold })),
            Ground::Permit { .. } => {}
        }
        let (node, offered, owner) = (Arc::clone(self), claimed.row.clone(), claimed.owner.clone());
        Box::new(move || {
            Box::pin(async move {
                let header = match node.header_that_may_go(&offered, &owner).await {
                    Ok(header) => header,
                    Err(error) => {
                        // Nothing is known of the release: what is not sent now is tried again.
                        tracing::error!(exchange.id = %offered.id, error = %error, "key withheld: it could not be decided upon or recorded");
                        if let Some(attempt) = node.in_flight().attempt(&offered.id, &owner) {
                            attempt.note_trouble(&format!(
                                "that it leaves could not be decided or put on record: {error}"
                            ));
                        }
                        None
                    }
                };
                power_may_fail("key-recorded");
                header.map_or(KeyAnswer::Withhold, |header| KeyAnswer::Send(Some(header)))
            })
        })
    }

    /// The header of what was offered, once it is on record that it leaves now; `None` if it must not.
    async fn header_that_may_go(&self, offered: &Exchange, owner: &str) -> Result<Option<Header>, GatewayError> {
        for _ in 0..DECISIONS {
            let parties = self.parties_now().await?;
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
                // Something changed while it was decided: it is decided on what is there now.
                None => {}
            }
        }
        Ok(None)
    }

    /// Puts on record that the header leaves now, and says whether it may; `None` if what was decided does not stand any
    /// more.
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
        // From now on the partner may have it, until its answer says whether it does.
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

/// Whether an exchange is one that may be sent, as far as its state says.
pub(in crate::gateway) fn is_being_sent(row: &Exchange) -> bool {
    matches!(row.state, ExchangeState::Queued | ExchangeState::Sending)
}
