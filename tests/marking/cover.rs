//! Whether a banner covers the portions beneath it, and who a mark reaches: each rule by itself, a permit next to every
//! refusal.

use std::collections::BTreeSet;

use portcullis::marking::{DocumentDate, Marking, Profile, Register, Rules, Shortfall, covers, covers_portions};

fn on(day: &str) -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known(day.parse().unwrap()))
}

fn rules() -> Rules<'static> {
    on("2022-12-01")
}

fn banner(rules: &Rules<'_>, text: &str) -> Marking {
    rules.parse_banner(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn portion(rules: &Rules<'_>, text: &str) -> Marking {
    rules.parse_portion(text, None).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn short(rules: &Rules<'_>, over: &str, portions: &[&str]) -> Vec<String> {
    let portions: Vec<Marking> = portions.iter().map(|p| portion(rules, p)).collect();
    let shortfalls = covers_portions(rules, &banner(rules, over), &portions).err().unwrap_or_default();
    shortfalls.iter().map(ToString::to_string).collect()
}

/// A banner, a portion under it, and where the banner says less.
type Row = (&'static str, &'static str, &'static [&'static str]);

#[track_caller]
fn holds(rules: &Rules<'_>, rows: &[Row]) {
    for (over, under, expected) in rows {
        assert_eq!(short(rules, over, &[under]), *expected, "{over} over {under}");
    }
}

#[test]
fn a_banner_is_no_lower_than_its_portions() {
    holds(
        &rules(),
        &[
            ("SECRET//NOFORN", "(S//NF)", &[]),
            ("TOP SECRET//NOFORN", "(S//NF)", &[]),
            ("CONFIDENTIAL//NOFORN", "(S//NF)", &["level"]),
            // Foreign RESTRICTED counts as CONFIDENTIAL in a United States banner, and as itself in a foreign one.
            ("CONFIDENTIAL//FGI GBR//REL TO USA, GBR", "(//GBR R//REL TO USA, GBR)", &[]),
            ("//GBR RESTRICTED//REL TO USA, GBR", "(//GBR R//REL TO USA, GBR)", &[]),
            ("//GBR CONFIDENTIAL//REL TO USA, GBR", "(//GBR R//REL TO USA, GBR)", &[]),
            ("//GBR RESTRICTED//REL TO USA, GBR", "(//GBR C//REL TO USA, GBR)", &["level"]),
        ],
    );
    // Of several portions the highest counts, wherever it stands.
    for portions in [["(C//NF)", "(S//NF)"], ["(S//NF)", "(C//NF)"]] {
        assert_eq!(short(&rules(), "CONFIDENTIAL//NOFORN", &portions), ["level"]);
        assert_eq!(short(&rules(), "SECRET//NOFORN", &portions), [""; 0]);
    }
    assert_eq!(short(&rules(), "SECRET//NOFORN", &[]), ["audience"], "nothing is no product");
}

#[test]
fn a_roll_up_is_covered_on_the_united_states_scale() {
    let rules = rules();
    let covered = |over: &str, rolled: &str| covers(&rules, &banner(&rules, over), &banner(&rules, rolled));
    assert_eq!(covered("SECRET//NOFORN", "SECRET//NOFORN"), Ok(()));
    assert_eq!(covered("SECRET//NOFORN", "CONFIDENTIAL//NOFORN"), Ok(()));
    assert_eq!(covered("CONFIDENTIAL//NOFORN", "SECRET//NOFORN"), Err(vec![Shortfall::Level]));
    assert_eq!(covered("//GBR RESTRICTED//REL TO USA, GBR", "//GBR CONFIDENTIAL//REL TO USA, GBR"), Ok(()));
    // Every shortfall is said, the level first.
    let all = vec![Shortfall::Level, Shortfall::Sci, Shortfall::Audience];
    assert_eq!(covered("CONFIDENTIAL//REL TO USA, GBR", "SECRET//SI//NOFORN"), Err(all));
}

#[test]
fn a_banner_names_every_system_and_compartment() {
    holds(
        &rules(),
        &[
            ("SECRET//SI//NOFORN", "(S//SI//NF)", &[]),
            ("SECRET//SI/TK//NOFORN", "(S//SI//NF)", &[]),
            ("SECRET//SI//NOFORN", "(S//SI/TK//NF)", &["sci"]),
            ("SECRET//TK//NOFORN", "(S//SI//NF)", &["sci"]),
            ("TOP SECRET//SI-ABC//NOFORN", "(TS//SI//NF)", &[]),
            ("TOP SECRET//SI-ABC//NOFORN", "(TS//SI-ABC//NF)", &[]),
            ("TOP SECRET//SI//NOFORN", "(TS//SI-ABC//NF)", &["sci"]),
            ("TOP SECRET//SI-ABC//NOFORN", "(TS//SI-ABD//NF)", &["sci"]),
            ("TOP SECRET//TK-KAND ABCD EFGH//NOFORN", "(TS//TK-KAND ABCD//NF)", &[]),
            ("TOP SECRET//TK-KAND//NOFORN", "(TS//TK-KAND ABCD//NF)", &["sci"]),
            ("TOP SECRET//TK-KAND EFGH//NOFORN", "(TS//TK-KAND ABCD//NF)", &["sci"]),
            ("SECRET//SAR-BP//NOFORN", "(S//SAR-BP//NF)", &[]),
            ("SECRET//NOFORN", "(S//SAR-BP//NF)", &["sap"]),
            ("SECRET//SAR-CD//NOFORN", "(S//SAR-BP//NF)", &["sap"]),
        ],
    );
}

#[test]
fn restricted_data_takes_in_what_was_restricted_and_nothing_takes_it_in() {
    holds(
        &rules(),
        &[
            ("SECRET//RD//NOFORN", "(S//RD//NF)", &[]),
            ("SECRET//RD//NOFORN", "(S//FRD//NF)", &[]),
            ("SECRET//RD//NOFORN", "(S//TFNI//NF)", &[]),
            ("SECRET//FRD//NOFORN", "(S//TFNI//NF)", &[]),
            ("SECRET//FRD//NOFORN", "(S//RD//NF)", &["aea"]),
            ("SECRET//TFNI//NOFORN", "(S//FRD//NF)", &["aea"]),
            ("SECRET//NOFORN", "(S//FRD//NF)", &["aea"]),
            ("SECRET//RD//NOFORN", "(S//RD-CNWDI//NF)", &["aea"]),
            ("SECRET//RD-SIGMA 14 15//NOFORN", "(S//RD-SG 14//NF)", &[]),
            ("SECRET//RD-SIGMA 14//NOFORN", "(S//FRD-SG 14//NF)", &[]),
            ("SECRET//RD-SIGMA 15//NOFORN", "(S//RD-SG 14//NF)", &["aea"]),
            ("SECRET//RD//NOFORN", "(S//FRD-SG 14//NF)", &["aea"]),
        ],
    );
}

#[test]
fn a_banner_names_every_source_and_reveals_no_concealed_one() {
    holds(
        &rules(),
        &[
            ("SECRET//FGI DEU//NOFORN", "(S//FGI DEU//NF)", &[]),
            ("SECRET//FGI DEU GBR//NOFORN", "(S//FGI DEU//NF)", &[]),
            ("SECRET//FGI GBR//NOFORN", "(S//FGI DEU//NF)", &["fgi"]),
            ("SECRET//NOFORN", "(S//FGI DEU//NF)", &["fgi"]),
            ("SECRET//FGI//NOFORN", "(S//FGI DEU//NF)", &[]),
            ("SECRET//FGI//NOFORN", "(S//FGI//NF)", &[]),
            ("SECRET//FGI DEU//NOFORN", "(S//FGI//NF)", &["fgi"]),
            ("SECRET//NOFORN", "(S//FGI//NF)", &["fgi"]),
            // What was made with others is theirs as well, and is said so unless the product is joint too.
            ("//JOINT SECRET GBR USA//REL TO USA, GBR", "(//JOINT S GBR USA//REL TO USA, GBR)", &[]),
            ("SECRET//FGI GBR//REL TO USA, GBR", "(//JOINT S GBR USA//REL TO USA, GBR)", &[]),
            ("SECRET//REL TO USA, GBR", "(//JOINT S GBR USA//REL TO USA, GBR)", &["fgi"]),
            // Whose product it is, is named as its owner.
            ("//GBR SECRET//REL TO USA, GBR", "(//GBR S//REL TO USA, GBR)", &[]),
            ("//DEU SECRET//REL TO USA, DEU", "(//GBR S//REL TO USA, DEU)", &["fgi"]),
        ],
    );
}

#[test]
fn a_banner_carries_every_control_or_a_stricter_one() {
    holds(
        &rules(),
        &[
            ("SECRET//ORCON/NOFORN", "(S//OC/NF)", &[]),
            ("SECRET//ORCON/NOFORN", "(S//OC-USGOV/NF)", &[]),
            ("SECRET//ORCON-USGOV/NOFORN", "(S//OC/NF)", &["dissem"]),
            ("SECRET//NOFORN", "(S//OC-USGOV/NF)", &["dissem"]),
            ("SECRET//IMCON/NOFORN", "(S//IMC/NF)", &[]),
            ("SECRET//NOFORN", "(S//IMC/NF)", &["dissem"]),
            ("SECRET//NOFORN//NODIS", "(S//NF//ND)", &[]),
            ("SECRET//NOFORN//NODIS", "(S//NF//XD)", &[]),
            ("SECRET//NOFORN//EXDIS", "(S//NF//ND)", &["nonic"]),
            ("SECRET//NOFORN", "(S//NF//XD)", &["nonic"]),
            ("UNCLASSIFIED//SBU NOFORN", "(U//SBU-NF)", &[]),
            ("UNCLASSIFIED//SBU NOFORN", "(U//SBU)", &[]),
            ("UNCLASSIFIED//NOFORN//SBU", "(U//SBU-NF)", &[]),
            ("UNCLASSIFIED//SBU", "(U//SBU-NF)", &["nonic", "audience"]),
            ("UNCLASSIFIED//LES NOFORN", "(U//LES)", &[]),
            ("UNCLASSIFIED//NOFORN//LES", "(U//LES-NF)", &[]),
            ("UNCLASSIFIED//LES", "(U//LES-NF)", &["nonic", "audience"]),
            ("UNCLASSIFIED//NOFORN", "(U//LES)", &["nonic"]),
        ],
    );
}

#[test]
fn a_banner_reaches_nobody_whom_a_portion_does_not() {
    holds(
        &rules(),
        &[
            ("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)", &[]),
            ("SECRET//REL TO USA, GBR", "(S//REL TO USA, FRA, GBR)", &[]),
            ("SECRET//REL TO USA, GBR", "(S//REL TO USA, FVEY)", &[]),
            ("SECRET//REL TO USA, FRA, GBR", "(S//REL TO USA, GBR)", &["audience"]),
            ("SECRET//REL TO USA, FVEY", "(S//REL TO USA, GBR)", &["audience"]),
            // An organisation whose members are not public is reached only where it is named.
            ("SECRET//REL TO USA, KFOR", "(S//REL TO USA, GBR)", &["audience"]),
            ("SECRET//REL TO USA, KFOR", "(S//REL TO USA, GBR, KFOR)", &[]),
            ("SECRET//NOFORN", "(S//REL TO USA, GBR)", &[]),
            ("SECRET//REL TO USA, GBR", "(S//NF)", &["audience"]),
            ("SECRET//RELIDO", "(S//NF)", &["audience"]),
            ("SECRET//REL TO USA, GBR/DISPLAY ONLY FRA", "(S//REL TO USA, GBR/DISPLAY ONLY FRA)", &[]),
            ("SECRET//REL TO USA, GBR/DISPLAY ONLY FRA", "(S//REL TO USA, GBR)", &["audience"]),
        ],
    );
}

#[test]
fn cui_covers_cui_of_the_same_words() {
    let cui = rules().with_profile(Profile::Cui);
    holds(
        &cui,
        &[
            ("CUI", "(CUI)", &[]),
            ("CUI//SP-CTI//NOFORN", "(CUI//SP-CTI//NF)", &[]),
            ("CUI//SP-CTI", "(CUI//SP-CTI//NF)", &["dissem", "audience"]),
            ("CUI//NOFORN", "(CUI//SP-CTI//NF)", &["nonic"]),
            ("CUI//LEI//REL TO USA, GBR", "(CUI//LEI//REL TO USA, GBR)", &[]),
            ("CUI//LEI//REL TO USA, FVEY", "(CUI//LEI//REL TO USA, GBR)", &["audience"]),
            ("CUI//LEI//REL TO USA, GBR", "(CUI//LEI)", &["audience"]),
        ],
    );
}

#[test]
fn cui_covers_plain_unclassified_text_and_no_other_mark_of_intelligence() {
    let cui = rules().with_profile(Profile::Cui);
    let plain = rules();
    assert_eq!(covers_portions(&cui, &banner(&cui, "CUI"), &[portion(&plain, "(U)")]), Ok(()));
    let controlled = portion(&plain, "(U//FOUO)");
    assert_eq!(covers_portions(&cui, &banner(&cui, "CUI"), &[controlled]), Err(vec![Shortfall::Level]));
    let (over, under) = (banner(&plain, "SECRET//NOFORN"), portion(&cui, "(CUI)"));
    assert_eq!(covers_portions(&cui, &over, &[under]), Err(vec![Shortfall::Level]));
    let (over, under) = (banner(&cui, "CUI"), portion(&plain, "(S//NF)"));
    assert_eq!(covers_portions(&cui, &over, &[under]), Err(vec![Shortfall::Level]));
}

#[test]
fn a_joint_mark_is_released_to_each_of_its_owners() {
    let rules = rules();
    for (text, fine) in [
        ("//JOINT SECRET GBR USA//REL TO USA, GBR", true),
        ("//JOINT SECRET GBR USA//REL TO USA, FVEY", true),
        ("//JOINT SECRET GBR USA//REL TO USA, FRA", false),
        ("//JOINT SECRET USA NATO//REL TO USA, NATO", true),
        ("//JOINT SECRET GBR USA NATO//REL TO USA, GBR", false),
        // An organisation is released to by its own code, not through its members.
        ("//JOINT SECRET USA FVEY//REL TO USA, AUS, CAN, GBR, NZL", false),
    ] {
        assert_eq!(rules.parse_banner(text).is_ok(), fine, "{text}");
    }
}

#[test]
fn a_later_tearline_reaches_whoever_the_one_above_it_reaches() {
    let rules = rules();
    let further = |above: &str, below: &str| rules.reaches_no_further(&banner(&rules, above), &banner(&rules, below));
    assert!(further("SECRET//REL TO USA, GBR", "SECRET//REL TO USA, GBR"));
    assert!(further("SECRET//REL TO USA, GBR", "SECRET//REL TO USA, FVEY"));
    assert!(further("SECRET//NOFORN", "SECRET//REL TO USA, GBR"));
    assert!(!further("SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, GBR"));
    assert!(!further("SECRET//REL TO USA, KFOR", "SECRET//REL TO USA, FVEY"));
}

#[test]
fn who_may_have_it_may_see_it_and_a_denial_leaves_nobody() {
    let rules = rules();
    let names = |codes: &BTreeSet<portcullis::marking::Code>| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (shown, plain) = ("SECRET//REL TO USA, GBR/DISPLAY ONLY FRA", "SECRET//REL TO USA, GBR");
    assert_eq!(names(&rules.release_audience(&banner(&rules, shown)).countries), ["GBR"]);
    assert_eq!(names(&rules.display_audience(&banner(&rules, shown)).countries), ["FRA", "GBR"]);
    assert_eq!(names(&rules.display_audience(&banner(&rules, plain)).countries), ["GBR"]);
    for denied in ["SECRET//NOFORN", "UNCLASSIFIED//SBU NOFORN", "UNCLASSIFIED//LES NOFORN"] {
        let denied = banner(&rules, denied);
        assert_eq!(rules.release_audience(&denied), Default::default());
        assert_eq!(rules.display_audience(&denied), Default::default());
    }
}
