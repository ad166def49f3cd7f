//! Batch approval: signs a reviewed list, or several requests without confirmation, and reports the outcome of each.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::input::files::read_text;
use crate::cli::input::interrupt::with_signal_status;
use crate::cli::output::colour::WAITING;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::cli::request::outcome::tell;
use crate::gateway::{ApprovalOutcome, AwaitingRequest, GatewayError, Node};
use crate::ident::RequestId;
use crate::sign::LocalSigner;

/// How many requests are signed concurrently, so that their commits share syncs.
pub(in crate::cli) const AT_ONCE: usize = 16;

/// A reviewed list, as `status --awaiting --format json` writes it.
#[derive(Deserialize)]
struct Batch {
    awaiting: Vec<AwaitingRequest>,
}

/// Signs every request of a reviewed list that has not changed since the review.
///
/// # Errors
/// [`Failure`] if the file cannot be read or parsed.
pub(in crate::cli) async fn batch(node: &Node, signer: &LocalSigner, file: &Path, out: Out) -> Result<Exit, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Failure::input(format!("`{}`: {e}; expected what `status --awaiting --format json` writes", file.display()))
    };
    let list: Batch = serde_json::from_str(&read_text(file)?).map_err(|e| unreadable(&e))?;
    let requests: Vec<String> = list.awaiting.iter().map(|reviewed| reviewed.request.clone()).collect();
    let one = async |at: usize| {
        let reviewed: &AwaitingRequest = &list.awaiting[at];
        let request: RequestId = reviewed.request.parse().map_err(Failure::input)?;
        Ok(node.approve_unseen(&request, Some(reviewed), signer).await?)
    };
    each(node, &requests, AT_ONCE, out, one).await
}

/// The reason why one request of a batch was not signed.
pub(in crate::cli) struct NotSigned {
    /// The error, with its exit status.
    pub failure: Failure,
    /// Whether the store has failed, so that no other request can be signed either.
    ends: bool,
}

impl From<Failure> for NotSigned {
    fn from(failure: Failure) -> NotSigned {
        NotSigned { failure, ends: false }
    }
}

impl From<GatewayError> for NotSigned {
    fn from(error: GatewayError) -> NotSigned {
        let ends = error.is_store_failure();
        let failure = if error.is_conflict() { Failure::refused(error) } else { Failure::from(error) };
        NotSigned { failure, ends }
    }
}

/// Signs requests, `at_once` at a time, and prints the outcome of each. A request that cannot be signed does not stop the
/// others; after a failure of the store no further one is begun, and those already signed are still reported.
pub(in crate::cli) async fn each(
    node: &Node,
    requests: &[String],
    at_once: usize,
    out: Out,
    sign: impl AsyncFn(usize) -> Result<ApprovalOutcome, NotSigned>,
) -> Result<Exit, Failure> {
    let ended = AtomicBool::new(false);
    let (sign, ended) = (&sign, &ended);
    let one = async |at: usize| {
        if ended.load(Ordering::Relaxed) {
            return Err(NotSigned::from(Failure::trouble("not started: the store failed at another request")));
        }
        let signed = sign(at).await.map_err(|not| NotSigned { failure: with_signal_status(not.failure), ..not });
        if signed.as_ref().is_err_and(|not| not.ends) {
            ended.store(true, Ordering::Relaxed);
        }
        signed
    };
    let signed = stream::iter(0..requests.len()).map(one).buffered(at_once).collect().await;
    let changes = if ended.load(Ordering::Relaxed) { None } else { node.recent_changes_count().await.ok() };
    let told = Told::of(requests, signed, changes);
    out.answer(&told.json(), |text| told.tell(text, out));
    Ok(told.exit())
}

/// The outcome of each request of a batch.
struct Told<'a> {
    signed: Vec<ApprovalOutcome>,
    refused: Vec<(&'a str, Failure)>,
    /// How many changes of officers and rules there were in the last 30 days; `None` if the store could not be read.
    changes: Option<usize>,
}

impl<'a> Told<'a> {
    fn of(
        requests: &'a [String],
        outcomes: Vec<Result<ApprovalOutcome, NotSigned>>,
        changes: Option<usize>,
    ) -> Told<'a> {
        let (mut signed, mut refused) = (Vec::new(), Vec::new());
        for (request, outcome) in requests.iter().zip(outcomes) {
            match outcome {
                Ok(answer) => signed.push(answer),
                Err(not) => refused.push((request.as_str(), not.failure)),
            }
        }
        Told { signed, refused, changes }
    }

    fn exit(&self) -> Exit {
        if let Some((_, stopped)) =
            self.refused.iter().find(|(_, failure)| failed(failure) && failure.exit != Exit::Trouble)
        {
            return stopped.exit;
        }
        if self.refused.iter().any(|(_, failure)| failure.exit == Exit::Trouble) {
            return Exit::Trouble;
        }
        let all = self.refused.is_empty() && self.signed.iter().all(|answer| answer.counts);
        if all { Exit::Done } else { Exit::No }
    }

    /// Returns how many requests were approved, skipped because they cannot be approved, and failed.
    fn counts(&self) -> (usize, usize, usize) {
        let approved = self.signed.iter().filter(|answer| answer.counts).count();
        let failed = self.refused.iter().filter(|(_, why)| failed(why)).count();
        (approved, self.signed.len() - approved + self.refused.len() - failed, failed)
    }

    fn json(&self) -> Value {
        let refused: Vec<Value> =
            self.refused.iter().map(|(request, why)| json!({ "request": request, "why": why.message })).collect();
        let (approved, skipped, failed) = self.counts();
        let counts = json!({ "approved": approved, "skipped": skipped, "failed": failed });
        json!({ "approvals": self.signed, "refused": refused, "recent_changes": self.changes, "counts": counts })
    }

    fn tell(&self, text: &mut String, out: Out) {
        for answer in &self.signed {
            tell(text, answer, out);
        }
        for (request, why) in &self.refused {
            let verdict = if failed(why) { out.verdict("failed", false) } else { out.painted(WAITING, "skipped") };
            let _ = writeln!(text, "{verdict} {}: {}", shown(request), shown(&why.message));
        }
        let (approved, skipped, failed) = self.counts();
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        let _ = writeln!(text, "{approved} approved, {skipped} skipped{failed}");
        tell_changed(text, self.changes.unwrap_or(0));
    }
}

/// Whether signing failed or was interrupted; otherwise the request cannot be approved.
fn failed(why: &Failure) -> bool {
    !matches!(why.exit, Exit::No | Exit::Input)
}

/// Appends how many recent changes of officers and rules there were, for an officer who was not shown them before signing.
pub(in crate::cli) fn tell_changed(text: &mut String, changes: usize) {
    let what = match changes {
        0 => return,
        1 => "1 change".to_owned(),
        more => format!("{more} changes"),
    };
    let _ = writeln!(text, "{what} of officers, partners and policy in the last 30 days: see `portcullis status`");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn what_concerns_one_request_ends_no_list_and_a_broken_store_does() {
        let row = || "approval".to_owned();
        let conflict = StoreError::Conflict { what: row(), expected: "new".into(), found: "given".into() };
        let altered = StoreError::Altered { what: row(), fact: "approval.exercise".into() };
        let broken = StoreError::Broken { why: "EXERCISE".into() };
        for (error, ends, exit) in [
            (GatewayError::Refused("EXERCISE".into()), false, Exit::No),
            (GatewayError::NotFound("EXERCISE".into()), false, Exit::Input),
            (GatewayError::Local("EXERCISE".into()), false, Exit::Trouble),
            (conflict.into(), false, Exit::No),
            (altered.into(), false, Exit::Trouble),
            (StoreError::Full.into(), true, Exit::Trouble),
            (broken.into(), true, Exit::Trouble),
        ] {
            let said = error.to_string();
            let not = NotSigned::from(error);
            assert_eq!((not.ends, not.failure.exit), (ends, exit), "{said}");
        }
    }

    #[test]
    fn what_was_signed_is_said_whatever_became_of_the_others() {
        let signed = ApprovalOutcome {
            request: "rq-1".into(),
            officer: "exercise-officer-1".into(),
            counts: true,
            shared: Vec::new(),
            void: Vec::new(),
            exchanges: Vec::new(),
        };
        let broken = || NotSigned::from(GatewayError::from(StoreError::Broken { why: "EXERCISE".into() }));
        let requests = ["rq-1".to_owned(), "rq-2".to_owned()];
        let told = Told::of(&requests, vec![Ok(signed), Err(broken())], None);
        assert_eq!(told.exit(), Exit::Trouble);
        assert_eq!(told.json()["approvals"][0]["request"], "rq-1");
        assert_eq!(told.json()["refused"][0]["request"], "rq-2");
        let mut text = String::new();
        told.tell(&mut text, Out::new(crate::cli::Format::Human));
        assert!(text.contains("approved rq-1") && text.contains("failed rq-2"), "{text}");
        assert!(text.contains("1 approved, 0 skipped, 1 failed"), "{text}");
    }
}
