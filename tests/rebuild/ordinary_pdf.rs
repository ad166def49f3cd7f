//! Ordinary files of ordinary tools are accepted: PDFs made here with common tools (`ordinary/make.py`) are rebuilt,
//! with the same words and the same appearance as before.
//!
//! Needs those tools; `scripts/test` installs them and names those that it could not install. If fewer than 60 files
//! can be made, the test reports that it was not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::not_run;
use portcullis::rebuild::{Kind, Limits, PdfFonts, Task, work};
use unicode_normalization::UnicodeNormalization as _;

/// Minimum number of files for a meaningful result.
const FILES_MIN: usize = 60;
/// Resolution at which pages are compared, in dots per inch.
const RESOLUTION: &str = "40";

/// The result for one file.
enum Outcome {
    Same,
    Refused(String),
    /// Accepted, but the rebuilt file differs.
    Wrong(String),
}

#[test]
fn passes_what_ordinary_tools_make_with_the_same_words_and_the_same_pages() {
    let Some(files) = corpus() else { return };
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                    let outcome = judge(file);
                    outcomes.lock().unwrap().insert(name, outcome);
                }
            });
        }
    });
    let (mut passed, mut wrong) = (0, Vec::new());
    let outcomes = outcomes.into_inner().unwrap();
    for (name, outcome) in &outcomes {
        match outcome {
            Outcome::Same => passed += 1,
            Outcome::Refused(why) => println!("refused: {name}: {why}"),
            Outcome::Wrong(how) => wrong.push(format!("{name}: {how}")),
        }
    }
    println!("{passed} of {} files pass", outcomes.len());
    assert!(wrong.is_empty(), "rebuilt to something else:\n{}", wrong.join("\n"));
    assert!(
        passed * 100 >= outcomes.len() * 95,
        "{passed} of {} files pass, fewer than 95 in a hundred",
        outcomes.len()
    );
}

/// Returns the files, made unless they exist. `None`, with a message, if too many tools are missing.
fn corpus() -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("target/ordinary-python/bin/python");
    let python = if own.exists() { own } else { "python3".into() };
    let output =
        Command::new(python).arg(root.join("tests/ordinary/make.py")).arg(root.join("target/ordinary")).output();
    let said = match output {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        Ok(output) => panic!("make.py failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(fault) => {
            not_run::not_run(&format!("python3 is missing ({fault}); scripts/test installs it"));
            return None;
        }
    };
    println!("{}", said.trim());
    let folder = said.lines().last().unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "pdf"));
    files.sort();
    let missing = said.lines().filter(|line| line.starts_with("missing: ")).count();
    if files.len() < FILES_MIN && missing > 0 || Command::new("pdftotext").arg("-v").output().is_err() {
        not_run::not_run(&format!("{missing} tools that make ordinary PDFs are missing; scripts/test installs them"));
        return None;
    }
    assert!(files.len() >= FILES_MIN, "{} files were made, fewer than {FILES_MIN}:\n{said}", files.len());
    Some(files)
}

fn judge(file: &Path) -> Outcome {
    let bytes = fs::read(file).unwrap();
    let limits = Limits { pdf_fonts: PdfFonts::Mapped, ..Limits::default() };
    let rebuilt = match work(Task::Rebuild, Kind::Pdf, &bytes, &limits) {
        Ok(rebuilt) => rebuilt,
        Err(fault) => return Outcome::Refused(fault.to_string()),
    };
    match work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &limits) {
        Ok(again) if again.bytes == rebuilt.bytes && again.text == rebuilt.text => {}
        Ok(_) => return Outcome::Wrong("is read anew as something else".to_owned()),
        Err(fault) => return Outcome::Wrong(format!("is refused once rebuilt: {fault}")),
    }
    let folder = tempfile::tempdir().unwrap();
    let anew = folder.path().join("anew.pdf");
    fs::write(&anew, &rebuilt.bytes).unwrap();
    let (before, after) = (words(file), words(&anew));
    if let Some(lost) = lacks(&before, &after).or_else(|| lacks(&after, &before)) {
        return Outcome::Wrong(format!("its words for Poppler: {lost}"));
    }
    if let Some(lost) = lacks(&before, &rebuilt.text) {
        return Outcome::Wrong(format!("its words for the filters: {lost}"));
    }
    match differs(&pages(file, folder.path(), "before"), &pages(&anew, folder.path(), "after")) {
        None => Outcome::Same,
        Some(how) => Outcome::Wrong(how),
    }
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn words(file: &Path) -> String {
    String::from_utf8(run("pdftotext", &["-enc", "UTF-8", file.to_str().unwrap(), "-"])).unwrap()
}

/// Maps the codes of list bullets in symbol fonts to one bullet: Poppler returns the code, a gateway the character.
fn bullet(c: char) -> char {
    match c {
        '\u{F095}' | '\u{F0B7}' | '\u{F0A7}' | '\u{F0D8}' | '\u{F0FC}' | '\u{F076}' => '\u{2022}',
        '\u{25AA}' | '\u{27A2}' | '\u{2713}' | '\u{2756}' => '\u{2022}',
        '\u{AD}' => '-',
        c => c,
    }
}

/// Counts each letter in `text`; spaces and variant forms of a letter are ignored.
fn letters(text: &str) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    for c in text.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace() && !c.is_control()) {
        *counts.entry(bullet(c)).or_default() += 1;
    }
    counts
}

/// Returns what is in `all` but not in `text`: more than one word or letter in a hundred, and more than three. Poppler
/// may return the codes of a symbol font that has no other mapping. A gateway returns the words twice, in drawing order
/// and in reading order, so that it has each at least as often.
fn lacks(all: &str, text: &str) -> Option<String> {
    let (wanted, found) = (letters(all), letters(text));
    let missing = |(c, n): (&char, &usize)| n.saturating_sub(found.get(c).copied().unwrap_or(0));
    let (lost, whole): (usize, usize) = (wanted.iter().map(missing).sum(), wanted.values().sum());
    if lost > 3.max(whole / 100) {
        let which: String = wanted.iter().filter(|one| missing(*one) > 0).map(|(c, _)| *c).take(20).collect();
        return Some(format!("{lost} of {whole} letters are lost, among them `{which}`"));
    }
    let plain = |text: &str| text.nfkc().map(bullet).collect::<String>().to_lowercase();
    let (all, text) = (plain(all), plain(text));
    let (mut left, mut lost) = (BTreeMap::<&str, i64>::new(), Vec::new());
    text.split_whitespace().for_each(|word| *left.entry(word).or_default() += 1);
    let total = all.split_whitespace().count();
    // Word boundaries near raised letters are detected differently, so the joined text is compared as well.
    let joined: String = text.split_whitespace().collect();
    for word in all.split_whitespace() {
        let count = left.entry(word).or_default();
        *count -= 1;
        if *count < 0 && !joined.contains(word) {
            lost.push(word);
        }
    }
    (lost.len() > 3.max(total / 100)).then(|| format!("{} of {total} words are lost: {lost:?}", lost.len()))
}

/// Renders the pages in grey: width, height and pixels of each.
fn pages(file: &Path, folder: &Path, name: &str) -> Vec<(usize, usize, Vec<u8>)> {
    let at = folder.join(name);
    fs::create_dir(&at).unwrap();
    run("pdftoppm", &["-gray", "-r", RESOLUTION, file.to_str().unwrap(), at.join("page").to_str().unwrap()]);
    let mut images: Vec<PathBuf> = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    images.iter().map(|image| grey(&fs::read(image).unwrap())).collect()
}

/// Parses an image of `pdftoppm`: `P5`, width, height, 255, each followed by one blank, and pixels.
fn grey(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut parts = bytes.splitn(5, u8::is_ascii_whitespace);
    let mut next = || parts.next().unwrap();
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<usize>().unwrap();
    assert_eq!(next(), b"P5");
    let (width, height) = (number(next()), number(next()));
    assert_eq!(number(next()), 255);
    (width, height, next().to_vec())
}

/// Compares pages: returns a difference on the whole, or in one place of a few millimetres.
fn differs(before: &[(usize, usize, Vec<u8>)], after: &[(usize, usize, Vec<u8>)]) -> Option<String> {
    if before.len() != after.len() {
        return Some(format!("{} pages become {}", before.len(), after.len()));
    }
    const SIDE: usize = 12;
    for (number, ((width, height, one), (w, h, other))) in before.iter().zip(after).enumerate() {
        if (width, height) != (w, h) {
            return Some(format!("page {} is of another size", number + 1));
        }
        let apart = |i: usize| f64::from(one[i].abs_diff(other[i])) / 255.0;
        let mean = (0..one.len()).map(apart).sum::<f64>() / one.len() as f64;
        let cell = |x: usize, y: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            for row in y..(y + SIDE).min(*height) {
                for column in x..(x + SIDE).min(*width) {
                    // Compare the darkness of the place and not single pixels: glyphs are redrawn in whole units.
                    sum += f64::from(one[row * width + column]) - f64::from(other[row * width + column]);
                    count += 255.0;
                }
            }
            f64::abs(sum / count)
        };
        let cells = (0..*height).step_by(SIDE).flat_map(|y| (0..*width).step_by(SIDE).map(move |x| (x, y)));
        let worst = cells.map(|(x, y)| (cell(x, y), x, y)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
        if mean > 0.02 || worst.0 > 0.15 {
            return Some(format!(
                "page {} differs by {mean:.3} on the whole, by {:.2} at {},{}",
                number + 1,
                worst.0,
                worst.1,
                worst.2
            ));
        }
    }
    None
}
