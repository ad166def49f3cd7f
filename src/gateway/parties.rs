//! Who receives and who decides, as the record had them at one moment: what decisions that are taken together rest on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{GatewayError, Node};
use crate::approval::Officers;
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::partner::{Partner, Roster};

/// Partners, officers and the standing of the clock, read once. Reading and checking them is most of the work of a
/// decision, and what was decided on them is committed only while they are still the ones on record.
pub(super) struct Parties {
    /// What the store counted before they were read: they are on record now if it still counts the same.
    pub generation: u64,
    pub roster: Roster,
    pub officers: Officers,
    pub clock_in_doubt: bool,
    /// Fingerprints of what each partner is enrolled with.
    pub enrolments: BTreeMap<PartnerId, Digest>,
}

impl Parties {
    /// The partner enrolled under `id`.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if there is none.
    pub fn partner(&self, id: &PartnerId) -> Result<&Partner, GatewayError> {
        self.roster.partner(id).ok_or_else(|| GatewayError::no_partner(id))
    }
}

impl Node {
    /// The parties as they are on record now.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read or a record is damaged.
    pub(super) async fn parties(&self) -> Result<Arc<Parties>, GatewayError> {
        let generation = self.store().generations().await?.roster;
        let (roster, officers) = (self.roster().await?, self.officers().await?);
        let enrolments = roster.iter().map(|p| (p.id.clone(), p.description.fingerprints().description)).collect();
        let clock_in_doubt = self.clock_in_doubt().await?;
        Ok(Arc::new(Parties { generation, roster, officers, clock_in_doubt, enrolments }))
    }

    /// The same parties if they are still the ones on record, and otherwise those that are.
    ///
    /// # Errors
    /// As [`Node::parties`].
    pub(super) async fn parties_since(&self, known: &Arc<Parties>) -> Result<Arc<Parties>, GatewayError> {
        if self.store().generations().await?.roster == known.generation {
            return Ok(Arc::clone(known));
        }
        self.parties().await
    }
}
