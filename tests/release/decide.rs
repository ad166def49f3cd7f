//! What the release decision permits, and beside each permit what it refuses.

use std::time::Duration;

use portcullis::approval::{OfficerState, ReceivedContent, Role, Submission, VoidReason};
use portcullis::consent::SourceConsent;
use portcullis::cut::Cut;
use portcullis::digest::Digest;
use portcullis::envelope::{Binding, ExchangeContext, Header, Kind, Manifest, OpeningSecret, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::inspect::{Place, SharedRun};
use portcullis::marking::Register;
use portcullis::partner::Standing;
use portcullis::policy::Policies;
use portcullis::product::{NoContents, PortionKind};
use portcullis::release::{Outcome, Record, SendPermit, Source, Stage};
use portcullis::seal::{SealFault, seal};

use crate::support::{self, NOW, World};

fn holds(codes: &[String], expected: &[&str]) {
    for code in expected {
        assert!(codes.iter().any(|c| c == code), "expected `{code}` among {codes:?}");
    }
}

#[test]
fn releases_what_two_officers_approved() {
    let world = World::new();
    let release = world.release();
    assert!(release.is_for(world.cut.bytes()));
    assert_eq!(release.recipient(), "age1exercise");
    assert_eq!(release.marking(), "SECRET//REL TO USA, GBR");
    assert_eq!(release.record().officers.len(), 2);
    assert_eq!(release.record().rules, ["released-to-country"]);
    let permit = world.at_sending().send();
    assert_eq!(permit.record(), release.record().digest());
}

#[test]
fn a_record_reads_back_and_its_digest_is_of_everything_it_says() {
    let record = World::new().release().record().clone();
    assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
    assert_eq!(record.digest(), Digest::of(&record.to_bytes()));
    let later = Record { decided_ms: record.decided_ms + 1, ..record.clone() };
    assert_ne!(later.digest(), record.digest());
    assert!(Record::from_bytes(&record.to_bytes()[1..]).is_err());
}

#[test]
fn a_release_is_for_no_other_bytes() {
    let world = World::new();
    let mut bytes = world.cut.bytes().to_vec();
    let release = world.release();
    bytes.push(b' ');
    assert!(!release.is_for(&bytes));
    let last = bytes.len() - 2;
    bytes.pop();
    bytes[last - 1] ^= 1;
    assert!(!release.is_for(&bytes));
}

#[test]
fn a_forecast_releases_nothing_and_foresees_what_only_lacks_approval() {
    let mut world = World::new();
    world.stage = Stage::Forecast;
    world.approvals.clear();
    assert_eq!(world.decide().outcome, Outcome::Forecast);
    assert!(world.decide().release().is_err());
    world.partner.standing = Standing::Suspended;
    holds(&world.refused(), &["SUSPENDED", "partner-suspended"]);
}

#[test]
fn refuses_when_fewer_than_two_people_approve() {
    let mut world = World::new();
    world.approvals.pop();
    holds(&world.refused(), &["TOO-FEW-APPROVALS", "two-people"]);
    world.approvals.clear();
    holds(&world.refused(), &["TOO-FEW-APPROVALS", "two-people"]);
}

#[test]
fn refuses_one_person_twice_whatever_keys_they_hold() {
    let mut world = World::new();
    world.approvals.pop();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.refused();
    // A second key on the same record signs a second statement: still one person.
    let second = support::key();
    let mut statement = world.statement("officer-one", Role::DisclosureOfficer);
    statement.nonce = [9; 16];
    use portcullis::sign::{Signed, Signer as _};
    world.officer("officer-one").keys.push(second.public().clone());
    world.approvals.push(Signed::sign(statement, &second).unwrap().bytes().to_vec());
    world.refused();
    assert!(world.decide().void.iter().any(|v| v.reasons == [VoidReason::SecondVote]));
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
}

#[test]
fn refuses_the_vote_of_whoever_submitted_or_originated() {
    let mut world = World::new();
    world.approvals.pop();
    world.approve("exercise-analyst", Role::DisclosureOfficer);
    world.refused();
    assert!(world.decide().void.iter().any(|v| v.reasons.contains(&VoidReason::OwnSubmission)));

    let mut world = World::new();
    world.terms.originator = "Exercise OFFICER-two".into();
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    world.refused();
    assert!(world.decide().void.iter().any(|v| v.reasons.contains(&VoidReason::OwnProduct)));
    world.approve("officer-senior", Role::DisclosureOfficer);
    world.release();
}

#[test]
fn refuses_the_vote_of_an_officer_who_left_office_after_signing() {
    let mut world = World::new();
    let void = |world: &World| world.decide().void.into_iter().flat_map(|v| v.reasons).collect::<Vec<_>>();
    world.officer("officer-two").state = OfficerState::Revoked;
    world.refused();
    assert_eq!(void(&world), [VoidReason::OutOfOffice]);
    let mut world = World::new();
    world.officer("officer-two").valid_until = NOW;
    world.refused();
    assert_eq!(void(&world), [VoidReason::OutOfOffice]);
    world.officer("officer-two").valid_until = NOW.plus(Duration::from_millis(1));
    world.release();
}

#[test]
fn refuses_a_revocation_between_release_and_sending() {
    let mut world = World::new().at_sending();
    world.send();
    world.officer("officer-two").state = OfficerState::Revoked;
    holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
}

#[test]
fn refuses_votes_in_roles_that_do_not_approve_or_are_not_held() {
    for (officer, role) in [
        ("officer-public", Role::ReleaseToPublic),
        ("officer-two", Role::SeniorDisclosureOfficer),
        ("officer-two", Role::Originator),
    ] {
        let mut world = World::new();
        world.approvals.pop();
        world.approve(officer, role);
        world.refused();
    }
    let mut world = World::new();
    world.approvals.pop();
    world.approve("officer-senior", Role::SeniorDisclosureOfficer);
    world.release();
}

#[test]
fn refuses_at_the_instant_of_expiry_and_permits_just_before() {
    let mut world = World::new();
    world.now = world.terms.expires.minus(Duration::from_millis(1));
    world.release();
    world.now = world.terms.expires;
    holds(&world.refused(), &["EXPIRED", "request-expired"]);
    let expired = VoidReason::Expired { expired: world.now };
    assert!(world.decide().votes.is_empty() && world.decide().void.iter().all(|v| v.reasons == [expired.clone()]));
}

/// A run of words that stands above the line too.
fn shared_run(words: u32) -> SharedRun {
    let place = Place { part: PortionKind::Paragraph, number: 1, line: 9 };
    let (marking, source_marking) = ("(S//REL TO USA, GBR)".to_owned(), "(S//NF)".to_owned());
    SharedRun { place, marking, tearline: 1, source: place, source_marking, words }
}

#[test]
fn words_in_common_with_what_is_held_back_need_a_senior_officer_who_was_shown_them() {
    // The two were not shown any common words, so their approvals are for something else.
    let mut world = World::new();
    let partner = world.partner.id.clone();
    world.cuts.get_mut(&partner).unwrap().shared = vec![shared_run(8)];
    assert_eq!(world.decide().void.len(), 2);
    // A request without the words that inspection found is refused, and so is the reverse.
    holds(&world.refused(), &["OTHER-CUT"]);

    // A product of its own, with a run in common; what its inspection found is what the request says.
    let above =
        "(S//NF) EXERCISE: our source saw a fictitious ship that left a fictitious port on Tuesday and told us.";
    let below = "(S//REL TO USA, GBR) EXERCISE: a fictitious ship that left a fictitious port on Tuesday.";
    let head = "PORTCULLIS PRODUCT 1\nId: EXERCISE-RELEASE-2\nTitle: (U) EXERCISE title\nOriginator: EXERCISE DESK\n\
                Date: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n";
    let line = "-".repeat(24);
    let product = format!("{head}\n{above}\n\n{line}\n\nSECRET//REL TO USA, GBR\n\n{below}\n");
    let mut world = World::with_product(&product, support::AGREEMENT);
    let shared = &world.cuts[&world.partner.id].shared;
    assert_eq!(shared.iter().map(|run| run.words).collect::<Vec<_>>(), [10]);
    holds(&world.refused(), &["senior-for-shared-words"]);
    world.approve("officer-senior", Role::SeniorDisclosureOfficer);
    world.release();
    let mut world = world.at_sending();
    world.send();
    world.approvals.pop();
    holds(&world.refused(), &["senior-for-shared-words"]);
}

#[test]
fn says_in_which_field_what_was_approved_differs() {
    type Spoil = fn(&mut portcullis::approval::Outline);
    let spoils: [(&str, Spoil); 10] = [
        ("digest", |cut| cut.digest = Digest::of(b"EXERCISE")),
        ("size", |cut| cut.bytes += 1),
        ("marking", |cut| cut.marking = "SECRET//REL TO USA, FVEY".into()),
        ("portion marks", |cut| _ = cut.portions.insert("(C//REL TO USA, GBR)".into())),
        ("kind", |cut| cut.kind = "notice".into()),
        ("attachment types", |cut| _ = cut.attachments.insert("text/plain".into())),
        ("date", |cut| cut.date = None),
        ("consents", |cut| _ = cut.consents.insert(Digest::of(b"EXERCISE"))),
        ("received words", |cut| cut.received.push(received("DEU", false, 9))),
        ("words shared with withheld text", |cut| cut.shared.push(shared_run(8))),
    ];
    for (field, spoil) in spoils {
        let mut world = World::new();
        let partner = world.partner.id.clone();
        spoil(world.cuts.get_mut(&partner).unwrap());
        world.refused();
        let void = world.decide().void;
        assert_eq!(void.len(), 2);
        assert!(
            void.iter().all(|v| v.reasons == [VoidReason::OtherCut { partner: partner.clone(), field }]),
            "{void:?}"
        );
    }
    let mut world = World::new();
    let outline = world.cuts.values().next().unwrap().clone();
    world.cuts.insert("exercise-fra".parse().unwrap(), outline);
    world.refused();
    assert!(world.decide().void.iter().all(|v| v.reasons == [VoidReason::Other("set of partners")]));
}

#[test]
fn an_agreement_that_widens_after_the_approval_releases_nothing_by_itself() {
    let mut world = World::new();
    world.partner.agreement.ceiling = portcullis::marking::Level::Confidential;
    world.approve_again();
    holds(&world.refused(), &["CEILING"]);
    world.partner.agreement.ceiling = portcullis::marking::Level::Secret;
    holds(&world.refused(), &["TOO-FEW-APPROVALS", "two-people"]);
    let partner = world.partner.id.clone();
    assert!(world.decide().void.iter().all(|v| v.reasons == [VoidReason::OtherAgreement { partner: partner.clone() }]));
    // It is released under the agreement it was approved with, and not under one that replaced it afterwards.
    world.approve_again();
    let mut world = world.at_sending();
    world.send();
    world.partner.agreement.limits.payload_bytes_max += 1;
    world.refused();
}

/// The codes against a release whose submission is changed and signed again by the submitter that it names.
fn submitted_as(change: impl FnOnce(&mut Submission)) -> Vec<String> {
    let mut world = World::new();
    let mut submission = world.submission();
    change(&mut submission);
    world.submission = Some(world.submit(submission, "exercise-analyst"));
    let decision = world.decide();
    assert!(!decision.alarm, "both checks say so: {:?}", decision.reasons);
    decision.reasons.into_iter().filter(|r| r.against).map(|r| r.code).collect()
}

#[test]
fn a_release_rests_on_what_its_submitter_signed_for_exactly_this() {
    assert_eq!(submitted_as(|_| ()), [""; 0]);
    type Change = fn(&mut Submission);
    let changes: [Change; 12] = [
        |s| s.terms.purpose.push('.'),
        |s| s.terms.expires = s.terms.expires.plus(Duration::from_millis(1)),
        |s| s.terms.legal_basis.push('.'),
        |s| s.terms.policy_basis.push('.'),
        |s| s.terms.originator.push('.'),
        |s| s.terms.precedence = portcullis::envelope::Precedence::Flash,
        |s| s.terms.supersedes = Some(s.terms.request),
        |s| s.partners.clear(),
        |s| s.product = Digest::of(b"EXERCISE another"),
        |s| s.from_tearline = 1,
        |s| s.node = "exercise-gbr".parse().unwrap(),
        |s| s.instance = support::another_instance(),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        holds(&submitted_as(change), &["SUBMISSION", "request-incomplete"]);
        assert!(submitted_as(change).len() == 2, "change {n}: {:?}", submitted_as(change));
    }
    let skew = portcullis::approval::SKEW_MAX;
    assert_eq!(submitted_as(|s| s.given_at = NOW.plus(skew)), [""; 0]);
    holds(&submitted_as(|s| s.given_at = NOW.plus(skew + Duration::from_millis(1))), &["SUBMISSION"]);
    // Nobody submits before they are appointed.
    holds(&submitted_as(|s| s.given_at = "2025-12-31T00:00:00Z".parse().unwrap()), &["SUBMISSION"]);
}

#[test]
fn refuses_a_submission_that_nobody_who_may_submit_has_signed() {
    let refused = |spoil: fn(&mut World)| {
        let mut world = World::new();
        spoil(&mut world);
        holds(&world.refused(), &["SUBMISSION"]);
    };
    refused(|w| w.submission = Some(Vec::new()));
    refused(|w| w.submission = Some(w.submit(w.submission(), "officer-one")));
    refused(|w| w.officer("exercise-analyst").state = OfficerState::Revoked);
    refused(|w| w.officer("exercise-analyst").valid_until = NOW);
    refused(|w| w.officer("exercise-analyst").roles = [Role::DisclosureOfficer].into());
    refused(|w| w.officer("exercise-analyst").keys = vec![portcullis::sign::Signer::public(&support::key()).clone()]);
    refused(|w| w.terms.submitter = "ghost".parse().unwrap());
    // Also between the release and the first byte.
    let mut world = World::new().at_sending();
    world.send();
    world.officer("exercise-analyst").state = OfficerState::Revoked;
    holds(&world.refused(), &["SUBMISSION", "request-incomplete"]);
}

#[test]
fn an_originator_who_is_an_officer_in_any_spelling_does_not_approve() {
    for line in [
        "Exercise OFFICER-two",
        "two exercise officer",
        "EXERCISE Directorate (\u{415}xercise \u{41e}fficer Two)",
        "\u{ff2f}fficer-TWO",
        "ExerciseOfficerTwo",
    ] {
        let mut world = World::new();
        world.terms.originator = line.into();
        world.approve_again();
        holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
        assert!(world.decide().void.iter().any(|v| v.reasons == [VoidReason::OwnProduct]), "{line:?}");
        world.approve("officer-senior", Role::DisclosureOfficer);
        world.release();
    }
}

#[test]
fn one_person_on_two_records_has_one_vote_and_none_on_what_they_submitted() {
    let mut world = World::new();
    world.officer("officer-two").declared.same_as.insert("officer-one".parse().unwrap());
    holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
    assert!(world.decide().void.iter().any(|v| v.reasons == [VoidReason::SecondVote]));
    // Also where somebody else stands between the two on the roster.
    world.approve("officer-senior", Role::SeniorDisclosureOfficer);
    assert_eq!(world.decide().votes.len(), 2);
    let mut world = World::new();
    world.officer("officer-two").declared.same_as.insert("exercise-analyst".parse().unwrap());
    holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
    assert!(world.decide().void.iter().any(|v| v.reasons == [VoidReason::OwnSubmission]));
}

#[test]
fn refuses_approvals_from_the_future() {
    // The signer's clock may be ahead of the node's by a limited amount.
    let skew = portcullis::approval::SKEW_MAX;
    let mut world = World::new();
    world.now = NOW.minus(Duration::from_millis(60_001) + skew);
    holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
    world.now = NOW.minus(Duration::from_secs(60) + skew);
    world.release();
}

#[test]
fn refuses_approvals_for_another_node_and_of_a_time_before_their_officer_was_in_office() {
    use portcullis::approval::ContextFault;
    type Spoil = fn(&mut portcullis::approval::Approval);
    type Expected = fn(&ContextFault) -> bool;
    let spoils: [(Spoil, Expected); 2] = [
        (|a| a.instance = support::another_instance(), |why| matches!(why, ContextFault::OtherInstance { .. })),
        (
            |a| a.given_at = "2025-12-31T00:00:00Z".parse().unwrap(),
            |why| matches!(why, ContextFault::OutsideOffice { .. }),
        ),
    ];
    for (spoil, expected) in spoils {
        let mut world = World::new();
        world.approvals.pop();
        let mut statement = world.statement("officer-two", Role::DisclosureOfficer);
        let sound = statement.clone();
        spoil(&mut statement);
        world.approvals.push(world.sign(statement));
        holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
        let void = &world.decide().void[0].reasons[..];
        assert!(matches!(void, [VoidReason::Context(why)] if expected(why)), "{void:?}");
        world.approvals.pop();
        world.approvals.push(world.sign(sound));
        world.release();
    }
}

#[test]
fn says_of_an_altered_approval_what_is_wrong_with_it_whichever_of_the_keys_it_names() {
    use portcullis::sign::{NotSigned, Signer as _};
    let mut world = World::new();
    let other = support::key().public().clone();
    let own = world.officer("officer-two").keys[0].clone();
    let good = world.approvals.last().unwrap().clone();
    let altered = world.approvals.last_mut().unwrap();
    *altered.last_mut().unwrap() ^= 1;
    let altered = altered.clone();
    let mut why = |keys: &[&portcullis::sign::PublicKey], approval: &[u8]| {
        world.officer("officer-two").keys = keys.iter().map(|k| (*k).clone()).collect();
        *world.approvals.last_mut().unwrap() = approval.to_vec();
        world.decide().void.into_iter().flat_map(|v| v.reasons).collect::<Vec<_>>()
    };
    assert_eq!(why(&[&other, &own], &good), []);
    for keys in [[&own, &other], [&other, &own]] {
        let found = why(&keys, &altered);
        assert!(matches!(found[..], [VoidReason::NotSigned(NotSigned::Signature { .. })]), "{found:?}");
    }
    let found = why(&[&other], &good);
    assert!(matches!(found[..], [VoidReason::NotSigned(NotSigned::Key { .. })]), "{found:?}");
}

#[test]
fn refuses_when_the_clock_is_in_doubt_or_unset() {
    let mut world = World::new();
    world.clock_in_doubt = true;
    holds(&world.refused(), &["CLOCK-IN-DOUBT", "clock-in-doubt"]);
    let mut world = World::new();
    world.now = portcullis::time::Time::EPOCH;
    holds(&world.refused(), &["CLOCK-UNSET"]);
}

#[test]
fn refuses_each_breach_of_the_agreement() {
    type Spoil = fn(&mut World);
    let breaches: [(Spoil, [&str; 2]); 7] = [
        (|w| w.partner.standing = Standing::Suspended, ["SUSPENDED", "partner-suspended"]),
        (|w| w.partner.agreement.flow.send = false, ["DIRECTION", "direction"]),
        (
            |w| w.partner.agreement.valid_until = "2026-11-21".parse().unwrap(),
            ["NOT-IN-FORCE", "agreement-not-in-force"],
        ),
        (
            |w| w.partner.agreement.valid_from = "2026-11-23".parse().unwrap(),
            ["NOT-IN-FORCE", "agreement-not-in-force"],
        ),
        (|w| w.partner.agreement.kinds.clear(), ["KIND", "kind-not-agreed"]),
        (|w| w.partner.agreement.limits.payload_bytes_max = 10, ["TOO-LARGE", "too-large"]),
        (|w| w.partner.agreement.party.code = "FRA".into(), ["NOT-RELEASABLE", "not-releasable-to-partner"]),
    ];
    for (spoil, codes) in breaches {
        for mut world in [World::new(), World::new().at_sending()] {
            assert!(world.decide().permits());
            spoil(&mut world);
            holds(&world.refused(), &codes);
            assert!(!world.decide().alarm, "both checks refuse {codes:?}, and yet it alarms");
        }
    }
}

#[test]
fn refuses_terms_that_do_not_say_what_they_must() {
    let mut world = World::new();
    world.terms.purpose = " ".into();
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    holds(&world.refused(), &["TERMS", "request-incomplete"]);
}

#[test]
fn refuses_without_inspection_of_exactly_this_cut() {
    let mut world = World::new();
    let other = World::with_product(&support::PRODUCT.replace("Tuesday", "Friday"), &world.partner.agreement.to_toml());
    let own = world.inspected.take();
    holds(&world.refused(), &["NOT-INSPECTED", "not-inspected"]);
    world.inspected = other.inspected;
    holds(&world.refused(), &["OTHER-INSPECTED", "not-inspected"]);
    world.inspected = own;
    world.release();
    world.cut = other.cut;
    holds(&world.refused(), &["OTHER-CUT"]);
}

#[test]
fn refuses_a_partner_enrolled_otherwise_than_the_request_was_decided_upon() {
    type Spoil = fn(&mut World);
    let spoils: [(Spoil, &str); 3] = [
        (|w| w.enrolments.values_mut().for_each(|e| e.description = Digest::of(b"EXERCISE")), "OTHER-ENROLMENT"),
        (|w| w.other_agreement = Some(Digest::of(b"EXERCISE")), "OTHER-AGREEMENT"),
        (|w| w.enrolments.clear(), "OTHER-ENROLMENT"),
    ];
    for (spoil, code) in spoils {
        for mut world in [World::new(), World::new().at_sending()] {
            assert!(world.decide().permits());
            spoil(&mut world);
            // Such an approval is for something other than what would be done.
            world.approve_again();
            holds(&world.refused(), &[code, "not-inspected"]);
        }
    }
}

#[test]
fn a_date_has_one_form() {
    for (date, is_one) in
        [("2026-11-20", true), ("20261120", false), ("2026-11-20T00:00:00", false), ("EXERCISE", false)]
    {
        let codes = described(|cut| cut.date = Some(date.into()));
        assert_eq!(!codes.contains(&"DATE-UNREADABLE".to_owned()), is_one, "{date}: {codes:?}");
    }
}

#[test]
fn a_portion_mark_has_one_form() {
    for (mark, is_one) in [
        ("(S//REL TO USA, GBR)", true),
        ("(S//REL TO USA,GBR)", false),
        ("(S//REL)", false),
        ("S//REL TO USA, GBR", false),
        ("(S//REL TO GBR, USA)", false),
    ] {
        let codes = described(|cut| cut.portions = [mark.to_owned()].into());
        assert_eq!(!codes.contains(&"INVALID-MARK".to_owned()), is_one, "{mark}: {codes:?}");
    }
}

#[test]
fn a_banner_that_says_less_than_its_portions_is_refused_by_the_marking_engine() {
    for (banner, code) in [
        ("CONFIDENTIAL//REL TO USA, GBR", "BANNER-UNDERSTATED:level"),
        ("SECRET//REL TO USA, AUS, GBR", "BANNER-UNDERSTATED:audience"),
    ] {
        holds(&described(|cut| cut.marking = banner.into()), &[code]);
    }
    assert_eq!(described(|_| {}), [""; 0]);
}

#[test]
fn a_cut_of_no_portions_is_refused_by_both_checks() {
    holds(&described(|cut| cut.portions.clear()), &["NO-PORTIONS", "not-understood"]);
}

#[test]
fn plain_code_names_what_the_agreement_does_not_and_what_takes_a_senior_officer() {
    let attached = |media_type: &str| described(|cut| cut.attachments = [media_type.to_owned()].into());
    holds(&attached("image/png"), &["ATTACHMENT-TYPE", "attachment-not-agreed", "NO-SENIOR-OFFICER"]);
    holds(&attached("text/csv"), &["ATTACHMENT-TYPE", "attachment-not-agreed"]);
    let senior = |codes: Vec<String>| codes.contains(&"NO-SENIOR-OFFICER".to_owned());
    assert!(!senior(attached("text/csv")));
    assert!(senior(described(|cut| cut.shared = vec![shared_run(8)])));
    let marked = |banner: &str, portion: &str| {
        described(|cut| (cut.marking, cut.portions) = (banner.into(), [portion.to_owned()].into()))
    };
    assert!(senior(marked("TOP SECRET//REL TO USA, GBR", "(TS//REL TO USA, GBR)")));
    assert!(!senior(marked("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)")));
    for (banner, portion) in [("SECRET//NOFORN//NODIS", "(S//NF//ND)"), ("SECRET//NOFORN//EXDIS", "(S//NF//XD)")] {
        holds(&marked(banner, portion), &["NODIS-EXDIS", "nodis-exdis", "NOT-RELEASABLE"]);
    }
}

/// The codes against sending what was described, approved and sealed; empty if it may be sent.
fn described(change: impl Fn(&mut portcullis::approval::Outline)) -> Vec<String> {
    let mut world = World::new().at_sending();
    world.manifest = None;
    let record = world.record.as_mut().unwrap();
    change(&mut record.cut);
    let cut = record.cut.clone();
    *world.cuts.values_mut().next().unwrap() = cut;
    world.approve_again();
    let decision = world.decide();
    if decision.permits() { Vec::new() } else { decision.reasons.into_iter().map(|reason| reason.code).collect() }
}

#[test]
fn refuses_to_release_or_send_on_the_wrong_evidence() {
    // A record is not a cut, and cannot be sealed.
    let mut world = World::new().at_sending();
    world.stage = Stage::Approve;
    holds(&world.refused(), &["NO-CUT"]);
    // A cut is not a record: nothing is sent without a release.
    let mut world = World::new();
    world.stage = Stage::Send;
    assert_eq!(world.decide().outcome, Outcome::Refuse);
}

#[test]
fn refuses_to_send_on_the_record_of_another_release() {
    type Spoil = fn(&mut World);
    let other = "OTHER-RELEASE";
    let spoils: [(Spoil, &str); 5] = [
        (|w| w.record.as_mut().unwrap().partner = "exercise-fra".parse().unwrap(), other),
        (|w| w.record.as_mut().unwrap().cut.bytes += 1, other),
        (|w| w.record.as_mut().unwrap().request = portcullis::ident::RequestId::new(NOW, [8; 10]), other),
        (|w| w.record.as_mut().unwrap().expires_ms += 1, other),
        (|w| w.record.as_mut().unwrap().decided_ms += 1, "RELEASE-FROM-THE-FUTURE"),
    ];
    for (spoil, code) in spoils {
        let mut world = World::new().at_sending();
        world.send();
        spoil(&mut world);
        holds(&world.refused(), &[code]);
    }
}

#[test]
fn refuses_to_send_to_one_partner_what_was_released_and_sealed_for_another() {
    let mut world = World::new().at_sending();
    world.send();
    world.record.as_mut().unwrap().partner = "exercise-fra".parse().unwrap();
    world.manifest = Some(world.sealed(world.manifest_of(world.record.as_ref().unwrap())));
    holds(&world.refused(), &["OTHER-RELEASE"]);
}

#[test]
fn refuses_a_partner_that_is_another_than_the_one_on_record_with_the_request() {
    let mut world = World::new();
    world.release();
    world.partner.description = support::partner("exercise-gbr", support::AGREEMENT).description;
    let codes = world.refused();
    holds(&codes, &["OTHER-ENROLMENT"]);
    assert!(!codes.contains(&"OTHER-AGREEMENT".to_owned()), "{codes:?}");
    let mut world = World::new();
    world.enrolments.clear();
    holds(&world.refused(), &["OTHER-ENROLMENT", "OTHER-AGREEMENT"]);
}

#[test]
fn what_was_signed_of_marks_that_no_cut_can_have_releases_nothing() {
    for (banner, portion, code) in [
        ("SECRET//NOFORN//NODIS", "(S//NF//ND)", "NODIS-EXDIS"),
        ("SECRET//NOFORN//EXDIS", "(S//NF//XD)", "NODIS-EXDIS"),
        ("CONFIDENTIAL//REL TO USA, GBR", "(S//REL TO USA, GBR)", "BANNER-UNDERSTATED:level"),
        ("SECRET//REL TO USA, GBR", "(S//REL)", "INVALID-MARK"),
    ] {
        let mut world = World::new();
        let outline = world.cuts.values_mut().next().unwrap();
        (outline.marking, outline.portions) = (banner.into(), [portion.to_owned()].into());
        world.approve_again();
        holds(&world.refused(), &[code]);
    }
}

#[test]
fn a_permit_to_send_is_for_one_partner_one_cut_and_a_short_while() {
    let world = World::new().at_sending();
    let permit = world.send();
    let ms = Duration::from_millis(1);
    let sealed = world.manifest.as_ref().unwrap();
    assert!(permit.allows(sealed, NOW));
    assert!(permit.allows(sealed, NOW.plus(SendPermit::WINDOW).minus(ms)));
    assert!(!permit.allows(sealed, NOW.plus(SendPermit::WINDOW)));
    assert!(!permit.allows(sealed, NOW.minus(ms)));
    assert_eq!((permit.partner(), permit.cut()), (&world.partner.id, world.cut.digest()));
}

#[test]
fn a_permit_names_every_byte_that_may_leave_and_no_other_manifest_or_header() {
    let world = World::new().at_sending();
    let permit = world.send();
    let sealed = world.manifest.as_ref().unwrap();
    let said = sealed.statement();
    assert_eq!((permit.exchange(), permit.manifest()), (said.exchange, sealed.digest()));
    assert_eq!(permit.payload(), (said.payload_digest, said.payload_size));
    for spoil in manifest_spoils() {
        let mut other = said.clone();
        spoil(&mut other);
        // Even if our own key signed it: a permit is only for what was decided.
        assert!(!permit.allows(&world.sealed(other.clone()), NOW), "{other:?}");
    }
    let header = |text: &[u8]| Header::new(text).unwrap();
    assert!(permit.allows_header(&header(b"EXERCISE header")));
    for other in [&b"EXERCISE headeR"[..], b"EXERCISE header ", b"EXERCISE heade"] {
        assert!(!permit.allows_header(&header(other)));
    }
}

/// An alteration of a manifest.
type ManifestSpoil = fn(&mut Manifest);

/// One change to each member of a manifest.
fn manifest_spoils() -> Vec<ManifestSpoil> {
    vec![
        |m| m.version += 1,
        |m| m.exchange = ExchangeId::new(NOW, [6; 10]),
        |m| m.kind = Kind::Recall,
        |m| m.sender = "exercise-fra".parse().unwrap(),
        |m| m.recipient = "exercise-fra".parse().unwrap(),
        |m| m.marking = "UNCLASSIFIED//REL TO USA, GBR".into(),
        |m| m.cut_digest = Digest::of(b"another cut"),
        |m| m.payload_digest = Digest::of(b"another payload"),
        |m| m.payload_size += 1,
        |m| m.precedence = Precedence::Flash,
        |m| m.sealed_at_ms += 1,
        |m| m.expires_at_ms += 1,
        |m| m.about = Some(ExchangeId::new(NOW, [6; 10])),
        |m| m.formats = Some(vec!["html".into()]),
        |m| m.header = None,
        |m| m.header = Some(Header::new(*b"another header").unwrap().commitment()),
    ]
}

#[test]
fn refuses_to_send_what_was_sealed_otherwise_than_it_was_released() {
    let spoils: Vec<(&str, ManifestSpoil)> = vec![
        ("version", |m| m.version += 1),
        ("kind", |m| m.kind = Kind::Recall),
        ("sender", |m| m.sender = "exercise-fra".parse().unwrap()),
        ("recipient", |m| m.recipient = "exercise-fra".parse().unwrap()),
        ("marking", |m| m.marking = "UNCLASSIFIED//REL TO USA, GBR".into()),
        ("cut", |m| m.cut_digest = Digest::of(b"another cut")),
        ("payload size", |m| m.payload_size = 0),
        ("expiry", |m| m.expires_at_ms += 1),
        ("date", |m| m.sealed_at_ms += 1),
        ("header", |m| m.header = None),
        ("earlier exchange", |m| m.about = Some(m.exchange)),
    ];
    for (what, spoil) in spoils {
        let mut world = World::new().at_sending();
        world.send();
        let mut manifest = world.manifest.as_ref().unwrap().statement().clone();
        spoil(&mut manifest);
        world.manifest = Some(world.sealed(manifest));
        holds(&world.refused(), &["OTHER-SEALED"]);
        let said = world.decide().reasons.into_iter().map(|r| r.sentence).collect::<String>();
        assert!(said.contains(&format!("differs from the release: {what}")), "{said}");
    }
}

#[test]
fn a_permit_to_send_ends_with_the_permission_itself() {
    let mut world = World::new().at_sending();
    world.now = world.terms.expires.minus(Duration::from_millis(5));
    let permit = world.send();
    assert!(!permit.allows(world.manifest.as_ref().unwrap(), world.terms.expires));
}

#[test]
fn refuses_under_another_policy_than_was_approved() {
    let mut world = World::new().at_sending();
    world.send();
    let longer = format!("{}\n// A comment is a change too.\n", Policies::SHIPPED_RULES);
    world.policies = Policies::load(Policies::SHIPPED_SCHEMA, &longer).unwrap();
    holds(&world.refused(), &["TOO-FEW-APPROVALS"]);
    assert!(world.decide().void.iter().all(|v| v.reasons == [VoidReason::Other("policy")]));
}

#[test]
fn a_rule_of_the_operators_own_refuses_without_alarm() {
    let mut world = World::new();
    let own = format!(
        "{}\n@id(\"quiet-month\")\n@about(\"local\")\n@sentence(\"Nothing is sent in the quiet month\")\n\
         forbid (principal, action, resource) when {{ context.today >= 20261101 && context.today <= 20261130 }};\n",
        Policies::SHIPPED_RULES
    );
    world.policies = Policies::load(Policies::SHIPPED_SCHEMA, &own).unwrap();
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    holds(&world.refused(), &["quiet-month"]);
    assert!(!world.decide().alarm);
}

/// The shipped policy with every forbidding rule made harmless and every permit unconditional.
fn yes_saying_policy() -> Policies {
    policy_without_forbidding("context.now > 0")
}

/// The shipped policy with every forbidding rule made harmless and every permit under the one condition `permits`.
fn policy_without_forbidding(permits: &str) -> Policies {
    let mut rules = String::new();
    for rule in Policies::shipped().unwrap().rules() {
        let (effect, when) = if rule.permits { ("permit", permits) } else { ("forbid", "context.now < 0") };
        rules.push_str(&format!(
            "@id(\"{}\")\n@about(\"{}\")\n@sentence(\"planted\")\n{effect} (principal, action, resource) when {{ {when} }};\n",
            rule.id, rule.about
        ));
    }
    Policies::load(Policies::SHIPPED_SCHEMA, &rules).unwrap()
}

#[test]
fn a_policy_that_always_says_yes_releases_nothing_more_and_alarms() {
    type Spoil = fn(&mut World);
    let spoils: [Spoil; 6] = [
        |w| w.partner.agreement.party.code = "FRA".into(),
        |w| w.partner.agreement.ceiling = portcullis::marking::Level::Confidential,
        |w| w.partner.standing = Standing::Suspended,
        |w| w.inspected = None,
        |w| w.terms.expires = NOW,
        |w| {
            w.approvals.pop();
        },
    ];
    for spoil in spoils {
        let mut world = World::new();
        world.policies = yes_saying_policy();
        world.approvals.clear();
        spoil(&mut world);
        if world.terms.expires == NOW || world.approvals.is_empty() {
            world.approve("officer-one", Role::DisclosureOfficer);
        }
        world.refused();
        let decision = world.decide();
        assert!(decision.alarm);
        assert!(decision.reasons.iter().any(|r| r.code == "checks-disagree"));
    }
}

#[test]
fn refuses_and_alarms_when_no_rule_permits_and_none_says_why() {
    let mut world = World::new();
    world.policies = policy_without_forbidding("context.now < 0");
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    assert_eq!(world.refused(), ["checks-disagree", "no-rule-permits"]);
    assert!(world.decide().alarm);
    // If the second check refuses as well, there is no disagreement.
    world.partner.standing = Standing::Suspended;
    holds(&world.refused(), &["no-rule-permits", "SUSPENDED"]);
    assert!(!world.decide().alarm);
    // The same policy, and a permit that applies: nothing is wrong with the rest.
    let mut world = World::new();
    world.policies = yes_saying_policy();
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
}

#[test]
fn every_reason_is_said_and_not_only_the_first() {
    let mut world = World::new();
    world.partner.standing = Standing::Suspended;
    world.partner.agreement.party.code = "FRA".into();
    world.partner.agreement.flow.send = false;
    world.inspected = None;
    world.approvals.clear();
    world.clock_in_doubt = true;
    let codes = world.refused();
    holds(
        &codes,
        &["SUSPENDED", "DIRECTION", "NOT-RELEASABLE", "NOT-INSPECTED", "TOO-FEW-APPROVALS", "CLOCK-IN-DOUBT"],
    );
    let sources: std::collections::BTreeSet<Source> = world.decide().reasons.iter().map(|r| r.source).collect();
    assert!(sources.len() >= 6, "{sources:?}");
}

#[test]
fn a_reason_prints_who_gives_it_and_whether_it_refuses() {
    let mut world = World::new();
    let permits: Vec<String> = world.decide().reasons.iter().map(ToString::to_string).collect();
    assert!(permits.iter().any(|r| r.starts_with("policy permits [released-to-country]: ")), "{permits:?}");
    assert!(permits.contains(&"markings permits [OK]: the markings permit it for this partner".into()), "{permits:?}");
    world.partner.standing = Standing::Suspended;
    world.partner.agreement.party.code = "FRA".into();
    world.terms.expires = NOW;
    world.terms.purpose = String::new();
    world.approvals.clear();
    world.inspected = None;
    world.clock_in_doubt = true;
    let refuses: Vec<String> = world.decide().reasons.iter().map(ToString::to_string).collect();
    for start in [
        "policy refuses [partner-suspended]: ",
        "markings refuses [NOT-RELEASABLE]: ",
        "approval refuses [TOO-FEW-APPROVALS]: ",
        "agreement refuses [SUSPENDED]: the partner is suspended",
        "request refuses [EXPIRED]: ",
        "inspection refuses [NOT-INSPECTED]: ",
        "clock refuses [CLOCK-IN-DOUBT]: ",
    ] {
        assert!(refuses.iter().any(|r| r.starts_with(start)), "nothing starts with `{start}`: {refuses:#?}");
    }
}

#[test]
fn the_same_question_gets_the_same_decision() {
    let mut world = World::new();
    let first = world.release();
    world.approvals.reverse();
    assert_eq!(world.release(), first);
}

#[test]
fn releases_up_to_the_age_that_the_agreement_allows_and_not_a_day_older() {
    let mut world = World::new();
    // The product is of 2026-11-20, and today is 2026-11-22.
    world.partner.agreement.product_age_days_max = 2;
    world.approve_again();
    world.release();
    world.partner.agreement.product_age_days_max = 1;
    holds(&world.refused(), &["TOO-OLD", "product-too-old"]);
    assert!(!world.decide().alarm, "both checks say so");
    // A date that is not known is no date that is young enough.
    world.partner.agreement.product_age_days_max = 1000;
    let outline = world.cuts.values_mut().next().unwrap();
    outline.date = None;
    holds(&world.refused(), &["TOO-OLD", "product-too-old"]);
}

#[test]
fn a_product_goes_for_a_year_where_nothing_else_is_agreed() {
    let mut world = World::new();
    let dated = |world: &mut World, date: &str| {
        world.cuts.values_mut().next().unwrap().date = Some(date.into());
        world.refused()
    };
    // The cut is of another date than its outline says, which refuses both; age speaks against one of them alone.
    assert!(!dated(&mut world, "2025-11-22").contains(&"TOO-OLD".to_owned()));
    holds(&dated(&mut world, "2025-11-21"), &["TOO-OLD", "product-too-old"]);
}

const FOREIGN: &str = "PORTCULLIS PRODUCT 1
Id: EXERCISE-CONSENT-1
Title: (U) EXERCISE title
Originator: EXERCISE DESK
Date: 2026-11-20
Kind: report
Subjects: (U) EXERCISE convoys

SECRET//FGI DEU//REL TO USA, DEU, GBR

(S//FGI DEU//REL TO USA, DEU, GBR) EXERCISE: a fictitious ship left a fictitious port on Tuesday.
";

const AGREED: &str = r#"
id = "EXERCISE-AGREEMENT-1"
ceiling = "S"
kinds = ["report"]
valid_from = "2026-01-01"
valid_until = "2026-12-31"
profile = "cnsa2"
party = { kind = "country", code = "GBR" }
flow = { send = true, receive = true }
"#;

const CONSENT: &str = r#"
condition = "FGI-CONSENT"
source = "DEU"
consented_by = "EXERCISE liaison office, head of release"
reference = "EXERCISE-2026-1"
partners = ["exercise-gbr"]
valid_from = 2026-11-01
valid_until = 2026-11-30
[covers]
product = "EXERCISE-CONSENT-1"
"#;

/// A release of another government's information, under the consent `text`, which the officers have signed.
fn under(text: &str) -> World {
    let consents = vec![SourceConsent::parse(text).unwrap()];
    let mut world = World::with_consents(FOREIGN, AGREED, consents);
    world.approve_again();
    world
}

#[test]
fn a_consent_for_exactly_this_releases_what_is_anothers_and_is_named_in_the_record() {
    let world = under(CONSENT);
    let consent = world.consents[0].digest();
    let release = world.release();
    assert_eq!(release.record().cut.consents, [consent].into());
    world.at_sending().send();
}

#[test]
fn refuses_without_a_consent_for_this_source_product_partner_and_day() {
    for (from, to) in [
        ("\"DEU\"", "\"FRA\""),
        ("FGI-CONSENT", "ORCON-LIST"),
        ("exercise-gbr", "exercise-nzl"),
        ("2026-11-30", "2026-11-21"),
        ("2026-11-01", "2026-11-23"),
        ("EXERCISE-CONSENT-1", "EXERCISE-CONSENT-2"),
        ("product = \"EXERCISE-CONSENT-1\"", "kind = \"image\""),
        ("product = \"EXERCISE-CONSENT-1\"", "kind = \"report\"\nsubject = \"EXERCISE ships\""),
    ] {
        let world = under(&CONSENT.replace(from, to));
        holds(&world.refused(), &["CONDITION:FGI-CONSENT", "foreign-source-consent"]);
        assert!(!world.decide().alarm, "both checks say so: {from} -> {to}");
    }
    for covers in ["kind = \"report\"", "kind = \"report\"\nsubject = \"EXERCISE convoys\""] {
        under(&CONSENT.replace("product = \"EXERCISE-CONSENT-1\"", covers)).release();
    }
}

#[test]
fn a_consent_to_a_class_goes_by_what_the_cut_names_and_not_by_what_another_tearline_does() {
    let class =
        CONSENT.replace("product = \"EXERCISE-CONSENT-1\"", "kind = \"report\"\nsubject = \"EXERCISE convoys\"");
    let below = |subject: &str| {
        let above = "SECRET//FGI DEU//NOFORN\n\n(S//FGI DEU//NF) EXERCISE: a sentence that stays.";
        let (front, tearline) = FOREIGN.split_once("\n\n").unwrap();
        let tearline = tearline.replacen("\n\n", &format!("\nSubjects: (U) {subject}\n\n"), 1);
        let text = format!("{front}\n\n{above}\n\n--------------------\n\n{tearline}");
        let consents = vec![SourceConsent::parse(&class).unwrap()];
        let mut world = World::with_consents(&text, AGREED, consents);
        world.approve_again();
        world
    };
    below("EXERCISE convoys").release();
    holds(&below("EXERCISE ships").refused(), &["CONDITION:FGI-CONSENT", "foreign-source-consent"]);
    assert!(!below("EXERCISE ships").decide().alarm, "both checks say so");
}

#[test]
fn refuses_once_the_consent_that_was_signed_is_withdrawn_or_has_ended_and_while_it_is_not_signed() {
    let mut withdrawn = under(CONSENT).at_sending();
    withdrawn.consents.clear();
    holds(&withdrawn.refused(), &["CONSENT-ENDED", "CONDITION:FGI-CONSENT", "foreign-source-consent"]);
    // Another consent with the same effect is not the one that the officers signed.
    let mut other = under(CONSENT).at_sending();
    other.consents[0].reference = "EXERCISE-2026-2".into();
    holds(&other.refused(), &["CONSENT-ENDED", "CONDITION:FGI-CONSENT", "foreign-source-consent"]);
    let mut ended = under(CONSENT).at_sending();
    ended.terms.expires = "2026-12-20T12:00:00Z".parse().unwrap();
    ended.now = "2026-12-01T00:00:00Z".parse().unwrap();
    holds(&ended.refused(), &["CONSENT-ENDED", "CONDITION:FGI-CONSENT", "foreign-source-consent"]);
    let mut unsigned = under(CONSENT);
    unsigned.cuts.values_mut().next().unwrap().consents.clear();
    holds(&unsigned.refused(), &["CONDITION:FGI-CONSENT", "foreign-source-consent", "two-people"]);
}

#[test]
fn a_release_rests_on_eight_consents_and_on_no_more() {
    let resting = |count: usize| {
        let consent =
            |n| SourceConsent::parse(&CONSENT.replace("EXERCISE-2026-1", &format!("EXERCISE-2026-{n}"))).unwrap();
        let mut world = World::with_consents(FOREIGN, AGREED, (0..count).map(consent).collect());
        world.approve_again();
        world
    };
    resting(8).release();
    holds(&resting(9).refused(), &["CONSENTS-TOO-MANY"]);
}

#[test]
fn an_accreditation_of_the_link_is_no_consent() {
    let mut world = World::with_consents(FOREIGN, AGREED, vec![SourceConsent::parse(CONSENT).unwrap()]);
    world.consents.clear();
    world.cuts.values_mut().next().unwrap().consents.clear();
    world.partner.agreement.accreditations = ["FGI-CONSENT:DEU".to_owned()].into();
    world.approve_again();
    holds(&world.refused(), &["CONDITION:FGI-CONSENT", "foreign-source-consent"]);
    assert!(!world.decide().alarm, "both checks say so");
}

/// Text received from a partner: this many consecutive words, or a whole paragraph.
fn received(code: &str, whole: bool, words: u32) -> ReceivedContent {
    ReceivedContent {
        partner: format!("exercise-{}", code.to_lowercase()).parse().unwrap(),
        code: code.into(),
        exchange: portcullis::ident::ExchangeId::new(NOW, [3; 10]),
        place: "paragraph 1".into(),
        whole,
        words,
        places: 1,
    }
}

#[test]
fn what_one_partner_sent_goes_to_another_only_with_consent_whatever_the_marks_say() {
    let holding = |received: ReceivedContent, consents: &[&str]| {
        let mut world = World::new();
        world.consents = consents.iter().map(|text| SourceConsent::parse(text).unwrap()).collect();
        let outline = world.cuts.values_mut().next().unwrap();
        outline.received = vec![received];
        outline.consents = world.consents.iter().map(SourceConsent::digest).collect();
        world.approve_again();
        world
    };
    let refused = ["RECEIVED-FROM-ANOTHER", "received-from-another"];
    holds(&holding(received("DEU", true, 12), &[]).refused(), &refused);
    holds(&holding(received("DEU", false, 25), &[]).refused(), &refused);
    holds(&holding(received("DEU", true, 0), &[]).refused(), &refused);
    // A shorter run is for the officers to judge, who see and sign it; and what came from the partner itself may go back.
    holding(received("DEU", false, 24), &[]).release();
    holding(received("GBR", true, 12), &[]).release();
    let consent = CONSENT.replace("EXERCISE-CONSENT-1", "EXERCISE-RELEASE-1");
    holding(received("DEU", true, 12), &[&consent]).release();
    holds(&holding(received("FRA", true, 12), &[&consent]).refused(), &refused);
    for world in [holding(received("DEU", true, 12), &[]), holding(received("FRA", true, 12), &[&consent])] {
        assert!(!world.decide().alarm, "both checks say so");
    }
}

#[test]
fn refuses_a_product_dated_on_a_day_that_has_not_begun_anywhere() {
    let mut world = World::new();
    for (now, may_go) in [
        // At UTC+14 the 20th begins at 10:00 UTC on the 19th.
        ("2026-11-19T10:00:00Z", true),
        ("2026-11-19T09:59:59.999Z", false),
    ] {
        world.now = now.parse().unwrap();
        world.approvals.clear();
        world.approve("officer-one", Role::DisclosureOfficer);
        world.approve("officer-two", Role::DisclosureOfficer);
        if may_go {
            world.release();
        } else {
            holds(&world.refused(), &["DATED-IN-FUTURE", "product-from-the-future"]);
            assert!(!world.decide().alarm, "both checks say so");
        }
    }
}

#[test]
fn another_policy_is_asked_as_if_approvals_named_it_and_releases_nothing() {
    let mut world = World::new();
    let given_under = (world.policies.digest(), Digest::from_bytes(Register::compiled_in().digest()));
    let rules = format!("{}\n// EXERCISE\n", Policies::SHIPPED_RULES);
    world.policies = Policies::load(Policies::SHIPPED_SCHEMA, &rules).unwrap();
    holds(&world.refused(), &["TOO-FEW-APPROVALS", "two-people"]);
    assert!(world.what_if(given_under).permits);
    // Approvals that name neither are void, and so is one that is void by anything else.
    assert!(!world.what_if((world.policies.digest(), given_under.1)).permits);
    world.officer("officer-one").state = OfficerState::Revoked;
    assert!(!world.what_if(given_under).permits);
}

/// A product of this kind, of one paragraph marked so.
fn product_of(kind: &str, banner: &str, portion: &str) -> String {
    let head = "PORTCULLIS PRODUCT 1\nId: EXERCISE-CONSENT-1\nTitle: (U) EXERCISE title\nOriginator: EXERCISE DESK\n";
    format!("{head}Date: 2026-11-20\nKind: {kind}\n\n{banner}\n\n{portion} EXERCISE: a fictitious ship.\n")
}

fn agreed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(support::AGREEMENT.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Queries both checks, and then the second one alone, under a policy that permits everything.
fn refused_whatever_the_rules_say(mut world: World, code: &str, rule: &str) {
    world.approve_again();
    holds(&world.refused(), &[code, rule]);
    assert!(!world.decide().alarm, "both checks say `{code}`: {:?}", world.decide().reasons);
    world.policies = yes_saying_policy();
    world.approve_again();
    holds(&world.refused(), &[code, "checks-disagree"]);
    assert!(world.decide().alarm);
}

#[test]
fn what_no_rule_can_lift_is_refused_by_the_second_check_alone() {
    let secret = ("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let unclassified = ("UNCLASSIFIED//REL TO USA, GBR", "(U//REL TO USA, GBR)");
    let of = |kind: &str, (banner, portion): (&str, &str)| {
        World::with_product(&product_of(kind, banner, portion), &agreed(&[("\"report\"", &format!("\"{kind}\""))]))
    };
    refused_whatever_the_rules_say(of("covert-action", secret), "COVERT-ACTION", "covert-action");
    refused_whatever_the_rules_say(of("covert-action", unclassified), "COVERT-ACTION", "covert-action");
    refused_whatever_the_rules_say(of("military-information", secret), "MILITARY-INFORMATION", "military-information");
    let mut permitted = of("military-information", unclassified);
    permitted.approve_again();
    permitted.release();
    let tfni = product_of("report", "SECRET//TFNI//REL TO USA, GBR", "(S//TFNI//REL TO USA, GBR)");
    refused_whatever_the_rules_say(World::with_product(&tfni, support::AGREEMENT), "TFNI", "transclassified-nuclear");
    let agreement = agreed(&[("kinds =", "accreditations = [\"AEA-AGREEMENT\"]\nkinds =")]);
    let world = World::with_product(&tfni, &agreement);
    refused_whatever_the_rules_say(world, "NO-SENIOR-OFFICER", "senior-for-atomic-energy");
    let mut world = World::with_product(&tfni, &agreement);
    world.approve_again();
    world.approve("officer-senior", Role::SeniorDisclosureOfficer);
    world.release();
}

#[test]
fn what_is_graver_takes_a_senior_officer_in_both_checks() {
    let control = |condition: &str, source: &str, product: &str| {
        let more = "given_on = 2026-10-31\nuse_statement = \"EXERCISE\"\nreference";
        let text = CONSENT.replace("FGI-CONSENT", condition).replace("\"DEU\"", &format!("\"{source}\""));
        let text = match source == "concealed" || condition == "RAWFISA-ACCREDITED" {
            true => text.replace(
                "product = \"EXERCISE-CONSENT-1\"",
                &format!("digest = \"{}\"", Digest::of(product.as_bytes())),
            ),
            false => text,
        };
        SourceConsent::parse(&text.replacen("reference", more, 1)).unwrap()
    };
    for (banner, portion, condition, source, rule) in [
        ("SECRET//REL TO USA, GBR/FISA", "(S//REL TO USA, GBR/FISA)", "FISA-ACCREDITED", "EXERCISE", "senior-for-fisa"),
        (
            "SECRET//REL TO USA, GBR/RAWFISA",
            "(S//REL TO USA, GBR/RAWFISA)",
            "RAWFISA-ACCREDITED",
            "EXERCISE",
            "senior-for-fisa",
        ),
        (
            "SECRET//ORCON/REL TO USA, GBR",
            "(S//OC/REL TO USA, GBR)",
            "ORCON-LIST",
            "EXERCISE DESK",
            "senior-for-originator-controlled",
        ),
        (
            "SECRET//FGI//REL TO USA, GBR",
            "(S//FGI//REL TO USA, GBR)",
            "FGI-CONSENT",
            "concealed",
            "senior-for-concealed-source",
        ),
        (
            "UNCLASSIFIED//DOD UCNI//REL TO USA, GBR",
            "(U//DCNI//REL TO USA, GBR)",
            "ORIGINATOR:DCNI",
            "EXERCISE",
            "senior-for-nuclear-controlled",
        ),
    ] {
        let product = product_of("report", banner, portion);
        let world = || World::with_consents(&product, support::AGREEMENT, vec![control(condition, source, &product)]);
        refused_whatever_the_rules_say(world(), "NO-SENIOR-OFFICER", rule);
        let mut with_senior = world();
        with_senior.approve_again();
        with_senior.approve("officer-senior", Role::SeniorDisclosureOfficer);
        with_senior.release();
        // A name in the agreement is not a consent.
        let mut by_name = world();
        by_name.consents.clear();
        by_name.cuts.values_mut().next().unwrap().consents.clear();
        by_name.partner.agreement.accreditations.insert(condition.to_owned());
        by_name.approve_again();
        by_name.approve("officer-senior", Role::SeniorDisclosureOfficer);
        holds(&by_name.refused(), &[&format!("CONDITION:{condition}")]);
        assert!(!by_name.decide().alarm, "both checks say so: {condition}");
    }
}

#[test]
fn atomal_takes_a_senior_officer_in_both_checks() {
    let atomal = product_of("report", "//NATO SECRET//ATOMAL//REL TO USA, GBR", "(//NS//ATOMAL//REL TO USA, GBR)");
    let read_on = agreed(&[("kinds =", "accreditations = [\"ATOMAL-AGREEMENT\", \"NATO-READON\"]\nkinds =")]);
    refused_whatever_the_rules_say(World::with_product(&atomal, &read_on), "NO-SENIOR-OFFICER", "senior-for-atomal");
    let mut with_senior = World::with_product(&atomal, &read_on);
    with_senior.approve_again();
    with_senior.approve("officer-senior", Role::SeniorDisclosureOfficer);
    with_senior.release();
    // Without ATOMAL, two officers who are not senior can release NATO information to a member that is named.
    let plain = product_of("report", "//NATO SECRET//REL TO USA, GBR", "(//NS//REL TO USA, GBR)");
    World::with_product(&plain, &read_on).release();
}

#[test]
fn whoever_owns_it_consents_unless_it_is_home_and_the_network_may_carry_it() {
    let consented = |product: &str, agreement: &str, source: &str| {
        let consent = SourceConsent::parse(&CONSENT.replace("\"DEU\"", &format!("\"{source}\""))).unwrap();
        let mut world = World::with_consents(product, agreement, vec![consent]);
        world.approve_again();
        world
    };
    let nato = product_of("report", "//NATO SECRET//REL TO USA, AUS, NATO", "(//NS//REL TO USA, AUS, NATO)");
    let read_on = agreed(&[("\"GBR\"", "\"AUS\""), ("kinds =", "accreditations = [\"NATO-READON\"]\nkinds =")]);
    let ours = product_of("report", "SECRET//REL TO USA, AUS, GBR", "(S//REL TO USA, AUS, GBR)");
    let theirs = agreed(&[("\"GBR\"", "\"AUS\""), ("ceiling =", "ours = \"GBR\"\nceiling =")]);
    for (product, agreement, source, rule) in
        [(&nato, &read_on, "NATO", "nato-owner-consent"), (&ours, &theirs, "USA", "foreign-source-consent")]
    {
        consented(product, agreement, source).release();
        let mut without = consented(product, agreement, source);
        without.consents.clear();
        without.cuts.values_mut().next().unwrap().consents.clear();
        without.approve_again();
        holds(&without.refused(), &["CONDITION:FGI-CONSENT", rule]);
        assert!(!without.decide().alarm, "both checks say so: {source}");
    }
    for (network, may) in [(&["GBR"][..], true), (&["FVEY"], true), (&["FRA"], false), (&[], false)] {
        let mut world = World::new();
        world.partner.agreement.network = Some(network.iter().map(|code| (*code).to_owned()).collect());
        world.approve_again();
        if may {
            world.release();
        } else {
            holds(&world.refused(), &["NETWORK", "network"]);
            assert!(!world.decide().alarm, "both checks say so: {network:?}");
        }
    }
}

#[test]
fn a_release_seals_its_own_cut_for_its_own_partner_and_nothing_else() {
    let world = World::new();
    let release = world.release();
    let other =
        World::with_product(&support::PRODUCT.replace("Tuesday", "Someday"), &world.partner.agreement.to_toml());
    let sealed = |cut: &Cut, recipient: &str| {
        let bound = ExchangeContext {
            exchange: ExchangeId::new(NOW, [5; 10]),
            sender: support::NODE.parse().unwrap(),
            recipient: recipient.parse().unwrap(),
        };
        let binding = Binding { context: bound, secret: OpeningSecret::new([7; 32]) };
        let mut out = Vec::new();
        seal(&release, cut, &NoContents, &binding, &mut out).map(|_| out.len())
    };
    let partner = world.partner.id.as_str();
    assert_eq!((other.cut.size(), other.cut == world.cut), (world.cut.size(), false), "of the same size");
    // Its own passes both checks; the only remaining fault is that this partner's recipient is invalid.
    assert!(matches!(sealed(&world.cut, partner), Err(SealFault::Recipient(_))));
    assert!(matches!(sealed(&other.cut, partner), Err(SealFault::OtherCut { .. })));
    assert!(matches!(sealed(&world.cut, "exercise-other"), Err(SealFault::OtherPartner { .. })));
}
