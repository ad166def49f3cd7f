//! Partners, officers and whether the clock is trusted, at one moment: the basis for decisions that are taken together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::approval::{Enrolment, Officer, Officers};
use crate::consent::SourceConsent;
use crate::gateway::node::policy::active;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::partner::{Agreement, Description, Partner, Roster, Standing};
use crate::sign::Signer;
use crate::store::{self, Generations, PartnerState};
use crate::time::Time;

/// How long cached participants are used while the ledger shows no change of them. A change behind the node's back,
/// to the database or a certificate file, is noticed after this time, and at a gate at once.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Partners, officers and whether the clock is trusted, read once: reading and checking them is most of the work of a
/// decision. A decision is committed only while they are still current.
#[derive(Clone)]
pub(in crate::gateway) struct Participants {
    /// The store's generations before they were read: they are current while those are unchanged.
    pub generation: u64,
    pub roster: Roster,
    pub officers: Officers,
    pub clock_in_doubt: bool,
    /// What each partner is enrolled with.
    pub enrolments: BTreeMap<PartnerId, Enrolment>,
    /// The recorded source consents that are not withdrawn.
    pub consents: Vec<SourceConsent>,
}

impl Participants {
    /// The partner enrolled under `id`.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none.
    pub fn partner(&self, id: &PartnerId) -> Result<&Partner, GatewayError> {
        self.roster.partner(id).ok_or_else(|| GatewayError::no_partner(id))
    }
}

/// The participants that were read last.
#[derive(Default)]
pub(in crate::gateway) struct RecentParticipants(Mutex<Option<CachedParticipants>>);

/// Participants, when they were read, and the rows they come from.
#[derive(Clone)]
struct CachedParticipants {
    read: Time,
    parties: Arc<Participants>,
    rows: Arc<(Vec<store::Partner>, Vec<store::Officer>)>,
}

impl RecentParticipants {
    /// The cached participants, if the ledger shows no change since.
    fn still(&self, on_record: &Generations, now: Time) -> Option<CachedParticipants> {
        let last = self.lock().clone()?;
        let fresh = last.read <= now && now.since(last.read) < REMEMBERED;
        (fresh && last.parties.generation == on_record.roster).then_some(last)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<CachedParticipants>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// The current participants.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read or a record is damaged.
    pub(in crate::gateway) async fn participants(&self) -> Result<Arc<Participants>, GatewayError> {
        let on_record = self.store().generations().await?;
        match self.recent_participants().still(&on_record, self.now()) {
            Some(last) => Ok(self.with_clock(last.parties, &on_record)),
            None => self.participants_now().await,
        }
    }

    /// The current participants, without the cache: every row and the policy's texts are read and verified against
    /// the ledger. Returns the cached value, at the same address, if no row changed.
    /// # Errors
    /// As [`Node::participants`], and if the policy in the store is not the one on record.
    pub(in crate::gateway) async fn participants_now(&self) -> Result<Arc<Participants>, GatewayError> {
        let (on_record, now) = (self.store().generations().await?, self.now());
        let rows = async { Ok((self.store().partners().await?, self.store().officers().await?)) };
        let texts = async { active::verify_texts(&**self.store()).await };
        let read = futures_util::try_join!(rows, texts, self.clock_in_doubt(), self.consents())?;
        let (rows, (), clock_in_doubt, consents) = read;
        let consents: Vec<SourceConsent> =
            consents.into_iter().filter(|c| c.withdrawn.is_none()).map(|c| c.consent).collect();
        if let Some(last) = self.recent_participants().still(&on_record, now)
            && *last.rows == rows
            && last.parties.clock_in_doubt == clock_in_doubt
            && last.parties.consents == consents
        {
            return Ok(last.parties);
        }
        let (roster, officers) = (roster_of(&rows.0), self.officers_of(&rows.1)?);
        self.report_excluded(&officers).await;
        let enrolments = roster.iter().map(|p| (p.id.clone(), Enrolment::of(p))).collect();
        let generation = on_record.roster;
        let parties = Arc::new(Participants { generation, roster, officers, clock_in_doubt, enrolments, consents });
        *self.recent_participants().lock() =
            Some(CachedParticipants { read: now, parties: Arc::clone(&parties), rows: Arc::new(rows) });
        Ok(parties)
    }

    /// Cached participants with the clock's state now: time passes without any change on record.
    fn with_clock(&self, parties: Arc<Participants>, on_record: &Generations) -> Arc<Participants> {
        let clock_in_doubt = parties.clock_in_doubt || self.why_clock_is_behind(on_record.clock_high).is_some();
        match clock_in_doubt == parties.clock_in_doubt {
            true => parties,
            false => Arc::new(Participants { clock_in_doubt, ..(*parties).clone() }),
        }
    }

    /// One partner's current record, and whether the clock is in doubt. A fault in another partner's or an officer's
    /// record does not affect it.
    ///
    /// # Errors
    /// [`GatewayError`] if there is none, or its record is damaged.
    pub(in crate::gateway) async fn sender(&self, id: &PartnerId) -> Result<(Partner, bool), GatewayError> {
        let (partner, clock_in_doubt) = match self.participants().await {
            Ok(parties) => (parties.partner(id)?.clone(), parties.clock_in_doubt),
            Err(_) => (self.partner(id).await?, self.clock_in_doubt().await?),
        };
        // Its link is closed as soon as the suspension is noticed; until then nothing is accepted.
        if partner.standing == Standing::Removed {
            return Err(GatewayError::no_partner(id));
        }
        Ok((partner, clock_in_doubt))
    }

    /// The same participants if they are still current, or else the current ones.
    ///
    /// # Errors
    /// As [`Node::participants`].
    pub(in crate::gateway) async fn participants_since(
        &self,
        known: &Arc<Participants>,
    ) -> Result<Arc<Participants>, GatewayError> {
        if self.store().generations().await?.roster == known.generation {
            return Ok(Arc::clone(known));
        }
        self.participants().await
    }
}

/// The partners in these rows. A malformed row is left out and affects nobody else.
pub(in crate::gateway) fn roster_of(rows: &[store::Partner]) -> Roster {
    Roster::new(rows.iter().filter_map(|row| match partner_of(row) {
        Ok(partner) => Some(partner),
        Err(error) => {
            tracing::error!(partner.id = %row.id, error = %error, "partner ignored: its record is malformed");
            None
        }
    }))
}

/// The partner in a row.
///
/// # Errors
/// [`GatewayError::Local`] if its description or agreement is malformed.
pub(in crate::gateway) fn partner_of(row: &store::Partner) -> Result<Partner, GatewayError> {
    let damaged = |what: &str| GatewayError::Local(format!("the recorded {what} of partner `{}` is malformed", row.id));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let description = text(&row.description).and_then(|t| Description::parse(&t).ok());
    let agreement = text(&row.agreement).and_then(|t| Agreement::parse(&t).ok());
    Ok(Partner {
        id: row.id.clone(),
        description: description.ok_or_else(|| damaged("description"))?.into(),
        agreement: agreement.ok_or_else(|| damaged("agreement"))?,
        standing: match row.state {
            PartnerState::Active => Standing::Active,
            PartnerState::Suspended => Standing::Suspended,
            PartnerState::Removed => Standing::Removed,
        },
    })
}

/// The error for a removed partner, with the remedy.
pub(in crate::gateway) fn removed(id: &PartnerId) -> GatewayError {
    GatewayError::refused(format!("partner `{id}` was removed: `partner add` proposes to enrol it again"))
}

/// The officer who holds the signing key, in office or not.
pub(in crate::gateway) fn holder_of<'o>(
    officers: &'o Officers,
    signer: &dyn Signer,
) -> Result<&'o Officer, GatewayError> {
    officers.holder_of(signer.public()).ok_or_else(|| {
        let key = signer.public().fingerprint().short();
        GatewayError::refused(format!("no officer is enrolled with key `{key}`: see `officer list`"))
    })
}
