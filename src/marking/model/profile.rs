//! The profiles that marks are written in.

/// Which community's rules a mark is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The intelligence community, strictly: what is valid in another profile only is refused.
    #[default]
    Ic,
    /// Controlled unclassified information (spec 1.12).
    Cui,
}

impl Profile {
    /// The profile that a mark is written in, a banner or a portion mark with its parentheses. Its first word decides: no mark
    /// of the intelligence community begins with `CUI` or `CONTROLLED`, and no mark of CUI with anything else.
    #[must_use]
    pub fn of(mark: &str) -> Self {
        let inner = mark.strip_prefix('(').unwrap_or(mark);
        match inner.split(|c: char| !c.is_ascii_alphanumeric()).next() {
            Some("CUI" | "CONTROLLED") => Self::Cui,
            _ => Self::Ic,
        }
    }

    /// The name used in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ic => "IC",
            Self::Cui => "CUI",
        }
    }
}
