//! Partners on record, and the changes that operators make.

use std::collections::BTreeSet;

use crate::gateway::node::participants::{partner_of, removed, roster_of};
use crate::gateway::views::exchange::PartnerView;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, Origin};
use crate::marking::{PartnerKind, is_one_edit_apart};
use crate::partner::{Agreement, Description, Partner, Roster};
use crate::pki::{AuthorityCertificate, ProfileName, RevocationList, pem_to_der};
use crate::rebuild::Kind;
use crate::seal::Recipient;
use crate::store::{self, PartnerState};

/// Common kinds of product, besides those in recorded agreements.
const USUAL_KINDS: [&str; 3] = ["assessment", "report", "warning"];

impl Node {
    /// Every current partner.
    ///
    /// Partners with a malformed record are left out.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn roster(&self) -> Result<Roster, GatewayError> {
        Ok(roster_of(&self.store().partners().await?))
    }

    /// One current partner.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if none is enrolled under that name.
    pub async fn partner(&self, id: &PartnerId) -> Result<Partner, GatewayError> {
        partner_of(&self.partner_row(id).await?)
    }

    /// Every partner, for a list.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn partner_views(&self) -> Result<Vec<PartnerView>, GatewayError> {
        Ok(self.roster().await?.iter().map(PartnerView::of).collect())
    }

    /// Updates the revocation list and addresses of a partner whose keys are unchanged.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if any key differs, or the list is older than the recorded one.
    pub async fn update_partner(&self, description: Description) -> Result<PartnerView, GatewayError> {
        let id = PartnerId::from(description.node.clone());
        let mut row = self.enrolled_row(&id).await?;
        let known = partner_of(&row)?;
        self.check(&description, &known.agreement)?;
        if description.fingerprints() != known.description.fingerprints() {
            return Err(GatewayError::refused(format!(
                "description of `{id}` has other keys than those enrolled, and two officers must sign a change of keys: confirm its \
                 fingerprint and propose it with `partner update FILE --confirm FINGERPRINT --out change.json`"
            )));
        }
        let new = self.newer_list(&known.description, &description)?;
        row.crl = description.revocation_list.clone().into_bytes();
        row.description = description.to_json().into_bytes();
        row.changed = self.now();
        let entry = Entry::new(self.now(), EntryKind::PartnerChanged, &id, "operator")
            .with("revocation_list", new.number())
            .with("revoked", new.len());
        let view = PartnerView::of(&partner_of(&row)?);
        self.commit(vec![row.into()], vec![entry]).await?;
        tracing::info!(partner.id = %id, revocation_list = new.number(), "partner updated");
        Ok(view)
    }

    /// Suspends a partner. Reinstating it takes two officers; see [`Node::propose`].
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if none is enrolled under that name.
    pub async fn suspend_partner(&self, id: &PartnerId, why: &str) -> Result<PartnerView, GatewayError> {
        let mut row = self.enrolled_row(id).await?;
        if row.state == PartnerState::Suspended {
            return Err(GatewayError::refused(format!("partner `{id}` is {} already", row.state)));
        }
        row.state = PartnerState::Suspended;
        row.changed = self.now();
        let view = PartnerView::of(&partner_of(&row)?);
        let entry = Entry::new(self.now(), EntryKind::PartnerSuspended, id, "operator").with("why", why);
        self.commit(vec![row.into()], vec![entry]).await?;
        tracing::warn!(partner.id = %id, state = "suspended", "partner standing changed");
        Ok(view)
    }

    /// The revocation list of a description, if it follows the recorded one from the same authority.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is malformed, older than the recorded one, differs at the same number, or
    /// omits a revocation.
    pub(in crate::gateway) fn newer_list(
        &self,
        known: &Description,
        new: &Description,
    ) -> Result<RevocationList, GatewayError> {
        let (authority, list) = self.revocation_list(new)?;
        // Another authority numbers its lists independently.
        if new.ca_certificate == known.ca_certificate {
            let (_, on_record) = self.revocation_list(known)?;
            let profile: ProfileName = new.profile.parse().map_err(GatewayError::refused)?;
            list.follows(&on_record, &authority, profile.profile(), self.now()).map_err(|why| {
                GatewayError::refused(format!("`{}`: {why}: nothing was changed; ask for its newest list", new.node))
            })?;
        }
        Ok(list)
    }

    /// The row of a partner, in any state.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if none was ever enrolled under that name.
    pub(in crate::gateway) async fn partner_row(&self, id: &PartnerId) -> Result<store::Partner, GatewayError> {
        let row = self.store().partner(id).await?;
        match row {
            Some(row) => Ok(row),
            None => {
                // Only for the suggestion: an altered row of another partner is reported where it matters.
                let enrolled = self.store().partners().await.unwrap_or_default();
                Err(GatewayError::no_partner_among(id, enrolled.iter().map(|row| &row.id)))
            }
        }
    }

    /// The row of a partner that was not removed.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it was removed, with the remedy.
    pub(in crate::gateway) async fn enrolled_row(&self, id: &PartnerId) -> Result<store::Partner, GatewayError> {
        let row = self.partner_row(id).await?;
        match row.state {
            PartnerState::Removed => Err(removed(id)),
            PartnerState::Active | PartnerState::Suspended => Ok(row),
        }
    }

    /// Records why a partner is not trusted, once while that lasts.
    pub(in crate::gateway) async fn record_untrusted(&self, id: &PartnerId, why: &dyn std::fmt::Display) {
        tracing::error!(partner.id = %id, fault = %why, "partner's record cannot be trusted");
        let alarm = Entry::new(self.now(), EntryKind::Alarm, id, "gateway").with("trust", why);
        // Another process may have recorded it.
        if let Err(error) = self.commit_unless_repeated(Vec::new(), vec![alarm]).await {
            tracing::error!(error = %error, "the alarm could not be recorded");
        }
    }

    /// A suggestion for a code that the register lacks, or has as another kind.
    fn code_meant(&self, code: &str, kind: PartnerKind) -> String {
        let register = self.register();
        match kind {
            PartnerKind::Country if register.is_organisation(code) => "; did you mean kind `organisation`?".to_owned(),
            PartnerKind::Organisation if register.is_country(code) => "; did you mean kind `country`?".to_owned(),
            _ => {
                let near: Vec<String> =
                    register.similar_codes(code).map(|(code, name)| format!("`{code}` ({name})")).collect();
                if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
            }
        }
    }

    /// Fails if an agreement has a kind of product that resembles a known one, unless it is confirmed as new, or a media
    /// type that resembles an inspected one: what is of a misspelled kind or type would never be sent.
    pub(super) async fn check_kinds(
        &self,
        partner: &PartnerId,
        agreement: &Agreement,
        new: &BTreeSet<String>,
    ) -> Result<(), GatewayError> {
        let parties = self.participants().await?;
        let agreed = parties.roster.iter().flat_map(|partner| &partner.agreement.kinds).map(String::as_str);
        let known: BTreeSet<&str> = agreed.chain(USUAL_KINDS).collect();
        for kind in agreement.kinds.iter().filter(|kind| !known.contains(kind.as_str()) && !new.contains(*kind)) {
            if let Some(meant) = known.iter().find(|known| is_one_edit_apart(known, kind)) {
                return Err(GatewayError::refused(format!(
                    "agreement with `{partner}`: unknown kind of product `{kind}`: did you mean `{meant}`? If not, \
                     give --new-kind {kind}"
                )));
            }
        }
        let inspected = || std::iter::once("text/plain").chain(Kind::ALL.map(Kind::media_type));
        for found in agreement.attachments.iter().filter(|found| !inspected().any(|known| known == found.as_str())) {
            if let Some(meant) = inspected().find(|known| is_one_edit_apart(known, found)) {
                return Err(GatewayError::refused(format!(
                    "agreement with `{partner}`: no attachment of type `{found}` can be sent: did you mean `{meant}`?"
                )));
            }
        }
        Ok(())
    }

    /// Checks that a description and an agreement match, before anything rests on either.
    pub(in crate::gateway) fn check(
        &self,
        description: &Description,
        agreement: &Agreement,
    ) -> Result<(), GatewayError> {
        let refused = |what: &str, why: &dyn std::fmt::Display| {
            GatewayError::refused(format!("{what} of `{}`: {why}", description.node))
        };
        if description.node == self.config().node.name {
            return Err(GatewayError::refused("this is this node's own description: give the partner's"));
        }
        if description.code != agreement.party.code {
            let (theirs, named) = (&description.code, &agreement.party.code);
            let meant = match self.register().name_of(named) {
                Some(name) => format!(" ({name}): did you give another partner's agreement?"),
                None => format!("; the marking register has no such code: did you mean `{theirs}`?"),
            };
            return Err(GatewayError::refused(format!(
                "agreement with `{}`: the partner's code is `{theirs}`, but the agreement names `{named}`{meant}",
                description.node
            )));
        }
        if agreement.ours != self.config().node.code {
            let ours = &self.config().node.code;
            let why = format!(
                "it has `{}`, but this node represents `{ours}`: did you mean `{ours}`, or another node's agreement?",
                agreement.ours
            );
            return Err(refused("our own side in the agreement", &why));
        }
        let code = &agreement.party.code;
        let known = match agreement.party.kind {
            PartnerKind::Country => self.register().is_country(code),
            PartnerKind::Organisation => self.register().is_organisation(code),
        };
        if !known {
            return Err(refused(
                "country or organisation code",
                &format!(
                    "`{code}` is not in the marking register as such{}",
                    self.code_meant(code, agreement.party.kind)
                ),
            ));
        }
        if description.profile != agreement.profile {
            let why = format!("it uses `{}`, but the agreement requires `{}`", description.profile, agreement.profile);
            return Err(refused("certificate profile", &why));
        }
        self.revocation_list(description)?;
        let profile: ProfileName = description.profile.parse().map_err(|e| refused("certificate profile", &e))?;
        let statements = profile.profile().check_statement_key(&description.signing_key);
        statements.map_err(|e| refused("signing key", &e))?;
        let recipient: Recipient =
            description.payload_recipient.parse().map_err(|e| refused("payload recipient", &e))?;
        recipient.try_sealing().map_err(|e| refused("payload recipient", &e))?;
        let ledger: LedgerKey = description.ledger_key.parse().map_err(|e| refused("ledger key", &e))?;
        let own = Origin::of_node(&description.node);
        if *ledger.origin() != own {
            return Err(refused(
                "ledger key",
                &format!("it belongs to `{}`, but the ledger is `{own}`", ledger.origin()),
            ));
        }
        Ok(())
    }

    fn revocation_list(
        &self,
        description: &Description,
    ) -> Result<(AuthorityCertificate, RevocationList), GatewayError> {
        let refused = |what: &str, why: &dyn std::fmt::Display| {
            GatewayError::refused(format!("{what} of `{}`: {why}", description.node))
        };
        let profile: ProfileName = description.profile.parse().map_err(|e| refused("certificate profile", &e))?;
        let authority = pem_to_der("CERTIFICATE", &description.ca_certificate).map_err(|e| refused("authority", &e))?;
        let authority =
            AuthorityCertificate::parse(&authority, profile.profile()).map_err(|e| refused("authority", &e))?;
        let list = pem_to_der("X509 CRL", &description.revocation_list).map_err(|e| refused("revocation list", &e))?;
        let list =
            RevocationList::parse(&list, &authority, profile.profile()).map_err(|e| refused("revocation list", &e))?;
        Ok((authority, list))
    }
}
