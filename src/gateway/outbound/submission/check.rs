//! What would become of a product, asked before it is submitted: the judgement is the one that a submission gets, and
//! nothing of it is kept.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::approval::Terms;
use crate::config::Inspection;
use crate::consent::Described;
use crate::envelope::Precedence;
use crate::gateway::content::attachments::{Keep, NotKept, blocking};
use crate::gateway::node::policy::settings::inspection;
use crate::gateway::outbound::decision::forecast::WouldGo;
use crate::gateway::outbound::decision::reasons::{inspection_reasons, reasons};
use crate::gateway::outbound::submission::submit::known;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::ident::{PartnerId, RequestId};
use crate::inspect::{self, Change, NotPassed};
use crate::marking::Register;
use crate::partner::Standing;
use crate::product::{Bounds, Contents, NoContents, Package, PackageFault, Product};
use crate::progress::Progress;
use crate::release::{Reason, never_passes, not_yet};
use crate::seal::{AtRest, PayloadIdentity};
use crate::store::Spool;
use crate::system::{Entropy as _, SystemClock, SystemEntropy};
use crate::time::Clock as _;

/// The settings of the filters that this program is delivered with.
const SHIPPED: &str = include_str!("../../../../policy/inspection.toml");

/// What would become of a product that reads.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckedProduct {
    /// What is wrong with the files that came with it.
    pub package: Vec<PackageFault>,
    /// What each partner would get, or why it would not.
    pub partners: Vec<CheckedPartner>,
    /// The tearlines that would not pass, whoever they went to.
    pub tearlines: Vec<CheckedTearline>,
}

/// What one partner would get.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedPartner {
    /// The partner.
    pub partner: String,
    /// The tearline it would get, counted from 1 at the top.
    pub tearline: Option<usize>,
    /// The marking of that.
    pub marking: Option<String>,
    /// What would be changed in it before it is cut.
    pub changes: Vec<Change>,
    /// Every reason why a submission to it would be refused.
    pub reasons: Vec<ReasonView>,
    /// What would keep it waiting, with no need to submit it again: a partner that is suspended, a clock in doubt.
    pub waits: Vec<ReasonView>,
    /// Whether it was asked about by name.
    #[serde(skip)]
    named: bool,
}

/// A tearline that would not pass.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedTearline {
    /// Which, counted from 1 at the top.
    pub tearline: usize,
    /// To whom, as a release list names them; everybody if `None`.
    pub to: Option<String>,
    /// Why.
    pub reasons: Vec<ReasonView>,
}

impl CheckedProduct {
    /// Whether nothing is wrong with the product, and everybody asked about by name would get something of it. That its
    /// marks do not release it to some partner is no fault of a product.
    pub fn passes(&self) -> bool {
        self.package.is_empty() && self.tearlines.is_empty() && self.partners.iter().all(CheckedPartner::passes)
    }
}

impl CheckedPartner {
    /// Whether nothing is wrong with what it would get, and it would get something if it was asked about by name. What
    /// keeps a product from everybody is a fault of the product.
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
    /// What a submission of `product` from this tearline on, counted from 0 at the top, would come to at the `partners`, or
    /// at every one that is enrolled; then also what would not pass in tearlines that go to others. Nothing is kept.
    ///
    /// # Errors
    /// [`GatewayError`] if a partner is unknown or the node cannot be used.
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
        let kept = blocking(|| self.keep_attachments(request, product, package));
        let checked = match kept {
            Ok(_held) => self.checked(product, partners, from_tearline, request).await,
            Err(NotKept::Faults(package)) => Ok(CheckedProduct { package, ..CheckedProduct::default() }),
            Err(NotKept::Trouble(error)) => Err(error),
        };
        self.drop_attachments(request)?;
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
            let WouldGo { candidate, against, waits } =
                self.would_go((product, &described), (partner, from_tearline), &contents, asked).await?;
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

    /// Terms in order, as somebody may submit a product on: what it is for is not asked here.
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

/// What would not pass in any tearline of `product`, where no node is: with the filters as they are delivered. Files beside
/// the text are kept encrypted, with a key that is gone afterwards.
///
/// # Errors
/// [`GatewayError`] if they cannot be kept.
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
    let keep = Keep { spool: &scratch.spool, storage: &scratch.storage, request: scratch.request, progress };
    match keep.all(product, package) {
        Ok(_held) => Ok(found(&keep.contents(product)?)),
        Err(NotKept::Faults(package)) => Ok(CheckedProduct { package, ..CheckedProduct::default() }),
        Err(NotKept::Trouble(error)) => Err(error),
    }
}

fn tearline(found: &NotPassed) -> CheckedTearline {
    CheckedTearline {
        tearline: found.tearline + 1,
        to: found.to.clone(),
        reasons: inspection_reasons(&found.refused, found.tearline, found.before_the_cut),
    }
}

/// A folder for one look at a product's files.
struct Scratch {
    folder: PathBuf,
    spool: Spool,
    storage: AtRest,
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
        let storage = AtRest::parse(&PayloadIdentity::generate()).map_err(GatewayError::trouble)?;
        Ok(Scratch { folder, spool, storage, request: RequestId::new(SystemClock.now(), number) })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left holds nothing that anybody can read: the key is gone.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
