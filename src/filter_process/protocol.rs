//! The protocol with a filter process: one CBOR question, one CBOR answer, and the end of the stream.

use minicbor::{Decode, Encode};

use crate::digest::{Digest, encode};
use crate::rebuild::{CODES, DrawLimits, Fault, Kind, Limits, PageImages, Rebuilt, Task};

/// The version of both. The two ends are one program, so any other is refused.
const VERSION: u8 = 3;

/// One file and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Question {
    #[n(0)]
    version: u8,
    /// What to do.
    #[n(1)]
    pub task: Task,
    /// What the file is declared to be.
    #[n(2)]
    pub kind: Kind,
    /// How much is read.
    #[n(3)]
    pub limits: Limits,
    /// The file.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Question {
    /// A question about `bytes`.
    pub fn new(task: Task, kind: Kind, limits: &Limits, bytes: &[u8]) -> Question {
        Question { version: VERSION, task, kind, limits: limits.clone(), bytes: bytes.to_vec() }
    }

    /// The question as it is written to the process.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a question; `None` for anything but one whole one of this version.
    pub fn decode(bytes: &[u8]) -> Option<Question> {
        whole::<Question>(bytes).filter(|q| q.version == VERSION)
    }
}

/// What a filter process says about the file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    #[n(0)]
    version: u8,
    /// SHA-256 of the question that is answered.
    #[n(1)]
    question: Digest,
    #[n(2)]
    passed: Option<Passed>,
    #[n(3)]
    fault: Option<Said>,
    #[n(4)]
    pictures: Option<Shown>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Passed {
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
struct Shown {
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
struct Said {
    #[n(0)]
    code: String,
    #[n(1)]
    message: String,
}

impl Answer {
    /// The answer to the question with this digest.
    pub fn new(question: Digest, result: Result<Rebuilt, Fault>) -> Answer {
        let (passed, fault) = match result {
            Ok(Rebuilt { bytes, text, dropped }) => (Some(Passed { bytes, text, dropped }), None),
            Err(fault) => (None, Some(Said { code: fault.code.to_owned(), message: fault.message })),
        };
        Answer { version: VERSION, question, passed, fault, pictures: None }
    }

    /// The answer to the question with this digest that asked for pictures.
    pub fn drawn(question: Digest, result: Result<PageImages, Fault>) -> Answer {
        let (pictures, fault) = match result {
            Ok(PageImages { pages, drawn }) => {
                let pages = u32::try_from(pages).unwrap_or(u32::MAX);
                (Some(Shown { pages, drawn: drawn.into_iter().map(Picture).collect() }), None)
            }
            Err(fault) => (None, Some(Said { code: fault.code.to_owned(), message: fault.message })),
        };
        Answer { version: VERSION, question, passed: None, fault, pictures }
    }

    /// The answer as the process writes it.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what a process wrote as the answer to the question with digest `question`.
    ///
    /// # Errors
    /// The fault that it says the file has, or `filter.garbage` for anything that is no answer to this question.
    pub fn read(bytes: &[u8], question: Digest) -> Result<Rebuilt, Fault> {
        match Answer::of(bytes, question)? {
            Answer { passed: Some(Passed { bytes, text, dropped }), pictures: None, .. }
                if dropped.len() <= 16 && dropped.iter().all(|d| plain(d)) =>
            {
                Ok(Rebuilt { bytes, text, dropped })
            }
            _ => Err(garbage()),
        }
    }

    /// Reads what a process wrote as the answer to the question with digest `question`, which asked for pictures.
    ///
    /// # Errors
    /// As for [`Answer::read`]; also for more pictures than were asked for, and for what begins as no PNG image does.
    pub fn read_drawn(bytes: &[u8], question: Digest, bounds: DrawLimits) -> Result<PageImages, Fault> {
        match Answer::of(bytes, question)? {
            Answer { passed: None, pictures: Some(Shown { pages, drawn }), .. } => {
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

    /// The one answer that `bytes` are, unless it is a fault.
    fn of(bytes: &[u8], question: Digest) -> Result<Answer, Fault> {
        let answer = whole::<Answer>(bytes).filter(|a| a.version == VERSION && a.question == question);
        match answer.ok_or_else(garbage)? {
            Answer { passed: None, pictures: None, fault: Some(Said { code, message }), .. } if plain(&message) => {
                // A code is looked up, never taken over: nothing of the file may reach a log as one.
                let code = CODES.iter().find(|known| **known == code).ok_or_else(garbage)?;
                Err(Fault::new(code, message))
            }
            answer @ Answer { fault: None, .. } => Ok(answer),
            _ => Err(garbage()),
        }
    }
}

fn garbage() -> Fault {
    Fault::new("filter.garbage", "the filter gave an invalid answer")
}

/// Whether a sentence is short and of printable ASCII.
fn plain(sentence: &str) -> bool {
    sentence.len() <= 300 && sentence.bytes().all(|b| (0x20..0x7F).contains(&b))
}

/// One value, in its one form, and nothing behind it.
fn whole<T: for<'b> Decode<'b, ()> + Encode<()>>(bytes: &[u8]) -> Option<T> {
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
        let answer = Answer::new(asked, Ok(rebuilt.clone())).encode();
        assert_eq!(Answer::read(&answer, asked), Ok(rebuilt));
        let garbage = |bytes: &[u8]| Answer::read(bytes, asked).unwrap_err().code;
        assert_eq!(Answer::read(&answer, other).unwrap_err().code, "filter.garbage");
        assert_eq!(garbage(&answer[..answer.len() - 1]), "filter.garbage");
        assert_eq!(garbage(&[&answer[..], b"\0"].concat()), "filter.garbage");
        assert_eq!(garbage(b""), "filter.garbage");
        let fault = Answer::new(asked, Err(Fault::new("png.form", "no image"))).encode();
        assert_eq!(garbage(&fault), "png.form");
        for (code, message) in [("made.up", "x"), ("png.form", "caf\u{e9}"), ("png.form", &*"x".repeat(400))] {
            let code: &'static str = code;
            assert_eq!(garbage(&Answer::new(asked, Err(Fault::new(code, message))).encode()), "filter.garbage");
        }
    }

    #[test]
    fn pictures_are_those_that_were_asked_for_or_none() {
        let asked = Digest::of(b"asked");
        let bounds = DrawLimits { pages_max: 2, bytes_max: 100 };
        let picture = || b"\x89PNG\r\n\x1a\n and more".to_vec();
        let answer = |pages, drawn: Vec<Vec<u8>>| Answer::drawn(asked, Ok(PageImages { pages, drawn })).encode();
        let code = |bytes: &[u8]| Answer::read_drawn(bytes, asked, bounds).map_or_else(|f| f.code, |_| "pass");
        assert_eq!(code(&answer(2, vec![picture(), picture()])), "pass");
        assert_eq!(code(&answer(9, vec![picture()])), "pass");
        assert_eq!(code(&answer(1, vec![picture(), picture()])), "filter.garbage");
        assert_eq!(code(&answer(3, vec![picture(), picture(), picture()])), "filter.garbage");
        assert_eq!(code(&answer(1, vec![[picture(), vec![0; 100]].concat()])), "filter.garbage");
        assert_eq!(code(&answer(1, vec![b"GIF89a".to_vec()])), "filter.garbage");
        assert_eq!(code(&Answer::drawn(asked, Err(Fault::new("pdf.form", "no page"))).encode()), "pdf.form");
        // Neither kind of answer passes for the other.
        let rebuilt = Rebuilt { bytes: b"x".to_vec(), text: String::new(), dropped: Vec::new() };
        assert_eq!(code(&Answer::new(asked, Ok(rebuilt)).encode()), "filter.garbage");
        assert_eq!(Answer::read(&answer(1, vec![picture()]), asked).unwrap_err().code, "filter.garbage");
    }

    #[test]
    fn a_question_of_another_version_is_none() {
        let question = Question::new(Task::Examine, Kind::Png, &Limits::default(), b"x");
        assert_eq!(Question::decode(&question.encode()), Some(question.clone()));
        let later = Question { version: 4, ..question };
        assert_eq!(Question::decode(&later.encode()), None);
    }
}
