//! What OPERATIONS says of backup and restore, as it stands there, at another path.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Node, World, program};

/// The commands that the page gives, in order.
fn procedure() -> Vec<String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATIONS.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Back up and restore")).unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn run(commands: &str, node: &Path, copy: &Path) {
    let path = format!("{}:{}", program().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", commands]).env("PATH", path).env("NODE", node).env("COPY", copy);
    let output = shell.env_remove("PORTCULLIS_CONFIG").output().unwrap();
    assert!(output.status.success(), "{commands}{}", String::from_utf8_lossy(&output.stderr));
}

fn delivers(world: &World, from: &Node, to: &Node, id: &str) {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(from, &[file], &to.name).text("/exchanges/0/exchange").to_owned();
    from.until_state(&exchange, "delivered");
}

#[test]
fn a_node_restored_as_the_page_says_exchanges_in_both_directions() {
    let [back_up, restore] = procedure().try_into().expect("one block to back up and one to restore");
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officers(&them);
    us.serve();
    them.serve();
    delivers(&world, &us, &them, "BEFORE");
    assert!(us.stop() && them.stop());
    let copy = world.path("copy.tar");
    run(&back_up, &us.folder, &copy);
    // Partners have lists of it that the copy does not know of.
    let update = |file: &Path| them.run(&["partner", "update", file.to_str().unwrap()]);
    us.run(&["cert", "refresh-list"]).expect(0);
    us.run(&["cert", "refresh-list"]).expect(0);
    let exported = us.run(&["partner", "export"]).expect(0).stdout;
    update(Path::new(&world.file("later.json", &exported))).expect(0);
    fs::remove_dir_all(&us.folder).unwrap();

    us.folder = world.path("another-place");
    run(&restore, &us.folder, &copy);
    update(&world.path("another-place.json")).expect(0);
    us.serve();
    them.serve();
    delivers(&world, &us, &them, "AFTER");
    delivers(&world, &them, &us, "BACK");
    assert_eq!(us.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 2);
    for node in [&us, &them] {
        let status = node.run(&["status"]).expect(0);
        assert!(status.list("/alarms").is_empty(), "{}", status.stdout);
    }
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
