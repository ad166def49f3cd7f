//! Whether Poppler shows the words of a case, told from three pictures: the page, the page without them, and they alone.

use super::case::{Case, HUES};
use super::poppler::{PIXELS, Picture};

/// What Poppler shows of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Every letter stands out from what is around it by ink of its own.
    Shown,
    /// Of a quarter of the letters, or more, nothing can be made out.
    Hidden,
    /// Neither: a part of the letters, or pale, or small.
    Unclear,
}

/// One letter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Letter {
    /// How much of its ink is upon the page, and not beneath the letters after it.
    pub present: f64,
    /// How much of that changes the page.
    pub own: f64,
    /// How far it differs from what is around it, between 0 and 1.
    pub contrast: f64,
    /// How well that can be told from what is around it: 1 where every pixel can, and a half by chance.
    pub clear: f64,
    /// How large it is, in pixels of ink.
    pub ink: f64,
}

impl Letter {
    fn is_shown(&self) -> bool {
        self.present >= 0.7 && self.own >= 0.7 && self.contrast >= 0.25 && self.clear >= 0.8
    }

    fn is_hidden(&self) -> bool {
        self.present < 0.25 || self.own < 0.25 || self.contrast < 0.06 || self.clear < 0.6 || self.ink < 2.5
    }
}

/// The letters of a case, and what they come to. `inked` says how much of the square of its size each letter inks.
pub fn judge(case: &Case, inked: &dyn Fn(u8) -> f64, [with, without, ink]: [&Picture; 3]) -> (Sight, Vec<Letter>) {
    let letters = case.letters();
    let scale = case.scale() * PIXELS * PIXELS;
    let mut marks: Vec<Vec<(usize, f64)>> = vec![Vec::new(); letters.len()];
    let mut taken = vec![0.0f64; ink.width * ink.height];
    for (i, pixel) in ink.pixels.chunks_exact(3).enumerate() {
        if pixel == [255, 255, 255] {
            continue;
        }
        let missing = ink.at(i).map(|part| 1.0 - part);
        let most = missing.iter().copied().fold(0.0, f64::max);
        taken[i] = most;
        if most < 0.1 {
            continue;
        }
        let away = |hue: &[f64; 3]| -> f64 { (0..3).map(|n| (hue[n] - missing[n] / most).powi(2)).sum() };
        let hue = (0..letters.len()).min_by(|a, b| away(&HUES[*a]).total_cmp(&away(&HUES[*b])));
        if let Some(hue) = hue {
            marks[hue].push((i, most));
        }
    }
    let same = with.pixels.len() == ink.pixels.len() && without.pixels.len() == ink.pixels.len();
    // How much ink lines come to depends on their thickness; where there are any they are held to be all there.
    let expected = |k: usize| if case.lined.is_some() { 0.0 } else { inked(letters[k]) * scale };
    let judged: Vec<Letter> = (0..letters.len())
        .map(|k| if same { letter(&marks[k], expected(k), with, without, &taken) } else { Letter::default() })
        .collect();
    let hidden = judged.iter().filter(|letter| letter.is_hidden()).count();
    // Six points are the least that is held to be read; what is smaller may be refused.
    let large = case.scale().sqrt() > 5.7 || case.pictured;
    let sight = if 4 * hidden >= letters.len() {
        Sight::Hidden
    } else if large && judged.iter().all(Letter::is_shown) {
        Sight::Shown
    } else {
        Sight::Unclear
    };
    (sight, judged)
}

fn far(one: [f64; 3], other: [f64; 3]) -> f64 {
    (0..3).map(|n| (one[n] - other[n]).abs()).fold(0.0, f64::max)
}

fn mean(picture: &Picture, pixels: &[usize]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for i in pixels {
        let at = picture.at(*i);
        (0..3).for_each(|n| sum[n] += at[n]);
    }
    sum.map(|n| n / pixels.len().max(1) as f64)
}

fn letter(marks: &[(usize, f64)], expected: f64, with: &Picture, without: &Picture, taken: &[f64]) -> Letter {
    let sum: f64 = marks.iter().map(|(_, a)| a).sum();
    let most = marks.iter().map(|(_, a)| *a).fold(0.0, f64::max);
    let core: Vec<usize> = marks.iter().filter(|(_, a)| *a >= 0.6 * most).map(|(i, _)| *i).collect();
    if core.is_empty() {
        return Letter::default();
    }
    let own = core.iter().filter(|i| far(with.at(**i), without.at(**i)) >= 0.05).count() as f64 / core.len() as f64;
    // What is around the letter: the rectangle of its ink and two pixels more, without the ink of any letter.
    let (width, height) = (with.width, with.height);
    let (xs, ys) = (core.iter().map(|i| i % width), core.iter().map(|i| i / width));
    let x = [xs.clone().min().unwrap_or(0).saturating_sub(2), (xs.max().unwrap_or(0) + 2).min(width - 1)];
    let y = [ys.clone().min().unwrap_or(0).saturating_sub(2), (ys.max().unwrap_or(0) + 2).min(height - 1)];
    let paper: Vec<usize> = (y[0]..=y[1])
        .flat_map(|row| (x[0]..=x[1]).map(move |column| row * width + column))
        .filter(|i| taken[*i] < 0.1)
        .collect();
    if paper.is_empty() {
        return Letter { present: sum / expected.max(0.1), own, ink: sum, ..Letter::default() };
    }
    let (inside, outside) = (mean(with, &core), mean(with, &paper));
    let contrast = far(inside, outside);
    let stands = |i: &&usize| far(with.at(**i), outside) >= 0.5 * contrast;
    let of = |all: &[usize]| all.iter().filter(stands).count() as f64 / all.len() as f64;
    let clear = 0.5 * (of(&core) + 1.0 - of(&paper));
    Letter { present: sum / expected.max(0.1), own, contrast, clear, ink: sum }
}
