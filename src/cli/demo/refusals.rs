//! Five releases that must fail, each with its reason.

use super::super::output::Failure;
use super::report::Report;
use super::story::{Day, GBR, LIMIT, US, approve, submit_for, submit_until};
use super::world::{Answer, World, write};
use crate::config::Config;
use crate::ident::{ExchangeId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Approval, Commit};

pub(super) async fn play(world: &mut World, report: &mut Report, day: &Day) -> Result<(), Failure> {
    report.chapter("Five attempts that must fail");
    not_releasable(world, report, "NOFORN", "SECRET//NOFORN", "(S//NF)").await?;
    not_releasable(world, report, "wrong country", "SECRET//REL TO USA, AUS", "(S//REL TO USA, AUS)").await?;
    altered_cut(world, report).await?;
    expired_approval(world, report).await?;
    revoked_certificate(world, report).await?;
    let inbox = world.run(GBR, &["inbox", "list"]).await?.list("/items").len();
    let same = inbox == day.delivered_to_gbr;
    report.step(
        "after all five",
        "the partner has what it had before, and no more",
        &format!("{inbox} item in its inbox"),
        same,
    );
    Ok(())
}

/// A short product of one tearline under `banner`, its only paragraph marked `portion`.
fn product(id: &str, banner: &str, portion: &str, text: &str) -> String {
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Originating Directorate\n\
         Date: 2026-11-20\nKind: report\nSubjects: (U) exercise\nContact: (U) EXERCISE watch desk\n\n{banner}\n\n{portion} {text}\n"
    )
}

async fn not_releasable(
    world: &World,
    report: &mut Report,
    what: &str,
    banner: &str,
    portion: &str,
) -> Result<(), Failure> {
    let id = what.replace(' ', "-").to_uppercase();
    let file = write(&world.path(&format!("{id}.txt")), &product(&id, banner, portion, "EXERCISE text."))?;
    let answer = submit_for(world, &file, &[GBR]).await?;
    report.step(
        &format!("{what}: submit `{banner}` to {GBR}"),
        "refused, nothing is queued",
        &outcome(&answer),
        answer.status == 1,
    );
    Ok(())
}

/// Returns the reason that a command gave for its refusal.
fn outcome(answer: &Answer) -> String {
    let reason = answer.text("/refused/0/reasons/0/sentence");
    match (answer.status, reason.is_empty()) {
        (0, _) => "not refused".into(),
        (_, false) => format!("refused: {reason}"),
        (_, true) => format!("refused: {}", answer.said),
    }
}

const RELEASABLE: (&str, &str) = ("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");

/// One officer approves a product; then an attacker with write access to the store moves the approval to another product's
/// request, which a second officer approves in good faith.
async fn altered_cut(world: &World, report: &mut Report) -> Result<(), Failure> {
    let request = |name: &'static str, text: &'static str| async move {
        let file = write(&world.path(&format!("{name}.txt")), &product(name, RELEASABLE.0, RELEASABLE.1, text))?;
        let answer = submit_for(world, &file, &[GBR]).await?;
        Ok::<_, Failure>((answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").to_owned()))
    };
    let (shown, _) = request("SHOWN", "EXERCISE text as the officer saw it.").await?;
    let (altered, exchange) = request("ALTERED", "EXERCISE text that was altered afterwards.").await?;
    approve(world, &shown, "exercise-officer-1", &[]).await?;
    transplant_approvals(world, &shown, &altered, &exchange).await?;
    approve(world, &altered, "exercise-officer-2", &[]).await?;
    refused_with(world, report, "altered cut: an approval of other bytes is recorded for it", &exchange, "approval")
        .await
}

/// Records the approval of one request as another's, as an attacker with write access to the store could.
async fn transplant_approvals(world: &World, from: &str, to: &str, exchange: &str) -> Result<(), Failure> {
    let (from, to): (RequestId, RequestId) =
        (from.parse().map_err(Failure::trouble)?, to.parse().map_err(Failure::trouble)?);
    let exchange: ExchangeId = exchange.parse().map_err(Failure::trouble)?;
    let config = Config::read(&world.config(US)).map_err(Failure::trouble)?;
    let node = crate::cli::input::open::open_node(config).await?;
    let Some(approval) = node.store().approvals(&from).await.map_err(Failure::trouble)?.into_iter().next() else {
        return Err(Failure::trouble("the first approval is not on record"));
    };
    let entry = Entry::new(node.now(), EntryKind::ApprovalGiven, exchange, &approval.officer);
    let commit = Commit::new().change(Approval { request: to, exchange, ..approval }).entry(entry);
    node.store().commit(commit).await.map_err(Failure::trouble)?;
    Ok(())
}

/// One officer approves a release that expires within seconds; the second approves too late.
async fn expired_approval(world: &World, report: &mut Report) -> Result<(), Failure> {
    let file = write(&world.path("EXPIRED.txt"), &product("EXPIRED", RELEASABLE.0, RELEASABLE.1, "EXERCISE text."))?;
    let submitted = submit_until(world, &file, &[GBR], "2s").await?;
    let (request, exchange) =
        (submitted.text("/request").to_owned(), submitted.text("/exchanges/0/exchange").to_owned());
    let first = approve(world, &request, "exercise-officer-1", &[]).await?;
    let expired = world.until(US, &["status", &exchange], LIMIT, |a| a.text("/state") == "expired").await?;
    let second = approve(world, &request, "exercise-officer-2", &[]).await?;
    let refused = first.status == 0 && second.status == 1 && expired.text("/state") == "expired";
    report.step(
        "expired approval: the first lapsed before the second came",
        "the second is refused, nothing is released",
        &format!("{}: {}", expired.text("/state"), second.text_or_said()),
        refused,
    );
    Ok(())
}

/// Checks that an exchange with two approvals is not released, and that `explain` gives a reason that contains `reason`.
async fn refused_with(
    world: &World,
    report: &mut Report,
    step: &str,
    exchange: &str,
    reason: &str,
) -> Result<(), Failure> {
    // The server has evaluated the exchange once `explain` reports a decision.
    let decided =
        |a: &Answer| a.value.pointer("/partners/0/decided").and_then(serde_json::Value::as_bool).unwrap_or_default();
    let explained = world.until(US, &["explain", exchange], LIMIT, decided).await?;
    let why = explained
        .list("/partners/0/reasons")
        .iter()
        .filter(|r| r["permits"] == false)
        .filter_map(|r| r["sentence"].as_str())
        .find(|sentence| sentence.contains(reason))
        .unwrap_or_default()
        .to_owned();
    let state = world.run(US, &["status", exchange]).await?.text("/state").to_owned();
    let held = state == "requested" && !why.is_empty();
    report.step(step, "not released, and `explain` says why", &format!("{state}: {why}"), held);
    Ok(())
}

/// The partner's authority revokes its node's certificate; from then on nothing is sent to it.
async fn revoked_certificate(world: &World, report: &mut Report) -> Result<(), Failure> {
    let revoked = world.run(GBR, &["cert", "revoke", "--yes"]).await?;
    let exported = world.run(GBR, &["partner", "export"]).await?;
    let description = write(&world.path("revoked.json"), &String::from_utf8_lossy(&exported.bytes))?;
    let updated = world.run(US, &["partner", "update", &description]).await?;
    let file = write(&world.path("REVOKED.txt"), &product("REVOKED", RELEASABLE.0, RELEASABLE.1, "EXERCISE text."))?;
    let submitted = submit_for(world, &file, &[GBR]).await?;
    let (request, exchange) =
        (submitted.text("/request").to_owned(), submitted.text("/exchanges/0/exchange").to_owned());
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(world, &request, officer, &[]).await?;
    }
    let said = |a: &Answer| a.text("/last_failure").contains("certificate");
    let status = world.until(US, &["status", &exchange], LIMIT, said).await?;
    let ready = revoked.status == 0 && updated.status == 0;
    let waiting = status.text("/state") == "queued" || status.text("/state") == "sending";
    report.step(
        "revoked certificate: approved, sealed, and the partner's certificate is revoked",
        "stays queued: the connection is refused",
        &format!("{}, {}", status.text("/state"), status.text("/last_failure")),
        ready && waiting && status.text("/last_failure").contains("certificate"),
    );
    Ok(())
}
