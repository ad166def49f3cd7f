//! Trust anchors: whose authorities are trusted at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    AuthorityCertificate, CertificateFault, PEM_CERTIFICATE, PEM_REVOCATION_LIST, ProfileName, RevocationFault,
    RevocationList, WrongAlgorithm, pem_to_der,
};
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::ledger::{LedgerKey, Origin};
use crate::partner::{Partner, Standing};
use crate::time::Time;

/// Whether a partner may be connected at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustStanding {
    /// In use.
    Active,
    /// Stopped by our operator.
    Suspended,
    /// Enrolled no more: its authority stays its own, and lets nobody in.
    Removed,
}

/// What we hold about one partner's certificates, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerTrust {
    /// The partner; its node must bear the same name.
    pub partner: PartnerId,
    /// The profile its agreement names.
    pub profile: ProfileName,
    /// Its authorities' certificates, DER, as enrolled: one, or two while it changes its authority.
    pub authorities: Vec<Vec<u8>>,
    /// Every revocation list received from it, DER; the highest-numbered of each authority counts.
    pub revocation_lists: Vec<Vec<u8>>,
    /// Whether it is in use.
    pub standing: TrustStanding,
    /// Serial numbers (big-endian, no leading zeros) that our operator refuses whatever its lists say.
    pub revoked_serials: BTreeSet<Vec<u8>>,
    /// SHA-256 fingerprints of certificates that our operator refuses whatever its lists say.
    pub revoked_fingerprints: BTreeSet<Digest>,
}

impl PartnerTrust {
    /// The trust material of an enrolled partner, as its description and agreement have it. Later revocation lists
    /// and our own revocations are added by whoever keeps them.
    ///
    /// # Errors
    /// [`TrustFault::Description`] names the field that does not read.
    pub fn of(partner: &Partner) -> Result<PartnerTrust, TrustFault> {
        let description = &partner.description;
        let profile: ProfileName =
            partner.agreement.profile.parse().map_err(|_| TrustFault::Description("agreement profile"))?;
        if description.profile != partner.agreement.profile {
            return Err(TrustFault::Description("profile"));
        }
        if description.node.as_str() != partner.id.as_str() {
            return Err(TrustFault::Description("node"));
        }
        profile.profile().takes_statements_of(&description.signing_key)?;
        let ledger: LedgerKey = description.ledger_key.parse().map_err(|_| TrustFault::Description("ledger_key"))?;
        if *ledger.origin() != Origin::of_node(&description.node) {
            return Err(TrustFault::Description("ledger_key"));
        }
        let authority = pem_to_der(PEM_CERTIFICATE, &description.ca_certificate);
        let list = pem_to_der(PEM_REVOCATION_LIST, &description.revocation_list);
        Ok(PartnerTrust {
            partner: partner.id.clone(),
            profile,
            authorities: vec![authority.map_err(|_| TrustFault::Description("ca_certificate"))?],
            revocation_lists: vec![list.map_err(|_| TrustFault::Description("revocation_list"))?],
            standing: match partner.standing {
                Standing::Active => TrustStanding::Active,
                Standing::Suspended => TrustStanding::Suspended,
                Standing::Removed => TrustStanding::Removed,
            },
            revoked_serials: BTreeSet::new(),
            revoked_fingerprints: BTreeSet::new(),
        })
    }
}

/// Why a partner's trust material is not usable; that partner is refused, the others are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// A field of the partner's description does not read, or disagrees with its agreement.
    #[error("field `{0}` of the partner's description does not read or disagrees with the agreement")]
    Description(&'static str),
    /// It signs its statements in an algorithm that the profile does not take.
    #[error("signing key: {0}")]
    Statements(#[from] WrongAlgorithm),
    /// No authority is enrolled.
    #[error("no certificate authority is enrolled for this partner: enrol one from its description")]
    NoAuthority,
    /// An authority certificate does not keep the profile.
    #[error("the enrolled authority certificate is not acceptable: {0}")]
    Authority(#[from] CertificateFault),
    /// A list does not keep the profile, or no enrolled authority signed it.
    #[error("a revocation list is not acceptable: {0}; ask the partner for a new one")]
    RevocationList(#[from] RevocationFault),
    /// Two lists bear one number and differ.
    #[error("two different revocation lists bear the number {0}: ask the partner for a new one")]
    ConflictingLists(u64),
    /// The authority is that of a partner that was enrolled before, whose it stays.
    #[error("its authority key is that of partner `{0}`, which was enrolled first: each partner must have its own")]
    SharedAuthority(PartnerId),
    /// The partner is enrolled twice.
    #[error("the partner is enrolled twice")]
    Twice,
}

/// Everything needed to judge a certificate, at one moment; never changed, only replaced.
#[derive(Debug, Default)]
pub struct TrustSnapshot {
    pub(super) anchors: Vec<Anchor>,
}

/// One authority that a partner is enrolled with, and what is known of its certificates.
#[derive(Debug)]
pub(super) struct Anchor {
    pub partner: PartnerId,
    pub profile: ProfileName,
    pub standing: TrustStanding,
    pub authority: AuthorityCertificate,
    pub list: Option<RevocationList>,
    pub revoked_serials: BTreeSet<Vec<u8>>,
    pub revoked_fingerprints: BTreeSet<Digest>,
}

impl TrustSnapshot {
    /// A snapshot of these partners, in the order in which they were enrolled, and why any of them could not be taken in. A
    /// partner with a fault is not in the snapshot, so its certificates are refused. Of several that claim one authority
    /// the first keeps it, whatever else is wrong with it: nobody loses a link to somebody who comes later.
    pub fn new(partners: impl IntoIterator<Item = PartnerTrust>) -> (TrustSnapshot, Vec<(PartnerId, TrustFault)>) {
        let (mut anchors, mut faults): (Vec<Anchor>, Vec<_>) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let mut claimed: BTreeMap<Vec<u8>, PartnerId> = BTreeMap::new();
        for trust in partners {
            if !seen.insert(trust.partner.clone()) {
                faults.push((trust.partner, TrustFault::Twice));
                continue;
            }
            let mut first = None;
            for der in &trust.authorities {
                if let Ok(authority) = AuthorityCertificate::parse(der, trust.profile.profile()) {
                    let key = authority.public_bytes().to_vec();
                    let owner = claimed.entry(key).or_insert_with(|| trust.partner.clone());
                    first = first.or_else(|| (*owner != trust.partner).then(|| owner.clone()));
                }
            }
            match (first, anchors_of(&trust)) {
                (Some(first), _) => faults.push((trust.partner, TrustFault::SharedAuthority(first))),
                (None, Ok(more)) => anchors.extend(more),
                (None, Err(fault)) => faults.push((trust.partner, fault)),
            }
        }
        (TrustSnapshot { anchors }, faults)
    }

    /// A snapshot that trusts nobody.
    pub fn empty() -> TrustSnapshot {
        TrustSnapshot::default()
    }

    /// The profile a partner's connections must use, if the partner is in the snapshot.
    pub fn profile_of(&self, partner: &PartnerId) -> Option<ProfileName> {
        self.anchors.iter().find(|a| a.partner == *partner).map(|a| a.profile)
    }

    /// Whether a partner is in the snapshot and in use.
    pub fn is_active(&self, partner: &PartnerId) -> bool {
        self.anchors.iter().any(|a| a.partner == *partner && a.standing == TrustStanding::Active)
    }

    /// For each authority, the partner and the moment from which its revocation list is stale (none: no list).
    pub fn revocation_deadlines(&self) -> impl Iterator<Item = (&PartnerId, Option<Time>)> {
        self.anchors.iter().map(|a| (&a.partner, a.list.as_ref().map(RevocationList::next_update)))
    }
}

/// The trust snapshot in force, shared by every connection; replaced as a whole.
#[derive(Debug)]
pub struct TrustStore(ArcSwap<TrustSnapshot>);

impl TrustStore {
    /// A store in which `snapshot` is in force.
    pub fn new(snapshot: TrustSnapshot) -> TrustStore {
        TrustStore(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<TrustSnapshot> {
        self.0.load_full()
    }

    /// Puts another snapshot in force. New handshakes see it at once; live connections when the edge applies it.
    pub fn replace(&self, snapshot: TrustSnapshot) {
        self.0.store(Arc::new(snapshot));
    }
}

fn anchors_of(trust: &PartnerTrust) -> Result<Vec<Anchor>, TrustFault> {
    let profile = trust.profile.profile();
    let parse = |der: &Vec<u8>| AuthorityCertificate::parse(der, profile);
    let authorities = trust.authorities.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if authorities.is_empty() {
        return Err(TrustFault::NoAuthority);
    }
    let mut anchors: Vec<Anchor> = authorities
        .into_iter()
        .map(|authority| Anchor {
            partner: trust.partner.clone(),
            profile: trust.profile,
            standing: trust.standing,
            authority,
            list: None,
            revoked_serials: trust.revoked_serials.clone(),
            revoked_fingerprints: trust.revoked_fingerprints.clone(),
        })
        .collect();
    for der in &trust.revocation_lists {
        let mut refusal = RevocationFault::Authority;
        let mut place = None;
        for (n, anchor) in anchors.iter().enumerate() {
            match RevocationList::parse(der, &anchor.authority, profile) {
                Ok(list) => place = Some((n, list)),
                // Another of the partner's authorities may have signed it; any other fault is the list's own.
                Err(RevocationFault::Authority) => {}
                Err(fault) => refusal = fault,
            }
        }
        let (n, list) = place.ok_or(refusal)?;
        keep_newer(&mut anchors[n].list, list)?;
    }
    Ok(anchors)
}

fn keep_newer(kept: &mut Option<RevocationList>, list: RevocationList) -> Result<(), TrustFault> {
    match kept {
        Some(old) if old.number() > list.number() => {}
        Some(old) if old.number() == list.number() && old.der() != list.der() => {
            return Err(TrustFault::ConflictingLists(list.number()));
        }
        _ => *kept = Some(list),
    }
    Ok(())
}
