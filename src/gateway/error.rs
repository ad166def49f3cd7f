//! Errors of the gateway.

use crate::marking::is_one_edit_apart;
use crate::store::StoreError;

/// Why a use case failed, by cause: the caller, this node, its environment or its store.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The subject does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request is valid in form and is refused.
    #[error("{0}")]
    Refused(String),
    /// A local failure: a key, a file, a certificate.
    #[error("{0}")]
    Local(String),
    /// A temporary obstacle in the environment, such as an address in use or not yet available.
    #[error("{0}")]
    Temporary(String),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// It is unknown whether the change is on record. Nothing was undone.
    #[error(
        "it is not known whether {what} is on record, and nothing was undone: stop the node, check its disk and start it again; \
         then check with `{look}` before you repeat anything ({why})"
    )]
    OutcomeUnknown {
        /// What was to be recorded.
        what: String,
        /// The command that shows whether it is recorded.
        look: String,
        /// What failed.
        why: StoreError,
    },
}

impl GatewayError {
    /// A local failure ([`GatewayError::Local`]) with the text of `error`.
    pub(super) fn trouble(error: impl std::fmt::Display) -> GatewayError {
        GatewayError::Local(error.to_string())
    }

    /// Whether the outcome of a commit is unknown. Nothing is undone or deleted on such an error, because the commit
    /// may have succeeded.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            GatewayError::Store(error) => error.is_outcome_unknown(),
            GatewayError::OutcomeUnknown { .. } => true,
            GatewayError::NotFound(_)
            | GatewayError::Refused(_)
            | GatewayError::Local(_)
            | GatewayError::Temporary(_) => false,
        }
    }

    /// Whether the same call may succeed later without any repair: a busy store, a full disk, an address in use.
    pub fn is_temporary(&self) -> bool {
        matches!(self, GatewayError::Temporary(_) | GatewayError::Store(StoreError::Busy { .. } | StoreError::Full))
    }

    /// Whether the store has failed, so that no further call that records anything can succeed.
    pub fn is_store_failure(&self) -> bool {
        use StoreError as S;
        match self {
            GatewayError::OutcomeUnknown { .. } => true,
            // An error about one row, or a temporary one, does not affect the next call.
            GatewayError::Store(S::Conflict { .. } | S::Illegal { .. } | S::Quota { .. }) => false,
            GatewayError::Store(S::Altered { .. } | S::Damaged { .. } | S::Busy { .. }) => false,
            GatewayError::Store(_) => true,
            GatewayError::NotFound(_)
            | GatewayError::Refused(_)
            | GatewayError::Local(_)
            | GatewayError::Temporary(_) => false,
        }
    }

    /// Whether a commit was refused because of what is recorded now: a row changed meanwhile, its state forbids the
    /// step, or a quota is used up.
    pub fn is_conflict(&self) -> bool {
        use StoreError as S;
        matches!(self, GatewayError::Store(S::Conflict { .. } | S::Illegal { .. } | S::Quota { .. }))
    }

    /// The error of a commit that was to record `what`, which the command `look` shows: if the outcome is unknown, it
    /// says so and names the command.
    pub(super) fn of_commit(self, what: impl std::fmt::Display, look: impl std::fmt::Display) -> GatewayError {
        match self {
            GatewayError::Store(why) if why.is_outcome_unknown() => {
                GatewayError::OutcomeUnknown { what: what.to_string(), look: look.to_string(), why }
            }
            known => known,
        }
    }

    /// The error for a partner that is not enrolled, with the remedy.
    pub(super) fn no_partner(id: &crate::ident::PartnerId) -> GatewayError {
        GatewayError::NotFound(format!("no partner `{id}` is enrolled: see `partner list`"))
    }

    /// As [`GatewayError::no_partner`], with the one of the `enrolled` names that is one typing error away, if any.
    pub(super) fn no_partner_among<'a>(
        id: &crate::ident::PartnerId,
        mut enrolled: impl Iterator<Item = &'a crate::ident::PartnerId>,
    ) -> GatewayError {
        match enrolled.find(|known| is_one_edit_apart(known.as_str(), id.as_str())) {
            Some(meant) => GatewayError::NotFound(format!("no partner `{id}` is enrolled: did you mean `{meant}`?")),
            None => GatewayError::no_partner(id),
        }
    }

    /// A refusal ([`GatewayError::Refused`]) with the text of `why`.
    pub(super) fn refused(why: impl std::fmt::Display) -> GatewayError {
        GatewayError::Refused(why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_names_the_command_that_shows_it_and_a_full_disk_is_no_unknown_outcome() {
        let of = |error: StoreError| GatewayError::from(error).of_commit("request `rq-1`", "status rq-1");
        let unknown = of(StoreError::Broken { why: "EXERCISE".into() });
        assert!(unknown.is_outcome_unknown(), "{unknown}");
        let said = unknown.to_string();
        assert!(said.contains("not known whether request `rq-1`") && said.contains("`status rq-1`"), "{said}");
        for known in [StoreError::Full, StoreError::Busy { waited_s: 1 }, StoreError::Closed] {
            assert!(matches!(of(known.clone()), GatewayError::Store(error) if error == known));
            assert!(!of(known).is_outcome_unknown());
        }
    }
}
