//! The controls that the engine implements, each with its printed forms.
//!
//! The register file repeats these forms. Loading refuses a register that disagrees: the engine must never print a form that
//! it would not parse.
//!
//! A new control is a line in `controls!` and a row in `policy/register/register.json`. Two functions then do not compile until
//! they have a case for it: how it takes part in roll-up (`rolls_up_unconditionally` in `marking/rollup/banner.rs`), and what a
//! release of it requires (`own_condition` in `marking/releasability/condition.rs`). Policy reads marks by itself
//! (`policy/mark_reader/vocabulary.rs`, and the rules in `policy/*.cedar` with their cases), and so does the filter that looks
//! for marks in text (`inspect/marks/vocabulary/lexicon.rs`): `tests/marking/rules.rs`, `tests/marking/register.rs` and
//! `tests/policy/facts.rs` fail until all agree.

use std::fmt;

macro_rules! controls {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $category:ident, $title:literal, $banner:literal, $portion:literal;)*) => {
        /// A control marking, such as NOFORN. The variants are in Register order inside each category (spec 1.5).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Control { $($(#[$doc])* $name,)* }

        impl Control {
            /// Every control, in Register order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The register's identifier, which is also the ISM token.
            #[must_use]
            pub const fn id(self) -> &'static str { match self { $(Self::$name => $id,)* } }

            /// The category the control is written in.
            #[must_use]
            pub const fn category(self) -> Category { match self { $(Self::$name => Category::$category,)* } }

            /// The long banner form, such as `NOT RELEASABLE TO FOREIGN NATIONALS`.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// The canonical banner form, such as `NOFORN`.
            #[must_use]
            pub const fn banner(self) -> &'static str { match self { $(Self::$name => $banner,)* } }

            /// The portion form, such as `NF`.
            #[must_use]
            pub const fn portion(self) -> &'static str { match self { $(Self::$name => $portion,)* } }
        }
    };
}

/// The categories of a mark after its classification, in the order they are written (M16 A.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Sensitive compartmented information, with NATO BALK and BOHEMIA.
    Sci,
    /// Special access programs.
    Sap,
    /// Atomic energy information, with NATO ATOMAL.
    Aea,
    /// Foreign government information.
    Fgi,
    /// IC dissemination controls.
    Dissem,
    /// Non-IC dissemination controls.
    NonIc,
}

controls! {
    /// Risk sensitive.
    Rs = "RS", Dissem, "RISK SENSITIVE", "RSEN", "RS";
    /// For official use only.
    Fouo = "FOUO", Dissem, "FOR OFFICIAL USE ONLY", "FOUO", "FOUO";
    /// Originator controlled.
    Oc = "OC", Dissem, "ORIGINATOR CONTROLLED", "ORCON", "OC";
    /// Originator controlled, pre-approved for the US government.
    OcUsgov = "OC-USGOV", Dissem, "ORIGINATOR CONTROLLED-USGOV", "ORCON-USGOV", "OC-USGOV";
    /// Controlled imagery.
    Imc = "IMC", Dissem, "CONTROLLED IMAGERY", "IMCON", "IMC";
    /// Not releasable to foreign nationals.
    Nf = "NF", Dissem, "NOT RELEASABLE TO FOREIGN NATIONALS", "NOFORN", "NF";
    /// Proprietary information.
    Pr = "PR", Dissem, "CAUTION-PROPRIETARY INFORMATION INVOLVED", "PROPIN", "PR";
    /// Authorised for release to a list.
    Rel = "REL", Dissem, "AUTHORIZED FOR RELEASE TO", "REL TO", "REL TO";
    /// Releasable by an information disclosure official.
    Relido = "RELIDO", Dissem, "RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", "RELIDO", "RELIDO";
    /// Legacy eyes-only list, read as REL TO.
    Eyes = "EYES", Dissem, "EYES ONLY", "EYES ONLY", "EYES ONLY";
    /// DEA sensitive.
    Dsen = "DSEN", Dissem, "DEA SENSITIVE", "DEA SENSITIVE", "DSEN";
    /// Raw FISA information.
    Rawfisa = "RAWFISA", Dissem, "RAW FOREIGN INTELLIGENCE SURVEILLANCE ACT", "RAWFISA", "RAWFISA";
    /// FISA information.
    Fisa = "FISA", Dissem, "FOREIGN INTELLIGENCE SURVEILLANCE ACT", "FISA", "FISA";
    /// Authorised for display to a list, never for release.
    DisplayOnly = "DISPLAYONLY", Dissem, "DISPLAY ONLY", "DISPLAY ONLY", "DISPLAY ONLY";
    /// Limited distribution.
    Ds = "DS", NonIc, "LIMITED DISTRIBUTION", "LIMDIS", "DS";
    /// Exclusive distribution.
    Xd = "XD", NonIc, "EXCLUSIVE DISTRIBUTION", "EXDIS", "XD";
    /// No distribution.
    Nd = "ND", NonIc, "NO DISTRIBUTION", "NODIS", "ND";
    /// Sensitive but unclassified.
    Sbu = "SBU", NonIc, "SENSITIVE BUT UNCLASSIFIED", "SBU", "SBU";
    /// Sensitive but unclassified, NOFORN.
    SbuNf = "SBU-NF", NonIc, "SENSITIVE BUT UNCLASSIFIED NOFORN", "SBU NOFORN", "SBU-NF";
    /// Law enforcement sensitive.
    Les = "LES", NonIc, "LAW ENFORCEMENT SENSITIVE", "LES", "LES";
    /// Law enforcement sensitive, NOFORN.
    LesNf = "LES-NF", NonIc, "LAW ENFORCEMENT SENSITIVE NOFORN", "LES NOFORN", "LES-NF";
    /// Sensitive security information.
    Ssi = "SSI", NonIc, "SENSITIVE SECURITY INFORMATION", "SSI", "SSI";
    /// Restricted data.
    Rd = "RD", Aea, "RESTRICTED DATA", "RD", "RD";
    /// Critical nuclear weapon design information, a part of restricted data.
    RdCnwdi = "RD-CNWDI", Aea, "RESTRICTED DATA-CNWDI", "RD-CNWDI", "RD-CNWDI";
    /// SIGMA categories of restricted data.
    RdSg = "RD-SG", Aea, "RESTRICTED DATA-SIGMA", "RD-SIGMA", "RD-SG";
    /// Formerly restricted data.
    Frd = "FRD", Aea, "FORMERLY RESTRICTED DATA", "FRD", "FRD";
    /// SIGMA categories of formerly restricted data.
    FrdSg = "FRD-SG", Aea, "FORMERLY RESTRICTED DATA-SIGMA", "FRD-SIGMA", "FRD-SG";
    /// DoD unclassified controlled nuclear information.
    Dcni = "DCNI", Aea, "DOD UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOD UCNI", "DCNI";
    /// DOE unclassified controlled nuclear information.
    Ucni = "UCNI", Aea, "DOE UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOE UCNI", "UCNI";
    /// Transclassified foreign nuclear information.
    Tfni = "TFNI", Aea, "TRANSCLASSIFIED FOREIGN NUCLEAR INFORMATION", "TFNI", "TFNI";
    /// NATO atomic information.
    Atomal = "ATOMAL", Aea, "ATOMAL", "ATOMAL", "ATOMAL";
    /// NATO BALK, written in the SCI position.
    Balk = "BALK", Sci, "BALK", "BALK", "BALK";
    /// NATO BOHEMIA, written in the SCI position.
    Bohemia = "BOHEMIA", Sci, "BOHEMIA", "BOHEMIA", "BOHEMIA";
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A set of [`Control`]s, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlSet(u64);

impl ControlSet {
    /// No control.
    pub const EMPTY: Self = Self(0);
    /// The foreign-disclosure and release markings.
    pub const FDR: Self = Self::of(&[Control::Nf, Control::Rel, Control::Relido, Control::Eyes, Control::DisplayOnly]);
    /// The non-IC controls that carry NOFORN with them.
    pub const NONIC_NOFORN: Self = Self::of(&[Control::SbuNf, Control::LesNf]);
    /// Every IC dissemination control.
    pub const DISSEM: Self = Self::in_category(Category::Dissem);
    /// Every non-IC control.
    pub const NONIC: Self = Self::in_category(Category::NonIc);
    /// Every atomic energy control.
    pub const AEA: Self = Self::in_category(Category::Aea);
    /// The controls that only NATO information carries.
    pub const NATO: Self = Self::of(&[Control::Atomal, Control::Balk, Control::Bohemia]);

    /// The set of `controls`.
    #[must_use]
    pub const fn of(controls: &[Control]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < controls.len() {
            bits |= 1 << controls[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    const fn in_category(category: Category) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < Control::ALL.len() {
            if Control::ALL[i].category() as u8 == category as u8 {
                set.insert(Control::ALL[i]);
            }
            i += 1;
        }
        set
    }

    /// True when `control` is in the set.
    #[must_use]
    pub const fn has(self, control: Control) -> bool {
        self.0 & (1 << control as u8) != 0
    }

    /// True when the two sets share a control.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// True when no control is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `control`.
    pub const fn insert(&mut self, control: Control) {
        self.0 |= 1 << control as u8;
    }

    /// Removes `control`.
    pub const fn remove(&mut self, control: Control) {
        self.0 &= !(1 << control as u8);
    }

    /// The controls in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The controls in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The controls of `self` that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The controls in Register order.
    pub fn iter(self) -> impl Iterator<Item = Control> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            if bits == 0 {
                return None;
            }
            let lowest = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            Some(Control::ALL[lowest])
        })
    }
}

impl FromIterator<Control> for ControlSet {
    fn from_iter<I: IntoIterator<Item = Control>>(iter: I) -> Self {
        let mut set = Self::EMPTY;
        for control in iter {
            set.insert(control);
        }
        set
    }
}
