//! The policy folder of a new node: the shipped texts, to read and to propose changes of.

use std::path::Path;

use crate::cli::input::files::cannot_write;
use crate::cli::output::Failure;
use crate::config::{Inspection, make_private_folder, write_new};
use crate::marking::RegisterFiles;
use crate::policy::{Policies, Priorities};

/// Writes the shipped rules, schema, register, guiding document, agreement sample and an empty word list into `folder`.
///
/// # Errors
/// [`Failure`] if a file cannot be written.
pub(in crate::cli) fn write(folder: &Path) -> Result<(), Failure> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        write_new(&path, text.as_bytes()).map_err(|e| cannot_write(&path, e))
    };
    for part in ["register", "agreements", "words"] {
        let path = folder.join(part);
        make_private_folder(&path).map_err(|e| cannot_write(&path, e))?;
    }
    file("schema.cedarschema", Policies::SHIPPED_SCHEMA)?;
    file("release.cedar", Policies::SHIPPED_RULES)?;
    for (name, text) in RegisterFiles::shipped().named() {
        file(&format!("register/{name}"), text)?;
    }
    file("priorities.toml", Priorities::SHIPPED)?;
    file("inspection.toml", Inspection::SHIPPED)?;
    file("agreements/sample.toml", include_str!("../../../policy/agreements/sample.toml"))?;
    file("words/README", WORDS)
}

const WORDS: &str = "\
Word lists that no cut may contain, one file each, ending in `.txt`; a new or changed list is in force once two\n\
officers have signed for it (`change propose`). First line `PORTCULLIS WORDS 1`, then a line\n\
`Name: ...`, a line `Marking: ...` with the banner of the list itself, and then one entry a line. Blank lines and\n\
lines that begin with `#` are skipped. An invalid list stops the node. Findings name the list and its line,\n\
never the entry.\n";
