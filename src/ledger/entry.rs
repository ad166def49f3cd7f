//! A ledger entry: time, kind, subject, actor, and a few bounded details.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder};

use super::EntryKind;
use crate::digest::{self, NotCanonical};
use crate::invisible::is_invisible;
use crate::time::Time;

/// Maximum bytes of UTF-8 in a subject, an actor or a detail; longer texts are cut and end in `…`.
const TEXT_BYTES_MAX: usize = 512;
/// Maximum number of details in an entry.
const DETAILS_MAX: usize = 32;
/// Maximum number of details that [`Entry::with`] adds; the others are reserved for the store's stamps.
const GIVEN_MAX: usize = 16;
/// Prefix of the names of stamped details.
const STAMP: &str = "row.";
/// Maximum length in bytes of the name of a detail.
const KEY_BYTES_MAX: usize = 64;

/// An entry of the ledger.
///
/// Encoded as a CBOR map in deterministic form (RFC 8949, section 4.2.1): `{0: time in Unix milliseconds, 1: kind, 2:
/// subject, 3: actor, 4: {detail name: detail}}`. Its texts are bounded and contain no control or direction
/// characters, so that a printed entry cannot forge a line of output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    time: Time,
    kind: EntryKind,
    subject: String,
    actor: String,
    detail: BTreeMap<String, String>,
}

impl Entry {
    /// Returns an entry about `subject` (the identifier of an exchange, request, partner, officer or node), caused by
    /// `actor`. Texts are sanitized as described at [`Entry`]. None of them may contain product content.
    pub fn new(time: Time, kind: EntryKind, subject: impl fmt::Display, actor: impl fmt::Display) -> Entry {
        let (subject, actor) = (clean(&subject.to_string()), clean(&actor.to_string()));
        Entry { time, kind, subject, actor, detail: BTreeMap::new() }
    }

    /// Adds a detail: a code, digest, count, name or marking. It replaces an earlier detail of this name. Details
    /// beyond 16 are dropped.
    ///
    /// # Panics
    /// If `name` is not 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, or begins with `row.`, which is reserved for the
    /// store. Names are constants in the code and never input.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Entry {
        assert!(!name.starts_with(STAMP), "details that begin with `row.` are reserved for the store");
        assert!(is_key(name), "a detail's name is 1 to 64 lower-case letters, digits, `-`, `_` and `.`");
        if self.detail.len() < GIVEN_MAX || self.detail.contains_key(name) {
            self.detail.insert(name.to_owned(), clean(&value.to_string()));
        }
        self
    }

    /// Adds a fact that the store records, as the detail `row.` and its name.
    ///
    /// # Errors
    /// Returns the name if it is not valid or the entry is full. The caller must not commit then, as evidence would
    /// be missing.
    pub(crate) fn stamp(&mut self, fact: &str, value: &str) -> Result<(), String> {
        let name = format!("{STAMP}{fact}");
        let room = self.detail.len() < DETAILS_MAX || self.detail.contains_key(&name);
        if !room || !is_key(&name) || clean(value) != value {
            return Err(name);
        }
        self.detail.insert(name, value.to_owned());
        Ok(())
    }

    /// Returns the facts that the store stamped, by name without `row.`.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.detail.iter().filter_map(|(name, value)| Some((name.strip_prefix(STAMP)?, value.as_str())))
    }

    /// Returns when it happened, by the clock of the node that wrote it.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns what happened.
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Returns what it happened to.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns who or what caused it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Returns its details, by name.
    pub fn detail(&self) -> &BTreeMap<String, String> {
        &self.detail
    }

    /// Returns the canonical bytes: the leaf of the tree.
    pub fn to_bytes(&self) -> Vec<u8> {
        digest::encode(self)
    }

    /// Decodes an entry. Accepts only what [`Entry::to_bytes`] would write.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not the canonical form of an entry, or its kind is unknown to this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Entry, NotCanonical> {
        digest::decode(bytes)
    }
}

impl<C> Encode<C> for Entry {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.map(5)?;
        e.u8(0)?.i64(self.time.unix_ms())?;
        e.u8(1)?.str(self.kind.as_str())?;
        e.u8(2)?.str(&self.subject)?;
        e.u8(3)?.str(&self.actor)?;
        e.u8(4)?.map(self.detail.len() as u64)?;
        // Deterministic CBOR orders keys by their encoded bytes, which puts shorter names first.
        let mut names: Vec<&String> = self.detail.keys().collect();
        names.sort_by_key(|name| (name.len(), name.as_str()));
        for name in names {
            e.str(name)?.str(&self.detail[name])?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Entry {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Entry, minicbor::decode::Error> {
        let wrong = |what: &str| minicbor::decode::Error::message(what.to_owned());
        if d.map()? != Some(5) {
            return Err(wrong("a ledger entry is a map of five"));
        }
        let key = |d: &mut Decoder<'b>, expected: u8| {
            if d.u8()? == expected { Ok(()) } else { Err(wrong("ledger entry keys are 0 to 4 in order")) }
        };
        key(d, 0)?;
        let ms = d.i64()?;
        let time = Time::from_unix_ms(ms);
        if time.unix_ms() != ms {
            return Err(wrong("time of a ledger entry is outside the years 1970 to 9999"));
        }
        key(d, 1)?;
        let kind = d.str()?.parse().map_err(|e: super::UnknownKind| wrong(&e.to_string()))?;
        key(d, 2)?;
        let subject = cleaned(d.str()?)?;
        key(d, 3)?;
        let actor = cleaned(d.str()?)?;
        key(d, 4)?;
        let count = d.map()?.ok_or_else(|| wrong("details have a definite length"))?;
        if count > DETAILS_MAX as u64 {
            return Err(wrong("a ledger entry has at most 32 details"));
        }
        let mut detail = BTreeMap::new();
        for _ in 0..count {
            let name = d.str()?;
            if !is_key(name) {
                return Err(wrong("a detail's name is 1 to 64 lower-case letters, digits, `-`, `_` and `.`"));
            }
            detail.insert(name.to_owned(), cleaned(d.str()?)?);
        }
        Ok(Entry { time, kind, subject, actor, detail })
    }
}

impl fmt::Display for Entry {
    /// Formats one line for people: time, kind, subject, actor, then details as `name=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:<22} {} by {}", self.time, self.kind, self.subject, self.actor)?;
        for (name, value) in &self.detail {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

fn is_key(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    !name.is_empty() && name.len() <= KEY_BYTES_MAX && name.bytes().all(allowed)
}

/// Returns `text` as an entry may contain it: every invisible character is replaced by U+FFFD, and the text is cut at
/// the maximum length.
fn clean(text: &str) -> String {
    let mut kept: String =
        text.chars().map(|c| if is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if kept.len() > TEXT_BYTES_MAX {
        let mut end = TEXT_BYTES_MAX - '…'.len_utf8();
        while !kept.is_char_boundary(end) {
            end -= 1;
        }
        kept.truncate(end);
        kept.push('…');
    }
    kept
}

/// Returns `text` if [`clean`] would not change it.
fn cleaned(text: &str) -> Result<String, minicbor::decode::Error> {
    let kept = clean(text);
    if kept == text {
        Ok(kept)
    } else {
        Err(minicbor::decode::Error::message("text of a ledger entry is too long or holds a control character"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry::new(Time::from_unix_ms(1_795_341_600_000), EntryKind::ExchangeSent, "ex-1", "exercise-usa")
            .with("precedence", "FLASH")
            .with("to", "exercise-gbr")
    }

    #[test]
    fn reads_back_what_it_wrote() {
        assert_eq!(Entry::from_bytes(&entry().to_bytes()), Ok(entry()));
    }

    #[test]
    fn writes_details_in_deterministic_order_whatever_order_they_came_in() {
        let other = Entry::new(entry().time, entry().kind, "ex-1", "exercise-usa")
            .with("to", "exercise-gbr")
            .with("precedence", "FLASH");
        assert_eq!(other.to_bytes(), entry().to_bytes());
        // `to` is shorter than `precedence`, so its encoding sorts first.
        let bytes = entry().to_bytes();
        let at = |needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle);
        assert!(at(b"to") < at(b"precedence"));
    }

    #[test]
    fn refuses_every_truncation_and_every_extra_byte() {
        let bytes = entry().to_bytes();
        for end in 0..bytes.len() {
            assert!(Entry::from_bytes(&bytes[..end]).is_err());
        }
        assert!(Entry::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn refuses_a_kind_it_does_not_know() {
        let known = entry().to_bytes();
        let at = known.windows(13).position(|w| w == b"exchange.sent").unwrap();
        let mut unknown = known.clone();
        unknown[at..at + 13].copy_from_slice(b"exchange.lost");
        assert!(Entry::from_bytes(&unknown).is_err());
    }

    #[test]
    fn texts_cannot_forge_a_line_or_turn_around() {
        let forged =
            Entry::new(Time::EPOCH, EntryKind::Alarm, "a\n2026 exchange.sent", "b\u{202e}c").with("why", "\x1b[2J");
        assert!(!forged.to_string().contains(['\n', '\x1b', '\u{202e}']));
        assert_eq!(Entry::from_bytes(&forged.to_bytes()), Ok(forged));
    }

    #[test]
    fn refuses_bytes_with_a_control_character_in_a_text() {
        let mut bytes = entry().to_bytes();
        let at = bytes.windows(4).position(|w| w == b"ex-1").unwrap();
        bytes[at] = b'\n';
        assert!(Entry::from_bytes(&bytes).is_err());
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = Entry::new(Time::EPOCH, EntryKind::Alarm, "é".repeat(4000), "").with("why", "x".repeat(4000));
        assert!(long.subject().len() <= TEXT_BYTES_MAX && long.subject().ends_with('…'));
        assert_eq!(Entry::from_bytes(&long.to_bytes()), Ok(long));
    }

    #[test]
    fn details_are_bounded_in_number() {
        let many = (0..100).fold(entry(), |e, i| e.with(&format!("k{i}"), i));
        assert_eq!(many.detail().len(), GIVEN_MAX);
        assert_eq!(Entry::from_bytes(&many.to_bytes()), Ok(many));
    }

    #[test]
    fn a_stamp_is_there_or_refused_and_never_left_out() {
        let mut full = (0..100).fold(entry(), |e, i| e.with(&format!("k{i}"), i));
        let stamps: Vec<String> = (GIVEN_MAX..DETAILS_MAX).map(|n| format!("exercise.{n}")).collect();
        for fact in &stamps {
            assert_eq!(full.stamp(fact, "EXERCISE"), Ok(()), "{fact}");
        }
        assert_eq!(full.stamp("exercise.more", "EXERCISE"), Err("row.exercise.more".into()));
        assert_eq!(full.stamp(&stamps[0], "EXERCISE again"), Ok(()), "one that is there may be another");
        assert!(entry().stamp("exercise", "a\nb").is_err() && entry().stamp("EXERCISE", "a").is_err());
        assert_eq!(full.stamps().count(), stamps.len());
        assert_eq!(Entry::from_bytes(&full.to_bytes()), Ok(full));
    }

    #[test]
    fn refuses_more_details_than_an_entry_may_have() {
        let of = |count: usize| {
            let detail = (0..count).map(|n| (format!("k{n:02}"), String::new())).collect();
            Entry::from_bytes(&Entry { detail, ..entry() }.to_bytes()).is_ok()
        };
        assert!(of(DETAILS_MAX) && !of(DETAILS_MAX + 1));
    }
}
