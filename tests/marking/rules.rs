//! Every marking of the register: where it may stand, and the nearest place where it may not.

use std::collections::BTreeSet;

use portcullis::marking::{DocumentDate, Kind, Register, Rules};

/// Portion texts that are valid, each with neighbours that are not and the code that says why.
const ROWS: &[(&str, &[(&str, &str)])] = &[
    ("(S//BUR//NF)", &[("(C//BUR//NF)", "E-CLASS-FLOOR"), ("(S//BUR)", "E-REQUIRES")]),
    ("(S//BUR-BLG-DTP-WRG//NF)", &[("(S//BUR-DTP-BLG//NF)", "E-ORDER"), ("(S//BUR-XYZ//NF)", "E-SCI-COMPARTMENT")]),
    ("(S//HCS//NF)", &[("(C//HCS//NF)", "E-CLASS-FLOOR"), ("(S//HCS)", "E-REQUIRES")]),
    ("(S//HCS-O//OC/NF)", &[("(S//HCS-O//NF)", "E-REQUIRES"), ("(S//HCS-O//OC-USGOV/NF)", "E-EXCLUSIVE")]),
    ("(S//HCS-P//NF)", &[("(S//HCS-P//RELIDO)", "E-REQUIRES"), ("(C//HCS-P//NF)", "E-CLASS-FLOOR")]),
    (
        "(TS//HCS-P ABC//OC/NF)",
        &[("(S//HCS-P ABC//OC/NF)", "E-CLASS-FLOOR"), ("(TS//HCS-P ABC//OC-USGOV/NF)", "E-EXCLUSIVE")],
    ),
    ("(S//HCS-X//NF)", &[("(S//HCS-X)", "E-REQUIRES"), ("(S//HCS-Y//NF)", "E-SCI-COMPARTMENT")]),
    ("(S//KLM//NF)", &[("(C//KLM//NF)", "E-CLASS-FLOOR"), ("(S//KLAMATH//NF)", "E-FORM")]),
    ("(TS//KLM-R//NF)", &[("(S//KLM-R//NF)", "E-CLASS-FLOOR"), ("(TS//KLM-R//OC)", "E-REQUIRES")]),
    (
        "(TS//KLM-R ABC//OC/NF)",
        &[("(TS//KLM-R ABC//NF)", "E-REQUIRES"), ("(TS//KLM-R ABC//OC-USGOV/NF)", "E-EXCLUSIVE")],
    ),
    ("(S//KLM-ABC//OC/NF)", &[("(S//KLM-ABC//NF)", "E-REQUIRES")]),
    ("(TS//MVL)", &[("(S//MVL)", "E-CLASS-FLOOR"), ("(TS//MVL-A)", "E-SCI-COMPARTMENT")]),
    (
        "(S//RSV-123//NF)",
        &[("(S//RSV//NF)", "E-REQUIRES"), ("(S//RSV-123)", "E-REQUIRES"), ("(S//RSV-1234//NF)", "E-SCI-COMPARTMENT")],
    ),
    ("(C//SI)", &[("(U//SI)", "E-CLASS-FLOOR"), ("(C//COMINT)", "E-LEGACY")]),
    ("(TS//SI-ABC)", &[("(S//SI-ABC)", "E-CLASS-FLOOR"), ("(TS//SI-ABCD)", "E-SCI-COMPARTMENT")]),
    ("(TS//SI-EU-NK)", &[("(TS//SI-NK-EU)", "E-ORDER"), ("(TS//SI-ECRU)", "E-FORM"), ("(TS//EL-EU)", "E-LEGACY")]),
    (
        "(TS//SI-G ABCD//OC)",
        &[
            ("(TS//SI-G ABCD)", "E-REQUIRES"),
            ("(TS//SI-G ABCDE//OC)", "E-SCI-COMPARTMENT"),
            ("(TS//SI-G//OC-USGOV)", "E-EXCLUSIVE"),
        ],
    ),
    ("(S//TK)", &[("(C//TK)", "E-CLASS-FLOOR"), ("(S//TALENT KEYHOLE)", "E-FORM")]),
    ("(TS//TK-BLFH//NF)", &[("(S//TK-BLFH//NF)", "E-CLASS-FLOOR"), ("(TS//TK-BLFH)", "E-REQUIRES")]),
    (
        "(S//TK-IDIT-KAND//NF)",
        &[("(S//TK-IDIT)", "E-REQUIRES"), ("(S//TK-KAND-IDIT//NF)", "E-ORDER"), ("(S//KDK//NF)", "E-LEGACY")],
    ),
    (
        "(C//SAR-BP//NF)",
        &[
            ("(U//SAR-BP//NF)", "E-CLASS-FLOOR"),
            ("(C//SAR-BP/SAR-CD//NF)", "E-SAP-REPEATED-INDICATOR"),
            ("(C//SAR-CD/BP//NF)", "E-ORDER"),
        ],
    ),
    (
        "(C//RD//NF)",
        &[("(U//RD//NF)", "E-CLASS-FLOOR"), ("(C//RD/FRD//NF)", "E-EXCLUSIVE"), ("(C//RD/TFNI//NF)", "E-EXCLUSIVE")],
    ),
    (
        "(S//RD-CNWDI//NF)",
        &[("(C//RD-CNWDI//NF)", "E-CLASS-FLOOR"), ("(S//FRD-CNWDI//NF)", "E-AEA-SUB"), ("(S//RD-N//NF)", "E-LEGACY")],
    ),
    (
        "(S//RD-SG 14 15 18 20//NF)",
        &[
            ("(S//RD-SG 13//NF)", "E-SIGMA"),
            ("(C//RD-SG 14//NF)", "E-CLASS-FLOOR"),
            ("(S//RD-SG 15 14//NF)", "E-ORDER"),
            ("(S//RD-SG 14 14//NF)", "E-DUP"),
        ],
    ),
    ("(C//FRD//NF)", &[("(U//FRD//NF)", "E-CLASS-FLOOR"), ("(C//FRD/TFNI//NF)", "E-EXCLUSIVE")]),
    ("(S//FRD-SG 14//NF)", &[("(C//FRD-SG 14//NF)", "E-CLASS-FLOOR"), ("(S//FRD-SG 014//NF)", "E-SIGMA")]),
    ("(U//DCNI)", &[("(C//DCNI)", "E-CLASS-CEILING"), ("(U//DOD UCNI)", "E-FORM")]),
    ("(U//UCNI)", &[("(S//UCNI)", "E-CLASS-CEILING"), ("(U//UCNI/DCNI)", "E-ORDER")]),
    ("(C//TFNI)", &[("(U//TFNI)", "E-CLASS-FLOOR")]),
    ("(//NS//ATOMAL)", &[("(S//ATOMAL)", "E-NATO-CONTROL"), ("(//GBR S//ATOMAL)", "E-NATO-CONTROL")]),
    (
        "(//CTS//BALK/BOHEMIA)",
        &[("(//NS//BALK)", "E-CLASS-FLOOR"), ("(TS//BALK)", "E-NATO-CONTROL"), ("(//CTS//BOHEMIA/BALK)", "E-ORDER")],
    ),
    (
        "(S//FGI CAN GBR)",
        &[
            ("(S//FGI GBR CAN)", "E-CODE-ORDER"),
            ("(S//FGI USA)", "E-FGI-USA"),
            ("(//GBR S//FGI CAN)", "E-FGI-ON-NONUS"),
            ("(S//FGI XYZ)", "E-CODE-UNKNOWN"),
        ],
    ),
    ("(S//FGI AX1//NF)", &[("(//AX1 S//NF)", "E-CODE-UNKNOWN"), ("(S//REL TO USA, AX1)", "E-CODE-UNKNOWN")]),
    ("(S//RS)", &[("(C//RS)", "E-CLASS-FLOOR"), ("(S//RSEN)", "E-FORM")]),
    (
        "(U//FOUO)",
        &[
            ("(C//FOUO)", "E-CLASS-CEILING"),
            ("(U//FOUO//LES)", "E-FOUO-SUPERSEDED"),
            ("(U//FOUO/DSEN)", "E-FOUO-SUPERSEDED"),
        ],
    ),
    (
        "(C//OC/REL TO USA, GBR)",
        &[("(U//OC)", "E-CLASS-FLOOR"), ("(C//OC/RELIDO)", "E-EXCLUSIVE"), ("(C//OC/OC-USGOV)", "E-EXCLUSIVE")],
    ),
    ("(C//OC-USGOV)", &[("(U//OC-USGOV)", "E-CLASS-FLOOR"), ("(C//OC-USGOV/RELIDO)", "E-EXCLUSIVE")]),
    ("(S//IMC/NF)", &[("(C//IMC/NF)", "E-CLASS-FLOOR"), ("(S//NF/IMC)", "E-ORDER")]),
    (
        "(U//NF)",
        &[
            ("(S//NF/REL TO USA, GBR)", "E-EXCLUSIVE"),
            ("(S//NF/RELIDO)", "E-EXCLUSIVE"),
            ("(S//NF/DISPLAY ONLY GBR)", "E-EXCLUSIVE"),
        ],
    ),
    ("(U//PR)", &[("(U//PROPIN)", "E-FORM")]),
    (
        "(U//REL TO USA, EU)",
        &[
            ("(U//REL TO USA)", "E-REL-SOLE-USA"),
            ("(U//REL TO EU)", "E-REL-NO-USA"),
            ("(U//REL TO EU, USA)", "E-REL-USA-NOT-FIRST"),
            ("(U//REL TO)", "E-REL-EMPTY"),
        ],
    ),
    (
        "(S//REL TO USA, DEU, NATO)",
        &[
            ("(S//REL TO USA, NATO, DEU)", "E-CODE-ORDER"),
            ("(S//REL TO USA DEU NATO)", "E-LIST-SEPARATOR"),
            ("(S//REL TO USA, DEU, DEU)", "E-DUP"),
            ("(S//REL TO USA, ISAF)", "E-CODE-DEPRECATED"),
        ],
    ),
    ("(U//RELIDO)", &[("(S//RELIDO/DISPLAY ONLY GBR)", "E-EXCLUSIVE")]),
    ("(U//DSEN)", &[("(U//DEA SENSITIVE)", "E-FORM")]),
    ("(S//RAWFISA)", &[("(C//RAWFISA)", "E-CLASS-FLOOR"), ("(S//FISA/RAWFISA)", "E-ORDER")]),
    ("(U//FISA)", &[("(U//FISA/FISA)", "E-DUP")]),
    (
        "(U//DISPLAY ONLY AFG, IRQ)",
        &[("(U//DISPLAY ONLY)", "E-DISPLAY-EMPTY"), ("(U//DISPLAY ONLY IRQ, AFG)", "E-CODE-ORDER")],
    ),
    ("(U//DS)", &[("(C//DS)", "E-CLASS-CEILING"), ("(U//LIMDIS)", "E-FORM")]),
    (
        "(U//NF//XD)",
        &[("(U//XD)", "E-REQUIRES"), ("(U//NF//XD/ND)", "E-EXCLUSIVE"), ("(U//NF//XD/SBU)", "E-EXCLUSIVE")],
    ),
    ("(U//NF//ND)", &[("(U//ND)", "E-REQUIRES"), ("(U//NF//ND/SBU-NF)", "E-EXCLUSIVE")]),
    ("(U//SBU)", &[("(C//SBU)", "E-CLASS-CEILING"), ("(U//SBU/SBU-NF)", "E-EXCLUSIVE")]),
    (
        "(U//SBU-NF)",
        &[("(C//SBU-NF)", "E-CLASS-CEILING"), ("(U//RELIDO//SBU-NF)", "E-EXCLUSIVE"), ("(U//SBU NOFORN)", "E-FORM")],
    ),
    ("(S//LES)", &[("(S//LES/LES-NF)", "E-EXCLUSIVE")]),
    ("(S//LES-NF)", &[("(S//NF//LES-NF)", "E-EXCLUSIVE"), ("(S//REL TO USA, GBR//LES-NF)", "E-EXCLUSIVE")]),
    ("(U//SSI)", &[("(U//SSI/LES)", "E-ORDER"), ("(U//NNPI)", "E-PROFILE"), ("(C//ACCM-X)", "E-PROFILE")]),
    ("(//GBR R)", &[("(R)", "E-CLASS-NOT-US"), ("(GBR R)", "E-NONUS-PREFIX"), ("(//USA R)", "E-NONUS-USA")]),
    ("(//CTS)", &[("(//COSMIC TS)", "E-FORM"), ("(//COSMIC S)", "E-NATO-LEVEL"), ("(CTS)", "E-NONUS-PREFIX")]),
    ("(//NU)", &[("(//NATO U)", "E-FORM"), ("(//NTS)", "E-CLASS-UNKNOWN")]),
    (
        "(//JOINT S GBR USA//REL TO USA, GBR)",
        &[
            ("(//JOINT S GBR USA)", "E-REQUIRES"),
            ("(//JOINT S GBR USA//REL TO USA, FRA)", "E-JOINT-REL"),
            ("(//JOINT S CAN GBR//REL TO USA, CAN, GBR)", "E-JOINT-NO-USA"),
            ("(//JOINT S USA//REL TO USA, GBR)", "E-JOINT-OWNERS"),
            ("(//JOINT R GBR USA//REL TO USA, GBR)", "E-JOINT-RESTRICTED"),
            ("(//JOINT S//REL TO USA, GBR)", "E-CONTEXT"),
            ("(//JOINT S GBR USA//NF)", "E-EXCLUSIVE"),
        ],
    ),
];

#[test]
fn every_permitted_mark_has_a_neighbour_that_is_refused_for_its_reason() {
    let rules = Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().expect("a date")));
    let mut seen = BTreeSet::new();
    for (valid, neighbours) in ROWS {
        let checked = rules.check(valid, Kind::Portion, None);
        assert!(checked.is_valid(), "{valid}: {:?}", checked.diagnostics);
        seen.extend(checked.marking.expect("valid").controls().iter().map(|c| c.id()));
        for (text, code) in *neighbours {
            let found = rules.check(text, Kind::Portion, None).codes();
            assert!(found.iter().any(|c| c.as_str() == *code), "{text}: {code} is not in {found:?}");
        }
    }
    let missing: Vec<_> =
        portcullis::marking::Control::ALL.iter().map(|c| c.id()).filter(|id| !seen.contains(id)).collect();
    assert_eq!(missing, ["EYES"], "EYES ONLY is dated, and tested with its dates");
}

#[test]
fn dates_decide_what_is_legacy() {
    let on = |day: &str| Rules::new(Register::compiled_in(), DocumentDate::Known(day.parse().expect("a date")));
    let unknown = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
    assert!(on("2017-10-01").parse_portion("(S//USA/GBR EYES ONLY)", None).is_ok());
    assert!(on("2017-10-02").parse_portion("(S//USA/GBR EYES ONLY)", None).is_err());
    assert!(unknown.parse_portion("(S//USA/GBR EYES ONLY)", None).is_err());
    assert!(on("2021-11-02").parse_portion("(S//REL TO USA, RSMA)", None).is_ok());
    assert!(on("2021-11-03").parse_portion("(S//REL TO USA, RSMA)", None).is_err());
    assert!(unknown.parse_portion("(S//REL TO USA, RSMA)", None).is_err());
    for (day, state) in [("2010-06-27", "NOFORN"), ("2010-06-28", "RELIDO")] {
        let rules = on(day);
        let marking = rules.parse_banner("SECRET").expect("valid");
        assert_eq!(marking.disclosure_state(rules.date()).to_string(), state);
    }
}

#[test]
fn a_propin_banner_needs_a_disclosure_marking_and_its_portion_does_not() {
    let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
    assert!(rules.parse_portion("(S//PR)", None).is_ok());
    assert!(rules.parse_banner("SECRET//PROPIN").is_err());
    assert!(rules.parse_banner("SECRET//NOFORN/PROPIN").is_ok());
}

#[test]
fn a_list_out_of_order_comes_with_its_proper_order_and_one_without_the_united_states_with_nothing() {
    let rules = Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().expect("a date")));
    let fixes = |text: &str| -> Vec<String> {
        let rejected = rules.parse_banner(text).expect_err("out of order");
        rejected.diagnostics.into_iter().filter_map(|d| d.fix).map(|fix| fix.replacement).collect()
    };
    for (text, proper) in [
        ("SECRET//REL TO USA, GBR, AUS", "SECRET//REL TO USA, AUS, GBR"),
        ("SECRET//REL TO USA, FVEY, DEU", "SECRET//REL TO USA, DEU, FVEY"),
        ("SECRET//FGI GBR DEU//NOFORN", "SECRET//FGI DEU GBR//NOFORN"),
        ("TOP SECRET//TK/SI//NOFORN", "TOP SECRET//SI/TK//NOFORN"),
    ] {
        assert!(fixes(text).iter().any(|fix| fix == proper), "{text}: {:?}", fixes(text));
    }
    // Who is missing from a list is not for a fix to say.
    assert_eq!(fixes("SECRET//REL TO GBR, AUS"), [""; 0]);
}
