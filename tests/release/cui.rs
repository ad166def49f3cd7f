//! The marking engine and the policy, queried about every kind of CUI mark: they must agree on each, for every partner and set of
//! consents. Also a whole decision on one product that both permit.

use std::collections::BTreeMap;

use portcullis::approval::Outline;
use portcullis::consent::SourceConsent;
use portcullis::digest::Digest;
use portcullis::marking::{BY_CONSENT, PartnerKind, Profile, Register, Rules, covers_portions};
use portcullis::release::{Outcome, Source};

use crate::support::{AGREEMENT, PRODUCT, World};

const CATEGORIES: [&str; 16] = [
    "",
    "MIL",
    "SP-CTI",
    "SP-CTI/LEI",
    "SP-SSI",
    "SP-FISAB",
    "TRACE",
    "UCNI",
    "PROPIN",
    "SP-NNPI",
    "PRIVILEGE",
    "SP-SGI",
    "RECCOM",
    "SP-CTI/SP-PCII",
    "SP-INTL",
    "CUI-PROVISIONAL-IAIH",
];
const CONTROLS: [&str; 8] = ["", "Attorney-Client", "DL ONLY", "FED ONLY", "FEDCON", "NOCON", "NOFORN", "RELIDO"];
const LISTS: [&str; 5] =
    ["", "REL TO USA, GBR", "REL TO USA, FVEY", "REL TO USA, DEU, NATO", "DISPLAY ONLY DEU/REL TO USA, GBR"];

/// Every banner of one category, one control and one list that is valid.
fn banners(rules: &Rules<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for category in CATEGORIES {
        for control in CONTROLS {
            for list in LISTS {
                let mut controls: Vec<&str> = list.split('/').chain([control]).filter(|c| !c.is_empty()).collect();
                controls.sort_by_key(|control| control.to_ascii_lowercase());
                let segments = ["CUI", category, &controls.join("/")];
                let segments: Vec<&str> = segments.into_iter().filter(|s| !s.is_empty()).collect();
                all.extend(rules.parse_banner(&segments.join("//")).ok().map(|banner| banner.banner()));
            }
        }
    }
    all
}

/// A consent of every kind, that of a concealed source for those that are about one.
fn consents() -> Vec<SourceConsent> {
    let digest = Digest::of(PRODUCT.as_bytes());
    let given = |condition: &&str| {
        let originator = *condition == "ORCON-LIST";
        let source = match *condition {
            "FGI-CONSENT" => "concealed",
            _ if originator => "EXERCISE DESK",
            _ => "EXERCISE CONTROL",
        };
        SourceConsent::parse(&format!(
            "condition = '{condition}'\nsource = '{source}'\nconsented_by = 'EXERCISE'\nreference = 'EXERCISE'\n\
             given_on = 2026-10-30\nuse_statement = 'EXERCISE'\n\
             partners = ['exercise-gbr']\nvalid_from = 2026-11-01\nvalid_until = 2026-11-30\n\
             covers = {{ digest = '{digest}' }}\n"
        ))
        .unwrap()
    };
    BY_CONSENT.iter().map(given).collect()
}

#[test]
fn the_marking_engine_and_policy_agree_on_every_kind_of_mark_of_cui() {
    let mut world = World::new();
    // Without approvals nothing is released, but any disagreement about the marks still raises the alarm.
    world.approvals.clear();
    world.submission = Some(world.submit(world.submission(), "exercise-analyst"));
    let date = portcullis::marking::DocumentDate::Known("2026-11-20".parse().unwrap());
    let rules = Rules::new(Register::compiled_in(), date).with_profile(Profile::Cui);
    let all = banners(&rules);
    assert!(all.len() > 100, "only {} banners are valid", all.len());
    let (mut asked, mut permitted) = (0u64, BTreeMap::<&str, u64>::new());
    for (number, text) in all.iter().enumerate() {
        let banner = rules.parse_banner(text).unwrap();
        let own = banner.portion();
        for beside in [["", "(U)", "(CUI)"][number % 3], "(CUI//REL TO USA, FVEY)"] {
            let marks: Vec<&str> = [own.as_str(), beside].into_iter().filter(|mark| !mark.is_empty()).collect();
            let portions: Vec<_> = marks.iter().map(|mark| rules.parse_portion(mark, None).unwrap()).collect();
            // No cut has a banner lower than its portions: the policy leaves that check to the parser and the engine.
            if covers_portions(&rules, &banner, &portions).is_err() {
                continue;
            }
            let (kind, code) = [
                (PartnerKind::Country, "GBR"),
                (PartnerKind::Country, "DEU"),
                (PartnerKind::Organisation, "NATO"),
                (PartnerKind::Country, "USA"),
            ][(number + marks.len()) % 4];
            let to_us = code == "USA";
            for (home, given) in
                [(if to_us { "CAN" } else { "USA" }, true), [("USA", false), ("CAN", true)][number % 2]]
            {
                if home == code {
                    continue;
                }
                let agreement = &mut world.partner.agreement;
                (agreement.party.kind, agreement.party.code) = (kind, code.to_owned());
                agreement.ours = home.to_owned();
                // Half of the partners keep it from their contractors.
                agreement.accreditations =
                    (number % 2 == 0).then(|| "NOCON-ASSURANCE".to_owned()).into_iter().collect();
                world.consents = if given { consents() } else { Vec::new() };
                let outline = world.cuts.values_mut().next().unwrap();
                *outline = Outline {
                    marking: text.clone(),
                    portions: marks.iter().map(|mark| (*mark).to_owned()).collect(),
                    digest: Digest::of(text.as_bytes()),
                    consents: world.consents.iter().map(SourceConsent::digest).collect(),
                    ..outline.clone()
                };
                let decision = world.decide();
                assert!(!decision.alarm, "{text} over {marks:?} to {code} from {home}: {:#?}", decision.reasons);
                let lets = !decision.reasons.iter().any(|r| r.source == Source::Lattice && r.against);
                for category in CATEGORIES.iter().chain(&CONTROLS).filter(|c| !c.is_empty() && text.contains(**c)) {
                    *permitted.entry(category).or_default() += u64::from(lets);
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 250, "only {asked} were asked");
    // What needs a consent or nothing was permitted at least once, and the rest never.
    let lifted = ["MIL", "SP-CTI", "SP-CTI/LEI", "SP-SSI", "SP-FISAB", "UCNI", "PROPIN", "TRACE", "DL ONLY", "NOCON"];
    for word in lifted.into_iter().chain(["SP-INTL", "CUI-PROVISIONAL-IAIH"]) {
        assert!(permitted[word] > 0, "{word} never went: {permitted:?}");
    }
    let kept = ["SP-NNPI", "PRIVILEGE", "Attorney-Client", "FED ONLY", "FEDCON", "NOFORN"];
    for word in kept.into_iter().chain(["SP-SGI", "RECCOM", "SP-CTI/SP-PCII"]) {
        assert_eq!(permitted[word], 0, "{word} went");
    }
}

#[test]
fn two_officers_release_cui_and_a_portion_of_intelligence_beneath_it_is_refused() {
    let cui = |text: &str| text.replace("SECRET//", "CUI//SP-CTI//").replace("(S//", "(CUI//SP-CTI//");
    let mut world = World::with_product(&cui(PRODUCT), AGREEMENT);
    let decision = world.decide();
    assert!(matches!(decision.outcome, Outcome::Release(_)) && !decision.alarm, "{:#?}", decision.reasons);
    for mark in ["(U//FOUO)", "(S//REL TO USA, GBR)", "(CUI)"] {
        world.cuts.values_mut().next().unwrap().portions.insert(mark.to_owned());
        let decision = world.decide();
        assert!(matches!(decision.outcome, Outcome::Refuse) && !decision.alarm, "{mark}: {:#?}", decision.reasons);
        world.cuts.values_mut().next().unwrap().portions.remove(mark);
    }
}
