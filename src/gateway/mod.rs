//! The gateway: what a node does, from a submitted product to a receipt and from an offer to the inbox.
//!
//! It refuses to send what was not decided upon a moment ago, to act before what it does is recorded, and to tell a
//! partner more than a code.

mod addresses;
mod apply;
mod approve;
mod attached;
mod assembled;
mod assembly;
mod certificates;
mod check;
mod clock;
mod consents;
mod contain;
mod contents;
mod change;
mod decision;
mod deliver;
mod edge_secret;
mod error;
mod exported;
mod examine;
mod flow;
mod founding;
mod gates;
mod halt;
mod hand;
mod in_force;
mod heads;
mod hold;
mod housekeeping;
mod health;
mod inbound;
mod inbox;
mod intake;
mod lists;
mod live;
mod lost;
mod node;
mod notice;
mod obligations;
mod officer_views;
mod officers;
mod origin;
mod outcome;
mod own_heads;
mod own_keys;
mod owners;
pub mod package;
mod parties;
mod payloads;
mod people;
mod permit;
mod pipeline;
mod power;
mod promote;
mod quarantine;
mod queries;
mod records;
mod renderings;
mod rules;
mod schedule;
mod scrub;
mod sealed;
mod recall;
mod recall_notice;
mod receipt;
mod refuse;
mod review;
mod serve;
mod settings;
mod sink;
mod submit;
mod suppose;
mod turned_away;
mod turns;
mod unfinished;
mod views;
mod view_rows;
mod taken;
mod stopping;
mod stopped;
mod shares;
mod node_files;
mod inbound_panics;
mod candidate;

pub use apply::ChangeApplied;
pub use attached::{AttachmentWritten, CutWritten};
pub use certificates::CertificatesView;
pub use change::Wanted;
pub use check::{CheckedPartner, CheckedProduct, CheckedTearline, check_as_shipped};
pub use consents::ConsentOnRecord;
pub use error::GatewayError;
pub use exported::ExportedRequest;
pub use founding::{sign_founding, signer_of_founding};
pub use hand::Hand;
pub use health::{AlarmView, FlowView, UsageView};
pub use lost::LostView;
pub use node::Node;
pub use obligations::installed as installed_prover;
pub use officer_views::{
    ApprovalOutcome, AttachmentShown, AwaitingCut, AwaitingRequest, ChangesView, CutReview, OfficerView, RecallView, RefusedExchange,
    RefusedRequest, RequestReview, WithheldView,
};
pub use officers::Appoint;
pub use power::ChangeView;
pub use promote::Seen;
pub use queries::{ledger_entries, verify_ledger};
pub use recall::RecallOf;
pub use renderings::Rendering;
pub use scrub::{DamageView, ScrubView};
pub use serve::serve;
pub use submit::Draft;
pub use suppose::{Differs, PolicyDiff, Under};
pub use turned_away::RefusedOffer;
pub use views::{
    ApprovalView, ExchangeDetail, ExchangeForecast, ExchangeView, Explained, InboxItem, InboxView, LedgerEntryView,
    LedgerVerified, PartnerExplained, PartnerRefusal, PartnerView, QuarantineView, ReasonView, ReceiptView, RecordView,
    RequestOpened, RequestView, SubmitOutcome,
};
