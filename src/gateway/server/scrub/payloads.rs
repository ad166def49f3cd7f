//! Reads back the stored data of exchanges and requests: sealed payloads, products and their attachments.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use super::{DamageView, RECHECK_AFTER};
use crate::digest::{Digest, Hasher};
use crate::gateway::content::attachments::numbered;
use crate::gateway::{GatewayError, Node};
use crate::product::{Attachment, Contents as _, Product};
use crate::store::{Direction, Exchange, ExchangeState, Payload, Request, has_pending_exchanges};

/// Bytes of a file read between two pauses.
const PIECE: usize = 256 << 10;
/// The gateway delays an exchange by no more than this: a quota lasts a day.
const DELAY_MAX: Duration = Duration::from_secs(2 * 86_400);

impl Node {
    /// Damage of an exchange's payload or due time.
    pub(super) async fn damaged_exchange(&self, row: &Exchange) -> Result<Option<DamageView>, GatewayError> {
        let finding = |text: String| DamageView { subject: row.id.to_string(), text };
        let latest = self.now().plus(DELAY_MAX);
        if row.state == ExchangeState::Queued && row.next_attempt > latest {
            return Ok(Some(finding(format!(
                "it is queued until {}, later than any regular delay: cancel it and submit it again",
                row.next_attempt
            ))));
        }
        let arriving = matches!(row.state, ExchangeState::Offered | ExchangeState::Receiving);
        let Some(payload) = row.payload.filter(|_| row.keeps_payload() && !arriving) else { return Ok(None) };
        for _ in 0..2 {
            if self.digest_of(payload).await == Some(payload.digest) {
                return Ok(None);
            }
            // It may have been deleted or sealed again meanwhile: then it is checked again.
            tokio::time::sleep(RECHECK_AFTER).await;
            let again = self.store().exchange(&row.id).await?;
            if again.is_none_or(|again| again.payload != row.payload || !again.keeps_payload()) {
                return Ok(None);
            }
        }
        if row.state == ExchangeState::Taken {
            // What was taken long ago is no longer stored.
            let there = self.spool().has_any(payload.spool);
            let text = "it was taken, but the sealed payload stored for taking it again is damaged: restore the spool \
                        from a backup, or ask the partner to send it again if it is needed";
            return Ok(there.then(|| finding(text.to_owned())));
        }
        let remedy = match row.direction {
            Direction::Out => "restore the spool from a backup, or cancel it and submit it again",
            Direction::In => "restore the spool from a backup, or ask the partner to send it again",
        };
        Ok(Some(finding(format!("its sealed payload is missing or damaged: {remedy}"))))
    }

    /// The digest of a payload, read at the scan's rate; `None` if it cannot be read or has another size.
    async fn digest_of(&self, payload: Payload) -> Option<Digest> {
        let (mut hasher, mut at) = (Hasher::new(), 0);
        loop {
            // Opened for each piece: an open reader delays deletion of the file, and at this rate for long.
            let mut reader = self.payload(payload).await.ok().filter(|reader| reader.size() == payload.size)?;
            if at == payload.size {
                return Some(hasher.finish());
            }
            let bytes = reader.read_at(at, PIECE).await.ok().filter(|bytes| !bytes.is_empty())?;
            drop(reader);
            hasher.update(&bytes);
            at += bytes.len() as u64;
            self.pause_after(bytes.len() as u64).await;
        }
    }

    /// Damage of a request's product and its stored attachments.
    pub(super) async fn damaged_product(&self, row: &Request) -> Result<Vec<DamageView>, GatewayError> {
        let remedy =
            "no cut can be made for its waiting exchanges: restore the spool from a backup, or submit it again";
        let finding = |why: String| DamageView { subject: row.id.to_string(), text: format!("{why}; {remedy}") };
        let bytes = match self.product_text(row).await {
            Ok(bytes) => bytes,
            Err(GatewayError::Local(why)) => return Ok(vec![finding(why)]),
            Err(error) => return Err(error),
        };
        self.pause_after(bytes.len() as u64).await;
        // Attachments are stored as long as an exchange waits for them. A product that is invalid under the register
        // in force is reported where it is needed.
        let waits = || has_pending_exchanges(&**self.store(), &row.id);
        if !waits().await? {
            return Ok(Vec::new());
        }
        let Ok(product) = Product::read(&bytes, self.bounds(), self.register()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for attachment in numbered(&product) {
            let whole = self.is_attachment_whole(row, &product, attachment).await;
            if whole || !waits().await? {
                continue;
            }
            // As with payloads.
            tokio::time::sleep(RECHECK_AFTER).await;
            if !self.is_attachment_whole(row, &product, attachment).await && waits().await? {
                let digest = attachment.digest();
                found.push(finding(format!("its attachment with SHA-256 `{}` is missing or damaged", digest.short())));
            }
        }
        Ok(found)
    }

    /// Whether an attachment matches its product, read at the scan's rate.
    async fn is_attachment_whole(&self, row: &Request, product: &Product, attachment: &Attachment) -> bool {
        let (mut hasher, mut at) = (Hasher::new(), 0);
        while at < attachment.size() {
            // As in [`Node::digest_of`].
            let Some(bytes) = self.attachment_piece(row, product, attachment, at) else { return false };
            hasher.update(&bytes);
            at += bytes.len() as u64;
            self.pause_after(bytes.len() as u64).await;
        }
        at == attachment.size() && hasher.finish() == attachment.digest()
    }

    /// The bytes of an attachment from `at` on, as far as one piece goes; `None` if there are none.
    fn attachment_piece(&self, row: &Request, product: &Product, attachment: &Attachment, at: u64) -> Option<Vec<u8>> {
        let contents = self.contents_of(row.id, product).ok()?;
        crate::gateway::content::attachments::blocking(|| {
            let mut content = contents.unhashed(true).open(attachment.digest()).ok()?;
            content.seek(SeekFrom::Start(at)).ok()?;
            let mut bytes = Vec::new();
            content.take(PIECE as u64).read_to_end(&mut bytes).ok()?;
            (!bytes.is_empty()).then_some(bytes)
        })
    }
}
