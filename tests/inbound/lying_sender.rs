//! A partner that lies, with keys that are its own: what it offers is not what it sends, what it sends is not what the
//! agreement lets come, and what it did before is not what it says now. Each is turned away or set aside for its own reason.

use std::time::Duration;

use crate::partner::{Envelope, Met, Partner, cut, keys};
use crate::support::{Node, World, agreement, block_on};
use portcullis::digest::Digest;
use portcullis::edge::{CompletePayload, OfferAnswer};
use portcullis::envelope::{Bound, Disposition, HeaderCommitment, Manifest, RecallCode};
use portcullis::ident::ExchangeId;
use portcullis::ledger::EntryKind;
use portcullis::sign::Signed;
use portcullis::store::ExchangeState;
use portcullis::system::SystemClock;
use portcullis::time::{Clock as _, Time};
use portcullis::wire::{Offer, RefusalCode};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR) EXERCISE text.";

/// A node that has enrolled a partner whose keys the test has, and the partner.
struct Scene {
    world: World,
    us: Node,
    partner: Partner,
}

impl Scene {
    fn new() -> Scene {
        let world = World::new();
        // It is never served, and founds nothing: all that it has are keys.
        let (us, them) = (world.node("exercise-gbr", "GBR"), world.made("exercise-usa", "USA", "cnsa2"));
        world.enrol(&us, &them, &[]);
        Scene { partner: Partner::of(&them), world, us }
    }

    fn met(&self) -> Met {
        Met::at(&self.us, SystemClock.now().plus(Duration::from_secs(60)))
    }
}

fn good() -> String {
    cut("report", BANNER, &[PORTION])
}

/// What was found about what is in quarantine, line by line.
fn verdicts(met: &Met, exchange: &ExchangeId) -> Vec<String> {
    let row = met.row(exchange).expect("it is on record");
    assert_eq!(row.state, ExchangeState::Quarantined, "{:?}", row.reason);
    row.reason.unwrap().lines().map(str::to_owned).collect()
}

/// Takes what is sealed, which must come into quarantine; with what was found.
fn set_aside(met: &Met, partner: &Partner, sent: &Envelope) -> Vec<String> {
    let receipt = met.takes(partner, sent).expect("a partner is told no more than that it was set aside");
    assert_eq!(receipt.disposition, Disposition::Quarantined);
    verdicts(met, &sent.manifest.exchange)
}

#[test]
fn content_that_is_not_what_manifest_and_agreement_say_is_quarantined_for_its_reason() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    // Its neighbour: what is true is in the inbox.
    let receipt = met.takes(partner, &partner.seals(&met, BANNER, &good(), b"")).unwrap();
    assert_eq!(receipt.disposition, Disposition::Accepted);

    let mut other = partner.seals(&met, BANNER, &good(), b"");
    other.manifest.cut_digest = Digest::of(b"EXERCISE: another cut");
    assert_eq!(set_aside(&met, partner, &other), ["content is not what the manifest names"]);

    let lower = cut("report", "CONFIDENTIAL//REL TO USA, GBR", &["(C//REL TO USA, GBR) EXERCISE text."]);
    let found = set_aside(&met, partner, &partner.seals(&met, BANNER, &lower, b""));
    assert_eq!(found, ["marking inside differs from the manifest's"]);

    // By the banner inside it must not come, whatever stands outside.
    for (banner, portion, why) in [
        ("SECRET//REL TO USA, AUS", "(S//REL TO USA, AUS) EXERCISE text.", "NOT-RELEASABLE"),
        ("TOP SECRET//REL TO USA, GBR", "(TS//REL TO USA, GBR) EXERCISE text.", "CEILING"),
    ] {
        let found = set_aside(&met, partner, &partner.seals(&met, BANNER, &cut("report", banner, &[portion]), b""));
        assert_eq!(found[0], "marking inside differs from the manifest's");
        assert_eq!(found[1], format!("marking: {why}"), "{found:?}");
    }
    // By the banner it may, and by the mark of one portion it may not: then the banner does not cover it.
    let portions = cut("report", BANNER, &[PORTION, "(U//FOUO) EXERCISE, for their own alone."]);
    let found = set_aside(&met, partner, &partner.seals(&met, BANNER, &portions, b""));
    assert!(found.len() == 1 && found[0].contains("P-COVER"), "{found:?}");

    let kind = partner.seals(&met, BANNER, &cut("warning", BANNER, &[PORTION]), b"");
    assert_eq!(set_aside(&met, partner, &kind), ["kind of product is not in the agreement"]);

    let text = String::from_utf8(good().into_bytes()).unwrap().replace("EXERCISE text", "EXERCISE other text");
    let found = set_aside(&met, partner, &partner.seals(&met, BANNER, &text, b""));
    assert!(found.len() == 1 && found[0].contains("number of the cut"), "{found:?}");

    let file = b"EXERCISE words.\n";
    let attached = |name: &str, media: &str, digest: Digest| {
        let line = format!("(S//REL TO USA, GBR) ATTACHMENT {name} {media} {} {digest}", file.len());
        cut("report", BANNER, &[PORTION, &line])
    };
    let plain = partner.seals(&met, BANNER, &attached("text.txt", "text/plain", Digest::of(file)), file);
    let receipt = met.takes(partner, &plain).unwrap();
    assert_eq!(receipt.disposition, Disposition::Accepted, "{:?}", met.row(&plain.manifest.exchange).unwrap().reason);
    let found = set_aside(
        &met,
        partner,
        &partner.seals(&met, BANNER, &attached("page.html", "text/html", Digest::of(file)), file),
    );
    assert!(found.iter().any(|f| f == "an attachment's type is not in the agreement"), "{found:?}");
    let found = set_aside(
        &met,
        partner,
        &partner.seals(&met, BANNER, &attached("text.txt", "text/plain", Digest::of(b"other")), file),
    );
    assert!(found.len() == 1 && found[0].contains("attachment"), "{found:?}");
    met.close();
    scene.us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn what_was_sealed_as_something_else_than_it_is_offered_as_is_refused_with_an_alarm() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let text = good();
    let elsewhere: [fn(&mut Bound); 3] = [
        |bound| bound.exchange = ExchangeId::new(Time::EPOCH, [9; 10]),
        |bound| bound.sender = "exercise-aus".parse().unwrap(),
        |bound| bound.recipient = "exercise-aus".parse().unwrap(),
    ];
    for alter in elsewhere {
        let bound = partner.bound(&met);
        let mut inside = bound.clone();
        alter(&mut inside);
        let frame = partner.frame(&inside, &text, b"");
        let sent = partner.envelope(&met, &bound, BANNER, Digest::of(text.as_bytes()), &frame);
        assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::CannotOpen);
        let alarms = met.recorded(&bound.exchange.to_string(), EntryKind::Alarm);
        assert!(alarms.len() == 1 && alarms[0].contains("offered as something else"), "{alarms:?}");
        let row = met.row(&bound.exchange).unwrap();
        assert_eq!((row.state, row.payload), (ExchangeState::Refused, None), "nothing of it is kept");
    }
    // Who commits to another proof than the payload gives could call every receipt a lie.
    let mut sent = partner.seals(&met, BANNER, &text, b"");
    sent.manifest.opening = partner.seals(&met, BANNER, &text, b"").manifest.opening;
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::CannotOpen);
    let alarms = met.recorded(&sent.manifest.exchange.to_string(), EntryKind::Alarm);
    assert!(alarms.len() == 1 && alarms[0].contains("another proof"), "{alarms:?}");
    // What is not padded as it must be does not open either: there would be room for more than the text.
    let bound = partner.bound(&met);
    let mut frame = partner.frame(&bound, &text, b"");
    *frame.last_mut().unwrap() = 1;
    let sent = partner.envelope(&met, &bound, BANNER, Digest::of(text.as_bytes()), &frame);
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::CannotOpen);
    met.close();
}

#[test]
fn an_offer_that_its_manifest_does_not_bear_out_is_refused() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let sent = partner.seals(&met, BANNER, &good(), b"");
    let offered = |offer: Offer| match block_on(met.intake.offer(&partner.id(), offer)) {
        OfferAnswer::Refuse(refusal) => Some(refusal.code),
        _ => None,
    };
    let differs: [fn(&mut Offer); 5] = [
        |offer| offer.exchange = ExchangeId::new(Time::EPOCH, [9; 10]),
        |offer| offer.payload_size += 1,
        |offer| offer.payload_digest = Digest::of(b"other"),
        |offer| offer.header = Some(HeaderCommitment { size: 200, digest: Digest::of(b"other") }),
        |offer| offer.precedence = portcullis::envelope::Precedence::Flash,
    ];
    for alter in differs {
        let mut offer = partner.offer(&sent);
        alter(&mut offer);
        assert_eq!(offered(offer), Some(RefusalCode::ManifestInvalid));
    }
    let stranger = Signed::sign(sent.manifest.clone(), &keys(&scene.us).signing).unwrap();
    let offer = Offer { manifest: stranger.bytes().to_vec(), ..partner.offer(&sent) };
    assert_eq!(offered(offer), Some(RefusalCode::SignatureInvalid));
    let manifest = |edit: fn(&mut Manifest)| {
        let mut other = partner.seals(&met, BANNER, &good(), b"");
        edit(&mut other.manifest);
        offered(partner.offer(&other))
    };
    assert_eq!(manifest(|m| m.recipient = "exercise-aus".parse().unwrap()), Some(RefusalCode::WrongAudience));
    assert_eq!(manifest(|m| m.sender = "exercise-aus".parse().unwrap()), Some(RefusalCode::ManifestInvalid));
    assert_eq!(manifest(|m| m.expires_at_ms = m.sealed_at_ms + 1), None, "it has a moment left");
    assert_eq!(manifest(|m| m.payload_size = 1 << 30), Some(RefusalCode::TooLarge));
    for marking in ["SECRET//NOFORN", "SECRET//REL TO USA, AUS", "TOP SECRET//REL TO USA, GBR", "SECRET//REL", "Secret"]
    {
        let other = partner.seals(&met, marking, &good(), b"");
        assert_eq!(offered(partner.offer(&other)), Some(RefusalCode::MarkingRefused), "{marking}");
    }
    // And the neighbour that is taken.
    assert_eq!(met.takes(partner, &sent).unwrap().disposition, Disposition::Accepted);
    met.close();
}

#[test]
fn other_bytes_or_another_header_than_were_offered_are_not_received() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let (mut sent, other) = (partner.seals(&met, BANNER, &good(), b""), partner.seals(&met, BANNER, &good(), b""));
    let genuine = sent.clone();
    *sent.payload.last_mut().unwrap() ^= 1;
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::DigestMismatch);
    sent.payload.pop();
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::DigestMismatch);
    sent = Envelope { header: other.header, ..genuine.clone() };
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::DigestMismatch);
    sent = Envelope { header: None, ..genuine.clone() };
    assert_eq!(met.takes(partner, &sent).unwrap_err(), RefusalCode::DigestMismatch);
    assert_eq!(met.row(&genuine.manifest.exchange).unwrap().state, ExchangeState::Receiving);
    // What was offered is.
    assert_eq!(met.takes(partner, &genuine).unwrap().disposition, Disposition::Accepted);
    // Under its number nothing else comes, and it comes itself once: the same receipt, and no second effect.
    let entries = || met.recorded(&genuine.manifest.exchange.to_string(), EntryKind::ExchangeReceived).len();
    assert_eq!(met.takes(partner, &genuine).unwrap().disposition, Disposition::Accepted);
    // Also where both had been accepted before either was whole.
    let whole = CompletePayload { header: genuine.header.clone(), short: Some(genuine.payload.clone().into()) };
    let again = block_on(met.intake.complete(&partner.id(), genuine.manifest.exchange, whole)).unwrap();
    assert_eq!(Some(again), met.row(&genuine.manifest.exchange).unwrap().receipt);
    assert_eq!(entries(), 1);
    let mut anew = genuine.clone();
    anew.manifest.expires_at_ms += 1;
    assert_eq!(met.takes(partner, &anew).unwrap_err(), RefusalCode::Conflict);
    met.close();
}

/// The last day of the agreement has a minute left.
fn last_minute() -> Time {
    "2035-12-31T23:59:00Z".parse().unwrap()
}

#[test]
fn nothing_comes_when_the_agreement_is_not_in_force_not_even_what_had_begun_to() {
    let scene = Scene::new();
    let met = Met::at(&scene.us, last_minute());
    let partner = &scene.partner;
    let [whole, begun, late] = [0; 3].map(|_| partner.seals(&met, BANNER, &good(), b""));
    assert_eq!(met.takes(partner, &whole).unwrap().disposition, Disposition::Accepted);
    let sink = met.begins(partner, &begun).unwrap().unwrap();
    met.clock.advance(Duration::from_secs(60));
    let refused = met.ends(partner, &begun, sink).unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotAgreed, "it ended while the payload was on its way");
    assert_eq!(met.takes(partner, &late).unwrap_err(), RefusalCode::NotAgreed);
    // What is here already is receipted again, whatever has changed since; and a recall is always taken.
    assert_eq!(met.takes(partner, &whole).unwrap().disposition, Disposition::Accepted);
    let notice = partner.recalls(&met, whole.manifest.exchange, |_| {});
    assert_eq!(met.takes(partner, &notice).unwrap().disposition, Disposition::Accepted);
    assert!(met.row(&whole.manifest.exchange).unwrap().recalled.is_some());
    met.close();
}

#[test]
fn nothing_comes_from_whom_the_agreement_lets_send_nothing() {
    let scene = Scene::new();
    let met = scene.met();
    let (partner, world) = (&scene.partner, &scene.world);
    let begun = partner.seals(&met, BANNER, &good(), b"");
    let sink = met.begins(partner, &begun).unwrap().unwrap();
    let one_way = agreement("GBR", "USA", &[("receive", "false")]);
    world.decided(&scene.us, |wanted| {
        wanted.agreements.insert(partner.id(), portcullis::partner::Agreement::parse(&one_way).unwrap());
    });
    // By then the change is known: what is on record is looked at again once a second.
    met.clock.advance(Duration::from_secs(5));
    assert_eq!(met.ends(partner, &begun, sink).unwrap_err().code, RefusalCode::NotAgreed);
    let late = partner.seals(&met, BANNER, &good(), b"");
    assert_eq!(met.takes(partner, &late).unwrap_err(), RefusalCode::NotAgreed);
    met.close();
}

#[test]
fn what_expires_while_it_is_on_its_way_does_not_come_in() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let short = |seconds: i64| {
        let mut sent = partner.seals(&met, BANNER, &good(), b"");
        sent.manifest.expires_at_ms = sent.manifest.sealed_at_ms + 1000 * seconds;
        sent
    };
    let (early, late) = (short(61), short(60));
    let sinks = [&early, &late].map(|sent| met.begins(partner, sent).unwrap().unwrap());
    met.clock.advance(Duration::from_secs(60));
    let [first, second] = sinks;
    assert!(met.ends(partner, &early, first).is_ok());
    assert_eq!(met.ends(partner, &late, second).unwrap_err().code, RefusalCode::Expired);
    met.close();
}

#[test]
fn what_is_recalled_in_mid_transfer_is_refused_and_so_is_what_was_recalled_before_it_came() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let [begun, never] = [0; 2].map(|_| partner.seals(&met, BANNER, &good(), b""));
    let sink = met.begins(partner, &begun).unwrap().unwrap();
    for sent in [&begun, &never] {
        let notice = partner.recalls(&met, sent.manifest.exchange, |_| {});
        let handled = met.takes(partner, &notice).unwrap().handled.unwrap();
        assert_eq!(handled.sentence(), "it was not there");
    }
    assert_eq!(met.ends(partner, &begun, sink).unwrap_err().code, RefusalCode::Withdrawn);
    let refused = met.begins(partner, &never).map(|_| ()).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Withdrawn, "not a byte of it is taken");
    assert_eq!(met.row(&begun.manifest.exchange).unwrap().state, ExchangeState::Refused);
    // What nobody recalled arrives.
    assert!(met.takes(partner, &partner.seals(&met, BANNER, &good(), b"")).is_ok());
    met.close();
}

#[test]
fn a_notice_under_another_manifest_withdraws_nothing() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let [kept, other] = [0; 2].map(|_| partner.seals(&met, BANNER, &good(), b""));
    for sent in [&kept, &other] {
        met.takes(partner, sent).unwrap();
    }
    let of = kept.manifest.exchange;
    let recalled =
        || met.row(&of).unwrap().recalled.is_some() || met.row(&other.manifest.exchange).unwrap().recalled.is_some();
    let number = ExchangeId::new(Time::EPOCH, [9; 10]);
    let about = other.manifest.exchange;
    let others = [
        partner.recalls(&met, of, |recall| recall.notice = number),
        partner.recalls(&met, of, |recall| recall.exchange = about),
        partner.recalls(&met, of, |recall| recall.sender = "exercise-aus".parse().unwrap()),
        partner.recalls(&met, of, |recall| recall.recipient = "exercise-aus".parse().unwrap()),
        partner.recalls(&met, of, |recall| recall.version += 1),
    ];
    for notice in others {
        assert_eq!(met.takes(partner, &notice).unwrap_err(), RefusalCode::CannotOpen);
        assert!(!recalled());
    }
    // Nor does one that somebody else signed.
    let genuine = partner.recalls(&met, of, |_| {});
    let forged = Partner::posing(&scene.us, partner).recalls(&met, of, |_| {});
    assert_eq!(met.takes(partner, &forged).unwrap_err(), RefusalCode::CannotOpen);
    assert!(!recalled());
    met.takes(partner, &genuine).unwrap();
    assert!(recalled());
    // The first stands: a second is receipted and changes nothing.
    let first = met.row(&of).unwrap().recalled;
    met.clock.advance(Duration::from_secs(60));
    met.takes(partner, &partner.recalls(&met, of, |recall| recall.why = RecallCode::Other)).unwrap();
    assert_eq!(met.row(&of).unwrap().recalled, first);
    met.close();
}

#[test]
fn what_was_set_aside_is_said_to_have_been_when_it_is_recalled() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let mut sent = partner.seals(&met, BANNER, &good(), b"");
    sent.manifest.cut_digest = Digest::of(b"EXERCISE: another cut");
    set_aside(&met, partner, &sent);
    let handled = met.takes(partner, &partner.recalls(&met, sent.manifest.exchange, |_| {})).unwrap().handled.unwrap();
    assert_eq!(handled.sentence(), "set aside by their checks, never opened");
    met.close();
}

#[test]
fn what_was_taken_back_may_come_again_and_what_was_replaced_may_come_late() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let [back, late, newer] = [0; 3].map(|_| partner.seals(&met, BANNER, &good(), b""));
    met.begins(partner, &back).unwrap().unwrap();
    block_on(met.intake.offer_withdrawn(&partner.id(), back.manifest.exchange));
    assert_eq!(met.row(&back.manifest.exchange).unwrap().state, ExchangeState::Refused);
    assert_eq!(met.takes(partner, &back).unwrap().disposition, Disposition::Accepted);
    let of = late.manifest.exchange;
    let newer = Envelope { manifest: Manifest { about: Some(of), ..newer.manifest }, ..newer };
    met.takes(partner, &newer).unwrap();
    assert_eq!(met.takes(partner, &late).unwrap().disposition, Disposition::Accepted);
    assert_eq!(met.row(&of).unwrap().superseded_by, Some(newer.manifest.exchange));
    // What was set aside takes the place of nothing.
    let [late, mut aside] = [0; 2].map(|_| partner.seals(&met, BANNER, &good(), b""));
    aside.manifest.about = Some(late.manifest.exchange);
    aside.manifest.cut_digest = Digest::of(b"EXERCISE: another cut");
    set_aside(&met, partner, &aside);
    assert_eq!(met.takes(partner, &late).unwrap().disposition, Disposition::Accepted);
    assert_eq!(met.row(&late.manifest.exchange).unwrap().superseded_by, None);
    met.close();
}

#[test]
fn what_is_thrown_away_in_mid_transfer_is_gone_and_the_transfer_begins_again() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    // One that is kept in memory, and one in a file.
    let portion = PORTION.replace("text", &"text ".repeat(100));
    let long = cut("report", BANNER, &vec![portion.trim_end(); 200]);
    for text in [good(), long] {
        let sent = partner.seals(&met, BANNER, &text, b"");
        let mut sink = met.begins(partner, &sent).unwrap().unwrap();
        block_on(sink.discard()).unwrap();
        assert_eq!(sink.durable(), (0, Digest::of(b"")));
        block_on(sink.write(sent.payload.clone().into())).unwrap();
        assert_eq!(met.ends(partner, &sent, sink).unwrap().disposition, Disposition::Accepted);
    }
    met.close();
}

#[test]
fn a_notice_puts_no_free_text_on_record_as_its_marking() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let sent = partner.seals(&met, BANNER, &good(), b"");
    met.takes(partner, &sent).unwrap();
    let notice = |marking: &str| {
        let mut notice = partner.recalls(&met, sent.manifest.exchange, |_| {});
        notice.manifest.marking = marking.to_owned();
        notice
    };
    for marking in ["call 555-0100", "SECRET//REL TO USA,GBR"] {
        let refused = met.takes(partner, &notice(marking)).unwrap_err();
        assert_eq!(refused, RefusalCode::MarkingRefused, "{marking}");
    }
    assert!(met.row(&sent.manifest.exchange).unwrap().recalled.is_none());
    // One that is a marking withdraws, whoever it is released to: it only ever makes less readable here.
    met.takes(partner, &notice("TOP SECRET//NOFORN")).unwrap();
    assert!(met.row(&sent.manifest.exchange).unwrap().recalled.is_some());
    met.close();
}

#[test]
fn nothing_new_is_taken_by_a_clock_in_doubt_and_what_is_here_is_receipted_again() {
    let scene = Scene::new();
    let (met, partner) = (scene.met(), &scene.partner);
    let [whole, begun, late] = [0; 3].map(|_| partner.seals(&met, BANNER, &good(), b""));
    met.takes(partner, &whole).unwrap();
    let sink = met.begins(partner, &begun).unwrap().unwrap();
    // What is on record is later by more than two right clocks differ.
    let now = met.clock.now();
    met.clock.set(now.minus(Duration::from_secs(65)));
    let refused = met.ends(partner, &begun, sink).unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotCompleted);
    let refused = met.begins(partner, &late).map(|_| ()).unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotCompleted);
    assert!(refused.retry_after.is_some(), "somebody has to look first");
    assert!(met.takes(partner, &whole).is_ok());
    met.clock.set(now.minus(Duration::from_secs(60)));
    for sent in [&begun, &late] {
        assert!(met.takes(partner, sent).is_ok(), "both go on when it is right");
    }
    met.close();
}

#[test]
fn what_one_partner_says_of_anothers_exchanges_changes_nothing_of_them() {
    let scene = Scene::new();
    let third = scene.world.made("exercise-aus", "AUS", "cnsa2");
    scene.world.enrol(&scene.us, &third, &[]);
    let (met, partner, other) = (scene.met(), &scene.partner, Partner::of(&third));
    let offers = |number: ExchangeId, about: Option<ExchangeId>| {
        let text =
            cut("report", "//AUS SECRET//REL TO USA, AUS, GBR", &["(//AUS S//REL TO USA, AUS, GBR) EXERCISE text."]);
        let bound = Bound { exchange: number, ..other.bound(&met) };
        let frame = other.frame(&bound, &text, b"");
        let banner = "//AUS SECRET//REL TO USA, AUS, GBR";
        let mut sent = other.envelope(&met, &bound, banner, Digest::of(text.as_bytes()), &frame);
        sent.manifest.about = about;
        sent
    };
    let [here, coming, begun] = [0; 3].map(|_| partner.seals(&met, BANNER, &good(), b""));
    let (number, next) = (here.manifest.exchange, coming.manifest.exchange);
    met.takes(partner, &here).unwrap();
    // A number that is taken, one that is recalled, one that is replaced, and one that is taken back: none was theirs to say.
    assert_eq!(met.takes(&other, &offers(number, None)).unwrap_err(), RefusalCode::Conflict);
    for of in [number, next] {
        let handled = met.takes(&other, &other.recalls(&met, of, |_| {})).unwrap().handled.unwrap();
        assert_eq!(handled.sentence(), "it was not there", "it learns nothing of what others sent");
    }
    let replacing = offers(other.bound(&met).exchange, Some(number));
    let receipt = met.takes(&other, &replacing).unwrap();
    assert_eq!(
        receipt.disposition,
        Disposition::Accepted,
        "{:?}",
        met.row(&replacing.manifest.exchange).unwrap().reason
    );
    let row = met.row(&number).unwrap();
    assert_eq!((row.state, row.recalled, row.superseded_by), (ExchangeState::Received, None, None));
    met.takes(&other, &offers(other.bound(&met).exchange, Some(next))).unwrap();
    assert_eq!(met.takes(partner, &coming).unwrap().disposition, Disposition::Accepted);
    assert_eq!(met.row(&next).unwrap().superseded_by, None);
    let sink = met.begins(partner, &begun).unwrap().unwrap();
    assert_eq!(met.takes(&other, &offers(begun.manifest.exchange, None)).unwrap_err(), RefusalCode::Conflict);
    block_on(met.intake.offer_withdrawn(&other.id(), begun.manifest.exchange));
    assert!(met.ends(partner, &begun, sink).is_ok());
    // Its own sender says all of that of what is its own.
    let [replaces, back] = [0; 2].map(|_| partner.seals(&met, BANNER, &good(), b""));
    let replaces = Envelope { manifest: Manifest { about: Some(number), ..replaces.manifest }, ..replaces };
    met.takes(partner, &replaces).unwrap();
    assert_eq!(met.row(&number).unwrap().superseded_by, Some(replaces.manifest.exchange));
    let sink = met.begins(partner, &back).unwrap().unwrap();
    block_on(met.intake.offer_withdrawn(&partner.id(), back.manifest.exchange));
    assert_eq!(met.row(&back.manifest.exchange).unwrap().state, ExchangeState::Refused);
    assert_eq!(met.ends(partner, &back, sink).unwrap_err().code, RefusalCode::NotCompleted);
    met.takes(partner, &partner.recalls(&met, next, |_| {})).unwrap();
    assert!(met.row(&next).unwrap().recalled.is_some());
    met.close();
}
