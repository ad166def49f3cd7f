//! Progress bars for long work: what is done, the rate, and the time left.
//!
//! Nothing is drawn if standard error is not a terminal or the answer is JSON.

use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::Out;
use crate::progress::{Meter, Progress, Unit};

/// Work that takes less time than this gets no bar.
const SHOW_AFTER: Duration = Duration::from_millis(300);

/// The progress of this process, which runs one command.
static OF_THIS_PROCESS: OnceLock<Progress> = OnceLock::new();

/// The progress that long work of this process reports to.
pub(in crate::cli) fn progress() -> Progress {
    OF_THIS_PROCESS.get().cloned().unwrap_or_default()
}

/// Draws progress on the terminal from now on, if there is one, and returns it.
pub(in crate::cli) fn show(out: Out) -> Progress {
    let shown = !out.json() && std::io::stderr().is_terminal();
    let made = || if shown { Progress::to(Bars::default()) } else { Progress::default() };
    OF_THIS_PROCESS.get_or_init(made).clone()
}

/// A bar for each nested step; the innermost is drawn.
#[derive(Default)]
struct Bars(Mutex<Vec<Bar>>);

struct Bar {
    /// `None` if the total is unknown.
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Bars {
    fn lock(&self) -> MutexGuard<'_, Vec<Bar>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter for Bars {
    fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>) {
        let bar = total.map(|total| {
            let template = match unit {
                Unit::Bytes => "{msg} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
                Unit::Entries => "{msg} [{bar:30}] {human_pos}/{human_len}, {per_sec}, {eta} left",
            };
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(what);
            bar
        });
        let mut bars = self.lock();
        if let Some(before) = bars.last().and_then(|bar| bar.bar.as_ref()) {
            before.set_draw_target(ProgressDrawTarget::hidden());
        }
        bars.push(Bar { bar, began: Instant::now() });
    }

    fn advance(&self, count: u64) {
        let bars = self.lock();
        let Some(Bar { bar: Some(bar), began }) = bars.last() else { return };
        bar.inc(count);
        if bar.is_hidden() && began.elapsed() > SHOW_AFTER {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn end(&self) {
        if let Some(Bar { bar: Some(bar), .. }) = self.lock().pop() {
            bar.finish_and_clear();
        }
    }
}
