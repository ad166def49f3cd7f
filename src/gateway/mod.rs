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

pub use crate::store::ExchangeState;
pub use administration::apply::ChangeApplied;
pub use administration::change::ChangeRequest;
pub use administration::founding::{sign_founding, signer_of_founding};
pub use administration::manual::ManualOperation;
pub use error::GatewayError;
pub use inbound::inbox::Taker;
pub use inbound::renderings::Rendering;
pub use node::Node;
pub use node::policy::checks::installed_prover;
pub use officers::offline::ExportedRequest;
pub use officers::roster::AppointmentRequest;
pub use outbound::decision::consents::ConsentOnRecord;
pub use outbound::release::DecidedRequests;
pub use outbound::submission::check::{CheckedPartner, CheckedProduct, CheckedTearline, check_as_shipped};
pub use outbound::submission::preview::CutPreview;
pub use outbound::submission::request::Draft;
pub use queries::records::{ledger_entries, verify_ledger};
pub use recall::order::RecallOf;
pub use server::preflight::preflight;
pub use server::serve::{serve, serve_reloading};
pub use views::exchange::{
    ApprovalView, ExchangeDetail, ExchangeForecast, ExchangeView, Explained, InboxItem, InboxView, LedgerEntryView,
    LedgerVerified, PartnerExplained, PartnerRefusal, PartnerView, QuarantineView, ReasonView, ReceiptView, RecordView,
    RequestOpened, RequestView, SubmitOutcome,
};
pub use views::officer::{
    ApprovalOutcome, AttachmentShown, AttachmentWritten, AwaitingCut, AwaitingRequest, ChangesView, CutReview,
    CutWritten, OfficerView, RecallView, RefusedExchange, RefusedRequest, RequestReview, WithheldView,
};
pub use views::operator::{
    AlarmView, AllowanceView, CertificatesView, ChangeView, DamageView, OrphanView, RefusedOffer, ScrubView, UsageView,
};
pub use views::what_if::{DecisionDifference, PolicyDiff, PolicyVerdict};
