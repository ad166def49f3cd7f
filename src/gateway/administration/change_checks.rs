//! Checks of a proposed change, before officers sign it and again before it takes effect.

use super::change::ACTIVE;
use super::change::CLOCK_MAX;
use super::change::REMOVED;
use crate::change::{Appointment, ChangeSet, LostCheckpoints, Part, PartName, PolicyTexts, Proposal};
use crate::gateway::content::attachments::blocking;
use crate::gateway::node::policy::rules::Rules;
use crate::gateway::node::policy::{active, checks};
use crate::gateway::{GatewayError, Node};
use crate::ident::{OfficerId, PartnerId};
use crate::partner::{Agreement, Description};
use crate::store::{self, PartnerState};
use crate::time::Time;

impl Node {
    /// Checks that a proposal could be applied now, apart from its consents; returns the resulting policy texts.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] gives the reason why it cannot.
    pub(in crate::gateway) async fn check_change(&self, proposal: &Proposal) -> Result<PolicyTexts, GatewayError> {
        let set = &proposal.set;
        self.check_addressed(set)?;
        if set.serial == 0 {
            return Err(GatewayError::refused(
                "this is a founding: sign it with `found sign`, and found the node with `found apply`",
            ));
        }
        self.must_be_founded().await?;
        let next = self.change_serial().await? + 1;
        if set.serial != next {
            return Err(self.wrong_serial(set, next).await?);
        }
        if set.expires() <= self.now() {
            return Err(GatewayError::refused(format!("change expired at {}: propose it again", set.expires())));
        }
        let mut appointments = Vec::new();
        for part in &set.parts {
            if let PartName::Policy(_) = part.name {
                continue;
            }
            let in_force = self.text_in_force(&part.name).await?;
            proposal.fits(part, in_force.as_deref()).map_err(GatewayError::refused)?;
            if let PartName::Officer(id) = &part.name {
                appointments.push(self.appointment_in(proposal, id)?);
            } else {
                self.check_part(proposal, part).await?;
            }
        }
        self.check_appointments(&appointments).await?;
        self.check_owners(proposal).await?;
        let texts = proposal.applied_to(self.policy_texts()).map_err(GatewayError::refused)?;
        let loaded = Rules::load(texts).map_err(GatewayError::refused)?;
        let new = loaded.inspection.program.as_ref().filter(|program| self.filter_program() != Some(*program));
        new.map_or(Ok(()), |program| blocking(|| active::check_program(program)))?;
        if loaded.policies.digest() != self.policies().digest() {
            blocking(|| checks::check(&loaded))?;
        }
        Ok(loaded.texts)
    }

    /// The error for a change with the wrong number: it is in force already, or another took its number.
    pub(super) async fn wrong_serial(&self, set: &ChangeSet, next: u64) -> Result<GatewayError, GatewayError> {
        let applied = self.changes_applied(next.saturating_sub(set.serial)).await?;
        let same = applied.iter().find(|change| change.change == set.digest().to_string());
        Ok(GatewayError::refused(match same {
            Some(change) => format!("change {} is in force since {}: nothing to do", set.serial, change.when),
            None => {
                format!("change is number {}, and the next is {next}: another came first; propose it again", set.serial)
            }
        }))
    }

    /// Checks that a change is for exactly this node.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is for another node, or for an earlier one of the same name.
    pub(in crate::gateway) fn check_addressed(&self, set: &ChangeSet) -> Result<(), GatewayError> {
        let name = &self.config().node.name;
        if set.node != *name {
            return Err(GatewayError::refused(format!("change is for node `{}`, this is `{name}`", set.node)));
        }
        if set.instance != self.instance() {
            return Err(GatewayError::refused(format!(
                "change is for another node of the name `{name}` (ledger key {}, this one's is {}): the node was made anew \
                 since; propose it again",
                set.instance.short(),
                self.instance().short()
            )));
        }
        Ok(())
    }

    /// The officer's appointment in a proposal.
    pub(in crate::gateway) fn appointment_in(
        &self,
        proposal: &Proposal,
        id: &OfficerId,
    ) -> Result<Appointment, GatewayError> {
        let text = proposal.text(&PartName::Officer(id.clone())).unwrap_or_default();
        let appointment = Appointment::parse(text).map_err(GatewayError::refused)?;
        if appointment.officer != *id {
            let other = appointment.officer;
            return Err(GatewayError::refused(format!("`officer/{id}` contains the appointment of `{other}`")));
        }
        Ok(appointment)
    }

    /// Checks one part of a change other than a policy text or an officer.
    pub(super) async fn check_part(&self, proposal: &Proposal, part: &Part) -> Result<(), GatewayError> {
        let set = &proposal.set;
        let text = proposal.text(&part.name).unwrap_or_default();
        match &part.name {
            PartName::Partner(id) | PartName::Agreement(id) => self.check_enrolment(proposal, id).await,
            PartName::Consent(name) => self.check_consent(name, text, proposal).await,
            PartName::Standing(id) if text == ACTIVE || text == REMOVED => self.enrolled_row(id).await.map(drop),
            PartName::Ledger if LostCheckpoints::parse(text).is_some() => Ok(()),
            // The rest of such a change would be judged by a clock in doubt.
            PartName::Clock if set.parts.len() > 1 => Err(GatewayError::refused(
                "accepting the clock must be a change of its own: propose everything else afterwards",
            )),
            PartName::Clock if set.expires().since(Time::from_unix_ms(set.proposed_ms)) > CLOCK_MAX => {
                let hours = CLOCK_MAX.as_secs() / 3600;
                Err(GatewayError::refused(format!("the clock must be accepted within {hours} hours of checking it")))
            }
            PartName::Clock => Ok(()),
            name => Err(GatewayError::refused(format!("`{name}` is malformed: propose it again"))),
        }
    }

    /// Checks that a partner may be enrolled as proposed, with the recorded value for whatever the proposal omits.
    pub(super) async fn check_enrolment(&self, proposal: &Proposal, id: &PartnerId) -> Result<(), GatewayError> {
        let known = match self.enrolled(id).await? {
            Some(_) => Some(self.partner(id).await?),
            None => None,
        };
        let (partner, agreement) = (PartName::Partner(id.clone()), PartName::Agreement(id.clone()));
        let unreadable = |name: &PartName, e: &dyn std::fmt::Display| GatewayError::refused(format!("`{name}`: {e}"));
        let description = match proposal.text(&partner) {
            Some(text) => Description::parse(text).map_err(|e| unreadable(&partner, &e))?,
            None => {
                known.as_ref().map(|known| (*known.description).clone()).ok_or_else(|| GatewayError::no_partner(id))?
            }
        };
        let agreement = match proposal.text(&agreement) {
            Some(text) => Agreement::parse(text).map_err(|e| unreadable(&agreement, &e))?,
            None => known.as_ref().map(|known| known.agreement.clone()).ok_or_else(|| GatewayError::no_partner(id))?,
        };
        if PartnerId::from(description.node.clone()) != *id {
            return Err(GatewayError::refused(format!("`{partner}` has the description of `{}`", description.node)));
        }
        self.check(&description, &agreement)?;
        // Revocations persist, also for a partner that was removed and is enrolled again.
        if let Ok(known) = self.partner(id).await {
            self.newer_list(&known.description, &description)?;
        }
        Ok(())
    }

    /// The row of an enrolled partner; `None` if it never was enrolled or was removed.
    pub(super) async fn enrolled(&self, id: &PartnerId) -> Result<Option<store::Partner>, GatewayError> {
        Ok(self.store().partner(id).await?.filter(|row| row.state != PartnerState::Removed))
    }
}
