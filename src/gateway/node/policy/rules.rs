//! The rules that decide releases, loaded from the policy's texts as one immutable set, so that one decision never
//! mixes two versions.

use crate::gateway::node::files;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::change::PolicyTexts;
use crate::config::{Inspection, folder_of, make_private_folder, sync_folder};
use crate::digest::Digest;
use crate::gateway::GatewayError;
use crate::inspect::WordList;
use crate::marking::{Register, RegisterFiles};
use crate::policy::{Membership, Policies, Priorities};
use crate::system::{fault_point, io_reason};

/// A policy's texts, and everything read from them.
pub(in crate::gateway) struct Rules {
    pub texts: PolicyTexts,
    /// Digest of the texts' bytes, and so of the setting that holds them.
    pub digest: Digest,
    pub register: Register,
    pub membership: Membership,
    pub policies: Policies,
    pub words: Vec<WordList>,
    pub inspection: Inspection,
    /// The guiding document, if there is one.
    pub priorities: Option<Priorities>,
}

impl Rules {
    /// Loads the texts. One malformed text makes all of them invalid: half a policy is none.
    pub fn load(texts: PolicyTexts) -> Result<Rules, GatewayError> {
        // INVARIANT: texts without rules, schema or any file of the register are no `PolicyTexts`.
        let text = |name: &str| texts.text(name).unwrap_or_default();
        let register = |name: &str| texts.text(&format!("register/{name}")).unwrap_or_default();
        let files = RegisterFiles::from_named(register, texts.text(PolicyTexts::OVERLAY));
        let loaded = Register::load(&files).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|f| format!("`register`: {f}")).collect();
            GatewayError::Local(faults.join("\n"))
        })?;
        let membership = Membership::parse(files.countries, files.tetragraphs, files.overlay);
        let membership = membership.map_err(|e| fault("register", &e))?;
        let policies = Policies::load(text(PolicyTexts::SCHEMA), text(PolicyTexts::RULES))
            .map_err(|e| fault(PolicyTexts::RULES, &e))?;
        let priorities = texts.text(PolicyTexts::PRIORITIES).map(Priorities::parse).transpose();
        let priorities = priorities.map_err(|e| fault(PolicyTexts::PRIORITIES, &e))?;
        let inspection = Inspection::parse(texts.text(PolicyTexts::INSPECTION).unwrap_or_default())
            .map_err(GatewayError::trouble)?;
        let words = texts.iter().filter(|(name, _)| name.starts_with("words/"));
        let words = words.map(|(name, text)| text.parse().map_err(|e| fault(name, &e))).collect::<Result<_, _>>()?;
        Ok(Rules {
            digest: texts.digest(),
            register: loaded,
            membership,
            policies,
            words,
            inspection,
            priorities,
            texts,
        })
    }
}

fn fault(name: &str, error: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::Local(format!("`{name}`: {error}"))
}

/// The texts of a policy in a folder, under the names they have there.
pub(in crate::gateway) fn read_folder(folder: &Path) -> Result<PolicyTexts, GatewayError> {
    PolicyTexts::new(files(folder)?).map_err(|e| GatewayError::Local(format!("`{}`: {e}", folder.display())))
}

/// Every file of a folder that is a policy text, or would be one under a correct name. Others, such as a README,
/// are not read.
pub(in crate::gateway) fn files(folder: &Path) -> Result<BTreeMap<String, String>, GatewayError> {
    let mut texts = BTreeMap::new();
    for part in ["", "register", "words"] {
        let place = folder.join(part);
        let unreadable =
            |e: std::io::Error| GatewayError::Local(format!("`{}` cannot be read: {}", place.display(), io_reason(&e)));
        let entries = match std::fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !part.is_empty() => continue,
            Err(e) => return Err(unreadable(e)),
        };
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = if part.is_empty() { file.into_owned() } else { format!("{part}/{file}") };
            // A word list with an invalid name would silently not be applied.
            if PolicyTexts::is_name(&name) || (part == "words" && name.ends_with(".txt")) {
                texts.insert(name, files::read(&path)?);
            }
        }
    }
    Ok(texts)
}

/// The names of files that differ from `texts` or are missing.
pub(in crate::gateway) fn differing(files: &BTreeMap<String, String>, texts: &PolicyTexts) -> Vec<String> {
    let names = files.keys().map(String::as_str).chain(texts.iter().map(|(name, _)| name));
    let names: BTreeSet<&str> = names.filter(|name| files.get(*name).map(String::as_str) != texts.text(name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Writes the texts in force to a folder for people to read. Each file is replaced atomically, and texts that are no
/// longer part of the policy are removed. With `keep`, an edited file is first saved beside it under a name that
/// nothing reads. Returns the names of the texts that differed. If it is interrupted, each file is either the old or
/// the new one, and the next start finishes the work.
pub(in crate::gateway) fn write_folder(
    folder: &Path,
    texts: &PolicyTexts,
    keep: bool,
) -> Result<Vec<String>, GatewayError> {
    let differing = differing(&files(folder)?, texts);
    for name in &differing {
        let path = folder.join(name);
        let trouble = |e: std::io::Error| {
            GatewayError::Local(format!("`{}` cannot be written: {}", path.display(), io_reason(&e)))
        };
        if keep && path.exists() {
            let mut kept = path.as_os_str().to_owned();
            kept.push(".edited");
            files::replace(Path::new(&kept), &std::fs::read(&path).map_err(trouble)?, 0o644)?;
        }
        match texts.text(name) {
            Some(text) => {
                if let Some(parent) = path.parent() {
                    make_private_folder(parent).map_err(trouble)?;
                }
                files::replace(&path, text.as_bytes(), 0o644)?;
            }
            None if path.exists() => {
                std::fs::remove_file(&path).and_then(|()| sync_folder(folder_of(&path))).map_err(trouble)?;
            }
            None => {}
        }
        fault_point("policy-text-written");
    }
    Ok(differing)
}
