//! Sets of scripts (UAX 24): which of them a letter or a word may be of.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

use super::sequences::is_wide_ascii;

pub(super) fn meets(one: AugmentedScriptSet, mut other: AugmentedScriptSet) -> bool {
    other.intersect_with(one);
    !other.is_empty()
}

pub(super) fn is_latin_script(script: AugmentedScriptSet) -> bool {
    meets(script, AugmentedScriptSet::for_char('a'))
}

/// Whether a script is one of those among whose letters Latin words stand without spaces: Chinese characters, kana,
/// Hangul.
pub(super) fn is_east_asian(script: AugmentedScriptSet) -> bool {
    !script.is_all() && (script.hanb || script.jpan || script.kore)
}

/// Whether a word is of Latin letters and those of East Asia, none of which is drawn like a Latin one.
pub(super) fn is_east_asian_and_latin(word: &str) -> bool {
    let latin = |c: &char| is_latin_script(AugmentedScriptSet::for_char(*c));
    let other: String = word.chars().filter(|c| !latin(c)).collect();
    let like_latin = |c: char| skeleton(c.encode_utf8(&mut [0; 4])).all(|s| s.is_ascii());
    is_east_asian(AugmentedScriptSet::for_str(&other)) && !other.chars().any(like_latin)
}

pub(super) fn is_greek(script: AugmentedScriptSet) -> bool {
    meets(script, AugmentedScriptSet::for_char('\u{3b1}'))
}

/// Whether a word of Latin letters, or of none, has another form than it reads as: full width, bold, in circles.
pub(super) fn is_styled(word: &str) -> bool {
    let plain = || word.nfkc().all(|c| c.is_ascii_alphanumeric());
    // Wide letters belong to a text of wide ones, and are refused one by one elsewhere.
    word.chars().any(|c| c > '\u{FF}' && !is_wide_ascii(c)) && plain() && !word.chars().all(char::is_numeric)
}
