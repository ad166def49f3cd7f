//! A complete release question in which everything is in order: each test spoils one thing.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::collections::BTreeMap;

use portcullis::approval::{
    Approval, Enrolment, Officer, OfficerState, Officers, Outline, Role, Submission, Submitted, Terms,
};
use portcullis::consent::{Described, SourceConsent};
use portcullis::cut::{self, Cut};
use portcullis::digest::Digest;
use portcullis::envelope::{Header, Kind, Manifest, OpeningProof};
use portcullis::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use portcullis::inspect::{self, Inspected};
use portcullis::marking::Register;
use portcullis::partner::{Agreement, Description, Partner, Standing};
use portcullis::policy::{Membership, Policies};
use portcullis::product::{Bounds, NoContents, Product};
use portcullis::release::{self, Decision, DecisionInput, Evidence, Record, Release, SendPermit, Stage, WhatIf};
use portcullis::sign::{Algorithm, Instance, LocalSigner, PublicKey, Signed, Signer as _};
use portcullis::time::Time;

pub const NOW: Time = Time::from_unix_ms(1_795_341_600_000); // 2026-11-22T10:00:00Z

/// The node that releases.
pub const NODE: &str = "exercise-usa";

/// The same node, by the key of its ledger (a public key of RFC 8032, section 7.1).
pub fn instance() -> Instance {
    let key: PublicKey = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".parse().unwrap();
    Instance::of_ledger(&key)
}

/// Another, by the second key there.
pub fn another_instance() -> Instance {
    let key: PublicKey = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=".parse().unwrap();
    Instance::of_ledger(&key)
}

pub const PRODUCT: &str = "PORTCULLIS PRODUCT 1
Id: EXERCISE-RELEASE-1
Title: (U) EXERCISE title
Originator: EXERCISE DESK
Date: 2026-11-20
Kind: report

SECRET//REL TO USA, GBR

(S//REL TO USA, GBR) EXERCISE: a fictitious ship left a fictitious port on Tuesday.

(U) EXERCISE: it was seen by everybody.
";

pub const AGREEMENT: &str = r#"
id = "EXERCISE-AGREEMENT-1"
ceiling = "S"
kinds = ["report"]
valid_from = "2026-01-01"
valid_until = "2026-12-31"
profile = "cnsa2"
party = { kind = "country", code = "GBR" }
flow = { send = true, receive = true }
"#;

/// The officers' keys, by name.
pub struct Keys(BTreeMap<String, LocalSigner>);

impl Keys {
    pub fn of(&self, officer: &str) -> &LocalSigner {
        &self.0[officer]
    }
}

pub struct World {
    pub policies: Policies,
    pub membership: Membership,
    /// What marks are read by; the shipped register unless a test sets another.
    pub register: &'static Register,
    pub keys: Keys,
    pub officers: BTreeMap<String, Officer>,
    pub partner: Partner,
    pub terms: Terms,
    pub cuts: BTreeMap<PartnerId, Outline>,
    pub enrolments: BTreeMap<PartnerId, Enrolment>,
    /// The agreement that the roster has for this partner, if it is another than the partner itself says.
    pub other_agreement: Option<Digest>,
    pub cut: Cut,
    pub product: Described,
    /// The consents on record.
    pub consents: Vec<SourceConsent>,
    pub inspected: Option<Inspected>,
    pub approvals: Vec<Vec<u8>>,
    /// What is on record as the signed submission; what the submitter would sign now, if `None`.
    pub submission: Option<Vec<u8>>,
    pub record: Option<Record>,
    /// What the node signed of what was sealed under that record, and its key.
    pub manifest: Option<Signed<Manifest>>,
    pub node_key: LocalSigner,
    pub stage: Stage,
    pub now: Time,
    pub clock_in_doubt: bool,
}

pub fn key() -> LocalSigner {
    LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap()
}

pub fn partner(id: &str, agreement: &str) -> Partner {
    let description = Description {
        format: Description::FORMAT.into(),
        node: id.parse().unwrap(),
        name: "EXERCISE partner".into(),
        code: "GBR".into(),
        addresses: vec![],
        profile: "cnsa2".into(),
        ca_certificate: String::new(),
        revocation_list: String::new(),
        signing_key: key().public().clone(),
        ledger_key: String::new(),
        payload_recipient: "age1exercise".into(),
        contact: "EXERCISE".into(),
    };
    let agreement = Agreement::parse(agreement).unwrap();
    Partner { id: id.parse().unwrap(), description: description.into(), agreement, standing: Standing::Active }
}

impl World {
    /// Two disclosure officers have approved the one cut for the one partner; stage [`Stage::Approve`].
    pub fn new() -> World {
        World::with_product(PRODUCT, AGREEMENT)
    }

    pub fn with_product(product: &str, agreement: &str) -> World {
        World::with_consents(product, agreement, vec![])
    }

    /// The same with consents on record, all of which the cut names; each is taken to cover it while the cut is made.
    pub fn with_consents(product: &str, agreement: &str, consents: Vec<SourceConsent>) -> World {
        let register = Register::compiled_in();
        let partner = partner("exercise-gbr", agreement);
        let bounds = Bounds::default();
        let product = Product::read(product.as_bytes(), &bounds, register).unwrap_or_else(|e| panic!("{e:?}"));
        let given = portcullis::marking::BY_CONSENT.iter().filter(|_| !consents.is_empty());
        let link = partner.agreement.link_rights_with(given.map(|name| (*name).to_owned()));
        let terms = cut::Terms { attachments: partner.agreement.attachments.clone() };
        let cut = cut::cut_for(&product, &link, &terms, 0, &bounds, register).unwrap();
        let source =
            inspect::Source { product: &product, tearline: cut.tearline_index().unwrap(), register, link: &link };
        let inspected = inspect::outbound(&cut, source, &NoContents, &inspect::Settings::default()).unwrap();
        let outline = Outline {
            consents: consents.iter().map(SourceConsent::digest).collect(),
            ..Outline::of(&cut, inspected.shared())
        };
        let cuts = BTreeMap::from([(partner.id.clone(), outline)]);
        let enrolments = BTreeMap::from([(partner.id.clone(), Enrolment::of(&partner))]);
        let mut world = World {
            policies: Policies::shipped().unwrap(),
            membership: Membership::shipped().unwrap(),
            register,
            keys: Keys(BTreeMap::new()),
            officers: BTreeMap::new(),
            partner,
            terms: terms_of_request(),
            cuts,
            enrolments,
            other_agreement: None,
            cut,
            product: Described::of(&product),
            consents,
            inspected: Some(inspected),
            approvals: vec![],
            submission: None,
            record: None,
            manifest: None,
            node_key: key(),
            stage: Stage::Approve,
            now: NOW,
            clock_in_doubt: false,
        };
        world.enrol("officer-one", &[Role::DisclosureOfficer]);
        world.enrol("officer-two", &[Role::DisclosureOfficer]);
        world.enrol("officer-senior", &[Role::DisclosureOfficer, Role::SeniorDisclosureOfficer]);
        world.enrol("officer-public", &[Role::ReleaseToPublic]);
        world.enrol("exercise-analyst", &[Role::Originator, Role::DisclosureOfficer]);
        world.approve("officer-one", Role::DisclosureOfficer);
        world.approve("officer-two", Role::DisclosureOfficer);
        world
    }

    pub fn enrol(&mut self, id: &str, roles: &[Role]) {
        let signer = key();
        let officer = Officer {
            id: id.parse().unwrap(),
            name: format!("EXERCISE {id}"),
            keys: vec![signer.public().clone()],
            roles: roles.iter().copied().collect(),
            state: OfficerState::Active,
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            valid_until: "2027-06-01T00:00:00Z".parse().unwrap(),
            declared: Default::default(),
        };
        self.officers.insert(id.into(), officer);
        self.keys.0.insert(id.into(), signer);
    }

    /// What the partners are enrolled with, this one's agreement as it stands now.
    pub fn enrolled(&self) -> BTreeMap<PartnerId, Enrolment> {
        let mut enrolments = self.enrolments.clone();
        if let Some(own) = enrolments.get_mut(&self.partner.id) {
            own.agreement = self.other_agreement.unwrap_or_else(|| self.partner.agreement.digest());
        }
        enrolments
    }

    /// What the submitter would sign now.
    pub fn submission(&self) -> Submission {
        Submission {
            node: NODE.parse().unwrap(),
            instance: instance(),
            product: self.product.digest,
            partners: self.cuts.keys().cloned().chain([self.partner.id.clone()]).collect(),
            from_tearline: 0,
            terms: self.terms.clone(),
            given_at: self.now.minus(std::time::Duration::from_secs(60)),
        }
    }

    /// Signs a submission as `officer`, whoever it names.
    pub fn submit(&self, submission: Submission, officer: &str) -> Vec<u8> {
        Signed::sign(submission, self.keys.of(officer)).unwrap().bytes().to_vec()
    }

    /// The approvals on file given anew, on everything as it stands now.
    pub fn approve_again(&mut self) {
        self.approvals.clear();
        self.approve("officer-one", Role::DisclosureOfficer);
        self.approve("officer-two", Role::DisclosureOfficer);
    }

    /// What `officer` would sign now.
    pub fn statement(&self, officer: &str, role: Role) -> Approval {
        Approval {
            terms: self.terms.clone(),
            cuts: Approval::cuts_of(&self.cuts, &self.enrolled()),
            policy: self.policies.digest(),
            register: Digest::from_bytes(self.register.digest()),
            officer: officer.parse().unwrap(),
            role,
            given_at: self.now.minus(std::time::Duration::from_secs(60)),
            nonce: [self.approvals.len() as u8; 16],
            instance: instance(),
        }
    }

    pub fn sign(&self, statement: Approval) -> Vec<u8> {
        let officer = statement.officer.to_string();
        Signed::sign(statement, self.keys.of(&officer)).unwrap().bytes().to_vec()
    }

    pub fn approve(&mut self, officer: &str, role: Role) {
        let signed = self.sign(self.statement(officer, role));
        self.approvals.push(signed);
    }

    pub fn officer(&mut self, id: &str) -> &mut Officer {
        self.officers.get_mut(id).unwrap()
    }

    pub fn decide(&self) -> Decision {
        self.on_proposal(release::decide)
    }

    /// What would be decided if approvals that name these named this world's policy and register.
    pub fn what_if(&self, given_under: (Digest, Digest)) -> WhatIf {
        self.on_proposal(|proposal| release::what_if(proposal, given_under))
    }

    fn on_proposal<T>(&self, ask: impl Fn(&DecisionInput<'_>) -> T) -> T {
        let officers = Officers::new(self.officers.values().cloned()).unwrap();
        let enrolments = self.enrolled();
        let submission = self.submission.clone().unwrap_or_else(|| self.submit(self.submission(), "exercise-analyst"));
        let node = NODE.parse().unwrap();
        let sealed = self.record.as_ref().map(|record| self.sealed(self.manifest_of(record)));
        let sealed = self.manifest.as_ref().or(sealed.as_ref());
        let evidence = match self.record.as_ref().zip(sealed) {
            Some((record, manifest)) => Evidence::Sealed(record, manifest),
            None => Evidence::Cut(&self.cut, self.inspected.as_ref()),
        };
        ask(&DecisionInput {
            stage: self.stage,
            partner: &self.partner,
            terms: &self.terms,
            submission: &submission,
            submitted: Submitted { node: &node, instance: instance(), product: self.product.digest },
            cuts: &self.cuts,
            enrolments: &enrolments,
            product: &self.product,
            consents: &self.consents,
            evidence,
            approvals: &self.approvals,
            officers: &officers,
            policies: &self.policies,
            membership: &self.membership,
            register: self.register,
            now: self.now,
            clock_in_doubt: self.clock_in_doubt,
        })
    }

    pub fn release(&self) -> Release {
        self.decide().release().unwrap_or_else(|reasons| panic!("refused: {reasons:#?}"))
    }

    /// The same question, asked again before the first byte leaves.
    pub fn at_sending(mut self) -> World {
        let record = self.release().record().clone();
        self.manifest = Some(self.sealed(self.manifest_of(&record)));
        self.record = Some(record);
        self.stage = Stage::Send;
        self
    }

    /// What the node says of what was sealed under a release.
    pub fn manifest_of(&self, record: &Record) -> Manifest {
        Manifest {
            version: Manifest::VERSION,
            exchange: ExchangeId::new(NOW, [5; 10]),
            kind: Kind::Product,
            sender: NODE.parse().unwrap(),
            recipient: record.partner.clone().into(),
            marking: record.cut.marking.clone(),
            cut_digest: record.cut.digest,
            payload_digest: Digest::of(b"EXERCISE sealed payload"),
            payload_size: 23,
            precedence: self.terms.precedence,
            sealed_at_ms: NOW.unix_ms(),
            expires_at_ms: record.expires_ms,
            about: None,
            formats: None,
            header: Some(Header::new(*b"EXERCISE header").unwrap().commitment()),
            opening: OpeningProof::from_digest(Digest::of(b"EXERCISE proof")).commitment(),
        }
    }

    /// The same, signed by the node.
    pub fn sealed(&self, manifest: Manifest) -> Signed<Manifest> {
        Signed::sign(manifest, &self.node_key).unwrap()
    }

    pub fn send(&self) -> SendPermit {
        self.decide().send().unwrap_or_else(|reasons| panic!("refused: {reasons:#?}"))
    }

    /// The codes of every reason, after checking that the decision refuses.
    pub fn refused(&self) -> Vec<String> {
        let decision = self.decide();
        assert!(!decision.permits(), "permitted: {:#?}", decision.reasons);
        assert!(!decision.reasons.is_empty(), "refused without a reason");
        decision.reasons.into_iter().map(|r| r.code).collect()
    }
}

pub fn terms_of_request() -> Terms {
    Terms {
        request: RequestId::new(NOW, [7; 10]),
        submitter: "exercise-analyst".parse::<OfficerId>().unwrap(),
        originator: "EXERCISE DESK".into(),
        purpose: "EXERCISE: show that a release works".into(),
        legal_basis: "EXERCISE AUTHORITY".into(),
        policy_basis: "EXERCISE-AGREEMENT-1".into(),
        expires: "2026-11-30T12:00:00Z".parse().unwrap(),
        objective: None,
        engages: false,
        supports_outcome: false,
        precedence: portcullis::envelope::Precedence::Routine,
        supersedes: None,
    }
}
