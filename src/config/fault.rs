//! Faults of a configuration file.

use std::fmt;
use std::path::{Path, PathBuf};

/// One fault of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The line number, from 1; `None` if something is missing or the fault is in the file as a whole.
    pub line: Option<usize>,
    /// What was expected and what was found.
    pub problem: String,
}

impl ConfigFault {
    pub(super) fn file(problem: String) -> ConfigFault {
        ConfigFault { line: None, problem }
    }
}

/// All faults of a configuration file, in order of their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults {
    file: PathBuf,
    faults: Vec<ConfigFault>,
}

impl ConfigFaults {
    pub(super) fn new(file: &Path, mut faults: Vec<ConfigFault>) -> ConfigFaults {
        faults.sort_by_key(|f| f.line.unwrap_or(usize::MAX));
        ConfigFaults { file: file.to_owned(), faults }
    }

    /// The faults, those with a line first.
    pub fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(line) = fault.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": {}", fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
