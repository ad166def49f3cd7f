//! The rebuild filter: attachments of foreign formats must be exactly as a gateway writes them.

use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::Finding;
use crate::inspect::subject::{Filter, Subject};

/// The rebuild filter.
pub(super) struct Rebuild;

impl Filter for Rebuild {
    fn name(&self) -> FilterName {
        FilterName::Rebuild
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let attachments = subject.cut.attachments();
        if attachments.len() != subject.texts.len() {
            return vec![finding("rebuild.unread", None, "an attachment that was not read")];
        }
        let faults = attachments.iter().zip(subject.texts).filter_map(|(a, r)| Some((a, r.fault.as_ref()?)));
        faults.map(|(a, fault)| finding(fault.code, Some(a.line()), &fault.message)).collect()
    }
}

fn finding(code: &'static str, line: Option<usize>, message: &str) -> Finding {
    Finding { filter: FilterName::Rebuild, code, line, message: message.into() }
}
