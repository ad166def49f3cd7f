//! Cut preview: what a partner would get of a product, without a request.

use crate::cut::{self, Explanation, Terms};
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::inspect::Alteration;
use crate::product::Product;

/// What one partner would get of a product.
#[derive(Clone, Debug)]
pub struct CutPreview {
    /// The partner.
    pub partner: PartnerId,
    /// The outcome for each tearline, and the cut or its refusal.
    pub explanation: Explanation,
    /// Changes that would be made before the cut is assembled.
    pub changes: Vec<Alteration>,
}

impl Node {
    /// Previews the cut of `product` for `partner`, from the tearline `from` on, counted from 0 at the top. The filters
    /// have not run on it: [`Node::check_product`] tells whether it passes.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if the partner is not enrolled; [`GatewayError::Refused`] with the reasons if the product
    /// cannot be prepared for it; otherwise if the store cannot be read.
    pub async fn preview_cut(
        &self,
        product: &Product,
        partner: &PartnerId,
        from: usize,
    ) -> Result<CutPreview, GatewayError> {
        let enrolled = self.partner(partner).await?;
        let (link, from) = self.link_to(&enrolled, product, from).await?;
        let prepared = self.prepared(product, (&enrolled, &link), from).map_err(|no| {
            let reasons: Vec<&str> = no.0.iter().map(|reason| reason.sentence.as_str()).collect();
            GatewayError::refused(format!("`{partner}` gets nothing: {}", reasons.join("; ")))
        })?;
        let terms = Terms::from(&enrolled.agreement);
        let explanation = cut::explain(&prepared.product, &link, &terms, from, self.bounds(), self.register());
        Ok(CutPreview { partner: partner.clone(), explanation, changes: prepared.changes })
    }
}
