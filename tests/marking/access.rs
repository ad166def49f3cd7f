//! Whether one partner may have one marked whole over one link: each rule by itself, a permit next to every refusal.

use portcullis::marking::accreditation::is_accreditation;
use portcullis::marking::{
    AccessCheck, AccessRefusal, Condition, DocumentDate, Level, Marking, PartnerKind, PartnerRights, Profile, Register,
    Rules, UnclassifiedPolicy,
};

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().unwrap()))
}

fn country(code: &str) -> PartnerRights {
    PartnerRights::new(code, PartnerKind::Country, Level::Secret, [])
}

fn organisation(code: &str) -> PartnerRights {
    PartnerRights::new(code, PartnerKind::Organisation, Level::Secret, [])
}

fn met(mut link: PartnerRights, accreditations: &[&str]) -> PartnerRights {
    link.accreditations.extend(accreditations.iter().map(|a| (*a).to_owned()));
    link
}

fn over(mut link: PartnerRights, network: &[&str]) -> PartnerRights {
    link.network = Some(network.iter().map(|c| (*c).to_owned()).collect());
    link
}

fn whole(rules: &Rules<'_>, banner: &str, portions: &[&str]) -> AccessCheck {
    let banner = rules.parse_banner(banner).unwrap_or_else(|e| panic!("{banner}: {e}"));
    let portion = |p: &&str| rules.parse_portion(p, None).unwrap_or_else(|e| panic!("{p}: {e}"));
    let portions: Vec<Marking> = portions.iter().map(portion).collect();
    AccessCheck::new(rules, &banner, &portions)
}

/// The words of every refusal, empty for a permit.
fn verdict(banner: &str, portions: &[&str], link: &PartnerRights) -> Vec<String> {
    let rules = rules();
    match whole(&rules, banner, portions).may_release(&rules, link) {
        Ok(permitted) => {
            assert_eq!(permitted.partner(), link.id);
            vec![]
        }
        Err(refusals) => refusals.iter().map(ToString::to_string).collect(),
    }
}

const NOT: &str = "NOT-RELEASABLE";

#[test]
fn a_country_is_reached_by_name_or_membership_and_an_organisation_by_its_own_code() {
    for (banner, link, refusals) in [
        ("SECRET//REL TO USA, GBR", country("GBR"), vec![]),
        ("SECRET//REL TO USA, GBR", country("FRA"), vec![NOT]),
        ("SECRET//REL TO USA, FVEY", country("AUS"), vec![]),
        ("SECRET//REL TO USA, FVEY", country("FRA"), vec![NOT]),
        ("SECRET//REL TO USA, NATO", organisation("NATO"), vec![]),
        ("SECRET//REL TO USA, NATO", organisation("EU"), vec![NOT]),
        ("SECRET//REL TO USA, FRA", organisation("NATO"), vec![NOT]),
        // A code says of itself which of the two it is: nobody is the other by asking.
        ("SECRET//REL TO USA, NATO", organisation("FRA"), vec![NOT]),
        ("SECRET//REL TO USA, NATO", country("NATO"), vec![NOT]),
        ("SECRET//REL TO USA, GBR", country("XYZ"), vec![NOT]),
        ("SECRET//NOFORN", country("GBR"), vec![NOT]),
        ("SECRET//RELIDO", country("GBR"), vec![NOT]),
    ] {
        assert_eq!(verdict(banner, &[], &link), refusals, "{banner} to {}", link.id);
    }
}

#[test]
fn who_may_only_see_it_does_not_get_it() {
    let banner = "SECRET//REL TO USA, GBR/DISPLAY ONLY FRA";
    assert_eq!(verdict(banner, &[], &country("GBR")), [""; 0]);
    assert_eq!(verdict(banner, &[], &country("FRA")), ["DISPLAY-ONLY"]);
    assert_eq!(verdict(banner, &[], &country("DEU")), [NOT]);
    // A portion that does not show it to them leaves nothing to be seen.
    assert_eq!(verdict(banner, &["(S//REL TO USA, GBR)"], &country("FRA")), [NOT]);
}

#[test]
fn nothing_goes_to_the_country_whose_gateway_it_is() {
    let banner = "SECRET//REL TO USA, FRA, GBR";
    assert_eq!(verdict(banner, &[], &country("USA")), [NOT]);
    assert_ne!(verdict(banner, &[], &country("GBR").with_home("GBR")), [""; 0]);
    let consented = met(country("FRA").with_home("GBR"), &["FGI-CONSENT:USA"]);
    assert_eq!(verdict(banner, &[], &consented), [""; 0]);
}

const CONSENT: &str = "CONDITION:FGI-CONSENT";

#[test]
fn whoever_owns_it_is_a_source_unless_it_is_home_or_the_receiver() {
    // At a gateway of another country, every mark of the United States but an unclassified one that says nothing else.
    let us = "SECRET//REL TO USA, AUS, GBR";
    assert_eq!(verdict(us, &[], &country("AUS")), [""; 0]);
    assert_eq!(verdict(us, &[], &country("AUS").with_home("GBR")), [CONSENT]);
    assert_eq!(verdict(us, &[], &met(country("AUS").with_home("GBR"), &["FGI-CONSENT:USA"])), [""; 0]);
    assert_eq!(verdict(us, &[], &met(country("AUS").with_home("GBR"), &["FGI-CONSENT:GBR"])), [CONSENT]);
    assert_eq!(verdict(us, &[], &country("USA").with_home("GBR")), [""; 0]);
    let british = "//GBR SECRET//REL TO USA, AUS, GBR";
    let own = "(//GBR S//REL TO USA, AUS, GBR)";
    assert_eq!(verdict(british, &[own, "(U)"], &country("AUS").with_home("GBR")), [""; 0]);
    let states = [own, "(U//REL TO USA, AUS, GBR)"];
    assert_eq!(verdict(british, &states, &country("AUS").with_home("GBR")), [CONSENT]);
    // A joint product goes to each of its owners, and to others with the consent of all of them.
    let joint = "//JOINT SECRET CAN GBR USA//REL TO USA, AUS, CAN, GBR";
    assert_eq!(verdict(joint, &[], &country("CAN")), [""; 0]);
    assert_eq!(verdict(joint, &[], &country("AUS")), [CONSENT]);
    assert_eq!(verdict(joint, &[], &met(country("AUS"), &["FGI-CONSENT:CAN"])), [CONSENT]);
    assert_eq!(verdict(joint, &[], &met(country("AUS"), &["FGI-CONSENT:CAN", "FGI-CONSENT:GBR"])), [""; 0]);
}

#[test]
fn nato_is_asked_like_any_owner_but_for_itself_and_for_members_that_every_mark_names() {
    let read_on = |link| met(link, &["NATO-READON"]);
    let banner = "//NATO SECRET//REL TO USA, AUS, GBR, NATO";
    assert_eq!(verdict(banner, &[], &read_on(country("AUS"))), [CONSENT]);
    assert_eq!(verdict(banner, &[], &met(country("AUS"), &["NATO-READON", "FGI-CONSENT:NATO"])), [""; 0]);
    assert_eq!(verdict(banner, &[], &read_on(organisation("NATO"))), [""; 0]);
    assert_eq!(verdict(banner, &[], &read_on(country("GBR"))), [""; 0]);
    // A member whom the list reaches and does not name; a portion has its say, too.
    assert_eq!(verdict(banner, &[], &read_on(country("DEU"))), [CONSENT]);
    let all = "(//NS//REL TO USA, AUS, GBR, NATO)";
    assert_eq!(verdict(banner, &[all], &read_on(country("GBR"))), [""; 0]);
    assert_eq!(verdict(banner, &[all, "(//NS//REL TO USA, NATO)"], &read_on(country("GBR"))), [CONSENT]);
    // In a product of ours it is the same, and the source says so besides.
    let ours = "SECRET//FGI NATO//REL TO USA, AUS";
    assert_eq!(verdict(ours, &["(//NS//REL TO USA, AUS)"], &read_on(country("AUS"))), [CONSENT]);
    // What it gave is asked for alike, and whatever else is in it by itself.
    let gave = "SECRET//FGI NATO//REL TO USA, AUS, GBR, NATO";
    assert_eq!(verdict(gave, &[], &read_on(country("AUS"))), [CONSENT]);
    assert_eq!(verdict(gave, &[], &read_on(country("GBR"))), [""; 0]);
    assert_eq!(verdict(gave, &["(S//FGI NATO//REL TO USA, NATO)"], &read_on(country("GBR"))), [CONSENT]);
    assert_eq!(verdict(gave, &[], &read_on(country("DEU"))), [CONSENT]);
    assert_eq!(verdict(gave, &[], &read_on(organisation("NATO"))), [""; 0]);
    let of_two = "SECRET//FGI DEU NATO//REL TO USA, DEU, GBR";
    assert_eq!(verdict(of_two, &[], &read_on(country("GBR"))), [CONSENT]);
    assert_eq!(verdict(of_two, &[], &read_on(country("DEU"))), [""; 0]);
    // Membership is that of the document's date.
    let named = "//NATO SECRET//REL TO USA, FIN";
    assert_eq!(verdict(named, &[], &read_on(country("FIN"))), [CONSENT]);
}

#[test]
fn what_came_from_the_united_states_goes_back_only_where_every_release_list_names_them() {
    let back = country("USA").with_home("GBR");
    let listed = "SECRET//REL TO USA, GBR";
    assert_eq!(verdict(listed, &[], &back), [""; 0]);
    assert_eq!(verdict(listed, &["(S//REL TO USA, GBR)", "(U)"], &back), [""; 0]);
    assert_eq!(verdict("SECRET//NOFORN", &[], &back), [NOT]);
    assert_eq!(verdict("SECRET//RELIDO", &[], &back), [NOT]);
    for unlisted in ["(S//NF)", "(S//RELIDO)", "(S)"] {
        assert_eq!(verdict(listed, &["(S//REL TO USA, GBR)", unlisted], &back), [NOT], "{unlisted}");
    }
    // They are a country, and their name stands for nobody else.
    assert_eq!(verdict(listed, &[], &organisation("USA").with_home("GBR")), [NOT]);
    assert_eq!(verdict(listed, &[], &country("FRA").with_home("GBR")), [NOT, CONSENT]);
}

#[test]
fn every_portion_that_takes_part_narrows_the_audience() {
    let banner = "SECRET//REL TO USA, FVEY";
    let all = "(S//REL TO USA, FVEY)";
    assert_eq!(verdict(banner, &[all, "(S//REL TO USA, GBR)"], &country("GBR")), [""; 0]);
    for portions in [[all, "(S//REL TO USA, GBR)"], ["(S//REL TO USA, GBR)", all]] {
        assert_eq!(verdict(banner, &portions, &country("AUS")), [NOT], "{portions:?}");
    }
    assert_eq!(verdict(banner, &[all, all, "(U)"], &country("AUS")), [""; 0]);
    // An organisation has to be named in each.
    let nato = "SECRET//REL TO USA, NATO";
    assert_eq!(verdict(nato, &["(S//REL TO USA, NATO)"], &organisation("NATO")), [""; 0]);
    assert_eq!(verdict(nato, &["(S//REL TO USA, FRA)"], &organisation("NATO")), [NOT]);
}

#[test]
fn an_unclassified_portion_without_a_list_follows_the_banner_unless_it_is_controlled() {
    let banner = "SECRET//REL TO USA, GBR";
    assert_eq!(verdict(banner, &["(U)"], &country("GBR")), [""; 0]);
    assert_eq!(verdict(banner, &["(U//FOUO)"], &country("GBR")), [NOT]);
    let lenient = rules().with_unclassified_policy(UnclassifiedPolicy::Manual);
    assert!(whole(&lenient, banner, &["(U//FOUO)"]).may_release(&lenient, &country("GBR")).is_ok());
}

#[test]
fn nothing_above_the_ceiling_goes_whether_the_banner_or_a_portion_says_so() {
    let (secret, top) = ("SECRET//REL TO USA, GBR", "TOP SECRET//REL TO USA, GBR");
    let at = |ceiling| PartnerRights::new("GBR", PartnerKind::Country, ceiling, []);
    assert_eq!(verdict(secret, &[], &at(Level::Secret)), [""; 0]);
    assert_eq!(verdict(secret, &[], &at(Level::TopSecret)), [""; 0]);
    assert_eq!(verdict(secret, &[], &at(Level::Confidential)), ["CEILING"]);
    assert_eq!(verdict(top, &[], &at(Level::Secret)), ["CEILING"]);
    assert_eq!(verdict(secret, &["(TS//REL TO USA, GBR)"], &at(Level::Secret)), ["CEILING"]);
    // Foreign RESTRICTED counts as CONFIDENTIAL on either side.
    let restricted = "//GBR RESTRICTED//REL TO USA, GBR";
    assert_eq!(verdict(restricted, &[], &at(Level::Restricted)), [""; 0]);
    assert_eq!(verdict(restricted, &[], &at(Level::Confidential)), [""; 0]);
    assert_eq!(verdict(restricted, &[], &at(Level::Unclassified)), ["CEILING"]);
}

#[test]
fn every_condition_of_the_banner_and_of_any_portion_must_be_met() {
    let banner = "SECRET//SI//REL TO USA, GBR";
    assert_eq!(verdict(banner, &[], &country("GBR")), ["CONDITION:SCI:SI"]);
    assert_eq!(verdict(banner, &[], &met(country("GBR"), &["SCI:TK"])), ["CONDITION:SCI:SI"]);
    assert_eq!(verdict(banner, &[], &met(country("GBR"), &["SCI:SI"])), [""; 0]);
    let portions = ["(S//SI//REL TO USA, GBR)", "(S//SI/TK//REL TO USA, GBR)"];
    assert_eq!(verdict(banner, &portions, &met(country("GBR"), &["SCI:SI"])), ["CONDITION:SCI:TK"]);
    let both = met(country("GBR"), &["SCI:SI", "SCI:TK"]);
    let rules = rules();
    let whole = whole(&rules, banner, &portions);
    let each_once = [Condition::Sci("SI".into()), Condition::Sci("TK".into())];
    assert_eq!(whole.conditions(), each_once);
    assert_eq!(whole.may_release(&rules, &both).unwrap().met(), each_once);
}

#[test]
fn a_source_needs_no_consent_to_get_back_what_is_its_own_alone() {
    let of_one = "SECRET//FGI DEU//REL TO USA, DEU, GBR";
    assert_eq!(verdict(of_one, &[], &country("DEU")), [""; 0]);
    assert_eq!(verdict(of_one, &[], &country("GBR")), [CONSENT]);
    assert_eq!(verdict(of_one, &[], &met(country("GBR"), &["FGI-CONSENT"])), [""; 0]);
    // What is ours needs nobody's consent.
    let german = "//DEU SECRET//REL TO USA, DEU, GBR";
    assert_eq!(verdict(german, &[], &country("GBR")), [CONSENT]);
    assert_eq!(verdict(german, &[], &country("GBR").with_home("DEU")), [""; 0]);
    // Several sources, in one mark or in two, have no sole one.
    let of_two = "SECRET//FGI DEU GBR//REL TO USA, DEU, GBR";
    assert_eq!(verdict(of_two, &[], &country("DEU")), [CONSENT]);
    let own = "(S//FGI DEU//REL TO USA, DEU, GBR)";
    let other = "(S//FGI GBR//REL TO USA, DEU, GBR)";
    assert_eq!(verdict(of_one, &[own, own], &country("DEU")), [""; 0]);
    assert_eq!(verdict(of_one, &[own, other], &country("DEU")), [CONSENT]);
    assert_eq!(verdict(of_one, &[other, own], &country("GBR")), [CONSENT]);
    // A concealed source is nobody's own.
    assert_eq!(verdict("SECRET//FGI//REL TO USA, DEU", &[], &country("DEU")), [CONSENT]);
}

#[test]
fn what_one_mark_says_of_its_sources_is_asked_for_the_whole() {
    let consented = |to: &[&str]| met(country("GBR"), to);
    // One portion alone conceals its source, or names another, beneath a banner that has one.
    for (banner, portion, asked) in [
        ("SECRET//FGI DEU//REL TO USA, GBR", "(//FGI S//REL TO USA, GBR)", "FGI-CONSENT:concealed"),
        ("SECRET//FGI DEU//REL TO USA, GBR", "(S//FGI FRA//REL TO USA, GBR)", "FGI-CONSENT:FRA"),
        ("SECRET//FGI DEU//REL TO USA, GBR", "(//FRA S//REL TO USA, GBR)", "FGI-CONSENT:FRA"),
    ] {
        let portions = [portion, "(//DEU S//REL TO USA, GBR)"];
        assert_eq!(
            verdict(banner, &portions, &consented(&["FGI-CONSENT:DEU"])),
            ["CONDITION:FGI-CONSENT"],
            "{portion}"
        );
        assert_eq!(verdict(banner, &portions, &consented(&[asked])), ["CONDITION:FGI-CONSENT"], "{portion}");
        assert_eq!(verdict(banner, &portions, &consented(&["FGI-CONSENT:DEU", asked])), [""; 0], "{portion}");
    }
}

#[test]
fn a_network_that_may_not_carry_it_to_the_partner_refuses() {
    let banner = "SECRET//REL TO USA, GBR, NATO";
    assert_eq!(verdict(banner, &[], &over(country("GBR"), &["GBR"])), [""; 0]);
    assert_eq!(verdict(banner, &[], &over(country("GBR"), &["FVEY"])), [""; 0]);
    assert_eq!(verdict(banner, &[], &over(country("GBR"), &["FRA"])), ["NETWORK"]);
    assert_eq!(verdict(banner, &[], &over(country("GBR"), &[])), ["NETWORK"]);
    assert_eq!(verdict(banner, &[], &over(organisation("NATO"), &["NATO"])), [""; 0]);
    assert_eq!(verdict(banner, &[], &over(organisation("NATO"), &["GBR"])), ["NETWORK"]);
    // A network of another country names the United States like any other.
    let ours = "SECRET//REL TO USA, GBR";
    let back = || country("USA").with_home("GBR");
    assert_eq!(verdict(ours, &[], &over(back(), &["USA"])), [""; 0]);
    assert_eq!(verdict(ours, &[], &over(back(), &["FVEY"])), ["NETWORK"]);
    // A code that the register does not know carries nothing, and takes nothing from the others.
    assert_eq!(verdict(banner, &[], &over(country("GBR"), &["GBR", "XYZZY"])), [""; 0]);
    assert_eq!(verdict(banner, &[], &over(country("XYZZY"), &["XYZZY"])), [NOT, "NETWORK"]);
}

#[test]
fn a_withdrawn_code_bounds_nothing_and_one_for_sources_is_nobody() {
    let (listed, isaf) = ("SECRET//REL TO USA, ISAF", over(organisation("ISAF"), &["ISAF"]));
    let before = Rules::new(Register::compiled_in(), DocumentDate::Known("2016-03-16".parse().unwrap()));
    assert!(whole(&before, listed, &[]).may_release(&before, &isaf).is_ok());
    assert_eq!(verdict("SECRET//REL TO USA, GBR", &[], &isaf), [NOT, "NETWORK"]);
    // AX1 stands in lists of sources only, whatever the list that a network is bound by says.
    assert_eq!(verdict("SECRET//REL TO USA, GBR", &[], &over(country("AX1"), &["AX1"])), [NOT, "NETWORK"]);
}

#[test]
fn no_mark_denies_foreigners_and_lists_some() {
    for text in [
        "SECRET//NOFORN/REL TO USA, GBR",
        "SECRET//REL TO USA, GBR//LES NOFORN",
        "UNCLASSIFIED//REL TO USA, GBR//SBU NOFORN",
        "UNCLASSIFIED//REL TO USA, GBR//LES NOFORN",
        "UNCLASSIFIED//DISPLAY ONLY GBR//LES NOFORN",
    ] {
        assert!(rules().parse_banner(text).is_err(), "{text}");
    }
}

#[test]
fn says_every_reason_in_order() {
    let link = over(country("FRA"), &["GBR"]);
    let rules = rules();
    let refusals = whole(&rules, "TOP SECRET//SI//REL TO USA, GBR", &[]).may_release(&rules, &link).unwrap_err();
    let expected = [
        AccessRefusal::NotReleasable,
        AccessRefusal::Ceiling,
        AccessRefusal::Condition(Condition::Sci("SI".into())),
        AccessRefusal::Network,
    ];
    assert_eq!(refusals, expected);
    assert!(refusals.is_sorted());
}

#[test]
fn cui_goes_only_where_every_mark_of_it_names_the_partner_and_under_no_privilege() {
    let listed = "CUI//MIL//REL TO USA, GBR";
    let privileged = "CUI//PRIVILEGE//Attorney-Client/REL TO USA, GBR";
    for policy in [UnclassifiedPolicy::Ism88, UnclassifiedPolicy::Manual] {
        let cui = rules().with_profile(Profile::Cui).with_unclassified_policy(policy);
        for (banner, portions, link, refusals) in [
            (listed, &["(CUI//MIL//REL TO USA, GBR)"][..], country("GBR"), vec![]),
            (listed, &["(CUI//MIL//REL TO USA, GBR)"], country("FRA"), vec![NOT]),
            // A portion without a list is controlled by its class, and is no bare `(U)` that follows the banner.
            (listed, &["(CUI//MIL)"], country("GBR"), vec![NOT]),
            (listed, &["(CUI)"], country("GBR"), vec![NOT]),
            (listed, &["(CUI//MIL//NF)"], country("GBR"), vec![NOT]),
            (listed, &["(CUI//FED ONLY)"], country("GBR"), vec![NOT]),
            ("CUI//MIL", &["(CUI//MIL)"], country("GBR"), vec![NOT]),
            // What names the partner does not lift a privilege, be it in the banner or in one portion, by category or control.
            ("CUI//PRIVILEGE//REL TO USA, GBR", &["(CUI//PRIVILEGE//REL TO USA, GBR)"], country("GBR"), vec![NOT]),
            (privileged, &["(CUI//PRIVILEGE//AC/REL TO USA, GBR)"], country("GBR"), vec![NOT]),
            (listed, &["(CUI//PRIVILEGE//AWP/REL TO USA, GBR)"], country("GBR"), vec![NOT]),
            ("CUI//DL ONLY/REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:DL-LIST"]),
            ("CUI//DL ONLY/REL TO USA, GBR", &[], met(country("GBR"), &["DL-LIST"]), vec![]),
            // What is neither classified nor CUI follows the banner.
            (listed, &["(CUI//MIL//REL TO USA, GBR)", "(U)"], country("GBR"), vec![]),
            ("CUI//REL TO USA, GBR", &["(U)"], country("GBR"), vec![]),
            // The information of an intelligence control needs what that needs, however it is marked.
            ("CUI//LEI//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:ORIGINATOR:LES"]),
            ("CUI//SP-WIT//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:ORIGINATOR:LES"]),
            ("CUI//LNSL//REL TO USA, GBR", &[], met(country("GBR"), &["ORIGINATOR:LES"]), vec![]),
            ("CUI//SP-SSI//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:ORIGINATOR:SSI"]),
            ("CUI//SP-SSI//REL TO USA, GBR", &[], met(country("GBR"), &["ORIGINATOR:SSI"]), vec![]),
            ("CUI//SP-FISAB//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:FISA-ACCREDITED"]),
            ("CUI//UCNI//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:ORIGINATOR:UCNI"]),
            ("CUI//SP-PROPIN//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:PROPIN-PERMISSION"]),
            (listed, &["(CUI//SP-DCNI//REL TO USA, GBR)"], country("GBR"), vec!["CONDITION:ORIGINATOR:DCNI"]),
            ("CUI//SP-CTI//NOCON/REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:NOCON-ASSURANCE"]),
            ("CUI//SP-CTI//NOCON/REL TO USA, GBR", &[], met(country("GBR"), &["NOCON-ASSURANCE"]), vec![]),
            ("CUI//SP-NNPI//REL TO USA, GBR", &[], country("GBR"), vec![NOT]),
            // What the law keeps to those whom it names.
            ("CUI//SP-SGI//REL TO USA, GBR", &[], country("GBR"), vec![NOT]),
            ("CUI//RECCOM//REL TO USA, GBR", &[], country("GBR"), vec![NOT]),
            (listed, &["(CUI//SP-PCII/SRI//REL TO USA, GBR)"], country("GBR"), vec![NOT]),
            // What others gave, whom the mark does not name, needs them to consent.
            ("CUI//SP-INTL//REL TO USA, GBR", &[], country("GBR"), vec!["CONDITION:FGI-CONSENT"]),
            (listed, &["(CUI//CUI-PROVISIONAL-IAIH//REL TO USA, GBR)"], country("GBR"), vec!["CONDITION:FGI-CONSENT"]),
            ("CUI//SP-INTL//REL TO USA, GBR", &[], met(country("GBR"), &["FGI-CONSENT:concealed"]), vec![]),
            ("CUI//DISPLAY ONLY GBR", &[], country("GBR"), vec!["DISPLAY-ONLY"]),
            ("CUI//PRIVILEGE//Attorney-WP/DISPLAY ONLY GBR", &[], country("GBR"), vec![NOT]),
        ] {
            let found = match whole(&cui, banner, portions).may_release(&cui, &link) {
                Ok(_) => vec![],
                Err(refusals) => refusals.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(found, refusals, "{banner} with {portions:?} to {} ({policy:?})", link.id);
        }
    }
}

#[test]
fn programs_that_are_not_named_are_met_by_no_accreditation() {
    let banner = "SECRET//SAR-MULTIPLE PROGRAMS//REL TO USA, GBR";
    for held in [&[][..], &["SAP:MULTIPLE PROGRAMS"], &["SAP:MULTIPLE"], &["SAP:BP"]] {
        assert_eq!(verdict(banner, &[], &met(country("GBR"), held)), ["CONDITION:SAP:MULTIPLE PROGRAMS"]);
    }
    assert!(!is_accreditation("SAP:MULTIPLE PROGRAMS") && is_accreditation("SAP:MULTIPLE"));
}

#[test]
fn a_system_or_a_program_that_was_accredited_covers_no_part_of_it() {
    let si = "TOP SECRET//SI-ABC//REL TO USA, GBR";
    let mut gbr = country("GBR");
    gbr.ceiling = Level::TopSecret;
    assert_eq!(verdict(si, &[], &met(gbr.clone(), &["SCI:SI"])), ["CONDITION:SCI:SI-ABC"]);
    assert_eq!(verdict(si, &[], &met(gbr.clone(), &["SCI:SI-ABC"])), ["CONDITION:SCI:SI"]);
    assert_eq!(verdict(si, &[], &met(gbr.clone(), &["SCI:SI", "SCI:SI-ABC"])), [""; 0]);
    let sap = "SECRET//SAR-BP-123 456//REL TO USA, GBR";
    let all = ["SAP:BP", "SAP:BP-123", "SAP:BP-123 456"];
    for without in 0..all.len() {
        let held: Vec<&str> = (0..all.len()).filter(|n| *n != without).map(|n| all[n]).collect();
        assert_eq!(verdict(sap, &[], &met(gbr.clone(), &held)), [format!("CONDITION:{}", all[without])]);
    }
    assert_eq!(verdict(sap, &[], &met(gbr, &all)), [""; 0]);
    assert!(all.iter().all(|name| is_accreditation(name)) && !is_accreditation("SAP:BP-"));
}
