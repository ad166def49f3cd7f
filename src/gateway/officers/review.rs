//! The review that an officer is shown before signing: the exact cut, what is withheld and why, and what changed
//! since the last release of the same product to the same partner.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;

use crate::approval::{Aims, Enrolment, Outline};
use crate::cut::{self, Cut, Fate};
use crate::gateway::content::attachments::blocking;
use crate::gateway::officers::attachments::readable;
use crate::gateway::outbound::decision::dossier::Dossier;
use crate::gateway::views::exchange::{ExchangeView, ReasonView};
use crate::gateway::views::officer::{
    AttachmentShown, AwaitingCut, AwaitingRequest, ChangesView, CutReview, RequestReview, Unsigned, WithheldView,
};
use crate::gateway::{GatewayError, Node};
use crate::ident::{PartnerId, RequestId};
use crate::marking::{BY_CONSENT, DocumentDate, Kind, PartnerRights, Register, Rules, Severity};
use crate::partner::Partner;
use crate::policy::Priorities;
use crate::product::{Contents, Product, Style};
use crate::rebuild::Rebuilder;
use crate::release::{PEOPLE_MIN, Stage};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, RequestFilter, RequestState};
use crate::time::Time;

/// Unchanged context lines shown around a change.
const CONTEXT: usize = 2;

/// A cut that is reviewed, with everything that its review is derived from: the same at the node and from an exported
/// request.
pub(in crate::gateway) struct CutUnderReview<'a> {
    pub cut: &'a Cut,
    pub partner: &'a Partner,
    pub outline: &'a Outline,
    /// The detached attachments.
    pub contents: &'a dyn Contents,
    pub rebuilder: &'a dyn Rebuilder,
    pub register: &'a Register,
    /// The guiding document, if there is one.
    pub priorities: Option<&'a Priorities>,
    /// The outcome and objectives that the request supports.
    pub aims: &'a Aims,
    pub now: Time,
}

/// The parts of a review that only the node's record shows. An exported request carries them as text.
pub(in crate::gateway) struct RecordedParts {
    pub consents: Vec<String>,
    pub withheld: Vec<WithheldView>,
    /// The source with the verdict on each tearline; empty outside the node.
    pub source: String,
    pub rewritten: Vec<String>,
    pub changes: ChangesView,
    pub forecast: Vec<ReasonView>,
}

impl CutUnderReview<'_> {
    /// The review of this cut. Blocks while it reads and renders the attachments.
    pub(in crate::gateway) fn review(&self, recorded: RecordedParts) -> CutReview {
        let (cut, partner, enrolment) = (self.cut, self.partner, Enrolment::of(self.partner));
        let RecordedParts { consents, withheld, source, rewritten, changes, forecast } = recorded;
        CutReview {
            partner: partner.id.to_string(),
            effort: effort(self.priorities, self.aims, partner, self.now),
            marking: cut.marking().to_string(),
            digest: cut.digest().to_string(),
            bytes: cut.size(),
            enrolment: enrolment.description.to_string(),
            agreement: enrolment.agreement.to_string(),
            text: readable(cut),
            attachments: AttachmentShown::all(cut, self.contents, self.rebuilder),
            named: named_by(cut, self.register),
            warnings: mark_warnings(cut, self.register),
            received: self.outline.received.iter().map(ToString::to_string).collect(),
            shared: self.outline.shared.iter().map(ToString::to_string).collect(),
            consents,
            withheld,
            source,
            rewritten,
            changes,
            forecast,
        }
    }
}

impl Node {
    /// The review of a request: exact cuts, terms, and reasons against its release.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open or a cut can no longer be made; [`GatewayError::Local`] if
    /// the work was cancelled.
    pub async fn review(&self, request: &RequestId) -> Result<RequestReview, GatewayError> {
        let row = self.open_row(request).await?;
        let source = self.product_text(&row).await?;
        let dossier = self.dossier(request).await?;
        dossier.check_cuts()?;
        let contents = self.contents_of(*request, &dossier.product)?;
        let mut cuts = Vec::new();
        for (partner, candidate) in &dossier.candidates {
            let decided = self.decide_on(Stage::Forecast, &dossier, partner)?;
            let cut = &candidate.cut;
            let outline = dossier.outlines.get(partner);
            let outline = outline.ok_or_else(|| GatewayError::trouble("a cut of the request has no outline"))?;
            let partner = dossier.parties.partner(partner)?;
            let link = self.link(partner, &dossier.described.naming(outline.subjects.clone()), &dossier.parties);
            let (withheld, source) = self.withheld(&dossier.product, (partner, &link), cut.tearline_index(), &source);
            let recorded = RecordedParts {
                consents: self.consents_named(Some(outline)).await?,
                withheld,
                source,
                rewritten: candidate.changes.iter().map(ToString::to_string).collect(),
                changes: self.changes(&dossier, partner, cut).await?,
                forecast: decided.map(|d| d.reasons()).unwrap_or_default(),
            };
            let under_review = CutUnderReview {
                cut,
                partner,
                outline,
                contents: &contents,
                rebuilder: &*self.inspection().rebuilder,
                register: self.register(),
                priorities: self.priorities(),
                aims: &dossier.terms.aims(),
                now: self.now(),
            };
            cuts.push(blocking(|| under_review.review(recorded)));
        }
        self.progress().check().map_err(GatewayError::trouble)?;
        let approval = Unsigned(self.unsigned(&dossier));
        Ok(RequestReview { request: request.to_string(), terms: dossier.terms, cuts, approval })
    }

    /// Every open request with each partner's cut, in the form in which a reviewed list is approved.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn awaiting(&self) -> Result<Vec<AwaitingRequest>, GatewayError> {
        let filter = RequestFilter { states: [RequestState::Open].into(), limit: u32::MAX, ..RequestFilter::default() };
        let mut all = Vec::new();
        for request in self.store().requests(&filter).await? {
            let waits = |e: &Exchange| matches!(e.state, ExchangeState::Requested | ExchangeState::Held);
            let exchanges = self.exchanges_of(&request.id).await?;
            if request.expires <= self.now() || !exchanges.iter().any(waits) {
                continue;
            }
            let (approved_by, void) = self.approved_by(&request.id).await?;
            let cut = |exchange: &Exchange| {
                Some(AwaitingCut {
                    partner: exchange.partner.to_string(),
                    digest: exchange.cut_digest?.to_string(),
                    marking: exchange.marking.clone().unwrap_or_default(),
                })
            };
            let mut cuts: Vec<AwaitingCut> = exchanges.iter().filter_map(cut).collect();
            cuts.sort_by(|a, b| a.partner.cmp(&b.partner));
            all.push(AwaitingRequest {
                request: request.id.to_string(),
                purpose: request.purpose.clone(),
                precedence: request.precedence.to_string(),
                expires: request.expires.to_string(),
                approved_by,
                void,
                cuts,
            });
        }
        Ok(all)
    }

    /// Fills in, for each of these exchanges that awaits approval, how many approvals count (`ExchangeView::awaits`).
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn fill_awaits(&self, views: &mut [ExchangeView]) -> Result<(), GatewayError> {
        let mut known: BTreeMap<RequestId, String> = BTreeMap::new();
        let requested = ExchangeState::Requested.to_string();
        for view in views.iter_mut().filter(|view| view.state == requested) {
            let Ok(request) = view.request.parse::<RequestId>() else { continue };
            let awaits = match known.get(&request) {
                Some(awaits) => awaits.clone(),
                None => match self.approved_by(&request).await?.0.len() {
                    people @ 0..PEOPLE_MIN => format!("awaiting approval: {people} of {PEOPLE_MIN}"),
                    _ => String::new(),
                },
            };
            view.awaits.clone_from(&awaits);
            known.insert(request, awaits);
        }
        Ok(())
    }

    /// Officers whose approvals of a request count, and those whose do not and why.
    async fn approved_by(&self, request: &RequestId) -> Result<(Vec<String>, Vec<String>), GatewayError> {
        let (mut count, mut void) = (Vec::new(), Vec::new());
        // Most requests in a list have no approvals yet and need not be assembled.
        if self.store().approvals(request).await?.is_empty() {
            return Ok((count, void));
        }
        for on_file in self.approvals_on_file(request).await? {
            let officer = on_file.officer.map_or_else(|| "unknown officer".to_owned(), |id| id.to_string());
            match &on_file.void[..] {
                [] => count.push(officer),
                why => void.push(format!("{officer}: {}", why.join("; "))),
            }
        }
        count.sort();
        void.sort();
        Ok((count, void))
    }

    /// The tearlines that are withheld and why, and the source with the verdict on each tearline if requested.
    fn withheld(
        &self,
        product: &Product,
        (partner, link): (&Partner, &PartnerRights),
        released: Option<usize>,
        source: &[u8],
    ) -> (Vec<WithheldView>, String) {
        let terms = (&partner.agreement).into();
        let at_or_below = released.unwrap_or(0);
        let plain = Style::Plain;
        // Evaluated from the top tearline, to tell for each whether it could be released.
        let free = cut::explain(product, link, &terms, 0, self.bounds(), self.register());
        let first = free.tearlines.iter().find(|t| t.fate == Fate::Goes).map(|t| t.index);
        let why = |verdict: &cut::TearlineVerdict| match verdict.fate {
            _ if verdict.index > at_or_below => vec!["Not used: a higher tearline is being released".to_owned()],
            Fate::Refused => {
                let refused =
                    |r: &cut::Reason| format!("Not releasable to `{}`: {} [{}]", partner.id, r.sentence, r.code);
                verdict.reasons.iter().map(refused).collect()
            }
            _ => vec!["Not used: the submitter asked for a lower tearline".to_owned()],
        };
        let withheld = free.tearlines.iter().filter(|verdict| verdict.index != at_or_below).map(|verdict| {
            let tearline = product.tearlines().get(verdict.index);
            WithheldView {
                tearline: verdict.index + 1,
                marking: verdict.banner.clone(),
                portions: tearline.map_or(0, |t| t.portions().len()),
                attachments: tearline.map_or(0, |t| t.attachments().len()),
                why: why(verdict),
            }
        });
        let withheld = withheld.collect();
        let shown = match first == released {
            true => cut::show(&free, source, plain),
            false => {
                let asked = cut::explain(product, link, &terms, at_or_below, self.bounds(), self.register());
                cut::show(&asked, source, plain)
            }
        };
        (withheld, shown)
    }

    /// What changed since the last release of the same product, or of the one that is replaced, to this partner.
    async fn changes(&self, dossier: &Dossier, partner: &Partner, cut: &Cut) -> Result<ChangesView, GatewayError> {
        let Some(last) = self.last_release(dossier, &partner.id).await? else {
            return Ok(ChangesView { since: None, when: None, summary: NEVER.into(), diff: None });
        };
        let view = |summary: String, diff| ChangesView {
            since: Some(last.id.to_string()),
            when: Some(last.updated.to_string()),
            summary,
            diff,
        };
        if last.cut_digest == Some(cut.digest()) {
            return Ok(view("no changes: identical".into(), None));
        }
        let Some(before) = self.reassembled_cut(&last, partner).await else {
            let was = last.marking.clone().unwrap_or_default();
            return Ok(view(format!("the cut released then can no longer be assembled; it was marked `{was}`"), None));
        };
        let text = readable(cut);
        let diff = TextDiff::from_lines(before.as_str(), text.as_str());
        let (mut fewer, mut more) = (0, 0);
        for change in diff.iter_all_changes() {
            match change.tag() {
                similar::ChangeTag::Delete => fewer += 1,
                similar::ChangeTag::Insert => more += 1,
                similar::ChangeTag::Equal => {}
            }
        }
        let shown = diff.unified_diff().context_radius(CONTEXT).to_string();
        Ok(view(format!("lines added: {more}, removed: {fewer}"), Some(shown)))
    }

    /// The newest exchange that carried the same product, or the one that is replaced, to this partner.
    async fn last_release(&self, dossier: &Dossier, partner: &PartnerId) -> Result<Option<Exchange>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::Out),
            kind: Some(ExchangeKind::Product),
            states: ExchangeState::DELIVERED.iter().copied().collect(),
            partner: Some(partner.clone()),
            product_id: Some(dossier.product.id().as_str().to_owned()),
            limit: 1,
            ..ExchangeFilter::default()
        };
        if let Some(row) = self.store().exchanges(&filter).await?.into_iter().next() {
            return Ok(Some(row));
        }
        let own = dossier.exchanges.iter().find(|row| row.partner == *partner);
        match own.and_then(|row| row.about) {
            Some(id) => Ok(self.store().exchange(&id).await?.filter(Exchange::is_delivered)),
            None => Ok(None),
        }
    }

    /// The text of the cut that an exchange carried, reassembled from its request's product; `None` if that no longer
    /// gives the same bytes.
    async fn reassembled_cut(&self, exchange: &Exchange, partner: &Partner) -> Option<String> {
        let request = self.request_row(&exchange.request?).await.ok()?;
        let product = self.product_of(&request).await.ok()?;
        // It was released then; showing it again needs no consent.
        let link = partner.agreement.link_rights_with(BY_CONSENT.map(str::to_owned));
        let terms = (&partner.agreement).into();
        let assembled = (0..product.tearlines().len())
            .filter_map(|index| cut::assemble(&product, index, &link, &terms, self.bounds(), self.register()).ok());
        let same = assembled.into_iter().find(|cut| Some(cut.digest()) == exchange.cut_digest)?;
        Some(readable(&same))
    }
}

/// How a release to `partner` with these aims is classified at `now` by the guiding document, and the preferred
/// outcome; empty without a guiding document.
pub(in crate::gateway) fn effort(guiding: Option<&Priorities>, aims: &Aims, partner: &Partner, now: Time) -> String {
    let (code, today) = (&partner.agreement.party.code, now.date());
    let Some(guiding) = guiding else { return String::new() };
    let effort = guiding.effort(aims.objective.as_deref(), aims.engages, aims.supports_outcome, code, today);
    let objective = aims.objective.as_ref().and_then(|id| guiding.objective(id, code, today));
    match objective {
        Some(objective) => format!("{effort}; preferred outcome: {}", objective.outcome),
        None => effort.to_string(),
    }
}

/// Full names of the codes in a cut's banner, with similar codes: one typing error gives another valid code.
fn named_by(cut: &Cut, register: &Register) -> Vec<String> {
    let banner = cut.marking();
    let codes = banner.rel_to().iter().chain(banner.display_to().iter()).filter(|code| *code != "USA");
    let codes: BTreeSet<&str> = codes.collect();
    let line = |code: &str| {
        let near: Vec<String> = register.similar_codes(code).map(|(near, name)| format!("{near} {name}")).collect();
        let near =
            if near.is_empty() { String::new() } else { format!(" (one typing error from {})", near.join("; ")) };
        format!("{code} {}{near}", register.name_of(code).unwrap_or_default())
    };
    codes.into_iter().map(line).collect()
}

/// Warnings about the markings of a cut: valid but unusual, or unverifiable; each marking once.
fn mark_warnings(cut: &Cut, register: &Register) -> Vec<String> {
    let rules = Rules::new(register, DocumentDate::Known(cut.date())).with_profile(cut.profile());
    let portions: BTreeSet<String> = cut.marked().map(|(_, marking)| marking.portion()).collect();
    let banner = std::iter::once((cut.marking().banner(), Kind::Banner));
    let marks = banner.chain(portions.into_iter().map(|portion| (portion, Kind::Portion)));
    let warn = |(mark, kind): (String, Kind)| {
        let found = rules.check(&mark, kind, None).diagnostics.into_iter();
        let found = found.filter(|d| d.severity == Severity::Warning);
        found.map(move |d| format!("{mark}: {}; {} [{}]", d.message, d.hint, d.code)).collect::<Vec<_>>()
    };
    marks.flat_map(warn).collect()
}

const NEVER: &str = "none: this product was never released to this partner";
