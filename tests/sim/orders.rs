//! Stop orders of every kind, given at any step of a transfer, as the commands that give them put them on record; and
//! what is on record of them.

use std::sync::Arc;

use portcullis::change::PolicyTexts;
use portcullis::envelope::RecallCode;
use portcullis::gateway::{Node, RecallOf};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::{Entry, EntryKind};
use portcullis::store::*;

use super::exec::{Rng, WORLD};
use super::memory::Durable;
use super::template::template;
use super::world::Sim;

/// What stops a transfer; besides these there is expiry, which nobody orders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Order {
    Refuse,
    Recall,
    Revoke,
    Suspend,
    Agreement,
    Policy,
    Clock,
}

impl Order {
    pub const ALL: [Order; 7] =
        [Order::Refuse, Order::Recall, Order::Revoke, Order::Suspend, Order::Agreement, Order::Policy, Order::Clock];

    /// Whether it is taken back after a while, as suspensions, closed agreements and doubts about a clock are.
    fn passes(self) -> bool {
        matches!(self, Order::Suspend | Order::Agreement | Order::Clock)
    }
}

/// Which orders a run gives, and how often at a step.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    kinds: Vec<Order>,
    one_in: u64,
    left: u32,
}

impl Orders {
    /// Draws them: none in one run of three, of the others one or two kinds, a few times.
    pub fn draw(rng: &mut Rng) -> Orders {
        let kinds = (0..rng.below(3)).map(|_| Order::ALL[rng.below(Order::ALL.len() as u64) as usize]).collect();
        Orders { kinds, one_in: 3 + rng.below(20), left: 1 + rng.below(4) as u32 }
    }

    /// These and no others, again and again: some of them when the key has left and the receipt is on its way.
    pub fn of(kinds: &[Order]) -> Orders {
        Orders { kinds: kinds.to_vec(), one_in: 10, left: 50 }
    }

    /// The order that is given at this step, if one is.
    pub fn at_a_step(&mut self, rng: &mut Rng) -> Option<Order> {
        if self.kinds.is_empty() || self.left == 0 || !rng.one_in(self.one_in) {
            return None;
        }
        self.left -= 1;
        Some(self.kinds[rng.below(self.kinds.len() as u64) as usize])
    }
}

impl Sim {
    /// Has a node's people stop what is being sent, and take that back after a while where it passes.
    pub fn give(self: &Arc<Self>, at: usize, id: ExchangeId, order: Order) {
        let Some(node) = self.node(at) else { return };
        self.watch.note(self.exec.now(), &format!("{order:?} {at} {id}"));
        let Some(row) = self.row(at, &id) else { return };
        let partner = row.partner.clone();
        self.exec.spawn(at, async move { put(&node, &row, order).await });
        if order.passes() {
            let (sim, wait) = (self.clone(), self.draw(1000, 20_000));
            self.exec.spawn(WORLD, async move {
                sim.exec.sleep(wait).await;
                sim.take_back(at, &partner, order);
            });
        }
    }

    /// Takes back whatever passes and is still on record.
    pub fn reconsider(self: &Arc<Self>, at: usize) {
        let Some(node) = self.node(at) else { return };
        self.exec.spawn(at, async move {
            if node.clock_doubt().await.is_ok_and(|doubt| doubt.is_some()) {
                clock(&node, true).await;
            }
            for partner in node.store().partners().await.unwrap_or_default() {
                agreement(&node, &partner.id, true).await;
            }
        });
    }

    /// Takes back what passes.
    pub fn take_back(self: &Arc<Self>, at: usize, partner: &PartnerId, order: Order) {
        let (Some(node), partner) = (self.node(at), partner.clone()) else { return };
        self.exec.spawn(at, async move {
            match order {
                Order::Suspend => standing(&node, &partner, PartnerState::Active).await,
                Order::Agreement => agreement(&node, &partner, true).await,
                Order::Clock => clock(&node, true).await,
                _ => {}
            }
        });
    }
}

/// Puts an order on record. One that cannot be given as things stand is not.
async fn put(node: &Node, row: &Exchange, order: Order) {
    let officer = &*template().officers[1];
    match order {
        Order::Refuse => {
            if let Some(request) = row.request {
                let _ = node.refuse(&request, "EXERCISE", officer).await;
            }
        }
        Order::Recall => drop(node.recall(RecallOf::Exchange(row.id), RecallCode::Other, officer).await),
        Order::Revoke => drop(node.revoke_officer(&"officer-1".parse().expect("a name"), "EXERCISE").await),
        Order::Suspend => standing(node, &row.partner, PartnerState::Suspended).await,
        Order::Agreement => agreement(node, &row.partner, false).await,
        Order::Policy => policy(node).await,
        Order::Clock => clock(node, false).await,
    }
}

/// What two officers' change of an agreement leaves on record: nothing may be sent any more, or it may again.
async fn agreement(node: &Node, partner: &PartnerId, open: bool) {
    let Ok(Some(mut row)) = node.store().partner(partner).await else { return };
    let text = String::from_utf8(row.agreement.clone()).expect("an agreement's text");
    let (from, to) = if open { ("send = false", "send = true") } else { ("send = true", "send = false") };
    if !text.contains(from) {
        return;
    }
    row.agreement = text.replace(from, to).into_bytes();
    row.changed = node.now();
    let entry = Entry::new(node.now(), EntryKind::PartnerChanged, partner, "operator").with("sends", open);
    let _ = node.store().commit(Commit::new().change(row).entry(entry)).await;
}

/// What a change of the policy leaves on record: a rule with another comment is another rule.
async fn policy(node: &Node) {
    let Ok(Some(mut row)) = node.store().setting("policy.texts").await else { return };
    let texts = PolicyTexts::from_bytes(&row.value).expect("texts on record");
    let changed = texts.iter().map(|(name, text)| {
        let more = if name == PolicyTexts::RULES { "\n// EXERCISE: changed.\n" } else { "" };
        (name.to_owned(), format!("{text}{more}"))
    });
    let texts = PolicyTexts::new(changed).expect("texts of a policy");
    let entry =
        Entry::new(node.now(), EntryKind::PolicyChanged, "policy.texts", "operator").with("after", texts.digest());
    row.value = texts.to_bytes();
    row.changed = node.now();
    let _ = node.store().commit(Commit::new().change(row).entry(entry)).await;
}

/// What a partner's suspension leaves on record, or its end.
async fn standing(node: &Node, partner: &PartnerId, state: PartnerState) {
    let Ok(Some(row)) = node.store().partner(partner).await else { return };
    let kind = match state {
        PartnerState::Active => EntryKind::PartnerResumed,
        PartnerState::Suspended => EntryKind::PartnerSuspended,
        PartnerState::Removed => EntryKind::PartnerRemoved,
    };
    let row = Partner { state, changed: node.now(), ..row };
    let entry = Entry::new(node.now(), kind, partner, "operator").with("why", "EXERCISE");
    let _ = node.store().commit(Commit::new().change(row).entry(entry)).await;
}

/// What a server puts on record that finds that its clock was set, or people who accept it.
async fn clock(node: &Node, accepted: bool) {
    let (Ok(row), now) = (node.store().setting("clock").await, node.now()) else { return };
    let version = row.map_or(Version::NEW, |row| row.version);
    let value = if accepted { b"accepted".to_vec() } else { b"doubted: EXERCISE".to_vec() };
    let row = Setting { name: "clock".into(), value, changed: now, version };
    let commit = Commit::new().change(row);
    let commit = match accepted {
        true => commit
            .change(TrafficChange::AcceptClock { now })
            .entry(Entry::new(now, EntryKind::SettingChanged, "clock", "operator").with("clock", "accepted")),
        false => commit.entry(Entry::new(now, EntryKind::Alarm, "clock", "gateway").with("set", "EXERCISE")),
    };
    let _ = node.store().commit(commit).await;
}

/// Which order was on record, and not taken back, before the last entry of this kind about an exchange; `None` if none
/// was.
pub fn stopped_before(record: &Durable, id: &ExchangeId, kind: EntryKind) -> Option<&'static str> {
    let subject = id.to_string();
    let entries: Vec<&Entry> = record.entries.iter().map(|(entry, _)| entry).collect();
    let sent = entries.iter().rposition(|e| e.kind() == kind && e.subject() == subject)?;
    let row = record.exchange(id)?;
    let (partner, request) = (row.partner.to_string(), row.request.map(|id| id.to_string()).unwrap_or_default());
    let mut standing: [(bool, &'static str); 7] = [
        (false, "a refusal"),
        (false, "a recall"),
        (false, "a revocation"),
        (false, "a suspension"),
        (false, "a change of the agreement"),
        (false, "a change of policy"),
        (false, "a doubt about the clock"),
    ];
    // The first policy is put on record with the node.
    let mut policies = 0;
    for entry in &entries[..sent] {
        let (kind, about) = (entry.kind(), entry.subject());
        match kind {
            EntryKind::RequestRefused if about == request => standing[0].0 = true,
            EntryKind::RequestRecalled if about == request => standing[1].0 = true,
            EntryKind::ExchangeRecalled if about == subject => standing[1].0 = true,
            EntryKind::OfficerRevoked => standing[2].0 = true,
            EntryKind::PartnerSuspended if about == partner => standing[3].0 = true,
            EntryKind::PartnerResumed if about == partner => standing[3].0 = false,
            EntryKind::PartnerChanged if about == partner => {
                standing[4].0 = entry.detail().get("sends").is_some_and(|sends| sends == "false");
            }
            EntryKind::PolicyChanged if about == "policy.texts" => {
                policies += 1;
                standing[5].0 = policies > 1;
            }
            EntryKind::Alarm if about == "clock" => standing[6].0 = true,
            EntryKind::SettingChanged if about == "clock" => standing[6].0 = false,
            _ => {}
        }
    }
    standing.into_iter().find(|(stands, _)| *stands).map(|(_, what)| what)
}
