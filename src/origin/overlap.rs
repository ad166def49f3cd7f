//! Where a cut overlaps with what partners sent: which runs, paragraphs and attachments are known, and from whom.

use std::collections::BTreeMap;

use super::fingerprints::{Fingerprints, LONG_WORDS, RUN_WORDS, Text, WINDOW};
use super::index::{Index, Seen, Sender};
use crate::ident::{ExchangeId, PartnerId};

/// What of a cut one partner sent before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// By which exchange.
    pub exchange: ExchangeId,
    /// Where in the cut most of it stands.
    pub place: String,
    /// Whether it is all of a paragraph, line of the head or attachment.
    pub whole: bool,
    /// How many words in a row; 0 for an attachment that is the same byte for byte.
    pub words: usize,
    /// At how many places of the cut the partner's words occur.
    pub places: usize,
}

impl Fingerprints {
    /// The matches by sender, without what `receiver` sent itself, whoever else sent it too.
    pub fn found(&self, known: &Index, receiver: &PartnerId) -> BTreeMap<Sender, Match> {
        let receiver = &Sender::from(receiver.clone());
        let mut found: BTreeMap<Sender, Match> = BTreeMap::new();
        for text in &self.texts {
            for part in &text.parts {
                for (sender, seen) in part.whole.iter().flat_map(|print| known.senders(*print, receiver)) {
                    let words = if part.attachment { 0 } else { part.words };
                    let (exchange, place) = (seen.exchange, part.name.clone());
                    note(&mut found, sender, Match { exchange, place, whole: true, words, places: 1 });
                }
            }
            for (sender, run) in text.runs_of(known, receiver) {
                note(&mut found, &sender, run);
            }
        }
        found
    }
}

impl Text {
    /// The longest run of each sender's, and at how many places there is one.
    fn runs_of(&self, known: &Index, receiver: &Sender) -> Vec<(Sender, Match)> {
        // Where a sender's run that is being followed began, and the last fingerprint of it.
        let mut open: BTreeMap<&Sender, (usize, usize, Seen)> = BTreeMap::new();
        let mut runs = Vec::new();
        for (at, print) in &self.runs {
            for (sender, seen) in known.senders(*print, receiver) {
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
        // Where only some runs have fingerprints, it may be a long one.
        let words = if self.sampled || seen.sampled { words.max(LONG_WORDS) } else { words };
        let place = self.parts.iter().rev().find(|part| part.begins <= first);
        let place = place.map_or_else(String::new, |part| part.name.clone());
        Match { exchange: seen.exchange, place, whole: false, words, places: 1 }
    }
}

/// Adds one more match of a sender: the most serious one is reported.
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
