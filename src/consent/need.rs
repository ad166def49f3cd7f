//! The consents that a release needs, and the recorded consents that meet these needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Covers, SourceConsent};
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::marking::{BY_CONSENT, CONCEALED, Condition, Marking, System};
use crate::product::Product;
use crate::time::Time;

/// One consent that a release needs: its condition and its source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    condition: String,
    /// The source; `None` if the marks do not say who controls the information.
    source: Option<String>,
}

/// The properties of a product by which a consent can cover it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its number, as assigned by its producer.
    pub number: String,
    /// SHA-256 of the product as submitted.
    pub digest: Digest,
    /// Its kind.
    pub kind: String,
    /// The subjects that the cut names. A consent to a class with a subject is checked against these only: subjects of parts that are
    /// not released do not count.
    pub subjects: BTreeSet<String>,
    /// Its originator. If its tearlines name others, all of them, separated by `; `: one originator cannot consent for another.
    pub originator: String,
}

impl Need {
    /// The consent of the government or organisation `code` to pass on its information.
    pub fn of_source(code: &str) -> Need {
        Need { condition: BY_CONSENT[0].into(), source: Some(code.into()) }
    }

    /// The consents that these marks together need for a release to the partner with the code `partner`, from a gateway with the code
    /// `home`. The partner's and the gateway's own consent are not needed. The consent of NATO is included even if the partner is a
    /// member that the marks name; it makes no difference for that partner.
    pub fn of_marks<'m>(
        marks: impl IntoIterator<Item = &'m Marking>,
        (partner, home): (&str, &str),
        originator: &str,
    ) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        let other = |code: &&str| *code != partner && *code != home;
        for mark in marks {
            let owners: BTreeSet<&str> = mark.owned_by().collect();
            let shared = mark.system() == System::Joint && owners.contains(partner);
            if !shared {
                needs.extend(owners.into_iter().filter(other).map(Need::of_source));
            }
            for condition in mark.conditions() {
                needs.extend(Need::of_condition(&condition, &other, originator));
            }
        }
        needs
    }

    fn of_condition(condition: &Condition, other: &impl Fn(&&str) -> bool, originator: &str) -> Vec<Need> {
        let name = condition.to_string();
        match condition {
            Condition::FgiConsent { sources, concealed } => {
                let sources = sources.iter().map(String::as_str).filter(other).map(Need::of_source);
                sources.chain(concealed.then(|| Need::of_source(CONCEALED))).collect()
            }
            Condition::OrconList => vec![Need { condition: name, source: Some(originator.into()) }],
            _ if BY_CONSENT.contains(&name.as_str()) => vec![Need { condition: name, source: None }],
            _ => Vec::new(),
        }
    }

    /// The source whose consent is needed, if the marks name it.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The right that the consent gives the link for one cut, by the marking engine's name.
    fn right(&self) -> String {
        match &self.source {
            Some(source) if self.condition == BY_CONSENT[0] => format!("{}:{source}", self.condition),
            _ => self.condition.clone(),
        }
    }

    fn is_met_by(&self, consent: &SourceConsent, partner: &PartnerId, product: &Described, now: Time) -> bool {
        consent.condition == self.condition
            && self.source.as_ref().is_none_or(|source| consent.source == *source)
            && consent.partners.contains(partner)
            && consent.in_force(now)
            && consent.covers.holds(product)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.as_deref() {
            None => write!(f, "whoever controls it ({})", self.condition),
            Some(CONCEALED) => write!(f, "the concealed source ({})", self.condition),
            Some(source) => write!(f, "`{source}` ({})", self.condition),
        }
    }
}

impl Described {
    /// The properties of `product`, without subjects, which depend on the cut.
    pub fn of(product: &Product) -> Described {
        Described {
            number: product.id().as_str().to_owned(),
            digest: product.digest(),
            kind: product.kind().as_str().to_owned(),
            subjects: BTreeSet::new(),
            originator: originators(product),
        }
    }

    /// The same properties for a cut that names `subjects`.
    pub fn naming(&self, subjects: BTreeSet<String>) -> Described {
        Described { subjects, ..self.clone() }
    }

    /// The same properties for a future cut of the tearline `index` of `product`, counted from zero at the top: with the tearline's own
    /// subjects or, if it has none, those of the front block, which the cut may include.
    pub fn at(&self, product: &Product, index: usize) -> Described {
        let of = |index: usize| product.tearlines().get(index).map_or(&[][..], |tearline| &tearline.head().subjects);
        let subjects = if of(index).is_empty() { of(0) } else { of(index) };
        self.naming(subjects.iter().map(|subject| subject.text.clone()).collect())
    }
}

fn originators(product: &Product) -> String {
    let mut all = vec![product.originator()];
    for tearline in product.tearlines() {
        let named = tearline.head().originator.iter().map(|item| item.text.as_str());
        all.extend(named.filter(|name| !all.contains(name)).collect::<Vec<_>>());
    }
    all.join("; ")
}

impl Covers {
    /// Whether it covers `product`.
    fn holds(&self, product: &Described) -> bool {
        let Covers { product: number, digest, kind, subject } = self;
        number.as_ref().is_none_or(|number| *number == product.number)
            && digest.is_none_or(|digest| digest == product.digest)
            && kind.as_ref().is_none_or(|kind| *kind == product.kind)
            && subject.as_ref().is_none_or(|subject| product.subjects.contains(subject))
    }
}

/// Returns, for each of `needs`, the digest of the first of `consents` that meets it at `now`. Unmet needs are left out.
pub fn chosen<'n>(
    needs: &'n BTreeSet<Need>,
    consents: &[SourceConsent],
    (partner, product): (&PartnerId, &Described),
    now: Time,
) -> BTreeMap<&'n Need, Digest> {
    let first = |need: &Need| consents.iter().find(|consent| need.is_met_by(consent, partner, product, now));
    needs.iter().filter_map(|need| Some((need, first(need)?.digest()))).collect()
}

/// The rights that `consents` give a link at `now` for cuts of one product, by the marking engine's names.
pub fn rights(consents: &[SourceConsent], (partner, product): (&PartnerId, &Described), now: Time) -> BTreeSet<String> {
    let need =
        |consent: &SourceConsent| Need { condition: consent.condition.clone(), source: Some(consent.source.clone()) };
    let of_originator = |consent: &SourceConsent| {
        consent.condition != Condition::OrconList.to_string() || consent.source == product.originator
    };
    let counts = consents.iter().filter(|consent| of_originator(consent));
    let met = counts.map(|consent| (need(consent), consent));
    met.filter(|(need, consent)| need.is_met_by(consent, partner, product, now)).map(|(need, _)| need.right()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::TEXT;
    use super::*;
    use crate::marking::{DocumentDate, Register, Rules};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000); // 2026-11-22

    fn product() -> Described {
        Described {
            number: "EXERCISE-1".into(),
            digest: Digest::of(b"EXERCISE"),
            kind: "report".into(),
            subjects: ["EXERCISE convoys".to_owned()].into(),
            originator: "EXERCISE DESK".into(),
        }
    }

    fn needs(banner: &str, partner: &str, home: &str) -> BTreeSet<Need> {
        let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
        Need::of_marks([&rules.parse_banner(banner).unwrap()], (partner, home), "EXERCISE DESK")
    }

    fn sources(needs: &BTreeSet<Need>) -> Vec<&str> {
        needs.iter().map(|need| need.source().unwrap_or("?")).collect()
    }

    #[test]
    fn every_source_must_consent_except_the_receiver_and_this_node() {
        let of_two = "SECRET//FGI DEU FRA//REL TO USA, DEU, FRA, GBR";
        assert_eq!(sources(&needs(of_two, "GBR", "USA")), ["DEU", "FRA"]);
        assert_eq!(sources(&needs(of_two, "DEU", "USA")), ["FRA"]);
        assert_eq!(sources(&needs(of_two, "GBR", "FRA")), ["DEU", "USA"]);
        assert_eq!(sources(&needs("SECRET//FGI//REL TO USA, GBR", "GBR", "USA")), ["concealed"]);
        assert_eq!(sources(&needs("SECRET//ORCON/REL TO USA, GBR", "GBR", "USA")), ["EXERCISE DESK"]);
        assert!(needs("SECRET//REL TO USA, GBR", "GBR", "USA").is_empty());
        // Every owner except this node's country is a source, and a joint product is each owner's own.
        assert_eq!(sources(&needs("SECRET//REL TO USA, AUS, GBR", "AUS", "GBR")), ["USA"]);
        assert!(needs("SECRET//REL TO USA, AUS, GBR", "USA", "GBR").is_empty());
        assert_eq!(sources(&needs("//NATO SECRET//REL TO USA, AUS, NATO", "AUS", "USA")), ["NATO"]);
        assert!(needs("//NATO SECRET//REL TO USA, NATO", "NATO", "USA").is_empty());
        let joint = "//JOINT SECRET CAN GBR USA//REL TO USA, AUS, CAN, GBR";
        assert_eq!(sources(&needs(joint, "AUS", "USA")), ["CAN", "GBR"]);
        assert!(needs(joint, "GBR", "USA").is_empty());
        // The marks do not name the party that controls these.
        assert_eq!(sources(&needs("SECRET//RSEN/REL TO USA, GBR//LES", "GBR", "USA")), ["?", "?"]);
    }

    #[test]
    fn a_consent_meets_a_need_for_its_own_source_product_partner_and_days_alone() {
        let (need, gbr): (Need, PartnerId) = (Need::of_source("DEU"), "exercise-gbr".parse().unwrap());
        let meets = |text: &str| need.is_met_by(&SourceConsent::parse(text).unwrap(), &gbr, &product(), NOW);
        assert!(meets(TEXT));
        for (from, to) in [
            ("\"DEU\"", "\"FRA\""),
            ("FGI-CONSENT", "ORCON-LIST"),
            ("EXERCISE-1\"", "EXERCISE-2\""),
            ("exercise-gbr", "exercise-nzl"),
            ("2026-11-30", "2026-11-21"),
            ("valid_from = 2026-11-01", "valid_from = 2026-11-23"),
        ] {
            assert!(!meets(&TEXT.replace(from, to)), "{from} -> {to}");
        }
        let class = |covers: &str| meets(&TEXT.replace("product = \"EXERCISE-1\"", covers));
        assert!(class("kind = \"report\""));
        assert!(!class("kind = \"image\""));
        assert!(class("kind = \"report\"\nsubject = \"EXERCISE convoys\""));
        assert!(!class("kind = \"report\"\nsubject = \"EXERCISE ships\""));
        assert!(class(&format!("digest = \"{}\"", Digest::of(b"EXERCISE"))));
        assert!(!class(&format!("digest = \"{}\"", Digest::of(b"other"))));
        let exactly = format!("digest = \"{}\"", Digest::of(b"EXERCISE"));
        let concealed = TEXT.replace("\"DEU\"", "\"concealed\"").replace("product = \"EXERCISE-1\"", &exactly);
        assert!(!meets(&concealed));
    }

    #[test]
    fn a_class_is_checked_by_the_subjects_of_the_tearline_or_of_the_front_block() {
        let text = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: EXERCISE DESK\n\
                    Date: 2026-11-20\nKind: report\nSubjects: (U) EXERCISE convoys\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE one.\n\n\
                    --------------------\n\nSECRET//REL TO USA, GBR\nSubjects: (U) EXERCISE ships\n\n(S//REL TO USA, GBR) EXERCISE two.\n\n\
                    --------------------\n\nSECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE three.\n";
        let product = Product::read(text.as_bytes(), &Default::default(), Register::compiled_in()).unwrap();
        let described = Described::of(&product);
        let named = |index| described.at(&product, index).subjects.into_iter().collect::<Vec<_>>();
        assert_eq!([named(0), named(1), named(2)].concat(), ["EXERCISE convoys", "EXERCISE ships", "EXERCISE convoys"]);
        assert!(described.subjects.is_empty());
    }

    #[test]
    fn the_first_consent_that_meets_a_need_is_the_one_that_a_release_rests_on() {
        let first = SourceConsent::parse(TEXT).unwrap();
        let second = SourceConsent { reference: "EXERCISE-2026-2".into(), ..first.clone() };
        let needs: BTreeSet<Need> = [Need::of_source("DEU"), Need::of_source("FRA")].into();
        let gbr: PartnerId = "exercise-gbr".parse().unwrap();
        let product = product();
        let of = |all: &[SourceConsent]| chosen(&needs, all, (&gbr, &product), NOW).into_values().collect::<Vec<_>>();
        assert_eq!(of(&[first.clone(), second.clone()]), [first.digest()]);
        assert_eq!(of(&[second.clone(), first.clone()]), [second.digest()]);
        assert_eq!(of(&[]), []);
        assert_eq!(rights(&[first], (&gbr, &product), NOW), ["FGI-CONSENT:DEU".to_owned()].into());
    }

    #[test]
    fn a_product_of_two_originators_is_controlled_by_both() {
        let text = |own: &str| {
            format!(
                "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE DESK A\nDate: 2026-11-20\n\
                 Kind: report\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE one.\n\n--------------------\n\n\
                 SECRET//REL TO USA, GBR\n{own}\n(S//REL TO USA, GBR) EXERCISE two.\n"
            )
        };
        let of = |own: &str| {
            let product = Product::read(text(own).as_bytes(), &Default::default(), Register::compiled_in()).unwrap();
            Described::of(&product).originator
        };
        assert_eq!(of(""), "EXERCISE DESK A");
        assert_eq!(of("Originator: (U) EXERCISE DESK A\n"), "EXERCISE DESK A");
        assert_eq!(of("Originator: (U) EXERCISE DESK B\n"), "EXERCISE DESK A; EXERCISE DESK B");
    }

    #[test]
    fn an_originator_lists_partners_for_its_own_products_only() {
        let text = TEXT.replace("FGI-CONSENT", "ORCON-LIST").replace("\"DEU\"", "\"EXERCISE DESK\"");
        let consent = [SourceConsent::parse(&text).unwrap()];
        let gbr: PartnerId = "exercise-gbr".parse().unwrap();
        assert_eq!(rights(&consent, (&gbr, &product()), NOW), ["ORCON-LIST".to_owned()].into());
        let others = Described { originator: "EXERCISE OTHER DESK".into(), ..product() };
        assert_eq!(rights(&consent, (&gbr, &others), NOW), BTreeSet::new());
    }
}
