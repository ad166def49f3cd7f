//! Finds where a cut overlaps with what partners sent: which runs, paragraphs and attachments, and who sent them.

use std::collections::BTreeMap;

use super::fingerprints::{Fingerprints, LONG_WORDS, RUN_WORDS, Text, WINDOW};
use super::index::{Index, Seen, Sender};
use crate::ident::{ExchangeId, PartnerId};

/// What a cut has in common with what one partner sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The exchange in which it was received.
    pub exchange: ExchangeId,
    /// The place in the cut with the most serious match.
    pub place: String,
    /// Whether the match covers a whole paragraph, line of the front block or attachment.
    pub whole: bool,
    /// The length in words; 0 for an attachment that is identical byte for byte.
    pub words: usize,
    /// The number of places in the cut that contain text of this partner.
    pub places: usize,
}

impl Fingerprints {
    /// Returns the most serious match of each sender in `index`. Text that `receiver` also sent is omitted.
    pub fn matches(&self, index: &Index, receiver: &PartnerId) -> BTreeMap<Sender, Match> {
        let receiver = &Sender::from(receiver.clone());
        let mut found: BTreeMap<Sender, Match> = BTreeMap::new();
        for text in &self.texts {
            for part in &text.parts {
                for (sender, seen) in part.whole.iter().flat_map(|print| index.senders(*print, receiver)) {
                    let words = if part.attachment { 0 } else { part.words };
                    let (exchange, place) = (seen.exchange, part.name.clone());
                    note(&mut found, sender, Match { exchange, place, whole: true, words, places: 1 });
                }
            }
            for (sender, run) in text.runs_of(index, receiver) {
                note(&mut found, &sender, run);
            }
        }
        found
    }
}

impl Text {
    /// Returns every run of each sender's words in this text.
    fn runs_of(&self, index: &Index, receiver: &Sender) -> Vec<(Sender, Match)> {
        // For each sender, the run being followed: offsets of its first and last fingerprint.
        let mut open: BTreeMap<&Sender, (usize, usize, Seen)> = BTreeMap::new();
        let mut runs = Vec::new();
        for (at, print) in &self.runs {
            for (sender, seen) in index.senders(*print, receiver) {
                let gap = if self.sampled || seen.sampled { WINDOW } else { 1 };
                match open.get_mut(sender) {
                    Some((_, last, first)) if at - *last <= gap => {
                        *last = *at;
                        first.sampled |= seen.sampled;
                    }
                    _ => {
                        if let Some(run) = open.insert(sender, (*at, *at, seen)) {
                            runs.push((sender.clone(), self.run(run)));
                        }
                    }
                }
            }
        }
        runs.extend(open.into_iter().map(|(sender, run)| (sender.clone(), self.run(run))));
        runs
    }

    fn run(&self, (first, last, seen): (usize, usize, Seen)) -> Match {
        let words = last - first + RUN_WORDS;
        // If only some runs have fingerprints, the run may be long.
        let words = if self.sampled || seen.sampled { words.max(LONG_WORDS) } else { words };
        let place = self.parts.iter().rev().find(|part| part.begins <= first);
        let place = place.map_or_else(String::new, |part| part.name.clone());
        Match { exchange: seen.exchange, place, whole: false, words, places: 1 }
    }
}

/// Adds a match of a sender: the most serious one is kept, and the places are counted.
fn note(found: &mut BTreeMap<Sender, Match>, sender: &Sender, new: Match) {
    match found.get_mut(sender) {
        None => {
            found.insert(sender.clone(), new);
        }
        Some(known) => {
            let places = known.places + usize::from(known.place != new.place);
            if (new.whole, new.words) > (known.whole, known.words) {
                *known = new;
            }
            known.places = places;
        }
    }
}
