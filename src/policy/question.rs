//! A question to policy, and the Cedar request and entities that it becomes.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request};
use jiff::civil::Date;
use serde_json::json;

use super::cedar_values::{attributes, long};
use super::consents::{ConsentQuery, ConsentTerms};
use super::cut_facts::{CodeMembers, members, merge};
use super::fault::PolicyFault;
use super::membership::Membership;
use super::rules::Policies;
use super::terms::{AgreementTerms, CutTerms, RequestTerms, Stage, VoterTerms};
use crate::time::Time;

/// How far the easternmost time zone (UTC+14) is ahead of UTC.
const FURTHEST_EAST: std::time::Duration = std::time::Duration::from_secs(14 * 3600);

/// One question to policy: may this cut go to this partner, now?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The decision asked for.
    pub stage: Stage,
    /// The partner and its agreement.
    pub partner: AgreementTerms,
    /// The cut.
    pub cut: CutTerms,
    /// The request.
    pub request: RequestTerms,
    /// The consents on record, without those withdrawn.
    pub consents: Vec<ConsentTerms>,
    /// How many people have validly approved.
    pub people: usize,
    /// How many of them as a senior disclosure officer.
    pub senior: usize,
    /// Who they are.
    pub voters: BTreeSet<VoterTerms>,
    /// Who submitted the request.
    pub submitter: String,
    /// Whether every content filter passed exactly this cut.
    pub inspected: bool,
    /// The current time.
    pub now: Time,
    /// Whether the clock is not trusted.
    pub clock_in_doubt: bool,
}

impl Question {
    /// The facts that the rules see, as JSON, to explain a decision.
    pub fn facts(&self, membership: &Membership) -> serde_json::Value {
        json!({ "partner": self.partner_facts(membership), "cut": self.cut_facts(membership), "circumstances": self.circumstances() })
    }

    /// The Cedar request and entities of this question, checked against the schema.
    pub(super) fn ask(
        &self,
        policies: &Policies,
        membership: &Membership,
    ) -> Result<(Request, Arc<Entities>), PolicyFault> {
        let fault = |e: &dyn std::fmt::Display| PolicyFault::Question(e.to_string());
        let schema = &policies.schema;
        let principal = uid("Partner", &self.partner.code)?;
        let resource = uid("Cut", "cut")?;
        let action = uid("Action", self.stage.action())?;
        let entity = |uid: &EntityUid, facts: &serde_json::Value| {
            Entity::new(uid.clone(), attributes(facts.clone())?.into_iter().collect(), Default::default())
                .map_err(|e| fault(&e))
        };
        // The partner's facts contain its code, the only name of its entity.
        let facts = (self.partner_facts(membership), self.cut_facts(membership));
        let entities = policies.cache.entities(facts, |(partner, cut)| {
            let entities = [entity(&principal, partner)?, entity(&resource, cut)?];
            Entities::from_entities(entities, Some(schema)).map_err(|e| fault(&e))
        })?;
        let context = Context::from_pairs(attributes(self.circumstances())?).map_err(|e| fault(&e))?;
        let request = Request::new(principal, action, resource, context, Some(schema)).map_err(|e| fault(&e))?;
        Ok((request, entities))
    }

    /// Those of the voters who submitted the request or originated the product.
    fn involved(&self) -> BTreeSet<&String> {
        let submitted = |voter: &&VoterTerms| voter.id == self.submitter || voter.is_named(&self.submitter);
        let originated = |voter: &&VoterTerms| voter.is_named(&self.cut.product.originator);
        self.voters.iter().filter(|voter| submitted(voter) || originated(voter)).map(|voter| &voter.id).collect()
    }

    fn partner_facts(&self, membership: &Membership) -> serde_json::Value {
        let p = &self.partner;
        let date = self.cut.date;
        let network = CodeMembers::by(p.network.iter().flatten(), membership, date);
        json!({
            "code": p.code,
            "home": p.home,
            "organisation": p.organisation,
            "suspended": p.suspended,
            "natoMember": p.code == "NATO" || members("NATO", membership, date).is_some_and(|m| m.contains(p.code.as_str())),
            "agreement": {
                "ceiling": ceiling(&p.ceiling),
                "accreditations": p.accreditations,
                "networkBound": p.network.is_some(),
                "network": network.countries,
                "networkOrganisations": network.organisations,
                "kinds": p.kinds,
                "attachments": p.attachments,
                "sends": p.sends,
                "firstDay": day(p.valid_from),
                "lastDay": day(p.valid_until),
                "bytesMax": long(p.bytes_max),
                "ageDaysMax": p.age_days_max,
            },
        })
    }

    fn cut_facts(&self, membership: &Membership) -> serde_json::Value {
        let mut facts = merge(&self.cut, &self.partner, membership);
        // Our own information needs no consent; at a gateway of the United States, USA is not recorded as foreign.
        if self.partner.home != "USA" {
            facts.foreign_sources.remove(&self.partner.home);
        }
        // INVARIANT: the facts are plain data with text keys.
        serde_json::to_value(facts).expect("facts are plain data")
    }

    fn circumstances(&self) -> serde_json::Value {
        let r = &self.request;
        let product = &self.cut.product;
        let consents = ConsentQuery {
            partner: &self.partner.partner,
            code: &self.partner.code,
            kind: &self.cut.kind,
            product,
            listed: &self.cut.consents,
            day: self.now.date(),
        }
        .given(&self.consents);
        json!({
            "now": self.now.unix_ms(),
            "today": day(self.now.date()),
            "latestToday": day(self.now.plus(FURTHEST_EAST).date()),
            "productDay": self.cut.date.map_or(0, day),
            "productAgeDays": self.cut.date.map_or(i64::MAX, |date| days_since(date, self.now.date())),
            "clockInDoubt": self.clock_in_doubt,
            "inspected": self.inspected,
            "request": {
                "expires": r.expires.unix_ms(),
                "complete": r.complete,
                "objective": r.objective,
                "engages": r.engages,
                "supportsOutcome": r.supports_outcome,
            },
            "consents": { "sources": consents.sources, "conditions": consents.conditions },
            "approvals": {
                "people": long(self.people as u64),
                "senior": long(self.senior as u64),
                "voters": self.voters.iter().map(|v| &v.id).collect::<BTreeSet<_>>(),
                "inOffice": self.voters.iter().filter(|v| v.in_office).map(|v| &v.id).collect::<BTreeSet<_>>(),
                "involved": self.involved(),
            },
        })
    }
}

fn ceiling(name: &str) -> i64 {
    match name {
        "TS" => 4,
        "S" => 3,
        "C" => 2,
        "U" => 0,
        _ => -1,
    }
}

/// A day as the number 20261122.
fn day(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// Whole days from `earlier` to `later`; negative if `earlier` is the later one.
fn days_since(earlier: Date, later: Date) -> i64 {
    i64::from(later.since(earlier).map_or(0, |span| span.get_days()))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, PolicyFault> {
    let name =
        EntityTypeName::from_str(&format!("Portcullis::{kind}")).map_err(|e| PolicyFault::Question(e.to_string()))?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ProductTerms;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_the_number_its_digits_make_so_that_rules_can_be_written_in_them() {
        for (text, number) in [("2026-11-22", 20_261_122), ("2026-01-02", 20_260_102), ("2000-10-01", 20_001_001)] {
            assert_eq!(day(date(text)), number);
        }
    }

    #[test]
    fn an_age_is_in_whole_days_across_months_and_years_and_below_zero_for_what_is_to_come() {
        for (earlier, later, days) in [
            ("2026-11-22", "2026-11-22", 0),
            ("2026-11-21", "2026-11-22", 1),
            ("2025-11-22", "2026-11-22", 365),
            ("2026-11-23", "2026-11-22", -1),
        ] {
            assert_eq!(days_since(date(earlier), date(later)), days, "{earlier} to {later}");
        }
    }

    #[test]
    fn a_ceiling_of_no_known_name_is_below_everything() {
        assert_eq!(["U", "C", "S", "TS"].map(ceiling), [0, 2, 3, 4]);
        assert_eq!(["", "s", "R", "SECRET"].map(ceiling), [-1; 4]);
    }

    #[test]
    fn the_facts_that_people_are_shown_are_those_that_the_rules_see() {
        let now: Time = "2026-11-22T12:00:00Z".parse().unwrap();
        let question = Question {
            stage: Stage::Approve,
            partner: AgreementTerms {
                partner: "exercise-gbr".into(),
                code: "GBR".into(),
                home: "USA".into(),
                organisation: false,
                suspended: false,
                ceiling: "S".into(),
                accreditations: BTreeSet::new(),
                network: None,
                kinds: ["report".to_owned()].into(),
                attachments: BTreeSet::new(),
                sends: true,
                valid_from: date("2026-01-01"),
                valid_until: date("2026-12-31"),
                age_days_max: 365,
                bytes_max: 1000,
            },
            cut: CutTerms {
                banner: "SECRET//REL TO USA, GBR".into(),
                portions: ["(S//REL TO USA, GBR)".to_owned()].into(),
                kind: "report".into(),
                attachments: BTreeSet::new(),
                bytes: 8,
                date: Some(date("2026-11-20")),
                product: ProductTerms::default(),
                consents: BTreeSet::new(),
                received_from: BTreeSet::new(),
                shared_runs: 2,
                shared_words: 11,
            },
            request: RequestTerms {
                expires: now,
                complete: true,
                objective: String::new(),
                engages: false,
                supports_outcome: false,
            },
            consents: Vec::new(),
            people: 2,
            senior: 0,
            voters: ["one", "two"]
                .map(|id| VoterTerms { id: id.into(), name: id.into(), in_office: id == "one" })
                .into(),
            submitter: "Two".into(),
            inspected: true,
            now,
            clock_in_doubt: false,
        };
        let facts = question.facts(&Membership::shipped().unwrap());
        for (pointer, value) in [
            ("/partner/code", json!("GBR")),
            ("/partner/agreement/lastDay", json!(20_261_231)),
            ("/cut/releasableTo", json!(["GBR", "USA"])),
            ("/cut/understood", json!(true)),
            ("/cut/sharedRuns", json!(2)),
            ("/cut/sharedWords", json!(11)),
            ("/circumstances/today", json!(20_261_122)),
            ("/circumstances/productAgeDays", json!(2)),
            ("/circumstances/approvals/people", json!(2)),
            ("/circumstances/approvals/voters", json!(["one", "two"])),
            ("/circumstances/approvals/inOffice", json!(["one"])),
            ("/circumstances/approvals/involved", json!(["two"])),
        ] {
            assert_eq!(facts.pointer(pointer), Some(&value), "{pointer}");
        }
    }
}
