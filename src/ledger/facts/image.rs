//! A serialized image of the facts, so that a process need not read the ledger from its first entry.
//!
//! The image alone proves nothing: the store signs it, and it is used only if it leads to the signed checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::{About, Facts, Settled};
use crate::digest::Digest;
use crate::ledger::tree::Frontier;
use crate::ledger::verify::Verifier;
use crate::time::Time;

/// The version of the encoding. Other versions are not decoded.
const LAYOUT: u32 = 1;

/// The content of [`Facts`], without the state of verification.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Image {
    #[n(0)]
    layout: u32,
    #[n(1)]
    size: u64,
    /// The right edge of the tree: position and hash.
    #[n(2)]
    edge: Vec<(u64, Digest)>,
    #[n(3)]
    names: Vec<String>,
    #[n(4)]
    subjects: Vec<Subject>,
    /// Exchange, digest of its facts, index of the last entry that changed one, number of entries.
    #[n(5)]
    settled: Vec<(String, Digest, u64, u64)>,
    #[n(6)]
    requests: Vec<(String, Digest)>,
    #[n(7)]
    requested: Vec<(String, Vec<String>)>,
    #[n(8)]
    each: Vec<(String, Vec<u64>)>,
    #[n(9)]
    lasting: Vec<(String, String)>,
    #[n(10)]
    unfinished: Vec<(String, Vec<String>)>,
    #[n(11)]
    roster: u64,
    /// Milliseconds since the Unix epoch.
    #[n(12)]
    clock_high: i64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Subject {
    #[n(0)]
    subject: String,
    /// Each fact: the index of its name, and its value.
    #[n(1)]
    facts: Vec<(u32, String)>,
    #[n(2)]
    changed: u64,
    #[n(3)]
    entries: u64,
}

impl Facts {
    /// Encodes the facts under the last verified checkpoint (CBOR); `None` if entries were read that none covers, or the
    /// ledger was rejected.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        self.proved()?;
        let place: BTreeMap<&str, u32> = self.names.iter().map(|name| &**name).zip(0u32..).collect();
        let texts = |texts: &std::collections::BTreeSet<String>| texts.iter().cloned().collect();
        let subject = |(subject, about): (&String, &About)| Subject {
            subject: subject.clone(),
            facts: about.facts.iter().map(|(name, value)| (place[&**name], value.to_string())).collect(),
            changed: about.changed,
            entries: about.entries,
        };
        let image = Image {
            layout: LAYOUT,
            size: self.next(),
            edge: self.verifier.frontier().peaks().collect(),
            names: self.names.iter().map(ToString::to_string).collect(),
            subjects: self.subjects.iter().map(subject).collect(),
            settled: self.settled.iter().map(|(id, s)| (id.to_string(), s.whole, s.changed, s.entries)).collect(),
            requests: self.requests.iter().map(|(id, whole)| (id.to_string(), *whole)).collect(),
            requested: (self.requested.iter())
                .map(|(id, of)| (id.to_string(), of.iter().map(ToString::to_string).collect()))
                .collect(),
            each: self.each.iter().map(|(subject, at)| (subject.clone(), at.clone())).collect(),
            lasting: self.lasting.iter().cloned().collect(),
            unfinished: self.unfinished.iter().map(|(request, of)| (request.clone(), texts(of))).collect(),
            roster: self.roster,
            clock_high: self.clock_high.unix_ms(),
        };
        Some(crate::digest::encode(&image))
    }

    /// Decodes what [`Facts::to_bytes`] returned. Nothing is proved until a checkpoint of the ledger is verified over
    /// it and the entries that follow. `None` for any other bytes, including those of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Facts> {
        let image: Image = minicbor::decode(bytes).ok().filter(|image: &Image| image.layout == LAYOUT)?;
        let names: Vec<Arc<str>> = image.names.iter().map(|name| name.as_str().into()).collect();
        let mut facts = Facts::new();
        facts.verifier = Verifier::after(Frontier::from_stored(image.size, &image.edge.into_iter().collect()).ok()?);
        for Subject { subject, facts: named, changed, entries } in image.subjects {
            let mut about = About { changed, entries, ..About::default() };
            for (place, value) in named {
                about.facts.insert(names.get(usize::try_from(place).ok()?)?.clone(), value.into());
            }
            facts.subjects.insert(subject, about);
        }
        for (id, whole, changed, entries) in image.settled {
            facts.settled.insert(id.parse().ok()?, Settled { whole, changed, entries });
        }
        for (id, whole) in image.requests {
            facts.requests.insert(id.parse().ok()?, whole);
        }
        for (id, of) in image.requested {
            let of = of.iter().map(|exchange| exchange.parse().ok()).collect::<Option<_>>()?;
            facts.requested.insert(id.parse().ok()?, of);
        }
        facts.each = image.each.into_iter().collect();
        facts.lasting = image.lasting.into_iter().collect();
        facts.unfinished =
            image.unfinished.into_iter().map(|(request, of)| (request, of.into_iter().collect())).collect();
        facts.names = names.into_iter().collect();
        facts.roster = image.roster;
        facts.clock_high = Time::from_unix_ms(image.clock_high);
        Some(facts)
    }
}
