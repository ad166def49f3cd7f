//! Banners and portion marks in a product's text: found, parsed by the marking engine, and their faults reported at their
//! places in the text.

use super::lines::Line;
use crate::marking::{Diagnostic, Marking, Profile, Rejected, RuleCode, Rules, Severity};
use crate::product::fault::{Code, FaultCode, Faults, ProductFault};

/// What to do about CUI in a mark, or under a banner, of the intelligence community.
const NO_CUI: &str = "CUI does not stand beside other markings, in a mark or under a banner (ISM-ID-00478): where nothing but CUI \
                      and plain `(U)` stands in the tearline, begin its banner with CUI instead of a level; where not, put \
                      the CUI into a tearline or a product of its own, or leave it out";
/// What to do about a mark of the intelligence community under a banner of CUI.
const NO_OTHER_THAN_CUI: &str = "a banner that begins with CUI has nothing beneath it but CUI and plain `(U)`: mark it so if that \
                                 is what it is, put it into a tearline or a product of its own, or leave it out";
/// What to do about a marking of a profile that no product has.
const NO_OTHER_PROFILE: &str = "products are marked as the intelligence community marks, or as CUI: leave it out, or have its \
                                originator mark it so";

/// What the producer should do about a fault of a mark, where the marking engine's own hint is for a mark by itself.
/// `text` is the mark.
pub(in crate::product) fn remedy(diagnostic: &Diagnostic, text: &str) -> Option<&'static str> {
    let at_fault = text.get(diagnostic.span.clone());
    match diagnostic.code {
        RuleCode::Profile if matches!(at_fault, Some("CUI" | "CONTROLLED")) => Some(NO_CUI),
        RuleCode::Profile => Some(NO_OTHER_PROFILE),
        _ => None,
    }
}

/// Parses the whole of `line` as a banner.
pub(in crate::product) fn banner(line: Line<'_>, rules: &Rules<'_>, faults: &mut Faults) -> Option<Marking> {
    match rules.parse_banner(line.text) {
        Ok(marking) => Some(marking),
        Err(rejected) => {
            report(&rejected, line, line.text, None, faults);
            None
        }
    }
}

/// Whether `text` would be a banner, of whatever form and profile.
pub(in crate::product) fn is_banner(text: &str, rules: &Rules<'_>) -> bool {
    // Every line of every paragraph is asked, so those that cannot be one are told apart first.
    const BEGINNINGS: [&str; 7] = ["TOP SECRET", "SECRET", "CONFIDENTIAL", "UNCLASSIFIED", "//", "CUI", "CONTROLLED"];
    let text = text.trim_matches(' ');
    BEGINNINGS.iter().any(|b| text.starts_with(b)) && rules.in_profile_of(text).parse_banner(text).is_ok()
}

/// Splits `text`, a part of `line`, into its portion mark and what the mark stands before. Reports a mark that is
/// missing or does not end.
pub(in crate::product) fn split<'t>(
    line: Line<'_>,
    text: &'t str,
    what: &str,
    faults: &mut Faults,
) -> Option<(&'t str, &'t str)> {
    let at = line.column_of(text);
    if !text.starts_with('(') {
        faults.at(
            FaultCode::Unmarked,
            line.number,
            at..at + text.len(),
            format!("{what} without a portion mark"),
            "begin it with its own mark, such as `(U)` or `(S//REL TO USA, FVEY)`",
        );
        return None;
    }
    let Some(close) = text.find(')') else {
        faults.at(
            FaultCode::Unmarked,
            line.number,
            at..at + text.len(),
            "a portion mark that does not end on its line",
            "close it with `)` on the line where it began",
        );
        return None;
    };
    Some((&text[..=close], &text[close + 1..]))
}

/// Parses `mark`, a part of `line`, as a portion mark that may inherit from `banner`. Where the banner itself is at
/// fault, a portion that only lacks it is not reported as well.
pub(in crate::product) fn portion(
    line: Line<'_>,
    mark: &str,
    banner: Option<&Marking>,
    rules: &Rules<'_>,
    faults: &mut Faults,
) -> Option<Marking> {
    match rules.parse_portion(mark, banner) {
        Ok(marking) => Some(marking),
        Err(rejected) => {
            let only_context = banner.is_none()
                && rejected
                    .diagnostics
                    .iter()
                    .all(|d| d.severity == Severity::Warning || d.code.as_str() == "E-CONTEXT");
            if !only_context {
                // A mark that would be one under another banner is told what stands under this.
                let strange = rules.profile() == Profile::Cui && Profile::of(mark) == Profile::Ic;
                report(&rejected, line, mark, strange.then_some(NO_OTHER_THAN_CUI), faults);
            }
            None
        }
    }
}

fn report(rejected: &Rejected, line: Line<'_>, text: &str, strange: Option<&str>, faults: &mut Faults) {
    let base = line.column_of(text);
    for diagnostic in rejected.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        let end = diagnostic.span.end.min(text.len());
        faults.add(ProductFault {
            code: Code::Marking(diagnostic.code.to_string()),
            line: line.number,
            columns: base + diagnostic.span.start.min(end)..base + end,
            message: diagnostic.message.clone(),
            hint: strange.or(remedy(diagnostic, text)).map_or_else(|| diagnostic.hint.clone(), str::to_owned),
            rule: diagnostic.rule,
            fix: diagnostic.fix.as_ref().map(|fix| fix.replacement.clone()),
            pointer: None,
        });
    }
}

/// Reports portion marks that stand inside `text`, a part of `line`, where text of another marking would begin.
/// `line_start` says that `text` begins a line, where a bare `(S)` cannot be anything else.
pub(in crate::product) fn no_marks_inside(line: Line<'_>, text: &str, line_start: bool, faults: &mut Faults) {
    let mut from = 0;
    while let Some(open) = text[from..].find('(').map(|i| from + i) {
        from = open + 1;
        // No mark holds a parenthesis, so looking no further than the next one keeps this linear.
        let Some(length) = text[from..].find(['(', ')']).map(|i| i + 1) else { return };
        if text.as_bytes()[open + length] != b')' {
            continue;
        }
        let first = line_start && text[..open].trim_matches(' ').is_empty();
        if is_mark_like(&text[open + 1..open + length], first) {
            let at = line.column_of(text) + open;
            faults.at(
                FaultCode::MarkInside,
                line.number,
                at..at + length + 1,
                "a portion mark inside the text of another portion",
                "put a blank line before it, or write it without parentheses",
            );
        }
    }
}

fn is_mark_like(inner: &str, bare_counts: bool) -> bool {
    const CLASSES: [&str; 15] = [
        "U",
        "R",
        "C",
        "S",
        "TS",
        "CTS",
        "NS",
        "NC",
        "NR",
        "NU",
        "TOP SECRET",
        "SECRET",
        "CONFIDENTIAL",
        "UNCLASSIFIED",
        "CUI",
    ];
    let inner = inner.trim_matches(' ');
    match inner.split_once("//") {
        Some((class, _)) => {
            class.is_empty() || CLASSES.contains(&class.trim_matches(' ').to_ascii_uppercase().as_str())
        }
        None => bare_counts && CLASSES.contains(&inner),
    }
}
