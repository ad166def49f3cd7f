//! Runs cases in batches: each page as a file of its own through the rebuild, and all of them together through Poppler.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use portcullis::rebuild::{Fault, Kind, Limits, PdfFonts, Rebuilt, Task, work};
use serde_json::{Value, json};

use super::case::{Case, Show, Variant};
use super::draw::{Rng, file};
use super::face::{Face, LETTERS, PLAIN, ink};
use super::judge::{Sight, judge};
use super::means::MEANS;
use super::poppler::{Pages, words};
use super::seen::WAYS;

/// Pages of a file that Poppler gets.
const BATCH: u64 = 200;
/// Files of faults that are kept.
const KEPT_MAX: usize = 200;

/// What is run.
pub struct Plan {
    pub seed: u64,
    /// Cases of each of the two: hidden, and to be seen.
    pub cases: u64,
    pub threads: usize,
    /// Where what went wrong is kept.
    pub keep: PathBuf,
}

/// What came of the cases of one means or one way.
#[derive(Clone, Debug, Default)]
pub struct Count {
    pub tried: u64,
    pub hidden: u64,
    pub shown: u64,
    pub unclear: u64,
    /// Hidden, and accepted.
    pub hidden_accepted: u64,
    /// Shown, and refused.
    pub shown_refused: u64,
    /// Neither, and accepted.
    pub unclear_accepted: u64,
}

/// What came of all.
#[derive(Default)]
pub struct Tally {
    pub hides: BTreeMap<&'static str, Count>,
    pub shows: BTreeMap<&'static str, Count>,
    /// Shown and refused, by the reason that was given.
    pub reasons: BTreeMap<String, u64>,
    /// Hidden and refused, by code.
    pub codes: BTreeMap<&'static str, u64>,
    /// Hidden words that Poppler would copy.
    pub copied: u64,
    /// Accepted, and the words are not in the text; or the parsers did not end as they must.
    pub unread: Vec<String>,
    pub faults: Vec<String>,
}

impl Tally {
    fn all(&self) -> impl Iterator<Item = &Count> {
        self.hides.values().chain(self.shows.values())
    }

    fn sum(&self, of: impl Fn(&Count) -> u64) -> u64 {
        self.all().map(of).sum()
    }

    /// Words that are shown and refused, of all that are shown.
    pub fn refused_share(&self) -> f64 {
        self.sum(|c| c.shown_refused) as f64 / self.sum(|c| c.shown).max(1) as f64
    }

    /// The means by which fewer than one of a hundred hidden words were hidden.
    pub fn untried(&self) -> Vec<&'static str> {
        let hidden: u64 = self.hides.values().map(|c| c.hidden).sum();
        let few = |name: &&str| self.hides.get(*name).is_none_or(|c| c.hidden * 100 < hidden || c.hidden == 0);
        MEANS.iter().map(|(name, _)| *name).filter(few).collect()
    }

    /// Whether all that is asked for held.
    pub fn held(&self) -> bool {
        self.faults.is_empty() && self.unread.is_empty() && self.refused_share() <= 0.02 && self.untried().is_empty()
    }

    /// The figures.
    pub fn report(&self) -> Value {
        let counts = |all: &BTreeMap<&'static str, Count>| -> Value {
            let each = all.iter().map(|(name, c)| {
                let value = json!({
                    "tried": c.tried, "hidden": c.hidden, "shown": c.shown, "unclear": c.unclear,
                    "hidden_accepted": c.hidden_accepted, "shown_refused": c.shown_refused,
                    "unclear_accepted": c.unclear_accepted,
                });
                ((*name).to_owned(), value)
            });
            Value::Object(each.collect())
        };
        json!({
            "hidden": self.sum(|c| c.hidden),
            "hidden_accepted": self.sum(|c| c.hidden_accepted),
            "hidden_that_poppler_copies": self.copied,
            "shown": self.sum(|c| c.shown),
            "shown_refused": self.sum(|c| c.shown_refused),
            "shown_refused_share": self.refused_share(),
            "shown_refused_by_reason": self.reasons,
            "hidden_refused_by_code": self.codes,
            "unclear": self.sum(|c| c.unclear),
            "accepted_and_not_read": self.unread,
            "faults": self.faults,
            "means_untried": self.untried(),
            "means": counts(&self.hides),
            "ways": counts(&self.shows),
            "held": self.held(),
        })
    }
}

/// The case of a number: hidden where it is even.
pub fn case(seed: u64, number: u64) -> Case {
    let mut rng = Rng::of(seed, number);
    let hides = number.is_multiple_of(2);
    let list = if hides { MEANS } else { WAYS };
    let (name, means) = list[(number / 2) as usize % list.len()];
    let mut case = Case::plain(&mut rng, name, hides);
    means(&mut case, &mut rng);
    // One page in four is turned, upside down or a little. What is cut must be cut upright.
    super::order::any(&mut case, &mut rng);
    let cut = case.form.is_some() || case.clip.contains("W") || case.after.contains("/Rule Do");
    if rng.chance(25) && case.entries.is_empty() && case.links.is_empty() && case.above.is_empty() {
        let angle = if cut || rng.chance(30) { std::f64::consts::PI } else { rng.between(-0.07, 0.07) };
        let (s, c) = angle.sin_cos();
        case.turn = Some([c, s, -s, c, 100.0 - 100.0 * c + 75.0 * s, 75.0 - 100.0 * s - 75.0 * c]);
    }
    case
}

/// How much of the square of its size each letter of the fonts that every reader has inks, as Poppler draws it.
pub struct Inks(BTreeMap<(&'static str, u8), f64>);

impl Inks {
    pub fn measured(folder: &Path) -> Inks {
        let mut pages = Vec::new();
        let mut names = Vec::new();
        for face in PLAIN {
            for letter in LETTERS {
                let mut case = Case::plain(&mut Rng::of(0, 0), "measured", false);
                (case.face, case.size, case.at) = (Face::Plain(face), 48.0, (40.0, 50.0));
                case.shows = vec![Show::Words(char::from(*letter).to_string())];
                pages.push(case.page(Variant::Ink));
                names.push((face, *letter));
            }
        }
        let path = folder.join("inks.pdf");
        std::fs::write(&path, file(&pages)).expect("a file of letters is written");
        let mut drawn = Pages::of(&path);
        let pixels = 48.0 * super::poppler::PIXELS;
        let inks = names.into_iter().map(|name| {
            let picture = drawn.next();
            let taken = |pixel: &[u8]| 1.0 - f64::from(pixel.iter().copied().min().unwrap_or(255)) / 255.0;
            let ink: f64 = picture.pixels.chunks_exact(3).filter(|p| *p != [255, 255, 255]).map(taken).sum();
            (name, ink / (pixels * pixels))
        });
        Inks(inks.collect())
    }

    fn of(&self, face: Face, letter: u8) -> f64 {
        match face {
            Face::Plain(name) => self.0.get(&(name, letter)).copied().unwrap_or(0.1),
            Face::Drawn | Face::Program => ink(letter),
        }
    }
}

/// How the gateway is set for these files: embedded fonts are read, so that they are tried as well.
pub fn limits() -> Limits {
    Limits { pdf_fonts: PdfFonts::Mapped, ..Limits::default() }
}

/// Runs all, and says how far it is. Stops early where `stop` is set.
pub fn run(plan: &Plan, stop: &AtomicBool, said: &(dyn Fn(u64, &Tally) + Sync)) -> Tally {
    let folder = tempfile::tempdir().expect("a folder for files of pages");
    let inks = Inks::measured(folder.path());
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let all = 2 * plan.cases;
    std::thread::scope(|scope| {
        for thread in 0..plan.threads {
            let own = folder.path().join(thread.to_string());
            let (next, tally, inks) = (&next, &tally, &inks);
            scope.spawn(move || {
                std::fs::create_dir_all(&own).expect("a folder for files of pages");
                while !stop.load(Ordering::Relaxed) {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= all {
                        break;
                    }
                    let last = (first + BATCH).min(all);
                    batch(plan, inks, &own, first..last, tally);
                    said(last, &tally.lock().unwrap_or_else(|e| e.into_inner()));
                }
            });
        }
    });
    tally.into_inner().unwrap_or_else(|e| e.into_inner())
}

fn batch(plan: &Plan, inks: &Inks, folder: &Path, numbers: std::ops::Range<u64>, tally: &Mutex<Tally>) {
    let cases: Vec<(u64, Case)> = numbers.map(|n| (n, case(plan.seed, n))).collect();
    let mut drawn = [Variant::With, Variant::Without, Variant::Ink].map(|variant| {
        let path = folder.join(format!("{variant:?}.pdf"));
        let pages: Vec<_> = cases.iter().map(|(_, case)| case.page(variant)).collect();
        std::fs::write(&path, file(&pages)).expect("a file of pages is written");
        Pages::of(&path)
    });
    let copied = words(&folder.join("With.pdf"));
    let limits = limits();
    for (i, (number, case)) in cases.iter().enumerate() {
        let bytes = file(&[case.page(Variant::With)]);
        let answer = catch_unwind(AssertUnwindSafe(|| work(Task::Rebuild, Kind::Pdf, &bytes, &limits)));
        let pictures = drawn.each_mut().map(Pages::next);
        let (sight, _) = judge(case, &|letter| inks.of(case.face, letter), pictures.each_ref());
        let said: String = copied.get(i).into_iter().flatten().map(|word| word.text.as_str()).collect();
        let outcome = Outcome { number: *number, case, sight, copied: said.contains(&own_words(case)) };
        let name = outcome.count(answer, &mut tally.lock().unwrap_or_else(|e| e.into_inner()));
        if let Some(name) = name {
            let _ = std::fs::create_dir_all(&plan.keep);
            let _ = std::fs::write(plan.keep.join(format!("{name}.pdf")), &bytes);
            for (picture, what) in pictures.iter().zip(["with", "without", "ink"]) {
                let _ = picture.save(&plan.keep.join(format!("{name}-{what}.png")));
            }
        }
    }
}

/// The words without their blanks, as they are read.
fn own_words(case: &Case) -> String {
    if let Some(reads) = &case.reads {
        return reads.clone();
    }
    case.letters().into_iter().map(char::from).collect()
}

struct Outcome<'a> {
    number: u64,
    case: &'a Case,
    sight: Sight,
    copied: bool,
}

impl Outcome<'_> {
    /// Counts it, and answers the name under which it is kept where it is a fault.
    fn count(&self, answer: std::thread::Result<Result<Rebuilt, Fault>>, tally: &mut Tally) -> Option<String> {
        let case = self.case;
        let name = format!("{:07}-{}", self.number, case.means.replace(' ', "-"));
        let list = if case.hides { &mut tally.hides } else { &mut tally.shows };
        let count = list.entry(case.means).or_default();
        count.tried += 1;
        let Ok(answer) = answer else {
            tally.unread.push(format!("{name}: the parsers panicked"));
            return Some(name);
        };
        match (self.sight, &answer) {
            (Sight::Hidden, _) => count.hidden += 1,
            (Sight::Shown, _) => count.shown += 1,
            (Sight::Unclear, Ok(_)) => {
                count.unclear += 1;
                count.unclear_accepted += 1;
            }
            (Sight::Unclear, Err(_)) => count.unclear += 1,
        }
        match (self.sight, answer) {
            (Sight::Hidden, Ok(_)) => {
                count.hidden_accepted += 1;
                tally.copied += u64::from(self.copied);
                tally.faults.push(name.clone());
                (tally.faults.len() <= KEPT_MAX).then_some(name)
            }
            (Sight::Hidden, Err(fault)) => {
                tally.copied += u64::from(self.copied);
                *tally.codes.entry(fault.code).or_default() += 1;
                None
            }
            (Sight::Shown, Err(fault)) => {
                count.shown_refused += 1;
                let reason = format!("{}: {}", case.means, reason(&fault));
                let times = tally.reasons.entry(reason).or_default();
                *times += 1;
                // One of each reason is kept, to be looked at.
                (*times == 1).then_some(name)
            }
            (Sight::Shown, Ok(rebuilt)) if !case.pictured && !self.is_read(&rebuilt.text) => {
                tally.unread.push(format!(
                    "{name}: accepted, and its words are not in the text in the order in which they are read"
                ));
                Some(name)
            }
            _ => None,
        }
    }

    fn is_read(&self, text: &str) -> bool {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        text.contains(&own_words(self.case))
    }
}

/// Why a file was refused, without the places and measures of this one.
fn reason(fault: &Fault) -> String {
    let words: String = fault.message.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    format!("{} {}", fault.code, words.replace("##", "#").replace("##", "#"))
}
