//! What two nodes tell each other of their ledgers when they meet, without a network: who shows a head that is not of one line
//! with what was seen before is found, and who is of one line is not.

use std::time::Duration;

use crate::partner::{Met, Partner, heads, keys};
use crate::support::{Node, World, block_on};
use portcullis::digest::Digest;
use portcullis::ident::PartnerId;
use portcullis::ledger::{EntryKind, LedgerKey, Origin, SignedCheckpoint};
use portcullis::sign::Signer as _;
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;
use portcullis::wire::{Consistency, RefusalCode};

/// Two nodes that have enrolled each other.
fn pair(world: &World) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[]);
    world.enrol(&them, &us, &[]);
    (us, them)
}

fn met(node: &Node) -> Met {
    Met::at(node, SystemClock.now().plus(Duration::from_secs(60)))
}

fn alarms(met: &Met, partner: &PartnerId) -> Vec<String> {
    met.recorded(partner.as_str(), EntryKind::Alarm)
}

#[test]
fn a_head_that_we_signed_and_do_not_extend_stops_the_node_and_nothing_else_does() {
    let world = World::new();
    let (us, them) = pair(&world);
    let (partner, own) = (Partner::of(&them), keys(&us).ledger);
    let id = partner.id();
    let earlier = {
        let before = met(&us);
        let earlier = before.head();
        before.close();
        earlier
    };
    world.officer(&us, "exercise-officer-1", "disclosure-officer");
    let key = LedgerKey::new(Origin::of_node(&us.name.parse().unwrap()), own.public().clone()).unwrap();
    let forged = |entries: u64| SignedCheckpoint::sign(entries, Digest::of(b"EXERCISE"), &key, &own).unwrap();
    let theirs = partner.head(7, b"EXERCISE root");

    // What our ledger extends, and what we never signed.
    let same = met(&us);
    let now = same.head();
    assert!(earlier.size() < now.size());
    for seen in [None, Some(now.as_str()), Some(earlier.as_str()), Some(theirs.as_str()), Some("EXERCISE")] {
        assert_eq!(same.greeted(&id, &heads(&theirs, seen), None), Ok(()), "{seen:?}");
        assert_eq!(same.node.stopped_because(), None);
    }
    assert!(same.node.confirmed().is_some(), "a partner has shown that our ledger is the one it knows");
    let size = same.head().size();
    same.close();

    for (entries, what) in [(size + 1, "older copy"), (size, "does not extend"), (size - 1, "does not extend")] {
        let met = met(&us);
        let told = heads(&theirs, Some(forged(entries).as_str()));
        assert_eq!(met.greeted(&id, &told, None), Err(RefusalCode::NotCompleted), "{entries} of {size}");
        assert!(met.node.stopped_because().expect("it is stopped").contains(what), "{:?}", met.node.stopped_because());
        met.close();
        // The next start finds it, until it is taken away here.
        std::fs::remove_dir_all(us.folder.join("store/heads")).unwrap();
    }

    // Two officers accept that one is lost: that one, and no other.
    let lost = forged(size + 1);
    world.decided(&us, |wanted| wanted.lost.push((id.clone(), lost.as_str().to_owned())));
    let shown = us.folder.join("store/heads");
    std::fs::create_dir_all(&shown).unwrap();
    std::fs::write(shown.join(format!("{id}-{}.head", lost.size())), lost.as_str()).unwrap();
    let met = met(&us);
    assert_eq!(met.node.stopped_because(), None, "neither a start finds it");
    assert_eq!(met.greeted(&id, &heads(&theirs, Some(lost.as_str())), None), Ok(()), "nor does a partner show it");
    assert_eq!(met.node.stopped_because(), None);
    let told = heads(&theirs, Some(forged(size).as_str()));
    assert_eq!(met.greeted(&id, &told, None), Err(RefusalCode::NotCompleted));
    assert!(met.node.stopped_because().is_some());
    met.close();
}

#[test]
fn a_partner_whose_ledger_is_not_what_it_was_raises_an_alarm_and_what_was_seen_of_it_stays() {
    let world = World::new();
    let (us, them) = pair(&world);
    let (met, partner) = (met(&us), Partner::of(&them));
    let id = partner.id();
    let first = partner.head(10, b"EXERCISE root");
    assert_eq!(met.greeted(&id, &heads(&first, None), None), Ok(()));
    let seen = || block_on(met.node.store().witnessed(&id)).unwrap();
    assert_eq!(seen().as_deref(), Some(first.as_str()));
    // The same once more says nothing new.
    assert_eq!(met.greeted(&id, &heads(&first, None), None), Ok(()));
    assert!(alarms(&met, &id).is_empty());
    for (other, how) in [
        (partner.head(10, b"EXERCISE other root"), "went-back"),
        (partner.head(11, b"EXERCISE later root"), "forked"),
        (partner.head(9, b"EXERCISE earlier root"), "went-back"),
    ] {
        let before = alarms(&met, &id).len();
        assert_eq!(met.greeted(&id, &heads(&other, None), Some(&Consistency::default())), Ok(()));
        let found = alarms(&met, &id);
        assert!(found.len() == before + 1 && found[before].contains(how), "{how}: {found:?}");
        assert_eq!(seen().as_deref(), Some(first.as_str()), "{how}");
    }
    // The newest one ends it. Who goes back once more is an alarm once more, although nothing else was seen meanwhile; and
    // only one, however often.
    for _ in 0..2 {
        let before = alarms(&met, &id).len();
        assert_eq!(met.greeted(&id, &heads(&first, None), None), Ok(()));
        for _ in 0..3 {
            let back = partner.head(9, b"EXERCISE earlier root");
            assert_eq!(met.greeted(&id, &heads(&back, None), Some(&Consistency::default())), Ok(()));
        }
        assert_eq!(alarms(&met, &id).len(), before + 1);
    }
    // A head that is not signed with the key of the partner's ledger is none.
    let stranger = Partner::posing(&us, &partner).head(12, b"EXERCISE root");
    assert_eq!(met.greeted(&id, &heads(&stranger, None), None), Err(RefusalCode::ProtocolError));
    met.close();
}

/// Whoever shows another ledger with every other link puts so much on record and no more; and the alarm stays.
#[test]
fn an_alarm_that_comes_and_goes_is_on_record_so_often_and_then_stays() {
    let world = World::new();
    let (us, them) = pair(&world);
    let (met, partner) = (met(&us), Partner::of(&them));
    let id = partner.id();
    let first = partner.head(10, b"EXERCISE root");
    assert_eq!(met.greeted(&id, &heads(&first, None), None), Ok(()));
    let before = met.head().size();
    let other = |n: u64| partner.head(11 + n, b"EXERCISE other root");
    for n in 0..100 {
        for told in [heads(&other(n), None), heads(&first, None), Vec::new()] {
            let _ = met.greeted(&id, &told, Some(&Consistency::default()));
        }
    }
    let said = met.head().size() - before;
    assert!((6..=9).contains(&said), "{said} entries");
    let is_shown = || block_on(met.node.alarms()).unwrap().iter().any(|alarm| alarm.what == "ledger");
    assert!(is_shown());
    // An hour later it is said again when it ends.
    met.clock.set(met.node.now().plus(std::time::Duration::from_secs(3601)));
    assert_eq!(met.greeted(&id, &heads(&first, None), None), Ok(()));
    assert_eq!(met.head().size() - before, said + 1);
    assert!(!is_shown());
    met.close();
}

#[test]
fn a_ledger_that_grew_is_taken_with_its_proof_and_not_without() {
    let world = World::new();
    let (us, them) = pair(&world);
    let (ours, id): (PartnerId, PartnerId) = (us.name.parse().unwrap(), them.name.parse().unwrap());
    let seen = |met: &Met| block_on(met.node.store().witnessed(&id)).unwrap();
    let here = met(&us);
    let first = met(&them);
    let told = block_on(first.intake.hello_extensions(&ours));
    assert_eq!(here.greeted(&id, &told, None), Ok(()));
    let before = seen(&here).expect("its head");
    first.close();
    world.officer(&them, "exercise-officer-1", "disclosure-officer");
    let later = met(&them);
    let (told, asked) =
        block_on(async { (later.intake.hello_extensions(&ours).await, here.intake.hello_extensions(&id).await) });
    let proof = block_on(later.intake.prove_consistency(&ours, &told, &asked));
    assert!(!proof.seen.is_empty());
    // One hash that is not the right one is no proof.
    let mut wrong = proof.clone();
    wrong.seen[0] = Digest::of(b"EXERCISE");
    assert_eq!(here.greeted(&id, &told, Some(&wrong)), Ok(()));
    assert!(alarms(&here, &id).iter().any(|alarm| alarm.contains("forked")), "{:?}", alarms(&here, &id));
    assert_eq!(seen(&here).as_ref(), Some(&before));
    assert_eq!(here.greeted(&id, &told, Some(&proof)), Ok(()));
    assert_ne!(seen(&here), Some(before), "what it has grown to is what must be extended from now on");
    let witnessed = here.recorded(id.as_str(), EntryKind::PartnerWitnessed);
    assert_eq!(witnessed.len(), 2, "and it ends the alarm: {witnessed:?}");
    here.close();
    later.close();
}
