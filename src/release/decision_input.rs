//! The inputs of a decision.

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

/// All inputs of a decision; the same inputs always give the same decision.
#[derive(Clone, Copy, Debug)]
pub struct DecisionInput<'a> {
    /// The stage at which the decision is made.
    pub stage: Stage,
    /// The partner, as in the current roster.
    pub partner: &'a Partner,
    /// The terms of the request.
    pub terms: &'a Terms,
    /// The recorded signed submission (COSE_Sign1), which the release rests on as well.
    pub submission: &'a [u8],
    /// The node and product that this must be a submission of.
    pub submitted: Submitted<'a>,
    /// The cuts of the whole request, one for each partner; approvals cover all of them.
    pub cuts: &'a BTreeMap<PartnerId, Outline>,
    /// The enrolments of those partners, as in the current roster.
    pub enrolments: &'a BTreeMap<PartnerId, Enrolment>,
    /// The properties of the product by which consents can cover it.
    pub product: &'a Described,
    /// The recorded consents of sources, except withdrawn ones.
    pub consents: &'a [SourceConsent],
    /// The evidence that this partner's cut matches its outline and passed inspection.
    pub evidence: Evidence<'a>,
    /// The recorded signed approvals (COSE_Sign1), in any order.
    pub approvals: &'a [Vec<u8>],
    /// The current officers.
    pub officers: &'a Officers,
    /// The policy in force.
    pub policies: &'a Policies,
    /// The membership of countries in organisations, as input of the policy.
    pub membership: &'a Membership,
    /// The marking register in force.
    pub register: &'a Register,
    /// The current time.
    pub now: Time,
    /// Whether the shell has reason to doubt its clock.
    pub clock_in_doubt: bool,
}

/// The evidence that a cut matches its outline.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// The cut itself, and the attestation of the content filters if it passed them.
    Cut(&'a Cut, Option<&'a Inspected>),
    /// The record of the release under which it was sealed, and this node's signed manifest of the sealed payload. This is sufficient
    /// only to send exactly that payload: the plaintext is no longer available, and the approvals cover the rest. The caller must
    /// have verified the manifest under this node's key.
    Sealed(&'a Record, &'a Signed<Manifest>),
}
