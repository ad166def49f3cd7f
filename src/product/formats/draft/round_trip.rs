//! The round trip of a draft: what was read from its text must be the draft again.

use super::{Draft, DraftAttachment, DraftBody, DraftItem, DraftTearline, Span, fault_in};
use crate::product::attachment::Attachment;
use crate::product::fault::{FaultCode, Faults};
use crate::product::formats::text::{Parts, tidy};
use crate::product::model::{Item, Tearline};

/// Compares what was read with the draft, part for part, and reports a difference. There is none unless a
/// string became structure without being reported.
pub(super) fn compare(draft: &Draft<'_>, parts: &Parts, faults: &mut Faults) {
    let front = [
        (&draft.id, parts.id.to_string()),
        (&draft.date, parts.date.to_string()),
        (&draft.kind, parts.kind.to_string()),
    ];
    for (written, read) in &front {
        if let Some(written) = written
            && written.text != read.as_str()
        {
            let all = 0..written.text.len();
            faults.add(fault_in(FaultCode::FrontValue, written, all, "a value with spaces around it", "remove them"));
        }
    }
    let alike = draft.tearlines.len() == parts.tearlines.len()
        && draft.tearlines.iter().zip(&parts.tearlines).all(|(written, read)| same_tearline(written, read));
    if !alike {
        let at = Span::standing_for(String::new(), &draft.origin);
        faults.add(fault_in(
            FaultCode::Structure,
            &at,
            0..0,
            "text that would be read as structure",
            "remove line breaks, delimiters, marks and attachment lines from within texts",
        ));
    }
}

fn same_tearline(written: &DraftTearline<'_>, read: &Tearline) -> bool {
    let item = |written: &DraftItem<'_>, read: &Item| tidy(&written.text.text) == read.text;
    let optional = |written: &Option<DraftItem<'_>>, read: &Option<Item>| match (written, read) {
        (Some(written), Some(read)) => item(written, read),
        // An originator without a mark is part of the product, not of the tearline.
        (Some(written), None) => written.mark.is_none(),
        (None, None) => true,
        (None, Some(_)) => false,
    };
    let lines = |text: &str| text.split('\n').map(tidy).collect::<Vec<_>>().join("\n");
    let head = &read.head;
    optional(&written.title, &head.title)
        && optional(&written.originator, &head.originator)
        && optional(&written.contact, &head.contact)
        && written.subjects.len() == head.subjects.len()
        && written.subjects.iter().zip(&head.subjects).all(|(w, r)| item(w, r))
        && written.protected.iter().map(|p| tidy(&p.text)).eq(read.protected.iter().cloned())
        && written.portions.len() == read.portions.len()
        && written.portions.iter().zip(&read.portions).all(|(w, r)| lines(&w.text.text) == r.text)
        && written.attachments.len() == read.attachments.len()
        && written.attachments.iter().zip(&read.attachments).all(|(w, r)| same_attachment(w, r))
}

fn same_attachment(written: &DraftAttachment<'_>, read: &Attachment) -> bool {
    let fields =
        [read.name().to_string(), read.media_type().to_owned(), read.size().to_string(), read.digest().to_string()];
    match &written.body {
        // Lines of text are read as they are.
        DraftBody::Lines(_) => true,
        DraftBody::Base64(_) => !read.is_detached() && written.fields.iter().map(|f| f.text.as_ref()).eq(fields),
        DraftBody::Detached => read.is_detached() && written.fields.iter().map(|f| f.text.as_ref()).eq(fields),
    }
}
