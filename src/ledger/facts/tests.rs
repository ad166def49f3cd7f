//! What is proved about a ledger that is followed, and what is dropped.

use super::super::{Frontier, LedgerKey, Origin, leaf_hash};
use super::*;
use crate::sign::{Algorithm, LocalSigner, Signer as _};

const NOW: Time = Time::EPOCH;

fn entry(subject: &str, stamps: &[(&str, &str)]) -> Vec<u8> {
    let mut entry = Entry::new(NOW, EntryKind::ExchangeRequested, subject, "exercise");
    for (name, value) in stamps {
        entry.stamp(name, value).unwrap();
    }
    entry.to_bytes()
}

fn signed(entries: &[Vec<u8>]) -> SignedCheckpoint {
    let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
    let named = LedgerKey::new(Origin::of_node(&"exercise-usa".parse().unwrap()), key.public().clone()).unwrap();
    let mut frontier = Frontier::empty();
    entries.iter().for_each(|bytes| drop(frontier.append(leaf_hash(bytes))));
    SignedCheckpoint::sign(frontier.size(), frontier.root(), &named, &key).unwrap()
}

fn following(entries: &[Vec<u8>]) -> Facts {
    let mut facts = Facts::new();
    entries.iter().for_each(|bytes| facts.append(bytes).unwrap());
    facts.verify_head(&signed(entries)).unwrap();
    facts
}

fn exchange(state: &str) -> Vec<u8> {
    entry("ex-1", &[("exchange.with", "out exercise-gbr"), ("exchange.request", "rq-1"), ("exchange.state", state)])
}

fn request() -> Vec<u8> {
    entry("rq-1", &[("request.product", "p"), ("request.state", "open")])
}

#[test]
fn proves_nothing_before_a_signed_checkpoint_matches() {
    let entries = [entry("exercise-gbr", &[("partner.state", "active")])];
    let mut facts = Facts::new();
    facts.append(&entries[0]).unwrap();
    assert!(facts.proved().is_none());
    facts.verify_head(&signed(&entries)).unwrap();
    assert_eq!(facts.proved().unwrap().fact("exercise-gbr", "partner.state"), Some("active"));
    facts.append(&entry("exercise-gbr", &[("partner.state", "suspended")])).unwrap();
    assert!(facts.proved().is_none());
}

#[test]
fn never_trusts_a_checkpoint_that_does_not_extend_what_was_seen() {
    let entries = [request(), exchange("requested")];
    for other in [&entries[..1], &[request(), exchange("queued")][..]] {
        let mut facts = following(&entries);
        assert!(facts.verify_head(&signed(other)).is_err());
        assert!(facts.verify_head(&signed(&entries)).is_err(), "once doubted, always doubted");
        assert!(facts.proved().is_none());
    }
}

#[test]
fn the_latest_stamp_of_each_fact_counts_including_its_removal() {
    let facts = following(&[
        entry("exercise-gbr", &[("partner.state", "active"), ("partner.crl", "a")]),
        entry("exercise-gbr", &[("partner.state", "suspended")]),
        entry("exercise-gbr", &[("partner.crl", ABSENT)]),
    ]);
    let proved = facts.proved().unwrap();
    assert_eq!(proved.facts("exercise-gbr", "partner"), BTreeMap::from([("partner.state", "suspended")]));
    assert_eq!((proved.roster(), proved.changed("exercise-gbr")), (3, Some(2)));
    assert_eq!(proved.subjects("partner").collect::<Vec<_>>(), ["exercise-gbr"]);
    assert_eq!(proved.subjects("officer").count(), 0);
}

#[test]
fn drops_facts_about_what_is_finished_and_keeps_what_waits() {
    let mut entries = vec![request(), exchange("requested")];
    entries.push(entry("ex-1", &[("approval.exercise-officer-1", "d")]));
    let waiting = following(&entries);
    assert_eq!(waiting.proved().unwrap().unfinished().collect::<Vec<_>>(), ["ex-1"]);
    assert_eq!(waiting.proved().unwrap().unfinished_of("rq-1").count(), 1);
    for state in FINAL_EXCHANGE {
        let mut ended = entries.clone();
        ended.push(entry("ex-1", &[("exchange.state", state)]));
        ended.push(entry("rq-1", &[("request.state", "expired")]));
        let facts = following(&ended);
        assert!(facts.subjects.is_empty() && facts.unfinished.is_empty(), "{state}: {facts:?}");
    }
}

#[test]
fn keeps_a_refusal_forever_and_its_request_while_an_exchange_may_be_sent() {
    let refused = [("request.state", "refused"), ("statement.refusal", "d"), ("statement.submission", "s")];
    let facts = following(&[request(), exchange("sending"), entry("rq-1", &refused)]);
    for (fact, value) in [("statement.refusal", "d"), ("statement.submission", "s"), ("request.state", "refused")] {
        assert_eq!(facts.proved().unwrap().fact("rq-1", fact), Some(value));
    }
    let alone = following(&[request(), entry("rq-1", &refused)]);
    let alone = alone.proved().unwrap();
    assert_eq!(alone.facts("rq-1", "statement"), BTreeMap::from([("statement.refusal", "d")]));
    assert!(alone.facts("rq-1", "request").is_empty());
}

#[test]
fn keeps_one_digest_of_a_finished_request_and_all_its_exchanges() {
    let (request, exchange) = (RequestId::new(NOW, [3; 10]), ExchangeId::new(NOW, [4; 10]));
    let whole = Digest::of(b"EXERCISE").to_string();
    let made = entry(
        &exchange.to_string(),
        &[
            ("exchange.with", "out exercise-gbr"),
            ("exchange.request", &request.to_string()),
            ("exchange.state", "queued"),
        ],
    );
    let open = entry(&request.to_string(), &[("request.product", "p"), ("request.state", "approved")]);
    let ended = entry(&exchange.to_string(), &[("exchange.state", "delivered")]);
    let last = entry(&request.to_string(), &[("request.state", "expired"), (WHOLE_REQUEST, &whole)]);
    let waiting = following(&[open.clone(), made.clone()]);
    assert_eq!(waiting.proved().unwrap().settled_request(&request), None);
    let facts = following(&[open, made, last, ended]);
    let proved = facts.proved().unwrap();
    assert_eq!(proved.settled_request(&request), Some(Digest::of(b"EXERCISE")));
    assert_eq!(proved.exchanges_of(request).collect::<Vec<_>>(), [exchange]);
    assert_eq!(proved.unfinished_of(&request.to_string()).count(), 0);
}

#[test]
fn what_comes_in_is_not_held() {
    let facts = following(&[entry("ex-2", &[("exchange.with", "in exercise-gbr"), ("exchange.state", "received")])]);
    assert!(!facts.proved().unwrap().knows("ex-2"));
}

#[test]
fn the_latest_time_counts_from_when_the_clock_was_accepted() {
    let at = |hours: u64| NOW.plus(std::time::Duration::from_secs(hours * 3600));
    let start = Entry::new(at(90), EntryKind::NodeStarted, "exercise-usa", "gateway").to_bytes();
    let mut entries = vec![start, Entry::new(at(1), EntryKind::NodeStarted, "exercise-usa", "gateway").to_bytes()];
    assert_eq!(following(&entries).proved().unwrap().clock_high(), at(90));
    let accepted = Entry::new(at(2), EntryKind::SettingChanged, "clock", "operator").with("clock", "accepted");
    entries.push(accepted.to_bytes());
    assert_eq!(following(&entries).proved().unwrap().clock_high(), at(2));
}

#[test]
fn keeps_one_digest_of_a_settled_exchange_and_its_last_change() {
    let id = ExchangeId::new(NOW, [7; 10]);
    let (subject, whole) = (id.to_string(), |text: &[u8]| Digest::of(text).to_string());
    let said = |with: &str, state: &str, text: &[u8]| {
        let stamps = [("exchange.with", with), ("exchange.state", state), (WHOLE_EXCHANGE, &whole(text))];
        entry(&subject, &stamps)
    };
    // An inbound exchange is settled from the beginning, an outbound one when it is finished.
    let mut entries = vec![said("in exercise-gbr", "receiving", b"1"), said("in exercise-gbr", "received", b"2")];
    entries.push(entry(&subject, &[("exchange.opened", "then"), (WHOLE_EXCHANGE, &whole(b"3"))]));
    for size in 1..=3 {
        let facts = following(&entries[..size]);
        let proved = facts.proved().unwrap();
        assert_eq!(proved.settled(&id), Some(Digest::of(size.to_string().as_bytes())));
        assert_eq!(proved.changed(&subject), Some(size as u64 - 1));
        assert_eq!(proved.fact(&subject, "exchange.state"), None, "single facts are not kept");
        assert_eq!(proved.entries_of(&id), size as u64);
    }
    let entries = [said("out exercise-gbr", "queued", b"1"), said("out exercise-gbr", "delivered", b"2")];
    assert_eq!(following(&entries[..1]).proved().unwrap().settled(&id), None);
    assert_eq!(following(&entries).proved().unwrap().settled(&id), Some(Digest::of(b"2")));
    // An entry that changes nothing is counted too, before and after.
    let [queued, delivered] = entries;
    let silent = || entry(&subject, &[]);
    let facts = following(&[queued, silent(), delivered, silent()]);
    assert_eq!(facts.proved().unwrap().entries_of(&id), 4);
}

/// A ledger with an entry of every kind: enrolled and altered, waiting, finished, removed, and kinds of which every
/// entry is needed.
fn everything() -> Vec<Vec<u8>> {
    let (ex, rq) = ("ex-00000000000070008000000000000001", "rq-00000000000070008000000000000002");
    let whole = Digest::of(b"EXERCISE").to_string();
    let exchange = |state: &str, of: &str| {
        let stamps = [("exchange.with", "out exercise-gbr"), ("exchange.request", of), ("exchange.state", state)];
        entry(ex, &[&stamps[..], &[(WHOLE_EXCHANGE, &whole)]].concat())
    };
    vec![
        entry("exercise-gbr", &[("partner.state", "active"), ("partner.crl", "a")]),
        Entry::new(NOW, EntryKind::OfficerAdded, "exercise-officer-1", "exercise").to_bytes(),
        entry(rq, &[("request.product", "p"), ("request.state", "open"), (WHOLE_REQUEST, &whole)]),
        exchange("requested", rq),
        entry(ex, &[("approval.exercise-officer-1", "d")]),
        entry("exercise-gbr", &[("partner.crl", ABSENT)]),
        exchange("queued", rq),
        Entry::new(Time::from_unix_ms(5), EntryKind::ExchangeQueued, ex, "exercise").to_bytes(),
        exchange("delivered", rq),
        entry("clock", &[("setting.clock", "1")]),
    ]
}

#[test]
fn an_image_leads_to_the_same_facts_as_the_entries() {
    let entries = everything();
    let whole = following(&entries).to_bytes().unwrap();
    for kept in 0..=entries.len() {
        let mut facts = Facts::from_bytes(&following(&entries[..kept]).to_bytes().unwrap()).unwrap();
        assert_eq!(facts.next(), kept as u64);
        assert!(facts.proved().is_none() && facts.to_bytes().is_none(), "no head vouches for it yet");
        entries[kept..].iter().for_each(|bytes| facts.append(bytes).unwrap());
        facts.verify_head(&signed(&entries)).unwrap();
        assert_eq!(facts.to_bytes().unwrap(), whole, "{kept}");
        // The image of another ledger leads to no checkpoint of this one.
        let mut other = entries.clone();
        other[0] = entry("exercise-gbr", &[("partner.state", "suspended")]);
        let mut facts = Facts::from_bytes(&following(&other[..kept]).to_bytes().unwrap()).unwrap();
        entries[kept..].iter().for_each(|bytes| facts.append(bytes).unwrap());
        assert_eq!(facts.verify_head(&signed(&entries)).is_ok(), kept == 0, "{kept}");
    }
}

#[test]
fn an_image_contains_all_facts() {
    let facts = following(&everything());
    let again = {
        let mut facts = Facts::from_bytes(&facts.to_bytes().unwrap()).unwrap();
        facts.verify_head(&signed(&everything())).unwrap();
        facts
    };
    assert_eq!(format!("{facts:?}"), format!("{again:?}"));
}

#[test]
fn refuses_bytes_that_are_not_an_image() {
    let bytes = following(&everything()).to_bytes().unwrap();
    for end in 0..bytes.len() {
        assert!(Facts::from_bytes(&bytes[..end]).is_none(), "{end}");
    }
    let mut other = bytes;
    other[1] += 1;
    assert!(Facts::from_bytes(&other).is_none(), "another layout");
}
