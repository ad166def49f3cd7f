//! The document of an exported request: plain parts, and conversions from the node's types.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::approval::{Declared, Officer, OfficerState, Outline, Role};
use crate::gateway::GatewayError;
use crate::gateway::views::officer::WithheldView;
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::sign::Instance;
use crate::time::Time;

/// The document: everything but detached attachments.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Document {
    #[n(0)]
    pub node: NodeId,
    /// The node's instance, which is unique.
    #[n(1)]
    pub instance: Instance,
    #[n(2)]
    pub exported_ms: i64,
    /// The signed submission, which holds the terms.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub submission: Vec<u8>,
    /// One per partner, ordered by name.
    #[n(4)]
    pub cuts: Vec<CutPart>,
    /// The texts of the policy in force, without its word lists.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub policy: Vec<u8>,
    /// The officers. For revoked officers the appointment has ended.
    #[n(6)]
    pub officers: Vec<OfficerPart>,
    /// Who has approved it so far.
    #[n(7)]
    pub approved_by: Vec<OfficerId>,
}

/// What one partner would get.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct CutPart {
    #[n(0)]
    pub partner: PartnerId,
    /// Its exact bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub text: Vec<u8>,
    /// The signed outline. Parts that follow from the bytes are compared with them.
    #[n(2)]
    pub outline: Outline,
    /// The partner's description (JSON) and the agreement with it (TOML).
    #[n(3)]
    pub description: String,
    #[n(4)]
    pub agreement: String,
    #[n(5)]
    pub withheld: Vec<WithheldPart>,
    /// What was removed or rewritten before it was cut.
    #[n(6)]
    pub rewritten: Vec<String>,
    /// Reasons against its release, one sentence each.
    #[n(7)]
    pub against: Vec<String>,
    /// What changed since the last release to this partner: a summary and the lines.
    #[n(8)]
    pub changed: String,
    #[n(9)]
    pub diff: Option<String>,
    /// The source consents that its release rests on, as text.
    #[n(10)]
    pub consents: Vec<String>,
}

/// A tearline that is not released.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct WithheldPart {
    #[n(0)]
    pub tearline: u64,
    #[n(1)]
    pub marking: String,
    #[n(2)]
    pub portions: u64,
    #[n(3)]
    pub attachments: u64,
    #[n(4)]
    pub why: Vec<String>,
}

/// An officer from the node's roster.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct OfficerPart {
    #[n(0)]
    pub id: OfficerId,
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub keys: Vec<String>,
    #[n(3)]
    pub roles: BTreeSet<Role>,
    #[n(4)]
    pub from_ms: i64,
    #[n(5)]
    pub until_ms: i64,
    #[n(6)]
    pub distinct_from: BTreeSet<OfficerId>,
    #[n(7)]
    pub same_as: BTreeSet<OfficerId>,
}

impl WithheldPart {
    /// The part for a view.
    pub fn of(view: &WithheldView) -> WithheldPart {
        WithheldPart {
            tearline: view.tearline as u64,
            marking: view.marking.clone(),
            portions: view.portions as u64,
            attachments: view.attachments as u64,
            why: view.why.clone(),
        }
    }

    /// The view of this part.
    pub fn view(&self) -> WithheldView {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        WithheldView {
            tearline: count(self.tearline),
            marking: self.marking.clone(),
            portions: count(self.portions),
            attachments: count(self.attachments),
            why: self.why.clone(),
        }
    }
}

impl OfficerPart {
    /// The part for an officer.
    pub fn of(officer: &Officer) -> OfficerPart {
        OfficerPart {
            id: officer.id.clone(),
            name: officer.name.clone(),
            keys: officer.keys.iter().map(ToString::to_string).collect(),
            roles: officer.roles.clone(),
            from_ms: officer.valid_from.unix_ms(),
            until_ms: match officer.state {
                OfficerState::Active => officer.valid_until.unix_ms(),
                OfficerState::Revoked => Time::EPOCH.unix_ms(),
            },
            distinct_from: officer.declared.distinct_from.clone(),
            same_as: officer.declared.same_as.clone(),
        }
    }

    /// The officer that this part describes.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if one of the keys is malformed.
    pub fn to_officer(&self) -> Result<Officer, GatewayError> {
        let keys = self.keys.iter().map(|key| key.parse()).collect::<Result<_, _>>();
        let fault = |e: crate::sign::NotAKey| GatewayError::refused(format!("key of `{}`: {e}", self.id));
        Ok(Officer {
            id: self.id.clone(),
            name: self.name.clone(),
            keys: keys.map_err(fault)?,
            roles: self.roles.clone(),
            state: OfficerState::Active,
            valid_from: Time::from_unix_ms(self.from_ms),
            valid_until: Time::from_unix_ms(self.until_ms),
            declared: Declared { distinct_from: self.distinct_from.clone(), same_as: self.same_as.clone() },
        })
    }
}
