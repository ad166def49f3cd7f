//! `scripts/soak hostile`: a node under a limit of memory, an honest partner that delivers to it all the time, and everything that
//! a hostile partner and strangers are known to try, one after the other; what each of it costs, and whether it is within budget.

mod attacks;
mod budget;
mod group;
mod honest;
mod meter;
mod offers;
mod partner;
mod report;
mod room;
mod scene;
mod strangers;
mod victim;

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use portcullis::pki::ProfileName;

#[derive(clap::Args)]
pub struct Options {
    /// Seconds of each attack, and of calm before it.
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<u64>::new().range(3..=3600))]
    seconds: u64,
    /// This profile only: cnsa2, hybrid or classical.
    #[arg(long)]
    profile: Option<ProfileName>,
    /// This attack only, by its name in the answer; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Deliveries a second of the honest partner, as its agreement bounds them.
    #[arg(long, default_value_t = 40, value_parser = RangedU64ValueParser::<u64>::new().range(1..=500))]
    rate: u64,
    /// Also write the answer to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keep the nodes' folders, and say where they are.
    #[arg(long)]
    keep: bool,
}

pub fn run(options: &Options) -> bool {
    let wanted = |attack: &attacks::Attack| options.only.is_empty() || options.only.iter().any(|o| o == attack.name());
    let chosen: Vec<attacks::Attack> = attacks::Attack::ALL.into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = attacks::Attack::ALL.iter().map(|attack| attack.name()).collect();
        eprintln!("there is no such attack: known are {}", names.join(", "));
        return false;
    }
    let profiles = match options.profile {
        Some(profile) => vec![profile],
        None => vec![ProfileName::Cnsa2, ProfileName::Hybrid, ProfileName::Classical],
    };
    let runs: Vec<scene::Outcome> = profiles.into_iter().map(|profile| scene::run(options, profile, &chosen)).collect();
    let (answer, ok) = report::answer(options, &runs);
    crate::report(&answer, options.json.as_deref());
    eprint!("{}", report::table(&runs));
    ok
}
