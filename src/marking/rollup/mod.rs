//! Portions and their banner: what banner the portions need, and whether the banner that a product carries covers them
//! (spec 1.8 and 1.10). Portion marks come in; a banner or a list of shortfalls goes out.
//!
//! It refuses to roll up banners in place of portions, and never returns a mark that the parser would refuse.

mod expansion;
mod banner;
mod cover;

pub use banner::{PortionForRollup, RollupError, RollupOptions, roll_up};
pub use cover::{Shortfall, covers, covers_portions};
