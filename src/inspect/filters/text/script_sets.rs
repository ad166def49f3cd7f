//! Sets of scripts (UAX 24) that a letter or a word may belong to.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

use super::sequences::is_wide_ascii;

/// Returns whether two sets have a script in common.
pub(super) fn meets(one: AugmentedScriptSet, mut other: AugmentedScriptSet) -> bool {
    other.intersect_with(one);
    !other.is_empty()
}

/// Returns whether a set includes the Latin script.
pub(super) fn is_latin_script(script: AugmentedScriptSet) -> bool {
    meets(script, AugmentedScriptSet::for_char('a'))
}

/// Returns whether a script is one in which Latin words are written without spaces around them: Han, kana, Hangul.
pub(super) fn is_east_asian(script: AugmentedScriptSet) -> bool {
    !script.is_all() && (script.hanb || script.jpan || script.kore)
}

/// Returns whether a word consists of Latin and East Asian letters, none of which looks like a Latin one.
pub(super) fn is_east_asian_and_latin(word: &str) -> bool {
    let latin = |c: &char| is_latin_script(AugmentedScriptSet::for_char(*c));
    let other: String = word.chars().filter(|c| !latin(c)).collect();
    let like_latin = |c: char| skeleton(c.encode_utf8(&mut [0; 4])).all(|s| s.is_ascii());
    is_east_asian(AugmentedScriptSet::for_str(&other)) && !other.chars().any(like_latin)
}

/// Returns whether a set includes the Greek script.
pub(super) fn is_greek(script: AugmentedScriptSet) -> bool {
    meets(script, AugmentedScriptSet::for_char('\u{3b1}'))
}

/// Returns whether a word of Latin letters, or without letters, contains styled characters: full width, bold, circled.
pub(super) fn is_styled(word: &str) -> bool {
    let plain = || word.nfkc().all(|c| c.is_ascii_alphanumeric());
    // Full-width letters are legitimate in wide text, and checked one by one elsewhere.
    word.chars().any(|c| c > '\u{FF}' && !is_wide_ascii(c)) && plain() && !word.chars().all(char::is_numeric)
}
