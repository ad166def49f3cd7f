//! The labels of the Traffic Light Protocol 2.0 (FIRST), with the identifiers that STIX gives them.

/// A Traffic Light Protocol 2.0 label, most open first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// May be shared with everybody.
    Clear,
    /// The community.
    Green,
    /// The organisation and its clients.
    Amber,
    /// The organisation alone.
    AmberStrict,
    /// The named recipients alone.
    Red,
}

impl Tlp {
    /// Every label, most open first.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// The label's word, such as `amber+strict`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::AmberStrict => "amber+strict",
            Self::Red => "red",
        }
    }

    /// The fixed identifier of the label's marking definition.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Clear => "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
            Self::Green => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
            Self::Amber => "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
            Self::AmberStrict => "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
            Self::Red => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        }
    }

    /// Parses a label, in any case and with or without `TLP` before it; `white` is clear, as in TLP 1.0. `None` for any other text.
    ///
    /// ```
    /// use portcullis::marking::stix::Tlp;
    ///
    /// assert_eq!(Tlp::named("TLP:AMBER+STRICT"), Some(Tlp::AmberStrict));
    /// assert_eq!(Tlp::named("white"), Some(Tlp::Clear));
    /// assert_eq!(Tlp::named("amber or so"), None);
    /// ```
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let word =
            text.strip_prefix("tlp").map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ', '-', '_', '=']));
        match word {
            "white" => Some(Self::Clear),
            "amber strict" | "amber-strict" | "amber_strict" => Some(Self::AmberStrict),
            word => Self::ALL.into_iter().find(|t| t.as_str() == word),
        }
    }

    /// How far a recipient may share it.
    #[must_use]
    pub const fn sharing(self) -> Sharing {
        match self {
            Self::Clear => Sharing::Everybody,
            Self::Green => Sharing::Community,
            Self::Amber => Sharing::Clients,
            Self::AmberStrict => Sharing::Organisation,
            Self::Red => Sharing::Individuals,
        }
    }

    /// Whether content with this label may be shared with a partner of ours. A partner belongs to the community, but is neither
    /// our organisation nor its client, and nothing here can prove that it is among the recipients whom the originator named.
    #[must_use]
    pub const fn may_be_shared_with_partners(self) -> bool {
        matches!(self.sharing(), Sharing::Everybody | Sharing::Community)
    }

    /// The label of a marking definition's identifier, TLP 1.0 included: `white` is clear, `amber` is the stricter of its two
    /// successors. `None` for any other identifier.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.id() == id).or(match id {
            "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9" => Some(Self::Clear),
            "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da" => Some(Self::Green),
            "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82" => Some(Self::AmberStrict),
            "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed" => Some(Self::Red),
            _ => None,
        })
    }
}

/// With whom a recipient may share (FIRST, Traffic Light Protocol 2.0, section 4). `Display` ends the sentence "it may be
/// shared".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharing {
    /// "There is no limit on disclosure."
    Everybody,
    /// "Recipients can share this with peers and partner organizations within their community, but not via publicly
    /// accessible channels."
    Community,
    /// "Recipients may share on a need-to-know basis within their organization and its clients."
    Clients,
    /// "Recipients may share within their organization only."
    Organisation,
    /// "For the eyes and ears of individual recipients only, no further disclosure."
    Individuals,
}

impl std::fmt::Display for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Everybody => "with everybody",
            Self::Community => "within the community",
            Self::Clients => "within the recipient's organisation and with its clients only",
            Self::Organisation => "within the recipient's organisation only",
            Self::Individuals => "with nobody but the people it was addressed to",
        })
    }
}
