//! Permission to send: the decision is taken again just before sealed content may leave.

use std::sync::Arc;

use crate::envelope::{Header, Kind, Manifest};
use crate::gateway::node::participants::Participants;
use crate::gateway::{GatewayError, Node};
use crate::ident::NodeId;
use crate::release::SendPermit;
use crate::sign::{Signed, Signer as _};
use crate::store::{Exchange, ExchangeKind, StoreError};

/// The reason against sending a row that does not match what was sealed.
pub(in crate::gateway) const NOT_SEALED: &str = "the record differs from what was sealed";

impl Node {
    /// Decides again on the current record: permission to send, or the reason against it. It is valid while the
    /// record has the generation of `parties`.
    pub(in crate::gateway) async fn permit_to_send(
        &self,
        exchange: &Exchange,
        parties: Arc<Participants>,
    ) -> Result<Result<SendPermit, String>, GatewayError> {
        if let Some(stopped) = self.stopped(exchange).await? {
            return Ok(Err(stopped.sentence()));
        }
        self.permitted_now(exchange, parties).await
    }

    /// As [`Node::permit_to_send`], for an exchange that nothing stops, with participants that were read before.
    pub(in crate::gateway) async fn permitted_now(
        &self,
        exchange: &Exchange,
        parties: Arc<Participants>,
    ) -> Result<Result<SendPermit, String>, GatewayError> {
        let Some(request) = exchange.request else { return Ok(Err("no request is on record".into())) };
        let Some(manifest) = self.own_manifest(exchange) else { return Ok(Err(NOT_SEALED.to_owned())) };
        let decided = async {
            let dossier = self.dossier_with(self.whole_request(&request).await?, parties).await?;
            self.decide_to_send(&dossier, &exchange.partner, &manifest)
        };
        refused_alone(decided.await)
    }

    /// The manifest of an exchange, if this node signed it and it matches the row's payload, header and cut.
    pub(in crate::gateway) fn own_manifest(&self, row: &Exchange) -> Option<Signed<Manifest>> {
        let (bytes, payload) = (row.manifest.as_ref()?, row.payload?);
        let manifest = self.verified().verify::<Manifest>(bytes, self.keys().signing.public()).ok()?;
        let said = manifest.statement();
        let same = said.exchange == row.id
            && said.sender == self.config().node.name
            && said.recipient == NodeId::from(row.partner.clone())
            && (said.payload_size, said.payload_digest) == (payload.size, payload.digest)
            // A stopped exchange no longer has its header; only its receipt is asked for.
            && (row.needs_receipt_query() || said.header == row.header.as_ref().map(Header::commitment))
            && match row.kind {
                ExchangeKind::Product => said.kind == Kind::Product && Some(said.cut_digest) == row.cut_digest,
                // A recall notice is not sealed: it is its own payload.
                ExchangeKind::Recall => {
                    said.kind == Kind::Recall && said.cut_digest == said.payload_digest && said.header.is_none()
                }
            };
        same.then_some(manifest)
    }
}

/// Unreadable data refuses this exchange and does not affect others.
fn refused_alone(
    decided: Result<Result<SendPermit, String>, GatewayError>,
) -> Result<Result<SendPermit, String>, GatewayError> {
    match decided {
        Err(GatewayError::Local(why) | GatewayError::NotFound(why) | GatewayError::Refused(why)) => Ok(Err(why)),
        Err(GatewayError::Store(altered @ StoreError::Altered { .. })) => Ok(Err(altered.to_string())),
        decided => decided,
    }
}
