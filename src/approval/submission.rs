//! The submission that a producer signs: one product, to these partners, on these terms.

use std::collections::BTreeSet;
use std::time::Duration;

use minicbor::{Decode, Encode};

use super::signature::verify;
use super::{ContextFault, Officer, Officers, Role, Terms, VerificationContext};
use crate::digest::Digest;
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::sign::{Instance, NotSigned, PublicKey, Signed, Statement};
use crate::time::Time;

/// A submission: the terms of a request, its product and its partners. It is checked again at every decision. It cannot be
/// used twice: the terms hold the request's number, and a request has one submission.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Submission {
    /// The node that is to release it.
    #[n(0)]
    pub node: NodeId,
    /// The same node, by its instance: a name can be given again, an instance cannot.
    #[n(1)]
    pub instance: Instance,
    /// SHA-256 of the product's text, which names each attachment by its own.
    #[n(2)]
    pub product: Digest,
    /// The partners.
    #[n(3)]
    pub partners: BTreeSet<PartnerId>,
    /// The first tearline that may be taken, counted from 0 at the top.
    #[n(4)]
    pub from_tearline: u64,
    /// Everything else that is requested. Their submitter signs.
    #[n(5)]
    pub terms: Terms,
    /// When it was signed, by the submitter's clock.
    #[n(6)]
    pub given_at: Time,
}

impl Statement for Submission {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.submission+cbor";
}

/// Which product was submitted, and at which node.
#[derive(Clone, Copy, Debug)]
pub struct Submitted<'a> {
    /// The node, by name.
    pub node: &'a NodeId,
    /// The same node, by its instance: a name can be given again, an instance cannot.
    pub instance: Instance,
    /// SHA-256 of the product's text.
    pub product: Digest,
}

/// Why a submission does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSubmitted {
    /// It is malformed, or its signature does not verify.
    #[error("the submission is not signed by its submitter: {0}")]
    NotSigned(#[from] NotSigned),
    /// Nobody of that name, or with that key, is enrolled.
    #[error("submitter `{0}` is not enrolled: see `officer list`")]
    Unknown(String),
    /// The submitter is revoked, not certified, or their certificate has ended.
    #[error("submitter `{0}` is not in office: see `officer list`")]
    OutOfOffice(OfficerId),
    /// The submitter may not submit.
    #[error("`{0}` may not submit: the role `originator` is required")]
    NotOriginator(OfficerId),
    /// It was signed for something else.
    #[error("the submission was signed for another {0}")]
    Other(&'static str),
    /// It was not signed for this partner.
    #[error("the submission was not signed for `{0}`")]
    OtherPartner(PartnerId),
    /// The cut is of a tearline above those that were asked for.
    #[error("the submission allows only lower tearlines than the one that was cut")]
    HigherTearline,
    /// It does not count at this node or at this time.
    #[error("submission: {0}")]
    Context(#[from] ContextFault),
}

impl Submission {
    /// How long after it was signed a submission may be recorded.
    pub const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

    /// Who may submit with this key at `now`.
    ///
    /// # Errors
    /// [`NotSubmitted`] says why nobody may.
    pub fn authority<'o>(officers: &'o Officers, key: &PublicKey, now: Time) -> Result<&'o Officer, NotSubmitted> {
        let officer = officers.holder_of(key).ok_or_else(|| NotSubmitted::Unknown(key.fingerprint().short()))?;
        may_submit(officer, now)?;
        Ok(officer)
    }

    /// Checks that `bytes` are a submission of exactly what `of` says, signed by a submitter who may submit at `now`.
    ///
    /// # Errors
    /// [`NotSubmitted`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        of: &Submitted<'_>,
        officers: &Officers,
        now: Time,
    ) -> Result<Signed<Submission>, NotSubmitted> {
        // Only the name is taken from the unverified statement, to find the keys to verify it with.
        let claimed = Signed::<Submission>::peek(bytes)?.terms.submitter;
        let officer = officers.officer(&claimed).ok_or_else(|| NotSubmitted::Unknown(claimed.to_string()))?;
        let signed: Signed<Submission> = verify(bytes, &officer.keys, officers.verified())?;
        may_submit(officer, now)?;
        let said = signed.statement();
        let same = [("node", said.node == *of.node), ("product", said.product == of.product)];
        if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(NotSubmitted::Other(what));
        }
        let here = VerificationContext { instance: of.instance, officers, now };
        match here.against(said.instance, said.given_at, officer).into_iter().next() {
            Some(why) => Err(why.into()),
            None => Ok(signed),
        }
    }

    /// Checks that it is not too old to be recorded.
    ///
    /// # Errors
    /// [`NotSubmitted::Context`] if it is.
    pub fn is_fresh(&self, here: &VerificationContext<'_>) -> Result<(), NotSubmitted> {
        Ok(here.in_time(self.given_at, Self::LIFE)?)
    }

    /// Checks that exactly these terms were signed, and all of `partners` with them.
    ///
    /// # Errors
    /// [`NotSubmitted`] with the first difference.
    pub fn is_of<'p>(
        &self,
        terms: &Terms,
        partners: impl IntoIterator<Item = &'p PartnerId>,
    ) -> Result<(), NotSubmitted> {
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here or in `verify`.
        let Submission {
            node: _,
            instance: _,
            product: _,
            partners: asked,
            from_tearline: _,
            terms: said,
            given_at: _,
        } = self;
        if let Some(field) = said.differences(terms).first() {
            return Err(NotSubmitted::Other(field));
        }
        match partners.into_iter().find(|partner| !asked.contains(*partner)) {
            Some(partner) => Err(NotSubmitted::OtherPartner(partner.clone())),
            None => Ok(()),
        }
    }
}

fn may_submit(officer: &Officer, now: Time) -> Result<(), NotSubmitted> {
    if !officer.in_office(now) {
        return Err(NotSubmitted::OutOfOffice(officer.id.clone()));
    }
    if !officer.roles.contains(&Role::Originator) {
        return Err(NotSubmitted::NotOriginator(officer.id.clone()));
    }
    Ok(())
}
