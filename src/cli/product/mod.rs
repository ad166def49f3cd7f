//! `portcullis product`: check a product, and show what each partner would get of it.

mod limits;
mod checked;
pub(super) mod select;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::limits::Limits;
use super::output::{Exit, Failure, Out, shown};
use crate::cli::input::open::{UNNAMED_CONFIG, node_at};
use crate::cut::{self, Cut};
use crate::digest::Digest;
use crate::gateway::{CheckedPartner, CutPreview, Node, check_as_shipped, package};
use crate::ident::PartnerId;
use crate::marking::Register;
use crate::product::{
    Attachment, Bounds, FileName, Format, NoImage, Package, PackageCode, PackageFault, Product, ProductFault, SCHEMA,
    Style, copy, render,
};

/// Check products; show what each partner would get of them.
#[derive(Debug, clap::Subcommand)]
pub enum ProductCommand {
    Check(Check),
    Cut(CutFor),
    /// Print the JSON Schema of products in JSON.
    Schema,
}

/// Check a product for everything that would make `submit` refuse it.
///
/// Reports every fault with its place, the rule it breaks and a fix. Attachments are inspected by every filter.
///
/// A product is text, Markdown, JSON or a STIX 2.1 bundle; its content decides which, not its file name. Each tearline's
/// banner decides whether it is marked by the intelligence community's rules or as controlled unclassified information (CUI).
///
/// With a node (`--config`), its register, limits, word lists and settings are used, and the answer shows what each of its
/// partners would get: what passes for a partner, `submit` accepts for it. Without a node the default settings are used, for
/// every recipient that a tearline's marks name. The answer says which limits were used.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The product: a file, or a folder or ZIP archive of `product.txt` and `attachments/`.
    file: PathBuf,
    /// Refuse content in any other format than this: text, markdown, json or stix.
    #[arg(long = "as", value_name = "FORMAT")]
    told: Option<Format>,
    /// Check only what this partner of the node would get, and fail if it would get nothing; repeat for several.
    #[arg(long, value_name = "PARTNER")]
    partner: Vec<PartnerId>,
    /// Use the first releasable tearline at or below this one, counted from 1 at the top.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    tearline: std::num::NonZeroUsize,
}

/// Write exactly what a partner would get, or say why it would get nothing.
#[derive(Debug, clap::Args)]
pub struct CutFor {
    /// The product: text, Markdown, JSON or a STIX 2.1 bundle, or a folder or ZIP archive of `product.txt` and
    /// `attachments/`.
    file: PathBuf,
    /// Write the cut to this new file, or to a new folder if it has attachments; with `--as`, always one file. For viewing,
    /// the folder `PLACE.attachments` gets an image of each page and the text of each PDF, and each image as a file.
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["explain", "diff"])]
    output: Option<PathBuf>,
    /// The partner.
    #[arg(long = "for", value_name = "PARTNER")]
    partner: PartnerId,
    /// Show the source, with the outcome of each tearline and the rule that decided it.
    #[arg(long)]
    explain: bool,
    /// Show this partner's cut beside the other one.
    #[arg(long, value_name = "PARTNER", conflicts_with = "explain")]
    diff: Option<PartnerId>,
    /// Use the first releasable tearline at or below this one, counted from 1 at the top.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    tearline: std::num::NonZeroUsize,
    /// Show the cut in another format than the text that is approved and sent: markdown, json, stix or html.
    #[arg(long = "as", value_name = "FORMAT", default_value = "text", conflicts_with_all = ["explain", "diff"])]
    rendering: Format,
}

impl ProductCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            ProductCommand::Check(check) => check.run(config, out).await,
            ProductCommand::Cut(cut) => cut.run(config, out).await,
            ProductCommand::Schema => {
                out.write(SCHEMA.as_bytes());
                Ok(Exit::Done)
            }
        }
    }
}

fn style(out: Out) -> Style {
    if out.colour() { Style::Colour } else { Style::Plain }
}

/// A package and its text.
type Opened = (Box<dyn Package>, Vec<u8>);

/// Opens a package and reads its text; `None` if it is not a valid package, in which case its faults were printed.
fn read_package(file: &Path, bounds: &Bounds, limits: Option<&Limits>, out: Out) -> Result<Option<Opened>, Failure> {
    let opened = package::open(file).and_then(|mut package| {
        let text = package.text(bounds.bytes_max)?;
        Ok((package, text))
    });
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(faults) => show_package_faults(&faults, limits, out).map(|()| None),
    }
}

/// Prints every fault of a package.
///
/// # Errors
/// [`Failure`] if a file of the package cannot be read.
fn show_package_faults(faults: &[PackageFault], limits: Option<&Limits>, out: Out) -> Result<(), Failure> {
    if let Some(fault) = faults.iter().find(|fault| fault.code == PackageCode::Unreadable) {
        return Err(Failure::input(format!("{} {}", fault.place, fault.message)));
    }
    out.answer(&not_valid(json!(faults), limits), |text| {
        for fault in faults {
            let head = out.verdict(&format!("error[{}]", fault.code.as_str()), false);
            let _ = writeln!(text, "{head}: {} {}\n  = fix: {}\n", fault.place, fault.message, fault.hint);
        }
        tell_count(text, faults.len(), limits, out);
    });
    Ok(())
}

/// The JSON answer for a product with faults.
fn not_valid(faults: Value, limits: Option<&Limits>) -> Value {
    let mut answer = json!({ "valid": false, "faults": faults });
    if let Some(limits) = limits {
        answer["limits"] = limits.json();
    }
    answer
}

/// Appends how many faults there are and which limits were used.
fn tell_count(text: &mut String, faults: usize, limits: Option<&Limits>, out: Out) {
    let _ = writeln!(text, "{}: {}", out.verdict("not valid", false), count(faults));
    if let Some(limits) = limits {
        let _ = writeln!(text, "  {}", limits.sentence());
    }
}

fn count(faults: usize) -> String {
    match faults {
        1 => "1 fault".to_owned(),
        many => format!("{many} faults"),
    }
}

impl Check {
    async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = self.node(config).await?;
        let limits = Limits::of(node.as_ref(), config);
        let bounds = &limits.bounds;
        let register = node.as_ref().map_or(Register::compiled_in(), Node::register);
        let Some((mut package, source)) = read_package(&self.file, bounds, Some(&limits), out)? else {
            return Ok(Exit::No);
        };
        let product = match Product::read_as(&source, self.told, bounds, register) {
            Ok(product) => product,
            Err(faults) => {
                show_faults(&faults, &source, &self.file.display().to_string(), Some(&limits), out);
                return Ok(Exit::No);
            }
        };
        let checked = match &node {
            Some(node) => {
                let partners = self.partner.iter().cloned().collect();
                node.check_product(&product, &partners, self.tearline.get() - 1, &mut *package)
                    .await
                    .map_err(Failure::from)?
            }
            None => check_as_shipped(&product, &mut *package, &crate::cli::output::progress::progress())
                .map_err(Failure::from)?,
        };
        if !checked.package.is_empty() {
            show_package_faults(&checked.package, Some(&limits), out)?;
            return Ok(Exit::No);
        }
        checked::answer(&product, &checked, register, (&limits, source.len()), out);
        Ok(if checked.passes() { Exit::Done } else { Exit::No })
    }

    /// Opens the node; `None` if there is no configuration at the default place and neither `--config` nor `--partner` was
    /// given.
    async fn node(&self, config: &Path) -> Result<Option<Node>, Failure> {
        let unnamed = config == Path::new(UNNAMED_CONFIG) && !config.exists();
        if unnamed && self.partner.is_empty() {
            return Ok(None);
        }
        node_at(config).await.map(Some)
    }
}

/// Prints every fault of a product, as JSON or in the style of compiler errors.
fn show_faults(faults: &[ProductFault], source: &[u8], name: &str, limits: Option<&Limits>, out: Out) {
    out.answer(&not_valid(json!(faults), limits), |text| {
        for fault in faults {
            let _ = writeln!(text, "{}", render(fault, source, name, style(out)));
        }
        tell_count(text, faults.len(), limits, out);
    });
}

impl CutFor {
    async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let Some((mut package, source)) = read_package(&self.file, node.bounds(), None, out)? else {
            return Ok(Exit::No);
        };
        let product = match Product::read(&source, node.bounds(), node.register()) {
            Ok(product) => product,
            Err(faults) => {
                show_faults(&faults, &source, &self.file.display().to_string(), None, out);
                return Ok(Exit::No);
            }
        };
        let mut previews = Vec::new();
        for partner in std::iter::once(&self.partner).chain(&self.diff) {
            let preview = node.preview_cut(&product, partner, self.tearline.get() - 1).await;
            previews.push(preview.map_err(Failure::from)?);
        }
        // Inspected as a submission would be, so that exactly what would be sent is shown.
        let partners = std::iter::once(&self.partner).chain(&self.diff).cloned().collect();
        let checked = node.check_product(&product, &partners, self.tearline.get() - 1, &mut *package).await;
        let checked = checked.map_err(Failure::from)?;
        if !checked.package.is_empty() {
            show_package_faults(&checked.package, None, out)?;
            return Ok(Exit::No);
        }
        let stopped: Vec<&CheckedPartner> = checked.partners.iter().filter(|p| !p.reasons.is_empty()).collect();
        let shown_anyway = out.json() || self.explain || self.diff.is_some();
        if let Some(stopped) = stopped.first().filter(|_| !shown_anyway) {
            let reasons: Vec<&str> = stopped.reasons.iter().map(|r| r.sentence.as_str()).collect();
            return Err(Failure::refused(format!("`{}` gets nothing: {}", stopped.partner, reasons.join("; "))));
        }
        let goes = |id: &PartnerId| !stopped.iter().any(|partner| partner.partner == id.as_str());
        let (first, second) = (&previews[0].explanation, previews.get(1).map(|preview| &preview.explanation));
        let mut looks = Vec::new();
        if let (Some(place), Ok(cut), true) = (&self.output, &first.cut, goes(&self.partner)) {
            if self.rendering == Format::Text {
                write_cut(place, cut, &product, &mut *package)?;
            } else {
                let rendered = cut.rendered(self.rendering, node.register()).map_err(Failure::refused)?;
                package::write(place, &rendered, None).map_err(Failure::refused)?;
            }
            looks = node.write_renderings(place, cut).map_err(Failure::from)?;
        }
        if out.json() {
            let views: Result<Vec<_>, _> = previews
                .iter()
                .map(|preview| {
                    let stopped = stopped.iter().find(|partner| partner.partner == preview.partner.as_str()).copied();
                    view(preview, stopped, self.rendering, node.register())
                })
                .collect();
            let mut answer = json!({ "partners": views.map_err(Failure::refused)? });
            if self.output.is_some() {
                answer["looks"] = json!(looks);
            }
            out.answer(&answer, |_| {});
        } else if let (Some(other), Some(second)) = (&self.diff, second) {
            let left = (self.partner.as_str(), first.cut.as_ref().ok());
            let right = (other.as_str(), second.cut.as_ref().ok());
            out.write(cut::side_by_side(left, right, 160, style(out)).as_bytes());
            tell_stopped(&stopped, out);
        } else if self.explain {
            // A product in another format is shown in its canonical text form.
            let source = if product.format() == Format::Text { source } else { product.as_text().into_bytes() };
            out.write(cut::show(first, &source, style(out)).as_bytes());
            for change in &previews[0].changes {
                out.write(format!("changed before the cut is made: {change}\n").as_bytes());
            }
            tell_stopped(&stopped, out);
        } else if let (Some(place), Ok(cut)) = (&self.output, &first.cut) {
            let marking = shown(&cut.marking().banner());
            let mut text = format!("wrote {} ({marking}) to {}\n", cut.id(), place.display());
            crate::cli::request::write_out::tell_looks(&mut text, &looks);
            out.write(text.as_bytes());
        } else if let Ok(cut) = &first.cut {
            out.write(&cut.rendered(self.rendering, node.register()).map_err(Failure::refused)?);
        }
        Ok(if goes(&self.partner) { Exit::Done } else { Exit::No })
    }
}

/// Prints why a cut that is shown would not be released.
fn tell_stopped(stopped: &[&CheckedPartner], out: Out) {
    for partner in stopped {
        for reason in &partner.reasons {
            let (id, sentence) = (&partner.partner, shown(&reason.sentence));
            out.write(format!("`{id}` gets nothing: {sentence} [{}]\n", reason.code).as_bytes());
        }
    }
}

/// Writes a cut to `place`, with its detached attachments copied from the product's package.
fn write_cut(place: &Path, cut: &Cut, product: &Product, source: &mut dyn Package) -> Result<(), Failure> {
    let mut names: BTreeMap<Digest, Vec<&FileName>> = BTreeMap::new();
    for attachment in cut.detached() {
        names.entry(attachment.digest()).or_default().push(attachment.name());
    }
    let mut fill = |folder: &Path| {
        let mut keep = |attachment: &Attachment, bytes: &mut dyn std::io::Read| {
            let names = names.get(&attachment.digest()).map_or(&[][..], Vec::as_slice);
            let files = names.iter().map(|name| package::new_file(folder, name));
            let files = files.collect::<Result<Vec<_>, _>>().map_err(std::io::Error::other)?;
            let mut all = Every(files);
            let copied = copy(bytes, &mut all).map_err(|(_, e)| e)?;
            all.0.iter().try_for_each(std::fs::File::sync_all)?;
            Ok(copied)
        };
        let taken = source.read_attachments(product, &mut keep);
        taken.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let fill: Option<&mut package::Fill<'_>> = if cut.detached().next().is_some() { Some(&mut fill) } else { None };
    package::write(place, cut.bytes(), fill).map_err(Failure::refused)
}

/// A writer that writes the same bytes to several files.
struct Every(Vec<std::fs::File>);

impl std::io::Write for Every {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.iter_mut().try_for_each(|file| file.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn view(
    CutPreview { partner, explanation, changes }: &CutPreview,
    stopped: Option<&CheckedPartner>,
    format: Format,
    register: &Register,
) -> Result<serde_json::Value, NoImage> {
    let reasons = stopped.map_or(&[][..], |partner| &partner.reasons);
    let (cut, refusal) = match &explanation.cut {
        Ok(cut) if stopped.is_none() => (Some(cut), None),
        Ok(_) => (None, reasons.first().map(|reason| reason.sentence.clone())),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    let shown = cut.map(|c| c.rendered(format, register)).transpose()?;
    Ok(json!({
        "partner": partner.as_str(),
        "tearlines": explanation.tearlines,
        "refusal": refusal,
        "changes": changes,
        "reasons": reasons,
        "cut": cut.zip(shown).map(|(c, shown)| json!({
            "id": c.id().as_str(), "digest": c.digest(), "marking": c.marking().banner(), "bytes": c.size(),
            "format": format.as_str(), "text": String::from_utf8_lossy(&shown),
        })),
    }))
}
