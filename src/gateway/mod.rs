//! The gateway: what a node does, from a submitted product to a receipt and from an offer to the inbox.
//!
//! Every front end, such as the command line, uses [`Node`]: each use case is a method with plain data in and out
//! (`views`). The modules follow the flow: `outbound`, `inbound`, `recall`, `officers` and `administration`,
//! `queries` of the record, and the `server` that drives them. It refuses to send without a decision on the current
//! record, to act before recording, and to tell a partner more than a code.

mod error;
pub mod package;
mod views;
mod node;
mod content;
mod outbound;
mod inbound;
mod recall;
mod officers;
mod administration;
mod queries;
mod server;

pub use crate::gateway::officers::offline::ExportedRequest;
pub use crate::gateway::outbound::decision::consents::ConsentOnRecord;
pub use crate::gateway::outbound::submission::check::{
    CheckedPartner, CheckedProduct, CheckedTearline, check_as_shipped,
};
pub use crate::gateway::outbound::submission::request::Draft;
pub use administration::apply::ChangeApplied;
pub use administration::certificates::CertificatesView;
pub use administration::change::Wanted;
pub use administration::effective_changes::ChangeView;
pub use administration::founding::{sign_founding, signer_of_founding};
pub use administration::manual::ManualOperation;
pub use administration::orphans::OrphanView;
pub use administration::what_if::{Differs, PolicyDiff, Under};
pub use error::GatewayError;
pub use inbound::inbox::Taker;
pub use inbound::refused_offers::RefusedOffer;
pub use inbound::renderings::Rendering;
pub use node::Node;
pub use node::policy::checks::installed as installed_prover;
pub use officers::attachments::{AttachmentWritten, CutWritten};
pub use officers::roster::Appoint;
pub use outbound::release::Seen;
pub use queries::health::{AlarmView, AllowanceView, UsageView};
pub use queries::records::{ledger_entries, verify_ledger};
pub use recall::order::RecallOf;
pub use server::preflight::preflight;
pub use server::scrub::{DamageView, ScrubView};
pub use server::serve::{serve, serve_reloading};
pub use views::exchange::{
    ApprovalView, ExchangeDetail, ExchangeForecast, ExchangeView, Explained, InboxItem, InboxView, LedgerEntryView,
    LedgerVerified, PartnerExplained, PartnerRefusal, PartnerView, QuarantineView, ReasonView, ReceiptView, RecordView,
    RequestOpened, RequestView, SubmitOutcome,
};
pub use views::officer::{
    ApprovalOutcome, AttachmentShown, AwaitingCut, AwaitingRequest, ChangesView, CutReview, OfficerView, RecallView,
    RefusedExchange, RefusedRequest, RequestReview, WithheldView,
};
