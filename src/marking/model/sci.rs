//! The SCI control systems that are published, with their printed forms.

/// The published SCI control systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::marking) enum SciSystem {
    Bur,
    Hcs,
    Klm,
    Mvl,
    Rsv,
    Si,
    Tk,
}

impl SciSystem {
    /// Every system, in alphabetical order of abbreviation.
    pub const ALL: [Self; 7] = [Self::Bur, Self::Hcs, Self::Klm, Self::Mvl, Self::Rsv, Self::Si, Self::Tk];

    /// The abbreviation, which is the form in portions and canonical banners, such as `SI`.
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Bur => "BUR",
            Self::Hcs => "HCS",
            Self::Klm => "KLM",
            Self::Mvl => "MVL",
            Self::Rsv => "RSV",
            Self::Si => "SI",
            Self::Tk => "TK",
        }
    }

    /// The title, which a banner may have in place of the abbreviation.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Klm => "KLAMATH",
            Self::Mvl => "MARVEL",
            Self::Rsv => "RESERVE",
            Self::Tk => "TALENT KEYHOLE",
            other => other.abbreviation(),
        }
    }

    /// The banner titles of compartments that have one, as (title, abbreviation).
    pub const fn compartment_titles(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Si => &[("GAMMA", "G"), ("ECRU", "EU"), ("NONBOOK", "NK")],
            Self::Tk => &[("BLUEFISH", "BLFH"), ("IDITAROD", "IDIT"), ("KANDIK", "KAND")],
            _ => &[],
        }
    }
}
