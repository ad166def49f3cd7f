//! Characters that a reader does not see, or that change what a reader sees of the others: one list, for everything that is
//! taken in and everything that is shown.
//!
//! It refuses to judge by fonts: a character is on the list if Unicode says that it may be ignored when it is displayed
//! (`Default_Ignorable_Code_Point`), that it turns the direction of text (`Bidi_Control`) or that it controls or ends a
//! line, and so are the marks of annotations and of what stands for an object. `tests/inspect/unseen.rs` holds it against Unicode's
//! own tables.

/// What a character of the list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// Controls a device: C0 and C1, the line end and the tab included.
    Control,
    /// Ends a line or a paragraph for some readers and not for others.
    Separator,
    /// Turns the direction in which others are shown.
    Direction,
    /// A tag: an invisible letter, digit or sign of ASCII.
    Tag,
    /// Prints nothing, or stands for nothing that is there.
    Invisible,
}

impl Unseen {
    /// What `c` does that a reader does not see; `None` for a character that is seen, and for the spaces.
    pub fn of(c: char) -> Option<Unseen> {
        Some(match c {
            ' '..='~' => return None,
            c if c.is_control() => Unseen::Control,
            '\u{2028}' | '\u{2029}' => Unseen::Separator,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                Unseen::Direction
            }
            '\u{E0000}'..='\u{E007F}' => Unseen::Tag,
            '\u{00AD}'
            | '\u{034F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200D}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFC}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0080}'..='\u{E0FFF}' => Unseen::Invisible,
            _ => return None,
        })
    }
}

/// Whether a reader does not see `c`, or sees others differently because of it.
pub fn is_unseen(c: char) -> bool {
    Unseen::of(c).is_some()
}

/// Whether `c` prints nothing and parts no words: two letters with it between them are read as one word.
pub fn joins(c: char) -> bool {
    matches!(Unseen::of(c), Some(Unseen::Direction | Unseen::Tag | Unseen::Invisible))
}

/// Whether `text` is one line of at most `max` characters that is shown as it was typed, and not blank.
pub fn is_plain(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(is_unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_is_short_not_blank_and_seen_whole() {
        for text in ["EXERCISE", "d\u{e9}j\u{e0} vu", "\u{65e5}\u{672c}", "a b", &"x".repeat(40)] {
            assert!(is_plain(text, 40), "{text:?}");
        }
        for text in ["", "  ", "a\nb", "a\tb", "a\u{ad}b", "a\u{2028}b", "a\u{fffa}b", "a\u{e0041}b", &"x".repeat(41)] {
            assert!(!is_plain(text, 40), "{text:?}");
        }
        assert!(joins('\u{200b}') && joins('\u{180e}') && !joins('\u{2029}') && !joins('\n') && !joins(' '));
    }
}
