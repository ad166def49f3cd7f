//! A successful exchange: nodes are set up and enrolled; a product is cut, approved, delivered and recorded.

use std::time::Duration;

use super::super::output::Failure;
use super::agreement::{sample_agreement, slow};
use super::report::Report;
use super::world::{Answer, World, write};

/// The product of the demonstration: a source version and two tearlines.
const PRODUCT: &str = include_str!("../../../samples/EXERCISE-maritime.txt");

/// How long to wait for an event that crosses the network.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

pub(super) const US: &str = "exercise-usa";
pub(super) const GBR: &str = "exercise-gbr";
pub(super) const NOR: &str = "exercise-nor";
pub(super) const JPN: &str = "exercise-jpn";

/// What the later steps need to know.
pub(super) struct Day {
    /// The number of items in GBR's inbox after the exchange.
    pub delivered_to_gbr: usize,
}

pub(super) async fn play(world: &mut World, report: &mut Report) -> Result<Day, Failure> {
    report.chapter("Four nodes, each with its own keys, certificates, store and ledger");
    make_nodes(world, report).await?;
    found(world, report).await?;
    enrol(world, report).await?;
    for node in [US, GBR, NOR, JPN] {
        world.serve(node).await?;
    }

    report.chapter("One product, and what each partner would get of it");
    let product = write(&world.path("product.txt"), PRODUCT)?;
    show_cuts(world, report, &product).await?;

    report.chapter("Two officers approve; delivery starts automatically");
    let (request, to_gbr, to_nor) = submit(world, report, &product).await?;
    approve_twice(world, report, &request).await?;
    delivered(world, report, &to_gbr).await?;
    delivered(world, report, &to_nor).await?;

    report.chapter("What arrived, and what is on record");
    received(world, report, GBR, &to_gbr, &product).await?;
    received(world, report, NOR, &to_nor, &product).await?;
    let nothing = world.run(JPN, &["inbox", "list"]).await?;
    let count = nothing.list("/items").len();
    report.step(
        "the third partner",
        "gets nothing and sees nothing",
        &format!("{count} items in its inbox"),
        nothing.status == 0 && count == 0,
    );
    recorded(world, report, &to_gbr).await?;
    for node in [US, GBR, NOR] {
        ledger_verifies(world, report, node).await?;
    }
    Ok(Day { delivered_to_gbr: world.run(GBR, &["inbox", "list"]).await?.list("/items").len() })
}

async fn make_nodes(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    let wanted = [
        (US, "USA", "EXERCISE Originating Directorate"),
        (GBR, "GBR", "EXERCISE Partner Service One"),
        (NOR, "NOR", "EXERCISE Partner Service Two"),
        (JPN, "JPN", "EXERCISE Partner Service Three"),
    ];
    for (name, code, organisation) in wanted {
        world.add(name, code, organisation)?;
    }
    for node in world.nodes() {
        let folder = world.path(node.name).display().to_string();
        let address = format!("127.0.0.1:{}", node.port);
        let answer = world
            .run(
                node.name,
                &[
                    "init",
                    &folder,
                    "--name",
                    node.name,
                    "--code",
                    node.code,
                    "--organisation",
                    node.organisation,
                    "--contact",
                    "EXERCISE watch desk",
                    "--listen",
                    &address,
                ],
            )
            .await?;
        let observed = if answer.status == 0 {
            format!("{}, fingerprint {}…", answer.text("/profile"), &short(answer.text("/fingerprint")))
        } else {
            answer.said.clone()
        };
        report.step(&format!("init {}", node.name), "a working node with fresh keys", &observed, answer.status == 0);
    }
    Ok(())
}

/// The officers: one who submits and two who approve, each with their own key. The same officers found every node.
pub(super) const SUBMITTER: &str = "exercise-producer";
const PEOPLE: [(&str, &str, &str); 3] = [
    (SUBMITTER, "EXERCISE Producer", "originator"),
    ("exercise-officer-1", "EXERCISE Officer One", "disclosure-officer"),
    ("exercise-officer-2", "EXERCISE Officer Two", "senior-disclosure-officer"),
];

async fn found(world: &World, report: &mut Report) -> Result<(), Failure> {
    let mut officers = Vec::new();
    for (id, name, role) in PEOPLE {
        let file = key_file(world, id);
        world.run(US, &["officer", "new-key", &file]).await?;
        officers.push(format!("id={id},name={name},role={role},key-file={file}.pub"));
    }
    let mut founded = 0;
    for node in [US, GBR, NOR, JPN] {
        let file = world.path(&format!("{node}-founding.json")).display().to_string();
        let mut propose = vec!["found", "propose", "--out", &file];
        for officer in &officers {
            propose.extend(["--officer", officer]);
        }
        world.run(node, &propose).await?;
        if node == US {
            let keys: Vec<String> = PEOPLE[..2].iter().map(|(id, ..)| key_file(world, id)).collect();
            world.run(US, &["found", "sign", &file, "--yes", "--key", &keys[0], "--key", &keys[1]]).await?;
            let early = world.run(US, &["found", "apply", &file]).await?;
            report.step(
                "found apply before all officers have signed",
                "refused: it lacks a signature",
                if early.status == 1 { "refused" } else { "not refused" },
                early.status == 1 && early.text_or_said().contains("exercise-officer-2"),
            );
        }
        let keys: Vec<String> = PEOPLE.iter().map(|(id, ..)| key_file(world, id)).collect();
        let mut sign = vec!["found", "sign", &file, "--yes"];
        for key in &keys {
            sign.extend(["--key", key]);
        }
        world.run(node, &sign).await?;
        founded += usize::from(world.run(node, &["found", "apply", &file]).await?.status == 0);
    }
    report.step(
        "found",
        "all first officers, one of them senior, sign the list of officers",
        &format!("{founded} of 4 nodes founded"),
        founded == 4,
    );
    Ok(())
}

async fn enrol(world: &World, report: &mut Report) -> Result<(), Failure> {
    let mut enrolled = 0;
    for partner in [GBR, NOR, JPN] {
        for (ours, theirs) in [(US, partner), (partner, US)] {
            let change = world.path(&format!("{ours}-{theirs}.json")).display().to_string();
            add(world, ours, theirs, true, &change).await?;
            let (first, second) = (key_file(world, PEOPLE[1].0), key_file(world, PEOPLE[2].0));
            world.run(ours, &["change", "sign", &change, "--yes", "--key", &first]).await?;
            if enrolled == 0 {
                let alone = world.run(ours, &["change", "apply", &change]).await?;
                report.step(
                    "partner add, signed by one officer",
                    "refused: widening access takes two officers",
                    if alone.status == 1 { "refused" } else { "not refused" },
                    alone.status == 1,
                );
            }
            world.run(ours, &["change", "sign", &change, "--yes", "--key", &second]).await?;
            enrolled += usize::from(world.run(ours, &["change", "apply", &change]).await?.status == 0);
        }
    }
    report.step(
        "partner add",
        "fingerprints confirmed, two officers sign each enrolment",
        &format!("{enrolled} of 6 enrolments"),
        enrolled == 6,
    );
    let unused = world.path("unconfirmed.json").display().to_string();
    let unconfirmed = add(world, GBR, NOR, false, &unused).await?;
    report.step(
        "partner add with another fingerprint",
        "refused: nothing is trusted on first use",
        if unconfirmed.status == 1 { "refused" } else { "not refused" },
        unconfirmed.status == 1,
    );
    Ok(())
}

/// Proposes at `ours` to enrol `theirs`, with the right fingerprint or a wrong one, in the file `change`.
async fn add(world: &World, ours: &str, theirs: &str, right: bool, change: &str) -> Result<Answer, Failure> {
    let exported = world.run(theirs, &["partner", "export"]).await?;
    let description = write(&world.path(&format!("{theirs}.json")), &String::from_utf8_lossy(&exported.bytes))?;
    let shown = world.run(theirs, &["partner", "fingerprint"]).await?;
    let fingerprint = if right { shown.text("/description").to_owned() } else { "0".repeat(64) };
    let code = |name: &str| world.nodes().iter().find(|n| n.name == name).map_or("", |n| n.code);
    let text = sample_agreement(code(ours), code(theirs));
    let text = if (ours, theirs) == (US, NOR) { slow(&text) } else { text };
    let agreement = write(&world.path(&format!("{ours}-{theirs}.toml")), &text)?;
    let confirmed = ["--agreement", &agreement, "--confirm", &fingerprint, "--out", change];
    world.run(ours, &[&["partner", "add", &description], &confirmed[..]].concat()).await
}

pub(super) fn key_file(world: &World, officer: &str) -> String {
    world.path(&format!("{officer}.key")).display().to_string()
}

async fn show_cuts(world: &World, report: &mut Report, product: &str) -> Result<(), Failure> {
    let check = world.run(US, &["product", "check", product]).await?;
    report.step(
        "product check",
        "every marking is valid and every banner covers its portions",
        if check.status == 0 { "valid" } else { &check.said },
        check.status == 0,
    );
    report.show("the source, as submitted:");
    report.show(PRODUCT.trim_end());
    for (partner, banner) in [(GBR, "SECRET//REL TO USA, FVEY"), (NOR, "CONFIDENTIAL//REL TO USA, FVEY, NATO")] {
        let cut = world.run(US, &["product", "cut", product, "--for", partner]).await?;
        report.step(
            &format!("cut for {partner}"),
            banner,
            cut.text("/partners/0/cut/marking"),
            cut.text("/partners/0/cut/marking") == banner,
        );
        report.show(cut.text("/partners/0/cut/text").trim_end());
    }
    let none = world.run(US, &["product", "cut", product, "--for", JPN]).await?;
    let refused = none.status == 1;
    report.step(
        &format!("cut for {JPN}"),
        "nothing qualifies",
        if refused { "nothing qualifies" } else { "something qualified" },
        refused,
    );
    Ok(())
}

/// Submits a product for `partners`; the answer holds the request and its exchanges.
pub(super) async fn submit_for(world: &World, product: &str, partners: &[&str]) -> Result<Answer, Failure> {
    submit_until(world, product, partners, "7d").await
}

/// Submits a product for `partners` with an expiry, a duration such as `7d`.
pub(super) async fn submit_until(
    world: &World,
    product: &str,
    partners: &[&str],
    expires: &str,
) -> Result<Answer, Failure> {
    let key = key_file(world, SUBMITTER);
    let mut arguments =
        vec!["submit", product, "--key", &key, "--purpose", "EXERCISE: shared maritime picture", "--expires", expires];
    for partner in partners {
        arguments.extend(["--to", partner]);
    }
    world.run(US, &arguments).await
}

async fn submit(world: &World, report: &mut Report, product: &str) -> Result<(String, String, String), Failure> {
    let answer = submit_for(world, product, &[GBR, NOR]).await?;
    let exchange = |partner: &str| {
        let found = answer.list("/exchanges").iter().find(|e| e["partner"] == partner);
        found.and_then(|e| e["exchange"].as_str()).unwrap_or_default().to_owned()
    };
    let request = answer.text("/request").to_owned();
    let observed = if answer.status == 0 { format!("{request}, waiting for approvals") } else { answer.said.clone() };
    report.step(
        "submit",
        "a request with one exchange per partner; nothing is sent yet",
        &observed,
        answer.status == 0,
    );
    Ok((request, exchange(GBR), exchange(NOR)))
}

/// Approves a request as `officer`.
pub(super) async fn approve(world: &World, request: &str, officer: &str, extra: &[&str]) -> Result<Answer, Failure> {
    let key = key_file(world, officer);
    let mut arguments = vec!["approve", request, "--key", &key, "--yes"];
    arguments.extend(extra);
    world.run(US, &arguments).await
}

async fn approve_twice(world: &World, report: &mut Report, request: &str) -> Result<(), Failure> {
    let first = approve(world, request, "exercise-officer-1", &[]).await?;
    report.step(
        "first approval",
        "signed over the exact cuts; one approval is not enough",
        "signed",
        first.status == 0,
    );
    let again = approve(world, request, "exercise-officer-1", &[]).await?;
    report.step(
        "the same officer again",
        "refused: the same officer has already approved",
        if again.status == 1 { "refused" } else { "not refused" },
        again.status == 1,
    );
    let own = approve(world, request, SUBMITTER, &[]).await?;
    report.step(
        "the submitter",
        "refused: nobody approves what they submitted",
        if own.status == 1 { "refused" } else { "not refused" },
        own.status == 1,
    );
    let second = approve(world, request, "exercise-officer-2", &[]).await?;
    report.step(
        "second approval",
        "the last one needed",
        if second.status == 0 { "signed" } else { &second.said },
        second.status == 0,
    );
    Ok(())
}

async fn delivered(world: &World, report: &mut Report, exchange: &str) -> Result<(), Failure> {
    let status = world.until(US, &["status", exchange], LIMIT, |a| a.text("/state") == "delivered").await?;
    let observed = format!("{}, receipt {}", status.text("/state"), status.text("/receipt/disposition"));
    let ok = status.text("/state") == "delivered" && status.text("/receipt/disposition") == "accepted";
    report.step(
        &format!("push to {}", status.text("/partner")),
        "delivered, and receipted by the partner's key",
        &observed,
        ok,
    );
    Ok(())
}

async fn received(
    world: &World,
    report: &mut Report,
    partner: &str,
    exchange: &str,
    product: &str,
) -> Result<(), Failure> {
    let file = world.path(&format!("{partner}-received.txt")).display().to_string();
    let taken = world.run(partner, &["inbox", "take", exchange, "--out", &file]).await?;
    let cut = world.run(US, &["product", "cut", product, "--for", partner]).await?;
    let same = std::fs::read_to_string(&file).is_ok_and(|text| text == cut.text("/partners/0/cut/text"));
    let observed = if same { "the same bytes as shown" } else { "different bytes" };
    report.step(
        &format!("inbox take at {partner}"),
        "exactly the bytes shown as its cut",
        observed,
        taken.status == 0 && same,
    );
    Ok(())
}

async fn recorded(world: &World, report: &mut Report, exchange: &str) -> Result<(), Failure> {
    let found = world.run(US, &["store", "search", "maritime", "picture"]).await?;
    let record = found.list("/records").iter().find(|r| r["exchange"] == exchange).cloned().unwrap_or_default();
    let observed = format!(
        "found: to {}, {}, {} approvals",
        record["partner"],
        record["marking"],
        record["approvals"].as_array().map_or(0, Vec::len)
    );
    let ok = record["partner"] == GBR && record["approvals"].as_array().is_some_and(|a| a.len() == 2);
    report.step("store search", "who, what, marking, purpose, approvals, receipt", &observed, ok);
    Ok(())
}

async fn ledger_verifies(world: &World, report: &mut Report, node: &str) -> Result<(), Failure> {
    let verified = world.run(node, &["ledger", "verify"]).await?;
    let observed = format!("{} entries, root {}…", verified.value["size"], short(verified.text("/root")));
    report.step(
        &format!("ledger verify at {node}"),
        "the signed checkpoint covers every entry",
        &observed,
        verified.status == 0,
    );
    Ok(())
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(12).collect()
}
