//! Letters of a line that differ in colour or size from those between them, and are read separately.

use std::collections::BTreeMap;

use super::run::Run;

/// Maximum characters between letters of another colour, and minimum number of colour changes.
const SHORT: u32 = 3;
const CHANGES: usize = 6;
/// The factor by which initials are larger than the letters after them, and the minimum number of initials.
const LARGER: f64 = 1.4;
const INITIALS: usize = 4;

/// Returns the sequences of runs, by index, that are read separately.
pub(super) fn apart(runs: &[Run], line: &[u32]) -> Vec<Vec<u32>> {
    let run = |i: &u32| runs.get(*i as usize);
    let mut out = Vec::new();
    for stretch in line.chunk_by(|a, b| [a, b].into_iter().filter_map(run).all(|run| run.chars <= SHORT)) {
        let changes = stretch.windows(2).filter(|pair| {
            let shade = |i: Option<&u32>| i.and_then(run).map(|run| run.shade);
            shade(pair.first()) != shade(pair.last())
        });
        if changes.count() >= CHANGES {
            let mut shades: BTreeMap<[u8; 3], Vec<u32>> = BTreeMap::new();
            for i in stretch {
                shades.entry(run(i).map_or([0; 3], |run| run.shade)).or_default().push(*i);
            }
            out.extend(shades.into_values().filter(|own| own.len() > 1));
        }
    }
    let initial = |pair: &[u32]| {
        let (first, next) = (pair.first()?, pair.last()?);
        let (large, small) = (run(first)?, run(next)?);
        (large.chars == 1 && large.height >= LARGER * small.height).then_some(*first)
    };
    let mut initials: Vec<u32> = line.windows(2).filter_map(initial).collect();
    // The last word may be a single initial.
    if let (Some(last), Some(first)) = (line.last(), initials.first())
        && let (Some(alone), Some(like)) = (run(last), run(first))
        && alone.chars == 1
        && alone.height * LARGER >= like.height
    {
        initials.push(*last);
    }
    if initials.len() >= INITIALS {
        out.push(initials);
    }
    out
}
