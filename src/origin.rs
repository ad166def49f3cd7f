//! Where words come from: prints of a cut, by which what partners sent us is found again in what we are about to send.
//!
//! A print is a digest under a secret of this node, so that an index of prints tells nobody which words it is of. It
//! refuses to guess at meaning: a text that was told anew in other words has other prints.

mod known;
mod print;

use std::collections::{BTreeMap, BTreeSet};

use known::Seen;
pub use known::{Known, Sender};
pub use print::{Print, PrintKey};

use crate::cut::Cut;
use crate::digest::Digest;
use crate::ident::{ExchangeId, PartnerId};
use crate::product::fold::Folded;
use crate::product::readings::{Readings, Way};
use crate::product::{Attachment, PortionKind, Tearline};

/// So many words in a row are a run. A shorter text is too common to have come from anybody.
const RUN_WORDS: usize = 8;
/// So many letters and digits of a paragraph, title or attachment are a whole as well, in however few words.
const LETTERS_MIN: usize = 40;
/// So many runs of one cut have prints of their own. Of those behind them only some do, chosen so that two texts with
/// [`LONG_WORDS`] words in common have a print in common.
const RUNS_MAX: usize = 65_536;
/// From so many words in a row on a run is a long one.
pub const LONG_WORDS: usize = 25;
/// How many runs begin within a long one.
const WINDOW: usize = LONG_WORDS - RUN_WORDS + 1;

/// A cut by its prints.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    texts: Vec<Text>,
}

/// What stands in a row in one cut, in one reading: its paragraphs together, the lines of its head, or one attachment.
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

/// A text that is about to be printed.
struct Said<'t> {
    name: String,
    text: &'t str,
    /// Whether it tells something. Lines of the head that only name subjects, desks and offices are shared by many, and
    /// are whole only from eight words on.
    tells: bool,
}

impl<'t> Said<'t> {
    fn told(name: String, text: &'t str) -> Said<'t> {
        Said { name, text, tells: true }
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

impl Printed {
    /// The prints of a cut. `before` is the tearline that it was made from, where that is known: an attachment that is
    /// written anew is compared as it was, too.
    pub fn of(cut: &Cut, before: Option<&Tearline>, key: &PrintKey) -> Printed {
        let mut printed = Printed::default();
        let mut kept = 0;
        let own = cut.generated_title();
        let head = cut.head().items().filter(|(_, item)| Some(&item.text) != own.as_ref());
        // Lines of the head stand behind each other, and who splits a sentence between them has the same words still. An
        // originator says who writes, and stands alone.
        let (alone, together): (Vec<_>, Vec<_>) = head.partition(|(kind, _)| *kind == PortionKind::Originator);
        for items in [alone, together] {
            let said = items.into_iter().map(|(kind, item)| {
                let tells = kind == PortionKind::Title;
                Said { name: kind.to_string(), text: item.text.as_str(), tells }
            });
            printed.add(key, &mut kept, said);
        }
        let paragraphs = cut.portions().iter().enumerate();
        let paragraphs = paragraphs.map(|(i, p)| Said::told(format!("paragraph {}", i + 1), p.text.as_str()));
        printed.add(key, &mut kept, paragraphs);
        let names = cut.attachments().iter().enumerate();
        let names = names.map(|(i, a)| Said::told(format!("name of attachment {}", i + 1), a.name().as_str()));
        printed.add(key, &mut kept, names);
        let was = before.map_or(&[][..], Tearline::attachments);
        for (i, attachment) in cut.attachments().iter().enumerate() {
            let name = format!("attachment {}", i + 1);
            let bytes = attachment.inline().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            printed.add(key, &mut kept, [Said::told(name.clone(), bytes)]);
            let same = [Some(attachment), was.get(i)].into_iter().flatten().filter(|a| a.size() > 0);
            let prints = same.map(|a| key.print("bytes", [&digest_of(a).as_bytes()[..]]));
            let whole: BTreeSet<Print> = prints.collect();
            let part = Part { name, begins: 0, words: 0, whole: whole.into_iter().collect(), attachment: true };
            printed.texts.push(Text { parts: vec![part], ..Text::default() });
        }
        printed
    }

    /// The prints of a text that was meant to be a cut and is none: of its words, of its paragraphs and lines without what
    /// stands before them as a mark does, and of the files whose digests it names.
    pub fn of_text(text: &str, key: &PrintKey) -> Printed {
        let (mut printed, mut kept) = (Printed::default(), 0);
        let blocks = || text.split("\n\n").filter(|block| !block.trim().is_empty());
        let said = |text| Said::told(PortionKind::Paragraph.to_string(), text);
        printed.add(key, &mut kept, blocks().map(said));
        for block in blocks() {
            let unmarked = |text: &'_ str| text.find(')').map(|mark| mark + 1);
            let whole = unmarked(block).map(|from| &block[from..]);
            let lines = block.lines().filter_map(|line| unmarked(line).map(|from| &line[from..]));
            for rest in whole.into_iter().chain(lines.filter(|_| block.contains('\n'))) {
                printed.add(key, &mut kept, [said(rest)]);
            }
        }
        let digests = text.split_whitespace().filter_map(|word| word.parse::<Digest>().ok());
        let whole: BTreeSet<Print> = digests.map(|digest| key.print("bytes", [&digest.as_bytes()[..]])).collect();
        let name = PortionKind::Attachment.to_string();
        let part = Part { name, begins: 0, words: 0, whole: whole.into_iter().collect(), attachment: true };
        printed.texts.push(Text { parts: vec![part], ..Text::default() });
        printed
    }

    /// Every print, each once, as they are put on record.
    pub fn prints(&self) -> BTreeSet<Print> {
        let whole = self.texts.iter().flat_map(|text| &text.parts).flat_map(|part| part.whole.iter().copied());
        let runs = self.texts.iter().flat_map(|text| text.runs.values().map(move |print| print.marked(text.sampled)));
        whole.chain(runs).collect()
    }

    /// What of it was sent by whom, but for `receiver`: what they sent themselves is no news to them, whoever else sent
    /// it too.
    pub fn found(&self, known: &Known, receiver: &PartnerId) -> BTreeMap<Sender, Found> {
        let receiver = &Sender::from(receiver.clone());
        let mut found: BTreeMap<Sender, Found> = BTreeMap::new();
        for text in &self.texts {
            for part in &text.parts {
                for (sender, seen) in part.whole.iter().flat_map(|print| known.senders(*print, receiver)) {
                    let words = if part.attachment { 0 } else { part.words };
                    let (exchange, place) = (seen.exchange, part.name.clone());
                    note(&mut found, sender, Found { exchange, place, whole: true, words, places: 1 });
                }
            }
            for (sender, run) in text.runs_of(known, receiver) {
                note(&mut found, &sender, run);
            }
        }
        found
    }

    /// Adds texts that stand behind each other, in every reading.
    fn add<'t>(&mut self, key: &PrintKey, kept: &mut usize, said: impl IntoIterator<Item = Said<'t>>) {
        let said: Vec<Said<'t>> = said.into_iter().collect();
        let readings: Vec<Readings> = said.iter().map(|said| Readings::of(said.text)).collect();
        let any = |way| readings.iter().any(|readings| readings.has(way));
        let (apart, small) = (any(Way::StandsApart), any(Way::Small));
        for way in Way::ALL {
            let is = match way {
                Way::Stands => true,
                Way::StandsApart => apart,
                Way::Small => small,
                Way::SmallApart => apart && small,
            };
            if is {
                let (folded, text) = read(key, &said, readings.iter().map(|readings| readings.get(way)));
                self.add_runs(key, kept, &folded, text);
            }
        }
    }

    fn add_runs(&mut self, key: &PrintKey, kept: &mut usize, folded: &Folded, mut text: Text) {
        let words: Vec<&str> = folded.words().collect();
        let run = |run: &[&str]| key.print("run", run.iter().map(|word| word.as_bytes()));
        let runs: Vec<Print> = words.windows(RUN_WORDS).map(run).collect();
        text.sampled = *kept + runs.len() > RUNS_MAX;
        text.runs = if text.sampled { least(&runs) } else { runs.into_iter().enumerate().collect() };
        *kept += text.runs.len();
        self.texts.push(text);
    }
}

/// One reading of texts that stand behind each other: folded, and the prints of each as a whole.
fn read<'f>(key: &PrintKey, said: &[Said<'_>], readings: impl Iterator<Item = &'f Folded>) -> (Folded, Text) {
    let (mut folded, mut text) = (Folded::default(), Text::default());
    for (Said { name, tells, .. }, reading) in said.iter().zip(readings) {
        let (begins, words) = (folded.words().len(), reading.words().len());
        folded.append(reading);
        // Words run together, so that other spacing is no other text.
        let squeezed = reading.squeezed();
        let is_whole = words >= RUN_WORDS || *tells && squeezed.chars().count() >= LETTERS_MIN;
        let whole = is_whole.then(|| key.print("whole", [squeezed.as_bytes()])).into_iter().collect();
        text.parts.push(Part { name: name.clone(), begins, words, whole, attachment: false });
    }
    (folded, text)
}

impl Text {
    /// The longest run of each sender's, and at how many places there is one.
    fn runs_of(&self, known: &Known, receiver: &Sender) -> Vec<(Sender, Found)> {
        // Where a sender's run that is being followed began, and the last print of it.
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

/// Takes in one more thing that somebody sent: the gravest of all is what is told.
fn note(found: &mut BTreeMap<Sender, Found>, sender: &Sender, new: Found) {
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
        let named = texts.iter().enumerate().map(|(i, text)| Said::told(format!("paragraph {}", i + 1), text));
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
                known.add(print, Sender::from(partner(name)), exchange);
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
    fn what_one_sent_that_was_removed_since_is_news_to_whoever_has_its_name_now() {
        let text = words(0..40);
        let (sent, exchange) = (printed(&[&text]), ExchangeId::new(NOW, [0; 10]));
        for (former, news) in [(false, 0), (true, 1)] {
            let mut known = Known::default();
            let sender = Sender { partner: partner("receiver"), former };
            sent.prints().into_iter().for_each(|print| known.add(print, sender.clone(), exchange));
            assert_eq!(printed(&[&text]).found(&known, &partner("receiver")).len(), news);
        }
    }

    #[test]
    fn what_the_receiver_sent_too_is_no_news_to_it() {
        let text = words(0..40);
        let known = sent(&[("one", &printed(&[&text])), ("receiver", &printed(&[&text]))]);
        assert_eq!(found(&[&text], &known), None);
        let other = printed(&[&text]).found(&known, &partner("other"));
        assert_eq!(other.keys().map(|sender| sender.partner.as_str()).collect::<Vec<_>>(), ["one", "receiver"]);
    }

    #[test]
    fn prints_of_one_node_mean_nothing_at_another() {
        let mut theirs = Printed::default();
        theirs.add(&PrintKey::derived_from(b"OTHER"), &mut 0, [Said::told("paragraph 1".to_owned(), &words(0..40))]);
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

    #[test]
    fn a_text_without_spaces_is_known_again_by_its_characters() {
        let theirs: String = (0x4e11..0x4e11 + 60).filter_map(char::from_u32).collect();
        let part = |from, to| theirs.chars().skip(from).take(to - from).collect::<String>();
        let known = sent(&[("one", &printed(&[&theirs]))]);
        assert_eq!(found(&[&theirs], &known).map(|f| f.0), Some(true));
        assert_eq!(
            found(&[&format!("EXERCISE\u{3001}{}\u{3002}", part(10, 35))], &known),
            Some((false, 25, "paragraph 1".into()))
        );
        assert_eq!(found(&[&format!("EXERCISE{}", part(10, 18))], &known), Some((false, 8, "paragraph 1".into())));
        assert_eq!(found(&[&part(10, 17)], &known), None);
    }

    #[test]
    fn a_short_paragraph_of_long_words_is_whole_and_a_short_line_of_the_head_is_not() {
        let text = "Counterintelligence headquarters reorganised everything";
        let known = sent(&[("one", &printed(&[text]))]);
        assert_eq!(found(&[text], &known).map(|f| (f.0, f.1)), Some((true, 4)));
        assert_eq!(found(&["Counterintelligence headquarters reorganised nothing"], &known), None);
        let head = |text| {
            let mut printed = Printed::default();
            printed.add(&key(), &mut 0, [Said { name: "contact".into(), text, tells: false }]);
            printed
        };
        assert!(head(text).prints().is_empty());
        let long = "EXERCISE one two three four five six seven";
        assert!(!head(long).prints().is_empty() && head(&long[..long.len() - 6]).prints().is_empty());
    }

    #[test]
    fn notes_and_signs_hide_no_run_whichever_side_has_them() {
        let plain = words(0..40);
        let every_seventh = |glue: &str| {
            let mark = |(n, word): (usize, &str)| format!("{word}{}", if n % 7 == 6 { glue } else { "" });
            plain.split(' ').enumerate().map(mark).collect::<Vec<_>>().join(" ")
        };
        for glue in ["\u{b9}", "\u{b2}", "\u{aa}", "\u{bd}", "\u{ae}", "\u{2122}", "!", "$", "@", "\u{20ac}"] {
            let noted = every_seventh(glue);
            for (theirs, ours) in [(&plain, &noted), (&noted, &plain)] {
                let known = sent(&[("one", &printed(&[theirs]))]);
                assert_eq!(found(&[ours], &known).map(|f| (f.0, f.1)), Some((true, 40)), "{glue}");
            }
        }
        let known = sent(&[("one", &printed(&[&plain]))]);
        assert_eq!(found(&[&plain.replace('o', "\u{1d0f}").replace("wo", "w\u{254}")], &known).map(|f| f.1), Some(40));
        assert_eq!(found(&[&every_seventh("x")], &known), None);
    }

    #[test]
    fn a_table_with_one_row_more_is_known_again() {
        let rows: String = (0..12).map(|n| format!("EXERCISE port {n},gulls{n},{n}\n")).collect();
        let table = |more: &str| format!("place,bird,count\n{more}{rows}");
        let known = sent(&[("one", &printed(&[&table("")]))]);
        assert!(found(&[&table("EXERCISE quay,seals,2\n")], &known).is_some_and(|f| f.1 >= LONG_WORDS));
        assert_eq!(found(&["place,bird,count\nEXERCISE quay,seals,2\n"], &known), None);
    }

    #[test]
    fn a_text_that_is_no_cut_has_its_paragraphs_without_their_marks_and_the_files_it_names() {
        let (paragraph, file) = (words(0..9), Digest::of(b"EXERCISE"));
        let text =
            format!("NO CUT\nTitle: (U) {}\n\n(S//REL TO USA)\n{paragraph}\n\nATTACHMENT {file} x\n", words(20..29));
        let known = sent(&[("one", &Printed::of_text(&text, &key()))]);
        assert_eq!(found(&[&paragraph], &known).map(|f| f.0), Some(true));
        assert_eq!(found(&[&words(20..29)], &known).map(|f| f.0), Some(true));
        assert_eq!(found(&[&words(0..8)], &known).map(|f| (f.0, f.1)), Some((false, 8)));
        assert_eq!(found(&[&words(30..45)], &known), None);
        assert!(Printed::of_text(&text, &key()).prints().contains(&key().print("bytes", [&file.as_bytes()[..]])));
    }
}
