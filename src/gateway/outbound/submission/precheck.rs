//! Checks before anything is copied: whether the agreements allow the attachments that the text declares.

use std::collections::BTreeSet;

use crate::approval::Submission;
use crate::consent::Described;
use crate::cut;
use crate::gateway::Node;
use crate::gateway::node::participants::Participants;
use crate::gateway::outbound::decision::reasons::reasons;
use crate::gateway::views::exchange::PartnerRefusal;
use crate::product::Product;
use crate::release;

impl Node {
    /// The partners whose agreements refuse the product by the attachments that its text declares. Only products with
    /// detached attachments are checked: they may be gigabytes, which are not copied for a product that can never be
    /// released.
    pub(super) fn refused_by_agreement(
        &self,
        product: &Product,
        submission: &Submission,
        parties: &Participants,
    ) -> Vec<PartnerRefusal> {
        if product.detached().next().is_none() {
            return Vec::new();
        }
        let described = Described::of(product);
        let from = usize::try_from(submission.from_tearline).unwrap_or(usize::MAX);
        let mut refused = Vec::new();
        for partner in submission.partners.iter().filter_map(|id| parties.roster.partner(id)) {
            let links = self.links(partner, (product, &described), parties);
            let (link, from) = self.link_for(&links, product, from);
            let Some(index) = cut::tearline_for(product, link, from, self.register()) else { continue };
            let Some(tearline) = product.tearlines().get(index) else { continue };
            let attachments = tearline.attachments();
            let types = attachments.iter().map(|a| a.media_type().to_owned()).collect();
            let mut seen = BTreeSet::new();
            let beside = attachments.iter().filter(|a| a.is_detached() && seen.insert(a.digest()));
            let bytes = beside.fold(0, |sum: u64, a| sum.saturating_add(a.size()));
            let mut against =
                reasons(&release::outside_agreement(&partner.agreement, product.kind().as_str(), &types, bytes));
            self.suggest_lower_tearline(&mut against, &links, product, Some(index));
            if !against.is_empty() {
                refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons: against });
            }
        }
        refused
    }
}
