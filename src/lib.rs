//! Portcullis: a cross-domain gateway through which tearline products are exchanged with foreign partners.
//!
//! It decides what part of a product a partner may have, proves that two officers approved exactly that, seals those bytes for
//! that partner, delivers them once over mutually authenticated QUIC, and leaves evidence that either side can check offline.
//!
//! # How to read it
//!
//! The modules are chapters. Their order here is the order to read them in, and the order in which they depend on each other: a
//! module uses only those above it, and inside each of them the same holds of the `mod` lines. Each begins by saying what comes
//! in, what goes out, and what it refuses. `tests/architecture/` holds the order, and holds the pure core away from tokio, files,
//! sockets and clocks. `docs/ARCHITECTURE.md` has the invariants, a map of every room, and a table of where a change goes.
//!
//! A product on its way out passes [`product`] → [`cut`] → [`inspect`] → [`approval`] → [`release`] → [`seal`] → [`wire`]; what
//! a partner sends takes the same road inward. [`gateway`] drives both, and [`cli`] is how people reach it.
//!
//! # The pure core
//!
//! It takes time and bytes as arguments and returns effects as values.
//!
//! Values that everything else is made of:
//!
//! - [`text_form`]: types that are written as one text, such as identifiers and digests, and their JSON, TOML and CBOR forms.
//! - [`time`]: instants, clocks, and steps of a clock that is set.
//! - [`log_limiter`]: the rate limit of log lines that somebody outside can cause.
//! - [`digest`]: SHA-256, and canonical CBOR, the one encoding that is hashed or signed.
//! - [`invisible`]: characters that a reader does not see, or that change how others are shown.
//! - [`ident`]: names that people choose and numbers that the gateway draws, safe in paths, terminals and queries.
//! - [`sign`]: keys and signed statements (COSE_Sign1). The one place that signs.
//! - [`precedence`]: FLASH, IMMEDIATE, PRIORITY and ROUTINE.
//!
//! What is exchanged, and with whom:
//!
//! - [`marking`]: classification and control markings: parsed, printed, rolled up to a banner, and decided on for one partner.
//!   It is usable without the rest.
//! - [`partner`]: the agreement with each partner, what its node says of itself, and limits, windows and retries.
//! - [`product`]: what a producer submits: tearlines of marked portions and attachments, read in four formats and from three
//!   kinds of package.
//! - [`consent`]: consents of sources, by which what is theirs may be passed on.
//! - [`cut`]: what one partner would get: the one tearline selected for it, assembled as a product of its own.
//! - [`origin`]: fingerprints by which what partners sent is recognised in what is about to leave.
//!
//! Whether it may leave:
//!
//! - [`rebuild`]: attachments of foreign formats, read strictly and written anew from what they mean.
//! - [`inspect`]: the filters that every cut passes whole, and the proof that it did.
//! - [`approval`]: what people sign, and which of it counts; who the officers are.
//! - [`policy`]: the release rules in Cedar, asked about one cut for one partner, and what must be proved of them.
//! - [`change`]: what it takes to change rules, officers, partners, a clock or a ledger: two officers, and the exact texts.
//! - [`envelope`]: what travels: manifest, header, receipt and recall.
//! - [`release`]: the one decision. Policy and the marking engine must both permit it.
//! - [`seal`]: encryption of a released cut for its partner, opening of what came, and encryption at rest.
//! - [`ledger`]: the append-only log of all that was decided and done, and the facts that it proves.
//! - [`wire`]: the protocol between two nodes as state machines: frames and events in, frames and actions out.
//!
//! # The shell
//!
//! It performs what the core decides.
//!
//! - [`progress`]: how far long work has come, and how it is told to stop.
//! - [`system`]: the system's clock and randomness, and the fault points of tests.
//! - [`filters`]: the parsers of [`rebuild`] in a process of their own, which the kernel confines.
//! - [`config`]: the configuration file, the key files, and how files are written whole.
//! - [`store`]: records, ledger and sealed payloads of a node, each commit durable before its effect is seen.
//! - [`pki`]: certificates: a node's own authorities, revocation, TLS, and whose certificate a peer presents.
//! - [`edge`]: QUIC links to partners, and their limits. It sees ciphertext only.
//! - [`gateway`]: what a node does: each use case is a method of [`gateway::Node`], with plain data in and out.
//! - [`telemetry`]: the log.
//! - [`cli`]: the command line. It reads arguments, calls the gateway and prints the answer.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// ── pure core: no tokio, no files, no sockets, no clock ──
pub mod text_codec;
pub mod time;
pub mod log_limiter;
pub mod digest;
pub mod invisible;
pub mod ident;
pub mod sign;
pub mod precedence;
pub mod marking;
pub mod partner;
pub mod product;
pub mod consent;
pub mod cut;
pub mod origin;
pub mod rebuild;
pub mod inspect;
pub mod approval;
pub mod policy;
pub mod change;
pub mod envelope;
pub mod release;
pub mod seal;
pub mod ledger;
pub mod wire;

// ── io shell ──
pub mod progress;
pub mod system;
pub mod filter_process;
pub mod config;
pub mod store;
pub mod pki;
pub mod edge;
pub mod gateway;
pub mod telemetry;
pub mod cli;
