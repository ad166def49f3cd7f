//! Permission to send: the decision taken again, just before what was sealed may leave.

use std::sync::Arc;

use super::parties::Parties;
use super::{GatewayError, Node};
use crate::release::SendPermit;
use crate::store::{Exchange, StoreError};

impl Node {
    /// The decision taken again, on what is on record now: permission to send, or why not. It stands for as long as the
    /// record counts the generation of `parties`.
    pub(super) async fn permit_to_send(
        &self,
        exchange: &Exchange,
        parties: Arc<Parties>,
    ) -> Result<Result<SendPermit, String>, GatewayError> {
        if let Some(stopped) = self.stopped(exchange).await? {
            return Ok(Err(stopped.sentence()));
        }
        self.permitted_now(exchange, parties).await
    }

    /// As [`Node::permit_to_send`], for what nothing stops, with parties that were read before.
    pub(super) async fn permitted_now(
        &self,
        exchange: &Exchange,
        parties: Arc<Parties>,
    ) -> Result<Result<SendPermit, String>, GatewayError> {
        let Some(request) = exchange.request else { return Ok(Err("no request is on record".into())) };
        let decided = async {
            let dossier = self.dossier_with(self.whole_request(&request).await?, parties).await?;
            self.decide_to_send(&dossier, &exchange.partner)
        };
        refused_alone(decided.await)
    }
}

/// What cannot be read any more is a refusal of this exchange, not an end to all others.
fn refused_alone(
    decided: Result<Result<SendPermit, String>, GatewayError>,
) -> Result<Result<SendPermit, String>, GatewayError> {
    match decided {
        Err(GatewayError::Trouble(why) | GatewayError::Unknown(why) | GatewayError::Refused(why)) => Ok(Err(why)),
        Err(GatewayError::Store(altered @ StoreError::Altered { .. })) => Ok(Err(altered.to_string())),
        decided => decided,
    }
}
