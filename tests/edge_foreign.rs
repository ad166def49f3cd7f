//! A peer of another make: `foreign/aioquic_peer.py`, written from `docs/PROTOCOL.md` on another QUIC, TLS and CBOR.
//!
//! Needs a Python with `aioquic` and `cbor2`; name it in `PORTCULLIS_PYTHON` and run
//! `cargo test --test edge_foreign -- --ignored`.

#[path = "support/edge.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use portcullis::partner::Limits;
use portcullis::pki::{PEM_CERTIFICATE, ProfileName, der_to_pem};
use portcullis::wire::RefusalCode;
use serde_json::Value;
use support::{Keys, Node, link_to};

struct Foreign {
    node: Node,
    gbr: Keys,
    folder: tempfile::TempDir,
}

impl Foreign {
    async fn new() -> Foreign {
        let gbr = Keys::new("exercise-gbr", ProfileName::Classical);
        let node = Node::start(Keys::new("exercise-usa", ProfileName::Classical), [gbr.trust()]).await;
        node.edge.apply_partners(BTreeMap::from([(gbr.name.clone(), link_to(None, Limits::default()))]));
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "node", &gbr);
        write(folder.path(), "stranger", &Keys::new("exercise-gbr", ProfileName::Classical));
        Foreign { node, gbr, folder }
    }

    async fn run(&self, keys: &str, scenario: &str) -> Value {
        let python = std::env::var("PORTCULLIS_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/aioquic_peer.py");
        let file = |suffix: &str| self.folder.path().join(format!("{keys}.{suffix}"));
        let output = tokio::process::Command::new(python)
            .arg(script)
            .args(["127.0.0.1", &self.node.address().port().to_string()])
            .args([file("pem"), file("key")])
            .args([self.gbr.name.as_str(), scenario])
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
        // The Goodbye may arrive before the close, or be overtaken by it; both carry the code, and no reason.
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
#[ignore = "needs a Python with aioquic and cbor2"]
async fn a_foreign_peer_delivers_and_gets_the_same_receipt_again() {
    let foreign = Foreign::new().await;
    let told = foreign.run("node", "deliver").await;
    assert_eq!(told["first"]["kind"], 0x13, "{told}");
    assert_eq!(told["first"], told["again"]);
    assert_eq!((&told["pong"]["kind"], &told["pong"]["message"]["0"]), (&Value::from(0x04), &Value::from(7)));
    assert_eq!(*foreign.node.memory.completions.lock().unwrap(), 1);
}

#[tokio::test]
#[ignore = "needs a Python with aioquic and cbor2"]
async fn a_foreign_peer_that_misbehaves_is_refused_with_the_documented_code() {
    let foreign = Foreign::new().await;
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
    foreign.refuses("not_canonical", RefusalCode::ProtocolError).await;
    foreign.refuses("out_of_order", RefusalCode::ProtocolError).await;
    foreign.refuses("truncated", RefusalCode::ProtocolError).await;
    foreign.refuses("other_payload", RefusalCode::DigestMismatch).await;
    assert!(foreign.node.memory.inbox.lock().unwrap().is_empty());
    assert_eq!(foreign.run("node", "deliver").await["first"]["kind"], 0x13);
}
