//! Forecast for a partner: the cut, the reasons against it, and what it still waits for.

use super::consents::Links;
use super::reasons::reasons;
use crate::approval::{Outline, Terms};
use crate::consent::Described;
use crate::cut;
use crate::gateway::content::attachments::StoredAttachments;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::candidate::Candidate;
use crate::gateway::outbound::decision::dossier::Asked;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::partner::Partner;
use crate::product::Product;

/// The forecast for one partner.
#[derive(Default)]
pub(in crate::gateway) struct WouldGo {
    /// The cut and its outline, if one can be made that passes the filters.
    pub candidate: Option<(Candidate, Outline)>,
    /// Reasons why it can never be released, whoever approves it.
    pub against: Vec<ReasonView>,
    /// What it would wait for.
    pub waits: Vec<ReasonView>,
}

impl Node {
    /// The forecast for one partner on these terms, assuming all approvals. Submission and product check share it, so
    /// that they always agree.
    pub(in crate::gateway) async fn would_go(
        &self,
        (product, described): (&Product, &Described),
        (partner, from_tearline): (&Partner, usize),
        contents: &StoredAttachments<'_>,
        (parties, terms): (&Participants, &Terms),
    ) -> Result<WouldGo, GatewayError> {
        let links = self.links(partner, (product, described), parties);
        let (link, from) = self.link_for(&links, product, from_tearline);
        let candidate = match self.candidate(product, (partner, link), from, contents) {
            Ok(candidate) => candidate,
            Err(no) => return Ok(WouldGo { against: no.0, ..WouldGo::default() }),
        };
        let outline = self.outline((&candidate, product), (partner, described), parties).await?;
        let cuts = [(partner.id.clone(), outline.clone())].into();
        let asked = Asked { product: described, terms, submission: &[], cuts: &cuts, approvals: &[], parties };
        let foreseen = self.foresee(&partner.id, candidate.evidence(), asked)?;
        let mut against = reasons(&foreseen.against);
        self.name_lower(&mut against, &links, product, candidate.cut.tearline_index());
        Ok(WouldGo { candidate: Some((candidate, outline)), against, waits: reasons(&foreseen.waits) })
    }

    /// Adds the permitted lower tearline, if any, to the reason that something is too large.
    pub(in crate::gateway::outbound) fn name_lower(
        &self,
        against: &mut [ReasonView],
        links: &Links,
        product: &Product,
        tearline: Option<usize>,
    ) {
        if let Some(large) = against.iter_mut().find(|reason| reason.code == "TOO-LARGE")
            && let Some(lower) = tearline.and_then(|index| self.lower(links, product, index))
        {
            large.sentence += &format!("; its markings also permit tearline {lower}: use `--tearline {lower}`");
        }
    }

    /// The first permitted tearline below that of a cut, counted from 1 at the top. It is not chosen automatically:
    /// the producer decides who gets less than permitted.
    pub(in crate::gateway::outbound) fn lower(
        &self,
        links: &Links,
        product: &Product,
        tearline: usize,
    ) -> Option<usize> {
        let below = tearline + 1;
        let (link, from) = self.link_for(links, product, below);
        cut::tearline_for(product, link, from.max(below), self.register()).map(|index| index + 1)
    }
}
