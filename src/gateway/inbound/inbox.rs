//! The inbox: received products as our users see and take them.

use crate::gateway::views::from_record::recalled;
use std::path::Path;

use crate::cut::Cut;
use crate::envelope::{ExchangeContext, Header, Receipt};
use crate::gateway::content::attachments::blocking;
use crate::gateway::package;
use crate::gateway::package::Begun;
use crate::gateway::views::exchange::{InboxItem, InboxView};
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::progress::Unit;
use crate::seal::{self, Layout, OpenFault, SealedContents};
use crate::sign::Signed;
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, PayloadReader, StoreError};
use crate::system::fault_point;
use crate::time::Time;

/// The person who takes a product, as recorded in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taker {
    /// The stated identity: an officer, or the account again.
    pub name: String,
    /// The account of the operating system that ran the command.
    pub account: String,
}

impl Node {
    /// Everything in the inbox and in quarantine, newest first.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn inbox(&self) -> Result<Vec<InboxView>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::In),
            kind: Some(ExchangeKind::Product),
            states: [ExchangeState::Received, ExchangeState::Taken, ExchangeState::Quarantined].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        Ok(self.store().exchanges(&filter).await?.iter().map(view).collect())
    }

    /// One product in the inbox, opened. What is in quarantine is not opened.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if no such product is here.
    pub async fn inbox_item(&self, id: &ExchangeId) -> Result<InboxItem, GatewayError> {
        let mut row = self.inbox_row(id).await?;
        let quarantined = row.state == ExchangeState::Quarantined;
        if !quarantined {
            self.check_admitted(&row).await?;
        }
        let text =
            if quarantined { None } else { Some(String::from_utf8_lossy(&self.opened(&row).await?.0).into_owned()) };
        if !quarantined && row.opened.is_none() {
            row.opened = Some(self.now());
            let entry = Entry::new(self.now(), EntryKind::InboxOpened, id, "operator");
            // Recorded before anybody sees it: the partner may ask later whether it was seen.
            match self.commit(vec![row.clone().into()], vec![entry]).await {
                // Somebody else viewed or took it at the same moment, which is recorded.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => row = self.inbox_row(id).await?,
                other => other?,
            }
        }
        let quarantine = if quarantined {
            row.reason.iter().flat_map(|r| r.lines()).map(str::to_owned).collect()
        } else {
            Vec::new()
        };
        Ok(InboxItem { item: view(&row), quarantine, text })
    }

    /// Records that a product from the inbox is taken, and then writes it to a new file, or with detached attachments
    /// to a new folder of `product.txt` and `attachments/`. It can be taken again.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is in quarantine, its sender recalled it and `even_recalled` is not set, or
    /// `place` exists.
    pub async fn take(
        &self,
        id: &ExchangeId,
        place: &Path,
        even_recalled: bool,
        by: &Taker,
    ) -> Result<InboxView, GatewayError> {
        let mut row = self.inbox_row(id).await?;
        if row.state == ExchangeState::Quarantined {
            return Err(GatewayError::refused(format!(
                "exchange `{id}` is in quarantine: see `inbox quarantine show {id}`"
            )));
        }
        if let Some(why) = row.recalled.as_ref().filter(|_| !even_recalled) {
            return Err(GatewayError::refused(format!(
                "exchange `{id}` was recalled by `{}` at {} ({}): do not use it; --recalled takes it anyway",
                row.partner, why.at, why.why
            )));
        }
        self.check_admitted(&row).await?;
        let (text, payload) = self.opened(&row).await?;
        let _step = self.progress().step("taking", Unit::Bytes, Some(2 * payload.size()));
        let (cut, layout) = blocking(|| self.checked_again(&row, &text, &payload))?;
        let begun = package::begin(place, cut.detached().next().is_some()).map_err(GatewayError::Refused)?;
        // Recorded before anything is written. It can be taken again if writing fails: the payload stays stored.
        let now = self.now();
        let entry =
            Entry::new(now, EntryKind::InboxTaken, id, "operator").with("by", &by.name).with("account", &by.account);
        let recorded = if row.state == ExchangeState::Received {
            row.state = ExchangeState::Taken;
            row.taken = Some(now);
            row.updated = now;
            self.commit(vec![row.clone().into()], vec![entry]).await
        } else {
            self.record(vec![entry]).await
        };
        recorded.map_err(|error| {
            error.of_commit(
                format_args!("the taking of `{id}` (nothing of it was written)"),
                format_args!("status {id}"),
            )
        })?;
        fault_point("taken-recorded");
        blocking(|| self.hand_over(&row, (&cut, layout), &payload, (begun, place))).map_err(|error| {
            GatewayError::trouble(format!("{error}; it is recorded as taken: use `inbox take` to write it again"))
        })?;
        Ok(view(&row))
    }

    /// The row of a received product, in the inbox or in quarantine.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if no such product was received.
    pub(in crate::gateway) async fn inbox_row(&self, id: &ExchangeId) -> Result<Exchange, GatewayError> {
        let row = self.store().exchange(id).await?;
        let here = [ExchangeState::Received, ExchangeState::Taken, ExchangeState::Quarantined];
        let product = |row: &Exchange| row.direction == Direction::In && row.kind == ExchangeKind::Product;
        row.filter(|row| product(row) && here.contains(&row.state))
            .ok_or_else(|| GatewayError::NotFound(format!("no exchange `{id}` is in the inbox: see `inbox list`")))
    }

    /// Fails unless the ledger shows that it was admitted to the inbox, by our checks or by an officer, whatever its
    /// row says.
    async fn check_admitted(&self, row: &Exchange) -> Result<(), GatewayError> {
        let about = self.store().entries_about(&row.id.to_string()).await?;
        let mut kinds = about.iter().rev().map(|recorded| recorded.entry.kind());
        let said = kinds.find(|kind| {
            matches!(kind, EntryKind::ExchangeReceived | EntryKind::InboxAdmitted | EntryKind::ExchangeQuarantined)
        });
        match said {
            Some(EntryKind::ExchangeReceived | EntryKind::InboxAdmitted) => Ok(()),
            _ => Err(GatewayError::trouble(format!(
                "exchange `{}` is in the inbox, but no ledger entry admitted it: run `ledger verify`",
                row.id
            ))),
        }
    }

    /// The text of a received product, and the payload that contains it.
    pub(in crate::gateway) async fn opened(&self, row: &Exchange) -> Result<(Vec<u8>, PayloadReader), GatewayError> {
        let payload = row.payload.ok_or_else(|| GatewayError::trouble("the payload is not on record"))?;
        let reader = self.payload(payload).await?;
        let header = header_of(row)?;
        let (bound, most) = (self.bound_of(row), self.bounds().bytes_max);
        let opened = blocking(|| seal::open(&self.keys().payload, header, reader.cursor(), most, &bound));
        let text = opened.map_err(GatewayError::trouble)?.text().to_vec();
        if Some(crate::digest::Digest::of(&text)) != row.cut_digest {
            return Err(other_payload(row));
        }
        Ok((text, reader))
    }

    /// The binding that the payload of a row must have.
    fn bound_of(&self, row: &Exchange) -> ExchangeContext {
        let (sender, recipient) = (row.partner.clone().into(), self.config().node.name.clone());
        ExchangeContext { exchange: row.id, sender, recipient }
    }

    /// A received product, after its whole payload is verified again. Blocks.
    fn checked_again(
        &self,
        row: &Exchange,
        text: &[u8],
        payload: &PayloadReader,
    ) -> Result<(Cut, Layout), GatewayError> {
        // The digest of this text was verified at arrival and now; its content decides what is written.
        let cut = Cut::read(text, self.bounds(), self.register()).map_err(|fault| {
            GatewayError::trouble(format!("`{}` is no longer valid under the register in force: {fault}", row.id))
        })?;
        let bound = self.bound_of(row);
        let content = self.progress().reading(payload.cursor());
        let opened = seal::open(&self.keys().payload, header_of(row)?, content, self.bounds().bytes_max, &bound);
        let opened = opened.map_err(GatewayError::trouble)?;
        let layout = opened.check(&cut).map_err(|fault| match fault {
            OpenFault::Read(_) => GatewayError::trouble(fault),
            _ => other_payload(row),
        })?;
        Ok((cut, layout))
    }

    /// Writes a verified product to the place that was begun for it. Blocks.
    fn hand_over(
        &self,
        row: &Exchange,
        (cut, layout): (&Cut, Layout),
        payload: &PayloadReader,
        (begun, place): (Begun, &Path),
    ) -> Result<(), GatewayError> {
        let contents = SealedContents::new(&self.keys().payload, header_of(row)?, layout, || {
            self.progress().reading(payload.cursor())
        });
        let detached: Vec<_> = cut.detached().collect();
        let mut fill =
            |folder: &Path| detached.iter().try_for_each(|a| package::write_attachment(folder, a, &contents));
        let attachments: Option<&mut package::Fill<'_>> = if detached.is_empty() { None } else { Some(&mut fill) };
        begun.fill(place, cut.bytes(), attachments).map_err(GatewayError::Local)
    }
}

/// The header that opens a received payload.
fn header_of(row: &Exchange) -> Result<&Header, GatewayError> {
    row.header.as_ref().ok_or_else(|| GatewayError::trouble("the header of the payload is not on record"))
}

fn other_payload(row: &Exchange) -> GatewayError {
    GatewayError::trouble(format!("the stored payload of `{}` is not the one that was received", row.id))
}

/// When a product was received: the time in its receipt, which later changes do not move.
fn received(row: &Exchange) -> Time {
    let receipt = row.receipt.as_deref().and_then(|receipt| Signed::<Receipt>::peek(receipt).ok());
    receipt.map_or(row.updated, |receipt| Time::from_unix_ms(receipt.received_at_ms))
}

/// The view of a received product.
pub(in crate::gateway) fn view(row: &Exchange) -> InboxView {
    InboxView {
        exchange: row.id.to_string(),
        partner: row.partner.to_string(),
        state: row.state.to_string(),
        marking: row.marking.clone().unwrap_or_default(),
        title: row.title.clone().unwrap_or_default(),
        received: received(row).to_string(),
        taken: row.taken.map(|at| at.to_string()).unwrap_or_default(),
        recalled: recalled(row),
        superseded_by: row.superseded_by.map(|id| id.to_string()).unwrap_or_default(),
        replaces: row.about.map(|id| id.to_string()).unwrap_or_default(),
    }
}
