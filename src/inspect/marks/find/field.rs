//! Names of fields with a classification after or below them.

use super::super::vocabulary::Term;
use super::super::words::slashes;
use super::{Finder, Hit, MarkKind};

/// The longest dot leader between a name and its value, in bytes.
const LEADER_BYTES_MAX: usize = 80;

/// The name of a field.
#[derive(Clone, Copy)]
struct Name {
    /// Its first word.
    from: usize,
    /// The index after its last word.
    to: usize,
    /// Whether it is always about marks.
    certain: bool,
    /// Whether it is about recipients.
    of_release: bool,
}

impl Finder<'_> {
    /// `Classification: secret`, or a name with its value on the next line.
    pub(super) fn field(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let name = self.name(i)?;
        let said =
            name.certain && words.is(name.to, "IS") && words.gap(name.to) == " " && words.gap(name.to + 1) == " ";
        let at = if said { name.to + 1 } else { name.to };
        let (gap, level) = (words.gap(at), self.level_words(at));
        let to = level.unwrap_or(at + 1);
        let end = self.run(to).max(self.listed(to));
        let below = gap == "\n" && self.is_line(name.from, name.to) && self.is_line(at, end);
        let valued = self.is_value(at, to, end, name, said);
        ((said || is_assigned(gap, name.certain) || below) && valued)
            .then(|| self.hit(MarkKind::Classification, at, end.max(at + 1)))
    }

    /// Returns the name that begins with word `i`, including a following `level`, `code` or `value`.
    fn name(&self, i: usize) -> Option<Name> {
        let words = self.words;
        let before = |names: &[&str]| {
            i.checked_sub(1).is_some_and(|n| words.gap(i).len() == 1 && names.iter().any(|name| words.is(n, name)))
        };
        let qualified = before(&["SEC", "SECURITY", "SECRECY", "PORTION"]);
        let certain = match words.term(i)? {
            Term::Label => true,
            Term::Heading if words.is(i, "MARK") && !before(&["PORTION"]) => return None,
            Term::Heading => qualified,
            _ => return None,
        };
        let mut to = i + 1;
        while to < i + 3
            && matches!(words.gap(to), " " | "_" | "-" | "\n")
            && ["CODE", "LEVEL", "VALUE"].iter().any(|part| words.is(to, part))
        {
            to += 1;
        }
        let of_release = ["RELEASABILITY", "RELEASABLETO"].iter().any(|name| words.is(i, name));
        Some(Name { from: i - usize::from(qualified), to, certain, of_release })
    }

    /// Returns whether the words `at..to`, with controls up to `end`, are a value of the field.
    fn is_value(&self, at: usize, to: usize, end: usize, name: Name, said: bool) -> bool {
        let words = self.words;
        let capitals = (at..to).all(|n| words.is_capitals(n));
        let (before, behind) = (words.gap(at), words.gap(end));
        let quoted = before.ends_with(['"', '\'']) && behind.starts_with(['"', '\'']);
        let ends = quoted || end > to || self.ends(to) || slashes(words.gap(to)) > 0;
        match words.term(at) {
            Some(Term::Level | Term::Top) if to > at && self.level_words(at).is_some() => {
                capitals || name.certain && !said || words.begins_capital(at) && ends
            }
            Some(Term::Weak) => name.certain && capitals,
            Some(Term::Letters) => (name.certain && !said || capitals) && ends,
            Some(Term::Letter) => name.certain && !said && ends,
            Some(Term::Run) => capitals && ends,
            Some(Term::Code) => name.of_release && capitals,
            _ => false,
        }
    }
}

/// Returns whether a gap assigns the next word to a name. After a certain name, spaces or a dot leader suffice.
fn is_assigned(gap: &str, certain: bool) -> bool {
    let bytes = gap.as_bytes();
    let sign = bytes.iter().any(|b| b":=|\t".contains(b)) || gap.contains("->");
    let signed = bytes.len() <= 8 && sign && !gap.contains("\n\n");
    let led = (3..=LEADER_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(|b| b" .".contains(b));
    signed || certain && led
}
