//! Decisions when one of the two checks permits everything.

use std::collections::BTreeMap;

use super::*;
use crate::approval::{Officer, OfficerState, Officers, Role, Submitted, Terms};
use crate::consent::Described;
use crate::envelope::{Header, OpeningProof};
use crate::ident::ExchangeId;
use crate::marking::{PartnerRights, Register};
use crate::partner::{Partner, Standing};
use crate::policy::{Membership, Policies};
use crate::sign::{Algorithm, Instance, LocalSigner, Signed, Signer as _};
use crate::time::Time;

const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

/// A marking engine that permits everything.
struct AlwaysYes;

impl Lattice for AlwaysYes {
    fn against(&self, _: &Outline, _: &PartnerRights) -> Vec<Reason> {
        Vec::new()
    }
}

fn partner() -> Partner {
    let agreement = "id = 'EXERCISE'\nceiling = 'S'\nkinds = ['report']\nvalid_from = '2026-01-01'\n\
        valid_until = '2026-12-31'\nprofile = 'cnsa2'\nparty = { kind = 'country', code = 'GBR' }\n\
        flow = { send = true, receive = true }\n";
    let description = crate::partner::Description {
        format: crate::partner::Description::FORMAT.into(),
        node: "exercise-gbr".parse().unwrap(),
        name: "EXERCISE".into(),
        code: "GBR".into(),
        addresses: vec![],
        profile: "cnsa2".into(),
        ca_certificate: String::new(),
        revocation_list: String::new(),
        signing_key: crate::sign::PublicKey::from_raw(crate::sign::Algorithm::Ed25519, &[1; 32]).unwrap(),
        ledger_key: String::new(),
        payload_recipient: String::new(),
        contact: "EXERCISE".into(),
    };
    let agreement = crate::partner::Agreement::parse(agreement).unwrap();
    Partner {
        id: "exercise-gbr".parse().unwrap(),
        description: description.into(),
        agreement,
        standing: Standing::Active,
    }
}

fn outline(marking: &str, portion: &str) -> Outline {
    Outline {
        digest: Digest::of(b"EXERCISE"),
        bytes: 8,
        marking: marking.into(),
        portions: [portion.to_owned()].into(),
        kind: "report".into(),
        attachments: Default::default(),
        date: Some("2026-11-20".into()),
        consents: Default::default(),
        received: Vec::new(),
        shared: Vec::new(),
        subjects: Default::default(),
    }
}

/// The decisions with the faulty engine and with the real one, before sending. Everything is in order except that there are no
/// approvals.
fn decisions(marking: &str, portion: &str) -> [Decision; 2] {
    let partner = partner();
    let cuts = BTreeMap::from([(partner.id.clone(), outline(marking, portion))]);
    let terms = Terms::exercise(NOW);
    let (key, text) = (
        LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap(),
        Digest::of(b"EXERCISE product"),
    );
    let submitter = Officer {
        id: terms.submitter.clone(),
        name: "EXERCISE analyst".into(),
        keys: vec![key.public().clone()],
        roles: [Role::Originator].into(),
        state: OfficerState::Active,
        valid_from: Time::EPOCH,
        valid_until: terms.expires,
        declared: Default::default(),
    };
    let submission = Submission {
        node: "exercise-usa".parse().unwrap(),
        instance: Instance::exercise(1),
        product: text,
        partners: [partner.id.clone()].into(),
        from_tearline: 0,
        terms: terms.clone(),
        given_at: NOW,
    };
    let submission = Signed::sign(submission, &key).unwrap();
    let enrolments = BTreeMap::from([(partner.id.clone(), Enrolment::of(&partner))]);
    let record = Record {
        request: terms.request,
        partner: partner.id.clone(),
        cut: cuts[&partner.id].clone(),
        approvals: vec![],
        officers: vec![],
        agreement: partner.agreement.digest(),
        policy: Digest::of(b""),
        register: Digest::of(b""),
        rules: vec![],
        inspection: Digest::of(b""),
        expires_ms: terms.expires.unix_ms(),
        decided_ms: NOW.unix_ms(),
    };
    let manifest = Manifest {
        version: Manifest::VERSION,
        exchange: ExchangeId::new(NOW, [5; 10]),
        kind: Kind::Product,
        sender: submission.statement().node.clone(),
        recipient: partner.id.clone().into(),
        marking: marking.into(),
        cut_digest: record.cut.digest,
        payload_digest: Digest::of(b"EXERCISE"),
        payload_size: 8,
        precedence: terms.precedence,
        sealed_at_ms: NOW.unix_ms(),
        expires_at_ms: record.expires_ms,
        about: None,
        formats: None,
        header: Some(Header::new([1; 8]).unwrap().commitment()),
        opening: OpeningProof::from_digest(Digest::of(b"EXERCISE proof")).commitment(),
    };
    let manifest = Signed::sign(manifest, &key).unwrap();
    let product = Described {
        number: "EXERCISE-1".into(),
        digest: Digest::of(b"EXERCISE"),
        kind: "report".into(),
        subjects: Default::default(),
        originator: "EXERCISE DESK".into(),
    };
    let proposal = DecisionInput {
        stage: Stage::Send,
        partner: &partner,
        terms: &terms,
        submission: submission.bytes(),
        submitted: Submitted { node: &submission.statement().node, instance: Instance::exercise(1), product: text },
        cuts: &cuts,
        enrolments: &enrolments,
        product: &product,
        consents: &[],
        evidence: Evidence::Sealed(&record, &manifest),
        approvals: &[],
        officers: &Officers::new([submitter]).unwrap(),
        policies: &Policies::shipped().unwrap(),
        membership: &Membership::shipped().unwrap(),
        register: Register::compiled_in(),
        now: NOW,
        clock_in_doubt: false,
    };
    [decide_by(&proposal, &AlwaysYes), decide(&proposal)]
}

#[test]
fn refuses_and_alarms_when_the_marking_engine_says_yes_to_everything() {
    for (marking, portion) in [
        ("SECRET//NOFORN", "(S//NF)"),
        ("SECRET//REL TO USA, FRA", "(S//REL TO USA, FRA)"),
        ("TOP SECRET//REL TO USA, GBR", "(TS//REL TO USA, GBR)"),
        ("SECRET//SI//REL TO USA, GBR", "(S//SI//REL TO USA, GBR)"),
        ("SECRET//XYZZY", "(S//XYZZY)"),
    ] {
        let [planted, real] = decisions(marking, portion);
        assert!(!planted.permits() && planted.alarm, "`{marking}` under an engine that says yes");
        assert!(planted.reasons.iter().any(|r| r.code == "checks-disagree"));
        assert!(!real.permits() && !real.alarm, "`{marking}` under the real engine: {:?}", real.reasons);
    }
}

#[test]
fn does_not_alarm_when_both_permit_the_markings_and_only_approvals_are_missing() {
    for decision in decisions("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)") {
        assert!(!decision.permits() && !decision.alarm);
        let codes: Vec<&str> = decision.reasons.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(codes, ["two-people", "TOO-FEW-APPROVALS"]);
    }
}
