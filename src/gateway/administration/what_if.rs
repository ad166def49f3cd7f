//! What recorded exchanges would be decided under another policy: asked, never acted on.

use std::path::Path;

use serde::Serialize;

use crate::approval::Submitted;
use crate::change::{PolicyTexts, Proposal as ProposedChange};
use crate::digest::Digest;
use crate::gateway::node::policy::rules;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::ledger::EntryKind;
use crate::release::{self, Proposal, Stage};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind};

/// Which recorded exchanges two policies decide differently.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyDiff {
    /// SHA-256 of the texts of the one policy, and of the other.
    pub old: Digest,
    /// The other.
    pub new: Digest,
    /// How many exchanges were asked about under both.
    pub compared: usize,
    /// How many could not be, because what was decided on is not kept any more.
    pub not_comparable: usize,
    /// Those that differ, newest first.
    pub differ: Vec<Differs>,
}

/// An exchange that two policies decide differently, or for other reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Differs {
    /// The exchange.
    pub exchange: String,
    /// To whom.
    pub partner: String,
    /// Where it stands now.
    pub state: String,
    /// Its marking.
    pub marking: String,
    /// Under the one policy.
    pub old: Under,
    /// Under the other.
    pub new: Under,
}

/// What one policy says of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Under {
    /// Whether it permits it.
    pub permitted: bool,
    /// Why.
    pub reasons: Vec<ReasonView>,
}

impl Node {
    /// Asks two policies about every outbound product on record, each at the time it was decided, or now if it was not
    /// yet; with the products, cuts and approvals on record, and partners, agreements and officers as they are now.
    ///
    /// # Errors
    /// [`GatewayError`] if a policy does not load or the store cannot be read.
    pub async fn policy_diff(&self, old: PolicyTexts, new: PolicyTexts) -> Result<PolicyDiff, GatewayError> {
        let (one, other) = (self.supposing(old)?, self.supposing(new)?);
        let mut diff = PolicyDiff {
            old: one.texts_digest(),
            new: other.texts_digest(),
            compared: 0,
            not_comparable: 0,
            differ: Vec::new(),
        };
        let filter = ExchangeFilter { direction: Some(Direction::Out), limit: u32::MAX, ..ExchangeFilter::default() };
        for exchange in self.store().exchanges(&filter).await? {
            if exchange.kind != ExchangeKind::Product {
                continue;
            }
            let (Some(old), Some(new)) = (one.asked_under(&exchange).await?, other.asked_under(&exchange).await?)
            else {
                diff.not_comparable += 1;
                continue;
            };
            diff.compared += 1;
            if old.permitted != new.permitted || (!new.permitted && old.codes() != new.codes()) {
                diff.differ.push(Differs {
                    exchange: exchange.id.to_string(),
                    partner: exchange.partner.to_string(),
                    state: exchange.state.to_string(),
                    marking: exchange.marking.clone().unwrap_or_default(),
                    old,
                    new,
                });
            }
        }
        Ok(diff)
    }

    /// The texts that `what` names: a policy folder, a change file (what would be in force after it), or `in-force`.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it does not read as any of them.
    pub fn texts_named(&self, what: &Path) -> Result<PolicyTexts, GatewayError> {
        if what.is_dir() {
            return rules::read_folder(what).map_err(GatewayError::refused);
        }
        if what == Path::new("in-force") {
            return Ok(self.policy_texts().clone());
        }
        let text = std::fs::read_to_string(what)
            .map_err(|e| GatewayError::Unknown(format!("`{}` cannot be read: {e}", what.display())))?;
        let change = ProposedChange::parse(&text).map_err(GatewayError::refused)?;
        change.applied_to(self.policy_texts()).map_err(GatewayError::refused)
    }

    /// What this node's policy says of an exchange; `None` if what it was decided on is not kept any more.
    async fn asked_under(&self, exchange: &Exchange) -> Result<Option<Under>, GatewayError> {
        let Some(request) = exchange.request else { return Ok(None) };
        let request = self.request_row(&request).await?;
        if request.product.is_none() {
            return Ok(None);
        }
        let dossier = match self.dossier(&request.id).await {
            Ok(dossier) => dossier,
            // The product does not read under this policy's register, or is not kept.
            Err(GatewayError::Trouble(why)) => return Ok(Some(Under::refused("product", why))),
            Err(error) => return Err(error),
        };
        let Some(candidate) = dossier.candidates.get(&exchange.partner) else {
            let reasons = dossier.refusals.get(&exchange.partner).cloned().unwrap_or_default();
            return Ok(Some(Under { permitted: false, reasons }));
        };
        let entries = self.store().entries_about(&exchange.id.to_string()).await?;
        let decided = entries.iter().rev().find(|e| e.entry.kind() == EntryKind::ReleaseDecided);
        let given_under = exchange.policy_digest.zip(exchange.register_digest);
        let partner = dossier.parties.partner(&exchange.partner)?;
        let (node, instance) = (&self.config().node.name, self.instance());
        let supposed = release::what_if(
            &Proposal {
                // Before it was decided, what approvals would make possible is all that can be asked.
                stage: if decided.is_some() { Stage::Approve } else { Stage::Forecast },
                partner,
                terms: &dossier.terms,
                submission: &dossier.submission,
                submitted: Submitted { node, instance, product: dossier.product.digest() },
                cuts: dossier.cuts(),
                enrolments: &dossier.parties.enrolments,
                product: &dossier.described,
                consents: &dossier.parties.consents,
                evidence: candidate.evidence(),
                approvals: &dossier.approvals,
                officers: &dossier.parties.officers,
                policies: self.policies(),
                membership: self.membership(),
                register: self.register(),
                now: decided.map_or_else(|| self.now(), |e| e.entry.time()),
                clock_in_doubt: false,
            },
            given_under.unwrap_or_else(|| (self.policies().digest(), Digest::from_bytes(self.register().digest()))),
        );
        let reasons = supposed.reasons.iter().map(|r| ReasonView {
            source: r.source.to_string(),
            code: r.code.clone(),
            sentence: r.sentence.clone(),
            permits: !r.against,
        });
        Ok(Some(Under { permitted: supposed.permits, reasons: reasons.collect() }))
    }
}

impl Under {
    fn refused(code: &str, sentence: String) -> Under {
        let reason = ReasonView { source: "record".into(), code: code.into(), sentence, permits: false };
        Under { permitted: false, reasons: vec![reason] }
    }

    fn codes(&self) -> Vec<&str> {
        self.reasons.iter().map(|r| r.code.as_str()).collect()
    }
}
