//! Invisible characters: those that a reader does not see, or that change how others are shown. One list is used for
//! all input and all output.
//!
//! A character is on the list if Unicode gives it the property `Default_Ignorable_Code_Point` or `Bidi_Control`, if it
//! controls a device or ends a line, or if it marks an annotation or stands for an object. Fonts do not matter.
//! `tests/inspect/invisible.rs` compares the list with Unicode's own tables.

/// What an invisible character does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invisible {
    /// Controls a device: C0 and C1, with line feed and tab.
    Control,
    /// Ends a line or paragraph in some programs and not in others.
    Separator,
    /// Changes the direction of text.
    Direction,
    /// A tag: an invisible letter, digit or sign of ASCII.
    Tag,
    /// Prints nothing.
    Ignorable,
}

impl Invisible {
    /// Returns the kind of `c`; `None` for visible characters and spaces.
    pub fn of(c: char) -> Option<Invisible> {
        Some(match c {
            ' '..='~' => return None,
            c if c.is_control() => Invisible::Control,
            '\u{2028}' | '\u{2029}' => Invisible::Separator,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                Invisible::Direction
            }
            '\u{E0000}'..='\u{E007F}' => Invisible::Tag,
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
            | '\u{E0080}'..='\u{E0FFF}' => Invisible::Ignorable,
            _ => return None,
        })
    }
}

/// Returns whether `c` is invisible.
pub fn is_invisible(c: char) -> bool {
    Invisible::of(c).is_some()
}

/// Returns whether `c` prints nothing and does not separate words: the letters on both sides of it read as one word.
pub fn joins(c: char) -> bool {
    matches!(Invisible::of(c), Some(Invisible::Direction | Invisible::Tag | Invisible::Ignorable))
}

/// Returns whether `text` is one line of 1 to `max` characters, all visible and not only spaces.
pub fn is_plain(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(is_invisible)
}

/// Returns the first `max` visible characters of `text`, for quoting it in an error.
pub fn visible(text: &str, max: usize) -> String {
    text.chars().filter(|c| !is_invisible(*c)).take(max).collect()
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
