//! Why an exchange must not leave although it was released.

use crate::ident::ExchangeId;
use crate::store::Recalled;

/// Why an exchange must not leave although it was released.
#[derive(Clone)]
pub(in crate::gateway) enum Stopped {
    /// An officer ordered it withdrawn.
    Recalled(Recalled),
    /// A later exchange replaced it.
    Replaced(ExchangeId),
    /// Its partner was removed.
    Removed,
    /// An officer refused its request.
    Refused {
        /// Who.
        by: String,
        /// Why, as they signed it.
        why: String,
    },
}

impl Stopped {
    /// The code of the reason, stable and in lower case.
    pub(in crate::gateway) fn code(&self) -> &'static str {
        match self {
            Stopped::Recalled(_) => "recalled",
            Stopped::Replaced(_) => "replaced",
            Stopped::Removed => "partner-removed",
            Stopped::Refused { .. } => "refused",
        }
    }

    /// The reason in one clause.
    pub(in crate::gateway) fn sentence(&self) -> String {
        match self {
            Stopped::Recalled(recalled) => format!("it was recalled at {} ({})", recalled.at, recalled.why),
            Stopped::Replaced(by) => format!("it was replaced by {by}"),
            Stopped::Removed => "the partner was removed".to_owned(),
            Stopped::Refused { by, why } => format!("`{by}` refused the request: {why}"),
        }
    }
}
