//! `portcullis product`: check a product, and see what each partner would get of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::node_at;
use super::output::{Exit, Failure, Out};
use crate::cut::{self, Explanation, Terms};
use crate::ident::PartnerId;
use crate::marking::Register;
use crate::product::{Bounds, Product, ProductFault, Style, render};

/// Check products and see what partners would get of them.
#[derive(Debug, clap::Subcommand)]
pub enum ProductCommand {
    Check(Check),
    Cut(CutFor),
}

/// Check a product: every fault, with its place, the rule it breaks and what to do.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The product's text.
    file: PathBuf,
}

/// Write exactly the bytes that a partner would get, or say why it would get nothing.
#[derive(Debug, clap::Args)]
pub struct CutFor {
    /// The product's text.
    file: PathBuf,
    /// The partner.
    #[arg(long = "for", value_name = "PARTNER")]
    partner: PartnerId,
    /// Show the source with what becomes of each tearline and the rule that decided.
    #[arg(long)]
    explain: bool,
    /// Show the cuts of both partners side by side.
    #[arg(long, value_name = "PARTNER", conflicts_with = "explain")]
    diff: Option<PartnerId>,
    /// Take the first tearline that may go at or below this one, counted from 1 at the top.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    tearline: std::num::NonZeroUsize,
}

impl ProductCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            ProductCommand::Check(check) => check.run(out),
            ProductCommand::Cut(cut) => cut.run(config, out).await,
        }
    }
}

fn style(out: Out) -> Style {
    if out.colour() { Style::Colour } else { Style::Plain }
}

fn read_bytes(file: &Path, bounds: &Bounds) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let unreadable = |e| Failure::input(format!("`{}` cannot be read: {e}", file.display()));
    let mut bytes = Vec::new();
    // One byte more than may be read is enough for the reader to say that it is too many.
    let limit = u64::try_from(bounds.bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

impl Check {
    fn run(self, out: Out) -> Result<Exit, Failure> {
        let bounds = Bounds::default();
        let source = read_bytes(&self.file, &bounds)?;
        let name = self.file.display().to_string();
        match Product::read(&source, &bounds, Register::compiled_in()) {
            Ok(product) => {
                let tearlines: Vec<_> = product
                    .tearlines()
                    .iter()
                    .map(|t| json!({ "banner": t.banner().banner(), "line": t.line(), "portions": t.portions().len(), "attachments": t.attachments().len() }))
                    .collect();
                let value = json!({
                    "valid": true, "id": product.id().as_str(), "digest": product.digest(),
                    "register": Register::compiled_in().version(), "tearlines": tearlines, "faults": [],
                });
                out.answer(&value, |text| {
                    let _ = writeln!(
                        text,
                        "{}: {} {} of {}",
                        out.verdict("valid", true),
                        product.kind(),
                        product.id(),
                        product.date()
                    );
                    for (i, t) in product.tearlines().iter().enumerate() {
                        let _ = writeln!(
                            text,
                            "  tearline {}: {}, {} portions, {} attachments",
                            i + 1,
                            t.banner(),
                            t.portions().len(),
                            t.attachments().len()
                        );
                    }
                });
                Ok(Exit::Done)
            }
            Err(faults) => {
                show_faults(&faults, &source, &name, out);
                Ok(Exit::No)
            }
        }
    }
}

/// Answers with every fault of a product, as JSON or as a compiler would show them.
pub(super) fn show_faults(faults: &[ProductFault], source: &[u8], name: &str, out: Out) {
    out.answer(&json!({ "valid": false, "faults": faults }), |text| {
        for fault in faults {
            let _ = writeln!(text, "{}", render(fault, source, name, style(out)));
        }
        let count = match faults.len() {
            1 => "1 fault".to_owned(),
            many => format!("{many} faults"),
        };
        let _ = writeln!(text, "{}: {count}", out.verdict("not valid", false));
    });
}

impl CutFor {
    async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let source = read_bytes(&self.file, node.bounds())?;
        let product = match Product::read(&source, node.bounds(), node.register()) {
            Ok(product) => product,
            Err(faults) => {
                show_faults(&faults, &source, &self.file.display().to_string(), out);
                return Ok(Exit::No);
            }
        };
        let mut explanations = Vec::new();
        for id in std::iter::once(&self.partner).chain(&self.diff) {
            let partner = node.partner(id).await.map_err(Failure::from)?;
            let (link, terms) = (partner.agreement.link_rights(), Terms::from(&partner.agreement));
            let from = self.tearline.get() - 1;
            explanations.push(cut::explain(&product, &link, &terms, from, node.bounds(), node.register()));
        }
        let (first, second) = (&explanations[0], explanations.get(1));
        if out.json() {
            let named = std::iter::once(&self.partner).chain(&self.diff).zip(&explanations);
            out.answer(&json!({ "partners": named.map(|(p, e)| view(p, e)).collect::<Vec<_>>() }), |_| {});
        } else if let (Some(other), Some(second)) = (&self.diff, second) {
            let left = (self.partner.as_str(), first.cut.as_ref().ok());
            let right = (other.as_str(), second.cut.as_ref().ok());
            out.write(cut::side_by_side(left, right, 160, style(out)).as_bytes());
        } else if self.explain {
            out.write(cut::show(first, &source, style(out)).as_bytes());
        } else if let Ok(cut) = &first.cut {
            out.write(cut.bytes());
        }
        match &first.cut {
            Ok(_) => Ok(Exit::Done),
            Err(_) if out.json() || self.explain || self.diff.is_some() => Ok(Exit::No),
            Err(refusal) => Err(Failure::refused(format!("`{}` gets nothing: {refusal}", self.partner))),
        }
    }
}

fn view(partner: &PartnerId, explanation: &Explanation) -> serde_json::Value {
    let (cut, refusal) = match &explanation.cut {
        Ok(cut) => (Some(cut), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    json!({
        "partner": partner.as_str(),
        "tearlines": explanation.tearlines,
        "refusal": refusal,
        "cut": cut.map(|c| json!({
            "id": c.id().as_str(), "digest": c.digest(), "marking": c.marking().banner(), "bytes": c.bytes().len(),
            "text": String::from_utf8_lossy(c.bytes()),
        })),
    })
}
