//! Changes of policy and agreements: proposed, signed, and put in force.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::officers::holder_of;
use super::people::Changes;
use super::rules::{self, Rules};
use super::{GatewayError, Node, in_force};
use crate::change::{self, ChangeSet, Consent, Part, PartName, PolicyTexts, Proposal};
use crate::consent::SourceConsent;
use crate::digest::Digest;
use crate::ident::{ConsentId, OfficerId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::Agreement;
use crate::sign::{Signed, Signer};
use crate::store::{Setting, Version};
use crate::time::Time;

/// What somebody wants changed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// A policy folder that is to be in force as a whole, if any.
    pub folder: Option<PathBuf>,
    /// Single texts of the policy that take the place of those of the same name; `None` leaves one out.
    pub texts: BTreeMap<String, Option<String>>,
    /// New agreements, by partner.
    pub agreements: BTreeMap<PartnerId, Agreement>,
    /// Consents of sources to put on record, by name.
    pub consents: BTreeMap<ConsentId, SourceConsent>,
    /// Who proposes it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When the proposal ends.
    pub expires: Time,
}

/// A change that took effect.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeApplied {
    /// Its digest, which officers signed.
    pub change: Digest,
    /// Its number.
    pub serial: u64,
    /// What it replaced.
    pub parts: Vec<Part>,
    /// Who consented.
    pub officers: Vec<OfficerId>,
    /// SHA-256 of the policy's texts as they are in force now.
    pub texts: Digest,
}

impl Node {
    /// A proposal of what is wanted, against what is in force now. Nothing is put on record.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if nothing would change, or what would be in force after it does not read.
    pub async fn propose(&self, wanted: Wanted) -> Result<Proposal, GatewayError> {
        let now = self.now();
        let mut after: BTreeMap<PartName, Option<String>> = BTreeMap::new();
        if let Some(folder) = &wanted.folder {
            after.extend(self.wanted_of_folder(folder)?);
        }
        for (name, text) in wanted.texts {
            let name: PartName = name.parse().map_err(GatewayError::refused)?;
            after.insert(name, text);
        }
        for (partner, agreement) in wanted.agreements {
            after.insert(PartName::Agreement(partner), Some(agreement.to_toml()));
        }
        for (name, consent) in wanted.consents {
            after.insert(PartName::Consent(name), Some(consent.to_toml()));
        }
        let (mut parts, mut texts) = (Vec::new(), BTreeMap::new());
        for (name, text) in after {
            let before = self.text_in_force(&name).await?;
            if before == text {
                continue;
            }
            let digest = |text: &Option<String>| text.as_ref().map(|t| Digest::of(t.as_bytes()));
            parts.push(Part { name: name.clone(), before: digest(&before), after: digest(&text) });
            texts.extend(text.map(|text| (name, text)));
        }
        if parts.is_empty() {
            return Err(GatewayError::refused("nothing would change: what is proposed is in force already"));
        }
        let set = ChangeSet {
            node: self.config().node.name.clone(),
            serial: self.change_serial().await? + 1,
            parts,
            proposed_by: wanted.by,
            why: wanted.why,
            proposed_ms: now.unix_ms(),
            expires_ms: wanted.expires.unix_ms(),
        };
        let proposal = Proposal::new(set, texts).map_err(GatewayError::refused)?;
        self.check_change(&proposal).await?;
        Ok(proposal)
    }

    /// The text in force of one part; `None` if there is none.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if it is the agreement with a partner that is not enrolled.
    pub async fn text_in_force(&self, part: &PartName) -> Result<Option<String>, GatewayError> {
        match part {
            PartName::Policy(name) => Ok(self.policy_texts().text(name).map(str::to_owned)),
            PartName::Agreement(partner) => {
                let row = self.partner_row(partner).await?;
                let text = String::from_utf8(row.agreement);
                text.map(Some).map_err(|_| GatewayError::Trouble(format!("agreement with `{partner}` does not read")))
            }
            PartName::Consent(name) => self.consent_text(name).await,
        }
    }

    /// Adds an officer's consent to a proposal that fits what is in force.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the signer is no officer, or the proposal could not be applied anyway.
    pub async fn consent(&self, proposal: &mut Proposal, signer: &dyn Signer) -> Result<OfficerId, GatewayError> {
        self.check_change(proposal).await?;
        let officers = self.officers().await?;
        let officer = holder_of(&officers, signer)?;
        let now = self.now();
        let role = officer.roles.iter().rev().find(|role| role.approves_release()).copied();
        let role = role.filter(|_| officer.in_office(now)).ok_or_else(|| {
            GatewayError::refused(format!(
                "`{}` may not consent: only a disclosure officer or a senior one, in office, decides changes",
                officer.id
            ))
        })?;
        let consent = Consent {
            change: proposal.set.clone(),
            officer: officer.id.clone(),
            role,
            given_ms: now.unix_ms(),
            expires_ms: proposal.set.expires_ms,
            nonce: self.random(),
        };
        let signed = Signed::sign(consent, signer).map_err(GatewayError::trouble)?;
        proposal.consents.push(signed.bytes().to_vec());
        let counted = change::authorise(proposal, &officers, now);
        let twice = counted
            .err()
            .is_some_and(|not| not.void.iter().any(|v| v.reasons.contains(&change::ConsentVoid::SecondVote)));
        if twice {
            return Err(GatewayError::refused(format!(
                "`{}` has consented already: one person is one vote",
                officer.id
            )));
        }
        Ok(officer.id.clone())
    }

    /// Puts a change in force that the officers it takes have consented to: texts, agreements and the ledger entries
    /// that record them, in one commit. A running node takes it up by itself and decides anew on everything queued.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it lacks a valid consent, or was made against other texts than are in force.
    pub async fn apply_change(&self, proposal: &Proposal) -> Result<ChangeApplied, GatewayError> {
        let now = self.now();
        let texts = self.check_change(proposal).await?;
        let authorised = change::authorise(proposal, &self.officers().await?, now).map_err(GatewayError::refused)?;
        if self.clock_in_doubt().await? {
            return Err(GatewayError::refused("the clock stands behind what is on record: correct it first"));
        }
        let set = &authorised.proposal().set;
        let subject = format!("change.{}", set.serial);
        let officers: Vec<&str> = authorised.officers().iter().map(OfficerId::as_str).collect();
        let statements: Vec<String> = authorised.statements().iter().map(Digest::to_string).collect();
        let parts: Vec<String> = set.parts.iter().map(|part| part.name.to_string()).collect();
        let entry = |kind, subject: &str| {
            Entry::new(now, kind, subject, officers.join(" ")).with("change", set.digest()).with("serial", set.serial)
        };
        let setting =
            |name: &str, value: Vec<u8>, version| Setting { name: name.to_owned(), value, changed: now, version };
        let mut changes: Changes = Vec::new();
        let mut entries = Vec::new();
        // The change with its signatures stays on record whole, so that anybody can check later who agreed to what.
        changes.push(setting(&subject, proposal.to_json().into_bytes(), Version::NEW).into());
        entries.push(
            entry(EntryKind::PolicyChanged, &subject)
                .with("consents", statements.join(" "))
                .with("parts", parts.join(" "))
                .with("proposed-by", &set.proposed_by),
        );
        // INVARIANT: whoever read the same number and commits first makes this a conflict, so that changes form one
        // line and each takes effect at most once.
        let (serial, _) = self.serial_row().await?;
        changes.push(setting(in_force::SERIAL, set.serial.to_string().into_bytes(), serial.version).into());
        entries.push(entry(EntryKind::PolicyChanged, in_force::SERIAL));
        if texts.digest() != self.texts_digest() {
            let row = self.store().setting(in_force::TEXTS).await?;
            let version = row.map_or(Version::NEW, |row| row.version);
            changes.push(setting(in_force::TEXTS, texts.to_bytes(), version).into());
            entries.push(
                entry(EntryKind::PolicyChanged, in_force::TEXTS)
                    .with("before", self.texts_digest())
                    .with("after", texts.digest()),
            );
        }
        for (partner, part) in set.agreements() {
            let mut row = self.partner_row(partner).await?;
            let text = proposal.text(&part.name).unwrap_or_default();
            row.agreement = text.as_bytes().to_vec();
            row.changed = now;
            changes.push(row.into());
            let agreement = Agreement::parse(text).map_err(GatewayError::refused)?;
            entries.push(entry(EntryKind::PartnerChanged, partner.as_str()).with("agreement", agreement.digest()));
        }
        let consents = set.consents().map(|(name, part)| (name, proposal.text(&part.name).unwrap_or_default()));
        if let Some((row, recorded)) = self.recording(consents, &officers.join(" ")).await? {
            changes.push(row.into());
            entries.extend(recorded.into_iter().map(|entry| entry.with("change", set.digest())));
        }
        self.commit(changes, entries).await?;
        tracing::warn!(change = %set.digest(), serial = set.serial, officers = officers.join(" "), "change in force");
        // On record from here on; if writing the folder is interrupted, the next start finishes it.
        rules::write_folder(&self.config().policy.folder, &texts, false)?;
        Ok(ChangeApplied {
            change: set.digest(),
            serial: set.serial,
            parts: set.parts.clone(),
            officers: authorised.officers().to_vec(),
            texts: texts.digest(),
        })
    }

    /// Whether a proposal could be applied now, whoever consented; gives the policy's texts as they would be.
    async fn check_change(&self, proposal: &Proposal) -> Result<PolicyTexts, GatewayError> {
        let set = &proposal.set;
        let name = &self.config().node.name;
        if set.node != *name {
            return Err(GatewayError::refused(format!("change is for node `{}`, this is `{name}`", set.node)));
        }
        let next = self.change_serial().await? + 1;
        if set.serial != next {
            return Err(GatewayError::refused(format!(
                "change is number {}, and the next is {next}: it took effect already or another came first; propose it \
                 anew",
                set.serial
            )));
        }
        if set.expires() <= self.now() {
            return Err(GatewayError::refused(format!("change expired at {}: propose it anew", set.expires())));
        }
        for (partner, part) in set.agreements() {
            let in_force = self.text_in_force(&part.name).await?;
            proposal.fits(part, in_force.as_deref()).map_err(GatewayError::refused)?;
            let agreement = Agreement::parse(proposal.text(&part.name).unwrap_or_default())
                .map_err(|e| GatewayError::refused(format!("`{}`: {e}", part.name)))?;
            let known = self.partner(partner).await?;
            self.check(&known.description, &agreement)?;
        }
        for (name, part) in set.consents() {
            proposal.fits(part, self.consent_text(name).await?.as_deref()).map_err(GatewayError::refused)?;
            self.check_consent(name, proposal.text(&part.name).unwrap_or_default()).await?;
        }
        let texts = proposal.applied_to(self.policy_texts()).map_err(GatewayError::refused)?;
        let loaded = Rules::load(texts).map_err(GatewayError::refused)?;
        Ok(loaded.texts)
    }

    /// Every text of the policy as a folder has it; those that it lacks are left out.
    fn wanted_of_folder(&self, folder: &Path) -> Result<BTreeMap<PartName, Option<String>>, GatewayError> {
        let wanted = rules::read_folder(folder).map_err(GatewayError::refused)?;
        let names: BTreeSet<&str> = wanted.iter().chain(self.policy_texts().iter()).map(|(name, _)| name).collect();
        let part = |name: &str| (PartName::Policy(name.to_owned()), wanted.text(name).map(str::to_owned));
        Ok(names.into_iter().map(part).collect())
    }
}
