//! Sealing without a release, for partners that seal what no gateway would: frames built field by field.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Write as _;

use portcullis::envelope::{ExchangeContext, Header};
use portcullis::seal::{Opener as _, PayloadIdentity};

/// Bytes of a preamble.
pub const PREAMBLE_BYTES: usize = 192;

/// The beginning of a frame: where it belongs, and the secret of its sealing.
pub fn preamble(bound: &ExchangeContext, secret: [u8; 32]) -> [u8; PREAMBLE_BYTES] {
    let mut said = minicbor::Encoder::new(Vec::new());
    said.map(5).unwrap().u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().str(&bound.exchange.to_string()).unwrap();
    said.u8(2).unwrap().str(bound.sender.as_str()).unwrap().u8(3).unwrap().str(bound.recipient.as_str()).unwrap();
    said.u8(4).unwrap().bytes(&secret).unwrap();
    let said = said.into_writer();
    let mut preamble = [0; PREAMBLE_BYTES];
    preamble[0] = u8::try_from(said.len()).unwrap();
    preamble[1..=said.len()].copy_from_slice(&said);
    preamble
}

/// A whole frame: the preamble, the text with its length before it, the files behind it, and zeros up to a Padmé length.
pub fn frame(bound: &ExchangeContext, secret: [u8; 32], text: &[u8], files: &[u8]) -> Vec<u8> {
    let length = (text.len() as u64).to_be_bytes();
    let mut frame = [&preamble(bound, secret)[..], &length, text, files].concat();
    let least = frame.len().max(4096);
    let exponent = least.ilog2();
    let mask = (1usize << (exponent - exponent.ilog2() - 1)) - 1;
    frame.resize((least + mask) & !mask, 0);
    frame
}

/// A frame sealed for `to`, in its two parts.
pub fn sealed(to: &PayloadIdentity, frame: &[u8]) -> (Header, Vec<u8>) {
    let recipient: age::x25519::Recipient = to.recipient().to_string().parse().unwrap();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(frame).unwrap();
    writer.finish().unwrap();
    let mac = file.windows(4).position(|part| part == b"\n---").unwrap() + 1;
    let end = mac + file[mac..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let payload = file.split_off(end);
    (Header::new(file).unwrap(), payload)
}
