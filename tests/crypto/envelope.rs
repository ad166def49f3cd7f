//! Vectors of signed statements for other implementations: envelopes, receipts and recalls, and which of them belong together. The key
//! is that of RFC 8032, section 7.1, test 1, so that anybody can reproduce these bytes.
//!
//! `PORTCULLIS_WRITE_VECTORS=1 cargo test --test crypto envelope::` writes the files again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis::digest::Digest;
use portcullis::envelope::{
    Binding, Bound, Disposition, Handled, Handling, Header, Kind, Manifest, OpeningProof, OpeningSecret, Precedence,
    Recall, RecallCode, Receipt,
};
use portcullis::ident::ExchangeId;
use portcullis::sign::{LocalSigner, Signed, Signer as _, Statement};
use portcullis::time::Time;
use serde::{Deserialize, Serialize};

const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// What the vector demonstrates.
    about: String,
    /// `accept`, or the reason why it is refused although its signature is valid.
    expect: String,
    /// The vector that this one must answer or belong to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    /// The COSE content type.
    content_type: String,
    /// The key that verifies it, in text form.
    key: String,
    /// The fields, for people.
    fields: String,
    /// The COSE_Sign1.
    hex: String,
}

fn signer() -> LocalSigner {
    let mut pkcs8 = hex::decode("302e020100300506032b657004220420").unwrap();
    pkcs8.extend(hex::decode(SEED).unwrap());
    LocalSigner::from_pkcs8(&pkcs8).unwrap()
}

fn id(n: u8) -> ExchangeId {
    ExchangeId::new(NOW, [n; 10])
}

/// The content of the payload of a product or of a recall.
fn binding(exchange: u8) -> Binding {
    let (sender, recipient) = ("exercise-usa".parse().unwrap(), "exercise-gbr".parse().unwrap());
    let bound = Bound { exchange: id(exchange), sender, recipient };
    Binding { bound, secret: OpeningSecret::new([exchange; 32]) }
}

/// The digest that a manifest announces: of the cut, or of the signed recall.
fn announced(kind: Kind) -> Digest {
    match kind {
        Kind::Product => Digest::of(b"EXERCISE cut"),
        Kind::Recall => signed(recall(3, 1)).digest(),
    }
}

fn proof(of: &Manifest) -> OpeningProof {
    let exchange = (1..10).find(|n| id(*n) == of.exchange).unwrap();
    binding(exchange).proof(of.cut_digest)
}

fn manifest(kind: Kind, exchange: u8, about: Option<u8>) -> Manifest {
    let announced = announced(kind);
    Manifest {
        version: Manifest::VERSION,
        exchange: id(exchange),
        kind,
        sender: "exercise-usa".parse().unwrap(),
        recipient: "exercise-gbr".parse().unwrap(),
        marking: "SECRET//REL TO USA, GBR".into(),
        cut_digest: announced,
        payload_digest: if kind == Kind::Recall { announced } else { Digest::of(b"EXERCISE payload") },
        payload_size: 16,
        precedence: Precedence::Routine,
        sealed_at_ms: NOW.unix_ms(),
        expires_at_ms: NOW.unix_ms() + 86_400_000,
        about: about.map(id),
        formats: None,
        header: (kind == Kind::Product).then(|| Header::new(*b"EXERCISE header").unwrap().commitment()),
        opening: binding(exchange).proof(announced).commitment(),
    }
}

fn recall(notice: u8, exchange: u8) -> Recall {
    Recall {
        version: Recall::VERSION,
        notice: id(notice),
        sender: "exercise-usa".parse().unwrap(),
        recipient: "exercise-gbr".parse().unwrap(),
        exchange: id(exchange),
        why: RecallCode::Mismarked,
        ordered_at_ms: NOW.unix_ms(),
        secret: binding(notice).secret,
    }
}

fn receipt(of: &Signed<Manifest>, disposition: Disposition, handled: Option<(u8, Handling, Option<i64>)>) -> Receipt {
    let sent = of.statement();
    Receipt {
        version: Receipt::VERSION,
        exchange: sent.exchange,
        sender: sent.sender.clone(),
        recipient: sent.recipient.clone(),
        manifest_digest: of.digest(),
        payload_digest: sent.payload_digest,
        disposition,
        received_at_ms: NOW.unix_ms() + 1000,
        checkpoint: "EXERCISE checkpoint\n".into(),
        handled: handled.map(|(exchange, handling, since_ms)| Handled { exchange: id(exchange), handling, since_ms }),
        opened: proof(sent),
    }
}

fn signed<T: Statement>(statement: T) -> Signed<T> {
    Signed::sign(statement, &signer()).unwrap()
}

fn vector<T: Statement + std::fmt::Debug>(
    about: &str,
    signed: &Signed<T>,
    with: Option<&str>,
    verdict: Result<(), String>,
) -> Vector {
    Vector {
        about: about.into(),
        expect: verdict.err().unwrap_or_else(|| "accept".into()),
        with: with.map(Into::into),
        content_type: T::CONTENT_TYPE.into(),
        key: signer().public().to_string(),
        fields: format!("{:?}", signed.statement()),
        hex: hex::encode(signed.bytes()),
    }
}

fn vectors() -> BTreeMap<&'static str, Vector> {
    let (sender, recipient) = ("exercise-usa".parse().unwrap(), "exercise-gbr".parse().unwrap());
    let admit = |m: &Signed<Manifest>| m.statement().admit(&sender, &recipient, 1000, NOW).map_err(|e| e.to_string());
    let answers = |r: &Signed<Receipt>, m: &Signed<Manifest>| r.statement().answers(m, NOW).map_err(|e| e.to_string());
    let belongs = |r: &Signed<Recall>, m: &Signed<Manifest>| {
        r.statement().belongs_to(r.digest(), m.statement()).map_err(|e| e.to_string())
    };
    let product = signed(manifest(Kind::Product, 1, None));
    let replacement = signed(manifest(Kind::Product, 2, Some(1)));
    let notice = signed(manifest(Kind::Recall, 3, Some(1)));
    let mut all = BTreeMap::new();
    for (name, about, m) in [
        ("manifest_product", "a manifest of a product", &product),
        ("manifest_replacement", "a manifest of a product that replaces an earlier one", &replacement),
        ("manifest_recall", "a manifest of a recall", &notice),
        ("manifest_recall_of_nothing", "a recall that names nothing", &signed(manifest(Kind::Recall, 3, None))),
        ("manifest_about_itself", "an envelope about itself", &signed(manifest(Kind::Product, 1, Some(1)))),
        (
            "manifest_without_header",
            "a product that nothing is said to open",
            &signed(Manifest { header: None, ..manifest(Kind::Product, 1, None) }),
        ),
        (
            "manifest_without_time",
            "a product that was sealed at the least time there is",
            &signed(Manifest { sealed_at_ms: i64::MIN, ..manifest(Kind::Product, 1, None) }),
        ),
        (
            "manifest_for_ever",
            "a product that never expires",
            &signed(Manifest { expires_at_ms: i64::MAX, ..manifest(Kind::Product, 1, None) }),
        ),
        (
            "manifest_recall_with_header",
            "a recall with a header, although it is not sealed",
            &signed(Manifest { header: product.statement().header, ..manifest(Kind::Recall, 3, Some(1)) }),
        ),
    ] {
        all.insert(name, vector(about, m, None, admit(m)));
    }
    for (name, about, r) in [
        ("recall", "a recall", recall(3, 1)),
        ("recall_of_another", "a recall of another exchange than its manifest says", recall(3, 4)),
        ("recall_of_another_notice", "a recall from another envelope", recall(5, 1)),
    ] {
        let r = signed(r);
        all.insert(name, vector(about, &r, Some("manifest_recall"), belongs(&r, &notice)));
    }
    let since = Some(NOW.unix_ms());
    let accepted = Disposition::Accepted;
    let received = || receipt(&product, accepted, None);
    for (name, about, of, r) in [
        ("receipt", "a receipt of a product", "manifest_product", receipt(&product, accepted, None)),
        (
            "receipt_quarantined",
            "a replacement that was set aside says nothing of the earlier product",
            "manifest_replacement",
            receipt(&replacement, Disposition::Quarantined, None),
        ),
        (
            "receipt_replacement",
            "a receipt of a replacement: the earlier product was never opened",
            "manifest_replacement",
            receipt(&replacement, accepted, Some((1, Handling::Unopened, None))),
        ),
        (
            "receipt_recall",
            "a receipt of a recall: the product had been handed out",
            "manifest_recall",
            receipt(&notice, accepted, Some((1, Handling::Taken, since))),
        ),
        (
            "receipt_recall_early",
            "a receipt of a recall whose product is not there yet",
            "manifest_recall",
            receipt(&notice, accepted, Some((1, Handling::NotHere, None))),
        ),
        (
            "receipt_recall_silent",
            "a receipt of a recall that does not say what became of the product",
            "manifest_recall",
            receipt(&notice, accepted, None),
        ),
        (
            "receipt_recall_of_another",
            "a receipt of a recall that answers for another product",
            "manifest_recall",
            receipt(&notice, accepted, Some((9, Handling::Unopened, None))),
        ),
        (
            "receipt_unopened",
            "a receipt with nothing in it that its signer could not read in the offer",
            "manifest_product",
            Receipt { opened: OpeningProof::from_digest(product.statement().cut_digest), ..received() },
        ),
        (
            "receipt_opened_elsewhere",
            "a receipt with the proof of another exchange",
            "manifest_product",
            Receipt { opened: proof(replacement.statement()), ..received() },
        ),
        (
            "receipt_without_time",
            "a receipt from before the sealing",
            "manifest_product",
            Receipt { received_at_ms: i64::MIN, ..received() },
        ),
        (
            "receipt_from_the_future",
            "a receipt from an hour after it was looked at",
            "manifest_product",
            Receipt { received_at_ms: NOW.unix_ms() + 3_600_000, ..received() },
        ),
        (
            "receipt_talkative",
            "a receipt of a product that replaces nothing, with an answer",
            "manifest_product",
            receipt(&product, accepted, Some((1, Handling::Unopened, None))),
        ),
    ] {
        let r = signed(r);
        let manifest = match of {
            "manifest_product" => &product,
            "manifest_replacement" => &replacement,
            _ => &notice,
        };
        all.insert(name, vector(about, &r, Some(of), answers(&r, manifest)));
    }
    all
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/envelope")
}

#[test]
fn every_vector_is_as_it_is_written_and_every_file_is_a_vector() {
    let vectors = vectors();
    if std::env::var_os("PORTCULLIS_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        for (name, vector) in &vectors {
            std::fs::write(folder().join(format!("{name}.toml")), toml::to_string(vector).unwrap()).unwrap();
        }
    }
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, vectors.len());
    for (name, vector) in vectors {
        let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap();
        assert_eq!(toml::from_str::<Vector>(&text).unwrap(), vector, "{name}");
        let refused = name.contains("another")
            || [
                "nothing",
                "itself",
                "silent",
                "talkative",
                "header",
                "unopened",
                "elsewhere",
                "time",
                "ever",
                "future",
            ]
            .iter()
            .any(|w| name.contains(w));
        assert_eq!(vector.expect != "accept", refused, "{name}: {}", vector.expect);
    }
}

#[test]
fn what_a_recall_says_verifies_as_nothing_else() {
    let recall = signed(recall(3, 1));
    let key = signer().public().clone();
    assert!(Signed::<Recall>::verify(recall.bytes(), &key).is_ok());
    assert!(Signed::<Manifest>::verify(recall.bytes(), &key).is_err());
    assert!(Signed::<Receipt>::verify(recall.bytes(), &key).is_err());
}
