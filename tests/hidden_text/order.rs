//! Words whose letters are drawn one by one, in an order that is none: along lines in every direction, waves, curves and in
//! columns, on pages that are turned.

use super::case::{Case, Show};
use super::draw::Rng;
use super::face::{Face, Trick};

/// The fonts all of whose letters move six tenths of their size.
const EVEN: [Face; 4] = [Face::Plain("Courier"), Face::Plain("Courier-Bold"), Face::Drawn, Face::Program];

/// Sets the letters of the words each where `place` says, a matrix by the number of each, in an order by chance.
fn shuffled(case: &mut Case, rng: &mut Rng, place: impl Fn(usize) -> [f64; 6]) {
    let mut order: Vec<usize> = (0..case.word.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, rng.below(i + 1));
    }
    let letters: Vec<char> = case.word.chars().collect();
    let show = |i: usize| {
        let [a, b, c, d, e, f] = place(i);
        [Show::Code(format!("{a:.4} {b:.4} {c:.4} {d:.4} {e:.2} {f:.2} Tm\n")), Show::Words(letters[i].to_string())]
    };
    case.shows = order.into_iter().flat_map(show).collect();
    case.reads = Some(case.word.clone());
}

/// Some of all cases, whatever else is done to their words: drawn out of order where they stand.
pub fn any(case: &mut Case, rng: &mut Rng) {
    let plain = matches!(case.shows.as_slice(), [Show::Words(words)] if *words == case.word);
    let still = case.matrix.is_none() && case.spacing.is_empty() && case.trick == Trick::None && !case.pictured;
    if plain && still && EVEN.contains(&case.face) && rng.chance(30) {
        let ((x, y), step) = (case.at, 0.6 * case.size);
        shuffled(case, rng, |i| [1.0, 0.0, 0.0, 1.0, x + step * i as f64, y]);
    }
}

/// A word in the middle of a page that is turned, short enough for every direction.
fn middle(case: &mut Case, rng: &mut Rng) {
    case.size = rng.between(9.0, 13.0);
    case.word.truncate(7);
    case.set(rng.one(&EVEN));
    if rng.chance(60) {
        case.entries = format!("/Rotate {}", rng.one(&[90, 180, 270, -90, 450]));
    }
}

pub fn line(case: &mut Case, rng: &mut Rng) {
    middle(case, rng);
    let degrees = if rng.chance(50) { rng.one(&[0.0, 15.0, 90.0, 180.0, 270.0]) } else { rng.between(0.0, 360.0) };
    let (sin, cos) = f64::to_radians(degrees).sin_cos();
    let wave = if rng.chance(50) { 0.0 } else { rng.between(0.05, 0.4) * case.size };
    let step = rng.between(0.62, 0.7) * case.size;
    let half = step * case.word.len() as f64 / 2.0;
    shuffled(case, rng, |i| {
        let (x, y) = (step * i as f64 - half, if i % 2 == 1 { wave } else { 0.0 });
        [cos, sin, -sin, cos, 100.0 + x * cos - y * sin, 72.0 + x * sin + y * cos]
    });
}

pub fn curve(case: &mut Case, rng: &mut Rng) {
    middle(case, rng);
    let turn = rng.one(&[-1.0, 1.0]) * rng.between(1.0, 9.0);
    let start = rng.between(0.0, 360.0);
    let step = 0.68 * case.size;
    let mut places = vec![(0.0, 0.0, start)];
    for _ in 1..case.word.len() {
        let (x, y, degrees) = places[places.len() - 1];
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        places.push((x + step * cos, y + step * sin, degrees + turn));
    }
    let count = places.len() as f64;
    let middle = places.iter().fold((0.0, 0.0), |sum, (x, y, _)| (sum.0 + x / count, sum.1 + y / count));
    shuffled(case, rng, |i| {
        let (x, y, degrees) = places[i];
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        [cos, sin, -sin, cos, 100.0 + x - middle.0, 72.0 + y - middle.1]
    });
}

pub fn column(case: &mut Case, rng: &mut Rng) {
    middle(case, rng);
    case.word.truncate(6);
    let (x, step) = (rng.between(30.0, 160.0), rng.between(1.0, 1.4) * case.size);
    let top = 72.0 + step * (case.word.len() as f64 - 1.0) / 2.0;
    shuffled(case, rng, |i| [1.0, 0.0, 0.0, 1.0, x, top - step * i as f64]);
}
