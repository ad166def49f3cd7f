//! Where words come from: prints of a cut, by which what partners sent us is found again in what we are about to send.
//!
//! A print is a digest under a secret of this node, so that an index of prints tells nobody which words it is of. It
//! refuses to guess at meaning: a text that was told anew in other words has other prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::hmac;

use crate::cut::Cut;
use crate::digest::Digest;
use crate::ident::{ExchangeId, PartnerId};
use crate::product::fold::Folded;
use crate::product::{Attachment, PortionKind, Tearline};

/// So many words in a row are a run. A shorter text is too common to have come from anybody.
const RUN_WORDS: usize = 8;
/// So many runs of one cut have prints of their own. Of those behind them only some do, chosen so that two texts with
/// [`LONG_WORDS`] words in common have a print in common.
const RUNS_MAX: usize = 65_536;
/// From so many words in a row on a run is a long one.
pub const LONG_WORDS: usize = 25;
/// How many runs begin within a long one.
const WINDOW: usize = LONG_WORDS - RUN_WORDS + 1;

/// The secret of a node under which its prints are made.
#[derive(Clone)]
pub struct PrintKey(hmac::Key);

/// One print. Its last bit says that it is of a text of whose runs only some have prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Print(u64);

/// A cut by its prints.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    texts: Vec<Text>,
}

/// What stands in a row in one cut: its paragraphs together, one line of its head, or one attachment.
#[derive(Clone, Debug, Default)]
struct Text {
    /// Where its parts begin, in words, and what they are called.
    parts: Vec<Part>,
    /// The prints of its runs, by the number of the word each begins at.
    runs: BTreeMap<usize, Print>,
    /// Whether only some of its runs have prints.
    sampled: bool,
}

#[derive(Clone, Debug)]
struct Part {
    name: String,
    begins: usize,
    words: usize,
    /// Any of these is the whole of it.
    whole: Vec<Print>,
    attachment: bool,
}

/// Whose prints are known: by plain print and partner.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<Print, BTreeMap<PartnerId, Seen>>);

/// Where a partner's print was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    exchange: ExchangeId,
    /// Whether the text had prints of some of its runs only: how long the run is beyond this one is not known.
    sampled: bool,
}

impl Known {
    /// Adds that `partner` sent what `print` is of, first by `exchange`.
    pub fn add(&mut self, print: Print, partner: PartnerId, exchange: ExchangeId) {
        let seen = self.0.entry(print.plain()).or_default().entry(partner);
        let sampled = print.is_sampled();
        seen.and_modify(|seen| seen.sampled |= sampled).or_insert(Seen { exchange, sampled });
    }

    /// Who sent it, unless `receiver` did too.
    fn senders(&self, print: Print, receiver: &PartnerId) -> impl Iterator<Item = (&PartnerId, Seen)> {
        let senders = self.0.get(&print.plain()).filter(|senders| !senders.contains_key(receiver));
        senders.into_iter().flatten().map(|(partner, seen)| (partner, *seen))
    }
}

/// What of a cut one partner sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// By which exchange.
    pub exchange: ExchangeId,
    /// Where in the cut most of it stands.
    pub place: String,
    /// Whether it is all of a paragraph, line of the head or attachment.
    pub whole: bool,
    /// How many words in a row; 0 for an attachment that is the same byte for byte.
    pub words: usize,
    /// At how many places of the cut something of theirs stands.
    pub places: usize,
}

impl PrintKey {
    /// A key of its own, made from a secret that serves another purpose.
    pub fn derived_from(secret: &[u8]) -> PrintKey {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"portcullis prints");
        PrintKey(hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()))
    }

    fn print<'p>(&self, what: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Print {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        for part in parts {
            // No part holds a zero byte that is not its own: words are letters, and a digest stands alone.
            context.update(&[0]);
            context.update(part);
        }
        let tag = context.sign();
        // INVARIANT: a tag of SHA-256 has 32 bytes.
        Print(u64::from_be_bytes(tag.as_ref()[..8].try_into().expect("a tag has eight bytes"))).plain()
    }
}

impl fmt::Debug for PrintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrintKey(..)")
    }
}

impl Print {
    const SAMPLED: u64 = 1;

    /// The same of a text each of whose runs has a print: what is asked for.
    #[must_use]
    pub fn plain(self) -> Print {
        Print(self.0 & !Self::SAMPLED)
    }

    fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// As a store keeps it. A plain one is followed by the other of the two.
    pub fn to_i64(self) -> i64 {
        i64::from_be_bytes(self.0.to_be_bytes())
    }

    /// From what a store kept.
    pub fn from_i64(kept: i64) -> Print {
        Print(u64::from_be_bytes(kept.to_be_bytes()))
    }
}

impl Printed {
    /// The prints of a cut. `before` is the tearline that it was made from, where that is known: an attachment that is
    /// written anew is compared as it was, too.
    pub fn of(cut: &Cut, before: Option<&Tearline>, key: &PrintKey) -> Printed {
        let mut printed = Printed::default();
        let mut kept = 0;
        let own = cut.generated_title();
        let head = cut.head().items().filter(|(_, item)| Some(&item.text) != own.as_ref());
        for (kind, item) in head {
            printed.add(key, &mut kept, [(name_of(kind), item.text.as_str())]);
        }
        let paragraphs = cut.portions().iter().enumerate();
        let paragraphs = paragraphs.map(|(i, portion)| (format!("paragraph {}", i + 1), portion.text.as_str()));
        printed.add(key, &mut kept, paragraphs);
        let was = before.map_or(&[][..], Tearline::attachments);
        for (i, attachment) in cut.attachments().iter().enumerate() {
            let name = format!("attachment {}", i + 1);
            let bytes = attachment.inline().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            printed.add(key, &mut kept, [(name.clone(), bytes)]);
            let same = [Some(attachment), was.get(i)].into_iter().flatten().filter(|a| a.size() > 0);
            let prints = same.map(|a| key.print("bytes", [&digest_of(a).as_bytes()[..]]));
            let whole: BTreeSet<Print> = prints.collect();
            let part = Part { name, begins: 0, words: 0, whole: whole.into_iter().collect(), attachment: true };
            printed.texts.push(Text { parts: vec![part], ..Text::default() });
        }
        printed
    }

    /// Every print, each once, as they are put on record.
    pub fn prints(&self) -> BTreeSet<Print> {
        let whole = self.texts.iter().flat_map(|text| &text.parts).flat_map(|part| part.whole.iter().copied());
        let marked = |text: &Text| if text.sampled { Print::SAMPLED } else { 0 };
        let runs =
            self.texts.iter().flat_map(|text| text.runs.values().map(move |print| Print(print.0 | marked(text))));
        whole.chain(runs).collect()
    }

    /// What of it was sent by whom, but for `receiver`: what they sent themselves is no news to them, whoever else sent
    /// it too.
    pub fn found(&self, known: &Known, receiver: &PartnerId) -> BTreeMap<PartnerId, Found> {
        let mut found: BTreeMap<PartnerId, Found> = BTreeMap::new();
        for text in &self.texts {
            for part in &text.parts {
                for (partner, seen) in part.whole.iter().flat_map(|print| known.senders(*print, receiver)) {
                    let words = if part.attachment { 0 } else { part.words };
                    let (exchange, place) = (seen.exchange, part.name.clone());
                    note(&mut found, partner, Found { exchange, place, whole: true, words, places: 1 });
                }
            }
            for (partner, run) in text.runs_of(known, receiver) {
                note(&mut found, &partner, run);
            }
        }
        found
    }

    /// Adds texts that stand behind each other, each with what it is called.
    fn add<'t>(&mut self, key: &PrintKey, kept: &mut usize, parts: impl IntoIterator<Item = (String, &'t str)>) {
        let mut folded = Folded::default();
        let mut text = Text::default();
        for (name, content) in parts {
            let begins = folded.words().len();
            folded.add(content);
            let words = folded.words().len() - begins;
            let mut whole = Vec::new();
            if words >= RUN_WORDS {
                // Words run together, so that other spacing is no other text.
                let squeezed: String = folded.words_from(begins).collect();
                whole.push(key.print("whole", [squeezed.as_bytes()]));
            }
            text.parts.push(Part { name, begins, words, whole, attachment: false });
        }
        let words: Vec<&str> = folded.words().collect();
        let run = |run: &[&str]| key.print("run", run.iter().map(|word| word.as_bytes()));
        let runs: Vec<Print> = words.windows(RUN_WORDS).map(run).collect();
        text.sampled = *kept + runs.len() > RUNS_MAX;
        text.runs = if text.sampled { least(&runs) } else { runs.into_iter().enumerate().collect() };
        *kept += text.runs.len();
        self.texts.push(text);
    }
}

impl Text {
    /// The longest run of each partner's, and at how many places there is one.
    fn runs_of(&self, known: &Known, receiver: &PartnerId) -> Vec<(PartnerId, Found)> {
        // Where a partner's run that is being followed began, and the last print of it.
        let mut open: BTreeMap<&PartnerId, (usize, usize, Seen)> = BTreeMap::new();
        let mut runs = Vec::new();
        for (at, print) in &self.runs {
            for (partner, seen) in known.senders(*print, receiver) {
                let gap = if self.sampled || seen.sampled { WINDOW } else { 1 };
                match open.get_mut(partner) {
                    Some((_, last, first)) if at - *last <= gap => {
                        *last = *at;
                        first.sampled |= seen.sampled;
                    }
                    _ => {
                        if let Some(run) = open.insert(partner, (*at, *at, seen)) {
                            runs.push((partner.clone(), self.run(run)));
                        }
                    }
                }
            }
        }
        runs.extend(open.into_iter().map(|(partner, run)| (partner.clone(), self.run(run))));
        runs
    }

    fn run(&self, (first, last, seen): (usize, usize, Seen)) -> Found {
        let words = last - first + RUN_WORDS;
        // Where only some runs have prints, it may be a long one.
        let words = if self.sampled || seen.sampled { words.max(LONG_WORDS) } else { words };
        let place = self.parts.iter().rev().find(|part| part.begins <= first);
        let place = place.map_or_else(String::new, |part| part.name.clone());
        Found { exchange: seen.exchange, place, whole: false, words, places: 1 }
    }
}

/// Of each window of runs the one with the least print, so that equal stretches of two texts choose the same.
fn least(runs: &[Print]) -> BTreeMap<usize, Print> {
    let least = |window: &[Print]| window.iter().copied().enumerate().min_by_key(|(_, print)| *print);
    let windows = runs.windows(WINDOW.min(runs.len()).max(1)).enumerate();
    windows.filter_map(|(at, window)| least(window).map(|(i, print)| (at + i, print))).collect()
}

/// Takes in one more thing that a partner sent: the gravest of all is what is told.
fn note(found: &mut BTreeMap<PartnerId, Found>, partner: &PartnerId, new: Found) {
    match found.get_mut(partner) {
        None => {
            found.insert(partner.clone(), new);
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

fn name_of(kind: PortionKind) -> String {
    kind.to_string()
}

/// SHA-256 of an attachment's bytes; of those that stand in the text it is computed here.
fn digest_of(attachment: &Attachment) -> Digest {
    attachment.inline().map_or(attachment.digest(), Digest::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn key() -> PrintKey {
        PrintKey::derived_from(b"EXERCISE")
    }

    fn printed(texts: &[&str]) -> Printed {
        let (mut printed, mut kept) = (Printed::default(), 0);
        let named = texts.iter().enumerate().map(|(i, text)| (format!("paragraph {}", i + 1), *text));
        printed.add(&key(), &mut kept, named);
        printed
    }

    fn partner(name: &str) -> PartnerId {
        name.parse().unwrap()
    }

    /// What is known once these partners each sent a text, by exchanges numbered in their order.
    fn sent(by: &[(&str, &Printed)]) -> Known {
        let mut known = Known::default();
        for (number, (name, printed)) in by.iter().enumerate() {
            let exchange = ExchangeId::new(NOW, [number as u8; 10]);
            for print in printed.prints() {
                known.add(print, partner(name), exchange);
            }
        }
        known
    }

    fn words(range: std::ops::Range<usize>) -> String {
        range.map(|n| format!("word{n}x")).collect::<Vec<_>>().join(" ")
    }

    fn found(text: &[&str], known: &Known) -> Option<(bool, usize, String)> {
        let found = printed(text).found(known, &partner("receiver"));
        found.into_values().next().map(|f| (f.whole, f.words, f.place))
    }

    #[test]
    fn finds_a_whole_paragraph_in_other_case_spacing_and_punctuation_and_no_other() {
        let known = sent(&[("one", &printed(&["The harbour master counted 17 gulls, two seals and a dog."]))]);
        for text in [
            "The harbour master counted 17 gulls, two seals and a dog.",
            "THE HARBOUR-MASTER COUNTED 17 GULLS; TWO SEALS AND A DOG!",
            "the har bour master counted l7 gulls two seals and a dog",
        ] {
            assert_eq!(found(&[text], &known).map(|f| f.0), Some(true), "{text}");
        }
        assert_eq!(found(&["A harbour clerk counted 16 gulls, one seal and no dog."], &known), None);
    }

    #[test]
    fn says_how_long_a_run_is_and_where_it_begins_and_says_nothing_of_a_shorter_one() {
        let known = sent(&[("one", &printed(&[&words(0..60)]))]);
        let holding = |from, to| format!("ours and {} ours again", words(from..to));
        assert_eq!(found(&["ours", &holding(10, 34)], &known), Some((false, 24, "paragraph 2".into())));
        assert_eq!(found(&[&holding(10, 18)], &known), Some((false, 8, "paragraph 1".into())));
        assert_eq!(found(&[&holding(10, 17)], &known), None);
    }

    #[test]
    fn a_run_is_found_however_it_is_cut_into_paragraphs() {
        let known = sent(&[("one", &printed(&[&words(0..40)]))]);
        let short: Vec<String> = (0..40).step_by(5).map(|n| words(n..n + 5)).collect();
        let short: Vec<&str> = short.iter().map(String::as_str).collect();
        assert_eq!(found(&short, &known), Some((false, 40, "paragraph 1".into())));
    }

    #[test]
    fn a_run_is_one_although_the_partner_sent_its_halves_by_two_exchanges() {
        let (first, second) = (printed(&[&words(0..20)]), printed(&[&words(0..40)]));
        let known = sent(&[("one", &first), ("one", &second)]);
        assert_eq!(found(&[&format!("a b {}", words(0..40))], &known).map(|f| f.1), Some(40));
    }

    #[test]
    fn what_the_receiver_sent_too_is_no_news_to_it() {
        let text = words(0..40);
        let known = sent(&[("one", &printed(&[&text])), ("receiver", &printed(&[&text]))]);
        assert_eq!(found(&[&text], &known), None);
        let other = printed(&[&text]).found(&known, &partner("other"));
        assert_eq!(other.keys().map(PartnerId::as_str).collect::<Vec<_>>(), ["one", "receiver"]);
    }

    #[test]
    fn prints_of_one_node_mean_nothing_at_another() {
        let mut theirs = Printed::default();
        theirs.add(&PrintKey::derived_from(b"OTHER"), &mut 0, [("paragraph 1".to_owned(), &*words(0..40))]);
        assert!(printed(&[&words(0..40)]).prints().is_disjoint(&theirs.prints()));
        assert!(!format!("{:?}", key()).contains("EXERCISE"));
    }

    #[test]
    fn a_very_long_text_keeps_fewer_prints_and_still_shows_every_long_run() {
        let long = words(0..RUNS_MAX + 20_000);
        let theirs = printed(&[&long]);
        assert!(theirs.prints().len() < RUNS_MAX / 2, "{}", theirs.prints().len());
        let known = sent(&[("one", &theirs)]);
        for from in (RUNS_MAX..RUNS_MAX + 19_000).step_by(997) {
            let run = found(&[&format!("ours {} ours", words(from..from + LONG_WORDS))], &known);
            assert!(run.is_some_and(|run| run.1 >= LONG_WORDS), "words from {from} on were not found as a long run");
        }
    }
}
