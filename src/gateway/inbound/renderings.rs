//! Renderings of received products, for the people who take them.

use std::collections::BTreeSet;

use crate::cut::Cut;
use crate::envelope::Manifest;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::product::Format;
use crate::sign::Signed;
use crate::store::ExchangeState;

/// A rendering of a received product, or why there is none.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// In which format.
    pub format: Format,
    /// Its bytes, or what the format cannot represent.
    pub made: Result<Vec<u8>, String>,
}

impl Node {
    /// Renderings of a product in the inbox: those `asked` for, or else those that the sender's manifest names. Each
    /// is created here from the received product alone, which is not among them.
    ///
    /// # Errors
    /// [`GatewayError`] if no such product is here, it is in quarantine, or it cannot be opened.
    pub async fn renderings(
        &self,
        id: &ExchangeId,
        asked: Option<&BTreeSet<Format>>,
    ) -> Result<Vec<Rendering>, GatewayError> {
        let row = self.inbox_row(id).await?;
        if row.state == ExchangeState::Quarantined {
            return Err(GatewayError::refused(format!("exchange `{id}` is in quarantine: see `inbox show {id}`")));
        }
        let formats = match asked {
            Some(asked) => asked.clone(),
            None => {
                // The manifest was verified before it was recorded.
                let manifest = row.manifest.as_deref().map(Signed::<Manifest>::peek).transpose();
                let manifest = manifest.map_err(GatewayError::trouble)?;
                let names = manifest.and_then(|m| m.formats).unwrap_or_default();
                names.iter().filter_map(|name| Format::named(name)).collect()
            }
        };
        if formats.iter().all(|f| *f == Format::Text) {
            return Ok(Vec::new());
        }
        let (text, _) = self.opened(&row).await?;
        let cut = Cut::read(&text, self.bounds(), self.register()).map_err(|fault| {
            GatewayError::trouble(format!("`{id}` is no longer valid under the register in force: {fault}"))
        })?;
        let made = |format| Rendering {
            format,
            made: cut.rendered(format, self.register()).map_err(|no_image| no_image.to_string()),
        };
        Ok(formats.into_iter().filter(|f| *f != Format::Text).map(made).collect())
    }
}
