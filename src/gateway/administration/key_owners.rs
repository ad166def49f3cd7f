//! One owner per key: compares every key in a change with the keys of all partners and officers on record, past and
//! present, and with the node's own.

use crate::change::{Appointment, PartName, Proposal};
use crate::digest::Digest;
use crate::gateway::node::key_fingerprints::key_fingerprint;
use crate::gateway::node::policy::active;
use crate::gateway::{GatewayError, Node};
use crate::ident::{OfficerId, PartnerId};
use crate::partner::{Description, KeyOwner, KeyOwners, KeyPurpose, KeyTaken, ledger_key_fingerprint};
use crate::pki::{AuthorityCertificate, PEM_CERTIFICATE, ProfileName, pem_to_der};
use crate::seal::{Opener as _, Recipient};
use crate::sign::Signer as _;

impl Node {
    /// Fails if a change would give a key a second owner.
    ///
    /// INVARIANT: the caller commits the change only if no partner, officer or setting has changed since before this
    /// check.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] names the key and its owner.
    pub(in crate::gateway) async fn check_owners(&self, proposal: &Proposal) -> Result<(), GatewayError> {
        if !proposal.set.parts.iter().any(|part| matches!(part.name, PartName::Partner(_) | PartName::Officer(_))) {
            return Ok(());
        }
        let mut owners = KeyOwners::default();
        for (key, purpose) in self.own_keys()? {
            // The node's own keys come first: whatever the record says, they belong to nobody else.
            let _ = owners.claim(key, purpose, &KeyOwner::Node);
        }
        for key in self.past_certificate_keys().await? {
            let _ = owners.claim(key, KeyPurpose::Connection, &KeyOwner::Node);
        }
        for serial in 0..=self.change_serial().await? {
            if let Some(row) = self.store().setting(&active::change_name(serial)).await? {
                let damaged = || GatewayError::Local(format!("the recorded change {serial} is malformed"));
                let text = String::from_utf8(row.value).map_err(|_| damaged())?;
                // If two are recorded with one key, the first stays its owner.
                claim_all(&mut owners, &Proposal::parse(&text).map_err(|_| damaged())?, |_| Ok(()))?;
            }
        }
        // Normally everybody is recorded with a change; rows written in another way own their keys as well.
        for row in self.store().partners().await? {
            let description = String::from_utf8(row.description).ok().and_then(|text| Description::parse(&text).ok());
            description.map_or(Ok(()), |found| claim_partner(&mut owners, &row.id, &found, &mut |_| Ok(())))?;
        }
        for row in self.store().officers().await? {
            let _ = owners.claim(row.public_key.fingerprint(), KeyPurpose::Officer, &KeyOwner::Officer(row.id));
        }
        claim_all(&mut owners, proposal, |taken| Err(GatewayError::refused(taken)))
    }

    /// The fingerprints of this node's own keys.
    fn own_keys(&self) -> Result<Vec<(Digest, KeyPurpose)>, GatewayError> {
        let (keys, own) = (self.keys(), self.certificate_keys()?);
        let algorithm = self.own_profile()?.algorithm();
        let mut all = vec![
            (keys.signing.public().fingerprint(), KeyPurpose::Signing),
            (keys.ledger.public().fingerprint(), KeyPurpose::Ledger),
            (recipient_fingerprint(keys.payload.recipient()), KeyPurpose::Payload),
        ];
        all.extend(own.into_iter().filter_map(|(raw, purpose)| Some((key_fingerprint(&raw, algorithm)?, purpose))));
        Ok(all)
    }
}

/// What happens to a key that already has an owner.
type OnTaken<'a> = &'a mut dyn FnMut(KeyTaken) -> Result<(), GatewayError>;

/// Claims every key in the parts of a change, for the subject of each part.
fn claim_all(
    owners: &mut KeyOwners,
    proposal: &Proposal,
    mut taken: impl FnMut(KeyTaken) -> Result<(), GatewayError>,
) -> Result<(), GatewayError> {
    for part in &proposal.set.parts {
        let Some(text) = proposal.text(&part.name) else { continue };
        match &part.name {
            PartName::Partner(id) => {
                let description = Description::parse(text).map_err(GatewayError::refused)?;
                claim_partner(owners, id, &description, &mut taken)?;
            }
            PartName::Officer(id) => {
                let appointment = Appointment::parse(text).map_err(GatewayError::refused)?;
                claim_officer(owners, id, &appointment, &mut taken)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn claim_partner(
    owners: &mut KeyOwners,
    id: &PartnerId,
    description: &Description,
    taken: OnTaken<'_>,
) -> Result<(), GatewayError> {
    let owner = KeyOwner::Partner(id.clone());
    let recipient = description.payload_recipient.parse::<Recipient>().ok();
    let keys = [
        authority_fingerprint(description).map(|key| (key, KeyPurpose::Authority)),
        Some((description.signing_key.fingerprint(), KeyPurpose::Signing)),
        recipient.map(|recipient| (recipient_fingerprint(&recipient), KeyPurpose::Payload)),
        Some((ledger_key_fingerprint(&description.ledger_key), KeyPurpose::Ledger)),
    ];
    for (key, purpose) in keys.into_iter().flatten() {
        owners.claim(key, purpose, &owner).or_else(&mut *taken)?;
    }
    Ok(())
}

fn claim_officer(
    owners: &mut KeyOwners,
    id: &OfficerId,
    appointment: &Appointment,
    taken: OnTaken<'_>,
) -> Result<(), GatewayError> {
    let owner = KeyOwner::Officer(id.clone());
    for key in &appointment.keys {
        owners.claim(key.fingerprint(), KeyPurpose::Officer, &owner).or_else(&mut *taken)?;
    }
    Ok(())
}

/// The fingerprint of the authority's key in a description; it is the same in every certificate of that authority.
fn authority_fingerprint(description: &Description) -> Option<Digest> {
    let profile = description.profile.parse::<ProfileName>().ok()?.profile();
    let der = pem_to_der(PEM_CERTIFICATE, &description.ca_certificate).ok()?;
    key_fingerprint(AuthorityCertificate::parse(&der, profile).ok()?.public_bytes(), profile.algorithm())
}

fn recipient_fingerprint(recipient: &Recipient) -> Digest {
    Digest::of(&[b"x25519:", &recipient.raw()[..]].concat())
}
