//! Changes of the policy, agreements, officers and partners: proposed against what is in force, and consented to.

use crate::gateway::node::participants::holder_of;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::approval::{Officer, Officers, Role};
use crate::change::{self, Appointment, ChangeSet, CheckpointPlace, Consent, Part, PartName, Proposal};
use crate::consent::SourceConsent;
use crate::digest::Digest;
use crate::gateway::node::policy::rules;
use crate::gateway::{AppointmentRequest, GatewayError, Node};
use crate::ident::{ConsentId, OfficerId, PartnerId};
use crate::partner::{Agreement, Description};
use crate::sign::{Signed, Signer};
use crate::store::{OfficerState, RESTORED, Setting};
use crate::time::Time;

/// Maximum lifetime of a proposal to accept the clock: what the officers checked is soon outdated.
pub(super) const CLOCK_MAX: Duration = Duration::from_secs(24 * 3600);
/// The text that reinstates a suspended partner.
pub(super) const ACTIVE: &str = "active\n";
/// The text that ends a partner's enrolment.
pub(in crate::gateway) const REMOVED: &str = "removed\n";

/// A requested change.
#[derive(Clone, Debug)]
pub struct ChangeRequest {
    /// A policy folder that replaces the whole policy, if any.
    pub folder: Option<PathBuf>,
    /// Policy texts that replace those of the same name; `None` removes one.
    pub texts: BTreeMap<String, Option<String>>,
    /// Officers to enrol or to renew.
    pub officers: Vec<AppointmentRequest>,
    /// Partners to enrol, each with an agreement, or whose keys change. Their fingerprints were confirmed.
    pub partners: Vec<Description>,
    /// New agreements, by partner.
    pub agreements: BTreeMap<PartnerId, Agreement>,
    /// New kinds of product in those agreements, confirmed although they resemble known ones.
    pub new_kinds: BTreeSet<String>,
    /// Source consents to record, by name.
    pub consents: BTreeMap<ConsentId, SourceConsent>,
    /// Suspended partners to reinstate.
    pub resumed: BTreeSet<PartnerId>,
    /// Partners to remove; their keys can never be enrolled for another.
    pub removed: BTreeSet<PartnerId>,
    /// Whether to trust a clock that is in doubt.
    pub clock: bool,
    /// Lost checkpoints of our own ledger, by the partner that showed them.
    pub lost: Vec<(PartnerId, String)>,
    /// Places where the checkpoint file is missing or damaged and is to be created again.
    pub without: BTreeSet<CheckpointPlace>,
    /// Who proposes it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When the proposal ends.
    pub expires: Time,
}

impl ChangeRequest {
    /// An empty request.
    pub fn new(by: impl Into<String>, why: impl Into<String>, expires: Time) -> ChangeRequest {
        ChangeRequest {
            folder: None,
            texts: BTreeMap::new(),
            officers: Vec::new(),
            partners: Vec::new(),
            agreements: BTreeMap::new(),
            new_kinds: BTreeSet::new(),
            consents: BTreeMap::new(),
            resumed: BTreeSet::new(),
            removed: BTreeSet::new(),
            clock: false,
            lost: Vec::new(),
            without: BTreeSet::new(),
            by: by.into(),
            why: why.into(),
            expires,
        }
    }
}

impl Node {
    /// A proposal of the requested change against what is in force. Nothing is recorded.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if nothing would change or the result would be invalid.
    pub async fn propose(&self, wanted: ChangeRequest) -> Result<Proposal, GatewayError> {
        let (by, why, expires) = (wanted.by.clone(), wanted.why.clone(), wanted.expires);
        let (mut parts, mut texts) = (Vec::new(), BTreeMap::new());
        for (name, text) in self.wanted_texts(wanted).await? {
            let before = self.text_in_force(&name).await?;
            if before == text {
                continue;
            }
            let digest = |text: &Option<String>| text.as_ref().map(|t| Digest::of(t.as_bytes()));
            parts.push(Part { name: name.clone(), before: digest(&before), after: digest(&text) });
            texts.extend(text.map(|text| (name, text)));
        }
        if parts.is_empty() {
            return Err(GatewayError::refused("nothing to change: the proposal is in force already"));
        }
        let set = ChangeSet {
            node: self.config().node.name.clone(),
            instance: self.instance(),
            serial: self.change_serial().await? + 1,
            parts,
            proposed_by: by,
            why,
            proposed_ms: self.now().unix_ms(),
            expires_ms: expires.unix_ms(),
        };
        let proposal = Proposal::new(set, texts).map_err(GatewayError::refused)?;
        self.check_change(&proposal).await?;
        Ok(proposal)
    }

    /// The requested change as texts by part name; `None` removes one.
    async fn wanted_texts(&self, wanted: ChangeRequest) -> Result<BTreeMap<PartName, Option<String>>, GatewayError> {
        let mut after: BTreeMap<PartName, Option<String>> = BTreeMap::new();
        if let Some(folder) = &wanted.folder {
            after.extend(self.wanted_of_folder(folder)?);
        }
        for (name, text) in wanted.texts {
            let named: PartName = name.parse().map_err(GatewayError::refused)?;
            let PartName::Policy(_) = named else {
                return Err(GatewayError::refused(format!("`{name}` is not a policy text")));
            };
            after.insert(named, text);
        }
        for asked in &wanted.officers {
            let appointment = self.appointment(asked).await?;
            after.insert(PartName::Officer(appointment.officer.clone()), Some(appointment.to_toml()));
        }
        for description in wanted.partners {
            let id = PartnerId::from(description.node.clone());
            after.insert(PartName::Partner(id), Some(description.to_json()));
        }
        for (partner, agreement) in wanted.agreements {
            self.check_kinds(&partner, &agreement, &wanted.new_kinds).await?;
            if !after.contains_key(&PartName::Partner(partner.clone())) {
                self.enrolled_row(&partner).await?;
            }
            after.insert(PartName::Agreement(partner), Some(agreement.to_toml()));
        }
        for (name, consent) in wanted.consents {
            after.insert(PartName::Consent(name), Some(consent.to_toml()));
        }
        for partner in wanted.removed {
            self.enrolled_row(&partner).await?;
            after.insert(PartName::Standing(partner), Some(REMOVED.to_owned()));
        }
        for partner in wanted.resumed {
            self.enrolled_row(&partner).await?;
            if self.text_in_force(&PartName::Standing(partner.clone())).await?.as_deref() == Some(ACTIVE) {
                return Err(GatewayError::refused(format!("partner `{partner}` is active already")));
            }
            after.insert(PartName::Standing(partner), Some(ACTIVE.to_owned()));
        }
        if wanted.clock {
            if self.recorded_doubt().await?.is_none() {
                return Err(GatewayError::refused("the clock is not in doubt: nothing was changed"));
            }
            after.insert(PartName::Clock, Some(self.clock_accepted()));
        }
        if !wanted.lost.is_empty() || !wanted.without.is_empty() {
            let lost = self.proposed_losses(&wanted.lost, &wanted.without).await?;
            after.insert(PartName::Ledger, Some(lost.to_toml()));
        }
        Ok(after)
    }

    /// The text of one part that is in force; `None` if there is none.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if the part is the standing of a partner that is not enrolled.
    pub async fn text_in_force(&self, part: &PartName) -> Result<Option<String>, GatewayError> {
        let utf8 = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes);
            text.map(Some).map_err(|_| GatewayError::Local(format!("the recorded `{part}` is malformed")))
        };
        match part {
            PartName::Policy(name) => Ok(self.policy_texts().text(name).map(str::to_owned)),
            // A founding comes first: no signed text precedes it.
            PartName::Manifest => Ok(None),
            PartName::Officer(id) => {
                let Some(row) = self.store().officer(id).await? else { return Ok(None) };
                let text = Appointment::from(&self.officer_of(&row, &self.officer_authority_files()?)).to_toml();
                Ok(Some(if row.state == OfficerState::Revoked { format!("# revoked\n{text}") } else { text }))
            }
            // A removed partner is enrolled again like any other.
            PartName::Partner(id) => match self.enrolled(id).await? {
                Some(row) => utf8(row.description),
                None => Ok(None),
            },
            PartName::Agreement(id) => match self.enrolled(id).await? {
                Some(row) => utf8(row.agreement),
                None => Ok(None),
            },
            PartName::Consent(name) => self.consent_text(name).await,
            PartName::Standing(id) => Ok(Some(format!("{}\n", self.partner_row(id).await?.state))),
            PartName::Clock => self.recorded_doubt().await,
            PartName::Ledger => match self.store().setting(RESTORED).await? {
                Some(Setting { value, .. }) => utf8(value),
                None => Ok(None),
            },
        }
    }

    /// Adds an officer's consent to a valid proposal.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the signer is not an officer, or the proposal could not be applied.
    pub async fn consent(&self, proposal: &mut Proposal, signer: &dyn Signer) -> Result<OfficerId, GatewayError> {
        let officers = self.officers().await?;
        let (officer, role) = self.consenting(proposal, &officers, signer).await?;
        let now = self.now();
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
        let counted = change::authorise(proposal, &self.here(&officers));
        let twice = counted
            .err()
            .is_some_and(|not| not.void.iter().any(|v| v.reasons.contains(&change::ConsentVoid::SecondVote)));
        if twice {
            return Err(GatewayError::refused(format!("Not counted: `{}` has already consented", officer.id)));
        }
        Ok(officer.id.clone())
    }

    /// Checks that the holder of a key may consent to a proposal, before it is shown to them or signed.
    ///
    /// # Errors
    /// As [`Node::consent`].
    pub async fn check_consent_of(&self, proposal: &Proposal, signer: &dyn Signer) -> Result<(), GatewayError> {
        self.consenting(proposal, &self.officers().await?, signer).await.map(|_| ())
    }

    /// The officer who would consent with a key, and the role.
    async fn consenting<'o>(
        &self,
        proposal: &Proposal,
        officers: &'o Officers,
        signer: &dyn Signer,
    ) -> Result<(&'o Officer, Role), GatewayError> {
        self.check_change(proposal).await?;
        let officer = holder_of(officers, signer)?;
        let role = officer.roles.iter().rev().find(|role| role.approves_release()).copied();
        let role = role.filter(|_| officer.in_office(self.now())).ok_or_else(|| {
            GatewayError::refused(format!(
                "`{}` may not consent: only disclosure officers and senior officers in office may decide changes",
                officer.id
            ))
        })?;
        Ok((officer, role))
    }

    /// Every policy text, from a folder; those that it lacks are removed.
    fn wanted_of_folder(&self, folder: &Path) -> Result<BTreeMap<PartName, Option<String>>, GatewayError> {
        let wanted = rules::read_folder(folder).map_err(GatewayError::refused)?;
        let names: BTreeSet<&str> = wanted.iter().chain(self.policy_texts().iter()).map(|(name, _)| name).collect();
        let part = |name: &str| (PartName::Policy(name.to_owned()), wanted.text(name).map(str::to_owned));
        Ok(names.into_iter().map(part).collect())
    }
}
