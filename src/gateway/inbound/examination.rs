//! Checks the content of a received payload against the manifest, the agreement and the filters.

use crate::cut::Cut;
use crate::digest::Digest;
use crate::envelope::{ExchangeContext, Header, Manifest, OpeningProof};
use crate::gateway::Node;
use crate::gateway::content::attachments::{blocking_unless, is_short};
use crate::gateway::content::pipeline::{Ahead, is_long, read_ahead, scanning};
use crate::inspect;
use crate::marking::Rules;
use crate::partner::Partner;
use crate::seal::{self, OpenFault, SealedContents};
use crate::sign::Signed;
use crate::store::PayloadReader;

/// The content of a payload, as far as it is well formed, and all faults that keep it out of the inbox.
pub(in crate::gateway) struct Content {
    pub cut: Option<Cut>,
    /// The text that the manifest names, if it is not a valid cut.
    pub unparsed: Option<Vec<u8>>,
    pub faults: Vec<String>,
    /// The proof that it was opened.
    pub proof: OpeningProof,
}

/// Why the content of a payload could not be read, so that it is not stored.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum NotOpened {
    #[error(transparent)]
    Fault(OpenFault),
    /// The sealed header names something else than the offer.
    #[error("payload was sealed {0}, but offered as something else")]
    Elsewhere(Box<ExchangeContext>),
    /// The sender would reject a receipt with the proof that it gives.
    #[error("manifest commits to another proof of opening than the payload gives")]
    Commitment,
}

impl From<OpenFault> for NotOpened {
    fn from(fault: OpenFault) -> NotOpened {
        match fault {
            OpenFault::Bound(bound) => NotOpened::Elsewhere(bound),
            fault => NotOpened::Fault(fault),
        }
    }
}

impl Node {
    /// Checks all of the content and returns every fault: the text first, then each attachment in one pass over the
    /// payload, and last the filters. Blocks.
    pub(in crate::gateway) fn check_content(
        &self,
        partner: &Partner,
        manifest: &Signed<Manifest>,
        header: &Header,
        payload: &PayloadReader,
    ) -> Result<Content, NotOpened> {
        let said = manifest.statement();
        let opener = &self.keys().payload;
        let opened = seal::open(opener, header, payload.cursor(), self.bounds().bytes_max, &said.context())?;
        let proof = opened.proof();
        if !said.opening.commits_to(&proof) {
            return Err(NotOpened::Commitment);
        }
        if Digest::of(opened.text()) != said.cut_digest {
            let faults = vec!["content is not what the manifest names".into()];
            return Ok(Content { cut: None, unparsed: None, faults, proof });
        }
        let cut = match Cut::read(opened.text(), self.bounds(), self.register()) {
            Ok(cut) => cut,
            Err(fault) => {
                let unparsed = Some(opened.text().to_vec());
                return Ok(Content { cut: None, unparsed, faults: vec![fault.to_string()], proof });
            }
        };
        let mut faults = self.content_faults(partner, manifest, &cut);
        // The filters read the content as it passes. INVARIANT: their results count only after the check has verified
        // the digests that the cut names.
        let long = is_long(payload.size());
        let opened = if long { opened.through(read_ahead) } else { opened };
        let (checked, looked) = scanning(&cut, long, |each| opened.check_while(&cut, each));
        match checked {
            Ok(layout) => {
                let contents = SealedContents::new(opener, header, layout, || payload.cursor());
                let at_once = cut.attachments().is_empty() && is_short(payload.size());
                let settings = self.inspection().for_party(format!("partner {}", partner.id));
                let inspect = || inspect::inbound_scanned(looked, &cut, self.register(), &Ahead(&contents), &settings);
                if let Err(refused) = blocking_unless(at_once, inspect) {
                    faults.extend(refused.findings.iter().map(ToString::to_string));
                }
            }
            Err(fault @ OpenFault::Attachment(_)) => faults.push(fault.to_string()),
            Err(fault) => return Err(fault.into()),
        }
        Ok(Content { cut: Some(cut), unparsed: None, faults, proof })
    }

    /// Faults of a cut's text against the manifest or the agreement.
    fn content_faults(&self, partner: &Partner, manifest: &Signed<Manifest>, cut: &Cut) -> Vec<String> {
        let said = manifest.statement();
        let mut faults = Vec::new();
        if cut.marking().to_string() != said.marking {
            faults.push("marking inside differs from the manifest's".to_owned());
        }
        let rules = Rules::new(self.register(), cut.as_of());
        if let Err(not) = self.check_inward_marking(partner, cut.marking(), &cut.marks(), &rules) {
            faults.push(format!("marking: {}", not.why));
        }
        if !partner.agreement.kinds.contains(cut.kind().as_str()) {
            faults.push("kind of product is not in the agreement".to_owned());
        }
        if cut.attachments().iter().any(|a| !partner.agreement.attachments.contains(a.media_type())) {
            faults.push("an attachment's type is not in the agreement".to_owned());
        }
        faults
    }
}
