//! An independent peer: `foreign/aioquic_peer.py`, written from `docs/PROTOCOL.md` with another QUIC, TLS and CBOR implementation; and
//! `foreign/hostile_peer.py`, a hostile partner with the same libraries.
//!
//! Needs a Python with `aioquic` and `cbor2`, named in `PORTCULLIS_PYTHON`; `scripts/test` installs one. Without it these tests
//! report that they were not run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::not_run;
use crate::support::{self, Keys, Node, link_to};
use portcullis::edge::EdgeTuning;
use portcullis::partner::Limits;
use portcullis::pki::{PEM_CERTIFICATE, ProfileName, der_to_pem};
use portcullis::wire::{InboundTimers, RefusalCode, SessionTimers};
use serde_json::Value;

struct Foreign {
    node: Node,
    gbr: Keys,
    folder: tempfile::TempDir,
    python: String,
}

const SHORT: Duration = Duration::from_secs(1);

impl Foreign {
    /// `None`, with a message, if there is no such Python.
    async fn new() -> Option<Foreign> {
        Foreign::with(SessionTimers::default()).await
    }

    async fn with(session: SessionTimers) -> Option<Foreign> {
        let Ok(python) = std::env::var("PORTCULLIS_PYTHON") else {
            not_run::not_run("PORTCULLIS_PYTHON names no Python with aioquic and cbor2; scripts/test makes one");
            return None;
        };
        let gbr = Keys::new("exercise-gbr", ProfileName::Classical);
        let tuning = EdgeTuning {
            // Short timers, so that the tests are fast; `docs/PROTOCOL.md` has the real ones.
            inbound: InboundTimers { offer: SHORT, window: SHORT, ..InboundTimers::default() },
            session,
            attempts_burst: 1000,
            ..EdgeTuning::default()
        };
        let usa = Keys::new("exercise-usa", ProfileName::Classical);
        let node = Node::start_tuned(usa, [gbr.trust()], tuning).await;
        let limits = Limits { concurrent: 2, ..Limits::default() };
        node.edge.apply_partners(BTreeMap::from([(gbr.name.clone(), link_to(None, limits))]));
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "node", &gbr);
        write(folder.path(), "stranger", &Keys::new("exercise-gbr", ProfileName::Classical));
        Some(Foreign { node, gbr, folder, python })
    }

    async fn run(&self, keys: &str, scenario: &str) -> Value {
        self.script("aioquic_peer.py", keys, scenario, &[]).await
    }

    /// Runs an attack this many times.
    async fn attack(&self, attack: &str, count: u32) -> Value {
        self.script("hostile_peer.py", "node", attack, &[count.to_string()]).await
    }

    async fn script(&self, script: &str, keys: &str, scenario: &str, more: &[String]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(script);
        let file = |suffix: &str| self.folder.path().join(format!("{keys}.{suffix}"));
        let output = tokio::process::Command::new(&self.python)
            .arg(script)
            .args(["127.0.0.1", &self.node.address().port().to_string()])
            .args([file("pem"), file("key")])
            .args([self.gbr.name.as_str(), scenario])
            .args(more)
            .output();
        let output = support::within(output).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{scenario}: {text} {problem}"))
    }

    async fn refuses(&self, scenario: &str, code: RefusalCode) {
        let told = self.run("node", scenario).await;
        assert_eq!(told["kind"], 0x12, "{scenario}: {told}");
        assert_eq!(told["message"]["0"], code.number(), "{scenario}: {told}");
    }

    async fn closes(&self, scenario: &str, code: RefusalCode) {
        let told = self.run("node", scenario).await;
        // The Goodbye may arrive before or after the close; both carry the code, and no reason.
        let goodbye = told["kind"] == 0x02 && told["message"]["0"] == code.number();
        let closed = told["closed"] == code.number() && told["reason"] == "";
        assert!(goodbye || closed, "{scenario}: {told}");
    }
}

fn write(folder: &Path, name: &str, keys: &Keys) {
    let certificate = der_to_pem(PEM_CERTIFICATE, keys.issued.certificate.der());
    std::fs::write(folder.join(format!("{name}.pem")), certificate).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), keys.issued.key.to_pem().as_bytes()).unwrap();
}

#[tokio::test]
async fn a_foreign_peer_delivers_and_gets_the_same_receipt_again() {
    let Some(foreign) = Foreign::new().await else { return };
    let told = foreign.run("node", "deliver").await;
    assert_eq!(told["first"]["kind"], 0x13, "{told}");
    assert_eq!(told["first"], told["again"]);
    assert_eq!((&told["pong"]["kind"], &told["pong"]["message"]["0"]), (&Value::from(0x04), &Value::from(7)));
    // On another connection as well: a replayed offer has no second effect and gets the same answer.
    assert_eq!(foreign.run("node", "deliver").await["first"], told["first"]);
    assert_eq!(*foreign.node.memory.completions.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_foreign_peer_that_misbehaves_is_refused_with_the_documented_code() {
    let Some(foreign) = Foreign::new().await else { return };
    for scenario in ["no_certificate", "wrong_alpn"] {
        let told = foreign.run("node", scenario).await;
        assert!(
            told["refused"].is_string() || told["first"]["closed"].is_number() || told["closed"].is_number(),
            "{told}"
        );
    }
    let stranger = foreign.run("stranger", "deliver").await;
    assert!(stranger["closed"].as_u64().is_some_and(|code| code >= 0x100), "{stranger}");
    foreign.closes("wrong_node", RefusalCode::IdentityMismatch).await;
    foreign.closes("oversized", RefusalCode::ProtocolError).await;
    foreign.closes("before_hello", RefusalCode::ProtocolError).await;
    foreign.closes("second_hello", RefusalCode::ProtocolError).await;
    for scenario in [
        "not_canonical",
        "duplicate_key",
        "padding",
        "unknown_frame",
        "larger_data_than_agreed",
        "out_of_order",
        "truncated",
    ] {
        foreign.refuses(scenario, RefusalCode::ProtocolError).await;
    }
    for scenario in ["other_payload", "other_header", "shorter_header", "no_header"] {
        foreign.refuses(scenario, RefusalCode::DigestMismatch).await;
    }
    assert!(foreign.node.memory.inbox.lock().unwrap().is_empty());
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13);
}

#[tokio::test]
async fn a_foreign_peer_that_is_slow_or_greedy_is_held_to_its_limits() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.refuses("trickles", RefusalCode::TimedOut).await;
    foreign.refuses("stalls", RefusalCode::TimedOut).await;
    // Two may be in progress. More streams are permitted, so that an excess one is refused with a code.
    let told = foreign.run("node", "many_streams").await;
    let answers = told["answers"].as_array().unwrap();
    let of = |kind: u64| answers.iter().filter(|a| a[0] == kind).count();
    assert_eq!((of(0x11), of(0x12)), (2, 4), "{told}");
    assert!(answers.iter().filter(|a| a[0] == 0x12).all(|a| a[1] == RefusalCode::Busy.number()), "{told}");
    // More streams than permitted are a transport error: STREAM_LIMIT_ERROR (RFC 9000, section 20.1).
    assert_eq!(foreign.run("node", "stream_flood").await["closed"], 4);
    assert!(foreign.node.memory.inbox.lock().unwrap().is_empty());
    // A peer that does not read its receipt is not waited for: the stream is reset, and it gets the receipt when it offers again.
    let told = foreign.run("node", "reads_nothing").await;
    assert_eq!(told["reset"], serde_json::json!([RefusalCode::TimedOut.number()]), "{told}");
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13);
    assert_eq!(*foreign.node.memory.completions.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_foreign_peer_gets_no_ticket_and_its_early_data_is_not_taken() {
    let Some(foreign) = Foreign::new().await else { return };
    let told = foreign.run("node", "deliver").await;
    assert_eq!((&told["tickets"], &told["early"]["resumed"]), (&Value::from(0), &Value::from(false)), "{told}");
    let told = foreign.run("node", "early_data").await;
    assert_eq!(told["early"], serde_json::json!({ "accepted": false, "resumed": false }), "{told}");
}

/// Pings that are answered at once, and one more each second (`docs/PROTOCOL.md`, section 5).
const PINGS_AT_ONCE: u64 = 8;
/// The burst of malformed streams that a partner's links survive; one more every three seconds (`edge/limits/allowance.rs`).
const NO_FRAMES_AT_ONCE: u64 = 20;

#[tokio::test]
async fn a_foreign_peer_that_pings_without_end_is_answered_a_few_times_and_loses_its_link() {
    let Some(foreign) = Foreign::new().await else { return };
    let told = foreign.attack("pings", 10_000).await;
    assert_eq!(
        (&told["closed"], &told["reason"]),
        (&Value::from(RefusalCode::ProtocolError.number()), &Value::from(""))
    );
    // Some of the answers may still have been in flight.
    assert!(told["answered"].as_u64().unwrap() <= PINGS_AT_ONCE + 4, "{told}");
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13, "the partner itself gets in");
}

#[tokio::test]
async fn a_foreign_peer_that_takes_no_answers_is_read_no_further_and_loses_its_link() {
    // Short timers, so that the test is fast.
    let session = SessionTimers { ping: SHORT, pong: SHORT, ..SessionTimers::default() };
    let Some(foreign) = Foreign::with(session).await else { return };
    let told = foreign.attack("unread_pings", 10_000).await;
    assert!(told["closed"].is_number() && told["answered"].as_u64().unwrap() <= PINGS_AT_ONCE, "{told}");
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13, "the partner itself gets in");
}

#[tokio::test]
async fn a_foreign_peer_that_sends_what_is_no_frame_loses_its_link() {
    let Some(foreign) = Foreign::new().await else { return };
    let told = foreign.attack("garbage", 1_000).await;
    assert_eq!(
        (&told["closed"], &told["reason"]),
        (&Value::from(RefusalCode::ProtocolError.number()), &Value::from(""))
    );
    // Streams beyond the agreed exchanges are refused without being read.
    let judged = |told: &Value| told["refused"][RefusalCode::ProtocolError.number().to_string()].as_u64().unwrap_or(0);
    assert!(judged(&told) <= NO_FRAMES_AT_ONCE + 4, "{told}");
    // The limit applies to the partner, not to one link: the next malformed stream closes the new link at once, and an honest one stays.
    let again = foreign.attack("garbage", 1_000).await;
    assert!(again["closed"] == RefusalCode::ProtocolError.number() && judged(&again) <= 4, "{again}");
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13, "the partner itself gets in");
}
