//! Background scan for damage: every page of the database, entry of the ledger, stamped row, stored payload and
//! product, at a bounded rate, repeatedly.
//!
//! It never repairs and never deletes: a finding raises an alarm, which lasts until a later pass finds the object
//! intact.

mod payloads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::config::read_file;
use crate::gateway::views::operator::{DamageView, ScrubView};
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, RequestId};
use crate::ledger::{Entry, EntryKind, LedgerKey, SignedCheckpoint};
use crate::store::{Disagreement, ExchangeFilter, Part, RequestFilter, StoreError};

/// Maximum length of the stored progress and findings, in bytes.
const VIEW_BYTES_MAX: u64 = 16 << 20;
/// Pause between two passes. A start begins one too.
const PASS_INTERVAL: Duration = Duration::from_secs(86_400);
/// Maximum time that the quick check may delay a start.
const QUICK_CHECK_MAX: Duration = Duration::from_millis(100);
/// How often the progress of a pass is stored.
const PROGRESS_STORED_EVERY: Duration = Duration::from_secs(5);
/// Rows checked between two pauses.
const ROWS: u32 = 64;
/// Bytes that a row counts as for the rate limit.
const ROW_BYTES: u64 = 2048;
/// How long after a finding the object is checked again.
const RECHECK_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of findings of one pass that are stored and reported.
const FOUND_MAX: usize = 100;

impl ScrubView {
    /// All known damage, each finding once.
    pub fn damage(&self) -> impl Iterator<Item = &DamageView> {
        self.found.iter().chain(self.finding.iter().filter(|damage| !self.found.contains(damage)))
    }

    fn begin(&mut self, now: String) {
        (self.began, self.bytes) = (Some(now), 0);
        self.finding.clear();
    }

    fn end(&mut self, now: String) {
        self.whole = Some(now);
        self.at = "done".to_owned();
        self.found = std::mem::take(&mut self.finding);
    }
}

/// The steps of a pass, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The database file and the ledger's tree.
    File(Part),
    /// Partners, officers, settings, exchanges that may leave, and what is in the inbox.
    Enrolled,
    /// Exchanges that are finished or came in, after this one.
    Finished(Option<ExchangeId>),
    /// Requests that are finished.
    Requests(Option<RequestId>),
    /// Checkpoints of partners' ledgers.
    Witnesses,
    /// Sealed payloads, of exchanges older than this one.
    Payloads(Option<ExchangeId>),
    /// Products that were submitted, with their stored attachments, of requests older than this one.
    Products(Option<RequestId>),
}

impl Step {
    const FIRST: Step = Step::File(Part::FIRST);

    /// The step after this one.
    fn following(self) -> Option<Step> {
        match self {
            Step::File(_) => Some(Step::Enrolled),
            Step::Enrolled => Some(Step::Finished(None)),
            Step::Finished(_) => Some(Step::Requests(None)),
            Step::Requests(_) => Some(Step::Witnesses),
            Step::Witnesses => Some(Step::Payloads(None)),
            Step::Payloads(_) => Some(Step::Products(None)),
            Step::Products(_) => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Step::File(Part::Table(_)) => "database",
            Step::File(Part::Entries(_)) => "ledger",
            Step::Enrolled | Step::Finished(_) | Step::Requests(_) => "rows",
            Step::Witnesses => "heads",
            Step::Payloads(_) => "payloads",
            Step::Products(_) => "products",
        }
    }
}

/// Findings of one step, and where to continue.
struct ScanResults {
    bytes: u64,
    found: Vec<DamageView>,
    next: Option<Step>,
}

impl ScanResults {
    /// Result of checking rows; `more` says where to continue, if there are more.
    fn rows(step: Step, rows: u64, found: Vec<DamageView>, more: Option<Step>) -> ScanResults {
        ScanResults { bytes: rows * ROW_BYTES, found, next: more.or_else(|| step.following()) }
    }
}

/// Scans for damage until `ended`.
pub(in crate::gateway) async fn scrub(current: Arc<ArcSwap<Node>>, ended: CancellationToken) {
    tokio::select! {
        biased;
        () = ended.cancelled() => {}
        () = run_passes(&current) => {}
    }
}

async fn run_passes(current: &ArcSwap<Node>) {
    loop {
        if let Err(error) = pass(current).await {
            tracing::warn!(error = %error, "the damage scan failed: it restarts in a day");
        }
        tokio::time::sleep(PASS_INTERVAL).await;
    }
}

async fn pass(current: &ArcSwap<Node>) -> Result<(), GatewayError> {
    let node = current.load_full();
    let mut view = node.scrub_view();
    view.begin(node.now().to_string());
    let (mut step, mut told) = (Some(Step::FIRST), node.running());
    while let Some(at) = step {
        let node = current.load_full();
        at.name().clone_into(&mut view.at);
        let looked = match node.scan_step(at).await {
            Ok(looked) => looked,
            // Unreadable data is damage too, and must not keep the rest from being checked.
            Err(GatewayError::Store(
                error @ (StoreError::Altered { .. }
                | StoreError::Damaged { .. }
                | StoreError::Query { .. }
                | StoreError::Ledger(_)
                | StoreError::Proof(_)),
            )) => {
                let remedy = "run `ledger verify`, and restore the store from a backup";
                let text = format!("its {} cannot be read: {error}; {remedy}", at.name());
                let found = vec![DamageView { subject: node.config().node.name.to_string(), text }];
                ScanResults { bytes: ROW_BYTES, found, next: at.following() }
            }
            Err(error) => return Err(error),
        };
        view.bytes += looked.bytes;
        for damage in looked.found {
            node.report_damage(&damage).await;
            if view.finding.len() < FOUND_MAX && !view.finding.contains(&damage) {
                view.finding.push(damage);
                told = Duration::ZERO;
            }
        }
        step = looked.next;
        if node.running().saturating_sub(told) >= PROGRESS_STORED_EVERY {
            told = node.running();
            node.store_scrub_view(&view);
        }
        node.pause_after(looked.bytes).await;
    }
    view.end(node.now().to_string());
    node.store_scrub_view(&view);
    tracing::info!(bytes = view.bytes, damaged = view.found.len(), "damage scan completed");
    Ok(())
}

impl Node {
    /// Progress and findings of the damage scan, whichever process runs it.
    pub fn scrub_view(&self) -> ScrubView {
        let read = read_file(&self.scrub_file(), VIEW_BYTES_MAX).ok();
        // It is for display only: a malformed one is treated as missing.
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Fails if the database is obviously damaged. What takes longer than a start may is checked while the node runs.
    ///
    /// # Errors
    /// [`GatewayError`] that names the damage and the remedy.
    pub(in crate::gateway) async fn quick_damage_check(&self) -> Result<(), GatewayError> {
        let found = self.store().quick_check(QUICK_CHECK_MAX).await?;
        let Some(first) = found.first() else { return Ok(()) };
        Err(GatewayError::Local(format!(
            "{first}; nothing is sent or received on it: run `portcullis ledger verify`, and restore the newest copy"
        )))
    }

    /// Logs and records a finding, unless the last alarm about its subject is the same.
    async fn report_damage(&self, damage: &DamageView) {
        let DamageView { subject, text } = damage;
        tracing::error!(subject, text, "damaged");
        let alarm = Entry::new(self.now(), EntryKind::Alarm, subject, "scrub");
        let alarm = alarm.with("damaged", text.chars().take(200).collect::<String>());
        if let Err(error) = self.commit_unless_repeated(Vec::new(), vec![alarm]).await {
            tracing::error!(error = %error, "the alarm could not be recorded");
        }
    }

    /// Waits as long as reading this many bytes may take at the scan's rate.
    async fn pause_after(&self, bytes: u64) {
        let rate = self.config().store.scrub_bytes_per_second.max(1);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        tokio::time::sleep(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))).await;
    }

    fn scrub_file(&self) -> PathBuf {
        let mut name = self.config().store.database.clone().into_os_string();
        name.push(".scrub");
        PathBuf::from(name)
    }

    fn store_scrub_view(&self, view: &ScrubView) {
        // INVARIANT: a view is plain data. A failed write is logged and has no other effect.
        let kept = serde_json::to_vec(view).map_err(GatewayError::trouble);
        if let Err(error) =
            kept.and_then(|bytes| crate::gateway::node::files::replace(&self.scrub_file(), &bytes, 0o600))
        {
            tracing::warn!(error = %error, "the progress of the damage scan cannot be stored");
        }
    }

    async fn scan_step(&self, step: Step) -> Result<ScanResults, GatewayError> {
        let name = self.config().node.name.to_string();
        let altered = |what: Vec<Disagreement>| {
            let remedy =
                "run `ledger verify`, find out what wrote to the database, and restore the store from a backup";
            let finding = |what: Disagreement| DamageView { subject: name.clone(), text: format!("{what}; {remedy}") };
            what.into_iter().map(finding).collect::<Vec<_>>()
        };
        Ok(match step {
            Step::File(part) => {
                let examined = self.store().check_part(part).await?;
                let next = examined.next.map(Step::File).or_else(|| step.following());
                ScanResults { bytes: examined.bytes, found: altered(examined.found), next }
            }
            Step::Enrolled => {
                let mut found = altered(self.proved().compare_all().await?);
                // Normal operation does not show whether the authorities' certificates are still valid.
                if self.certificate_keys().is_err() {
                    // What another process replaces, or cannot be opened right now, is checked again.
                    tokio::time::sleep(RECHECK_AFTER).await;
                }
                if let Err(error) = self.certificate_keys() {
                    found.push(DamageView { subject: name.clone(), text: error.to_string() });
                }
                ScanResults::rows(step, u64::from(ROWS), found, None)
            }
            Step::Finished(after) => {
                let (last, found) = self.proved().compare_finished(after, ROWS as usize).await?;
                ScanResults::rows(step, u64::from(ROWS), altered(found), last.map(|last| Step::Finished(Some(last))))
            }
            Step::Requests(after) => {
                let (last, found) = self.proved().compare_requests(after, ROWS as usize).await?;
                ScanResults::rows(step, u64::from(ROWS), altered(found), last.map(|last| Step::Requests(Some(last))))
            }
            Step::Witnesses => {
                let (looked, found) = self.damaged_checkpoints().await?;
                ScanResults::rows(step, looked, found, None)
            }
            Step::Payloads(before) => {
                let filter = ExchangeFilter { before, limit: ROWS, ..ExchangeFilter::default() };
                let rows = self.store().exchanges(&filter).await?;
                let mut found = Vec::new();
                for row in &rows {
                    found.extend(self.damaged_exchange(row).await?);
                }
                let more = rows.last().map(|last| Step::Payloads(Some(last.id)));
                ScanResults::rows(step, rows.len() as u64, found, more)
            }
            Step::Products(before) => {
                let filter = RequestFilter { before, limit: ROWS, ..RequestFilter::default() };
                let rows = self.store().requests(&filter).await?;
                let mut found = Vec::new();
                for row in rows.iter().filter(|row| row.product.is_some()) {
                    found.extend(self.damaged_product(row).await?);
                }
                let more = rows.last().map(|last| Step::Products(Some(last.id)));
                ScanResults::rows(step, rows.len() as u64, found, more)
            }
        })
    }

    /// Stored checkpoints of partners' ledgers that those partners did not sign.
    async fn damaged_checkpoints(&self) -> Result<(u64, Vec<DamageView>), GatewayError> {
        let mut found = Vec::new();
        let partners = self.store().partners().await?;
        for row in &partners {
            let Some(head) = self.store().partner_checkpoint(&row.id).await? else { continue };
            // A removed partner has no valid key any more.
            let Ok(partner) = self.partner(&row.id).await else { continue };
            let key = partner.description.ledger_key.clone();
            let Ok(key) = key.parse::<LedgerKey>() else { continue };
            // A checkpoint signed with an earlier key of that ledger cannot be checked.
            if SignedCheckpoint::verify(&head, &key).is_err() && !key.is_other_in(&head) {
                let text = "the stored checkpoint of its ledger was not signed by it: run `ledger verify`, and restore the \
                            store from a backup";
                found.push(DamageView { subject: row.id.to_string(), text: text.to_owned() });
            }
        }
        Ok((partners.len() as u64, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_comes_to_everything_and_to_its_end() {
        let mut names = Vec::new();
        let mut step = Some(Step::FIRST);
        while let Some(at) = step {
            names.push(at.name());
            step = at.following();
        }
        assert_eq!(names, ["database", "rows", "rows", "rows", "heads", "payloads", "products"]);
        assert_eq!(Step::File(Part::Entries(7)).following(), Some(Step::Enrolled));
    }

    #[test]
    fn what_was_found_is_told_until_a_whole_pass_does_not_find_it() {
        let damage = |n: u8| DamageView { subject: format!("ex-{n}"), text: "EXERCISE".into() };
        let told = |view: &ScrubView| view.damage().map(|damage| damage.subject.clone()).collect::<Vec<_>>();
        let mut view = ScrubView::default();
        view.begin("1".into());
        view.finding.push(damage(1));
        assert_eq!(told(&view), ["ex-1"]);
        view.end("2".into());
        view.begin("3".into());
        assert_eq!(told(&view), ["ex-1"]);
        view.finding.extend([damage(1), damage(2)]);
        assert_eq!(told(&view), ["ex-1", "ex-2"]);
        view.end("4".into());
        view.begin("5".into());
        view.end("6".into());
        assert!(told(&view).is_empty());
        assert_eq!((view.at.as_str(), view.whole.as_deref()), ("done", Some("6")));
    }
}
