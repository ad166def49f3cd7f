//! What a submission is asked before anything of it is copied: whether the agreements allow what its text says that it holds.

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
    /// The partners whose agreements refuse the product by what its text says of its attachments. Only what has attachments
    /// beside it is asked: they may be gigabytes, and none is copied for a product that can never go.
    pub(super) fn hopeless(
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
            self.name_lower(&mut against, &links, product, Some(index));
            if !against.is_empty() {
                refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons: against });
            }
        }
        refused
    }
}
