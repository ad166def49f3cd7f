//! Forecast for a partner: the cut, the reasons against it, and what it still waits for.

use super::consents::TearlineLinks;
use super::reasons::reasons;
use crate::approval::{Outline, Terms};
use crate::consent::Described;
use crate::cut;
use crate::gateway::content::attachments::StoredAttachments;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::outbound::decision::dossier::DecisionContext;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::partner::Partner;
use crate::product::Product;

/// The forecast for one partner.
#[derive(Default)]
pub(in crate::gateway) struct PartnerForecast {
    /// The cut and its outline, if one can be made that passes the filters.
    pub candidate: Option<(InspectedCut, Outline)>,
    /// Reasons why it can never be released, whoever approves it.
    pub against: Vec<ReasonView>,
    /// What it would wait for.
    pub waits: Vec<ReasonView>,
}

impl Node {
    /// The forecast for one partner on these terms, assuming all approvals. Submission and product check share it, so
    /// that they always agree.
    pub(in crate::gateway) async fn forecast_for(
        &self,
        (product, described): (&Product, &Described),
        (partner, from_tearline): (&Partner, usize),
        contents: &StoredAttachments<'_>,
        (parties, terms): (&Participants, &Terms),
    ) -> Result<PartnerForecast, GatewayError> {
        let links = self.links(partner, (product, described), parties);
        let (link, from) = self.link_for(&links, product, from_tearline);
        let candidate = match self.candidate(product, (partner, link), from, contents) {
            Ok(candidate) => candidate,
            Err(no) => return Ok(PartnerForecast { against: no.0, ..PartnerForecast::default() }),
        };
        let outline = self.outline((&candidate, product), (partner, described), parties).await?;
        let cuts = [(partner.id.clone(), outline.clone())].into();
        let asked =
            DecisionContext { product: described, terms, submission: &[], cuts: &cuts, approvals: &[], parties };
        let foreseen = self.forecast_evidence(&partner.id, candidate.evidence(), asked)?;
        let mut against = reasons(&foreseen.against);
        self.suggest_lower_tearline(&mut against, &links, product, candidate.cut.tearline_index());
        Ok(PartnerForecast { candidate: Some((candidate, outline)), against, waits: reasons(&foreseen.waits) })
    }

    /// Adds the permitted lower tearline, if any, to the reason that something is too large.
    pub(in crate::gateway::outbound) fn suggest_lower_tearline(
        &self,
        against: &mut [ReasonView],
        links: &TearlineLinks,
        product: &Product,
        tearline: Option<usize>,
    ) {
        if let Some(large) = against.iter_mut().find(|reason| reason.code == "TOO-LARGE")
            && let Some(lower) = tearline.and_then(|index| self.lower_tearline(links, product, index))
        {
            large.sentence += &format!("; its markings also permit tearline {lower}: use `--tearline {lower}`");
        }
    }

    /// The first permitted tearline below that of a cut, counted from 1 at the top. It is not chosen automatically:
    /// the producer decides who gets less than permitted.
    pub(in crate::gateway::outbound) fn lower_tearline(
        &self,
        links: &TearlineLinks,
        product: &Product,
        tearline: usize,
    ) -> Option<usize> {
        let below = tearline + 1;
        let (link, from) = self.link_for(links, product, below);
        cut::tearline_for(product, link, from.max(below), self.register()).map(|index| index + 1)
    }
}
