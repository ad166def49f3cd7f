//! `portcullis demo`: a demonstration with real processes: an exchange, a release that is refused while it is being sent, and
//! five attempts that must fail.

mod world;
mod report;
mod agreement;
mod story;
mod stopped;
mod refusals;

use super::output::{Exit, Failure, Out};
use report::Report;
use world::World;

/// Run a demonstration: four nodes on this machine exchange a product, and five forbidden releases fail.
///
/// Creates nodes with new keys in a temporary folder, starts their servers, and runs the same commands as an operator would.
/// Exit status 1 if any step is not as expected.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Keep the nodes running, and print how to use and stop them.
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the demonstration.
    ///
    /// # Errors
    /// [`Failure`] if the nodes cannot be created or run. A step that is not as expected is no error: it is reported and makes
    /// the exit status 1.
    pub async fn run(self, out: Out) -> Result<Exit, Failure> {
        let mut world = World::new()?;
        let mut report = Report::new(out);
        let played = self.play(&mut world, &mut report).await;
        if self.keep && played.is_ok() {
            report.keep(&world);
            world.leave_running();
        } else {
            let ended = world.stop().await;
            if played.is_ok() {
                let clean = ended.iter().all(|(_, clean)| *clean);
                let observed = if clean { "all ended with status 0" } else { "at least one did not end cleanly" };
                report.step(
                    "SIGTERM stops the nodes",
                    "each parks what is in flight and ends with status 0",
                    observed,
                    clean,
                );
            }
        }
        played?;
        Ok(if report.finish() { Exit::Done } else { Exit::No })
    }

    async fn play(&self, world: &mut World, report: &mut Report) -> Result<(), Failure> {
        let product = story::play(world, report).await?;
        stopped::play(world, report).await?;
        refusals::play(world, report, &product).await
    }
}
