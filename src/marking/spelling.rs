//! How far two spellings are apart, for suggestions.

/// The edit distance (Levenshtein): how many letters to insert, delete or replace to turn one text into the other.
pub(super) fn edit_distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.bytes().enumerate() {
            let (above, before, corner) = (row.get(j + 1), next.last(), row.get(j));
            let steps = [above.map(|n| n + 1), before.map(|n| n + 1), corner.map(|n| n + usize::from(a != b))];
            next.push(steps.into_iter().flatten().min().unwrap_or_default());
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Whether two different texts are one edit apart: a letter inserted, deleted or replaced, or two neighbours transposed.
pub fn is_one_edit_apart(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let end = one[start..].iter().rev().zip(other[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    match (&one[start..one.len() - end], &other[start..other.len() - end]) {
        ([], [_]) | ([_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}
