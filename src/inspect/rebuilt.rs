//! Attachments of foreign formats are as a gateway wrote them anew, and in no other way.

use super::{Filter, FilterName, Finding, Subject};

/// The rebuild filter.
pub(super) struct Rebuilt;

impl Filter for Rebuilt {
    fn name(&self) -> FilterName {
        FilterName::Rebuild
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let attachments = subject.cut.attachments();
        if attachments.len() != subject.readings.len() {
            return vec![finding("rebuild.unread", None, "an attachment that nobody read")];
        }
        let faults = attachments.iter().zip(subject.readings).filter_map(|(a, r)| Some((a, r.fault.as_ref()?)));
        faults.map(|(a, fault)| finding(fault.code, Some(a.line()), &fault.message)).collect()
    }
}

fn finding(code: &'static str, line: Option<usize>, message: &str) -> Finding {
    Finding { filter: FilterName::Rebuild, code, line, message: message.into() }
}
