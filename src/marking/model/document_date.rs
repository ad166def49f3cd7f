//! The date of a document, on which the rules depend.

use jiff::civil::{Date, date};

/// When the document was made. What depends on the date fails safe when it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentDate {
    /// Made on this day.
    Known(Date),
    /// Not known: nothing that needs a date is granted (spec 1.7).
    Unknown,
}

impl DocumentDate {
    /// True when the document is known to be made on `day` or later.
    #[must_use]
    pub fn is_from(self, day: Date) -> bool {
        matches!(self, Self::Known(made) if made >= day)
    }

    /// True when the document is known to be made before `day`.
    #[must_use]
    pub fn is_before(self, day: Date) -> bool {
        matches!(self, Self::Known(made) if made < day)
    }

    /// True when a legacy EYES ONLY list still counts (M16 B.5: the waiver ended on 2017-10-01).
    #[must_use]
    pub(in crate::marking) fn allows_eyes(self) -> bool {
        self.is_before(date(2017, 10, 2))
    }
}
