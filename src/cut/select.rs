//! Selects the one tearline for a partner (spec 1.10).
//!
//! The product as a whole is checked first: if one mark is invalid, one banner does not cover its portions, or one tearline is stricter
//! than the one above it, nothing is released to any partner. Then the first tearline from the top that is releasable to the partner is
//! selected, as a whole.

use std::fmt;

use crate::marking::{
    AccessCheck, AccessRefusal, Marking, PartnerRights, Permitted, Rejected, Rules, Shortfall, covers_portions,
};

/// A tearline's banner and the marks of its portions, each valid by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedTearline {
    /// The tearline's own banner.
    pub banner: Marking,
    /// The marks of its portions, in order.
    pub portions: Vec<Marking>,
}

impl MarkedTearline {
    /// Parses a tearline's marks. Portions inherit from this banner only.
    ///
    /// # Errors
    ///
    /// The diagnostics of the first mark that is not valid.
    pub fn read<'t>(
        rules: &Rules<'_>,
        banner: &str,
        portions: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, Rejected> {
        let rules = &rules.in_profile_of(banner);
        let banner = rules.parse_banner(banner)?;
        let portions =
            portions.into_iter().map(|p| rules.parse_portion(p, Some(&banner))).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { banner, portions })
    }
}

/// Why a product cannot be released to any partner. `Display` writes the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductFault {
    /// A mark is not valid.
    #[error("INVALID-MARK")]
    InvalidMark(Rejected),
    /// The product has no tearlines.
    #[error("NO-TEARLINES")]
    NoTearlines,
    /// A tearline has no portions.
    #[error("NO-PORTIONS")]
    NoPortions,
    /// The banner does not cover its portions; the code names the first shortfall.
    #[error("BANNER-UNDERSTATED:{}", .0.first().map_or(String::new(), ToString::to_string))]
    BannerUnderstated(Vec<Shortfall>),
    /// A tearline has a higher level than the one above it.
    #[error("LEVEL-RISES")]
    LevelRises,
    /// A tearline is releasable to fewer than the one above it.
    #[error("AUDIENCE-SHRINKS")]
    AudienceShrinks,
}

/// A product that passed the whole-product checks, expanded once for all partners.
#[derive(Debug, Clone)]
pub struct SoundProduct {
    tearlines: Vec<AccessCheck>,
}

/// A fault and the tearline in which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRefused {
    /// The fault.
    pub fault: ProductFault,
    /// The index of the tearline, from zero at the top.
    pub at: usize,
}

impl fmt::Display for ProductRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at tearline {}", self.fault, self.at)
    }
}

impl std::error::Error for ProductRefused {}

/// The verdict on one tearline for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is releasable.
    Releasable(Permitted),
    /// It is not releasable; every reason.
    Refused(Vec<AccessRefusal>),
    /// It is above the tearline that was requested.
    PassedOver,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Releasable(_) => f.write_str("OK"),
            Self::Refused(reasons) => match reasons.first() {
                Some(first) => write!(f, "{first}"),
                None => f.write_str("REFUSED"),
            },
            Self::PassedOver => f.write_str("PASSED-OVER"),
        }
    }
}

/// The result of the selection for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The index of the selected tearline, from zero at the top; `None` if none is releasable.
    pub tearline: Option<usize>,
    /// Why the whole product was refused, if it was.
    pub refused: Option<ProductRefused>,
    /// The verdict on each tearline down to the selected one; empty if the product was refused.
    pub per_tearline: Vec<Verdict>,
}

impl SoundProduct {
    /// Checks the product as a whole.
    ///
    /// # Errors
    ///
    /// The first fault from the top.
    pub fn examine(rules: &Rules<'_>, tearlines: &[MarkedTearline]) -> Result<Self, ProductRefused> {
        let refuse = |fault, at| Err(ProductRefused { fault, at });
        if tearlines.is_empty() {
            return refuse(ProductFault::NoTearlines, 0);
        }
        for (at, tearline) in tearlines.iter().enumerate() {
            if tearline.portions.is_empty() {
                return refuse(ProductFault::NoPortions, at);
            }
            if let Err(short) = covers_portions(rules, &tearline.banner, &tearline.portions) {
                return refuse(ProductFault::BannerUnderstated(short), at);
            }
        }
        for (above, pair) in tearlines.windows(2).enumerate() {
            if pair[1].banner.level() > pair[0].banner.level() {
                return refuse(ProductFault::LevelRises, above + 1);
            }
            if !rules.reaches_no_further(&pair[0].banner, &pair[1].banner) {
                return refuse(ProductFault::AudienceShrinks, above + 1);
            }
        }
        let whole = |t: &MarkedTearline| AccessCheck::new(rules, &t.banner, &t.portions);
        Ok(Self { tearlines: tearlines.iter().map(whole).collect() })
    }

    /// Selects the tearline for one partner, at or below the tearline `at_or_below` (0 for the whole product).
    #[must_use]
    pub fn select(&self, rules: &Rules<'_>, link: &PartnerRights, at_or_below: usize) -> Selection {
        let mut per_tearline = Vec::with_capacity(self.tearlines.len());
        for (at, whole) in self.tearlines.iter().enumerate() {
            if at < at_or_below {
                per_tearline.push(Verdict::PassedOver);
                continue;
            }
            match whole.may_release(rules, link) {
                Ok(permitted) => {
                    per_tearline.push(Verdict::Releasable(permitted));
                    return Selection { tearline: Some(at), refused: None, per_tearline };
                }
                Err(reasons) => per_tearline.push(Verdict::Refused(reasons)),
            }
        }
        Selection { tearline: None, refused: None, per_tearline }
    }
}

/// Checks a product as a whole and selects the first tearline from the top that is releasable to one partner.
///
/// With `at_or_below` a requester can ask for a lower tearline, but never get a higher one.
#[must_use]
pub fn select(tearlines: &[MarkedTearline], link: &PartnerRights, rules: &Rules<'_>, at_or_below: usize) -> Selection {
    match SoundProduct::examine(rules, tearlines) {
        Ok(product) => product.select(rules, link, at_or_below),
        Err(refused) => Selection::refused(refused),
    }
}

impl Selection {
    /// The selection from a product that is refused as a whole.
    #[must_use]
    pub fn refused(refused: ProductRefused) -> Self {
        Self { tearline: None, refused: Some(refused), per_tearline: Vec::new() }
    }
}
