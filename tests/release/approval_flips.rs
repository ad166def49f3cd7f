//! Every field of an approved statement is flipped, one at a time, by a generator that walks the statement's CBOR: a
//! field that is added later is flipped without anyone remembering to.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use portcullis::approval::{Approval, Enrolment, ReceivedContent, Role, Terms};
use portcullis::digest;
use portcullis::ident::ExchangeId;
use portcullis::inspect::{Place, SharedRun};
use portcullis::partner::Description;
use portcullis::product::PortionKind;

use crate::support::{self, World};

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Node>),
    Map(Vec<(u64, Node)>),
}

fn read(d: &mut Decoder<'_>) -> Node {
    match d.datatype().unwrap() {
        Type::Map => {
            let n = d.map().unwrap().unwrap();
            Node::Map((0..n).map(|_| (d.u64().unwrap(), read(d))).collect())
        }
        Type::Array => {
            let n = d.array().unwrap().unwrap();
            Node::Array((0..n).map(|_| read(d)).collect())
        }
        Type::String => Node::Text(d.str().unwrap().into()),
        Type::Bytes => Node::Bytes(d.bytes().unwrap().into()),
        Type::Bool => Node::Bool(d.bool().unwrap()),
        _ => Node::Int(d.i64().unwrap()),
    }
}

fn write(node: &Node, e: &mut Encoder<Vec<u8>>) {
    match node {
        Node::Int(n) => e.i64(*n).map(|_| ()).unwrap(),
        Node::Bool(b) => e.bool(*b).map(|_| ()).unwrap(),
        Node::Text(t) => e.str(t).map(|_| ()).unwrap(),
        Node::Bytes(b) => e.bytes(b).map(|_| ()).unwrap(),
        Node::Array(items) => {
            e.array(items.len() as u64).unwrap();
            items.iter().for_each(|i| write(i, e));
        }
        Node::Map(pairs) => {
            e.map(pairs.len() as u64).unwrap();
            for (key, value) in pairs {
                e.u64(*key).unwrap();
                write(value, e);
            }
        }
    }
}

/// Every tree that differs from `node` in one place, with the path of map keys and positions to that place.
fn flips(node: &Node) -> Vec<(Vec<u64>, Node)> {
    let leaf = |n: Node| vec![(vec![], n)];
    match node {
        Node::Int(n) => [n + 1, n - 1].into_iter().map(|n| (vec![], Node::Int(n))).collect(),
        Node::Bool(b) => leaf(Node::Bool(!b)),
        Node::Text(t) => text_flips(t).into_iter().map(|t| (vec![], Node::Text(t))).collect(),
        Node::Bytes(b) => (0..b.len() * 8)
            .map(|bit| {
                let mut b = b.clone();
                b[bit / 8] ^= 1 << (bit % 8);
                (vec![], Node::Bytes(b))
            })
            .collect(),
        Node::Array(items) => {
            let mut all = Vec::new();
            for (i, item) in items.iter().enumerate() {
                for (mut path, flipped) in flips(item) {
                    path.insert(0, i as u64);
                    let mut items = items.clone();
                    items[i] = flipped;
                    all.push((path, Node::Array(items)));
                }
                let mut fewer = items.clone();
                fewer.remove(i);
                all.push((vec![i as u64], Node::Array(fewer)));
                let mut more = items.clone();
                more.insert(i, item.clone());
                all.push((vec![i as u64], Node::Array(more)));
            }
            if items.is_empty() {
                all.extend(items_of_any_list().into_iter().map(|item| (vec![0], Node::Array(vec![item]))));
            }
            all
        }
        Node::Map(pairs) => {
            let mut all = Vec::new();
            for (i, (key, value)) in pairs.iter().enumerate() {
                for (mut path, flipped) in flips(value) {
                    path.insert(0, *key);
                    let mut pairs = pairs.clone();
                    pairs[i].1 = flipped;
                    all.push((path, Node::Map(pairs)));
                }
                let mut fewer = pairs.clone();
                fewer.remove(i);
                all.push((vec![*key], Node::Map(fewer)));
            }
            all
        }
    }
}

/// An item for every kind of list that a statement may have; those that do not fit cannot be decoded.
fn items_of_any_list() -> [Node; 4] {
    let place = Place { part: PortionKind::Paragraph, number: 1, line: 9 };
    let shared = SharedRun {
        place,
        marking: "(S//REL TO USA, GBR)".into(),
        tearline: 1,
        source: place,
        source_marking: "(S//NF)".into(),
        words: 8,
    };
    let received = ReceivedContent {
        partner: "exercise-deu".parse().unwrap(),
        code: "DEU".into(),
        exchange: ExchangeId::new(support::NOW, [1; 10]),
        place: "paragraph 1".into(),
        whole: false,
        words: 9,
        places: 1,
    };
    [Node::Text("text/plain".into()), Node::Bytes(vec![7; 32]), tree(&shared), tree(&received)]
}

/// The text longer, shorter, and with each of its characters replaced by another of its kind.
fn text_flips(text: &str) -> Vec<String> {
    let mut all = vec![format!("{text}x"), text[..text.len().saturating_sub(1)].to_owned()];
    for (i, c) in text.char_indices() {
        let other = match c {
            'a'..='y' | 'A'..='Y' | '0'..='8' => char::from(c as u8 + 1),
            _ => 'a',
        };
        all.push(format!("{}{other}{}", &text[..i], &text[i + c.len_utf8()..]));
    }
    all
}

fn tree<T: minicbor::Encode<()>>(value: &T) -> Node {
    read(&mut Decoder::new(&digest::encode(value)))
}

fn bytes(node: &Node) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    write(node, &mut e);
    e.into_writer()
}

/// The path of every field and of every item of every list in a tree.
fn places(node: &Node) -> Vec<Vec<u64>> {
    let children: Vec<(u64, &Node)> = match node {
        Node::Array(items) => items.iter().enumerate().map(|(i, item)| (i as u64, item)).collect(),
        Node::Map(pairs) => pairs.iter().map(|(key, value)| (*key, value)).collect(),
        _ => return vec![],
    };
    let mut all = Vec::new();
    for (key, child) in children {
        all.push(vec![key]);
        all.extend(places(child).into_iter().map(|mut path| {
            path.insert(0, key);
            path
        }));
    }
    all
}

/// With every optional field present, so that it can be flipped.
fn world() -> World {
    let mut world = World::new();
    world.terms.objective = Some("exercise-objective".into());
    world.terms.supersedes = Some(portcullis::ident::RequestId::new(support::NOW, [3; 10]));
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world
}

// The two fields that do not describe what is approved: the time and the random bytes. `given_at` is refused if it is in the future.
const GIVEN_AT: u64 = 6;
const NONCE: u64 = 7;

#[test]
fn refuses_each_field_of_an_approval_flipped_even_when_signed_again() {
    let mut world = world();
    let statement = world.statement("officer-two", Role::DisclosureOfficer);
    world.approvals.push(world.sign(statement.clone()));
    world.release();
    let tree = tree(&statement);
    let (mut tried, mut flipped_at) = (0, std::collections::BTreeSet::new());
    for (path, flipped) in flips(&tree) {
        // What cannot be decoded as an approval cannot be signed as one.
        let Ok(flipped) = digest::decode::<Approval>(&bytes(&flipped)) else { continue };
        if path[0] == GIVEN_AT || path[0] == NONCE {
            continue;
        }
        let signer = world.keys.of("officer-two");
        let signed = portcullis::sign::Signed::sign(flipped, signer).unwrap();
        *world.approvals.last_mut().unwrap() = signed.bytes().to_vec();
        assert!(!world.decide().permits(), "permitted with {path:?} flipped");
        tried += 1;
        flipped_at.extend((1..=path.len()).map(|n| path[..n].to_vec()));
    }
    assert!(tried > 500, "only {tried} flips were tried");
    // Every field of the statement was flipped, including any that is added later.
    for place in places(&tree).into_iter().filter(|p| p[0] != GIVEN_AT && p[0] != NONCE) {
        assert!(flipped_at.contains(&place), "what is at {place:?} was never flipped");
    }
    // An absent field is flipped to being present.
    for place in [
        vec![0, 8],
        vec![0, 9],
        vec![0, 10],
        vec![0, 11],
        vec![1, 0, 1, 6],
        vec![1, 0, 1, 9, 0],
        vec![1, 0, 2],
        vec![1, 0, 3],
    ] {
        assert!(flipped_at.contains(&place), "the statement has nothing at {place:?}");
    }
}

#[test]
fn refuses_each_bit_of_a_signed_approval_flipped() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
    let good = world.approvals.pop().unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        world.approvals.push(bad);
        assert!(!world.decide().permits(), "permitted with bit {bit} flipped");
        world.approvals.pop();
    }
}

#[test]
fn refuses_when_the_request_changes_after_approval() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
    let approved = world.terms.clone();
    let mut tried = 0;
    for (path, flipped) in flips(&tree(&approved)) {
        let Ok(flipped) = digest::decode::<Terms>(&bytes(&flipped)) else { continue };
        world.terms = flipped;
        assert!(!world.decide().permits(), "permitted with {path:?} of the request changed");
        tried += 1;
    }
    assert!(tried > 100);
}

#[test]
fn refuses_when_the_cut_changes_after_approval() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    let mut world = world.at_sending();
    world.send();
    let (partner, approved) = world.cuts.pop_first().unwrap();
    for (path, flipped) in flips(&tree(&approved)) {
        let Ok(flipped) = digest::decode(&bytes(&flipped)) else { continue };
        world.cuts.insert(partner.clone(), flipped);
        // An attacker who changes the outline also changes the record of release; only the signatures detect it.
        world.record.as_mut().unwrap().cut = world.cuts[&partner].clone();
        assert!(!world.decide().permits(), "permitted with {path:?} of the cut changed");
    }
}

#[test]
fn refuses_when_a_partner_joins_or_leaves_the_request_after_approval() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
    let outline = world.cuts.values().next().unwrap().clone();
    world.cuts.insert("exercise-fra".parse().unwrap(), outline);
    assert!(!world.decide().permits());
    // Nobody can approve for a partner that is not enrolled.
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    assert!(!world.decide().permits());
    world.enrolments.insert("exercise-fra".parse().unwrap(), Enrolment::of(&world.partner));
    world.approvals.clear();
    world.approve("officer-one", Role::DisclosureOfficer);
    world.approve("officer-two", Role::DisclosureOfficer);
    world.release();
    world.cuts.pop_last();
    assert!(!world.decide().permits());
}

/// The partner's description with something of it changed.
fn describe(world: &mut World, change: impl FnOnce(&mut Description)) {
    let mut description = Description::clone(&world.partner.description);
    change(&mut description);
    world.partner.description = description.into();
}

#[test]
fn refuses_when_the_partner_is_enrolled_anew_with_other_keys_after_approval() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    let mut world = world.at_sending();
    world.send();
    describe(&mut world, |description| description.payload_recipient = "age1somebody-else".into());
    // Whether the shell notices or not, nothing is sent.
    assert!(!world.decide().permits());
    let then = world.enrolments.insert(world.partner.id.clone(), Enrolment::of(&world.partner)).unwrap();
    assert!(!world.decide().permits());
    assert!(
        world
            .decide()
            .void
            .iter()
            .any(|v| v.reasons.iter().any(|r| r.to_string().contains("was enrolled again after the approval")))
    );
    describe(&mut world, |description| description.payload_recipient = "age1exercise".into());
    world.enrolments.insert(world.partner.id.clone(), then);
    world.send();
}

#[test]
fn addresses_and_revocation_lists_change_without_voiding_an_approval() {
    let mut world = world();
    world.approve("officer-two", Role::DisclosureOfficer);
    describe(&mut world, |description| {
        description.addresses = vec!["exercise.invalid:1".into()];
        description.revocation_list = "EXERCISE newer list".into();
    });
    world.release();
}
