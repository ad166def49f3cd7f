//! What is finished stays finished: somebody who can write to the database without a key cannot reopen a request, undo a
//! recall or a revocation, or affect other rows than the altered one.

use std::path::PathBuf;

use crate::support::{Answer, Node, World, sql};
use rusqlite::Connection;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn database(node: &Node) -> PathBuf {
    node.folder.join("store/portcullis.db")
}

/// A value of one row of a database.
fn bytes(node: &Node, query: &str) -> Vec<u8> {
    Connection::open(database(node)).unwrap().query_row(query, (), |row| row.get(0)).unwrap()
}

fn release(world: &World, node: &Node, id: &str) -> (String, String) {
    let answer = world.release(node, &[world.product(id, BANNER, PORTION)], "exercise-gbr");
    (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").to_owned())
}

#[test]
fn refuses_to_resubmit_a_refused_request_whose_rows_were_deleted() {
    let world = World::new();
    let (us, _them) = world.pair();
    let (request, exchange) = release(&world, &us, "AGAIN");
    let signed = world.path("again.signed");
    let submission = format!("SELECT bytes FROM statement WHERE kind = 'submission' AND subject = '{request}'");
    std::fs::write(&signed, bytes(&us, &submission)).unwrap();
    us.run(&["refuse", &request, "--why", "EXERCISE", "--key", &world.key("exercise-officer-2")]).expect(0);
    let file = world.path("AGAIN.txt").display().to_string();
    let again = |us: &Node| us.run(&["submit", &file, "--signed", signed.to_str().unwrap()]);
    assert!(again(&us).expect(1).stderr.contains("was processed before"));
    let gone = format!(
        "PRAGMA foreign_keys = OFF; UPDATE exchange SET request = NULL WHERE id = '{exchange}'; \
         DELETE FROM approval; DELETE FROM statement; DELETE FROM request WHERE id = '{request}'"
    );
    sql(&database(&us), &gone);
    let refused = again(&us).expect(3);
    assert!(refused.stderr.contains("does not match the ledger"), "{}", refused.stderr);
    assert!(us.run(&["status", &exchange]).status == 3, "its exchange is another, too");
    // Another request for the same product is accepted.
    release(&world, &us, "OTHER");
}

#[test]
fn what_was_delivered_is_recalled_whatever_somebody_wrote_into_the_database() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let ((_, first), (second_request, second)) = (release(&world, &us, "FIRST"), release(&world, &us, "SECOND"));
    let (third, _) = release(&world, &us, "THIRD");
    us.serve();
    them.serve();
    for exchange in [&first, &second] {
        us.until_state(exchange, "delivered");
    }
    let recall =
        |us: &Node, of: &str| us.run(&["recall", of, "--why", "incorrect", "--key", &world.key("exercise-officer-1")]);
    // A forged order, and an exchange moved to another request: neither counts as a recall.
    let officer = "exercise-officer-1";
    let forged = format!(
        "INSERT INTO statement (subject, kind, signer, bytes, given) VALUES ('{first}', 'recall', '{officer}', x'00', 1)"
    );
    sql(&database(&us), &forged);
    sql(&database(&us), &format!("UPDATE exchange SET request = NULL WHERE id = '{second}'"));
    for of in [&first, &second_request] {
        let said = recall(&us, of).expect(3);
        assert!(said.stderr.contains("does not match the ledger"), "{}", said.stderr);
    }
    sql(&database(&us), &format!("UPDATE exchange SET request = '{second_request}' WHERE id = '{second}'"));
    sql(&database(&us), &format!("UPDATE exchange SET subjects = '[\"x\"]' WHERE id = '{second}'"));
    let said = recall(&us, &second_request).expect(3);
    assert!(said.stderr.contains("does not match the ledger"), "one that differs is not spared: {}", said.stderr);
    // Recalls work once the alteration is undone, and for other requests meanwhile.
    sql(&database(&us), &format!("DELETE FROM statement WHERE subject = '{first}'"));
    sql(&database(&us), &format!("UPDATE exchange SET subjects = '[\"exercise\"]' WHERE id = '{second}'"));
    for of in [&first, &second_request, &third] {
        recall(&us, of).expect(0);
    }
    let answered = |a: &Answer| a.text("/answer").starts_with("never opened");
    us.until(&["status", &first], answered);
    us.until(&["status", &second], answered);
    assert!(us.stop() && them.stop());
}

#[test]
fn what_was_revoked_is_not_hidden_by_a_column_that_is_no_evidence() {
    let world = World::new();
    let (us, _them) = world.pair();
    us.run(&["cert", "revoke", "--yes"]).expect(0);
    let list = us.folder.join("certs/crl.pem");
    let first = std::fs::read(&list).unwrap();
    us.run(&["cert", "renew"]).expect(0);
    us.run(&["cert", "revoke", "--yes"]).expect(0);
    let revoked = |us: &Node| us.run(&["cert", "show"]).expect(0).value["revoked"].as_u64().unwrap();
    let whole = revoked(&us);
    assert!(whole >= 1);
    // A lost list is restored.
    std::fs::remove_file(&list).unwrap();
    us.run(&["cert", "refresh-list"]).expect(0);
    assert_eq!(revoked(&us), whole);
    // The entries differ from the column by which they are found.
    let hide = |to: &str, from: &str| {
        let alter = format!(
            "DROP TRIGGER ledger_never_altered; \
             UPDATE ledger SET subject = '{to}' WHERE kind = 'trust.changed' AND subject = '{from}'; \
             CREATE TRIGGER ledger_never_altered BEFORE UPDATE ON ledger BEGIN \
             SELECT RAISE(ABORT, 'the ledger is only added to'); END;"
        );
        sql(&database(&us), &alter);
    };
    hide("nobody", "exercise-usa");
    std::fs::write(&list, first).unwrap();
    us.run(&["cert", "refresh-list"]).expect(3);
    hide("exercise-usa", "nobody");
    us.run(&["cert", "refresh-list"]).expect(0);
    assert_eq!(revoked(&us), whole);
}

#[test]
fn a_row_that_cannot_be_decoded_does_not_hide_others() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let ((_, spoilt), (_, good)) = (release(&world, &us, "SPOILT"), release(&world, &us, "GOOD"));
    us.serve();
    us.until_state(&spoilt, "queued");
    us.until_state(&good, "queued");
    sql(&database(&us), &format!("UPDATE exchange SET attempts = -1 WHERE id = '{spoilt}'"));
    them.serve();
    us.until_state(&good, "delivered");
    assert!(us.stop(), "{}", us.log_text());
    us.serve();
    let (_, next) = release(&world, &us, "NEXT");
    us.until_state(&next, "delivered");
    us.run(&["status", &spoilt]).expect(3);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 2);
    // Restored, it is sent like any other.
    sql(&database(&us), &format!("UPDATE exchange SET attempts = 0 WHERE id = '{spoilt}'"));
    us.until_state(&spoilt, "delivered");
    assert!(us.stop() && them.stop());
}
