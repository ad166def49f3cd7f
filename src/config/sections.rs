//! The sections of a configuration, one struct for each, with their defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ConfigFaults;
use super::reader::Document;
use crate::digest::Digest;
use crate::filter_process::MEMORY_BYTES;
use crate::ident::{NodeId, NotAnIdent};
use crate::inspect::{Hidden, SHARED_WORDS};
use crate::invisible;
use crate::rebuild::PdfFonts;

/// `[node]`: the node's identity. No setting has a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's name; partners enrol it under this name.
    pub name: NodeId,
    /// The name of the organisation, for people.
    pub organisation: String,
    /// The code of the country or organisation that the node represents, from the marking register.
    pub code: String,
    /// A contact for partners, for people.
    pub contact: String,
}

/// `[listen]`: where partners reach this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// UDP address to listen on; `None` for a node that only dials.
    pub address: Option<SocketAddr>,
    /// `host:port` addresses given to partners in the exported description.
    pub advertise: Vec<String>,
    /// The certificate and key-exchange profile of this node: `cnsa2`, `hybrid` or `classical`.
    pub profile: String,
}

/// `[store]`: records and sealed payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The SQLite database.
    pub database: PathBuf,
    /// The folder of sealed payloads; ciphertext only.
    pub spool: PathBuf,
    /// Bytes that must stay free on the spool's disk; below that, offers are refused before a byte is accepted.
    pub reserve_bytes: u64,
    /// The largest sealed payload, in bytes, that is stored in the database itself; longer ones are files in the spool.
    pub kept_bytes_max: u64,
    /// Days for which files set aside from the spool are kept, and payloads of products that were exported from the inbox.
    pub keep_days: u64,
    /// The most unfinished payloads of one partner; never fewer than the concurrent exchanges of its agreement.
    pub unfinished_max: u64,
    /// Hours after which an unfinished payload that its sender does not resume is deleted.
    pub unfinished_hours: u64,
    /// The most space, in per cent of the space above the reserve, for what one partner sent and nobody exported yet.
    pub partner_percent: u64,
    /// Bytes per second that the scrub (the periodic check of stored payloads for damage) reads.
    pub scrub_bytes_per_second: u64,
}

/// `[policy]`: the folder of rules, marking register and word lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The path of the folder.
    pub folder: PathBuf,
}

/// `[limits]`: limits on products and connections, whatever producers and partners send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest text of a product, in bytes, including inline attachments.
    pub product_bytes: u64,
    /// The largest detached attachment, in bytes. It needs disk space and time, not memory.
    pub attachment_bytes: u64,
    /// The largest total of detached attachments of one product, in bytes.
    pub attachments_total_bytes: u64,
    /// The largest inline attachment, decoded, in bytes.
    pub inline_bytes: u64,
    /// The most lines of a text.
    pub lines: u64,
    /// The longest line of a text, in bytes.
    pub line_bytes: u64,
    /// The most tearlines of a product.
    pub tearlines: u64,
    /// The most portions of one tearline.
    pub portions: u64,
    /// The most attachments of one tearline.
    pub attachments: u64,
    /// The deepest nesting of values in JSON and STIX products and in attachments.
    pub depth: u64,
    /// The most concurrent handshakes: half for strangers, half for networks of partners.
    pub handshakes: u64,
    /// Connection attempts per minute from one IPv4 address or IPv6 /64; four times as many from one IPv4 /24 or IPv6 /48.
    pub attempts_per_minute: u64,
}

/// Settings of the content filters and the limits of their processes: `inspection.toml`, which is a part of the policy, so that two
/// officers must sign a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What is done about hidden characters in a product before a cut is made of it.
    pub hidden: Hidden,
    /// The number of consecutive words shared with a part of the source that is not released to the partner that is refused.
    pub shared_words: u64,
    /// Which fonts of a PDF are accepted.
    pub pdf_fonts: PdfFonts,
    /// The lowest contrast ratio of text in a PDF, in hundredths (180 is 1.8:1).
    pub pdf_contrast: u64,
    /// The smallest size of text in a PDF, in points.
    pub pdf_letter_points: u64,
    /// The most pixels of an image drawn on one point of a page.
    pub pdf_pixels_per_point: u64,
    /// The program that runs as filter process; `None` for this program itself.
    pub program: Option<FilterProgram>,
    /// The longest time that a filter process may take for one file.
    pub wall: Duration,
    /// The address space of a filter process, in bytes.
    pub memory_bytes: u64,
    /// The most filter processes at once.
    pub at_once: u64,
}

/// A program, other than this one, that runs as filter process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterProgram {
    /// The absolute path of the program.
    pub file: PathBuf,
    /// SHA-256 of the file; a program with another digest is not started.
    pub sha256: Digest,
}

/// `[gateway]`: scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The interval at which the store is polled for changes by other processes.
    pub poll: Duration,
    /// How long exchanges in flight may take to finish when the node is stopped.
    pub grace: Duration,
    /// The most exchanges sent at once, over all partners.
    pub concurrent: u64,
    /// The longest validity of a request, in days.
    pub request_days_max: u64,
}

/// `[log]`: logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A `tracing` filter, such as `info` or `portcullis=debug`.
    pub filter: String,
}

impl Node {
    pub(super) fn read(document: &mut Document) -> Node {
        let mut section = document.section("node");
        Node {
            name: section.required("name", |t| t.parse().map_err(|e: NotAnIdent| e.to_string())).unwrap_or_else(|| {
                // INVARIANT: a fault was recorded, so `Config::parse` does not return this placeholder.
                "unnamed".parse().expect("a constant name")
            }),
            organisation: section.parsed("organisation", None, printable),
            code: section.parsed("code", None, code),
            contact: section.parsed("contact", None, printable),
        }
    }
}

impl Listen {
    pub(super) fn read(document: &mut Document) -> Listen {
        let mut section = document.section("listen");
        Listen {
            address: section.optional("address", |t| {
                t.parse().map_err(|_| "must be an address and port such as `0.0.0.0:4433`".to_owned())
            }),
            advertise: section.list("advertise", &[], |t| {
                if t.contains(':') && !t.contains(char::is_whitespace) {
                    Ok(t.to_owned())
                } else {
                    Err("must list `host:port` addresses".to_owned())
                }
            }),
            profile: section.parsed("profile", Some("cnsa2"), |t| match t {
                "cnsa2" | "hybrid" | "classical" => Ok(t.to_owned()),
                _ => Err("must be `cnsa2`, `hybrid` or `classical`".to_owned()),
            }),
        }
    }
}

impl Store {
    pub(super) fn read(document: &mut Document, folder: &Path) -> Store {
        let mut section = document.section("store");
        Store {
            database: folder.join(section.text("database", Some("store/portcullis.db"))),
            spool: folder.join(section.text("spool", Some("store/spool"))),
            reserve_bytes: section.number("reserve_bytes", 64 << 20, 0..=u64::MAX >> 1),
            kept_bytes_max: section.number("kept_bytes_max", 64 << 10, 0..=64 << 10),
            keep_days: section.number("keep_days", 30, 1..=36_500),
            unfinished_max: section.number("unfinished_max", 64, 1..=100_000),
            unfinished_hours: section.number("unfinished_hours", 24, 1..=87_600),
            partner_percent: section.number("partner_percent", 50, 1..=100),
            scrub_bytes_per_second: section.number("scrub_bytes_per_second", 8 << 20, 4096..=1 << 40),
        }
    }
}

impl Policy {
    pub(super) fn read(document: &mut Document, folder: &Path) -> Policy {
        Policy { folder: folder.join(document.section("policy").text("folder", Some("policy"))) }
    }
}

impl Limits {
    pub(super) fn read(document: &mut Document) -> Limits {
        let mut section = document.section("limits");
        Limits {
            product_bytes: section.number("product_bytes", 16 << 20, 1024..=1 << 30),
            attachment_bytes: section.number("attachment_bytes", 16 << 30, 1..=1 << 44),
            attachments_total_bytes: section.number("attachments_total_bytes", 32 << 30, 1..=1 << 44),
            inline_bytes: section.number("inline_bytes", 4 << 20, 0..=1 << 28),
            lines: section.number("lines", 150_000, 16..=10_000_000),
            line_bytes: section.number("line_bytes", 16 << 10, 256..=1 << 20),
            tearlines: section.number("tearlines", 16, 1..=256),
            portions: section.number("portions", 2_000, 1..=100_000),
            attachments: section.number("attachments", 32, 0..=1024),
            depth: section.number("depth", 16, 8..=64),
            handshakes: section.number("handshakes", 64, 1..=65_536),
            attempts_per_minute: section.number("attempts_per_minute", 60, 1..=1_000_000),
        }
    }
}

impl Inspection {
    /// The text as shipped, with every default.
    pub const SHIPPED: &'static str = include_str!("../../policy/inspection.toml");

    /// Parses the text of `inspection.toml`.
    ///
    /// # Errors
    /// [`ConfigFaults`]: every fault of the text, each with its line.
    pub fn parse(text: &str) -> Result<Inspection, ConfigFaults> {
        let mut document = Document::parse(text);
        let inspection = Inspection::read(&mut document);
        let faults = document.finish(&["inspection"]);
        if faults.is_empty() { Ok(inspection) } else { Err(ConfigFaults::new(Path::new("inspection.toml"), faults)) }
    }

    fn read(document: &mut Document) -> Inspection {
        let mut section = document.section("inspection");
        Inspection {
            hidden: section.parsed("text", Some("refuse"), |t| match t {
                "refuse" => Ok(Hidden::Refuse),
                "strip" => Ok(Hidden::Strip),
                _ => Err("must be `refuse` or `strip`".to_owned()),
            }),
            shared_words: section.number("shared_words", SHARED_WORDS as u64, 8..=1000),
            pdf_fonts: section.parsed("pdf_fonts", Some("plain"), |t| match t {
                "plain" => Ok(PdfFonts::Plain),
                "mapped" => Ok(PdfFonts::Mapped),
                _ => Err("must be `plain` or `mapped`".to_owned()),
            }),
            pdf_contrast: section.number("pdf_contrast", 180, 110..=2000),
            pdf_letter_points: section.number("pdf_letter_points", 4, 1..=72),
            pdf_pixels_per_point: section.number("pdf_pixels_per_point", 24, 1..=100),
            program: section.optional("filter_program", |t| {
                let wrong = || "must be a file's absolute path, ` sha256:` and its SHA-256 in hexadecimal".to_owned();
                let (file, digest) = t.split_once(" sha256:").ok_or_else(wrong)?;
                let file = Some(PathBuf::from(file)).filter(|file| file.is_absolute()).ok_or_else(wrong)?;
                Ok(FilterProgram { file, sha256: digest.parse().map_err(|_| wrong())? })
            }),
            wall: Duration::from_millis(section.number("filter_ms", 20_000, 100..=600_000)),
            memory_bytes: section.number("filter_memory_bytes", MEMORY_BYTES, 64 << 20..=1 << 36),
            at_once: section.number("filters_at_once", 4, 1..=256),
        }
    }
}

impl Gateway {
    pub(super) fn read(document: &mut Document) -> Gateway {
        let mut section = document.section("gateway");
        Gateway {
            poll: Duration::from_millis(section.number("poll_ms", 100, 10..=60_000)),
            grace: Duration::from_millis(section.number("grace_ms", 5_000, 0..=600_000)),
            concurrent: section.number("concurrent", 32, 1..=4096),
            request_days_max: section.number("request_days_max", 90, 1..=3660),
        }
    }
}

impl Log {
    pub(super) fn read(document: &mut Document) -> Log {
        Log { filter: document.section("log").text("filter", Some("info")) }
    }
}

fn printable(text: &str) -> Result<String, String> {
    if invisible::is_plain(text, 200) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 200 printable characters".to_owned())
    }
}

fn code(text: &str) -> Result<String, String> {
    let known = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if known && (2..=32).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must be a country or organisation code of the register, in capitals".to_owned())
    }
}
