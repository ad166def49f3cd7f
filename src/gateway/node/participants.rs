//! Who receives and who decides, as the record had them at one moment: what decisions that are taken together rest on.

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

/// For how long parties are not read again while the ledger shows no change of them: what somebody did to the database
/// or to a certificate's file behind the node's back is noticed after that, and at a gate in any case.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Partners, officers and the standing of the clock, read once. Reading and checking them is most of the work of a
/// decision, and what was decided on them is committed only while they are still the ones on record.
#[derive(Clone)]
pub(in crate::gateway) struct Participants {
    /// What the store counted before they were read: they are on record now if it still counts the same.
    pub generation: u64,
    pub roster: Roster,
    pub officers: Officers,
    pub clock_in_doubt: bool,
    /// What each partner is enrolled with.
    pub enrolments: BTreeMap<PartnerId, Enrolment>,
    /// The consents of sources on record, but for those withdrawn.
    pub consents: Vec<SourceConsent>,
}

impl Participants {
    /// The partner enrolled under `id`.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if there is none.
    pub fn partner(&self, id: &PartnerId) -> Result<&Partner, GatewayError> {
        self.roster.partner(id).ok_or_else(|| GatewayError::no_partner(id))
    }
}

/// The parties that were read last.
#[derive(Default)]
pub(in crate::gateway) struct RecentParticipants(Mutex<Option<Last>>);

/// Participants, when they were read, and the rows they were made of.
#[derive(Clone)]
struct Last {
    read: Time,
    parties: Arc<Participants>,
    rows: Arc<(Vec<store::Partner>, Vec<store::Officer>)>,
}

impl RecentParticipants {
    /// Those that were read, if they are still the ones on record as the ledger has it.
    fn still(&self, on_record: &Generations, now: Time) -> Option<Last> {
        let last = self.lock().clone()?;
        let fresh = last.read <= now && now.since(last.read) < REMEMBERED;
        (fresh && last.parties.generation == on_record.roster).then_some(last)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Last>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// The parties as they are on record now.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read or a record is damaged.
    pub(in crate::gateway) async fn participants(&self) -> Result<Arc<Participants>, GatewayError> {
        let on_record = self.store().generations().await?;
        match self.recent_participants().still(&on_record, self.now()) {
            Some(last) => Ok(self.with_clock(last.parties, &on_record)),
            None => self.parties_now().await,
        }
    }

    /// The parties as their rows are now, whatever is remembered: every row is read and held against the ledger, and so
    /// are the policy's texts. They are the same ones as before, the same in memory, if no row is another.
    ///
    /// # Errors
    /// As [`Node::participants`], and if the policy in the store is not the one on record.
    pub(in crate::gateway) async fn parties_now(&self) -> Result<Arc<Participants>, GatewayError> {
        let (on_record, now) = (self.store().generations().await?, self.now());
        let rows = async { Ok((self.store().partners().await?, self.store().officers().await?)) };
        let texts = async { active::texts_stand(&**self.store()).await };
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
        self.say_excluded(&officers).await;
        let enrolments = roster.iter().map(|p| (p.id.clone(), Enrolment::of(p))).collect();
        let generation = on_record.roster;
        let parties = Arc::new(Participants { generation, roster, officers, clock_in_doubt, enrolments, consents });
        *self.recent_participants().lock() =
            Some(Last { read: now, parties: Arc::clone(&parties), rows: Arc::new(rows) });
        Ok(parties)
    }

    /// Participants that are remembered, as the clock is now: time passes without any change on record.
    fn with_clock(&self, parties: Arc<Participants>, on_record: &Generations) -> Arc<Participants> {
        let clock_in_doubt = parties.clock_in_doubt || self.is_behind(on_record.clock_high).is_some();
        match clock_in_doubt == parties.clock_in_doubt {
            true => parties,
            false => Arc::new(Participants { clock_in_doubt, ..(*parties).clone() }),
        }
    }

    /// One partner as it is on record now, and whether the clock is in doubt. What is wrong with another's record, or an
    /// officer's, is no reason not to hear this one.
    ///
    /// # Errors
    /// [`GatewayError`] if there is none, or its record is damaged.
    pub(in crate::gateway) async fn sender(&self, id: &PartnerId) -> Result<(Partner, bool), GatewayError> {
        let (partner, clock_in_doubt) = match self.participants().await {
            Ok(parties) => (parties.partner(id)?.clone(), parties.clock_in_doubt),
            Err(_) => (self.partner(id).await?, self.clock_in_doubt().await?),
        };
        // Its link is closed as soon as that is noticed, and nothing is heard until then.
        if partner.standing == Standing::Removed {
            return Err(GatewayError::no_partner(id));
        }
        Ok((partner, clock_in_doubt))
    }

    /// The same parties if they are still the ones on record, and otherwise those that are.
    ///
    /// # Errors
    /// As [`Node::participants`].
    pub(in crate::gateway) async fn parties_since(
        &self,
        known: &Arc<Participants>,
    ) -> Result<Arc<Participants>, GatewayError> {
        if self.store().generations().await?.roster == known.generation {
            return Ok(Arc::clone(known));
        }
        self.participants().await
    }
}

/// The partners in these rows. Whose row does not read is left out, which keeps nobody else from anything.
pub(in crate::gateway) fn roster_of(rows: &[store::Partner]) -> Roster {
    Roster::new(rows.iter().filter_map(|row| match partner_of(row) {
        Ok(partner) => Some(partner),
        Err(error) => {
            tracing::error!(partner.id = %row.id, error = %error, "partner is left out");
            None
        }
    }))
}

pub(in crate::gateway) fn partner_of(row: &store::Partner) -> Result<Partner, GatewayError> {
    let damaged = |what: &str| GatewayError::Trouble(format!("{what} of partner `{}` on record does not read", row.id));
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

/// That a partner was removed, and how it returns.
pub(in crate::gateway) fn removed(id: &PartnerId) -> GatewayError {
    GatewayError::refused(format!("partner `{id}` was removed: `partner add` proposes to enrol it anew"))
}

/// The officer who holds the key that signs, in office or not.
pub(in crate::gateway) fn holder_of<'o>(
    officers: &'o Officers,
    signer: &dyn Signer,
) -> Result<&'o Officer, GatewayError> {
    officers.holder_of(signer.public()).ok_or_else(|| {
        let key = signer.public().fingerprint().short();
        GatewayError::refused(format!("no officer is enrolled with key `{key}`: see `officer list`"))
    })
}
