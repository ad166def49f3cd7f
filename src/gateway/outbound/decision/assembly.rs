//! A request's product and its cuts, cached or assembled now.

use std::sync::Arc;

use crate::consent::Described;
use crate::digest::Digest;
use crate::gateway::content::attachments::StoredAttachments;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::candidate::{InspectedCut, NoCandidate};
use crate::gateway::{GatewayError, Node};
use crate::marking::PartnerRights;
use crate::partner::Partner;
use crate::product::Product;
use crate::store::{Exchange, Request};

impl Node {
    /// The product of a request as it was submitted, decrypted.
    pub(in crate::gateway) async fn product_text(&self, request: &Request) -> Result<Vec<u8>, GatewayError> {
        let lost = |what: &str| GatewayError::Local(format!("product of request `{}` {what}", request.id));
        let id = request.product.ok_or_else(|| lost("is no longer stored"))?;
        // Storage encryption adds a header and a sixteen-byte tag to every 64 KiB.
        let most = self.config().limits.product_bytes;
        let most = most + most / 1024 + 4096;
        let kept = self.spooled(id, most).await.map_err(|e| lost(&format!("cannot be read: {e}")))?;
        let bytes = self
            .keys()
            .storage
            .decrypt(&kept, self.bounds().bytes_max)
            .map_err(|e| lost(&format!("cannot be decrypted: {e}")))?;
        if Digest::of(&bytes) != request.product_digest {
            return Err(lost("differs from the one that was submitted"));
        }
        Ok(bytes)
    }

    /// The product of a request, decrypted and parsed under the register in force, cached or now.
    pub(in crate::gateway) async fn product_of(&self, request: &Request) -> Result<Arc<Product>, GatewayError> {
        if let Some(known) = self.assembly_cache().products.find(&request.product_digest)
            && request.product.is_some()
        {
            return Ok(known);
        }
        let lost = |what: &str| GatewayError::Local(format!("product of request `{}` {what}", request.id));
        let bytes = self.product_text(request).await?;
        let product = Product::read(&bytes, self.bounds(), self.register()).map_err(|faults| {
            let first = faults.first().map_or_else(String::new, ToString::to_string);
            lost(&format!("is no longer valid under the register in force: {first}"))
        })?;
        let product = Arc::new(product);
        self.assembly_cache().products.keep(request.product_digest, bytes.len() as u64, product.clone());
        Ok(product)
    }

    /// As [`Node::candidate_on_record`], cached or assembled now.
    pub(in crate::gateway) fn candidate_of(
        &self,
        product: &Product,
        (partner, described): (&Partner, &Described),
        parties: &Participants,
        exchange: &Exchange,
        contents: &StoredAttachments<'_>,
    ) -> Result<Arc<InspectedCut>, NoCandidate> {
        let links = self.links(partner, (product, described), parties);
        let made = exchange.cut_digest.zip(parties.enrolments.get(&partner.id));
        let key = made.map(|(cut, enrolled)| {
            (product.digest(), enrolled.agreement, Digest::of(format!("{links:?}").as_bytes()), cut)
        });
        if let Some(known) = key.and_then(|key| self.assembly_cache().candidates.find(&key)) {
            return Ok(known);
        }
        let candidate = Arc::new(self.candidate_on_record(product, (partner, &links), exchange, contents)?);
        if let Some(key) = key {
            self.assembly_cache().candidates.keep(key, candidate.cut.bytes().len() as u64, candidate.clone());
        }
        Ok(candidate)
    }
}

/// Cache key of a link's rights, which change with agreement and consents and determine what is withheld.
pub(in crate::gateway) fn rights(link: &PartnerRights) -> Digest {
    Digest::of(format!("{link:?}").as_bytes())
}
