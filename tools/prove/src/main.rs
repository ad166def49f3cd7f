//! Proves the release rules for every possible request, with Cedar's symbolic compiler and the solver cvc5: no rule can
//! fail to be worked out, and nothing that `never.cedar` describes is ever permitted, whatever rule that permits is added.
//! Where a proof fails it prints a counterexample, and confirms it with the evaluator that the gateway itself uses.
//!
//! It refuses to call anything proved that the solver does not know: an unknown is an error, never a yes.

mod counterexample;
mod proof;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use cedar_policy::{PolicySet, Schema};

use proof::{Outcome, Prover, Rules};

/// What went wrong around the proofs, in a sentence.
pub type Trouble = String;

/// What must never be released, as this program was built with it.
const NEVER: &str = include_str!("../../../policy/never.cedar");

const USAGE: &str = "\
usage: portcullis-prove POLICY_FOLDER [--planted FOLDER | --spare | --obligations]

Proves the rules in POLICY_FOLDER for every possible request. With --planted, also demands that each planted mistake in
FOLDER is refuted by the proof it names. With --spare, also says which rules that forbid no statement needs. With
--obligations, asks only what rules must meet to be in force: that something is permitted is not among it. Exit status: 0 all as expected; 1 not; 2 arguments do not read; 3 trouble.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, planted, more) = match &arguments[..] {
        [folder] if !folder.starts_with('-') => (folder, None, ""),
        [folder, flag] if ["--spare", "--obligations"].contains(&flag.as_str()) => (folder, None, flag.as_str()),
        [folder, flag, planted] if flag == "--planted" => (folder, Some(planted), ""),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime
        .map_err(|e| e.to_string())
        .and_then(|runtime| runtime.block_on(run(Path::new(folder), planted.map(Path::new), more)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(trouble) => {
            eprintln!("prove: {trouble}");
            ExitCode::from(3)
        }
    }
}

async fn run(folder: &Path, planted: Option<&Path>, more: &str) -> Result<bool, Trouble> {
    let started = Instant::now();
    let schema: Schema = parse(&folder.join("schema.cedarschema"))?;
    let rules: PolicySet = parse(&folder.join("release.cedar"))?;
    let rules = Rules::new(rules)?;
    let never = NEVER.parse().map_err(|e| format!("`never.cedar`: {e}"))?;
    let mut prover = Prover::new(schema, Rules::new(never)?)?;
    let mut ok = prove(&mut prover, &rules, more == "--obligations").await?;
    if let Some(planted) = planted {
        ok &= refute(&mut prover, &rules, planted).await?;
    }
    if more == "--spare" {
        let spare = prover.spare(&rules).await?;
        println!("leaving out any of {} rules that forbid breaks a statement, but for {spare:?}", rules.forbidding());
    }
    let verdict = if ok { "all as expected" } else { "NOT as expected" };
    println!("{verdict}, in {:.1} s", started.elapsed().as_secs_f64());
    Ok(ok)
}

/// Proves everything of `rules`, and says what was proved.
async fn prove(prover: &mut Prover, rules: &Rules, obligations: bool) -> Result<bool, Trouble> {
    let mut ok = true;
    println!(
        "{} rules, {} statements of what must never be released, {} request environments",
        rules.len(),
        prover.never().len(),
        prover.environments()
    );
    for (what, outcome) in prover.all(rules, obligations).await? {
        match outcome {
            Outcome::Proved => println!("  proved   {what}"),
            Outcome::Refuted(counterexample) => {
                ok = false;
                println!("  REFUTED  {what}\n{counterexample}");
            }
        }
    }
    Ok(ok)
}

/// Plants each mistake in turn, and demands that the proof it names fails on it.
async fn refute(prover: &mut Prover, rules: &Rules, folder: &Path) -> Result<bool, Trouble> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
        .map_err(|e| format!("`{}` cannot be read: {e}", folder.display()))?;
    files.retain(|f| f.extension().is_some_and(|e| e == "cedar"));
    files.sort();
    // A proof that nothing can make fail shows nothing.
    let mut ok = !files.is_empty();
    println!("{} planted mistakes", files.len());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = read(&file)?;
        let expected = text.lines().find_map(|line| line.strip_prefix("// expect: "));
        let expected = expected.ok_or_else(|| format!("`{}` has no line `// expect: …`", file.display()))?;
        let planted = text.parse::<PolicySet>().map_err(|e| format!("`{}`: {e}", file.display()))?;
        let mistaken = rules.with(&planted)?;
        match prover.one(&mistaken, expected, &changed(&planted)).await? {
            Outcome::Refuted(counterexample) => println!("  refuted  {name}: {expected}\n{counterexample}"),
            Outcome::Proved => {
                ok = false;
                println!("  NOT REFUTED  {name}: {expected} holds in spite of it");
            }
        }
    }
    Ok(ok)
}

fn changed(planted: &PolicySet) -> BTreeSet<String> {
    planted.policies().filter_map(|p| p.annotation("id").map(str::to_owned)).collect()
}

fn read(path: &Path) -> Result<String, Trouble> {
    std::fs::read_to_string(path).map_err(|e| format!("`{}` cannot be read: {e}", path.display()))
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(path: &Path) -> Result<T, Trouble> {
    read(path)?.parse().map_err(|e: T::Err| format!("`{}`: {e}", path.display()))
}
