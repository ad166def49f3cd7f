//! Why the gateway did not do what it was asked.

use crate::store::StoreError;

/// Why the gateway did not do what it was asked, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// There is no such thing.
    #[error("{0}")]
    Unknown(String),
    /// It was understood and is refused.
    #[error("{0}")]
    Refused(String),
    /// Something of ours failed: a key, a file, a certificate.
    #[error("{0}")]
    Trouble(String),
    /// The store did not take or give it.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl GatewayError {
    pub(super) fn trouble(error: impl std::fmt::Display) -> GatewayError {
        GatewayError::Trouble(error.to_string())
    }

    pub(super) fn no_partner(id: &crate::ident::PartnerId) -> GatewayError {
        GatewayError::Unknown(format!("no partner `{id}` is enrolled: see `partner list`"))
    }

    pub(super) fn refused(why: impl std::fmt::Display) -> GatewayError {
        GatewayError::Refused(why.to_string())
    }
}
