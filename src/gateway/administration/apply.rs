//! Applies a change: everything that it replaces, and the ledger entries that record it, in one commit.

use crate::gateway::node::records::Changes;
use std::collections::BTreeMap;

use serde::Serialize;

use super::change::REMOVED;
use crate::approval::VerificationContext;
use crate::change::{self, Authorised, Part, PartName, PolicyTexts, Proposal};
use crate::digest::Digest;
use crate::gateway::node::checkpoints::accepted;
use crate::gateway::node::clock;
use crate::gateway::node::policy::{active, rules};
use crate::gateway::{GatewayError, Node};
use crate::ident::{OfficerId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Agreement, Description};
use crate::store::{self, Change, PartnerState, RESTORED, Setting, StoreError, Version};

/// A change that took effect.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeApplied {
    /// Its digest, which the officers signed.
    pub change: Digest,
    /// Its number.
    pub serial: u64,
    /// What it replaced.
    pub parts: Vec<Part>,
    /// Who consented.
    pub officers: Vec<OfficerId>,
    /// SHA-256 of the policy texts now in force.
    pub texts: Digest,
    /// A step that failed and must be done manually, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// The rows and entries that a change writes, collected part by part.
#[derive(Default)]
struct Writing {
    changes: Changes,
    entries: Vec<Entry>,
    /// Whether certificates replace others.
    replaces: bool,
}

impl Writing {
    fn add(&mut self, change: impl Into<Change>, entry: Entry) {
        self.changes.push(change.into());
        self.entries.push(entry);
    }
}

impl Node {
    /// What is missing before `proposal` can be applied, in one sentence; `None` if it has the required consents.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn missing_consents(&self, proposal: &Proposal) -> Result<Option<String>, GatewayError> {
        let officers = self.officers().await?;
        let context = VerificationContext { instance: self.instance(), officers: &officers, now: self.now() };
        Ok(change::authorise(proposal, &context).err().map(|not| not.to_string()))
    }

    /// Applies a change that has the required consents: what it replaces and the entries that record it, in one
    /// commit. A running node picks it up and decides again on everything queued.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it lacks a valid consent, or was proposed against texts that are no longer in
    /// force.
    pub async fn apply_change(&self, proposal: &Proposal) -> Result<ChangeApplied, GatewayError> {
        // INVARIANT: read before anything that is checked, and compared in the commit: a revocation, enrolment or
        // change meanwhile is a conflict.
        let roster = self.store().generations().await?.roster;
        let texts = self.check_change(proposal).await?;
        let officers = self.officers().await?;
        let authorised = change::authorise(proposal, &self.here(&officers)).map_err(GatewayError::refused)?;
        if self.clock_in_doubt().await? && proposal.set.part(&PartName::Clock).is_none() {
            return Err(GatewayError::refused("the clock is in doubt: accept it first, see `portcullis clock`"));
        }
        self.write_change(&authorised, &texts, roster, EntryKind::ChangeApplied).await
    }

    /// Writes a change that was authorised and checked at the roster's generation `roster`.
    pub(in crate::gateway) async fn write_change(
        &self,
        authorised: &Authorised,
        texts: &PolicyTexts,
        roster: u64,
        kind: EntryKind,
    ) -> Result<ChangeApplied, GatewayError> {
        let (proposal, now) = (authorised.proposal(), self.now());
        let set = &proposal.set;
        let officers: Vec<&str> = authorised.officers().iter().map(OfficerId::as_str).collect();
        let entry = |kind, subject: &str| {
            Entry::new(now, kind, subject, officers.join(" ")).with("change", set.digest()).with("serial", set.serial)
        };
        let mut writing = Writing::default();
        // The whole change is recorded with its signatures, so that anybody can later check who consented to what.
        let subject = active::change_name(set.serial);
        let statements: Vec<String> = authorised.statements().iter().map(Digest::to_string).collect();
        let parts: Vec<String> = set.parts.iter().map(|part| part.name.to_string()).collect();
        writing.add(
            self.set(&subject, proposal.to_json().into_bytes(), Version::NEW),
            entry(kind, &subject)
                .with("consents", statements.join(" "))
                .with("parts", parts.join(" "))
                .with("proposed-by", &set.proposed_by),
        );
        // INVARIANT: if another process commits with the same number first, this is a conflict, so that changes form
        // one sequence and each is applied at most once. A founding is number 0, and its name can be taken once.
        if set.serial > 0 {
            let (serial, _) = self.serial_row().await?;
            let row = self.set(active::SERIAL, set.serial.to_string().into_bytes(), serial.version);
            writing.add(row, entry(EntryKind::PolicyChanged, active::SERIAL));
        }
        if texts.digest() != self.texts_digest() {
            let row = self.store().setting(active::TEXTS).await?;
            let version = row.map_or(Version::NEW, |row| row.version);
            let entry = entry(EntryKind::PolicyChanged, active::TEXTS)
                .with("before", self.texts_digest())
                .with("after", texts.digest());
            writing.add(self.set(active::TEXTS, texts.to_bytes(), version), entry);
        }
        for part in &set.parts {
            match &part.name {
                PartName::Officer(id) => self.write_officer(proposal, id, &entry, &mut writing).await?,
                PartName::Clock => {
                    let doubt = self.recorded_doubt().await?.unwrap_or_default();
                    writing.changes.extend(self.accept_clock().await?);
                    let entry = entry(EntryKind::SettingChanged, clock::SETTING);
                    writing.entries.push(entry.with("clock", "accepted").with("doubt", doubt.trim_end()));
                }
                PartName::Ledger => {
                    let row = self.store().setting(RESTORED).await?;
                    let version = row.map_or(Version::NEW, |row| row.version);
                    let text = proposal.text(&part.name).unwrap_or_default();
                    let entry = entry(EntryKind::SettingChanged, RESTORED).with("why", &set.why);
                    writing.add(self.set(RESTORED, text.as_bytes().to_vec(), version), entry);
                }
                // Written once per partner, with everything the change has about it.
                PartName::Partner(_) | PartName::Agreement(_) | PartName::Standing(_) => {}
                PartName::Consent(_) | PartName::Policy(_) | PartName::Manifest => {}
            }
        }
        let partners = set.parts.iter().filter_map(|part| match &part.name {
            PartName::Partner(id) | PartName::Agreement(id) | PartName::Standing(id) => Some(id),
            _ => None,
        });
        let mut ended = BTreeMap::new();
        for id in partners.collect::<std::collections::BTreeSet<_>>() {
            ended.extend(self.ends_consents(proposal, id).await?.map(|why| (id.clone(), why)));
            self.write_partner(proposal, id, &entry, &mut writing).await?;
        }
        let consents = set.consents().map(|(name, part)| (name, proposal.text(&part.name).unwrap_or_default()));
        if let Some((row, recorded)) = self.consents_change(consents, &ended, &officers.join(" ")).await? {
            writing.changes.push(row.into());
            writing.entries.extend(recorded.into_iter().map(|entry| entry.with("change", set.digest())));
        }
        let lost = match set.part(&PartName::Ledger) {
            Some(_) => Some(accepted::accepted_losses(&**self.store()).await?),
            None => None,
        };
        let made = self.commit_while(self.stands(roster), writing.changes, writing.entries).await;
        made.map_err(|error| match error {
            GatewayError::Store(StoreError::Conflict { .. }) => GatewayError::refused(format!(
                "change {} was not applied: another took effect at the same moment; see `change list`",
                set.serial
            )),
            other => other.of_commit(format_args!("change {}", set.serial), "change list"),
        })?;
        if let Some(before) = lost {
            self.recreate_lost_files(&before).await?;
        }
        tracing::warn!(change = %set.digest(), serial = set.serial, officers = officers.join(" "), "change in force");
        // Recorded from here on; if writing the folder is interrupted, the next start finishes it.
        rules::write_folder(&self.config().policy.folder, texts, false)?;
        let listed = if writing.replaces { self.refresh_officers_list().await } else { Ok(()) };
        Ok(ChangeApplied {
            change: set.digest(),
            serial: set.serial,
            parts: set.parts.clone(),
            officers: authorised.officers().to_vec(),
            texts: texts.digest(),
            warning: listed.err().map(|e| {
                format!("the list of revoked certificates was not written: {e}; write it with `cert refresh-list`")
            }),
        })
    }

    fn set(&self, name: &str, value: Vec<u8>, version: Version) -> Setting {
        Setting { name: name.to_owned(), value, changed: self.now(), version }
    }

    async fn write_officer(
        &self,
        proposal: &Proposal,
        id: &OfficerId,
        entry: &impl Fn(EntryKind, &str) -> Entry,
        writing: &mut Writing,
    ) -> Result<(), GatewayError> {
        let appointment = self.appointment_in(proposal, id)?;
        let certified = self.certify(&appointment).await?;
        let new = certified.row.version == Version::NEW;
        let kind = if new { EntryKind::OfficerAdded } else { EntryKind::OfficerChanged };
        let roles: Vec<String> = appointment.roles.iter().map(ToString::to_string).collect();
        let entry = entry(kind, id.as_str())
            .with("key", certified.row.public_key.fingerprint())
            .with("roles", roles.join(" "))
            .with("serials", certified.serials.join(" "))
            .with("until", certified.row.valid_until);
        writing.add(certified.row, entry);
        writing.replaces |= certified.replaces;
        Ok(())
    }

    /// Why a change of a partner ends the source consents that name it: they were given for the organisation enrolled
    /// then. A partner that renews its certificates, or its keys one after another, stays the same.
    async fn ends_consents(&self, proposal: &Proposal, id: &PartnerId) -> Result<Option<String>, GatewayError> {
        let Some(known) = self.store().partner(id).await? else { return Ok(None) };
        if proposal.text(&PartName::Standing(id.clone())) == Some(REMOVED) {
            return Ok(Some(format!("partner `{id}` was removed")));
        }
        let Some(text) = proposal.text(&PartName::Partner(id.clone())) else { return Ok(None) };
        if known.state == PartnerState::Removed {
            return Ok(Some(format!("partner `{id}` was enrolled anew")));
        }
        let (before, after) =
            (&self.partner(id).await?.description, Description::parse(text).map_err(GatewayError::refused)?);
        Ok(match () {
            () if before.code != after.code => Some(format!("partner `{id}` has another code")),
            () if !after.continues(before) => Some(format!("partner `{id}` has none of the keys that it had")),
            () => None,
        })
    }

    async fn write_partner(
        &self,
        proposal: &Proposal,
        id: &PartnerId,
        entry: &impl Fn(EntryKind, &str) -> Entry,
        writing: &mut Writing,
    ) -> Result<(), GatewayError> {
        let now = self.now();
        let known = self.store().partner(id).await?;
        let known_as = known.as_ref().map(|row| row.state);
        let standing = proposal.text(&PartName::Standing(id.clone()));
        let kind = match (known_as, standing) {
            (None | Some(PartnerState::Removed), _) => EntryKind::PartnerAdded,
            (Some(_), Some(REMOVED)) => EntryKind::PartnerRemoved,
            (Some(_), Some(_)) => EntryKind::PartnerResumed,
            (Some(_), None) => EntryKind::PartnerChanged,
        };
        let mut entry = entry(kind, id.as_str());
        let mut row = known.unwrap_or_else(|| store::Partner {
            id: id.clone(),
            state: PartnerState::Active,
            crl: Vec::new(),
            description: Vec::new(),
            agreement: Vec::new(),
            added: now,
            changed: now,
            version: Version::NEW,
        });
        if let Some(text) = proposal.text(&PartName::Partner(id.clone())) {
            let description = Description::parse(text).map_err(GatewayError::refused)?;
            row.crl = description.revocation_list.clone().into_bytes();
            row.description = text.as_bytes().to_vec();
            entry = entry.with("description", description.fingerprint());
        }
        if let Some(text) = proposal.text(&PartName::Agreement(id.clone())) {
            let agreement = Agreement::parse(text).map_err(GatewayError::refused)?;
            row.agreement = text.as_bytes().to_vec();
            entry = entry.with("agreement", agreement.digest()).with("code", &agreement.party.code);
        }
        row.state = match (standing, known_as) {
            (Some(REMOVED), _) => PartnerState::Removed,
            // Reinstated or enrolled again.
            (Some(_), _) | (None, Some(PartnerState::Removed)) => PartnerState::Active,
            (None, _) => row.state,
        };
        if standing.is_some() {
            entry = entry.with("why", &proposal.set.why);
        }
        row.changed = now;
        writing.add(row, entry);
        Ok(())
    }
}
