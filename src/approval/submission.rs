//! What a producer signs: that one product is to go to these partners on these terms.

use std::collections::BTreeSet;
use std::time::Duration;

use minicbor::{Decode, Encode};

use super::quorum::{term_differences, verify};
use super::statement::cbor_time;
use super::{Here, Misplaced, Officer, Officers, Role, Terms};
use crate::digest::Digest;
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::sign::{Instance, NotSigned, PublicKey, Signed, Statement};
use crate::time::Time;

/// A submission: the terms of a request with what they are for. A release rests on it, so it is checked again at every
/// decision. The number of the request is part of the terms, and one request has one submission: a second use of the same
/// statement finds the request on record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Submission {
    /// The node that is to release it.
    #[n(0)]
    pub node: NodeId,
    /// The same node, as nobody else can be it.
    #[n(1)]
    pub instance: Instance,
    /// SHA-256 of the product's text, which names each attachment by its own.
    #[n(2)]
    pub product: Digest,
    /// For whom.
    #[n(3)]
    pub partners: BTreeSet<PartnerId>,
    /// The first tearline that may be taken, counted from 0 at the top.
    #[n(4)]
    pub from_tearline: u64,
    /// Everything else that is asked for; its submitter is who signs.
    #[n(5)]
    pub terms: Terms,
    /// When it was signed, by the submitter's clock.
    #[n(6)]
    #[cbor(with = "cbor_time")]
    pub given_at: Time,
}

impl Statement for Submission {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.submission+cbor";
}

/// Where which product was submitted.
#[derive(Clone, Copy, Debug)]
pub struct Submitted<'a> {
    /// The node, by name.
    pub node: &'a NodeId,
    /// The same node, as nobody else can be it.
    pub instance: Instance,
    /// SHA-256 of the product's text.
    pub product: Digest,
}

/// Why a submission is none, or not of this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSubmitted {
    /// It does not read or does not verify.
    #[error("the submission is not signed by whoever it names: {0}")]
    NotSigned(#[from] NotSigned),
    /// Nobody of that name, or with that key, is enrolled.
    #[error("`{0}` is not enrolled: a submission is signed by an enrolled submitter (see `officer list`)")]
    Unknown(String),
    /// The submitter is revoked, not certified, or their certificate has ended.
    #[error("submitter `{0}` is not in office: see `officer list`")]
    OutOfOffice(OfficerId),
    /// The submitter may not submit.
    #[error("`{0}` may not submit: it takes the role `originator`")]
    NotOriginator(OfficerId),
    /// It was signed for something else.
    #[error("the submission was signed for another {0}")]
    Other(&'static str),
    /// It was not signed for this partner.
    #[error("the submission was not signed for `{0}`")]
    OtherPartner(PartnerId),
    /// The cut is of a tearline above those that were asked for.
    #[error("the submission asks for a lower tearline than the one that was cut")]
    HigherTearline,
    /// It was signed for another node, or at a time at which nobody signs, or too long ago to be taken in.
    #[error("submission: {0}")]
    Misplaced(#[from] Misplaced),
}

impl Submission {
    /// How long after it was signed a submission may be taken in.
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
    /// [`NotSubmitted`] with the first reason why it is none.
    pub fn verify(
        bytes: &[u8],
        of: &Submitted<'_>,
        officers: &Officers,
        now: Time,
    ) -> Result<Signed<Submission>, NotSubmitted> {
        // Whose key to check is all that is taken from the unverified statement.
        let claimed = Signed::<Submission>::peek(bytes)?.terms.submitter;
        let officer = officers.officer(&claimed).ok_or_else(|| NotSubmitted::Unknown(claimed.to_string()))?;
        let signed: Signed<Submission> = verify(bytes, &officer.keys, officers.verified())?;
        may_submit(officer, now)?;
        let said = signed.statement();
        let same = [("node", said.node == *of.node), ("product", said.product == of.product)];
        if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(NotSubmitted::Other(what));
        }
        let here = Here { instance: of.instance, officers, now };
        match here.against(said.instance, said.given_at, officer).into_iter().next() {
            Some(why) => Err(why.into()),
            None => Ok(signed),
        }
    }

    /// Checks that it is not too old to be taken in.
    ///
    /// # Errors
    /// [`NotSubmitted::Misplaced`] if it is.
    pub fn is_fresh(&self, here: &Here<'_>) -> Result<(), NotSubmitted> {
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
        if let Some(field) = term_differences(said, terms).first() {
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
