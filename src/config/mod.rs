//! A node's configuration, its key files, and atomic writing of files.
//!
//! In comes a TOML file; out comes one struct for each subsystem, or every fault of the file with its line. Unknown keys are
//! refused, so that a misspelled limit does not silently get its default. The configuration contains no secrets: keys are
//! separate files, and a key file that other users can read is refused.

mod files;
mod secret_file;
mod keys;
mod fault;
mod reader;
mod sections;
mod reload;

use std::io;
use std::path::{Path, PathBuf};

pub use fault::{ConfigFault, ConfigFaults};
pub use files::{
    NewFile, NewFolder, Replacement, folder_of, make_private_folder, read_file, replace_file, sync_folder, write_new,
    write_secret,
};
pub use keys::{KeyFolder, Keys, signer_from};
pub use reload::ChangedSetting;
pub use secret_file::KeyFault;
pub use sections::{FilterProgram, Gateway, Inspection, Limits, Listen, Log, Node, Policy, Store};

use reader::Document;

/// The configuration of a node. Relative paths are relative to the folder of the file, and made absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The absolute path of the configuration file.
    pub file: PathBuf,
    /// `[node]`: name, organisation, code and contact.
    pub node: Node,
    /// `[listen]`: the address to listen on, and the addresses given to partners.
    pub listen: Listen,
    /// `[keys]`: the folder of private keys.
    pub keys: KeyFolder,
    /// `[certificates]`: the folder of `ca.pem`, `node.pem` and `crl.pem`.
    pub certificates: PathBuf,
    /// `[store]`: records and sealed payloads.
    pub store: Store,
    /// `[policy]`: the folder of the policy.
    pub policy: Policy,
    /// `[limits]`: limits on sizes and rates.
    pub limits: Limits,
    /// `[gateway]`: scheduling.
    pub gateway: Gateway,
    /// `[log]`: logging.
    pub log: Log,
}

impl Config {
    const SECTIONS: [&'static str; 9] =
        ["node", "listen", "keys", "certificates", "store", "policy", "limits", "gateway", "log"];

    /// Reads the configuration file at `path`.
    ///
    /// # Errors
    /// [`ConfigFaults`]: every fault of the file, each with its line.
    pub fn read(path: &Path) -> Result<Config, ConfigFaults> {
        let unreadable = |problem: String| ConfigFaults::new(path, vec![ConfigFault::file(problem)]);
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(problem_of(path, &e)))?;
        let path = path.canonicalize().map_err(|e| unreadable(format!("cannot be located: {e}")))?;
        Config::parse(&path, &text)
    }

    /// Parses configuration text as the content of the file `path`.
    ///
    /// # Errors
    /// [`ConfigFaults`]: every fault of the text, each with its line.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigFaults> {
        match Config::gather(path, text) {
            (Some(config), faults) if faults.is_empty() => Ok(config),
            (_, faults) => Err(ConfigFaults::new(path, faults)),
        }
    }

    /// Reads as much as possible of the configuration file at `path`, for commands that report every fault of a node. A setting with
    /// a fault has a value that must not be used. `None` if the file cannot be read, or is
    /// not a configuration.
    pub fn read_with_faults(path: &Path) -> (Option<Config>, Option<ConfigFaults>) {
        let located = std::fs::read_to_string(path).and_then(|text| Ok((path.canonicalize()?, text)));
        let Ok((path, text)) = located else { return (None, Config::read(path).err()) };
        let (config, faults) = Config::gather(&path, &text);
        (config, (!faults.is_empty()).then(|| ConfigFaults::new(&path, faults)))
    }

    /// The settings of a text, and its faults: a setting with a fault has a value that must not be used. `None` if the
    /// text has no section of a configuration.
    fn gather(path: &Path, text: &str) -> (Option<Config>, Vec<ConfigFault>) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut document = Document::parse(text);
        if !document.has_any_section(&Self::SECTIONS) {
            let problem = "this is not a node's configuration, because it has no section such as `[node]`: give the file \
                           `portcullis.toml` that `portcullis init` created";
            return (None, vec![ConfigFault::file(problem.to_owned())]);
        }
        let config = Config {
            file: path.to_owned(),
            node: Node::read(&mut document),
            listen: Listen::read(&mut document),
            keys: KeyFolder::new(folder.join(document.section("keys").text("folder", Some("keys")))),
            certificates: folder.join(document.section("certificates").text("folder", Some("certs"))),
            store: Store::read(&mut document, folder),
            policy: Policy::read(&mut document, folder),
            limits: Limits::read(&mut document),
            gateway: Gateway::read(&mut document),
            log: Log::read(&mut document),
        };
        let faults = document.finish(&Self::SECTIONS);
        (Some(config), faults)
    }
}

/// Why the configuration file at `path` could not be read, and what to do.
fn problem_of(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "not found; create a node with `portcullis init DIR`, or give its configuration file with `--config`"
                .to_owned()
        }
        io::ErrorKind::IsADirectory => {
            format!(
                "this is a folder; give the configuration file in it, such as `{}`",
                path.join("portcullis.toml").display()
            )
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; run this command as the user that owns the node's files".to_owned()
        }
        io::ErrorKind::InvalidData => "this is not a text file; give the node's configuration file".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[node]
name = "exercise-usa"
organisation = "EXERCISE Gateway"
code = "USA"
contact = "EXERCISE watch desk"
"#;

    fn parse(text: &str) -> Result<Config, ConfigFaults> {
        Config::parse(Path::new("/node/portcullis.toml"), text)
    }

    #[test]
    fn a_node_section_is_enough_and_the_defaults_listen_nowhere() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.listen.address, None);
        assert_eq!(config.store.database, Path::new("/node/store/portcullis.db"));
    }

    #[test]
    fn reports_every_fault_with_its_line() {
        let text = "[node]\nname = \"Not A Name\"\norganisation = 7\ncode = \"usa\"\ncontact = \"x\"\n\
                    [listen]\naddress = \"nowhere\"\nport = 1\n[limits]\nproduct_bytes = -4\n[listen]\n";
        let faults = parse(text).unwrap_err();
        let lines: Vec<_> = faults.faults().iter().map(|f| f.line).collect();
        assert_eq!(lines, [Some(2), Some(3), Some(4), Some(7), Some(8), Some(10), Some(11)]);
        assert!(faults.to_string().contains("/node/portcullis.toml:8"));
    }

    #[test]
    fn a_folder_and_a_file_that_is_not_there_get_their_own_remedies() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| Config::read(path).unwrap_err().to_string();
        assert!(said(folder.path()).contains("this is a folder") && said(folder.path()).contains("portcullis.toml"));
        assert!(said(&folder.path().join("none.toml")).contains("not found; create a node with `portcullis init DIR`"));
    }

    #[test]
    fn reports_broken_toml_with_its_line() {
        let faults = parse("[node]\nname = \n").unwrap_err();
        assert_eq!(faults.faults()[0].line, Some(2));
    }
}
