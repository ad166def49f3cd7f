//! Text reduced to what a reader would take it for: case, spacing, accents and look-alikes gone.
//!
//! Words that must not pass are looked for in this form, on both sides of the comparison. It refuses to guess at
//! meaning: it is a mapping of characters, the same on every machine.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// A text in folded form, as a sequence of words.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Folded {
    squeezed: String,
    starts: Vec<usize>,
}

impl Folded {
    /// Folds `text`. Linear in its length.
    pub fn of(text: &str) -> Folded {
        let mut folded = Folded::default();
        folded.add(text);
        folded
    }

    /// Adds `text` behind what was folded before, as further words.
    pub fn add(&mut self, text: &str) {
        if text.is_ascii() {
            self.add_ascii(text);
        } else {
            self.add_any(text);
        }
    }

    /// As [`Folded::add_any`] would: nothing in ASCII has another form, combines or is invisible, and a gigabyte of it
    /// passes through here.
    fn add_ascii(&mut self, text: &str) {
        let mut in_word = false;
        self.squeezed.reserve(text.len());
        for c in text.chars() {
            match folded_letter(c) {
                None => in_word = false,
                Some(letter) => {
                    if !in_word {
                        in_word = true;
                        self.starts.push(self.squeezed.len());
                    }
                    self.squeezed.push(letter);
                }
            }
        }
    }

    fn add_any(&mut self, text: &str) {
        let mut in_word = false;
        for c in text.nfkc() {
            if is_invisible(c) {
                continue;
            }
            if !c.is_alphanumeric() && !is_combining_mark(c) {
                in_word = false;
                continue;
            }
            if !in_word {
                in_word = true;
                if self.starts.last() != Some(&self.squeezed.len()) {
                    self.starts.push(self.squeezed.len());
                }
            }
            fold_char(c, &mut self.squeezed);
        }
        if self.starts.last() == Some(&self.squeezed.len()) {
            self.starts.pop();
        }
    }

    /// All words run together.
    pub fn squeezed(&self) -> &str {
        &self.squeezed
    }

    /// The words one by one.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.words_from(0)
    }

    /// The words from the one on that has this number, counted from zero. To begin late costs nothing.
    pub fn words_from(&self, first: usize) -> impl ExactSizeIterator<Item = &str> + '_ {
        (first..self.starts.len()).map(|i| {
            let end = self.starts.get(i + 1).copied().unwrap_or(self.squeezed.len());
            &self.squeezed[self.starts[i]..end]
        })
    }

    /// Whether nothing is left to compare.
    pub fn is_empty(&self) -> bool {
        self.squeezed.is_empty()
    }

    /// Whether the bytes `start..end` of [`Folded::squeezed`] are a match worth refusing: a long one always, a shorter
    /// one inside a single word, and a short one only where it begins and ends with words, for otherwise `hero` would
    /// stand in `the rose`.
    pub fn counts(&self, start: usize, end: usize) -> bool {
        let edge = |at: usize| at == self.squeezed.len() || self.starts.binary_search(&at).is_ok();
        let length = end - start;
        // The last word that begins at or before the match holds all of it if the next one begins behind it.
        let next = self.starts.partition_point(|s| *s <= start);
        let in_one_word = self.starts.get(next).is_none_or(|s| end <= *s);
        length >= ANYWHERE_BYTES_MIN || length >= IN_WORD_BYTES_MIN && in_one_word || edge(start) && edge(end)
    }

    /// Whether `token` stands in this text, whatever its case, spacing, line breaks and look-alikes.
    pub fn holds(&self, token: &Folded) -> bool {
        let token = token.squeezed();
        if token.is_empty() {
            return false;
        }
        if token.len() >= IN_WORD_BYTES_MIN {
            let found = |at: &usize| self.squeezed[*at..].find(token).map(|i| at + i);
            // Each match in turn, overlapping ones included.
            return std::iter::successors(found(&0), |at| found(&self.next_char(*at)))
                .any(|at| self.counts(at, at + token.len()));
        }
        // Every word start is tried, because a search for matches one after another skips those that overlap.
        self.starts.iter().any(|&at| self.squeezed[at..].starts_with(token) && self.counts(at, at + token.len()))
    }

    fn next_char(&self, at: usize) -> usize {
        at + self.squeezed[at..].chars().next().map_or(0, char::len_utf8)
    }
}

/// From this many folded bytes on, a token is refused wherever it arises.
pub(super) const ANYWHERE_BYTES_MIN: usize = 10;

/// From this many folded bytes on, a token is refused also in the middle of a word.
pub(super) const IN_WORD_BYTES_MIN: usize = 8;

/// Characters that print nothing and could split a word unseen.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Adds what a reader would take a letter or a digit for.
pub(super) fn fold_char(c: char, into: &mut String) {
    // ASCII first: it is nearly all there is, and the table of look-alikes is a search.
    if c.is_ascii() {
        if let Some(letter) = folded_letter(c) {
            into.push(letter);
        }
        return;
    }
    let mut buffer = [0; 4];
    for s in skeleton(c.encode_utf8(&mut buffer)) {
        if is_combining_mark(s) {
            continue;
        }
        for d in s.to_lowercase() {
            match folded_letter(d) {
                Some(letter) => into.push(letter),
                None if d.is_alphanumeric() => into.push(d),
                None => {}
            }
        }
    }
}

/// The one letter that stands for every ASCII sign drawn like it.
pub(super) fn folded_letter(c: char) -> Option<char> {
    Some(match c {
        'I' | 'i' | 'L' | 'l' | '1' => 'l',
        'O' | 'o' | '0' => 'o',
        '5' => 's',
        '3' => 'e',
        '4' => 'a',
        '7' => 't',
        _ if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, token: &str) -> bool {
        Folded::of(text).holds(&Folded::of(token))
    }

    #[test]
    fn ascii_folds_the_same_on_both_ways() {
        let every: String = (0..128u8).map(char::from).collect();
        for text in ["", " ", "The 5 roses, 3 of them red\n", "-a-B--c-", "x", "1 l", &every, "a\u{0}b"] {
            let (mut fast, mut slow) = (Folded::of("before"), Folded::of("before"));
            fast.add_ascii(text);
            slow.add_any(text);
            assert_eq!(fast, slow, "{text:?}");
        }
    }

    #[test]
    fn finds_a_token_in_every_disguise() {
        for text in [
            "the copper finch report",
            "COPPER FINCH",
            "copper-finch",
            "Copper\nFinch",
            "C O P P E R  F I N C H",
            "c\u{043e}pper finch",
            "C\u{200b}opper\u{00ad} Finch",
            "C0PPER F1NCH",
            "\u{ff23}\u{ff2f}\u{ff30}\u{ff30}\u{ff25}\u{ff32} FINCH",
            "co\u{301}pper f\u{ed}nch",
            "(COPPER_FINCH)",
            "COPPER FINCH!",
            "xxCopperFinchxx",
            "C\u{39f}PPER F\u{399}NC\u{397}",
            "\u{0421}\u{041e}\u{0420}\u{0420}\u{0415}R FIN\u{0421}\u{041d}",
        ] {
            assert!(holds(text, "Copper Finch"), "{text:?}");
        }
    }

    #[test]
    fn does_not_find_a_token_across_the_middle_of_words() {
        assert!(!holds("the rose", "hero"));
        assert!(!holds("finches", "finch"));
        assert!(!holds("EXERCISE: lists", "exercise-1"));
        assert!(holds("nightheronx", "nightheron"));
        assert!(holds("xnightown", "nightown"));
        assert!(!holds("the heron", "hero"));
        assert!(!holds("anything", ""));
    }

    #[test]
    fn finds_an_overlapping_token() {
        assert!(holds("aab ab ab", "ab ab"));
        assert!(holds("xab ab ab", "ab ab"));
    }

    #[test]
    fn words_come_back_one_by_one() {
        let folded = Folded::of("Ten vessels, (two) fast!");
        assert_eq!(folded.words().collect::<Vec<_>>(), ["ten", "vessels", "two", "fast"]);
        assert!(Folded::of(" -- \u{200b} ").is_empty());
    }
}
