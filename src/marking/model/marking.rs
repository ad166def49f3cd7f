//! A marking: a value that was valid under the rules that made it.

use super::{CodeList, Control, ControlSet, Cui, Level, Profile};

/// Whose classification a mark carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// United States.
    Us,
    /// One or more foreign governments, or a concealed one.
    NonUs,
    /// NATO, with or without a named activity.
    Nato,
    /// Jointly owned by the United States and others.
    Joint,
    /// Controlled unclassified information.
    Cui,
}

impl System {
    /// The name used in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::NonUs => "NONUS",
            Self::Nato => "NATO",
            Self::Joint => "JOINT",
            Self::Cui => "CUI",
        }
    }
}

/// A banner or portion mark that is valid under the rules that read it. Parse it with
/// [`Rules`](crate::marking::Rules); there is no other way to make one.
///
/// Equal values print equal text, and lists are kept as canonical text, so a marking is small (a fixed part, and one
/// allocation for each list that is there), cheap to compare and independent of any register. `Display` is
/// [`banner`](Self::banner).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marking {
    pub(in crate::marking) level: Level,
    pub(in crate::marking) system: System,
    pub(in crate::marking) concealed: bool,
    pub(in crate::marking) controls: ControlSet,
    /// Bit `n` is SIGMA `n`.
    pub(in crate::marking) sigma: u64,
    /// Owners of a JOINT, foreign or NATO mark; empty for a US one.
    pub(in crate::marking) owners: CodeList,
    /// Acknowledged sources of an FGI segment.
    pub(in crate::marking) sources: CodeList,
    /// The REL TO or EYES ONLY list, USA first.
    pub(in crate::marking) rel_to: CodeList,
    pub(in crate::marking) display_to: CodeList,
    /// Canonical SCI segment in abbreviated form.
    pub(in crate::marking) sci: Box<str>,
    /// Canonical SAP segment without its indicator.
    pub(in crate::marking) sap: Box<str>,
    pub(in crate::marking) cui: Option<Box<Cui>>,
}

/// A system with its compartments, or a program with its compartments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree<'m> {
    /// The system's or program's identifier.
    pub id: &'m str,
    rest: Option<&'m str>,
}

impl<'m> Tree<'m> {
    /// The compartments, each with its sub-compartments, in order.
    pub fn compartments(&self) -> impl Iterator<Item = (&'m str, impl Iterator<Item = &'m str> + use<'m>)> + use<'m> {
        self.rest.into_iter().flat_map(|rest| rest.split('-')).map(|compartment| {
            let mut words = compartment.split(' ');
            (words.next().unwrap_or_default(), words)
        })
    }
}

impl Marking {
    /// A bare US classification: the value roll-up and the codecs start from.
    pub(in crate::marking) fn bare(system: System, level: Level) -> Self {
        Self {
            level,
            system,
            concealed: false,
            controls: ControlSet::EMPTY,
            sigma: 0,
            owners: CodeList::default(),
            sources: CodeList::default(),
            rel_to: CodeList::default(),
            display_to: CodeList::default(),
            sci: Box::default(),
            sap: Box::default(),
            cui: None,
        }
    }

    /// The classification level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whose classification it is.
    #[must_use]
    pub fn system(&self) -> System {
        self.system
    }

    /// The profile that it is written in. The profile of a banner applies to all portions under it.
    #[must_use]
    pub fn profile(&self) -> Profile {
        if self.system == System::Cui { Profile::Cui } else { Profile::Ic }
    }

    /// The controls with a meaning of their own.
    #[must_use]
    pub fn controls(&self) -> ControlSet {
        self.controls
    }

    /// True when `control` is marked.
    #[must_use]
    pub fn has(&self, control: Control) -> bool {
        self.controls.has(control)
    }

    /// The owners as written; empty for a US mark.
    #[must_use]
    pub fn owners(&self) -> &CodeList {
        &self.owners
    }

    /// The REL TO (or legacy EYES ONLY) list with USA first, empty when there is none.
    #[must_use]
    pub fn rel_to(&self) -> &CodeList {
        &self.rel_to
    }

    /// The DISPLAY ONLY list, empty when there is none.
    #[must_use]
    pub fn display_to(&self) -> &CodeList {
        &self.display_to
    }

    /// True when a foreign source is present and not named.
    #[must_use]
    pub fn conceals_source(&self) -> bool {
        self.concealed || self.cui.as_ref().is_some_and(|cui| cui.is_given_by_others())
    }

    /// The CUI category or control that prohibits any release, whatever release list the mark has.
    #[must_use]
    pub fn prohibited_by(&self) -> Option<&str> {
        self.cui.as_ref().and_then(|cui| cui.prohibited_by())
    }

    /// True when it contains foreign information of an acknowledged or concealed source (owners of JOINT not counted).
    #[must_use]
    pub fn has_foreign_information(&self) -> bool {
        self.concealed || !self.sources.is_empty() || matches!(self.system, System::NonUs | System::Nato)
    }

    /// The acknowledged foreign sources: FGI list, or the owners of a foreign mark.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let owners = (self.system == System::NonUs && !self.concealed) || self.system == System::Nato;
        self.sources.iter().chain(self.owners.iter().filter(move |_| owners))
    }

    /// The owners by code: USA for a US mark, NATO, or the owners of a joint or foreign mark. A bare unclassified mark has no
    /// owner, and a concealed owner has no code.
    pub fn owned_by(&self) -> impl Iterator<Item = &str> {
        let states = matches!(self.system, System::Us | System::Cui) && !self.is_unclassified_uncontrolled();
        let alone = match self.system {
            _ if states => Some("USA"),
            System::Nato => Some("NATO"),
            _ => None,
        };
        let several = self.system == System::Joint || (self.system == System::NonUs && !self.concealed);
        alone.into_iter().chain(self.owners.iter().filter(move |_| several))
    }

    /// Whether content with this mark includes information of `source`: as an owner, as an acknowledged source, or for
    /// [`CONCEALED`] as a concealed source.
    pub fn is_of(&self, source: &str) -> bool {
        match source {
            CONCEALED => self.conceals_source(),
            _ => self.owned_by().chain(self.sources()).any(|code| code == source),
        }
    }

    /// The SCI systems, in order.
    pub fn sci(&self) -> impl Iterator<Item = Tree<'_>> {
        trees(&self.sci)
    }

    /// The special access programs, in order.
    pub fn sap(&self) -> impl Iterator<Item = Tree<'_>> {
        trees(&self.sap)
    }

    /// The SIGMA categories, ascending.
    pub fn sigma(&self) -> impl Iterator<Item = u8> + use<> {
        let bits = self.sigma;
        (0..64).filter(move |n| bits & (1 << n) != 0)
    }

    /// True for a bare UNCLASSIFIED mark. That is not a permission to release: policy decides.
    #[must_use]
    pub fn is_unclassified_uncontrolled(&self) -> bool {
        self.system == System::Us && *self == Self::bare(System::Us, Level::Unclassified)
    }

    /// True when it contains NATO information.
    #[must_use]
    pub fn has_nato_information(&self) -> bool {
        self.controls.intersects(ControlSet::NATO)
            || self.owners.iter().chain(self.sources.iter()).any(|c| c == "NATO" || c.starts_with("NATO:"))
    }
}

pub(in crate::marking) fn trees(text: &str) -> impl Iterator<Item = Tree<'_>> {
    text.split('/').filter(|t| !t.is_empty()).map(|item| match item.split_once('-') {
        Some((id, rest)) => Tree { id, rest: Some(rest) },
        None => Tree { id: item, rest: None },
    })
}

/// The source of a consent for information whose source is concealed.
pub const CONCEALED: &str = "concealed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{DocumentDate, Register, Rules};

    #[test]
    fn holds_a_marking_in_less_than_256_bytes() {
        let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
        let heap = |m: &Marking| {
            let lists = [&m.owners, &m.sources, &m.rel_to, &m.display_to].map(|l| l.as_str().len());
            lists.iter().sum::<usize>() + m.sci.len() + m.sap.len()
        };
        for text in [
            "SECRET//NOFORN",
            "TOP SECRET//SI-G ABCD EFGH-XYZ/TK//SAR-BP-123//FGI DEU GBR//RSEN/ORCON/REL TO USA, AUS, CAN, GBR, NZL",
            "//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR",
        ] {
            let marking = rules.parse_banner(text).expect("valid");
            let bytes = size_of::<Marking>() + heap(&marking);
            assert!(bytes < 256, "{bytes} bytes for {text}");
        }
    }
}
