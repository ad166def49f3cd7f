//! The protocol of a filter process: one CBOR request on standard input, one CBOR response on standard output, then the
//! end of the stream.

use minicbor::{Decode, Encode};

use crate::digest::{Digest, encode};
use crate::rebuild::{CODES, DrawLimits, Fault, Kind, Limits, PageImages, Rebuilt, Task};

/// The version of both messages. Both ends are the same program, so any other version is refused.
const VERSION: u8 = 3;

/// A request: one file and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Request {
    #[n(0)]
    version: u8,
    /// The task.
    #[n(1)]
    pub task: Task,
    /// The declared format of the file.
    #[n(2)]
    pub kind: Kind,
    /// The limits for parsing.
    #[n(3)]
    pub limits: Limits,
    /// The content of the file.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Request {
    /// Creates a request for the file `bytes`.
    pub fn new(task: Task, kind: Kind, limits: &Limits, bytes: &[u8]) -> Request {
        Request { version: VERSION, task, kind, limits: limits.clone(), bytes: bytes.to_vec() }
    }

    /// Returns the CBOR encoding of the request.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Decodes a request. Returns `None` for anything but exactly one canonical request of this version.
    pub fn decode(bytes: &[u8]) -> Option<Request> {
        decode_canonical::<Request>(bytes).filter(|r| r.version == VERSION)
    }
}

/// The response of a filter process.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Response {
    #[n(0)]
    version: u8,
    /// SHA-256 of the encoded request.
    #[n(1)]
    request: Digest,
    #[n(2)]
    passed: Option<EncodedRebuilt>,
    #[n(3)]
    fault: Option<EncodedFault>,
    #[n(4)]
    pictures: Option<EncodedPictures>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct EncodedRebuilt {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    bytes: Vec<u8>,
    #[n(1)]
    text: String,
    #[n(2)]
    dropped: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct EncodedPictures {
    #[n(0)]
    pages: u32,
    #[n(1)]
    drawn: Vec<Picture>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct Picture(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    Vec<u8>,
);

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct EncodedFault {
    #[n(0)]
    code: String,
    #[n(1)]
    message: String,
}

impl Response {
    /// Creates the response to the request with this digest.
    pub fn new(request: Digest, result: Result<Rebuilt, Fault>) -> Response {
        let (passed, fault) = match result {
            Ok(Rebuilt { bytes, text, dropped }) => (Some(EncodedRebuilt { bytes, text, dropped }), None),
            Err(fault) => (None, Some(EncodedFault { code: fault.code.to_owned(), message: fault.message })),
        };
        Response { version: VERSION, request, passed, fault, pictures: None }
    }

    /// Creates the response to a request for pictures with this digest.
    pub fn pictures(request: Digest, result: Result<PageImages, Fault>) -> Response {
        let (pictures, fault) = match result {
            Ok(PageImages { pages, drawn }) => {
                let pages = u32::try_from(pages).unwrap_or(u32::MAX);
                (Some(EncodedPictures { pages, drawn: drawn.into_iter().map(Picture).collect() }), None)
            }
            Err(fault) => (None, Some(EncodedFault { code: fault.code.to_owned(), message: fault.message })),
        };
        Response { version: VERSION, request, passed: None, fault, pictures }
    }

    /// Returns the CBOR encoding of the response.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Decodes the response to the request whose digest is `request`.
    ///
    /// # Errors
    /// The fault that the response reports, or `filter.garbage` if it is not a valid response to this request.
    pub fn decode(bytes: &[u8], request: Digest) -> Result<Rebuilt, Fault> {
        match Response::decode_any(bytes, request)? {
            Response { passed: Some(EncodedRebuilt { bytes, text, dropped }), pictures: None, .. }
                if dropped.len() <= 16 && dropped.iter().all(|d| plain(d)) =>
            {
                Ok(Rebuilt { bytes, text, dropped })
            }
            _ => Err(garbage()),
        }
    }

    /// Decodes the response to a request for pictures whose digest is `request`.
    ///
    /// # Errors
    /// As [`Response::decode`]; also if there are more pictures than `bounds` allow, or one does not begin with the PNG
    /// signature.
    pub fn decode_pictures(bytes: &[u8], request: Digest, bounds: DrawLimits) -> Result<PageImages, Fault> {
        match Response::decode_any(bytes, request)? {
            Response { passed: None, pictures: Some(EncodedPictures { pages, drawn }), .. } => {
                let pages = pages as usize;
                let drawn: Vec<Vec<u8>> = drawn.into_iter().map(|picture| picture.0).collect();
                let fits = drawn.len() <= pages.min(bounds.pages_max)
                    && drawn.iter().map(Vec::len).sum::<usize>() <= bounds.bytes_max
                    && drawn.iter().all(|picture| picture.starts_with(b"\x89PNG\r\n\x1a\n"));
                if fits { Ok(PageImages { pages, drawn }) } else { Err(garbage()) }
            }
            _ => Err(garbage()),
        }
    }

    /// Decodes exactly one response; its fault, if it reports one.
    fn decode_any(bytes: &[u8], request: Digest) -> Result<Response, Fault> {
        let response = decode_canonical::<Response>(bytes).filter(|r| r.version == VERSION && r.request == request);
        match response.ok_or_else(garbage)? {
            Response { passed: None, pictures: None, fault: Some(EncodedFault { code, message }), .. }
                if plain(&message) =>
            {
                // The code is looked up in a fixed list, so that content of the file cannot reach a log as a code.
                let code = CODES.iter().find(|known| **known == code).ok_or_else(garbage)?;
                Err(Fault::new(code, message))
            }
            response @ Response { fault: None, .. } => Ok(response),
            _ => Err(garbage()),
        }
    }
}

fn garbage() -> Fault {
    Fault::new("filter.garbage", "the filter gave an invalid response")
}

/// Returns whether a message is short and consists of printable ASCII.
fn plain(sentence: &str) -> bool {
    sentence.len() <= 300 && sentence.bytes().all(|b| (0x20..0x7F).contains(&b))
}

/// Decodes exactly one value in canonical encoding, without trailing bytes.
fn decode_canonical<T: for<'b> Decode<'b, ()> + Encode<()>>(bytes: &[u8]) -> Option<T> {
    let value: T = minicbor::decode(bytes).ok()?;
    (encode(&value) == bytes).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_another_question_or_with_another_form_is_none() {
        let (asked, other) = (Digest::of(b"asked"), Digest::of(b"other"));
        let rebuilt = Rebuilt { bytes: b"x".to_vec(), text: String::new(), dropped: vec!["1 thing".into()] };
        let response = Response::new(asked, Ok(rebuilt.clone())).encode();
        assert_eq!(Response::decode(&response, asked), Ok(rebuilt));
        let garbage = |bytes: &[u8]| Response::decode(bytes, asked).unwrap_err().code;
        assert_eq!(Response::decode(&response, other).unwrap_err().code, "filter.garbage");
        assert_eq!(garbage(&response[..response.len() - 1]), "filter.garbage");
        assert_eq!(garbage(&[&response[..], b"\0"].concat()), "filter.garbage");
        assert_eq!(garbage(b""), "filter.garbage");
        let fault = Response::new(asked, Err(Fault::new("png.form", "no image"))).encode();
        assert_eq!(garbage(&fault), "png.form");
        for (code, message) in [("made.up", "x"), ("png.form", "caf\u{e9}"), ("png.form", &*"x".repeat(400))] {
            let code: &'static str = code;
            assert_eq!(garbage(&Response::new(asked, Err(Fault::new(code, message))).encode()), "filter.garbage");
        }
    }

    #[test]
    fn pictures_are_those_that_were_asked_for_or_none() {
        let asked = Digest::of(b"asked");
        let bounds = DrawLimits { pages_max: 2, bytes_max: 100 };
        let picture = || b"\x89PNG\r\n\x1a\n and more".to_vec();
        let response = |pages, drawn: Vec<Vec<u8>>| Response::pictures(asked, Ok(PageImages { pages, drawn })).encode();
        let code = |bytes: &[u8]| Response::decode_pictures(bytes, asked, bounds).map_or_else(|f| f.code, |_| "pass");
        assert_eq!(code(&response(2, vec![picture(), picture()])), "pass");
        assert_eq!(code(&response(9, vec![picture()])), "pass");
        assert_eq!(code(&response(1, vec![picture(), picture()])), "filter.garbage");
        assert_eq!(code(&response(3, vec![picture(), picture(), picture()])), "filter.garbage");
        assert_eq!(code(&response(1, vec![[picture(), vec![0; 100]].concat()])), "filter.garbage");
        assert_eq!(code(&response(1, vec![b"GIF89a".to_vec()])), "filter.garbage");
        assert_eq!(code(&Response::pictures(asked, Err(Fault::new("pdf.form", "no page"))).encode()), "pdf.form");
        // A response of one kind is not accepted as the other.
        let rebuilt = Rebuilt { bytes: b"x".to_vec(), text: String::new(), dropped: Vec::new() };
        assert_eq!(code(&Response::new(asked, Ok(rebuilt)).encode()), "filter.garbage");
        assert_eq!(Response::decode(&response(1, vec![picture()]), asked).unwrap_err().code, "filter.garbage");
    }

    #[test]
    fn a_question_of_another_version_is_none() {
        let request = Request::new(Task::Examine, Kind::Png, &Limits::default(), b"x");
        assert_eq!(Request::decode(&request.encode()), Some(request.clone()));
        let later = Request { version: 4, ..request };
        assert_eq!(Request::decode(&later.encode()), None);
    }
}
