//! `portcullis demo`: a good day, with real processes, a release that is refused half sent, and five attempts that must fail.

mod world;
mod report;
mod agreement;
mod story;
mod stopped;
mod refusals;

use super::output::{Exit, Failure, Out};
use report::Report;
use world::World;

/// Show the whole job: nodes as real processes exchange a product, and five attempts fail as they must.
///
/// Makes nodes with fresh keys under a temporary folder, starts them with real QUIC between them, and drives them with
/// the same commands an operator would use. Exit status 1 if any step is not as expected.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Leave the nodes running, and say how to reach and stop them.
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the demonstration.
    ///
    /// # Errors
    /// [`Failure`] if the nodes cannot be made or run at all; a step that goes otherwise than expected is reported and
    /// makes the exit status 1.
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
