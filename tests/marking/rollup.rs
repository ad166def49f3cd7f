//! What takes part in roll-up, and what has no banner.

use portcullis::marking::{
    DocumentDate, Level, Marking, PortionForRollup, Profile, Register, RollupError, RollupOptions, Rules, roll_up,
};

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().unwrap()))
}

fn portion(text: &str) -> Marking {
    let rules = if text.starts_with("(CUI") { rules().with_profile(Profile::Cui) } else { rules() };
    rules.parse_portion(text, None).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The banner of portions, of which those are excluded whose place is in `excluded`.
fn banner(portions: &[&str], excluded: &[usize]) -> Result<String, RollupError> {
    let portions: Vec<Marking> = portions.iter().map(|p| portion(p)).collect();
    let part = |(place, marking)| PortionForRollup { marking, excluded: excluded.contains(&place) };
    let parts: Vec<PortionForRollup<'_>> = portions.iter().enumerate().map(part).collect();
    roll_up(&rules(), &parts, RollupOptions::default()).map(|banner| banner.to_string())
}

#[test]
fn an_excluded_portion_takes_no_part() {
    let portions = ["(C//REL TO USA, GBR)", "(S//NF)"];
    assert_eq!(banner(&portions, &[]).unwrap(), "SECRET//NOFORN");
    assert_eq!(banner(&portions, &[1]).unwrap(), "CONFIDENTIAL//REL TO USA, GBR");
    assert_eq!(banner(&portions, &[0]).unwrap(), "SECRET//NOFORN");
    assert_eq!(banner(&portions, &[0, 1]), Err(RollupError::NoPortions));
    assert_eq!(banner(&[], &[]), Err(RollupError::NoPortions));
}

#[test]
fn cui_has_no_place_in_an_intelligence_banner_unless_it_takes_no_part() {
    let portions = ["(S//REL TO USA, GBR)", "(CUI//SP-CTI)"];
    assert_eq!(banner(&portions, &[]), Err(RollupError::Cui { portion: 1 }));
    assert_eq!(banner(&portions, &[0]), Err(RollupError::Cui { portion: 1 }));
    assert_eq!(banner(&portions, &[1]).unwrap(), "SECRET//REL TO USA, GBR");
}

#[test]
fn compilation_raises_the_level_and_never_lowers_it() {
    let secret = portion("(S//NF)");
    let at_least = |level| {
        let options = RollupOptions { level_at_least: Some(level), ..RollupOptions::default() };
        roll_up(&rules(), &[(&secret).into()], options).unwrap().level()
    };
    assert_eq!(at_least(Level::Unclassified), Level::Secret);
    assert_eq!(at_least(Level::Secret), Level::Secret);
    assert_eq!(at_least(Level::TopSecret), Level::TopSecret);
}

#[test]
fn a_list_keeps_only_whom_every_portion_names_and_noforn_leaves_nobody() {
    for (portions, expected) in [
        (&["(S//REL TO USA, FVEY)", "(S//REL TO USA, AUS, GBR)"][..], "SECRET//REL TO USA, AUS, GBR"),
        (&["(S//REL TO USA, GBR)", "(S//REL TO USA, FRA)"], "SECRET//NOFORN"),
        (&["(S//REL TO USA, GBR)", "(S//NF)"], "SECRET//NOFORN"),
        (&["(S//RELIDO)", "(S//NF)"], "SECRET//NOFORN"),
        (&["(S//REL TO USA, GBR)", "(U)"], "SECRET//REL TO USA, GBR"),
        (&["(S//REL TO USA, GBR)", "(U//FOUO)"], "SECRET//NOFORN"),
        (&["(S//RELIDO)", "(S)"], "SECRET//RELIDO"),
        // Nuclear information that is controlled, not classified, goes to nobody once it is in a classified product.
        (&["(S//RELIDO)", "(U//DCNI)"], "SECRET//NOFORN"),
        (&["(S//RELIDO)", "(U//UCNI)"], "SECRET//NOFORN"),
    ] {
        assert_eq!(banner(portions, &[]).unwrap(), expected, "{portions:?}");
    }
}

#[test]
fn what_is_unmarked_is_left_to_an_official_only_where_it_is_ours_and_plain_and_of_2010_or_later() {
    let on = |day: &str| DocumentDate::Known(day.parse().unwrap());
    for (text, date, state) in [
        ("(S)", on("2010-06-28"), "RELIDO"),
        ("(S)", on("2010-06-27"), "NOFORN"),
        ("(S)", DocumentDate::Unknown, "NOFORN"),
        ("(S//SI)", on("2022-12-01"), "RELIDO"),
        ("(S//PR)", on("2022-12-01"), "NOFORN"),
        ("(S//FGI DEU)", on("2022-12-01"), "NOFORN"),
        ("(//GBR S)", on("2022-12-01"), "NOFORN"),
        ("(//NU)", on("2022-12-01"), "NOFORN"),
        ("(U)", on("2022-12-01"), "UNMARKED-U"),
    ] {
        assert_eq!(portion(text).disclosure_state(date).to_string(), state, "{text} of {date:?}");
    }
}

#[test]
fn what_a_stricter_control_takes_in_is_not_said_beside_it() {
    for (portions, expected) in [
        (&["(U//NF//XD)", "(U//SBU)"][..], "UNCLASSIFIED//NOFORN//EXDIS"),
        (&["(U//NF//ND)", "(U//SBU)"], "UNCLASSIFIED//NOFORN//NODIS"),
        (&["(U//NF//ND)", "(U//NF//XD)"], "UNCLASSIFIED//NOFORN//NODIS"),
        (&["(U//SBU)", "(U//SBU-NF)"], "UNCLASSIFIED//SBU NOFORN"),
        (&["(U//LES)", "(U//LES-NF)"], "UNCLASSIFIED//LES NOFORN"),
        (&["(U//LES-NF)", "(U//NF)"], "UNCLASSIFIED//NOFORN//LES"),
        (&["(U//PR)", "(U//LES-NF)"], "UNCLASSIFIED//NOFORN/PROPIN//LES"),
        (&["(S//OC/NF)", "(S//OC-USGOV/NF)"], "SECRET//ORCON/NOFORN"),
        (&["(S//RD//NF)", "(S//FRD//NF)", "(S//TFNI//NF)"], "SECRET//RD//NOFORN"),
        (&["(S//FRD//NF)", "(S//TFNI//NF)"], "SECRET//FRD//NOFORN"),
        (&["(S//FGI//NF)", "(S//FGI DEU//NF)"], "SECRET//FGI//NOFORN"),
        (&["(S//FGI GBR//NF)", "(S//FGI DEU//NF)"], "SECRET//FGI DEU GBR//NOFORN"),
    ] {
        assert_eq!(banner(portions, &[]).unwrap(), expected, "{portions:?}");
    }
}

#[test]
fn what_two_portions_both_say_is_said() {
    for portion in ["(S//RD-SG 14//NF)", "(S//FRD-SG 14//NF)", "(S//FGI DEU//NF)", "(TS//SI-ABC//NF)"] {
        assert_eq!(banner(&[portion, portion], &[]), banner(&[portion], &[]), "{portion}");
    }
}
