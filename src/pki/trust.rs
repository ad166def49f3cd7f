//! Trust anchors: the partners' authorities that are trusted at one moment.

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

/// Whether connections with a partner are permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustStanding {
    /// Connections are permitted.
    Active,
    /// Suspended by this node's operator.
    Suspended,
    /// No longer enrolled. Its authority stays assigned to it, and its certificates are refused.
    Removed,
}

/// The trust material of one partner, as recorded in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerTrust {
    /// The partner; its node has the same name.
    pub partner: PartnerId,
    /// The profile that its agreement names.
    pub profile: ProfileName,
    /// The certificates (DER) of its enrolled authorities: one, or two while it replaces its authority.
    pub authorities: Vec<Vec<u8>>,
    /// Its revocation lists (DER); for each authority the one with the highest number is used.
    pub revocation_lists: Vec<Vec<u8>>,
    /// Whether connections are permitted.
    pub standing: TrustStanding,
    /// Serial numbers (big-endian, no leading zeros) that this node's operator revoked, whatever the lists contain.
    pub revoked_serials: BTreeSet<Vec<u8>>,
    /// SHA-256 fingerprints of certificates that this node's operator revoked, whatever the lists contain.
    pub revoked_fingerprints: BTreeSet<Digest>,
}

impl PartnerTrust {
    /// Extracts the trust material from a partner's description and agreement. The caller adds later revocation lists and this
    /// node's own revocations.
    ///
    /// # Errors
    /// [`TrustFault::Description`] names the field that is invalid; [`TrustFault::Statements`] if its signing key is of another
    /// algorithm than the profile's.
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
        profile.profile().check_statement_key(&description.signing_key)?;
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

/// Why a partner's trust material is not usable. That partner is refused; the others are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// A field of the partner's description is malformed or inconsistent with the agreement.
    #[error("field `{0}` of the partner's description is malformed or inconsistent with the agreement")]
    Description(&'static str),
    /// Its signing key is of an algorithm that the profile does not allow for statements.
    #[error("signing key: {0}")]
    Statements(#[from] WrongAlgorithm),
    /// No authority is enrolled.
    #[error("no certificate authority is enrolled for this partner: enrol one from its description")]
    NoAuthority,
    /// An authority certificate does not conform to the profile.
    #[error("the enrolled authority certificate is not acceptable: {0}")]
    Authority(#[from] CertificateFault),
    /// A list does not conform to the profile, or no enrolled authority signed it.
    #[error("a revocation list is not acceptable: {0}; ask the partner for a new one")]
    RevocationList(#[from] RevocationFault),
    /// Two lists have the same number and differ.
    #[error("two different revocation lists have the number {0}: ask the partner for a new one")]
    ConflictingLists(u64),
    /// The authority key belongs to this partner, which was enrolled earlier and keeps it.
    #[error("its authority key is that of partner `{0}`, which was enrolled first: each partner must have its own")]
    SharedAuthority(PartnerId),
    /// The partner is enrolled twice.
    #[error("the partner is enrolled twice")]
    Twice,
}

/// Everything needed to verify a certificate, at one moment. Immutable; a change replaces it.
#[derive(Debug, Default)]
pub struct TrustSnapshot {
    pub(super) anchors: Vec<Anchor>,
}

/// One enrolled authority of a partner, with its revocations.
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
    /// Creates a snapshot of these partners, given in order of enrolment, and returns the faults of those that are not in it; their
    /// certificates are refused. An authority key that several partners have belongs to the first of them, whatever other faults
    /// that partner has, so that enrolling a partner cannot disconnect another.
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

    /// A snapshot without partners.
    pub fn empty() -> TrustSnapshot {
        TrustSnapshot::default()
    }

    /// The profile a partner's connections must use, if the partner is in the snapshot.
    pub fn profile_of(&self, partner: &PartnerId) -> Option<ProfileName> {
        self.anchors.iter().find(|a| a.partner == *partner).map(|a| a.profile)
    }

    /// Whether a partner is in the snapshot and its connections are permitted.
    pub fn is_active(&self, partner: &PartnerId) -> bool {
        self.anchors.iter().any(|a| a.partner == *partner && a.standing == TrustStanding::Active)
    }

    /// For each authority, the partner and the time at which its revocation list becomes stale; `None` without a list.
    pub fn revocation_deadlines(&self) -> impl Iterator<Item = (&PartnerId, Option<Time>)> {
        self.anchors.iter().map(|a| (&a.partner, a.list.as_ref().map(RevocationList::next_update)))
    }
}

/// The current trust snapshot, shared by all connections and replaced as a whole.
#[derive(Debug)]
pub struct TrustStore(ArcSwap<TrustSnapshot>);

impl TrustStore {
    /// Creates a store with `snapshot` as the current one.
    pub fn new(snapshot: TrustSnapshot) -> TrustStore {
        TrustStore(ArcSwap::from_pointee(snapshot))
    }

    /// The current snapshot.
    pub fn current(&self) -> Arc<TrustSnapshot> {
        self.0.load_full()
    }

    /// Replaces the snapshot. It takes effect at once for new handshakes, and for live connections when the edge applies it.
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
                // Another of the partner's authorities may have signed it. Any other fault is in the list itself.
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
