//! The founding of a node: its first officers are enrolled once, with the signature of each.

use std::collections::BTreeMap;

use crate::approval::{Officer, Officers, VerificationContext};
use crate::change::{self, Appointment, ChangeSet, Consent, Part, PartName, Proposal};
use crate::digest::Digest;
use crate::gateway::node::policy::active;
use crate::gateway::{AppointmentRequest, ChangeApplied, GatewayError, Node};
use crate::ident::OfficerId;
use crate::ledger::EntryKind;
use crate::sign::{Instance, Signed, Signer};
use crate::time::Time;

/// The message for a node that was created but not founded.
pub(in crate::gateway) const NOT_FOUNDED: &str = "this node is not founded: nobody may enrol, approve or change anything until its \
    first officers are enrolled together; begin with `portcullis found propose`";

impl Node {
    /// Whether its first officers are on record.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn is_founded(&self) -> Result<bool, GatewayError> {
        Ok(self.store().setting(&active::change_name(0)).await?.is_some())
    }

    /// Fails if the node is not founded.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is not founded, with the remedy.
    pub async fn must_be_founded(&self) -> Result<(), GatewayError> {
        if self.is_founded().await? { Ok(()) } else { Err(GatewayError::refused(NOT_FOUNDED)) }
    }

    /// The instance of this node, as named in every statement for it.
    pub fn instance(&self) -> Instance {
        Instance::of_ledger(self.keys().ledger.public())
    }

    /// The context in which an officer's statement is verified here and now.
    pub(in crate::gateway) fn here<'o>(&self, officers: &'o Officers) -> VerificationContext<'o> {
        VerificationContext { instance: self.instance(), officers, now: self.now() }
    }

    /// A founding of this node by these officers, for each of them to sign. Nothing is recorded.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the node is founded already, or they could not found it.
    pub async fn propose_founding(
        &self,
        officers: &[AppointmentRequest],
        by: &str,
        expires: Time,
    ) -> Result<Proposal, GatewayError> {
        self.check_unfounded().await?;
        let mut texts: BTreeMap<PartName, String> = BTreeMap::new();
        for asked in officers {
            let appointment = self.appointment(asked).await?;
            let id = appointment.officer.clone();
            if texts.insert(PartName::Officer(id.clone()), appointment.to_toml()).is_some() {
                return Err(GatewayError::refused(format!("officer `{id}` is named twice")));
            }
        }
        texts.insert(PartName::Manifest, self.policy_texts().manifest());
        let part = |(name, text): (&PartName, &String)| Part {
            name: name.clone(),
            before: None,
            after: Some(Digest::of(text.as_bytes())),
        };
        let set = ChangeSet {
            node: self.config().node.name.clone(),
            instance: self.instance(),
            serial: 0,
            parts: texts.iter().map(part).collect(),
            proposed_by: by.to_owned(),
            why: "founding".to_owned(),
            proposed_ms: self.now().unix_ms(),
            expires_ms: expires.unix_ms(),
        };
        let proposal = Proposal::new(set, texts).map_err(GatewayError::refused)?;
        self.check_founding(&proposal).await?;
        Ok(proposal)
    }

    /// Founds the node if every appointed officer has signed: the officers, their certificates and the entries that
    /// record them, in one commit.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the node is founded already, the founding is for another node, or a signature is
    /// missing.
    pub async fn found(&self, proposal: &Proposal) -> Result<ChangeApplied, GatewayError> {
        let roster = self.store().generations().await?.roster;
        self.check_founding(proposal).await?;
        let founded = change::found(proposal, self.instance(), self.now()).map_err(GatewayError::refused)?;
        self.write_change(&founded, self.policy_texts(), roster, EntryKind::NodeFounded).await
    }

    async fn check_unfounded(&self) -> Result<(), GatewayError> {
        if self.is_founded().await? {
            return Err(GatewayError::refused(
                "this node is founded already: use `officer add` to propose another officer",
            ));
        }
        Ok(())
    }

    /// Checks that a founding could be applied, apart from its signatures.
    async fn check_founding(&self, proposal: &Proposal) -> Result<Vec<Appointment>, GatewayError> {
        self.check_addressed(&proposal.set)?;
        self.check_unfounded().await?;
        let (appointments, _) = change::appointed(proposal).map_err(GatewayError::refused)?;
        if proposal.text(&PartName::Manifest) != Some(&*self.policy_texts().manifest()) {
            return Err(GatewayError::refused(
                "the founding names another policy than the recorded one: propose it again",
            ));
        }
        self.check_appointments(&appointments).await?;
        self.check_owners(proposal).await?;
        Ok(appointments)
    }
}

/// The appointed officer who holds the key, before anything is shown to them or signed.
///
/// # Errors
/// [`GatewayError::Refused`] if the document is not a founding, or the signer is not among the appointed officers.
pub fn signer_of_founding(proposal: &Proposal, signer: &dyn Signer) -> Result<Officer, GatewayError> {
    let (_, roster) = change::appointed(proposal).map_err(GatewayError::refused)?;
    let officer = roster.holder_of(signer.public()).ok_or_else(|| {
        let key = signer.public().fingerprint().short();
        GatewayError::refused(format!("no officer in the founding has key `{key}`"))
    })?;
    Ok(officer.clone())
}

/// Adds an appointed officer's signature. This needs the document and the key, and no node.
///
/// # Errors
/// [`GatewayError::Refused`] if the document is not a founding, or the signer is not among the appointed officers.
pub fn sign_founding(
    proposal: &mut Proposal,
    signer: &dyn Signer,
    now: Time,
    nonce: [u8; 16],
) -> Result<OfficerId, GatewayError> {
    let officer = signer_of_founding(proposal, signer)?;
    let consent = Consent {
        change: proposal.set.clone(),
        officer: officer.id.clone(),
        role: officer.strongest_role(),
        given_ms: now.unix_ms(),
        expires_ms: proposal.set.expires_ms,
        nonce,
    };
    let signed = Signed::sign(consent, signer).map_err(GatewayError::trouble)?;
    let same = |bytes: &Vec<u8>| Signed::<Consent>::peek(bytes).is_ok_and(|earlier| earlier.officer == officer.id);
    // Signed again: the last signature replaces the earlier one.
    proposal.consents.retain(|earlier| !same(earlier));
    proposal.consents.push(signed.bytes().to_vec());
    Ok(officer.id)
}
