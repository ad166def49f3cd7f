//! Quarantine: received payloads that failed a check are stored separately with their findings, and only an officer can
//! admit them to the inbox.

use crate::gateway::node::participants::holder_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::approval::{QuarantineAdmission, Quarantined};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::gateway::outbound::submission::request::describe;
use crate::gateway::views::exchange::{InboxView, QuarantineView};
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::sign::{PublicKey, Signed, Signer};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeState, StoreError};

/// Base64 characters of a statement in one detail of a ledger entry.
const PIECE_CHARS: usize = 500;

/// Retries of an admission because the officers changed meanwhile.
const TRIES: usize = 8;

/// Pieces in one entry; together with the other details they stay below what an entry holds.
const PIECES_OF_ENTRY: usize = 10;

impl Node {
    /// Everything in quarantine, newest first, with the findings.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn quarantined_all(&self) -> Result<Vec<QuarantineView>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::In),
            states: [ExchangeState::Quarantined].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        Ok(self.store().exchanges(&filter).await?.iter().map(|row| view(row, None)).collect())
    }

    /// One product in quarantine; with its text on request.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is not in quarantine; [`GatewayError::Local`] if its payload is requested
    /// and does not open.
    pub async fn quarantined(&self, id: &ExchangeId, content: bool) -> Result<QuarantineView, GatewayError> {
        let row = self.quarantined_row(id).await?;
        let text = if content { Some(self.opened(&row).await?.0) } else { None };
        Ok(view(&row, text.map(|t| String::from_utf8_lossy(&t).into_owned())))
    }

    /// Signs the admission of one product from quarantine as the holder of `signer`, and admits it to the inbox.
    ///
    /// # Errors
    /// As [`Node::admit_signed`], and [`GatewayError::Refused`] if the key belongs to no officer.
    pub async fn admit_quarantined(
        &self,
        id: &ExchangeId,
        why: &str,
        signer: &dyn Signer,
    ) -> Result<InboxView, GatewayError> {
        let row = self.quarantined_row(id).await?;
        let officers = self.officers().await?;
        let officer = holder_of(&officers, signer)?;
        let statement = QuarantineAdmission {
            what: what(&row)?,
            officer: officer.id.clone(),
            role: officer.strongest_role(),
            why: why.to_owned(),
            given_at: self.now(),
            nonce: self.random(),
            instance: self.instance(),
        };
        let signed = Signed::sign(statement, signer).map_err(GatewayError::trouble)?;
        self.admit_signed(id, signed.bytes(), signer.public()).await
    }

    /// Admits a product from quarantine to the inbox on an officer's signed statement, which is recorded in the
    /// ledger with it.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the statement does not count, the product is not in quarantine, or its payload is
    /// missing or damaged.
    pub async fn admit_signed(
        &self,
        id: &ExchangeId,
        statement: &[u8],
        key: &PublicKey,
    ) -> Result<InboxView, GatewayError> {
        for _ in 1..TRIES {
            match self.try_admit(id, statement, key).await {
                // The officers changed meanwhile: the next try reads who is in office now.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                other => return other,
            }
        }
        self.try_admit(id, statement, key).await
    }

    async fn try_admit(&self, id: &ExchangeId, statement: &[u8], key: &PublicKey) -> Result<InboxView, GatewayError> {
        // INVARIANT: read before anything that is checked, and compared in the commit.
        let roster = self.store().generations().await?.roster;
        let mut row = self.quarantined_row(id).await?;
        let now = self.now();
        if self.clock_in_doubt().await? {
            return Err(GatewayError::refused(
                "the clock is in doubt: products cannot be admitted until it is accepted",
            ));
        }
        let officers = self.officers().await?;
        let signed = QuarantineAdmission::verify(statement, key, &what(&row)?, &self.here(&officers));
        let signed = signed.map_err(GatewayError::refused)?;
        // The payload must be intact: an admission of lost or changed bytes would be meaningless.
        let (opened, _) = self.opened(&row).await?;
        let mut prints = None;
        if let Ok(cut) = Cut::read(&opened, self.bounds(), self.register()) {
            describe(&mut row, &cut);
            row.product_id = Some(cut.id().as_str().to_owned());
            prints = Some(self.admitted_from(&row.partner, &cut, row.id));
        }
        let said = signed.statement();
        let text = STANDARD.encode(signed.bytes());
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(PIECE_CHARS).collect();
        let facts = Entry::new(now, EntryKind::InboxAdmitted, id, &said.officer)
            .with("digest", signed.digest())
            .with("pieces", pieces.len());
        // One entry holds a few bounded details; a post-quantum signature takes several entries of one commit.
        let mut entries = Vec::new();
        for (i, some) in pieces.chunks(PIECES_OF_ENTRY).enumerate() {
            let mut entry = facts.clone();
            if i == 0 {
                entry = entry.with("key", signed.key()).with("role", said.role).with("verdicts", said.what.verdicts);
            }
            for (j, piece) in some.iter().enumerate() {
                let name = format!("statement-{:02}", i * PIECES_OF_ENTRY + j + 1);
                entry = entry.with(&name, String::from_utf8_lossy(piece));
            }
            entries.push(entry);
        }
        row.state = ExchangeState::Received;
        row.updated = now;
        let changes = std::iter::once(row.clone().into()).chain(prints).collect();
        self.commit_while(self.stands(roster), changes, entries).await?;
        tracing::warn!(exchange.id = %id, officer.id = %said.officer, "admitted from quarantine");
        Ok(super::inbox::view(&row))
    }

    async fn quarantined_row(&self, id: &ExchangeId) -> Result<Exchange, GatewayError> {
        let row = self.inbox_row(id).await?;
        if row.state != ExchangeState::Quarantined {
            return Err(GatewayError::refused(format!("exchange `{id}` is {}, not in quarantine", row.state)));
        }
        Ok(row)
    }
}

/// What an officer's statement about this row must name.
fn what(row: &Exchange) -> Result<Quarantined, GatewayError> {
    let missing = || GatewayError::refused(format!("exchange `{}` has no payload on record any more", row.id));
    Ok(Quarantined {
        exchange: row.id,
        manifest: Digest::of(row.manifest.as_deref().ok_or_else(missing)?),
        payload: row.payload.ok_or_else(missing)?.digest,
        verdicts: Digest::of(row.reason.as_deref().unwrap_or_default().as_bytes()),
    })
}

fn view(row: &Exchange, text: Option<String>) -> QuarantineView {
    QuarantineView {
        item: super::inbox::view(row),
        verdicts: row.reason.iter().flat_map(|r| r.lines()).map(str::to_owned).collect(),
        text,
    }
}
