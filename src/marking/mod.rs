//! Classification and control markings. The text of a mark comes in; a [`Marking`], or every fault with its place, goes out.
//! Markings are printed, compared, rolled up to a banner, labelled in other formats, and decided on for one partner. The
//! room is usable on its own, does no input or output, and decides by data whose version and digest it reports.
//!
//! It refuses to repair: a text is a valid mark or it is rejected with every fault. It refuses to guess: an unknown word,
//! code or membership is not releasable. It refuses to widen: what it derives from portions is never releasable to anybody
//! to whom one of them is not.
//!
//! # A mark and its value
//!
//! ```
//! use portcullis::marking::{Control, DocumentDate, Register, Rules};
//!
//! let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
//! let marking = rules.parse_banner("TOP SECRET//SI-GAMMA/TALENT KEYHOLE//ORIGINATOR CONTROLLED/NOFORN").unwrap();
//! assert_eq!(marking.banner(), "TOP SECRET//SI-G/TK//ORCON/NOFORN");
//! assert_eq!(marking.portion(), "(TS//SI-G/TK//OC/NF)");
//! assert!(marking.has(Control::Nf));
//! ```
//!
//! # Who may have it
//!
//! ```
//! use jiff::civil::date;
//! use portcullis::marking::{DocumentDate, Register, Rules};
//!
//! let rules = Rules::new(Register::compiled_in(), DocumentDate::Known(date(2022, 12, 1)));
//! let marking = rules.parse_banner("SECRET//REL TO USA, FVEY").unwrap();
//! let countries: Vec<String> = rules.release_audience(&marking).countries.iter().map(ToString::to_string).collect();
//! assert_eq!(countries, ["AUS", "CAN", "GBR", "NZL"]);
//! ```
//!
//! Clauses cited as `spec 1.9` are those of `docs/MARKINGS.md`; `M16` and `ISM-ID-...` are the sources it names.
//!
//! Reading order: [`Register`] and [`Rules`] (what is in force), [`Marking`] (the value), [`Diagnostic`] (what is
//! wrong), [`roll_up`] and [`covers_portions`] (portions and banner), [`Condition`], [`AccessCheck`] and [`may_release`] (access).

mod diagnostic;
mod spelling;
mod model;
mod print;
mod register;
mod rules;
mod order;
mod releasability;
mod parse;
mod check;
mod remedy;
pub mod fault_report;
mod rollup;
mod label;

pub use check::{Checked, Parsed, ParsedCompartment, ParsedProgram, ParsedSources, ParsedSystem};
pub use diagnostic::{Diagnostic, Fix, Rejected, RuleCode, Severity};
pub use label::{XmlError, stanag4774, stanag4778, stix};
pub use model::{
    CONCEALED, Category, Code, CodeList, Control, ControlSet, DocumentDate, Level, Marking, Profile, System, Tree,
};
pub use parse::Kind;
pub use register::{Register, RegisterError, RegisterFiles};
pub use releasability::{
    AccessCheck, AccessRefusal, Audience, BY_CONSENT, Condition, DisclosureState, PartnerKind, PartnerRights,
    Permitted, accreditation, may_release,
};
pub use remedy::{Remedy, RemedyKind};
pub use rollup::{PortionForRollup, RollupError, RollupOptions, Shortfall, covers, covers_portions, roll_up};
pub use rules::{Config, Expansion, Rules, UnclassifiedPolicy};
pub use spelling::is_one_edit_apart;
