//! What a decision rests on.

use std::collections::BTreeMap;

use super::permit::Record;
use crate::approval::{Enrolment, Officers, Outline, Submitted, Terms};
use crate::consent::{Described, SourceConsent};
use crate::cut::Cut;
use crate::envelope::Manifest;
use crate::ident::PartnerId;
use crate::inspect::Inspected;
use crate::marking::Register;
use crate::partner::Partner;
use crate::policy::{Membership, Policies, Stage};
use crate::sign::Signed;
use crate::time::Time;

/// Everything a decision rests on; the same inputs always give the same decision.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// Which decision.
    pub stage: Stage,
    /// To whom, as the roster has it now.
    pub partner: &'a Partner,
    /// The request's terms.
    pub terms: &'a Terms,
    /// The signed submission on record, and where which product was submitted: the release rests on it too.
    pub submission: &'a [u8],
    /// What that must be a submission of.
    pub submitted: Submitted<'a>,
    /// The cuts of the whole request, one a partner; approvals are over all of them.
    pub cuts: &'a BTreeMap<PartnerId, Outline>,
    /// What those partners are enrolled with, as the roster has them now.
    pub enrolments: &'a BTreeMap<PartnerId, Enrolment>,
    /// What consents may name of the product that the cuts are made from.
    pub product: &'a Described,
    /// The consents of sources that are on record, but for those withdrawn.
    pub consents: &'a [SourceConsent],
    /// What shows that this partner's cut is what its outline says, and passed inspection.
    pub evidence: Evidence<'a>,
    /// The signed approvals on file, in any order.
    pub approvals: &'a [Vec<u8>],
    /// The officers, as the roster has them now.
    pub officers: &'a Officers,
    /// The rules in force.
    pub policies: &'a Policies,
    /// Who belongs to which organisation, as policy reads it.
    pub membership: &'a Membership,
    /// The marking register in force.
    pub register: &'a Register,
    /// Now.
    pub now: Time,
    /// Whether the shell has reason to doubt its clock.
    pub clock_in_doubt: bool,
}

/// What shows that a cut is what its outline says.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// The cut itself, and the content filters' attestation of it if it passed them.
    Cut(&'a Cut, Option<&'a Inspected>),
    /// The record of the release under which it was sealed, and our own signed manifest of what was sealed. Enough to send
    /// exactly that, and for nothing else: the plaintext is gone by then, and what was signed by the approving officers
    /// says the rest. Whose key signed the manifest is for whoever verified it to have asked.
    Sealed(&'a Record, &'a Signed<Manifest>),
}
