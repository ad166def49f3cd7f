//! The marking engine's refusals as text for people: what is missing, whose consent it is, which places need it, and what to do. For
//! this node's officers only.

use serde::Serialize;

use crate::marking::{AccessRefusal, BY_CONSENT, CONCEALED, Condition, Marking};
use crate::product::Tearline;

/// One reason, as a code of the marking engine and as text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The marking engine's code, such as `CONDITION:SCI:SI`.
    pub code: String,
    /// What it means, in one clause.
    pub sentence: String,
}

/// A banner and the marks below it, with their places as text for people.
#[derive(Clone, Debug)]
pub struct Places<'m> {
    /// The banner.
    pub banner: &'m Marking,
    /// The marks below it, each with its place.
    pub parts: Vec<(String, &'m Marking)>,
}

/// The most places that are named; the others are counted.
const NAMED_MAX: usize = 4;

const RECORD: &str = "record one with `portcullis change propose --consent NAME=FILE --why WHY --out CHANGE`, or release a version \
                      without it";

const AGREE: &str = "have two officers sign an agreement (`portcullis change propose --agreement PARTNER=FILE --why WHY --out \
                     CHANGE`) with";

impl<'m> Places<'m> {
    /// The places of a tearline, by the line numbers of the source text.
    pub fn of(tearline: &'m Tearline) -> Places<'m> {
        let head = tearline.head().items().map(|(kind, item)| (format!("{kind} on line {}", item.line), &item.marking));
        let paragraphs = tearline.portions().iter().map(|p| (format!("line {}", p.line), &p.marking));
        let attachments =
            tearline.attachments().iter().map(|a| (format!("attachment on line {}", a.line()), a.marking()));
        Places { banner: tearline.banner(), parts: head.chain(paragraphs).chain(attachments).collect() }
    }

    /// The control by which a mark bars release to every partner, if one does.
    fn prohibited_by(&self) -> Option<&'m str> {
        self.parts.iter().map(|(_, mark)| *mark).chain([self.banner]).find_map(Marking::prohibited_by)
    }

    /// The places whose marks satisfy `such`, as text.
    fn all(&self, such: impl Fn(&Marking) -> bool) -> String {
        let found: Vec<&str> = self.parts.iter().filter(|(_, mark)| such(mark)).map(|(at, _)| at.as_str()).collect();
        match found.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            _ if found.is_empty() => "the banner".to_owned(),
            None => found.join(", "),
            Some(more) => {
                format!("{} and {more} more", found.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The clause about a control that bars release to every partner.
fn kept(word: &str, stands: &str) -> String {
    format!("`{word}` ({stands}) bars release to every partner, and no release list lifts that")
}

/// Describes a refusal of the marking engine for `places`. `to` is the partner's country or organisation code, as in a
/// release list.
pub fn refused(refusal: &AccessRefusal, places: &Places<'_>, to: &str) -> Reason {
    let sentence = match refusal {
        AccessRefusal::NotReleasable => match places.prohibited_by() {
            Some(word) => {
                let stands = places.all(|mark| mark.prohibited_by() == Some(word));
                format!("{}: release a version without it", kept(word, &stands))
            }
            None => format!(
                "its marks do not name `{to}`, or bar release to every partner; have its owner mark a version REL TO {to}, or \
                 submit one that is"
            ),
        },
        AccessRefusal::DisplayOnly => "display only: the partner may be shown it and may not receive it".to_owned(),
        AccessRefusal::Ceiling => {
            format!(
                "its level is above the link's ceiling: release a version at or below it, or {AGREE} another `ceiling`"
            )
        }
        AccessRefusal::Network => format!(
            "the link's network may not carry it to `{to}`: if it may, {AGREE} another `network`, or send it another way"
        ),
        AccessRefusal::Condition(Condition::FgiConsent { sources, concealed }) => {
            let concealed = concealed.then(|| CONCEALED.to_owned());
            let missing = sources.iter().cloned().chain(concealed).map(|source| {
                let whose = if source == CONCEALED { "the concealed source".to_owned() } else { format!("`{source}`") };
                let stands = places.all(|mark| mark.is_of(&source));
                format!("no consent of {whose} to pass on its information ({stands}) to `{to}` is in force")
            });
            format!("{}: {RECORD}", missing.collect::<Vec<_>>().join("; "))
        }
        AccessRefusal::Condition(condition) => {
            let stands = places.all(|mark| mark.conditions().contains(condition));
            let name = condition.to_string();
            if BY_CONSENT.contains(&name.as_str()) {
                let whose = if name == BY_CONSENT[1] { " of its originator" } else { "" };
                format!(
                    "no consent{whose} that lifts `{name}` ({stands}) for this product and partner is in force: {RECORD}"
                )
            } else {
                format!(
                    "the agreement lacks the accreditation `{name}` ({stands}): if the partner holds it, {AGREE} it among the \
                     `accreditations`, or release a version without it"
                )
            }
        }
    };
    Reason { code: refusal.to_string(), sentence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{DocumentDate, Level, PartnerKind, PartnerRights, Register, Rules, may_release};

    fn said(banner: &str, portions: &[&str], accredited: &[&str]) -> Vec<String> {
        let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
        let banner = rules.parse_banner(banner).unwrap();
        let marks: Vec<Marking> = portions.iter().map(|p| rules.parse_portion(p, Some(&banner)).unwrap()).collect();
        let accredited = accredited.iter().map(|name| (*name).to_owned());
        let link = PartnerRights::new("GBR", PartnerKind::Country, Level::TopSecret, accredited);
        let parts = (1..).zip(&marks).map(|(n, mark)| (format!("line {n}"), mark)).collect();
        let places = Places { banner: &banner, parts };
        let refusals =
            may_release(&banner, &marks, &link, &rules).map(|_| Vec::new()).unwrap_or_else(|refused| refused);
        refusals.iter().map(|refusal| refused(refusal, &places, "GBR").sentence).collect()
    }

    #[test]
    fn a_missing_consent_names_source_places_and_remedy() {
        let of_two = "SECRET//FGI DEU FRA//REL TO USA, GBR";
        let portions = ["(S//FGI DEU//REL TO USA, GBR)", "(//FRA S//REL TO USA, GBR)", "(S//REL TO USA, GBR)", "(U)"];
        let both = said(of_two, &portions, &[]);
        assert_eq!(both.len(), 1, "{both:?}");
        for part in ["`DEU` to pass on its information (line 1)", "`FRA` to pass on its information (line 2)", RECORD] {
            assert!(both[0].contains(part), "{part}: {both:?}");
        }
        let one = said(of_two, &portions, &["FGI-CONSENT:DEU"]);
        assert!(one[0].contains("`FRA`") && !one[0].contains("`DEU`"), "{one:?}");
        assert_eq!(said(of_two, &portions, &["FGI-CONSENT:DEU", "FGI-CONSENT:FRA"]), [""; 0]);
        let concealed = said("SECRET//FGI//REL TO USA, GBR", &["(S//REL TO USA, GBR)"], &[]);
        assert!(concealed[0].contains("the concealed source to pass on its information (the banner)"), "{concealed:?}");
    }

    #[test]
    fn other_missing_rights_name_their_places_and_many_are_counted() {
        let plain = "(S//REL TO USA, GBR)";
        let les = said("SECRET//REL TO USA, GBR//LES", &[plain, "(S//REL TO USA, GBR//LES)"], &[]);
        assert!(les[0].contains("`ORIGINATOR:LES` (line 2) for this product") && les[0].ends_with(RECORD), "{les:?}");
        let orcon = said("SECRET//ORCON/REL TO USA, GBR", &["(S//OC/REL TO USA, GBR)"], &[]);
        assert!(orcon[0].starts_with("no consent of its originator that lifts `ORCON-LIST` (line 1) for"), "{orcon:?}");
        let si = said("SECRET//SI//REL TO USA, GBR", &["(S//SI//REL TO USA, GBR)"; 6], &[]);
        let shown = "the agreement lacks the accreditation `SCI:SI` (line 1, line 2, line 3, line 4 and 2 more): if";
        assert!(si.len() == 1 && si[0].starts_with(shown) && si[0].contains(AGREE), "{si:?}");
        let si = said("SECRET//SI//REL TO USA, GBR", &["(S//SI//REL TO USA, GBR)"; 4], &[]);
        assert!(si[0].contains("(line 1, line 2, line 3, line 4): if"), "{si:?}");
        assert_eq!(said("SECRET//SI//REL TO USA, GBR", &[plain], &["SCI:SI"]), [""; 0]);
    }
}
