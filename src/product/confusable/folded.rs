//! Folded text: its words as letters and digits without case, accents and look-alikes. What must not stand in a text is
//! looked for in this form, on both sides of the comparison.

/// A text in folded form, as a sequence of words.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Folded {
    pub(super) squeezed: String,
    /// Where each word begins. Half as long as a place in memory, since one letter may be a word: a text of letters and
    /// spaces would come to many times its length.
    pub(super) starts: Vec<u32>,
}

impl Folded {
    /// Adds what was folded elsewhere behind what was folded before, as further words.
    pub fn append(&mut self, other: &Folded) {
        let before = place(self.squeezed.len());
        self.squeezed.push_str(&other.squeezed);
        self.starts.extend(other.starts.iter().map(|start| start.saturating_add(before)));
    }

    /// Forgets all words but the last ones, which have at least so many bytes together where there are so many.
    pub fn keep_last(&mut self, bytes: usize) {
        let reach = place(self.squeezed.len().saturating_sub(bytes));
        let first = self.starts.partition_point(|start| *start <= reach).saturating_sub(1);
        let Some(from) = self.starts.get(first).copied() else { return };
        self.starts.drain(..first);
        self.starts.iter_mut().for_each(|start| *start -= from);
        self.squeezed.drain(..from as usize);
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
            let end = self.starts.get(i + 1).map_or(self.squeezed.len(), |end| *end as usize);
            &self.squeezed[self.starts[i] as usize..end]
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
        let edge = |at: usize| at == self.squeezed.len() || self.starts.binary_search(&place(at)).is_ok();
        let length = end - start;
        // The last word that begins at or before the match holds all of it if the next one begins behind it.
        let next = self.starts.partition_point(|s| *s <= place(start));
        let in_one_word = self.starts.get(next).is_none_or(|s| end <= *s as usize);
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
        let mut starts = self.starts.iter().map(|at| *at as usize);
        starts.any(|at| self.squeezed[at..].starts_with(token) && self.counts(at, at + token.len()))
    }

    fn next_char(&self, at: usize) -> usize {
        at + self.squeezed[at..].chars().next().map_or(0, char::len_utf8)
    }
}

/// A place in a folded text. None is as long as this reaches: what is folded is bounded far below it.
pub(super) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// From this many folded bytes on, a token is refused wherever it arises.
pub(super) const ANYWHERE_BYTES_MIN: usize = 10;

/// From this many folded bytes on, a token is refused also in the middle of a word.
pub(super) const IN_WORD_BYTES_MIN: usize = 8;
