//! Officers' certificates: issued and revoked by the node's officer authority, and verified each time that an officer
//! counts.

use crate::approval::Role;
use crate::change::Appointment;
use crate::digest::Digest;
use crate::gateway::node::files::{read, replace, unusable_key};
use crate::gateway::{GatewayError, Node};
use crate::pki::{
    Authority, AuthorityCertificate, CertificateKey, OfficerCertificate, OfficerSubject, PEM_CERTIFICATE,
    PEM_REVOCATION_LIST, Profile, ProfileName, RevocationList, pem_to_der,
};
use crate::sign::PublicKey;
use crate::store::{self, Version};
use std::collections::BTreeSet;

/// The name of the authority's key and of its public files.
pub(in crate::gateway) const KEY: &str = "officers";

/// File name of the authority's certificate (PEM), in the certificates folder.
pub(in crate::gateway) const CERTIFICATE: &str = "officers.pem";

/// File name of the authority's revocation list (PEM), in the certificates folder.
pub(in crate::gateway) const LIST: &str = "officers-crl.pem";

/// Size of the cache of verified certificates; with more officers than this, the rest are verified each time.
pub(in crate::gateway) const CERTIFICATE_CACHE_MAX: usize = 1024;

/// The officer authority's certificate and its revocation list, PEM.
pub(in crate::gateway) struct OfficerAuthorityFiles {
    authority: String,
    list: String,
}

/// An officer certified according to an appointment, to be recorded with the change that appoints them.
pub(in crate::gateway) struct Certified {
    pub row: store::Officer,
    /// The serial numbers of the new certificates.
    pub serials: Vec<String>,
    /// Whether they replace others, which then go on the officers' revocation list.
    pub replaces: bool,
}

/// One refusal with all faults, separated by `; `.
pub(in crate::gateway) fn join<E: std::fmt::Display>(faults: &[E]) -> GatewayError {
    GatewayError::refused(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

impl Node {
    /// Certifies an officer according to `appointment`. Nothing is recorded yet, and an unrecorded certificate
    /// appoints nobody.
    ///
    /// # Errors
    /// [`GatewayError`] if the authority's files cannot be used or the profile does not allow what is certified.
    pub(in crate::gateway) async fn certify(&self, appointment: &Appointment) -> Result<Certified, GatewayError> {
        let (now, id) = (self.now(), &appointment.officer);
        self.make_officer_authority()?;
        let authority = self.officer_authority()?;
        let issue = |key: &PublicKey| {
            let (officer, name) = (id.clone(), appointment.name.clone());
            let subject = OfficerSubject { officer, name, roles: appointment.roles.clone(), key: key.clone() };
            authority.issue_officer(&subject, appointment.until.since(now), now, self.random())
        };
        let issued =
            appointment.keys.iter().map(issue).collect::<Result<Vec<_>, _>>().map_err(GatewayError::refused)?;
        // INVARIANT: an appointment holds at least one key; reading and asking for one refuse others.
        let public_key = appointment.keys.last().cloned().ok_or_else(|| GatewayError::refused("no key"))?;
        let before = self.store().officer(id).await?;
        let row = store::Officer {
            id: id.clone(),
            name: appointment.name.clone(),
            public_key,
            certificates: issued.iter().map(OfficerCertificate::to_pem).collect::<String>().into_bytes(),
            roles: appointment.roles.iter().map(Role::to_string).collect(),
            state: store::OfficerState::Active,
            added: before.as_ref().map_or(now, |row| row.added),
            changed: now,
            valid_until: issued.iter().map(OfficerCertificate::not_after).min().unwrap_or(now),
            declared: appointment.declared.clone(),
            version: before.as_ref().map_or(Version::NEW, |row| row.version),
        };
        let serials = issued.iter().map(|c| hex::encode(c.serial())).collect();
        Ok(Certified { row, serials, replaces: before.is_some() })
    }

    /// The officer authority's files as they are now.
    ///
    /// # Errors
    /// [`GatewayError`] if one of them cannot be read.
    pub(in crate::gateway) fn officer_authority_files(&self) -> Result<OfficerAuthorityFiles, GatewayError> {
        let file = |name| read(&self.config().certificates.join(name));
        Ok(OfficerAuthorityFiles { authority: file(CERTIFICATE)?, list: file(LIST)? })
    }

    /// The certificates of a recorded officer, if all are valid and agree with the record.
    pub(super) fn certified(
        &self,
        row: &store::Officer,
        certifying: &OfficerAuthorityFiles,
    ) -> Result<Vec<OfficerCertificate>, String> {
        let OfficerAuthorityFiles { authority, list } = certifying;
        let both = [Digest::of(authority.as_bytes()), Digest::of(list.as_bytes())].map(|digest| *digest.as_bytes());
        let both = Digest::of(&[&both.concat(), &row.certificates[..]].concat());
        let cached = self.certificate_cache().get(&both).cloned();
        let certificates = match cached {
            Some(certificates) => certificates,
            None => {
                let read = self.read_certificates(authority, list, &row.certificates)?;
                let mut cache = self.certificate_cache();
                if cache.len() >= CERTIFICATE_CACHE_MAX {
                    cache.clear();
                }
                cache.insert(both, read.clone());
                read
            }
        };
        let Some(newest) = certificates.last() else { return Err("no certificate is on record".into()) };
        let same = |c: &OfficerCertificate| {
            let subject = c.subject();
            let roles: BTreeSet<String> = subject.roles.iter().map(Role::to_string).collect();
            subject.officer == row.id && subject.name == row.name && roles == row.roles
        };
        if !certificates.iter().all(same) || newest.subject().key != row.public_key {
            return Err("the certificate names another person, role or key than the record".into());
        }
        Ok(certificates)
    }

    /// The certificates of a bundle, if all are valid and none is revoked.
    pub(super) fn read_certificates(
        &self,
        authority: &str,
        list: &str,
        bundle: &[u8],
    ) -> Result<Vec<OfficerCertificate>, String> {
        let profile = self.own_profile().map_err(|e| e.to_string())?;
        let der = pem_to_der(PEM_CERTIFICATE, authority).map_err(|e| e.to_string())?;
        let authority = AuthorityCertificate::parse(&der, profile).map_err(|e| format!("officer authority: {e}"))?;
        let list = pem_to_der(PEM_REVOCATION_LIST, list)
            .map_err(|e| format!("revocation list of officers' certificates: {e}"))?;
        let list = RevocationList::parse(&list, &authority, profile)
            .map_err(|e| format!("revocation list of officers' certificates: {e}"))?;
        let blocks = pem::parse_many(bundle).map_err(|e| e.to_string())?;
        let parse = |block: &pem::Pem| {
            let certificate =
                OfficerCertificate::parse(block.contents(), &authority, &self.config().node.name, profile)
                    .map_err(|e| e.to_string())?;
            match list.revokes(certificate.serial()) {
                true => Err(format!("certificate {} is revoked", hex::encode(certificate.serial()))),
                false => Ok(certificate),
            }
        };
        blocks.iter().map(parse).collect()
    }

    /// The node's own certificate profile, which its officers' certificates use.
    pub(in crate::gateway) fn own_profile(&self) -> Result<&'static Profile, GatewayError> {
        let name: ProfileName = self.config().listen.profile.parse().map_err(GatewayError::trouble)?;
        Ok(name.profile())
    }

    /// The officer authority, with its private key.
    ///
    /// # Errors
    /// [`GatewayError`] if its certificate or its key cannot be used.
    pub(in crate::gateway) fn officer_authority(&self) -> Result<Authority, GatewayError> {
        let profile = self.own_profile()?;
        let path = self.config().certificates.join(CERTIFICATE);
        let der = pem_to_der(PEM_CERTIFICATE, &read(&path)?)
            .map_err(|e| GatewayError::trouble(format!("`{}`: {e}", path.display())))?;
        let key = self.config().keys.text(KEY).map_err(GatewayError::trouble)?;
        let trouble = |e: &dyn std::fmt::Display| unusable_key(&self.config().keys.file(KEY), e);
        let key = CertificateKey::from_pem(profile, &key).map_err(|e| trouble(&e))?;
        Authority::load(&self.config().node.name, profile, &der, key).map_err(|e| trouble(&e))
    }

    /// Creates the officer authority if the node has none. If only its certificate is missing, that must be restored:
    /// a new authority would invalidate every certificate that it issued.
    ///
    /// # Errors
    /// [`GatewayError`] if its files cannot be written, or it has a key and no certificate.
    pub fn make_officer_authority(&self) -> Result<(), GatewayError> {
        let folder = &self.config().certificates;
        if folder.join(CERTIFICATE).exists() {
            return Ok(());
        }
        let key = self.config().keys.file(KEY);
        if key.exists() {
            return Err(GatewayError::trouble(format!(
                "`{}` is missing, but `{}` exists: restore the certificate from its backup",
                folder.join(CERTIFICATE).display(),
                key.display()
            )));
        }
        let profile = self.own_profile()?;
        let authority = Authority::create_for_officers(&self.config().node.name, profile, self.now(), self.random())
            .map_err(GatewayError::trouble)?;
        let list = authority.issue_revocation_list(&[], 1, self.now()).map_err(GatewayError::trouble)?;
        // The key first: a certificate without its key would look like an authority but could sign nothing.
        replace(&key, authority.key().to_pem().as_bytes(), 0o600)?;
        replace(&folder.join(LIST), list.to_pem().as_bytes(), 0o644)?;
        replace(&folder.join(CERTIFICATE), authority.certificate().to_pem().as_bytes(), 0o644)
    }

    /// Issues a new revocation list of officers' certificates from the record.
    pub(in crate::gateway) async fn refresh_officers_list(&self) -> Result<(), GatewayError> {
        // Without the key no list can be issued, and the lock is not needed.
        let authority = self.officer_authority()?;
        self.write_officers_list(&self.lists_lock()?, &authority).await
    }
}
