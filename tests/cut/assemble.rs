//! The content of a cut: items of the front block are kept only if their own marks allow it, and a title is generated otherwise.

use std::collections::BTreeSet;

use portcullis::cut::{Cut, CutRefusal, Terms, assemble, cut_for};
use portcullis::digest::Digest;
use portcullis::marking::{Level, PartnerKind, PartnerRights, Profile, Register};
use portcullis::product::{Bounds, Format, Product};

const HYPHENS: &str = "------------------------";

/// A product whose front block is `front` and whose second tearline begins with `head`.
fn product(front: &str, head: &str) -> Product {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\n{front}Date: 2026-11-20\nKind: report\n\nTOP SECRET//SI//NOFORN\n\n\
         (TS//SI//NF) EXERCISE. Above.\n\n{HYPHENS}\n\nSECRET//REL TO USA, AUS, GBR\n{head}\n(S//REL) EXERCISE. Below.\n"
    );
    Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap_or_else(|f| panic!("{f:#?}"))
}

fn link(id: &str) -> PartnerRights {
    PartnerRights::new(id, PartnerKind::Country, Level::Secret, [])
}

fn cut(product: &Product, id: &str) -> Result<Cut, CutRefusal> {
    cut_for(product, &link(id), &Terms::default(), 0, &Bounds::default(), Register::compiled_in())
}

fn text(cut: &Cut) -> &str {
    std::str::from_utf8(cut.bytes()).unwrap()
}

const FRONT: &str = "Title: (S//REL TO USA, AUS, GBR) EXERCISE: may go\nOriginator: (S//NF) EXERCISE Group\n\
    Subjects: (S//NF) EXERCISE above; (S//REL TO USA, AUS, GBR) EXERCISE below\nContact: (TS//SI//NF) EXERCISE desk\n";

#[test]
fn keeps_of_the_front_block_only_what_its_own_marks_release() {
    let cut = cut(&product(FRONT, ""), "GBR").unwrap();
    assert_eq!(cut.title(), "EXERCISE: may go");
    assert_eq!(cut.head().originator, None);
    assert_eq!(cut.head().subjects.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["EXERCISE below"]);
    assert_eq!(cut.head().contact, None);
    assert!(!text(&cut).contains("above") && !text(&cut).contains("desk") && !text(&cut).contains("Group"));
}

#[test]
fn keeps_nothing_of_the_front_block_that_holds_what_is_protected_above() {
    let front = |contact: &str, protected: &str| {
        let title = "Title: (S//REL TO USA, AUS, GBR) EXERCISE: may go\nOriginator: (S//NF) EXERCISE Group\n";
        format!("{title}Contact: (S//REL TO USA, AUS, GBR) EXERCISE {contact}\n{protected}")
    };
    let contact = |words: &str, protected: &str| {
        let cut = cut(&product(&front(words, protected), ""), "GBR").unwrap();
        cut.head().contact.as_ref().map(|contact| contact.text.clone())
    };
    let protected = "Protected: COPPER FINCH\n";
    assert_eq!(contact("finch desk", protected).as_deref(), Some("EXERCISE finch desk"));
    assert_eq!(contact("copper-finch desk", ""), Some("EXERCISE copper-finch desk".into()));
    assert_eq!(contact("copper-finch desk", protected), None);
    assert_eq!(contact("desk of exercise-1", protected), None, "the product's own number is protected");
}

#[test]
fn prefers_the_heads_own_items_to_those_of_the_front_block() {
    let cut =
        cut(&product(FRONT, "Title: (S//REL) EXERCISE: its own\nContact: (U) EXERCISE liaison\n"), "GBR").unwrap();
    assert_eq!(cut.title(), "EXERCISE: its own");
    assert_eq!(cut.head().contact.as_ref().unwrap().text, "EXERCISE liaison");
}

#[test]
fn regenerates_a_title_that_may_not_go() {
    for title in [
        "(TS//SI//NF) EXERCISE secret",
        "(S//NF) EXERCISE secret",
        "(U) EXERCISE undecided",
        "(S//REL TO USA, AUS) EXERCISE for another",
        "(S//SI//REL TO USA, AUS, GBR) EXERCISE not covered by the banner",
    ] {
        let front = format!("Title: {title}\nOriginator: EXERCISE Group\n");
        let cut = cut(&product(&front, ""), "GBR").unwrap();
        assert_eq!(cut.title(), format!("Product {}", cut.id()), "{title}");
        assert_eq!(cut.title_marking().portion(), "(U)");
        assert!(cut.generated_title().is_some());
        assert!(!text(&cut).contains(title.split(") ").nth(1).unwrap()), "{title}");
    }
}

#[test]
fn keeps_nothing_of_the_front_block_that_the_banner_does_not_cover_though_the_link_may_carry_it() {
    let accredited = PartnerRights::new("GBR", PartnerKind::Country, Level::TopSecret, ["SCI:SI".to_owned()]);
    for (mark, kept) in [
        ("(S//REL TO USA, AUS, GBR)", true),
        // Each is releasable to this partner by itself, and exceeds the tearline's banner.
        ("(S//SI//REL TO USA, AUS, GBR)", false),
        ("(TS//REL TO USA, AUS, GBR)", false),
        ("(S//REL TO USA, GBR)", false),
    ] {
        let front =
            format!("Title: {mark} EXERCISE secret\nOriginator: EXERCISE Group\nContact: {mark} EXERCISE desk\n");
        let product = product(&front, "");
        let (terms, bounds, register) = (Terms::default(), Bounds::default(), Register::compiled_in());
        let cut = cut_for(&product, &accredited, &terms, 1, &bounds, register).unwrap();
        assert_eq!(cut.title() == "EXERCISE secret", kept, "{mark}");
        assert_eq!((cut.generated_title().is_none(), cut.head().contact.is_some()), (kept, kept), "{mark}");
    }
}

#[test]
fn what_stands_above_the_line_changes_not_a_byte_below_it() {
    let front = |title: &str, who: &str| format!("Title: (TS//SI//NF) {title}\nOriginator: {who}\n");
    let one = cut(&product(&front("EXERCISE one", "EXERCISE Group"), ""), "GBR").unwrap();
    let other = cut(&product(&front("EXERCISE another title altogether", "EXERCISE Bureau"), ""), "GBR").unwrap();
    assert_eq!(one.bytes(), other.bytes());
}

#[test]
fn two_partners_with_the_same_rights_get_the_same_bytes() {
    let product = product(FRONT, "");
    let (gbr, aus) = (cut(&product, "GBR").unwrap(), cut(&product, "AUS").unwrap());
    assert_eq!((gbr.bytes(), gbr.digest(), gbr.id()), (aus.bytes(), aus.digest(), aus.id()));
}

#[test]
fn every_mark_of_a_cut_is_written_out() {
    let cut = cut(&product(FRONT, "Title: (S//REL) EXERCISE: its own\n"), "GBR").unwrap();
    assert!(text(&cut).contains("(S//REL TO USA, AUS, GBR) EXERCISE. Below."));
    assert!(!text(&cut).contains("//REL)"));
}

#[test]
fn refuses_to_assemble_a_tearline_that_may_not_go() {
    let product = product(FRONT, "");
    let assembled = |index, id| {
        assemble(&product, index, &link(id), &Terms::default(), &Bounds::default(), Register::compiled_in())
    };
    assert!(assembled(1, "GBR").is_ok());
    assert!(matches!(assembled(0, "GBR"), Err(CutRefusal::Tearline { index: 0, .. })));
    assert!(matches!(assembled(1, "FRA"), Err(CutRefusal::Tearline { index: 1, .. })));
    assert!(matches!(assembled(2, "GBR"), Err(CutRefusal::NoSuchTearline { index: 2, count: 2 })));
}

#[test]
fn a_requester_may_name_a_lower_tearline_and_never_a_higher_one() {
    let product = product(FRONT, "");
    let from = |at| cut_for(&product, &link("GBR"), &Terms::default(), at, &Bounds::default(), Register::compiled_in());
    assert_eq!(from(0).unwrap().tearline_index(), Some(1));
    assert_eq!(from(1).unwrap().tearline_index(), Some(1));
    assert!(matches!(from(2), Err(CutRefusal::NothingReleasable { .. })));
}

#[test]
fn refuses_a_partner_below_the_ceiling_and_says_every_reason() {
    let product = product(FRONT, "");
    let low = PartnerRights::new("FRA", PartnerKind::Country, Level::Confidential, []);
    let refused =
        cut_for(&product, &low, &Terms::default(), 0, &Bounds::default(), Register::compiled_in()).unwrap_err();
    let CutRefusal::NothingReleasable { per_tearline } = refused else { panic!("{refused}") };
    let codes: Vec<&str> = per_tearline[1].reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["NOT-RELEASABLE", "CEILING"]);
}

#[test]
fn refuses_a_whole_tearline_for_one_attachment_the_agreement_does_not_name() {
    let product = Product::read(
        include_bytes!("../../samples/EXERCISE-northern-lantern.txt"),
        &Bounds::default(),
        Register::compiled_in(),
    )
    .unwrap();
    let with = |types: &[&str]| {
        let terms = Terms { attachments: types.iter().map(|t| (*t).to_owned()).collect::<BTreeSet<_>>() };
        cut_for(&product, &link("GBR"), &terms, 0, &Bounds::default(), Register::compiled_in())
    };
    assert!(with(&["text/csv"]).is_ok());
    assert!(
        matches!(with(&["text/plain"]), Err(CutRefusal::AttachmentType { media_type, .. }) if media_type == "text/csv")
    );
}

#[test]
fn a_refusal_for_an_attachment_names_the_tearline_beneath_that_may_go() {
    let digest = Digest::of(b"a,b\n");
    let upper =
        format!("\n(S//REL TO USA, GBR) BEGIN ATTACHMENT a.csv text/csv 4 {digest}\nYSxiCg==\nEND ATTACHMENT\n");
    let tearline = |level: &str, rest: &str| {
        format!("{level}//REL TO USA, GBR\n\n({}//REL TO USA, GBR) EXERCISE.\n{rest}", &level[..1])
    };
    let front = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE\nDate: 2026-11-20\n\
        Kind: report\n\n";
    let refusal = |lower: &str| {
        let text = format!("{front}{}\n------------------------\n\n{lower}", tearline("SECRET", &upper));
        let product = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
        cut_for(&product, &link("GBR"), &Terms::default(), 0, &Bounds::default(), Register::compiled_in()).unwrap_err()
    };
    let found = refusal(&tearline("CONFIDENTIAL", ""));
    assert!(matches!(found, CutRefusal::AttachmentType { lower: Some(1), .. }), "{found}");
    assert!(found.to_string().ends_with("submit with `--tearline 2`"), "{found}");
    // The neighbouring case: a lower tearline with such an attachment is not suggested.
    let found = refusal(&tearline("CONFIDENTIAL", &upper.replace("(S//", "(C//")));
    assert!(matches!(found, CutRefusal::AttachmentType { lower: None, .. }), "{found}");
    // Nor is one that is not releasable to this partner.
    let found = refusal("CONFIDENTIAL//SI//REL TO USA, GBR\n\n(C//SI//REL TO USA, GBR) EXERCISE.\n");
    assert!(matches!(found, CutRefusal::AttachmentType { lower: None, .. }), "{found}");
}

#[test]
fn canonical_bytes_do_not_change_between_machines_and_releases_of_the_software() {
    let cut = cut(&product(FRONT, ""), "GBR").unwrap();
    assert_eq!(
        text(&cut),
        format!(
            "PORTCULLIS PRODUCT 1\nId: {}\nTitle: (S//REL TO USA, AUS, GBR) EXERCISE: may go\nDate: 2026-11-20\nKind: report\n\
             Subjects: (S//REL TO USA, AUS, GBR) EXERCISE below\n\nSECRET//REL TO USA, AUS, GBR\n\n\
             (S//REL TO USA, AUS, GBR) EXERCISE. Below.\n",
            cut.id()
        )
    );
    assert_eq!(cut.id().as_str(), "PC-bdf0ad3c63585d5c08600942f9d10598");
}

/// A product of CUI whose first tearline is kept, with this head.
fn of_cui(front: &str, lower: &str) -> Result<Product, String> {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\n{front}Originator: EXERCISE Group\nDate: 2026-11-20\nKind: report\n\n\
         CUI//SP-CTI/PRVCY//NOFORN\n\n(CUI//SP-CTI//NF) EXERCISE. Above.\n\n{HYPHENS}\n\n{lower}"
    );
    let read = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in());
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_cut_of_cui_has_the_profile_of_its_banner_and_reads_back_with_a_title_of_the_gateways_own() {
    let lower = "CUI//SP-CTI//REL TO USA, GBR\n\n(CUI//SP-CTI//REL TO USA, GBR) EXERCISE. Below.\n\n(U) EXERCISE.\n";
    let product = of_cui("Title: (CUI//SP-CTI//NF) EXERCISE secret\n", lower).unwrap();
    let made = cut(&product, "GBR").unwrap();
    assert_eq!((made.profile(), made.level()), (Profile::Cui, Level::Unclassified));
    assert_eq!(Some(made.title()), made.generated_title().as_deref());
    assert_eq!(made.title_marking().portion(), "(U)");
    assert!(text(&made).contains("\nCUI//SP-CTI//REL TO USA, GBR\n") && !text(&made).contains("Above"));
    let again = Cut::read(made.bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
    assert_eq!((again.digest(), again.profile()), (made.digest(), Profile::Cui));
    let page = String::from_utf8(made.rendered(Format::Html, Register::compiled_in()).unwrap()).unwrap();
    assert!(page.contains("<body class=\"level-cui\">"), "{page}");
    // A partner that no mark names gets nothing, and neither does one with display-only access.
    assert!(matches!(cut(&product, "FRA"), Err(CutRefusal::NothingReleasable { .. })));
    let shown = "CUI//SP-CTI//DISPLAY ONLY GBR\n\n(CUI//SP-CTI//DISPLAY ONLY GBR) EXERCISE. Below.\n";
    let refused = cut(&of_cui("Title: (U) EXERCISE\n", shown).unwrap(), "GBR").unwrap_err();
    assert!(refused.to_string().contains("DISPLAY-ONLY"), "{refused}");
}

#[test]
fn a_title_of_cui_that_names_the_partner_goes_with_a_lower_tearline_whose_banner_covers_it() {
    let lower = "CUI//SP-CTI//REL TO USA, GBR\n\n(CUI//SP-CTI//REL TO USA, GBR) EXERCISE. Below.\n";
    for (title, kept) in [
        ("(CUI//SP-CTI//REL TO USA, GBR)", true),
        ("(CUI//REL TO USA, AUS, GBR)", true),
        ("(CUI//SP-CTI/PRVCY//REL TO USA, GBR)", false),
        ("(CUI//SP-CTI)", false),
        ("(CUI)", false),
    ] {
        let product = of_cui(&format!("Title: {title} EXERCISE: may go\n"), lower);
        let made = cut(&product.unwrap_or_else(|f| panic!("{title}: {f}")), "GBR").unwrap();
        assert_eq!(made.title() == "EXERCISE: may go", kept, "{title}");
    }
}

#[test]
fn going_down_a_product_of_cui_nobody_is_lost() {
    let two = |narrow: &str| {
        format!(
            "CUI//REL TO USA, AUS, GBR\n\n(CUI//REL TO USA, AUS, GBR) EXERCISE.\n\n{HYPHENS}\n\n\
             {narrow}\n\n({narrow}) EXERCISE. Below.\n"
        )
    };
    let front = "Title: (U) EXERCISE\n";
    assert!(of_cui(front, &two("CUI//REL TO USA, AUS, FRA, GBR")).is_ok());
    let refused = of_cui(front, &two("CUI//REL TO USA, GBR")).unwrap_err();
    assert!(refused.contains("the tearline above is releasable to AUS"), "{refused}");
}
