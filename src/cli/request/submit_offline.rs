//! Signs a submission without a node, for a producing system to send with its product.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::approval::{Aims, Submission, Terms};
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::keys::signer_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::config::write_new;
use crate::envelope::Precedence;
use crate::gateway::package;
use crate::ident::{NodeId, OfficerId, PartnerId, RequestId};
use crate::ledger::LedgerKey;
use crate::marking::Register;
use crate::product::{Bounds, Format, Product};
use crate::sign::Signed;
use crate::system::{Entropy as _, SystemClock, SystemEntropy};
use crate::time::{Clock as _, Time};

/// The terms file: what a producer requests (JSON).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The node that is to release the product, and the verifier key of its ledger; `partner export` prints both.
    node: NodeId,
    ledger_key: String,
    /// The officer who signs, as enrolled at the node.
    submitter: OfficerId,
    partners: BTreeSet<PartnerId>,
    purpose: String,
    legal_basis: String,
    policy_basis: String,
    expires: Time,
    precedence: Precedence,
    #[serde(default)]
    supersedes: Option<RequestId>,
    /// What the release is to serve beyond sharing.
    #[serde(default)]
    aims: Aims,
    /// Use the first releasable tearline at or below this one, counted from 1 at the top.
    #[serde(default = "top")]
    tearline: std::num::NonZeroU64,
}

fn top() -> std::num::NonZeroU64 {
    std::num::NonZeroU64::MIN
}

/// Signs a submission of the product in `file` with the terms in the file `terms`, and writes it to the new file `place`.
///
/// # Errors
/// [`Failure`] if a file cannot be read, parsed or written, or the product or the terms are not valid.
pub(in crate::cli) fn sign(
    file: &Path,
    told: Option<Format>,
    terms: &Path,
    key: &Path,
    place: &Path,
    out: Out,
) -> Result<Exit, Failure> {
    let unreadable = |e: serde_json::Error| Failure::input(format!("`{}`: {e}", terms.display()));
    let asked: Asked = serde_json::from_str(&read_text(terms)?).map_err(unreadable)?;
    let ledger: LedgerKey = asked.ledger_key.parse().map_err(Failure::input)?;
    let instance = ledger.instance();
    let signer = signer_at(key)?;
    let bounds = Bounds::default();
    let refused = |faults: &[String]| Failure::refused(faults.join("; "));
    let text = package::open(file).and_then(|mut package| package.text(bounds.bytes_max));
    let text = text.map_err(|faults| refused(&faults.iter().map(ToString::to_string).collect::<Vec<_>>()))?;
    let product = Product::read_as(&text, told, &bounds, Register::compiled_in())
        .map_err(|faults| refused(&faults.iter().map(ToString::to_string).collect::<Vec<_>>()))?;
    let now = SystemClock.now();
    let mut entropy = [0; 10];
    SystemEntropy.fill(&mut entropy);
    let terms = Terms {
        request: RequestId::new(now, entropy),
        submitter: asked.submitter,
        originator: product.originator().to_owned(),
        purpose: asked.purpose,
        legal_basis: asked.legal_basis,
        policy_basis: asked.policy_basis,
        expires: asked.expires,
        objective: asked.aims.objective,
        engages: asked.aims.engages,
        supports_outcome: asked.aims.supports_outcome,
        precedence: asked.precedence,
        supersedes: asked.supersedes,
    };
    let faults: Vec<String> = terms.faults().iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return Err(refused(&faults));
    }
    let request = terms.request;
    let submission = Submission {
        node: asked.node,
        instance,
        product: product.digest(),
        partners: asked.partners,
        from_tearline: asked.tearline.get() - 1,
        terms,
        given_at: now,
    };
    let signed = Signed::sign(submission, &signer).map_err(Failure::trouble)?;
    write_new(place, signed.bytes()).map_err(|e| cannot_write(place, e))?;
    out.answer(&json!({ "request": request, "file": place, "statement": signed.digest() }), |text| {
        let _ = writeln!(text, "signed  {}", place.display());
        let _ = writeln!(
            text,
            "  send it with the product to the node's operator: portcullis submit PRODUCT --signed FILE"
        );
    });
    Ok(Exit::Done)
}
