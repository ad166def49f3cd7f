//! The guiding document: priority partners and objectives, and how a release is classified against them (ICD 405, D.3, D.5).
//! It permits nothing.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A dated list of priority partners and objectives, most important first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priorities {
    /// What the document is called.
    pub title: String,
    /// First day on which it guides.
    pub valid_from: Date,
    /// Last day on which it guides.
    pub valid_until: Date,
    /// Countries and multilateral groupings.
    #[serde(default, rename = "partner")]
    pub partners: Vec<PriorityPartner>,
    /// Policy initiatives and objectives.
    #[serde(default, rename = "objective")]
    pub objectives: Vec<Objective>,
}

/// A country or grouping with which intelligence is to be exchanged, and on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorityPartner {
    /// Its code in the marking register.
    pub code: String,
    /// Issues of mutual concern.
    #[serde(default)]
    pub issues: Vec<String>,
}

/// A policy objective that releases may serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// How requests cite it.
    pub id: String,
    /// The outcome that is preferred.
    pub outcome: String,
    /// The partners it is pursued with, by code.
    pub partners: BTreeSet<String>,
}

/// What a release counts as (ICD 405, D.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Intelligence is shared, and no more than that.
    Sharing,
    /// Perspectives are to be exchanged on it as well.
    Engagement,
    /// It also advances a preferred outcome: all three criteria are met.
    IntelligenceDiplomacy,
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effort::Sharing => "intelligence sharing",
            Effort::Engagement => "intelligence engagement",
            Effort::IntelligenceDiplomacy => "intelligence diplomacy",
        })
    }
}

/// What is wrong with a guiding document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrioritiesFault {
    /// Not TOML of the expected shape.
    #[error("invalid guiding document: {0}")]
    Form(String),
    /// A value that no guiding document may have.
    #[error("guiding document: {0}")]
    Value(String),
}

impl Priorities {
    /// The sample that ships with the gateway.
    pub const SHIPPED: &'static str = include_str!("../../policy/priorities.toml");

    /// Reads a guiding document.
    ///
    /// # Errors
    /// [`PrioritiesFault`] names what was expected: dates in order, ids that are there once.
    pub fn parse(text: &str) -> Result<Priorities, PrioritiesFault> {
        let read: Priorities = toml::from_str(text).map_err(|e| PrioritiesFault::Form(e.to_string()))?;
        if read.valid_until < read.valid_from {
            return Err(PrioritiesFault::Value("`valid_until` is before `valid_from`".into()));
        }
        let mut ids = BTreeSet::new();
        for objective in &read.objectives {
            if objective.id.is_empty() || !ids.insert(&objective.id) {
                return Err(PrioritiesFault::Value(format!("objective `{}` has no id of its own", objective.id)));
            }
        }
        Ok(read)
    }

    /// The objective cited by `id`, if the document guides on `today` and names it for the partner with `code`.
    pub fn objective(&self, id: &str, code: &str, today: Date) -> Option<&Objective> {
        let guides = (self.valid_from..=self.valid_until).contains(&today);
        self.objectives.iter().find(|o| guides && o.id == id && o.partners.contains(code))
    }

    /// Every objective that may be cited for the partner with `code` on `today`.
    pub fn cited_for<'p>(&'p self, code: &'p str, today: Date) -> impl Iterator<Item = &'p Objective> {
        let guides = (self.valid_from..=self.valid_until).contains(&today);
        self.objectives.iter().filter(move |o| guides && o.partners.contains(code))
    }

    /// A partner's place on the list, from one; `None` if it is not on it.
    pub fn rank(&self, code: &str) -> Option<usize> {
        self.partners.iter().position(|p| p.code == code).map(|place| place + 1)
    }

    /// What a release to the partner with `code` counts as. A claim to support an outcome counts only if the objective
    /// cited is one that the document names for that partner now; a claim alone is engagement or sharing.
    pub fn effort(&self, cited: Option<&str>, engages: bool, supports: bool, code: &str, today: Date) -> Effort {
        let serves = cited.is_some_and(|id| self.objective(id, code, today).is_some());
        match (engages, supports && serves) {
            (true, true) => Effort::IntelligenceDiplomacy,
            (true, false) => Effort::Engagement,
            (false, _) => Effort::Sharing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Date {
        "2026-11-22".parse().unwrap()
    }

    fn shipped() -> Priorities {
        Priorities::parse(Priorities::SHIPPED).unwrap()
    }

    #[test]
    fn only_all_three_criteria_are_intelligence_diplomacy() {
        let effort = |cited, engages, supports| shipped().effort(cited, engages, supports, "GBR", today());
        assert_eq!(effort(Some("exercise-sea-lanes"), true, true), Effort::IntelligenceDiplomacy);
        assert_eq!(effort(Some("exercise-sea-lanes"), true, false), Effort::Engagement);
        assert_eq!(effort(Some("exercise-sea-lanes"), false, true), Effort::Sharing);
        assert_eq!(effort(None, true, true), Effort::Engagement);
        assert_eq!(effort(Some("no-such-objective"), true, true), Effort::Engagement);
    }

    #[test]
    fn an_objective_counts_for_its_own_partners_and_days_only() {
        let known = shipped();
        assert!(known.objective("exercise-cables", "NATO", today()).is_some());
        assert!(known.objective("exercise-cables", "GBR", today()).is_none());
        assert!(known.objective("exercise-cables", "NATO", "2027-01-01".parse().unwrap()).is_none());
        assert_eq!((known.rank("NATO"), known.rank("FRA")), (Some(2), None));
        let cited = |code: &str, day: &str| -> Vec<String> {
            known.cited_for(code, day.parse().unwrap()).map(|known| known.id.clone()).collect()
        };
        let cables = "exercise-cables".to_owned();
        assert!(cited("NATO", "2026-11-22").contains(&cables));
        assert!(!cited("GBR", "2026-11-22").contains(&cables) && !cited("GBR", "2026-11-22").is_empty());
        assert_eq!(cited("NATO", "2027-01-01"), [""; 0]);
    }

    #[test]
    fn refuses_a_document_with_an_objective_twice_or_dates_reversed() {
        let twice = Priorities::SHIPPED.replace("exercise-cables", "exercise-sea-lanes");
        assert!(matches!(Priorities::parse(&twice), Err(PrioritiesFault::Value(_))));
        let reversed = Priorities::SHIPPED.replace("2026-12-31", "2025-12-31");
        assert!(Priorities::parse(&reversed).is_err());
        let of_one_day = Priorities::SHIPPED.replace("2026-12-31", "2026-01-01");
        let guide = Priorities::parse(&of_one_day).unwrap();
        assert_eq!(guide.valid_from, guide.valid_until);
        assert!(Priorities::parse("title = 1").is_err());
    }

    #[test]
    fn an_effort_prints_what_the_directive_calls_it() {
        let efforts = [Effort::Sharing, Effort::Engagement, Effort::IntelligenceDiplomacy].map(|e| e.to_string());
        assert_eq!(efforts, ["intelligence sharing", "intelligence engagement", "intelligence diplomacy"]);
    }
}
