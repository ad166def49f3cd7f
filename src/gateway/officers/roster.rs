//! Officers: certified by the node's own officer authority, and in office only as their certificates say.

use super::certification::OfficerAuthorityFiles;
use super::certification::join;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::approval::{Declared, Officer, OfficerState, Officers, Role};
use crate::change::Appointment;
use crate::gateway::views::officer::OfficerView;
use crate::gateway::{GatewayError, Node};
use crate::ident::OfficerId;
use crate::ledger::{Entry, EntryKind};
use crate::pki::{OfficerCertificate, OfficerProfile};
use crate::sign::PublicKey;
use crate::store::{self, StoreError};
use crate::time::Time;

/// Requested content of an officer's certificates; for a renewal, only what changes.
#[derive(Clone, Debug)]
pub struct AppointmentRequest {
    /// The officer's identifier on this node.
    pub officer: OfficerId,
    /// The person's name; for a renewal, only if it changes.
    pub name: Option<String>,
    /// Their roles; for a renewal, only if they change.
    pub roles: Option<BTreeSet<Role>>,
    /// A key to certify; for a renewal, only if it is a new one.
    pub key: Option<PublicKey>,
    /// Whether a renewal with a new key keeps the earlier ones.
    pub keep_keys: bool,
    /// Term of office; the profile's lifetime if `None`.
    pub lifetime: Option<Duration>,
    /// Other records of the same person, and records confirmed to be of others; for a renewal, only if it changes.
    pub declared: Option<Declared>,
}

impl Node {
    /// Every officer according to the roster and their certificates.
    ///
    /// An officer whose certificates are missing or disagree with the record is out of office: the record alone
    /// appoints nobody. An officer whose record is faulty or ambiguous is excluded; others are not affected.
    ///
    /// # Errors
    /// [`GatewayError`] if the store or the officer authority's files cannot be read: then it is unknown who is in
    /// office, which is not the same as nobody being in office.
    pub async fn officers(&self) -> Result<Officers, GatewayError> {
        let officers = self.officers_of(&self.store().officers().await?)?;
        self.report_excluded(&officers).await;
        Ok(officers)
    }

    /// The officers in these rows.
    ///
    /// # Errors
    /// As [`Node::officers`].
    pub(in crate::gateway) fn officers_of(&self, rows: &[store::Officer]) -> Result<Officers, GatewayError> {
        let certifying = self.officer_authority_files()?;
        let (officers, _) = Officers::excluding(rows.iter().map(|row| self.officer_of(row, &certifying)));
        Ok(officers.with_verification_cache(self.verified().clone()))
    }

    /// Logs and records who is excluded and why, once while that lasts.
    pub(in crate::gateway) async fn report_excluded(&self, officers: &Officers) {
        let excluded: BTreeMap<OfficerId, String> =
            officers.excluded().iter().map(|(id, fault)| (id.clone(), fault.to_string())).collect();
        let before = std::mem::replace(&mut *self.reported_excluded(), excluded.clone());
        for (id, why) in excluded.iter().filter(|(id, why)| before.get(*id) != Some(why)) {
            tracing::error!(officer.id = %id, why, "officer excluded: their signatures do not count");
            let alarm =
                Entry::new(self.now(), EntryKind::Alarm, id, "gateway").with("officer", "excluded").with("why", why);
            // Another process may have recorded it.
            if let Err(error) = self.commit_unless_repeated(Vec::new(), vec![alarm]).await {
                tracing::error!(error = %error, "the alarm could not be recorded");
            }
        }
    }

    /// Every officer, for a list, with their certificates.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn officer_views(&self) -> Result<Vec<OfficerView>, GatewayError> {
        let now = self.now();
        let rows = self.store().officers().await?;
        let (roster, certifying) = (self.officers_of(&rows)?, self.officer_authority_files()?);
        let view = |row: &store::Officer| {
            let officer = self.officer_of(row, &certifying);
            let certified = self.certified(row, &certifying);
            let excluded = roster.excluded().get(&row.id).map(ToString::to_string);
            let uncertified = certified.is_err();
            let problem = certified.as_ref().err().cloned().or(excluded);
            let certificates = certified.unwrap_or_default();
            OfficerView {
                officer: row.id.to_string(),
                name: row.name.clone(),
                roles: officer.roles.iter().map(Role::to_string).collect(),
                state: match (&problem, officer.state) {
                    (_, OfficerState::Revoked) => "revoked",
                    (Some(_), _) if uncertified => "not certified",
                    (Some(_), _) => "excluded",
                    (None, _) if officer.in_office(now) => "in office",
                    (None, _) => "expired",
                }
                .to_owned(),
                // An officer who is revoked, excluded or not certified has no end of office to show.
                until: match (&problem, officer.state) {
                    (None, OfficerState::Active) => officer.valid_until.to_string(),
                    _ => String::new(),
                },
                keys: certificates.iter().map(|c| c.subject().key.fingerprint().to_string()).collect(),
                serials: certificates.iter().map(|c| hex::encode(c.serial())).collect(),
                certificates: certificates.iter().map(OfficerCertificate::to_pem).collect(),
                problem,
            }
        };
        let mut views: Vec<OfficerView> = rows.iter().map(view).collect();
        let altered: BTreeSet<String> = self.proved().differences().into_iter().map(|d| d.what).collect();
        let named = altered.iter().filter_map(|what| what.strip_prefix("officer "));
        views.extend(named.map(OfficerView::altered));
        Ok(views)
    }

    /// Fails if the identifier is taken, and names the remedy.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if an officer is enrolled under it, in office or not.
    pub async fn check_unenrolled(&self, id: &OfficerId) -> Result<(), GatewayError> {
        match self.store().officer(id).await? {
            None => Ok(()),
            Some(row) if row.state == store::OfficerState::Revoked => Err(revoked(id)),
            Some(_) => Err(GatewayError::refused(format!(
                "officer `{id}` is enrolled already: use `officer renew` to change their roles"
            ))),
        }
    }

    /// The requested appointment, for officers to sign: a new one, or a recorded one with changes.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if a new one is incomplete, or the officer is revoked, which is final;
    /// [`GatewayError::NotFound`] if no such officer is enrolled and it gives no name, roles and key.
    pub(in crate::gateway) async fn appointment(
        &self,
        requested: &AppointmentRequest,
    ) -> Result<Appointment, GatewayError> {
        let id = &requested.officer;
        let known = match self.store().officer(id).await? {
            Some(row) if row.state == store::OfficerState::Revoked => return Err(revoked(id)),
            Some(row) => Some(self.officer_of(&row, &self.officer_authority_files()?)),
            None if requested.name.is_none() && requested.roles.is_none() => {
                return Err(GatewayError::NotFound(format!("no officer `{id}` is enrolled: see `officer list`")));
            }
            None => None,
        };
        let mut keys: Vec<PublicKey> = match (&known, &requested.key) {
            (Some(known), None) => known.keys.clone(),
            (Some(known), Some(_)) if requested.keep_keys => known.keys.clone(),
            _ => Vec::new(),
        };
        // The newest key is the last.
        if let Some(key) = requested.key.clone().filter(|key| !keys.contains(key)) {
            keys.push(key);
        }
        let lacks = || GatewayError::refused("enrolling an officer requires a name, a key and at least one role");
        let name = requested.name.clone().or(known.as_ref().map(|known| known.name.clone())).ok_or_else(lacks)?;
        let declared =
            requested.declared.clone().or(known.as_ref().map(|known| known.declared.clone())).unwrap_or_default();
        let roles = requested.roles.clone().or(known.map(|known| known.roles)).ok_or_else(lacks)?;
        if keys.is_empty() {
            return Err(lacks());
        }
        // Certificates store whole seconds.
        let until = self.now().plus(requested.lifetime.unwrap_or(OfficerProfile::shipped().lifetime())).unix_seconds();
        let until = Time::from_unix_ms(until.saturating_mul(1000));
        Ok(Appointment { officer: id.clone(), name, roles, keys, until, declared })
    }

    /// Checks that these appointments could be certified now, together and with the enrolled officers.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if an appointment lasts too long or holds too many keys, an officer is revoked, or
    /// one person would be enrolled twice.
    pub(in crate::gateway) async fn check_appointments(
        &self,
        appointments: &[Appointment],
    ) -> Result<(), GatewayError> {
        let (rules, now) = (OfficerProfile::shipped(), self.now());
        for appointment in appointments {
            let id = &appointment.officer;
            let row = self.store().officer(id).await?;
            if row.is_some_and(|row| row.state == store::OfficerState::Revoked) {
                return Err(revoked(id));
            }
            if appointment.keys.len() > Appointment::KEYS_MAX {
                let most = Appointment::KEYS_MAX;
                return Err(GatewayError::refused(format!("officer `{id}` may hold at most {most} keys")));
            }
            for key in &appointment.keys {
                let accepted = self.own_profile()?.check_statement_key(key);
                accepted.map_err(|e| GatewayError::refused(format!("key of officer `{id}`: {e}")))?;
            }
            if appointment.until <= now {
                return Err(GatewayError::refused(format!("the appointment of `{id}` has expired: propose it again")));
            }
            if appointment.until > now.plus(rules.lifetime_max()) {
                return Err(GatewayError::refused(format!(
                    "an officer is certified for at most {} days: renew the certificate before it ends",
                    rules.lifetime_max().as_secs() / 86_400
                )));
            }
        }
        // Nobody is certified while the officers are uncertain: an altered row is missing from the others here.
        if let Some(altered) = self.altered_officer().await? {
            return Err(altered);
        }
        let rows = self.store().officers().await?;
        let appointed = |id: &OfficerId| appointments.iter().any(|appointment| appointment.officer == *id);
        let certifying = self.officer_authority_files()?;
        let others = rows.iter().filter(|row| !appointed(&row.id)).map(|row| self.officer_of(row, &certifying));
        let (_, mut faults) = Officers::excluding(others.chain(appointments.iter().map(Appointment::officer)));
        // Faults of other officers exclude only them, and do not block this enrolment.
        faults.retain(|fault| fault.concerns(appointed));
        if !faults.is_empty() {
            return Err(join(&faults));
        }
        Ok(())
    }

    /// Revokes an officer: none of their approvals count any more, whenever given. Returns a warning if the
    /// revocation list could not be written; the revocation is recorded either way.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if none is enrolled under that name.
    pub async fn revoke_officer(&self, id: &OfficerId, why: &str) -> Result<Option<String>, GatewayError> {
        let mut row = self.officer_row(id).await?;
        if row.state == store::OfficerState::Revoked {
            return Err(GatewayError::refused(format!("officer `{id}` is revoked already")));
        }
        row.state = store::OfficerState::Revoked;
        row.changed = self.now();
        let entry = Entry::new(self.now(), EntryKind::OfficerRevoked, id, "operator").with("why", why);
        self.commit(vec![row.into()], vec![entry]).await?;
        tracing::warn!(officer.id = %id, "officer revoked");
        Ok(self.refresh_officers_list().await.err().map(|e| e.to_string()))
    }

    /// An error if an officer's row differs from the ledger.
    async fn altered_officer(&self) -> Result<Option<GatewayError>, GatewayError> {
        self.store().officers().await?;
        let altered = self.proved().differences().into_iter().find(|d| d.fact.starts_with("officer."));
        Ok(altered.map(|d| StoreError::Altered { what: d.what, fact: d.fact }.into()))
    }

    async fn officer_row(&self, id: &OfficerId) -> Result<store::Officer, GatewayError> {
        let row = self.store().officer(id).await?;
        row.ok_or_else(|| GatewayError::NotFound(format!("no officer `{id}` is enrolled: see `officer list`")))
    }

    /// An officer according to the certificates; out of office if these are missing or disagree with the record.
    pub(in crate::gateway) fn officer_of(&self, row: &store::Officer, certifying: &OfficerAuthorityFiles) -> Officer {
        let state = match row.state {
            store::OfficerState::Active => OfficerState::Active,
            store::OfficerState::Revoked => OfficerState::Revoked,
        };
        let roles = || row.roles.iter().filter_map(|role| role.parse().ok()).collect();
        let certified = self.certified(row, certifying);
        self.log_uncertified(row, certified.as_ref().err());
        let (keys, roles, valid_from, valid_until) = match certified {
            Ok(certificates) => (
                certificates.iter().map(|c| c.subject().key.clone()).collect(),
                certificates.first().map(|c| c.subject().roles.clone()).unwrap_or_default(),
                self.in_office_since(row, &certificates),
                certificates.iter().map(OfficerCertificate::not_after).min().unwrap_or(Time::EPOCH),
            ),
            Err(_) => (vec![row.public_key.clone()], roles(), Time::EPOCH, Time::EPOCH),
        };
        let (id, name, declared) = (row.id.clone(), row.name.clone(), row.declared.clone());
        Officer { id, name, keys, roles, state, valid_from, valid_until, declared }
    }

    /// Start of an officer's appointment: that of their first certificates. Renewals continue it, so that earlier
    /// signatures still count. Certificates that are not valid yet appoint nobody.
    fn in_office_since(&self, row: &store::Officer, certificates: &[OfficerCertificate]) -> Time {
        let certified = certificates.iter().map(OfficerCertificate::not_before).max().unwrap_or(Time::EPOCH);
        if certified <= self.now() { certified.min(row.added) } else { certified }
    }

    /// Logs once that an officer in office according to the record is not certified. The certificates of revoked
    /// officers are on the revocation list, as expected.
    fn log_uncertified(&self, row: &store::Officer, why: Option<&String>) {
        let why = why.filter(|_| row.state == store::OfficerState::Active);
        let mut logged = self.uncertified();
        match why {
            Some(why) if logged.get(&row.id) == Some(why) => {}
            Some(why) => {
                tracing::error!(officer.id = %row.id, why, "officer's certificates do not match the record: out of office");
                logged.insert(row.id.clone(), why.clone());
            }
            None => {
                logged.remove(&row.id);
            }
        }
    }
}

/// The error for a revoked officer, with the remedy.
fn revoked(id: &OfficerId) -> GatewayError {
    GatewayError::refused(format!(
        "officer `{id}` is revoked, which is final: enrol them under another identifier with a new key: `officer add \
         NEW-IDENTIFIER --key-file FILE.pub --same-as {id}`"
    ))
}
