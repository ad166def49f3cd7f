//! Source consents: those on record, and what they permit for a product and a partner.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::approval::Outline;
use crate::change::{PartName, Proposal};
use crate::consent::{self, ConsentId, Described, Need, SourceConsent};
use crate::cut;
use crate::digest::{self, Digest};
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::invisible;
use crate::ledger::{Entry, EntryKind};
use crate::marking::{BY_CONSENT, CONCEALED, PartnerRights};
use crate::partner::{Partner, Standing};
use crate::product::Product;
use crate::store::{Setting, Version};
use crate::time::Time;

/// The setting that holds every consent ever recorded, in that order.
pub(in crate::gateway) const CONSENTS: &str = "consents";

/// A consent on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentOnRecord {
    /// Its name.
    pub name: ConsentId,
    /// Its content, as signed.
    pub consent: SourceConsent,
    /// When it was recorded.
    pub recorded: Time,
    /// When it was withdrawn, and why.
    pub withdrawn: Option<(Time, String)>,
}

/// The stored form.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredConsent {
    #[n(0)]
    name: ConsentId,
    #[n(1)]
    text: String,
    #[n(2)]
    recorded_ms: i64,
    #[n(3)]
    withdrawn_ms: Option<i64>,
    #[n(4)]
    why: Option<String>,
}

impl From<&ConsentOnRecord> for StoredConsent {
    fn from(on_record: &ConsentOnRecord) -> StoredConsent {
        StoredConsent {
            name: on_record.name.clone(),
            text: on_record.consent.to_toml(),
            recorded_ms: on_record.recorded.unix_ms(),
            withdrawn_ms: on_record.withdrawn.as_ref().map(|(at, _)| at.unix_ms()),
            why: on_record.withdrawn.as_ref().map(|(_, why)| why.clone()),
        }
    }
}

/// The rights of a partner's link for one product, tearline by tearline.
#[derive(Debug)]
pub(in crate::gateway) struct TearlineLinks {
    /// For each tearline, from the top.
    each: Vec<PartnerRights>,
    /// For the product without any subjects: used if no tearline can be released.
    without: PartnerRights,
}

/// Withdraws every consent that names a partner of `ended`; returns the entries that record it. A consent applies to
/// the organisation that was enrolled when it was given; another organisation may be enrolled under the same name later. It is
/// withdrawn as a whole, also for its other partners, because it was not signed for fewer.
fn end(consents: &mut [ConsentOnRecord], ended: &BTreeMap<PartnerId, String>, (now, by): (Time, &str)) -> Vec<Entry> {
    let mut entries = Vec::new();
    for kept in consents.iter_mut().filter(|kept| kept.withdrawn.is_none()) {
        let mut partners = kept.consent.partners.iter();
        let Some(why) = partners.find_map(|partner| ended.get(partner)) else { continue };
        entries.push(withdrawal(kept, why, (now, by)));
        kept.withdrawn = Some((now, why.clone()));
    }
    entries
}

/// The ledger entry for a withdrawal.
fn withdrawal(kept: &ConsentOnRecord, why: &str, (now, by): (Time, &str)) -> Entry {
    Entry::new(now, EntryKind::ConsentWithdrawn, CONSENTS, by)
        .with("consent", &kept.name)
        .with("digest", kept.consent.digest())
        .with("why", why)
}

impl Node {
    /// Every consent on record, those withdrawn or past included, in the order they were recorded.
    ///
    /// # Errors
    /// [`GatewayError`] if the record cannot be read, or differs from the ledger.
    pub async fn consents(&self) -> Result<Vec<ConsentOnRecord>, GatewayError> {
        Ok(self.consents_row().await?.1)
    }

    /// The row that holds the consents, if there is one, and its content.
    pub(in crate::gateway) async fn consents_row(
        &self,
    ) -> Result<(Option<Setting>, Vec<ConsentOnRecord>), GatewayError> {
        let Some(row) = self.store().setting(CONSENTS).await? else { return Ok((None, Vec::new())) };
        let damaged = || GatewayError::Local("the recorded consents are malformed: run `ledger verify`".into());
        let kept: Vec<StoredConsent> = digest::decode(&row.value).map_err(|_| damaged())?;
        let read = |kept: StoredConsent| {
            let withdrawn = kept.withdrawn_ms.map(|ms| (Time::from_unix_ms(ms), kept.why.unwrap_or_default()));
            let consent = SourceConsent::parse(&kept.text).map_err(|_| damaged())?;
            Ok(ConsentOnRecord { name: kept.name, consent, recorded: Time::from_unix_ms(kept.recorded_ms), withdrawn })
        };
        let consents = kept.into_iter().map(read).collect::<Result<_, GatewayError>>()?;
        Ok((Some(row), consents))
    }

    /// The recorded text of a consent; `None` if there is none of that name.
    pub(in crate::gateway) async fn consent_text(&self, name: &ConsentId) -> Result<Option<String>, GatewayError> {
        let consents = self.consents().await?;
        Ok(consents.into_iter().find(|kept| kept.name == *name).map(|kept| kept.consent.to_toml()))
    }

    /// Fails if a consent could not be recorded or could never be used.
    pub(in crate::gateway) async fn check_consent(
        &self,
        name: &ConsentId,
        text: &str,
        proposal: &Proposal,
    ) -> Result<(), GatewayError> {
        let refused = |why: String| GatewayError::refused(format!("consent `{name}`: {why}"));
        let consent = SourceConsent::parse(text).map_err(|fault| refused(fault.to_string()))?;
        if consent.to_toml() != text {
            return Err(refused("it is not in its canonical form: propose it from its file again".into()));
        }
        if consent.valid_until < self.now().date() {
            return Err(refused(format!("it ended on {}", consent.valid_until)));
        }
        let parties = self.participants().await?;
        self.check_source(&consent, &parties).map_err(&refused)?;
        for partner in &consent.partners {
            let enrolled = parties.partner(partner)?;
            let changes = [PartName::Standing(partner.clone()), PartName::Partner(partner.clone())];
            if changes.iter().any(|part| proposal.set.part(part).is_some()) {
                return Err(refused(format!(
                    "the same change affects `{partner}` itself: propose the consent afterwards"
                )));
            }
            if enrolled.standing == Standing::Removed {
                return Err(refused(format!("`{partner}` was removed: enrol it again first")));
            }
            if enrolled.agreement.party.code == consent.source {
                return Err(refused(format!("`{partner}` is the source itself, and needs nobody's consent")));
            }
        }
        Ok(())
    }

    /// Checks the government or organisation that a consent names as its source. A partner may be the source of its
    /// own material, even if it is a group of countries.
    fn check_source(&self, consent: &SourceConsent, parties: &Participants) -> Result<(), String> {
        let source = &consent.source;
        if consent.condition != BY_CONSENT[0] || source == CONCEALED {
            return Ok(());
        }
        if *source == self.config().node.code {
            return Err(format!("`{source}` is our own code: our own material needs no source consent"));
        }
        let partner = parties.roster.iter().any(|partner| partner.agreement.party.code == *source);
        match partner || self.register().is_source(source) {
            true => Ok(()),
            false if self.register().is_organisation(source) => Err(format!(
                "`{source}` is a group of countries that decide separately: record the consent of each whose \
                 information it is"
            )),
            false => Err(format!("`{source}` is not a code in the marking register in force, such as `DEU` or `NATO`")),
        }
    }

    /// The row with `new` consents added to those on record and the consents for partners of `ended` withdrawn for
    /// the given reason, and the entries that record it; `None` if nothing changes.
    pub(in crate::gateway) async fn consents_change<'c>(
        &self,
        new: impl Iterator<Item = (&'c ConsentId, &'c str)>,
        ended: &BTreeMap<PartnerId, String>,
        officers: &str,
    ) -> Result<Option<(Setting, Vec<Entry>)>, GatewayError> {
        let (row, mut consents) = self.consents_row().await?;
        let now = self.now();
        let mut entries = end(&mut consents, ended, (now, officers));
        for (name, text) in new {
            let consent = SourceConsent::parse(text).map_err(GatewayError::refused)?;
            entries.push(
                Entry::new(now, EntryKind::ConsentRecorded, CONSENTS, officers)
                    .with("consent", name)
                    .with("digest", consent.digest())
                    .with("condition", &consent.condition)
                    .with("source", &consent.source)
                    .with("consented-by", &consent.consented_by)
                    .with("reference", &consent.reference)
                    .with("until", consent.valid_until),
            );
            consents.push(ConsentOnRecord { name: name.clone(), consent, recorded: now, withdrawn: None });
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let version = row.map_or(Version::NEW, |row| row.version);
        let value = digest::encode(&consents.iter().map(StoredConsent::from).collect::<Vec<_>>());
        Ok(Some((Setting { name: CONSENTS.to_owned(), value, changed: now, version }, entries)))
    }

    /// Withdraws a consent: unsent exchanges that rest on it are held from now on. One person suffices, because it
    /// only narrows what may leave; it is final.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that name; [`GatewayError::Refused`] if it is withdrawn already.
    pub async fn withdraw_consent(
        &self,
        name: &ConsentId,
        why: &str,
        by: &str,
    ) -> Result<ConsentOnRecord, GatewayError> {
        let now = self.now();
        let (row, mut consents) = self.consents_row().await?;
        let unknown = || GatewayError::NotFound(format!("no consent `{name}` is on record: see `consent list`"));
        let (Some(row), Some(consent)) = (row, consents.iter_mut().find(|kept| kept.name == *name)) else {
            return Err(unknown());
        };
        if let Some((at, _)) = consent.withdrawn {
            return Err(GatewayError::refused(format!("consent `{name}` was withdrawn at {at}")));
        }
        if !invisible::is_plain(why, SourceConsent::TEXT_MAX) {
            return Err(GatewayError::refused(format!(
                "the reason for withdrawing a consent must have 1 to {} printable characters",
                SourceConsent::TEXT_MAX
            )));
        }
        consent.withdrawn = Some((now, why.to_owned()));
        let withdrawn = consent.clone();
        let entry = withdrawal(&withdrawn, why, (now, by));
        let value = digest::encode(&consents.iter().map(StoredConsent::from).collect::<Vec<_>>());
        self.commit(vec![Setting { value, changed: now, ..row }.into()], vec![entry]).await?;
        tracing::warn!(consent = %name, "consent withdrawn");
        Ok(withdrawn)
    }

    /// The consents that an outline names, one line each.
    pub(in crate::gateway) async fn consents_named(
        &self,
        outline: Option<&Outline>,
    ) -> Result<Vec<String>, GatewayError> {
        let Some(outline) = outline.filter(|outline| !outline.consents.is_empty()) else { return Ok(Vec::new()) };
        let consents = self.consents().await?;
        let line = |digest: &Digest| match consents.iter().find(|kept| kept.consent.digest() == *digest) {
            Some(ConsentOnRecord { name, consent: c, .. }) => {
                let when = c.given_on.map(|day| format!(" on {day}")).unwrap_or_default();
                let usage =
                    c.use_statement.as_ref().map(|usage| format!(", for this use: {usage}")).unwrap_or_default();
                format!(
                    "{name}: {} for `{}`, given by {}{when}, reference {}, until {}, for {} to {}{usage}",
                    c.condition,
                    c.source,
                    c.consented_by,
                    c.reference,
                    c.valid_until,
                    c.covers,
                    c.partners_named()
                )
            }
            None => format!("one that is not on record, {}", digest.short()),
        };
        Ok(outline.consents.iter().map(line).collect())
    }

    /// The rights of a link to `partner` for `product` now, and the tearline to cut from, counted from the top: the
    /// first permitted one at or below `from`.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub(in crate::gateway::outbound) async fn link_to(
        &self,
        partner: &Partner,
        product: &Product,
        from: usize,
    ) -> Result<(PartnerRights, usize), GatewayError> {
        let links = self.links(partner, (product, &Described::of(product)), &*self.participants().await?);
        let (link, from) = self.link_for(&links, product, from);
        Ok((link.clone(), from))
    }

    /// The rights of a link to `partner` for each tearline of `product`: a consent to a class depends on the subjects
    /// of the tearline that is released, and not on those of others.
    pub(in crate::gateway) fn links(
        &self,
        partner: &Partner,
        (product, described): (&Product, &Described),
        parties: &Participants,
    ) -> TearlineLinks {
        let tearlines = 0..product.tearlines().len();
        let each = tearlines.map(|index| self.link(partner, &described.at(product, index), parties)).collect();
        TearlineLinks { each, without: self.link(partner, described, parties) }
    }

    /// The link for the first permitted tearline of `product` at or below `from`, and its index; if none is
    /// permitted, the link without any subjects, and `from`.
    pub(in crate::gateway) fn link_for<'l>(
        &self,
        links: &'l TearlineLinks,
        product: &Product,
        from: usize,
    ) -> (&'l PartnerRights, usize) {
        let mut own = links.each.iter().enumerate().skip(from);
        let releasable = |(index, link): &(usize, &PartnerRights)| {
            cut::tearline_for(product, link, *index, self.register()) == Some(*index)
        };
        own.find(releasable).map_or((&links.without, from), |(index, link)| (link, index))
    }

    /// The rights of a link to `partner` for a product so described: its agreement's, and the consents that are valid now.
    pub(in crate::gateway) fn link(
        &self,
        partner: &Partner,
        product: &Described,
        parties: &Participants,
    ) -> PartnerRights {
        let rights = consent::rights(&parties.consents, (&partner.id, product), self.now());
        partner.agreement.link_rights_with(rights)
    }

    /// The outline of a cut of `product`, with its content from other partners and the consents that its release to
    /// `partner` would rest on.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub(in crate::gateway) async fn outline(
        &self,
        (candidate, before): (&InspectedCut, &Product),
        (partner, product): (&Partner, &Described),
        parties: &Participants,
    ) -> Result<Outline, GatewayError> {
        let cut = &candidate.cut;
        let mut outline = Outline::of(cut, candidate.inspected.shared());
        let agreement = &partner.agreement;
        outline.received = self.received(cut, before, partner, parties).await?;
        let (marks, product) = (cut.marks(), &product.naming(outline.subjects.clone()));
        let marks = std::iter::once(cut.marking()).chain(&marks);
        let mut needs = Need::of_marks(marks, (&agreement.party.code, &agreement.ours), &product.originator);
        let from_others = outline.received.iter().filter(|r| r.needs_consent() && r.code != agreement.party.code);
        needs.extend(from_others.map(|received| Need::of_source(&received.code)));
        let chosen = consent::chosen(&needs, &parties.consents, (&partner.id, product), self.now());
        outline.consents = chosen.into_values().collect();
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_ends_with_the_enrolment_of_any_partner_that_it_names_and_no_other_does() {
        let text = |partners: &str| {
            format!(
                "condition = \"FGI-CONSENT\"\nsource = \"DEU\"\nconsented_by = \"EXERCISE office\"\nreference = \"EXERCISE-1\"\n\
                 partners = [{partners}]\nvalid_from = 2026-11-01\nvalid_until = 2026-11-30\n[covers]\nkind = \"report\"\n"
            )
        };
        let kept = |name: &str, partners: &str| ConsentOnRecord {
            name: name.parse().unwrap(),
            consent: SourceConsent::parse(&text(partners)).unwrap(),
            recorded: Time::EPOCH,
            withdrawn: None,
        };
        let mut consents = [
            kept("one", "\"exercise-aus\", \"exercise-gbr\""),
            kept("two", "\"exercise-aus\""),
            kept("three", "\"exercise-gbr\""),
        ];
        let before = (Time::from_unix_ms(1), "EXERCISE: given in error".to_owned());
        consents[2].withdrawn = Some(before.clone());
        let (now, why) = (Time::from_unix_ms(2), "partner `exercise-gbr` was removed".to_owned());
        let ended = BTreeMap::from([("exercise-gbr".parse().unwrap(), why.clone())]);
        let entries = end(&mut consents, &ended, (now, "officer-one officer-two"));
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].kind(), EntryKind::ConsentWithdrawn);
        assert_eq!(consents.map(|kept| kept.withdrawn), [Some((now, why)), None, Some(before)]);
    }
}
