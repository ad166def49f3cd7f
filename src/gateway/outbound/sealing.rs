//! Seals released cuts: short ones into memory, for the store to keep with the row that queues them; long ones into
//! the spool. The header that opens them goes to the store only.

use std::io::{self, Write};

use bytes::Bytes;

use crate::cut::Cut;
use crate::digest::{Digest, Pieces, PiecesHasher};
use crate::envelope::{Binding, ExchangeContext, Header, Kind, Manifest, OpeningSecret};
use crate::gateway::content::attachments::{blocking, blocking_unless};
use crate::gateway::content::pipeline::{Ahead, WriteBehind, is_long};
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::outbound::decision::dossier::Dossier;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::EntryKind;
use crate::product::Contents;
use crate::release::Release;
use crate::seal::{SealFault, Sealing, seal, sealed_size_max};
use crate::sign::{Signed, Signer as _};
use crate::store::{Exchange, FileHold, Payload, SpoolFile, SpoolId};

/// A spool file that computes the digests of the pieces written to it.
struct InPieces {
    file: SpoolFile,
    pieces: PiecesHasher,
}

impl Write for InPieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.pieces.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A sealed cut, and the signed manifest that is sent ahead of it.
pub(in crate::gateway) struct Sealed {
    pub manifest: Signed<Manifest>,
    pub payload: Payload,
    /// Digests of its pieces, if it has more than one.
    pub pieces: Option<Pieces>,
    /// The header that opens it; kept in the store for any length.
    pub header: Header,
    /// The payload, if it was sealed now and is kept in the store.
    pub short: Option<Bytes>,
    /// Its spool file, if it was sealed into one now, held until the queueing row is on record.
    pub held: Option<FileHold>,
}

impl Node {
    /// The envelope sealed before the exchange was held, if it is identical to what would be sealed now: a partner
    /// that already has it answers with the receipt of that manifest, and refuses any other under the same number.
    pub(in crate::gateway) async fn sealed_before(
        &self,
        exchange: &Exchange,
        candidate: &InspectedCut,
        release: &Release,
    ) -> Result<Option<Sealed>, GatewayError> {
        let (Some(manifest), Some(payload), Some(header)) = (&exchange.manifest, exchange.payload, &exchange.header)
        else {
            return Ok(None);
        };
        let Ok(manifest) = Signed::<Manifest>::verify(manifest, self.keys().signing.public()) else { return Ok(None) };
        let said = manifest.statement();
        let same = said.cut_digest == candidate.cut.digest()
            && said.payload_digest == payload.digest
            && said.header == Some(header.commitment())
            && said.precedence == exchange.precedence
            && said.about == self.named(exchange).await?
            && said.expires_at_ms == release.expires().unix_ms();
        let entries = self.store().entries_about(&exchange.id.to_string()).await?;
        let sealed = entries.iter().rev().find(|recorded| recorded.entry.kind() == EntryKind::ExchangeSealed);
        let recipient = Digest::of(release.recipient().as_bytes()).to_string();
        let to_whom = sealed.and_then(|recorded| recorded.entry.detail().get("recipient"));
        let usable = same && to_whom == Some(&recipient) && self.is_whole(payload).await;
        let pieces = exchange.pieces.clone();
        Ok(usable.then(|| Sealed { manifest, payload, pieces, header: header.clone(), short: None, held: None }))
    }

    /// The replaced exchange, if the partner was offered it. Otherwise the partner does not know it, and its number
    /// would reveal that it existed.
    async fn named(&self, exchange: &Exchange) -> Result<Option<ExchangeId>, GatewayError> {
        let Some(about) = exchange.about else { return Ok(None) };
        Ok(if self.may_have_arrived(&self.exchange_row(&about).await?).await? { Some(about) } else { None })
    }

    /// Seals a released candidate and signs its manifest.
    pub(in crate::gateway) async fn seal_anew(
        &self,
        dossier: &Dossier,
        exchange: &Exchange,
        candidate: &InspectedCut,
        release: &Release,
        formats: Option<Vec<String>>,
    ) -> Result<Sealed, GatewayError> {
        let id = SpoolId::Envelope(exchange.id);
        let size = sealed_size_max(&candidate.cut).map_err(GatewayError::trouble)?;
        let (sender, recipient) = (self.config().node.name.clone(), exchange.partner.clone().into());
        let bound = ExchangeContext { exchange: exchange.id, sender, recipient };
        let binding = Binding { context: bound, secret: OpeningSecret::new(self.random()) };
        let (payload, pieces, Sealing { header, opening }, short, held) = match self.spool().is_inline(size) {
            true => {
                let (payload, sealing, bytes) = self.seal_short(id, size, dossier, candidate, release, &binding)?;
                (payload, None, sealing, Some(bytes), None)
            }
            false => {
                let (payload, pieces, sealing, held) =
                    self.seal_long(id, size, dossier, candidate, release, &binding).await?;
                (payload, pieces, sealing, None, Some(held))
            }
        };
        let ExchangeContext { exchange: number, sender, recipient } = binding.context;
        let manifest = Manifest {
            version: Manifest::VERSION,
            exchange: number,
            kind: Kind::Product,
            sender,
            recipient,
            marking: candidate.cut.marking().to_string(),
            cut_digest: candidate.cut.digest(),
            payload_digest: payload.digest,
            payload_size: payload.size,
            precedence: exchange.precedence,
            sealed_at_ms: self.now().unix_ms(),
            expires_at_ms: release.expires().unix_ms(),
            formats,
            about: self.named(exchange).await?,
            header: Some(header.commitment()),
            opening,
        };
        let manifest = Signed::sign(manifest, &self.keys().signing).map_err(GatewayError::trouble)?;
        self.verified().insert(&manifest);
        Ok(Sealed { manifest, payload, pieces, header, short, held })
    }

    /// Seals a cut of at most `size` bytes for the store. It needs free disk space like any other.
    fn seal_short(
        &self,
        id: SpoolId,
        size: u64,
        dossier: &Dossier,
        candidate: &InspectedCut,
        release: &Release,
        binding: &Binding,
    ) -> Result<(Payload, Sealing, Bytes), GatewayError> {
        self.spool().admit(size).map_err(GatewayError::trouble)?;
        let contents = self.contents_of(dossier.terms.request, &dossier.product)?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let cut = &candidate.cut;
        let at_once = cut.detached().next().is_none();
        let sealing = blocking_unless(at_once, || seal(release, cut, &contents.unhashed(false), binding, &mut bytes))
            .map_err(GatewayError::trouble)?;
        let payload = Payload { spool: id, size: bytes.len() as u64, digest: Digest::of(&bytes) };
        Ok((payload, sealing, bytes.into()))
    }

    /// Seals a cut of at most `size` bytes into the spool.
    async fn seal_long(
        &self,
        id: SpoolId,
        size: u64,
        dossier: &Dossier,
        candidate: &InspectedCut,
        release: &Release,
        binding: &Binding,
    ) -> Result<(Payload, Option<Pieces>, Sealing, FileHold), GatewayError> {
        let (InPieces { file, pieces }, sealing) = {
            let contents = self.contents_of(dossier.terms.request, &dossier.product)?;
            // Content for several partners is read once per partner.
            let contents = contents.unhashed(dossier.exchanges.len() == 1);
            blocking(|| self.seal_into(id, size, release, &candidate.cut, &contents, binding))?
        };
        // While it waits for the disk, others of the slice are decided.
        let (whole, held) = file.finish_in_background().await.map_err(GatewayError::trouble)?;
        let one = Pieces::of_one(whole.size, whole.digest).is_some();
        let pieces = (!one).then(|| pieces.finish());
        Ok((Payload { spool: id, size: whole.size, digest: whole.digest }, pieces, sealing, held))
    }

    /// Seals a cut into the spool in pieces. The digest of the finished file is what is offered. An unfinished file
    /// is removed. Blocks.
    fn seal_into(
        &self,
        spooled: SpoolId,
        size: u64,
        release: &Release,
        cut: &Cut,
        contents: &dyn Contents,
        binding: &Binding,
    ) -> Result<(InPieces, Sealing), GatewayError> {
        let file = self.spool_anew_blocking(spooled, size).map_err(GatewayError::trouble)?;
        let mut file = InPieces { file, pieces: PiecesHasher::new(size) };
        let sealed = if is_long(size) {
            let mut behind = WriteBehind::new(file);
            let sealed = seal(release, cut, &Ahead(contents), binding, &mut behind);
            let (written, ended) = behind.end().map_err(GatewayError::trouble)?;
            file = written;
            sealed.and_then(|sealing| ended.map(|()| sealing).map_err(|e| SealFault::Write(e.to_string())))
        } else {
            seal(release, cut, contents, binding, &mut file)
        };
        match sealed {
            Ok(sealing) => Ok((file, sealing)),
            Err(fault) => file.file.discard().map_err(GatewayError::trouble).and(Err(GatewayError::trouble(fault))),
        }
    }
}
