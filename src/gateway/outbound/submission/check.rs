//! Product check: the verdict that a submission would get, without storing anything.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::approval::Terms;
use crate::config::Inspection;
use crate::consent::Described;
use crate::envelope::Precedence;
use crate::gateway::content::attachments::{AttachmentStore, NotStored, blocking};
use crate::gateway::node::policy::settings::inspection;
use crate::gateway::outbound::decision::forecast::PartnerForecast;
use crate::gateway::outbound::decision::reasons::{inspection_reasons, reasons};
use crate::gateway::outbound::submission::submit::known;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::ident::{PartnerId, RequestId};
use crate::inspect::{self, Alteration, TearlineRefusal};
use crate::marking::Register;
use crate::partner::Standing;
use crate::product::{Bounds, Contents, NoContents, Package, PackageFault, Product};
use crate::progress::{Progress, Unit};
use crate::release::{Reason, never_passes, not_yet};
use crate::seal::{PayloadIdentity, StorageKey};
use crate::store::Spool;
use crate::system::{Entropy as _, SystemClock, SystemEntropy};
use crate::time::Clock as _;

/// The default filter settings of this program.
const SHIPPED: &str = include_str!("../../../../policy/inspection.toml");

/// The check result for a well-formed product.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckedProduct {
    /// Faults of the accompanying files.
    pub package: Vec<PackageFault>,
    /// The cut for each partner, or the reasons against it.
    pub partners: Vec<CheckedPartner>,
    /// Tearlines that would fail for any recipient.
    pub tearlines: Vec<CheckedTearline>,
}

/// The check result for one partner.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedPartner {
    /// The partner.
    pub partner: String,
    /// The tearline it would get, counted from 1 at the top.
    pub tearline: Option<usize>,
    /// The marking of that.
    pub marking: Option<String>,
    /// Changes that would be made before cutting.
    pub changes: Vec<Alteration>,
    /// All reasons why a submission to this partner would be refused.
    pub reasons: Vec<ReasonView>,
    /// What would delay it without a new submission: a suspended partner, a clock in doubt.
    pub waits: Vec<ReasonView>,
    /// Whether the caller named this partner.
    #[serde(skip)]
    named: bool,
}

/// A tearline that would fail.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedTearline {
    /// Its number, counted from 1 at the top.
    pub tearline: usize,
    /// Its release list; everybody if `None`.
    pub to: Option<String>,
    /// Why.
    pub reasons: Vec<ReasonView>,
}

impl CheckedProduct {
    /// Whether the product has no fault and every named partner would get something. That its markings do not release
    /// it to some other partner is not a fault.
    pub fn passes(&self) -> bool {
        self.package.is_empty() && self.tearlines.is_empty() && self.partners.iter().all(CheckedPartner::passes)
    }
}

impl CheckedPartner {
    /// Whether the cut has no fault, and exists if the partner was named. A reason that applies to every partner is a
    /// fault of the product.
    pub fn passes(&self) -> bool {
        let at_fault = |reason: &ReasonView| {
            self.named
                || matches!(reason.source.as_str(), "inspection" | "exclusion")
                || matches!(reason.code.as_str(), "not-a-cut" | "product-refused" | "DATED-IN-FUTURE")
        };
        !self.reasons.iter().any(at_fault)
    }
}

impl Node {
    /// The result of submitting `product` from this tearline on, counted from 0 at the top, to `partners`, or to
    /// every enrolled partner; then also the faults of tearlines for others. Nothing is stored.
    ///
    /// # Errors
    /// [`GatewayError`] if a partner is unknown, the node cannot be used, or the work was cancelled.
    pub async fn check_product(
        &self,
        product: &Product,
        partners: &BTreeSet<PartnerId>,
        from_tearline: usize,
        package: &mut dyn Package,
    ) -> Result<CheckedProduct, GatewayError> {
        let parties = self.participants().await?;
        known(partners, &parties)?;
        let request = RequestId::new(self.now(), self.random());
        // An interruption waits for this step, which removes what it stored.
        let _step = self.progress().step("checking", Unit::Bytes, None);
        let kept = blocking(|| self.store_attachments(request, product, package));
        let checked = match kept {
            Ok(_held) => self.checked(product, partners, from_tearline, request).await,
            Err(NotStored::Faults(package)) => Ok(CheckedProduct { package, ..CheckedProduct::default() }),
            Err(NotStored::Trouble(error)) => Err(error),
        };
        self.drop_attachments(request)?;
        // An interrupted filter reports an unreadable attachment, which is no finding about the product.
        self.progress().check().map_err(GatewayError::trouble)?;
        checked
    }

    async fn checked(
        &self,
        product: &Product,
        partners: &BTreeSet<PartnerId>,
        from_tearline: usize,
        request: RequestId,
    ) -> Result<CheckedProduct, GatewayError> {
        let parties = self.participants().await?;
        let terms = self.any_terms(request, product)?;
        let contents = self.contents_of(request, product)?;
        let described = Described::of(product);
        let mut checked = CheckedProduct::default();
        let asked = |id: &PartnerId| partners.is_empty() || partners.contains(id);
        let enrolled = parties.roster.iter().filter(|p| p.standing != Standing::Removed && asked(&p.id));
        for partner in enrolled {
            let asked = (&*parties, &terms);
            let PartnerForecast { candidate, against, waits } =
                self.forecast_for((product, &described), (partner, from_tearline), &contents, asked).await?;
            let cut = candidate.as_ref().map(|(candidate, _)| &candidate.cut);
            checked.partners.push(CheckedPartner {
                partner: partner.id.to_string(),
                tearline: cut.and_then(crate::cut::Cut::tearline_index).map(|index| index + 1),
                marking: cut.map(|cut| cut.marking().to_string()),
                changes: candidate.map(|(candidate, _)| candidate.changes).unwrap_or_default(),
                reasons: against,
                waits,
                named: !partners.is_empty(),
            });
        }
        if partners.is_empty() {
            let seen: BTreeSet<usize> = checked.partners.iter().filter_map(|p| p.tearline).collect();
            let others = |index: usize| index >= from_tearline && !seen.contains(&(index + 1));
            let found =
                blocking(|| inspect::tearlines(product, &contents, self.inspection(), self.register(), &others));
            checked.tearlines = found.iter().map(tearline).collect();
        }
        Ok(checked)
    }

    /// Placeholder terms: the check does not ask for the purpose.
    fn any_terms(&self, request: RequestId, product: &Product) -> Result<Terms, GatewayError> {
        let said = || "product check".to_owned();
        Ok(Terms {
            request,
            submitter: "product-check".parse().map_err(GatewayError::trouble)?,
            originator: product.originator().to_owned(),
            purpose: said(),
            legal_basis: said(),
            policy_basis: said(),
            expires: self.now().plus(std::time::Duration::from_secs(86_400)),
            objective: None,
            engages: false,
            supports_outcome: false,
            precedence: Precedence::Routine,
            supersedes: None,
        })
    }
}

/// The faults of all tearlines of `product` without a node, under the default filter settings. Accompanying files are
/// stored encrypted, with a key that is discarded afterwards.
///
/// # Errors
/// [`GatewayError`] if they cannot be stored, or `progress` was cancelled.
pub fn check_as_shipped(
    product: &Product,
    package: &mut dyn Package,
    progress: &Progress,
) -> Result<CheckedProduct, GatewayError> {
    let shipped = Inspection::parse(SHIPPED).map_err(GatewayError::trouble)?;
    let settings = inspection(&shipped, Vec::new(), Bounds::default());
    let not_yet = not_yet(product.as_of(), SystemClock.now());
    let excluded = (1..).zip(product.tearlines()).map(|(number, tearline)| {
        let never = never_passes(product.kind().as_str(), tearline.banner().level());
        (number, never.into_iter().chain(not_yet.clone()).collect::<Vec<Reason>>())
    });
    let excluded: Vec<(usize, Vec<Reason>)> = excluded.filter(|(_, reasons)| !reasons.is_empty()).collect();
    let found = |contents: &dyn Contents| {
        let found = blocking(|| inspect::tearlines(product, contents, &settings, Register::compiled_in(), &|_| true));
        let none = excluded.iter().map(|(tearline, whole)| CheckedTearline {
            tearline: *tearline,
            to: None,
            reasons: reasons(whole),
        });
        let tearlines = none.chain(found.iter().map(tearline)).collect();
        CheckedProduct { tearlines, ..CheckedProduct::default() }
    };
    if product.detached().next().is_none() && package.names().is_empty() {
        return Ok(found(&NoContents));
    }
    let scratch = Scratch::new()?;
    let keep = AttachmentStore { spool: &scratch.spool, storage: &scratch.storage, request: scratch.request, progress };
    let checked = match keep.all(product, package) {
        Ok(_held) => Ok(found(&keep.contents(product)?)),
        Err(NotStored::Faults(package)) => Ok(CheckedProduct { package, ..CheckedProduct::default() }),
        Err(NotStored::Trouble(error)) => Err(error),
    };
    progress.check().map_err(GatewayError::trouble)?;
    checked
}

fn tearline(found: &TearlineRefusal) -> CheckedTearline {
    CheckedTearline {
        tearline: found.tearline + 1,
        to: found.to.clone(),
        reasons: inspection_reasons(&found.refused, found.tearline, found.before_the_cut),
    }
}

/// A temporary folder for checking a product's files.
struct Scratch {
    folder: PathBuf,
    spool: Spool,
    storage: StorageKey,
    request: RequestId,
}

impl Scratch {
    fn new() -> Result<Scratch, GatewayError> {
        let (mut salt, mut number) = ([0; 16], [0; 10]);
        SystemEntropy.fill(&mut salt);
        SystemEntropy.fill(&mut number);
        let name: String = salt.iter().map(|b| format!("{b:02x}")).collect();
        let folder = std::env::temp_dir().join(format!("portcullis-check-{name}"));
        let spool = Spool::open(&folder, 0).map_err(GatewayError::trouble)?;
        let storage = StorageKey::parse(&PayloadIdentity::generate()).map_err(GatewayError::trouble)?;
        Ok(Scratch { folder, spool, storage, request: RequestId::new(SystemClock.now(), number) })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Leftover files are unreadable: the key is gone.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
