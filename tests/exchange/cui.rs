//! A product of controlled unclassified information from its submission to the partner's inbox, and what of it goes to
//! nobody, on real nodes.

use crate::support::{Answer, Node, World, block_on};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

fn product(world: &World, id: &str, tearlines: &str) -> String {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\n{tearlines}"
    );
    world.file(&format!("{id}.txt"), &text)
}

fn one(world: &World, id: &str, mark: &str) -> String {
    product(world, id, &format!("{mark}\n\n({mark}) EXERCISE text of {id}.\n").replace("/NOFORN)", "/NF)"))
}

fn submit(node: &Node, file: &str) -> Answer {
    let key = node.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    node.run(&[&["submit", file, "--key", &key][..], &terms].concat())
}

#[test]
fn cui_reaches_the_partner_that_every_mark_names_and_nothing_kept_of_it_does() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    for (id, mark, why) in [
        ("NOFORN", "CUI//SP-CTI//NOFORN", "NOT-RELEASABLE"),
        ("UNLISTED", "CUI//MIL", "NOT-RELEASABLE"),
        ("SHOWN", "CUI//SP-CTI//DISPLAY ONLY GBR", "DISPLAY-ONLY"),
        ("FEDERAL", "CUI//FEDCON", "NOT-RELEASABLE"),
        ("LISTED", "CUI//DL ONLY/REL TO USA, GBR", "CONDITION:DL-LIST"),
        ("NUCLEAR", "CUI//SP-NNPI//REL TO USA, GBR", "NOT-RELEASABLE"),
        ("PRIVILEGED", "CUI//PRIVILEGE//REL TO USA, GBR", "`PRIVILEGE` (line"),
        ("SAFEGUARDS", "CUI//SP-SGI//REL TO USA, GBR", "`SP-SGI` (line"),
        ("TREATY", "CUI//SP-INTL//REL TO USA, GBR", "CONDITION:FGI-CONSENT"),
    ] {
        let refused = submit(&us, &one(&world, id, mark)).expect(1);
        assert!(refused.stdout.contains(why), "{mark}: {}", refused.stdout);
    }
    // Whoever keeps the list puts the partner on it.
    let today = SystemClock.now().date();
    let consent = format!(
        "condition = \"DL-LIST\"\nsource = \"EXERCISE desk\"\nconsented_by = \"EXERCISE keeper of the list\"\n\
         reference = \"EXERCISE-REF-9\"\ngiven_on = {today}\nuse_statement = \"EXERCISE\"\n\
         partners = [\"exercise-gbr\"]\nvalid_from = {today}\nvalid_until = {}\n[covers]\nproduct = \"EXERCISE-LISTED\"\n",
        today.checked_add(jiff::Span::new().days(30)).unwrap()
    );
    let file = world.file("list.toml", &consent);
    world.changed(&us, &["--consent".to_owned(), format!("list={file}")]);
    submit(&us, &one(&world, "LISTED", "CUI//DL ONLY/REL TO USA, GBR")).expect(0);

    let rel = "CUI//SP-CTI//REL TO USA, GBR";
    let tearlines = format!(
        "CUI//SP-CTI//NOFORN\n\n(CUI//SP-CTI//NF) EXERCISE survey that stays.\n\n------------------------\n\n\
         {rel}\n\n({rel}) EXERCISE text that goes.\n\n(U) EXERCISE.\n"
    );
    let file = product(&world, "HARBOUR", &tearlines);
    let checked = us.run(&["product", "check", &file]).expect(0);
    assert_eq!((checked.text("/tearlines/1/profile"), checked.text("/partners/0/marking")), ("CUI", rel));
    let cut = us.run_human(&["product", "cut", &file, "--for", "exercise-gbr"]).expect(0).stdout;
    assert!(cut.contains(rel) && cut.contains("that goes") && !cut.contains("that stays"), "{cut}");
    let submitted = submit(&us, &file).expect(0);
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    let review = block_on(us.open().review(&request.parse().unwrap())).unwrap();
    assert!(format!("{review:?}").contains(rel), "{review:?}");
    let shown = us.run(&["request", "show", request]);
    assert!(shown.stdout.contains(rel), "{}", shown.stdout);
    // Nothing but approvals stands in the way.
    let explained = us.run(&["explain", request]);
    let codes: Vec<_> = explained.list("/partners/0/reasons").iter().map(|r| r["code"].clone()).collect();
    assert_eq!(codes, ["two-people", "TOO-FEW-APPROVALS"], "{}", explained.stdout);
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", "--yes", "--key", &world.key(officer), request]).expect(0);
    }
    us.serve();
    them.serve();
    us.until_state(exchange, "delivered");
    let received = them.run_human(&["inbox", "show", exchange]).expect(0).stdout;
    assert!(received.contains(rel) && !received.contains("that stays"), "{received}");
}
