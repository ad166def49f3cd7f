//! One key, one owner: every key that a change brings is held against those of everybody on record, past and present, and
//! against the node's own.

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
    /// Refuses a change by which a key would get a second owner.
    ///
    /// INVARIANT: whoever commits the change does so only while no partner, officer or setting was changed since before this
    /// was asked.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] says which key and whose it is.
    pub(in crate::gateway) async fn check_owners(&self, proposal: &Proposal) -> Result<(), GatewayError> {
        if !proposal.set.parts.iter().any(|part| matches!(part.name, PartName::Partner(_) | PartName::Officer(_))) {
            return Ok(());
        }
        let mut owners = KeyOwners::default();
        for (key, purpose) in self.own_keys()? {
            // Its own come first: whatever the record says, they are nobody else's.
            let _ = owners.claim(key, purpose, &KeyOwner::Node);
        }
        for key in self.past_certificate_keys().await? {
            let _ = owners.claim(key, KeyPurpose::Connection, &KeyOwner::Node);
        }
        for serial in 0..=self.change_serial().await? {
            if let Some(row) = self.store().setting(&active::change_name(serial)).await? {
                let damaged = || GatewayError::Trouble(format!("change {serial} on record does not read"));
                let text = String::from_utf8(row.value).map_err(|_| damaged())?;
                // Of two who are on record with one key the first stays its owner.
                claim_all(&mut owners, &Proposal::parse(&text).map_err(|_| damaged())?, |_| Ok(()))?;
            }
        }
        // Everybody is on record with a change; what came there in another way has owners all the same.
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

/// What becomes of a key that has an owner already.
type OnTaken<'a> = &'a mut dyn FnMut(KeyTaken) -> Result<(), GatewayError>;

/// Claims every key that the parts of a change bring, each for whom the part is about.
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

/// The fingerprint of the authority's key in a description, which is the same in every certificate of it.
fn authority_fingerprint(description: &Description) -> Option<Digest> {
    let profile = description.profile.parse::<ProfileName>().ok()?.profile();
    let der = pem_to_der(PEM_CERTIFICATE, &description.ca_certificate).ok()?;
    key_fingerprint(AuthorityCertificate::parse(&der, profile).ok()?.public_bytes(), profile.algorithm())
}

fn recipient_fingerprint(recipient: &Recipient) -> Digest {
    Digest::of(&[b"x25519:", &recipient.raw()[..]].concat())
}
