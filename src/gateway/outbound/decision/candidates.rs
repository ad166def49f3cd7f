//! The cut of a product for one partner: assembled, inspected and, for recorded requests, identical to what was
//! approved.

use super::assembly::rights;
use super::consents::TearlineLinks;
use super::reasons::cut_reasons;
use super::reasons::inspection_reasons;
use super::reasons::producer;
use crate::cut::{self, Cut};
use crate::gateway::Node;
use crate::gateway::content::attachments::{StoredAttachments, blocking_unless, is_short};
use crate::gateway::content::pipeline::Ahead;
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::node::process::candidate::NoCandidate;
use crate::gateway::views::exchange::ReasonView;
use crate::inspect::{self, Inspected, Prepared, Source};
use crate::marking::PartnerRights;
use crate::partner::Partner;
use crate::product::Product;
use crate::store::Exchange;
use std::sync::Arc;

/// Approximate memory of a stored run of shared words, in bytes.
const SHARED_RUN_BYTES: u64 = 512;

impl Node {
    /// The candidate for `partner`: the first permitted tearline at or below `from_tearline`, assembled and
    /// inspected.
    pub(in crate::gateway) fn candidate(
        &self,
        product: &Product,
        (partner, link): (&Partner, &PartnerRights),
        from_tearline: usize,
        contents: &StoredAttachments<'_>,
    ) -> Result<InspectedCut, NoCandidate> {
        let terms = (&partner.agreement).into();
        let prepared = self.prepared(product, (partner, link), from_tearline)?;
        let cut = cut::cut_for(&prepared.product, link, &terms, from_tearline, self.bounds(), self.register())
            .map_err(|refusal| NoCandidate(cut_reasons(&refusal, &partner.id)))?;
        self.inspect(&prepared, cut, link, contents)
    }

    /// The product with the tearline for `partner` prepared for cutting. Attachment types outside the agreement are
    /// not read: assembly refuses them.
    pub(in crate::gateway::outbound) fn prepared(
        &self,
        product: &Product,
        (partner, link): (&Partner, &PartnerRights),
        from_tearline: usize,
    ) -> Result<Prepared, NoCandidate> {
        let index = cut::tearline_for(product, link, from_tearline, self.register());
        let agreed = |index: &usize| {
            let attachments = product.tearlines().get(*index).map_or(&[][..], |t| t.attachments());
            attachments.iter().all(|a| partner.agreement.attachments.contains(a.media_type()))
        };
        match index.filter(agreed) {
            Some(index) => inspect::prepare(product, index, &self.inspection().for_party(producer(product)))
                .map_err(|refused| NoCandidate(inspection_reasons(&refused, index, true))),
            None => Ok(Prepared { product: product.clone(), changes: Vec::new() }),
        }
    }

    /// The candidate whose cut has the digest recorded when the request was opened, if the same tearline still gives
    /// it.
    pub(in crate::gateway) fn candidate_on_record(
        &self,
        product: &Product,
        (partner, links): (&Partner, &TearlineLinks),
        exchange: &Exchange,
        contents: &StoredAttachments<'_>,
    ) -> Result<InspectedCut, NoCandidate> {
        let mut from = 0;
        loop {
            let (link, first) = self.link_for(links, product, from);
            let candidate = self.candidate(product, (partner, link), first, contents)?;
            if Some(candidate.cut.digest()) == exchange.cut_digest {
                return Ok(candidate);
            }
            match candidate.cut.tearline_index() {
                Some(index) if index + 1 < product.tearlines().len() => from = index + 1,
                _ => {
                    return Err(NoCandidate(vec![ReasonView {
                        source: "record".into(),
                        code: "cut-changed".into(),
                        sentence: format!(
                            "the recorded cut no longer matches what `{}` would get: submit the product again",
                            partner.id
                        ),
                        permits: false,
                    }]));
                }
            }
        }
    }

    /// Inspects a cut, or finds the verdict in the cache.
    ///
    /// # Errors
    /// The findings of the filters.
    pub(in crate::gateway::outbound) fn inspect(
        &self,
        prepared: &Prepared,
        cut: Cut,
        link: &PartnerRights,
        contents: &StoredAttachments<'_>,
    ) -> Result<InspectedCut, NoCandidate> {
        let (product, tearline) = (&prepared.product, cut.tearline_index().unwrap_or(0));
        let source = Source { product, tearline, register: self.register(), link };
        // A decision is taken many times, but attachments or a long text need to be read only once: what was
        // inspected is identified by these digests, and sealing hashes every byte again.
        let key = (cut.digest(), product.digest(), tearline, rights(link));
        let settings = self.inspection().digest();
        let candidate = |inspected, cut| InspectedCut { cut, inspected, changes: prepared.changes.clone() };
        if let Some(inspected) = self.assembly_cache().passed.find(&key).filter(|i| i.settings() == settings) {
            return Ok(candidate(Inspected::clone(&inspected), cut));
        }
        let text_alone = product.tearlines().iter().all(|t| t.attachments().is_empty());
        match blocking_unless(text_alone && is_short(cut.bytes().len() as u64), || {
            let looked = contents.scan_results(&cut);
            let settings = self.inspection().for_party(producer(product));
            inspect::outbound_scanned(looked, &cut, source, &Ahead(contents), &settings)
        }) {
            Ok(inspected) => {
                let runs = inspected.shared().len() as u64;
                self.assembly_cache().passed.keep(key, runs * SHARED_RUN_BYTES, Arc::new(inspected.clone()));
                Ok(candidate(inspected, cut))
            }
            Err(refused) => Err(NoCandidate(inspection_reasons(&refused, tearline, false))),
        }
    }
}
