//! Every way in which a text may be read: the one place where it is decided what two texts are compared by.
//!
//! A sign may be meant as the letter that it is drawn like or not, and a letter outside ASCII may be disguised as it stands
//! or be the same as another in the other case. Who looks for words looks in each reading, and two texts are the same where
//! they are so in one. What is looked for is itself read in capitals as well (see [`spellings`]).

use super::character::Case;
use super::folded::Folded;
use super::folding::Signs;

/// A way to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As it stands, with signs for letters.
    Stands,
    /// As it stands, with signs that part words.
    StandsApart,
    /// In small letters, with signs for letters.
    Small,
    /// In small letters, with signs that part words.
    SmallApart,
}

impl Way {
    /// Every way, the plainest first.
    pub const ALL: [Way; 4] = [Way::Stands, Way::StandsApart, Way::Small, Way::SmallApart];
}

/// What a text comes to in every way to read it. Ways that come to the same are one and cost nothing: most texts have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways<T> {
    stands: T,
    stands_apart: Option<T>,
    small: Option<T>,
    /// There is one where there are both of these two.
    small_apart: Option<T>,
}

/// A text, folded in every way to read it.
pub type Readings = Ways<Folded>;

impl<T: Clone> Ways<T> {
    /// Takes apart the ways that `other` has apart.
    pub fn split<U>(&mut self, other: &Ways<U>) {
        if other.stands_apart.is_some() && self.stands_apart.is_none() {
            self.stands_apart = Some(self.stands.clone());
            self.small_apart = self.small.clone();
        }
        if other.small.is_some() && self.small.is_none() {
            self.small = Some(self.stands.clone());
            self.small_apart = self.stands_apart.clone();
        }
    }
}

impl<T> Ways<T> {
    /// What the text is in one way.
    pub fn get(&self, way: Way) -> &T {
        let one = match way {
            Way::Stands => None,
            Way::StandsApart => self.stands_apart.as_ref(),
            Way::Small => self.small.as_ref(),
            Way::SmallApart => self.small_apart.as_ref().or(self.small.as_ref()).or(self.stands_apart.as_ref()),
        };
        one.unwrap_or(&self.stands)
    }

    /// Whether the text may be another in this way than in a plainer one.
    pub fn has(&self, way: Way) -> bool {
        match way {
            Way::Stands => true,
            Way::StandsApart => self.stands_apart.is_some(),
            Way::Small => self.small.is_some(),
            Way::SmallApart => self.small_apart.is_some(),
        }
    }

    /// What it is in every way, as it stands first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        Way::ALL.into_iter().filter(|way| self.has(*way)).map(|way| self.get(way))
    }

    /// Does something to what it is in each way.
    pub fn each(&mut self, mut to: impl FnMut(Way, &mut T)) {
        to(Way::Stands, &mut self.stands);
        let others = [&mut self.stands_apart, &mut self.small, &mut self.small_apart];
        let others = Way::ALL.into_iter().skip(1).zip(others);
        others.for_each(|(way, one)| one.iter_mut().for_each(|one| to(way, one)));
    }
}

impl Readings {
    /// Reads `text`. Linear in its length.
    pub fn of(text: &str) -> Readings {
        let read = |signs, case| {
            let mut folded = Folded::default();
            let differs = folded.add(text, signs, case);
            (folded, differs)
        };
        let (stands, has_cases) = read(Signs::Letters, Case::AsWritten);
        let other = |signs, case| Some(read(signs, case).0).filter(|other| *other != stands);
        let stands_apart = Folded::may_differ(text).then(|| other(Signs::Gaps, Case::AsWritten)).flatten();
        let small = has_cases.then(|| other(Signs::Letters, Case::Lower)).flatten();
        let both = stands_apart.is_some() && small.is_some();
        let small_apart = both.then(|| read(Signs::Gaps, Case::Lower).0);
        Readings { stands, stands_apart, small, small_apart }
    }

    /// Adds `text` behind what was read before, as further words.
    pub fn add(&mut self, text: &str) {
        let is_one = self.stands_apart.is_none() && self.small.is_none();
        if is_one && text.is_ascii() && !Folded::may_differ(text) {
            self.stands.add(text, Signs::Letters, Case::AsWritten);
        } else {
            self.append(&Readings::of(text));
        }
    }

    /// Adds what was read elsewhere behind what was read before, as further words.
    pub fn append(&mut self, other: &Readings) {
        self.split(other);
        self.each(|way, folded| folded.append(other.get(way)));
    }

    /// Forgets all words but the last ones, as [`Folded::keep_last`].
    pub fn keep_last(&mut self, bytes: usize) {
        self.each(|_, folded| folded.keep_last(bytes));
    }

    /// Whether `token` stands in one of the readings.
    pub fn hold(&self, token: &Folded) -> bool {
        self.iter().any(|reading| reading.holds(token))
    }
}

/// Every form in which a word that is looked for may stand in a reading: as each of its own, and in capitals as they stand,
/// for a word of another script may have been written with the capitals of a third.
pub fn spellings(word: &str) -> Vec<Folded> {
    let mut spellings: Vec<Folded> = Readings::of(word).iter().cloned().collect();
    if !word.is_ascii() {
        for signs in [Signs::Letters, Signs::Gaps] {
            let mut capitals = Folded::default();
            capitals.add(word, signs, Case::Upper);
            spellings.push(capitals);
        }
        let mut known = Vec::with_capacity(spellings.len());
        spellings.retain(|one| {
            !known.contains(one) && {
                known.push(one.clone());
                true
            }
        });
    }
    spellings
}

/// Texts in which a word of a list stands in another case, and its neighbours, in which another word stands.
#[cfg(test)]
pub(super) const CASES: [(&str, &str, bool); 44] = [
    ("Операция БУРАН началась", "Буран", true),
    ("операция буран началась", "БУРАН", true),
    ("операция бУрАн началась", "Буран", true),
    ("операция ТУМАН началась", "Буран", false),
    ("операция бурана", "Буран", false),
    // Latin letters among them, as they stand and in the other case.
    ("операция БУPAH", "Буран", true),
    ("операция Бypaн", "Буран", true),
    ("операция Бypaн", "БУРАН", true),
    ("operation ВURАN", "Buran", true),
    ("operation вuran", "BURAN", false),
    ("the HEBA group", "Нева", true),
    ("the NEVA group", "Нева", false),
    // Greek: a final sigma, accents, and a small letter that is no Latin one.
    ("ο ΩΚΕΑΝΟΣ είναι", "ωκεανός", true),
    ("ο ωκεανός είναι", "ΩΚΕΑΝΟΣ", true),
    ("οι ωκεανοσ είναι", "ΩΚΕΑΝΟΣ", true),
    ("ο ΠΟΤΑΜΟΣ είναι", "ωκεανός", false),
    ("η ΝΙΚΗ είναι", "νίκη", true),
    ("the NIKH group", "νίκη", true),
    ("ναι και όχι", "NAI", false),
    ("ΝΑΙ και όχι", "NAI", true),
    // Armenian: one small letter for two.
    ("ԵՐԵՒԱՆ քաղաքը", "Երևան", true),
    ("Երևան քաղաքը", "ԵՐԵՒԱՆ", true),
    ("Եղեգնաձոր քաղաքը", "Երևան", false),
    // German.
    ("die STRASSENWACHT", "Straßenwacht", true),
    ("die STRAẞENWACHT", "Straßenwacht", true),
    ("die Straßenwacht", "STRASSENWACHT", true),
    ("die Strassenwacht", "Straßenwacht", true),
    ("der MÜHLENBACH", "Mühlenbach", true),
    ("die STRATENWACHT", "Straßenwacht", false),
    // Turkish: with a dot and without.
    ("İSTANBUL'da", "istanbul", true),
    ("istanbul'da", "İSTANBUL", true),
    ("ISPARTA'da", "ısparta", true),
    ("İZMİR'de", "istanbul", false),
    // A ligature.
    ("the COPPER FINCH", "copper ﬁnch", true),
    ("the copper ﬁnch", "COPPER FINCH", true),
    // Georgian, Cherokee, Deseret, and letters of Latin that ASCII has not.
    ("ᲗᲑᲘᲚᲘᲡᲘ აქ", "თბილისი", true),
    ("ბათუმი აქ", "თბილისი", false),
    ("Ꮳꮃꭹ ꮣꮳ", "ᏣᎳᎩ", true),
    ("Ꮳꮃꭸ ꮣꮳ", "ᏣᎳᎩ", false),
    ("𐐔𐐯𐐅𐐨 𐐪", "𐐼𐐇𐐭𐐀", true),
    ("𐐔𐐯𐐅𐐨 𐐪", "𐐼𐐇𐐭𐐁", false),
    ("GÐAŃSK tu", "gðańsk", true),
    ("ΜΜΜ group", "mmm", true),
    ("μμμ group", "mmm", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(text: &str, word: &str) -> bool {
        let readings = Readings::of(text);
        spellings(word).iter().any(|spelling| readings.hold(spelling))
    }

    #[test]
    fn case_hides_no_word_in_any_script_and_makes_none() {
        for (text, word, is) in CASES {
            assert_eq!(stands(text, word), is, "{word} in {text}");
        }
    }

    #[test]
    fn text_is_read_once_where_the_ways_come_to_the_same() {
        for (text, ways) in [
            ("EXERCISE two vessels", 1),
            ("два судна", 1),
            ("Были два судна", 2),
            ("la$t", 2),
            ("Были два $удна", 4),
            ("\u{3316} \u{8239}", 1),
        ] {
            let readings = Readings::of(text);
            assert_eq!(readings.iter().count(), ways, "{text}");
        }
    }

    #[test]
    fn what_is_added_is_as_what_was_read_at_once() {
        let lines = ["two", "la$t", "Два Буран", "судна $eal", "x", "Ещё la$t", "end"];
        for from in 0..lines.len() {
            let lines = [&lines[from..], &lines[..from]].concat();
            let (mut added, mut appended) = (Readings::default(), Readings::default());
            for line in &lines {
                added.add(line);
                appended.append(&Readings::of(line));
            }
            let whole = Readings::of(&lines.join("\n"));
            for way in Way::ALL {
                assert_eq!(added.get(way), whole.get(way), "{way:?} {lines:?}");
                assert_eq!(appended.get(way), whole.get(way), "{way:?} {lines:?}");
            }
            added.keep_last(3);
            for way in Way::ALL {
                assert_eq!(added.get(way).words().last(), whole.get(way).words().last(), "{way:?} {lines:?}");
            }
        }
    }
}
