//! What-if: how another policy would decide recorded exchanges. Never acted on.

use std::path::Path;

use crate::approval::Submitted;
use crate::change::{PolicyTexts, Proposal};
use crate::digest::Digest;
use crate::gateway::node::policy::rules;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::views::what_if::{DecisionDifference, PolicyDiff, PolicyVerdict};
use crate::gateway::{GatewayError, Node};
use crate::ledger::EntryKind;
use crate::release::{self, DecisionInput, Stage};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind};
use crate::system::io_reason;

impl Node {
    /// Decides every recorded outbound product under two policies, each at the time of its decision, or now if there
    /// was none; with the recorded products, cuts and approvals, and the current partners, agreements and officers.
    ///
    /// # Errors
    /// [`GatewayError`] if a policy does not load or the store cannot be read.
    pub async fn policy_diff(&self, old: PolicyTexts, new: PolicyTexts) -> Result<PolicyDiff, GatewayError> {
        let (old_node, new_node) = (self.under_hypothetical(old)?, self.under_hypothetical(new)?);
        let mut diff = PolicyDiff {
            old: old_node.texts_digest(),
            new: new_node.texts_digest(),
            compared: 0,
            not_comparable: 0,
            differ: Vec::new(),
        };
        let filter = ExchangeFilter { direction: Some(Direction::Out), limit: u32::MAX, ..ExchangeFilter::default() };
        for exchange in self.store().exchanges(&filter).await? {
            if exchange.kind != ExchangeKind::Product {
                continue;
            }
            let (Some(old), Some(new)) =
                (old_node.decision_of(&exchange).await?, new_node.decision_of(&exchange).await?)
            else {
                diff.not_comparable += 1;
                continue;
            };
            diff.compared += 1;
            if old.permitted != new.permitted || (!new.permitted && old.codes() != new.codes()) {
                diff.differ.push(DecisionDifference {
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

    /// The texts that `what` names: a policy folder, a change file (the result of applying it), or `in-force`.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is none of them.
    pub fn texts_named(&self, what: &Path) -> Result<PolicyTexts, GatewayError> {
        if what.is_dir() {
            return rules::read_folder(what).map_err(GatewayError::refused);
        }
        if what == Path::new("in-force") {
            return Ok(self.policy_texts().clone());
        }
        let text = std::fs::read_to_string(what)
            .map_err(|e| GatewayError::NotFound(format!("`{}` cannot be read: {}", what.display(), io_reason(&e))))?;
        let change = Proposal::parse(&text).map_err(GatewayError::refused)?;
        change.applied_to(self.policy_texts()).map_err(GatewayError::refused)
    }

    /// This node's decision on an exchange; `None` if its data is no longer stored.
    async fn decision_of(&self, exchange: &Exchange) -> Result<Option<PolicyVerdict>, GatewayError> {
        let Some(request) = exchange.request else { return Ok(None) };
        let request = self.request_row(&request).await?;
        if request.product.is_none() {
            return Ok(None);
        }
        let dossier = match self.dossier(&request.id).await {
            Ok(dossier) => dossier,
            // The product is invalid under this policy's register, or is not stored.
            Err(GatewayError::Local(why)) => return Ok(Some(PolicyVerdict::refused("product", why))),
            Err(error) => return Err(error),
        };
        let Some(candidate) = dossier.candidates.get(&exchange.partner) else {
            let reasons = dossier.refusals.get(&exchange.partner).cloned().unwrap_or_default();
            return Ok(Some(PolicyVerdict { permitted: false, reasons }));
        };
        let entries = self.store().entries_about(&exchange.id.to_string()).await?;
        let decided = entries.iter().rev().find(|e| e.entry.kind() == EntryKind::ReleaseDecided);
        let given_under = exchange.policy_digest.zip(exchange.register_digest);
        let partner = dossier.parties.partner(&exchange.partner)?;
        let (node, instance) = (&self.config().node.name, self.instance());
        let supposed = release::what_if(
            &DecisionInput {
                // Before its decision, only a forecast that assumes approvals is possible.
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
        Ok(Some(PolicyVerdict { permitted: supposed.permits, reasons: reasons.collect() }))
    }
}

impl PolicyVerdict {
    fn refused(code: &str, sentence: String) -> PolicyVerdict {
        let reason = ReasonView { source: "record".into(), code: code.into(), sentence, permits: false };
        PolicyVerdict { permitted: false, reasons: vec![reason] }
    }

    fn codes(&self) -> Vec<&str> {
        self.reasons.iter().map(|r| r.code.as_str()).collect()
    }
}
