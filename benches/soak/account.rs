//! The account after a run: what both nodes' records say, held against what was submitted.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::ledger::{LedgerKey, SignedCheckpoint};
use rusqlite::{Connection, Row};

use crate::support::{Node, block_on};

/// What was found.
#[derive(Default)]
pub struct Account {
    pub delivered: usize,
    pub lost: usize,
    pub duplicated: usize,
    pub against_policy: usize,
    pub unlogged: usize,
    pub ledgers_agree: bool,
    pub entries: u64,
    /// The first few things that were wrong.
    pub faults: Vec<String>,
}

/// How many outbound exchanges of a running node are delivered.
pub fn delivered(node: &Node) -> usize {
    let sql = "SELECT count(*) FROM exchange WHERE direction = 'out' AND state = 'delivered' \
               AND partner = 'exercise-gbr'";
    query(node, sql, |row| row.get_unwrap::<_, i64>(0)).first().map_or(0, |n| usize::try_from(*n).unwrap_or(0))
}

/// Outbound exchanges that wait for an operator.
pub fn parked(node: &Node) -> Vec<String> {
    query(node, "SELECT id FROM exchange WHERE direction = 'out' AND state = 'parked'", |row| row.get_unwrap(0))
}

pub fn query<T>(node: &Node, sql: &str, read: impl Fn(&Row<'_>) -> T) -> Vec<T> {
    let connection = Connection::open(node.folder.join("store/portcullis.db")).expect("the node's database");
    connection.pragma_update(None, "query_only", true).expect("a setting");
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map((), |row| Ok(read(row))).expect("an answer");
    rows.collect::<Result<_, _>>().expect("a row")
}

impl Account {
    /// Goes over the records of both nodes, which are stopped.
    pub fn of(us: &Node, them: &Node, released: &BTreeSet<String>, withheld: &BTreeSet<String>) -> Account {
        let mut account = Account { ledgers_agree: true, ..Account::default() };
        type Receipts = BTreeMap<String, Option<Vec<u8>>>;
        let receipts = |node, sql| -> Receipts {
            query(node, sql, |row| (row.get_unwrap(0), row.get_unwrap(1))).into_iter().collect()
        };
        let sent =
            receipts(us, "SELECT id, receipt FROM whole_exchange WHERE direction = 'out' AND state = 'delivered'");
        let came = receipts(
            them,
            "SELECT id, receipt FROM whole_exchange WHERE direction = 'in' AND state IN ('received', 'taken', 'quarantined')",
        );
        for exchange in released {
            match (sent.get(exchange), came.get(exchange)) {
                (Some(ours), Some(theirs)) if ours == theirs && ours.is_some() => account.delivered += 1,
                (Some(_), Some(_)) => {
                    account.ledgers_agree = false;
                    account.fault(format!("{exchange}: the two sides hold different receipts"));
                }
                (ours, theirs) => {
                    account.lost += 1;
                    account.fault(format!("{exchange}: sent {}, came {}", ours.is_some(), theirs.is_some()));
                }
            }
        }
        for exchange in came.keys().filter(|exchange| !released.contains(*exchange)) {
            account.against_policy += 1;
            let why = if withheld.contains(exchange) { "was approved once only" } else { "was never released" };
            account.fault(format!("{exchange} is in the partner's inbox and {why}"));
        }
        account.count_doubles(them);
        account.count_unlogged(us, them);
        account.check_ledgers(us, them);
        account
    }

    fn fault(&mut self, what: String) {
        if self.faults.len() < 20 {
            self.faults.push(what);
        }
    }

    /// What came into the inbox more than once, by its number or by what it is.
    fn count_doubles(&mut self, them: &Node) {
        let twice = query(
            them,
            "SELECT subject FROM ledger WHERE kind = 'exchange.received' GROUP BY subject HAVING count(*) > 1 \
             UNION ALL SELECT product_id FROM exchange WHERE direction = 'in' AND state = 'received' \
             GROUP BY product_id HAVING count(*) > 1",
            |row| row.get_unwrap::<_, String>(0),
        );
        self.duplicated = twice.len();
        twice.into_iter().for_each(|what| self.fault(format!("{what} was received twice")));
    }

    /// Steps that were taken and have no entry of their own.
    fn count_unlogged(&mut self, us: &Node, them: &Node) {
        let sent = query(
            us,
            "SELECT id FROM exchange WHERE direction = 'out' AND kind = 'product' AND state = 'delivered' AND NOT ( \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'exchange.requested') AND \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'release.decided') AND \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'exchange.offered') AND \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'exchange.delivered') AND \
             (SELECT count(*) FROM ledger WHERE subject = id AND kind = 'approval.given') >= 2)",
            |row| row.get_unwrap::<_, String>(0),
        );
        let came = query(
            them,
            "SELECT id FROM exchange WHERE direction = 'in' AND state = 'received' AND NOT ( \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'exchange.receiving') AND \
             EXISTS (SELECT 1 FROM ledger WHERE subject = id AND kind = 'exchange.received') AND \
             (SELECT count(*) FROM ledger WHERE subject = id AND kind = 'exchange.receipted') = 1)",
            |row| row.get_unwrap::<_, String>(0),
        );
        self.unlogged = sent.len() + came.len();
        sent.into_iter().chain(came).for_each(|what| self.fault(format!("{what} has steps without an entry")));
    }

    /// Both ledgers hold, rows and all, and every head that one side has of the other is one it still grows from.
    fn check_ledgers(&mut self, us: &Node, them: &Node) {
        for node in [us, them] {
            let verified = node.run(&["ledger", "verify"]);
            if verified.status != 0 {
                self.ledgers_agree = false;
                self.fault(format!("ledger of {}: {}{}", node.name, verified.stdout, verified.stderr));
            }
        }
        let seen = query(
            us,
            &format!(
                "SELECT DISTINCT partner_checkpoint FROM whole_exchange \
                 WHERE direction = 'out' AND partner = '{}' AND partner_checkpoint IS NOT NULL",
                them.name
            ),
            |row| row.get_unwrap::<_, String>(0),
        );
        let opened = them.open();
        let disagreeing = block_on(async {
            let key: LedgerKey = opened.store().node().await.expect("a node").ledger_key;
            let head = opened.store().head().await.expect("a head");
            let mut disagreeing = Vec::new();
            for text in seen {
                let Ok(then) = SignedCheckpoint::verify(&text, &key) else {
                    disagreeing.push("a head that was never signed".to_owned());
                    continue;
                };
                let proof = opened.store().prove_consistency(then.size(), &head).await;
                let holds = proof.is_ok_and(|proof| {
                    proof.check_consistency(then.size(), then.root(), head.size(), head.root()).is_ok()
                });
                if !holds {
                    disagreeing.push(format!("the head at {} entries", then.size()));
                }
            }
            self.entries = head.size();
            opened.store().close().await;
            disagreeing
        });
        for what in disagreeing {
            self.ledgers_agree = false;
            self.fault(format!("{what} that we hold is not of the partner's ledger"));
        }
    }
}
