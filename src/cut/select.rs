//! Choosing the one tearline a partner may have (spec 1.10).
//!
//! The product is judged whole before any partner is: one bad mark anywhere, one banner that does not cover its own
//! portions, one tearline that is stricter than the one above it, and nothing of it goes to anybody. Then the first
//! tearline from the top that may go to the partner is the one, and portions are never picked out of it.

use std::fmt;

use crate::marking::{
    AccessCheck, AccessRefusal, LinkRights, Marking, Permitted, Rejected, Rules, Shortfall, covers_portions,
};

/// A tearline's banner and the marks of its portions, read and valid each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedTearline {
    /// The tearline's own banner.
    pub banner: Marking,
    /// The marks of its portions, in order.
    pub portions: Vec<Marking>,
}

impl MarkedTearline {
    /// Reads a tearline's marks. Portions inherit from this banner and from no other.
    ///
    /// # Errors
    ///
    /// The findings of the first mark that is not valid.
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

/// Why a product goes to nobody. `Display` is the word the answers use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductFault {
    /// A mark is not valid.
    #[error("INVALID-MARK")]
    InvalidMark(Rejected),
    /// There is no tearline.
    #[error("NO-TEARLINES")]
    NoTearlines,
    /// A tearline has no portions.
    #[error("NO-PORTIONS")]
    NoPortions,
    /// The banner says less than its portions; the first shortfall names the answer.
    #[error("BANNER-UNDERSTATED:{}", .0.first().map_or(String::new(), ToString::to_string))]
    BannerUnderstated(Vec<Shortfall>),
    /// The level rises going down.
    #[error("LEVEL-RISES")]
    LevelRises,
    /// The release audience shrinks going down.
    #[error("AUDIENCE-SHRINKS")]
    AudienceShrinks,
}

/// A product that passed the whole-product checks, expanded once for all partners.
#[derive(Debug, Clone)]
pub struct SoundProduct {
    tearlines: Vec<AccessCheck>,
}

/// A fault and the tearline, from 0, at which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRefused {
    /// What is wrong.
    pub fault: ProductFault,
    /// Where.
    pub at: usize,
}

impl fmt::Display for ProductRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at tearline {}", self.fault, self.at)
    }
}

impl std::error::Error for ProductRefused {}

/// What one tearline came to for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go.
    MayGo(Permitted),
    /// It may not; every reason.
    Refused(Vec<AccessRefusal>),
    /// The requester asked for a lower one.
    PassedOver,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MayGo(_) => f.write_str("OK"),
            Self::Refused(reasons) => match reasons.first() {
                Some(first) => write!(f, "{first}"),
                None => f.write_str("REFUSED"),
            },
            Self::PassedOver => f.write_str("PASSED-OVER"),
        }
    }
}

/// The outcome for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The tearline that goes, from 0 at the top; `None` when nothing does.
    pub tearline: Option<usize>,
    /// Why the whole product was refused, if it was.
    pub refused: Option<ProductRefused>,
    /// The verdict on each tearline down to the one that goes; empty when the product was refused.
    pub per_tearline: Vec<Verdict>,
}

impl SoundProduct {
    /// Makes the whole-product checks.
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

    /// Chooses for one partner, at or below a tearline (0 for the whole product).
    #[must_use]
    pub fn select(&self, rules: &Rules<'_>, link: &LinkRights, at_or_below: usize) -> Selection {
        let mut per_tearline = Vec::with_capacity(self.tearlines.len());
        for (at, whole) in self.tearlines.iter().enumerate() {
            if at < at_or_below {
                per_tearline.push(Verdict::PassedOver);
                continue;
            }
            match whole.may_release(rules, link) {
                Ok(permitted) => {
                    per_tearline.push(Verdict::MayGo(permitted));
                    return Selection { tearline: Some(at), refused: None, per_tearline };
                }
                Err(reasons) => per_tearline.push(Verdict::Refused(reasons)),
            }
        }
        Selection { tearline: None, refused: None, per_tearline }
    }
}

/// Checks a product whole and chooses the first tearline from the top that may go to one partner.
///
/// `at_or_below` lets a requester name a lower tearline; it never makes a higher one available.
#[must_use]
pub fn select(tearlines: &[MarkedTearline], link: &LinkRights, rules: &Rules<'_>, at_or_below: usize) -> Selection {
    match SoundProduct::examine(rules, tearlines) {
        Ok(product) => product.select(rules, link, at_or_below),
        Err(refused) => Selection::refused(refused),
    }
}

impl Selection {
    /// The selection from a product that goes to nobody.
    #[must_use]
    pub fn refused(refused: ProductRefused) -> Self {
        Self { tearline: None, refused: Some(refused), per_tearline: Vec::new() }
    }
}
