//! Alarms and allowances for operators: doubts, held-off partners, exhausted limits.

use std::time::Duration;

use crate::approval::{Officer, Role};
use crate::change::OFFICERS_MIN;
use crate::gateway::administration::founding;
use crate::gateway::views::from_record::whereabouts;
use crate::gateway::views::operator::{AlarmView, AllowanceView, UsageView};
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::partner::{Circuit, Partner, Standing};
use crate::store::{Direction, ExchangeFilter, ExchangeState, StoreError, Usage};

/// How long in advance a shortage of officers is reported.
const RENEW_BEFORE: Duration = Duration::from_secs(14 * 86_400);

impl Node {
    /// All alarms that an operator must check.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn alarms(&self) -> Result<Vec<AlarmView>, GatewayError> {
        let name = self.config().node.name.to_string();
        let alarm =
            |what: &str, subject: &str, text: String| AlarmView { what: what.into(), subject: subject.into(), text };
        let mut alarms = Vec::new();
        alarms.extend(self.stopped_because().map(|why| alarm("stopped", &name, why.to_owned())));
        for altered in self.proved().compare_all().await? {
            let remedy =
                "run `ledger verify`, find out what wrote to the database, and restore the store from a backup";
            let text = format!(
                "{} differs from the ledger ({}): nothing is decided on it; {remedy}",
                altered.what, altered.fact
            );
            alarms.push(alarm("altered", &name, text));
        }
        for damage in self.scrub_view().damage() {
            alarms.push(alarm("damage", &damage.subject, damage.text.clone()));
        }
        match self.clock_doubt().await {
            Ok(doubt) => alarms.extend(doubt.map(|doubt| alarm("clock", &name, doubt))),
            // Reported above.
            Err(GatewayError::Store(StoreError::Altered { .. })) => {}
            Err(error) => return Err(error),
        }
        if let Err(full) = self.spool().admit(0) {
            alarms.push(alarm("spool", &name, format!("offers are refused: {full}")));
        }
        if let Some(text) = self.orphans().await? {
            alarms.push(alarm("orphans", &name, text));
        }
        if let Err(error) = self.certificates() {
            alarms.push(alarm("certificates", &name, error.to_string()));
        }
        for partner in self.store().partners().await.unwrap_or_default() {
            if let Some((how, seen)) = self.ledger_alarm(&partner.id).await? {
                let text = match how.as_str() {
                    "not-shown" => {
                        format!(
                            "sent no checkpoint of its ledger, but did before ({seen} entries): links are refused until it does"
                        )
                    }
                    how => format!(
                        "its ledger does not extend the {seen} entries seen of it ({how}): it was restored from an older \
                         copy, or there are two copies of it; contact its operator"
                    ),
                };
                alarms.push(alarm("ledger", partner.id.as_str(), text));
            }
        }
        let too_late = ExchangeFilter {
            direction: Some(Direction::Out),
            states: [ExchangeState::DeliveredAfterStop].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        // Open until somebody recalls it.
        for row in self.store().exchanges(&too_late).await?.iter().filter(|row| row.recalled.is_none()) {
            if let Some((code, sentence)) = whereabouts(row) {
                alarms.push(alarm(code, &row.id.to_string(), sentence));
            }
        }
        for (partner, breaker) in self.store().breakers().await? {
            let text = match breaker.circuit(self.now()) {
                Circuit::Closed => continue,
                Circuit::Open(until) => {
                    format!("{} failures in a row: nothing is tried before {until}", breaker.failures)
                }
                Circuit::HalfOpen => format!("{} failures in a row: one exchange is tried next", breaker.failures),
            };
            alarms.push(alarm("circuit", partner.as_str(), text));
        }
        if let Some(text) = self.officer_shortage().await {
            alarms.push(alarm("officers", &name, text));
        }
        Ok(alarms)
    }

    /// The alarm text if too few officers are in office to decide changes, now or soon.
    async fn officer_shortage(&self) -> Option<String> {
        match self.is_founded().await {
            Ok(true) => {}
            Ok(false) => return Some(founding::NOT_FOUNDED.to_owned()),
            Err(error) => return Some(error.to_string()),
        }
        let officers = match self.officers().await {
            Ok(officers) => officers,
            Err(error) => return Some(error.to_string()),
        };
        let soon = self.now().plus(RENEW_BEFORE);
        let decides = |officer: &&Officer| {
            officer.in_office(self.now()) && officer.in_office(soon) && officer.strongest_role().approves_release()
        };
        let deciding = officers.iter().filter(decides).count();
        let senior = officers.iter().filter(decides).any(|o| o.roles.contains(&Role::SeniorDisclosureOfficer));
        let short = deciding < OFFICERS_MIN || !senior;
        short.then(|| {
            let days = RENEW_BEFORE.as_secs() / 86_400;
            format!(
                "{deciding} officers who may decide changes will be in office in {days} days{}: {OFFICERS_MIN} are required, one of \
                 them senior; renew their certificates while they can still sign",
                if senior { "" } else { ", none of them senior" }
            )
        })
    }

    /// A partner's current allowance.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn allowance_view(&self, partner: &Partner) -> Result<AllowanceView, GatewayError> {
        let breaker = self.breaker(&partner.id).await?;
        let circuit = breaker.circuit(self.now());
        let open_until = match circuit {
            Circuit::Open(until) => Some(until.to_string()),
            Circuit::Closed | Circuit::HalfOpen => None,
        };
        let usage = self.store().usage(&partner.id, self.now().date()).await?;
        let limits = &partner.agreement.limits;
        let view = |direction: Direction| {
            let Usage { exchanges, bytes } = usage.get(&direction).copied().unwrap_or_default();
            UsageView { exchanges, exchanges_max: limits.daily_exchanges, bytes, bytes_max: limits.daily_bytes }
        };
        let (sent, received) = (view(Direction::Out), view(Direction::In));
        Ok(AllowanceView { circuit: circuit.to_string(), open_until, failures: breaker.failures, sent, received })
    }

    /// Closes a partner's circuit breaker manually, so that it is tried at once.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is closed.
    pub async fn close_circuit(&self, partner: &PartnerId) -> Result<(), GatewayError> {
        if self.breaker(partner).await?.circuit(self.now()) == Circuit::Closed {
            return Err(GatewayError::refused(match self.partner(partner).await?.standing {
                Standing::Suspended => {
                    format!("nothing to reset: partner `{partner}` is suspended, see `partner resume`")
                }
                _ => format!("nothing to reset: deliveries to `{partner}` are not paused"),
            }));
        }
        self.observe(partner, crate::partner::Observed::Answered).await
    }
}
