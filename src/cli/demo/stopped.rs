//! A release that is refused while it is being sent: the partner keeps the bytes it received, and cannot decrypt them.

use std::io::Cursor;

use super::super::output::Failure;
use super::report::Report;
use super::story::{LIMIT, NOR, US, approve, key_file, submit_for};
use super::world::{World, write};
use crate::config::Config;
use crate::seal::Opener as _;

/// Paragraphs of about a kilobyte each.
const PARAGRAPHS: usize = 500;

pub(super) async fn play(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.chapter("A release is refused while it is being sent");
    let file = write(&world.path("stopped.txt"), &product())?;
    let submitted = submit_for(world, &file, &[NOR]).await?;
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    let mut signed = 0;
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        signed += usize::from(approve(world, request, officer, &[]).await?.status == 0);
    }
    let arriving = world.path(NOR).join(format!("store/spool/{exchange}.envelope.part"));
    let has = || std::fs::metadata(&arriving).map_or(0, |file| file.len());
    world.until(US, &["status", exchange], LIMIT, |_| has() > 0).await?;
    // A dishonest partner keeps what an honest one deletes after the refusal.
    let kept = std::fs::read(&arriving).unwrap_or_default();
    let key = key_file(world, "exercise-officer-1");
    let refused = world.run(US, &["refuse", request, "--why", "EXERCISE second thoughts", "--key", &key]).await?;
    let ended = |state: &str| matches!(state, "refused" | "delivered" | "delivered-after-stop");
    let status = world.until(US, &["status", exchange], LIMIT, |a| ended(a.text("/state"))).await?;
    let ok = signed == 2 && refused.status == 0 && status.text("/state") == "refused";
    report.step(
        "refuse in mid-transfer",
        "stopped within a second, and recorded as refused",
        &format!("{}; the partner had {} bytes of it by then", status.text("/state"), kept.len()),
        ok && !kept.is_empty(),
    );
    let (opens, why) = opens(world, kept)?;
    report.step("what the partner kept of it", "ciphertext, and no key: its own node cannot open it", &why, !opens);
    agreed(world, report, exchange).await
}

/// Returns whether the partner's own key decrypts what it kept, and the error if not.
fn opens(world: &World, kept: Vec<u8>) -> Result<(bool, String), Failure> {
    let config = Config::read(&world.config(NOR)).map_err(Failure::trouble)?;
    let keys = config.keys.load().map_err(Failure::trouble)?;
    let opened = keys.payload.open(Box::new(Cursor::new(kept))).map(|_| ());
    Ok(match opened {
        Ok(()) => (true, "it opens".into()),
        Err(why) => (false, why.to_string()),
    })
}

/// Checks that neither side's record shows a delivery.
async fn agreed(world: &World, report: &mut Report, exchange: &str) -> Result<(), Failure> {
    let ours = world.run(US, &["status", exchange]).await?;
    let inbox = world.run(NOR, &["inbox", "list"]).await?;
    let sent = ours.list("/history").iter().any(|entry| entry["kind"] == "exchange.sent");
    let there = inbox.list("/items").iter().any(|item| item["exchange"] == exchange);
    let observed = match (sent, there) {
        (false, false) => "no key left, and nothing is in the inbox",
        _ => "the records say otherwise",
    };
    report.step("both records", "no key left here; nothing arrived there", observed, !sent && !there);
    Ok(())
}

fn product() -> String {
    let paragraph = format!("\n(C//REL TO USA, NOR) {}\n", "EXERCISE text of no meaning whatever. ".repeat(26));
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-STOPPED\nTitle: (U) EXERCISE stopped\n\
         Originator: (U) EXERCISE Originating Directorate\nDate: 2026-11-20\nKind: report\nSubjects: (U) exercise\n\
         Contact: (U) EXERCISE watch desk\n\nCONFIDENTIAL//REL TO USA, NOR\n{}",
        paragraph.repeat(PARAGRAPHS)
    )
}
