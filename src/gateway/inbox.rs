//! What partners sent, as our own people see and take it.

use std::path::Path;

use super::views::{InboxItem, InboxView};
use super::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::seal::Opener as _;
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeState};

impl Node {
    /// Everything in the inbox and in quarantine, newest first.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn inbox(&self) -> Result<Vec<InboxView>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::In),
            states: [ExchangeState::Received, ExchangeState::Taken, ExchangeState::Quarantined].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        Ok(self.store().exchanges(&filter).await?.iter().map(view).collect())
    }

    /// One product in the inbox, opened. What is in quarantine is not opened.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if no such product is here.
    pub async fn inbox_item(&self, id: &ExchangeId) -> Result<InboxItem, GatewayError> {
        let row = self.inbox_row(id).await?;
        let quarantined = row.state == ExchangeState::Quarantined;
        let text =
            if quarantined { None } else { Some(String::from_utf8_lossy(&self.opened(&row).await?).into_owned()) };
        let quarantine = if quarantined {
            row.reason.iter().flat_map(|r| r.lines()).map(str::to_owned).collect()
        } else {
            Vec::new()
        };
        Ok(InboxItem { item: view(&row), quarantine, text })
    }

    /// Writes a product from the inbox to a new file and puts on record that it was taken.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is in quarantine or the file exists.
    pub async fn take(&self, id: &ExchangeId, file: &Path) -> Result<InboxView, GatewayError> {
        let mut row = self.inbox_row(id).await?;
        if row.state == ExchangeState::Quarantined {
            return Err(GatewayError::refused(format!("exchange `{id}` is in quarantine: see `inbox show {id}`")));
        }
        let opened = self.opened(&row).await?;
        if file.symlink_metadata().is_ok() {
            return Err(GatewayError::refused(format!("`{}` exists: name a file that does not", file.display())));
        }
        // The file first: what is recorded as taken may be swept from the spool, and must be safe somewhere by then.
        crate::config::write_secret(file, &opened)
            .map_err(|e| GatewayError::trouble(format!("`{}` cannot be written: {e}", file.display())))?;
        let now = self.now();
        let entry = Entry::new(now, EntryKind::InboxTaken, id, "operator");
        if row.state == ExchangeState::Received {
            row.state = ExchangeState::Taken;
            row.updated = now;
            self.commit(vec![row.clone().into()], vec![entry]).await?;
        } else {
            self.record(vec![entry]).await?;
        }
        Ok(view(&row))
    }

    async fn inbox_row(&self, id: &ExchangeId) -> Result<Exchange, GatewayError> {
        let row = self.store().exchange(id).await?;
        let here = [ExchangeState::Received, ExchangeState::Taken, ExchangeState::Quarantined];
        row.filter(|row| row.direction == Direction::In && here.contains(&row.state))
            .ok_or_else(|| GatewayError::Unknown(format!("no exchange `{id}` is in the inbox: see `inbox list`")))
    }

    async fn opened(&self, row: &Exchange) -> Result<Vec<u8>, GatewayError> {
        let payload = row.payload.ok_or_else(|| GatewayError::trouble("the payload is not on record"))?;
        let sealed = self.spooled(payload.spool, payload.size).await?;
        let opened = self.keys().payload.open(&sealed, self.bounds().bytes_max).map_err(GatewayError::trouble)?;
        if Some(crate::digest::Digest::of(&opened)) != row.cut_digest {
            return Err(GatewayError::trouble(format!(
                "the stored payload of `{}` is not the one that was received",
                row.id
            )));
        }
        Ok(opened)
    }
}

fn view(row: &Exchange) -> InboxView {
    InboxView {
        exchange: row.id.to_string(),
        partner: row.partner.to_string(),
        state: row.state.to_string(),
        marking: row.marking.clone().unwrap_or_default(),
        title: row.title.clone().unwrap_or_default(),
        received: row.updated.to_string(),
    }
}
