//! What would go to a partner now: the cut, what speaks against it, and what it still waits for.

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

/// What would go to one partner.
#[derive(Default)]
pub(in crate::gateway) struct WouldGo {
    /// The cut with what is to be said of it, if one can be made that the filters pass.
    pub candidate: Option<(Candidate, Outline)>,
    /// Why it never goes, whoever approves it.
    pub against: Vec<ReasonView>,
    /// What it would wait for.
    pub waits: Vec<ReasonView>,
}

impl Node {
    /// What would go to one partner on these terms, whoever approved it, and every reason why it would not: what a
    /// submission and a check of a product have in common, so that neither says what the other does not.
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

    /// Adds to the reason that something is too large which lower tearline may go, if one may.
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
            large.sentence +=
                &format!("; its marks let tearline {lower} go too: ask for that with `--tearline {lower}`");
        }
    }

    /// The first tearline below that of a cut that its marks let go, counted from 1 at the top. It is not taken unasked:
    /// who is to have less than they may is for the producer to say.
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
