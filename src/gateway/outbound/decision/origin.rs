//! Recognises partners' content in outgoing cuts: fingerprints of received text are recorded and compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::approval::ReceivedContent;
use crate::cut::Cut;
use crate::gateway::node::participants::Participants;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::EntryKind;
use crate::origin::{Fingerprint, Fingerprints, Index, Sender};
use crate::partner::Partner;
use crate::product::Product;
use crate::store::{Change, RecordedPrint};
use crate::time::Time;

impl Node {
    /// The parts of a cut of `product` for `receiver` that came from other partners, by partner name.
    pub(in crate::gateway) async fn received(
        &self,
        cut: &Cut,
        product: &Product,
        receiver: &Partner,
        parties: &Participants,
    ) -> Result<Vec<ReceivedContent>, GatewayError> {
        let printed = self.printed(cut, Some(product));
        let mut known = Index::default();
        let (mut removals, mut senders) = (BTreeMap::new(), BTreeMap::new());
        for RecordedPrint { print, sender, exchange } in self.store().find_prints(&printed.to_set()).await? {
            let Some(partner) = sender else { continue };
            let sender = match senders.get(&exchange) {
                Some(sender) => Sender::clone(sender),
                None => {
                    let sender = self.sender_of(partner, exchange, &mut removals).await?;
                    senders.insert(exchange, sender.clone());
                    sender
                }
            };
            known.add(print, sender, exchange);
        }
        let found = printed.matches(&known, &receiver.id).into_iter().map(|(Sender { partner, former }, found)| {
            ReceivedContent {
                // No consent can be on record under the name of a partner that is not enrolled any more.
                code: parties
                    .roster
                    .partner(&partner)
                    .filter(|_| !former)
                    .map_or_else(|| partner.to_string(), |p| p.agreement.party.code.clone()),
                partner,
                exchange: found.exchange,
                place: found.place,
                whole: found.whole,
                words: u32::try_from(found.words).unwrap_or(u32::MAX),
                places: u32::try_from(found.places).unwrap_or(u32::MAX),
            }
        });
        Ok(found.collect())
    }

    /// The sender of `exchange` under the name `partner`: the one enrolled now, or one removed since.
    async fn sender_of(
        &self,
        partner: PartnerId,
        exchange: ExchangeId,
        removals: &mut BTreeMap<PartnerId, Option<Time>>,
    ) -> Result<Sender, GatewayError> {
        let removed = match removals.get(&partner) {
            Some(removed) => *removed,
            None => {
                let entries = self.store().entries_about(partner.as_str()).await?;
                let removed = entries.iter().filter(|recorded| recorded.entry.kind() == EntryKind::PartnerRemoved);
                let removed = removed.map(|recorded| recorded.entry.time()).max();
                removals.insert(partner.clone(), removed);
                removed
            }
        };
        let former = match removed {
            None => false,
            Some(removed) => self.store().exchange(&exchange).await?.is_none_or(|row| row.created <= removed),
        };
        Ok(Sender { partner, former })
    }

    /// The change that records fingerprints of what a partner sent, except text that left here before: the partner
    /// may have it from us.
    pub(in crate::gateway) async fn received_from(
        &self,
        partner: &PartnerId,
        cut: &Cut,
        by: ExchangeId,
    ) -> Result<Change, GatewayError> {
        self.received_prints(partner, self.printed(cut, None).to_set(), by).await
    }

    /// The same for a received text that is not a valid cut: people can read it in quarantine.
    pub(in crate::gateway) async fn received_text_from(
        &self,
        partner: &PartnerId,
        text: &[u8],
        by: ExchangeId,
    ) -> Result<Change, GatewayError> {
        let printed = Fingerprints::of_text(&String::from_utf8_lossy(text), &self.keys().prints);
        self.received_prints(partner, printed.to_set(), by).await
    }

    async fn received_prints(
        &self,
        partner: &PartnerId,
        mut prints: BTreeSet<Fingerprint>,
        by: ExchangeId,
    ) -> Result<Change, GatewayError> {
        let on_record = self.store().find_prints(&prints).await?;
        let ours: BTreeSet<Fingerprint> =
            on_record.into_iter().filter(|known| known.sender.is_none()).map(|known| known.print.plain()).collect();
        prints.retain(|print| !ours.contains(&print.plain()));
        Ok(Change::Prints { exchange: by, sender: Some(partner.clone()), prints })
    }

    /// The change that records all fingerprints of what an officer admitted. Those from its arrival are on record
    /// already; admitted content counts in full.
    pub(in crate::gateway) fn admitted_from(&self, partner: &PartnerId, cut: &Cut, by: ExchangeId) -> Change {
        Change::Prints { exchange: by, sender: Some(partner.clone()), prints: self.printed(cut, None).to_set() }
    }

    /// The change that records fingerprints of outgoing text that came from no partner.
    pub(in crate::gateway) async fn sent(&self, cut: &Cut, by: ExchangeId) -> Result<Change, GatewayError> {
        let mut prints = self.printed(cut, None).to_set();
        let on_record = self.store().find_prints(&prints).await?;
        let known: BTreeSet<Fingerprint> = on_record.into_iter().map(|known| known.print.plain()).collect();
        prints.retain(|print| !known.contains(&print.plain()));
        Ok(Change::Prints { exchange: by, sender: None, prints })
    }

    fn printed(&self, cut: &Cut, product: Option<&Product>) -> Fingerprints {
        let before = product.zip(cut.tearline_index()).and_then(|(product, index)| product.tearlines().get(index));
        Fingerprints::of(cut, before, &self.keys().prints)
    }
}
