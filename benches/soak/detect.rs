//! `scripts/soak detect`: how often ordinary English is taken for a marking.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use portcullis::inspect::marks_in;
use serde_json::{Value, json};

use crate::paragraphs;

/// The fewest paragraphs that a share is worked out of.
const PARAGRAPHS_MIN: usize = 100_000;
/// One finding in so many paragraphs is too many.
const ONE_IN: usize = 10_000;

#[derive(clap::Args)]
pub struct Options {
    /// The folder with the texts, one folder in it a source.
    #[arg(long)]
    folder: PathBuf,
    /// Print the paragraphs in which something is found.
    #[arg(long)]
    show: bool,
    /// Also write the answer to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Counts, and answers whether few enough paragraphs are taken for a marking.
pub fn run(options: &Options) -> bool {
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    let (mut paragraphs, mut taken, mut bytes, mut sources) = (0, 0, 0, Vec::new());
    for source in folders(&options.folder) {
        let (mut of_source, mut taken_here) = (0, 0);
        for file in paragraphs::files(&source) {
            for text in paragraphs::of_file(&file, &mut seen) {
                of_source += 1;
                bytes += text.len();
                let marks = marks_in(&text, false);
                if marks.is_empty() {
                    continue;
                }
                taken_here += 1;
                if options.show {
                    println!("{}: {marks:?}\n{text}\n", file.display());
                }
            }
        }
        let name = source.file_name().map(|name| name.to_string_lossy().into_owned());
        sources.push(json!({ "source": name, "paragraphs": of_source, "with_findings": taken_here }));
        paragraphs += of_source;
        taken += taken_here;
    }
    let held = paragraphs >= PARAGRAPHS_MIN && taken * ONE_IN < paragraphs;
    let answer: Value = json!({
        "paragraphs": paragraphs,
        "bytes": bytes,
        "with_findings": taken,
        "in_ten_thousand": taken as f64 * 1e4 / paragraphs.max(1) as f64,
        "seconds": began.elapsed().as_secs_f64(),
        "sources": sources,
        "held": held,
    });
    crate::report(&answer, options.json.as_deref());
    if paragraphs < PARAGRAPHS_MIN {
        eprintln!("{paragraphs} paragraphs are too few: at least {PARAGRAPHS_MIN} are asked for");
    }
    held
}

/// The folders in a folder, in the order of their names.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}
