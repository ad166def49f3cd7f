//! Every sealed payload under `tests/vectors/seal/` is opened or refused as its description states.

use std::io::Cursor;
use std::path::Path;

use portcullis::cut::Cut;
use portcullis::envelope::{Bound, Header};
use portcullis::ident::ExchangeId;
use portcullis::marking::Register;
use portcullis::product::Bounds;
use portcullis::seal::{OpenFault, PayloadIdentity, open};
use portcullis::time::Time;

#[derive(serde::Deserialize)]
struct Vector {
    expect: String,
    key: String,
    header: String,
    payload: String,
}

/// The binding of each: from exercise-usa for exercise-gbr, with this exchange number.
fn bound() -> Bound {
    Bound {
        exchange: ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [1; 10]),
        sender: "exercise-usa".parse().unwrap(),
        recipient: "exercise-gbr".parse().unwrap(),
    }
}

/// Opens a payload as a receiver does: the text, then the cut it must be, then everything after it.
fn opened(vector: &Vector) -> Result<(), OpenFault> {
    let key = PayloadIdentity::parse(&vector.key).unwrap();
    let bytes = |text: &str| hex::decode(text.replace('\n', "")).unwrap();
    let header = Header::new(bytes(&vector.header)).unwrap();
    let opened = open(&key, &header, Cursor::new(bytes(&vector.payload)), 1 << 20, &bound())?;
    let cut = Cut::read(opened.text(), &Bounds::default(), Register::compiled_in()).map_err(|_| OpenFault::Frame)?;
    opened.check(&cut).map(|_| ())
}

#[test]
fn every_payload_opens_or_is_refused_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/seal");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 19, "{} vectors", files.len());
    for file in files {
        let vector: Vector = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let found = match opened(&vector) {
            Ok(()) => "pass",
            Err(OpenFault::Header) => "header",
            Err(OpenFault::Closed) => "closed",
            Err(OpenFault::Frame) => "frame",
            Err(OpenFault::Bound(_)) => "bound",
            Err(OpenFault::TooLarge(_)) => "too-large",
            Err(OpenFault::Attachment(_)) => "attachment",
            Err(OpenFault::Read(_)) => "read",
        };
        assert_eq!(found, vector.expect, "{}", file.display());
    }
}
