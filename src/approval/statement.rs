//! The approval that an officer signs.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::{CutFor, Enrolment, Outline, Role, Terms};
use crate::digest::Digest;
use crate::ident::{OfficerId, PartnerId};
use crate::sign::{Instance, Statement};
use crate::time::Time;

/// An officer's approval of a request: it is over the exact cuts, for exactly these partners, on these terms.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Approval {
    /// The request's terms, as the officer saw them.
    #[n(0)]
    pub terms: Terms,
    /// The cuts, one a partner, in the order of the partners' names.
    #[n(1)]
    pub cuts: Vec<CutFor>,
    /// Digest of the policy in force when it was given.
    #[n(2)]
    pub policy: Digest,
    /// Digest of the marking register in force when it was given.
    #[n(3)]
    pub register: Digest,
    /// Who approves.
    #[n(4)]
    pub officer: OfficerId,
    /// In which role.
    #[n(5)]
    pub role: Role,
    /// When it was given, by the officer's clock.
    #[n(6)]
    pub given_at: Time,
    /// Sixteen random bytes, so that no two approvals are the same bytes.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node that is to release it.
    #[n(8)]
    pub instance: Instance,
}

impl Statement for Approval {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.approval+cbor";
}

impl Approval {
    /// The cuts of a request in the order in which they are signed, each with the partner's enrolment. A partner that is not
    /// enrolled gets the digest of the empty text, which no partner has.
    pub fn cuts_of(cuts: &BTreeMap<PartnerId, Outline>, enrolments: &BTreeMap<PartnerId, Enrolment>) -> Vec<CutFor> {
        let nothing = Digest::of(b"");
        let nobody = Enrolment { description: nothing, agreement: nothing };
        let cut = |(partner, cut): (&PartnerId, &Outline)| {
            let enrolment = enrolments.get(partner).unwrap_or(&nobody);
            CutFor {
                partner: partner.clone(),
                cut: cut.clone(),
                enrolment: enrolment.description,
                agreement: enrolment.agreement,
            }
        };
        cuts.iter().map(cut).collect()
    }
}
