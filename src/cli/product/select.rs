//! `portcullis cut`: selects the tearline of a product that a partner may have.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::cli::marking::json_lines::{AsOf, each_line};
use crate::cli::marking::register;
use crate::cli::output::{Failure, Out};
use crate::cut::select::{MarkedTearline, ProductFault, ProductRefused, Selection, select};
use crate::marking::{Level, PartnerKind, PartnerRights, Register, Rules};

/// Select the tearline that a partner may have.
#[derive(Debug, Args)]
pub struct CutArgs {
    #[command(subcommand)]
    command: CutCommand,
}

#[derive(Debug, Subcommand)]
enum CutCommand {
    /// Select tearlines by their marks, as JSON lines.
    ///
    /// Reads one JSON request per line from standard input and writes one JSON answer per line.
    Select(SelectArgs),
}

#[derive(Debug, Args)]
struct SelectArgs {
    /// The operator's dated changes to the register (JSON).
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &CutArgs, out: Out) -> ExitCode {
    let CutCommand::Select(args) = &args.command;
    let outcome =
        register(args.overlay.as_deref()).and_then(|register| each_line(|request| answer(&register, request)));
    outcome.unwrap_or_else(|e| out.failure(&Failure::input(e)))
}

#[derive(Debug, Deserialize)]
struct SelectRequest {
    #[serde(default)]
    id: serde_json::Value,
    product: ProductRequest,
    partner: PartnerRequest,
    /// The highest tearline to consider, counted from 0 at the top.
    #[serde(default)]
    at_or_below: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct ProductRequest {
    tearlines: Vec<TearlineRequest>,
    #[serde(default, alias = "as_of")]
    date: AsOf,
}

#[derive(Debug, Deserialize)]
struct TearlineRequest {
    banner: String,
    #[serde(default)]
    portions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct PartnerRequest {
    id: String,
    kind: KindRequest,
    ceiling: Level,
    #[serde(default)]
    accreditations: BTreeSet<String>,
    #[serde(default)]
    network: Option<NetworkRequest>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindRequest {
    Country,
    #[serde(alias = "organisation", alias = "organization")]
    Org,
}

/// The countries that a network may carry products for: a list of codes, or `REL TO` text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NetworkRequest {
    Codes(BTreeSet<String>),
    Text(String),
}

impl NetworkRequest {
    fn into_codes(self) -> BTreeSet<String> {
        match self {
            Self::Codes(codes) => codes,
            Self::Text(text) => {
                let list = text.strip_prefix("REL TO ").unwrap_or(&text);
                list.split(", ").map(str::to_owned).collect()
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct SelectAnswer {
    id: serde_json::Value,
    tearline: Option<usize>,
    product_refused: bool,
    refusal: Option<String>,
    refused_at: Option<usize>,
    per_tearline: Option<Vec<String>>,
}

fn answer(register: &Register, request: SelectRequest) -> SelectAnswer {
    let rules = Rules::new(register, request.product.date.date());
    let selection = decide(&rules, request.product.tearlines, request.partner, request.at_or_below.unwrap_or(0));
    let verdicts = || selection.per_tearline.iter().map(ToString::to_string).collect();
    SelectAnswer {
        id: request.id,
        tearline: selection.tearline,
        product_refused: selection.refused.is_some(),
        refusal: selection.refused.as_ref().map(|r| r.fault.to_string()),
        refused_at: selection.refused.as_ref().map(|r| r.at),
        per_tearline: selection.refused.is_none().then(verdicts),
    }
}

fn decide(
    rules: &Rules<'_>,
    tearlines: Vec<TearlineRequest>,
    partner: PartnerRequest,
    at_or_below: usize,
) -> Selection {
    let mut marked = Vec::with_capacity(tearlines.len());
    for (at, tearline) in tearlines.iter().enumerate() {
        match MarkedTearline::read(rules, &tearline.banner, tearline.portions.iter().map(String::as_str)) {
            Ok(tearline) => marked.push(tearline),
            Err(rejected) => {
                return Selection::refused(ProductRefused { fault: ProductFault::InvalidMark(rejected), at });
            }
        }
    }
    let kind = match partner.kind {
        KindRequest::Country => PartnerKind::Country,
        KindRequest::Org => PartnerKind::Organisation,
    };
    let link = PartnerRights {
        id: partner.id,
        kind,
        ceiling: partner.ceiling,
        accreditations: partner.accreditations,
        network: partner.network.map(NetworkRequest::into_codes),
        ..PartnerRights::new("", kind, partner.ceiling, [])
    };
    select(&marked, &link, rules, at_or_below)
}
