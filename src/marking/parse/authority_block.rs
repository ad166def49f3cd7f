//! Classification authority blocks, which accompany the marks on a document's first page (32 CFR 2001.21 to 2001.26).

/// The beginnings of the lines of such a block, in current and older forms.
const OPENINGS: [&str; 17] = [
    "CLASSIFIED BY",
    "DERIVED FROM",
    "DERIVATIVE",
    "DECLASSIFY ON",
    "DECLASSIFY:",
    "DECL ON",
    "DECL:",
    "DECLAS:",
    "DOWNGRADE TO",
    "REASON:",
    "CL BY",
    "DRV FROM",
    "DRV:",
    "REASONS:",
    "DRV FM",
    "CONTROLLED BY:",
    "POC:",
];

/// Phrases that identify such a line wherever they occur in it.
const PHRASES: [&str; 7] = [
    "DECLASSIFICATION SCHEDULE",
    "AUTOMATICALLY DECLASSIFIED",
    "CLASSIFICATION AUTHORITY",
    "MULTIPLE SOURCES",
    "CLASSIFIED BY:",
    "DERIVED FROM:",
    "DECLASSIFY ON:",
];

/// Whether a text is an authority block, or a line of one.
pub(in crate::marking) fn is_authority_block(text: &str) -> bool {
    // Marks hold neither colons nor line ends, and no mark begins with one of these words.
    let upper = text.to_uppercase();
    let opens = upper.lines().any(|line| OPENINGS.iter().any(|opening| line.trim_start().starts_with(opening)));
    opens || PHRASES.iter().any(|phrase| upper.contains(phrase))
}
