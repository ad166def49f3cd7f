//! Who receives and who decides, as the record had them at one moment: what decisions that are taken together rest on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{GatewayError, Node};
use crate::approval::Officers;
use crate::consent::SourceConsent;
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::partner::{Partner, Roster};
use crate::store::Generations;
use crate::time::Time;

/// For how long parties are not read again while the store counts no change of them: what somebody did to the
/// database or to a certificate's file behind the node's back is noticed after that.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Partners, officers and the standing of the clock, read once. Reading and checking them is most of the work of a
/// decision, and what was decided on them is committed only while they are still the ones on record.
#[derive(Clone)]
pub(super) struct Parties {
    /// What the store counted before they were read: they are on record now if it still counts the same.
    pub generation: u64,
    pub roster: Roster,
    pub officers: Officers,
    pub clock_in_doubt: bool,
    /// Fingerprints of what each partner is enrolled with.
    pub enrolments: BTreeMap<PartnerId, Digest>,
    /// Digests of the agreements.
    pub agreements: BTreeMap<PartnerId, Digest>,
    /// The consents of sources on record, but for those withdrawn.
    pub consents: Vec<SourceConsent>,
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

/// The parties that were read last, and when.
#[derive(Default)]
pub(super) struct LastParties(Mutex<Option<(Time, Arc<Parties>)>>);

impl LastParties {
    /// Those that were read, if they are still the ones on record as the counters there have it.
    fn still(&self, on_record: &Generations, now: Time) -> Option<Arc<Parties>> {
        let (read, parties) = self.lock().clone()?;
        let fresh = read <= now && now.since(read) < REMEMBERED && parties.generation == on_record.roster;
        fresh.then_some(parties)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Time, Arc<Parties>)>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// The parties as they are on record now.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read or a record is damaged.
    pub(super) async fn parties(&self) -> Result<Arc<Parties>, GatewayError> {
        let (on_record, now) = (self.store().generations().await?, self.now());
        if let Some(parties) = self.last_parties().still(&on_record, now) {
            // Time passes without any change on record: what is remembered of the clock is of no use.
            let clock_in_doubt = parties.clock_in_doubt || self.is_behind(on_record.clock_high).is_some();
            return Ok(match clock_in_doubt == parties.clock_in_doubt {
                true => parties,
                false => Arc::new(Parties { clock_in_doubt, ..(*parties).clone() }),
            });
        }
        let (roster, officers) = (self.roster().await?, self.officers().await?);
        let enrolments = roster.iter().map(|p| (p.id.clone(), p.description.fingerprint())).collect();
        let agreements = roster.iter().map(|p| (p.id.clone(), p.agreement.digest())).collect();
        let consents =
            self.consents().await?.into_iter().filter(|c| c.withdrawn.is_none()).map(|c| c.consent).collect();
        let clock_in_doubt = self.clock_in_doubt().await?;
        let generation = on_record.roster;
        let parties =
            Arc::new(Parties { generation, roster, officers, clock_in_doubt, enrolments, agreements, consents });
        *self.last_parties().lock() = Some((now, Arc::clone(&parties)));
        Ok(parties)
    }

    /// One partner as it is on record now, and whether the clock is in doubt. What is wrong with another's record, or an
    /// officer's, is no reason not to hear this one.
    ///
    /// # Errors
    /// [`GatewayError`] if there is none, or its record is damaged.
    pub(super) async fn sender(&self, id: &PartnerId) -> Result<(Partner, bool), GatewayError> {
        match self.parties().await {
            Ok(parties) => Ok((parties.partner(id)?.clone(), parties.clock_in_doubt)),
            Err(_) => Ok((self.partner(id).await?, self.clock_in_doubt().await?)),
        }
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
