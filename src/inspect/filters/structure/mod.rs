//! The structure filter: checks the canonical form of a cut with code that shares nothing with the product reader.
//!
//! It supports fewer markings than the marking engine, and refuses what it does not support. It also refuses a portion
//! above the banner's level, a mark that forbids all foreign release, and a mark that depends on a banner.

mod base64;
mod classification;

use self::base64::base64;
use self::classification::{CUI, banner_rank, class, forbids_release, portion_rank};
use crate::digest::{Digest, Hasher};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::Finding;
use crate::inspect::subject::{Filter, Subject};
use crate::product::Attachment;

/// The structure filter.
pub(super) struct Structure;

impl Filter for Structure {
    fn name(&self) -> FilterName {
        FilterName::Structure
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let bounds = &subject.settings.bounds;
        let bytes = subject.cut.bytes();
        if bytes.len() > bounds.bytes_max {
            return vec![finding(1, "structure.size", "a cut larger than configured")];
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return vec![finding(1, "structure.form", "a cut that is not UTF-8")];
        };
        let mut walk = Walk::default();
        walk.whole(text);
        // The attachments found here must be those of the typed cut.
        let digest = |a: &Attachment| a.inline().map_or(a.digest(), Digest::of);
        let typed: Vec<(u64, Digest)> = subject.cut.attachments().iter().map(|a| (a.size(), digest(a))).collect();
        if walk.findings.is_empty() && (walk.paragraphs != subject.cut.portions().len() || walk.attachments != typed) {
            walk.findings.push(finding(1, "structure.differs", "two readers disagree about the parts of this cut"));
        }
        if walk.paragraphs > bounds.portions_max || walk.attachments.len() > bounds.attachments_max {
            walk.findings.push(finding(1, "structure.size", "more portions or attachments than configured"));
        }
        walk.findings
    }
}

fn finding(line: usize, code: &'static str, message: &str) -> Finding {
    Finding { filter: FilterName::Structure, code, line: Some(line), message: message.into() }
}

/// The keys of a cut's front block in their required order, and whether each is mandatory.
const KEYS: [(&str, bool); 7] = [
    ("Id: ", true),
    ("Title: ", true),
    ("Originator: ", false),
    ("Date: ", true),
    ("Kind: ", true),
    ("Subjects: ", false),
    ("Contact: ", false),
];

#[derive(Default)]
struct Walk {
    findings: Vec<Finding>,
    banner_rank: Option<u8>,
    /// Whether the banner is a CUI banner.
    cui: bool,
    paragraphs: usize,
    attachments: Vec<(u64, Digest)>,
}

impl Walk {
    fn report(&mut self, line: usize, code: &'static str, message: &str) {
        if self.findings.len() < 50 {
            self.findings.push(finding(line, code, message));
        }
    }

    fn whole(&mut self, text: &str) {
        if !text.ends_with('\n') || text.ends_with("\n\n") || text.contains("\n\n\n") {
            self.report(1, "structure.form", "blank lines other than one between two parts");
        }
        let mut line = 1;
        let mut parts = text.strip_suffix('\n').unwrap_or(text).split("\n\n");
        let front = parts.next().unwrap_or_default();
        let banner_at = line + front.split('\n').count() + 1;
        let banner = parts.next().unwrap_or_default();
        // The banner is read first, because every portion mark is compared with it.
        self.banner_rank = banner_rank(banner);
        self.cui = class(banner) == Some(CUI);
        if self.banner_rank.is_none() || banner.contains('\n') {
            self.report(banner_at, "structure.banner", "a banner that is not one line with a known classification");
        }
        if forbids_release(banner) {
            self.report(banner_at, "structure.never", "a banner that forbids every foreign release");
        }
        self.front(front);
        line = banner_at + 2;
        for part in parts {
            if part.starts_with('(') && part.contains(") BEGIN ATTACHMENT ") {
                self.attachment(part, line);
            } else if part
                .strip_prefix('(')
                .and_then(|t| t.split_once(") "))
                .is_some_and(|(_, t)| t.starts_with("ATTACHMENT "))
            {
                self.detached(part, line);
            } else {
                self.paragraph(part, line);
            }
            line += part.split('\n').count() + 1;
        }
        if self.paragraphs == 0 {
            self.report(1, "structure.form", "a cut without a paragraph");
        }
    }

    fn front(&mut self, front: &str) {
        let mut lines = front.split('\n').enumerate().map(|(i, l)| (i + 1, l)).peekable();
        if lines.next().map(|(_, l)| l) != Some("PORTCULLIS PRODUCT 1") {
            self.report(1, "structure.form", "a first line other than the format's");
        }
        for (key, must) in KEYS {
            match lines.peek().copied() {
                Some((at, line)) if line.starts_with(key) => {
                    lines.next();
                    let value = &line[key.len()..];
                    match key {
                        "Title: " | "Originator: " | "Contact: " => self.marked(value, at),
                        "Subjects: " => value.split("; ").for_each(|subject| self.marked(subject, at)),
                        _ if value.is_empty() || value.contains(['(', ')', '/', ' ']) => {
                            self.report(at, "structure.front", "a value in the wrong form for its key");
                        }
                        _ => {}
                    }
                }
                _ if must => self.report(1, "structure.front", "a key of the front block is missing or out of order"),
                _ => {}
            }
        }
        if let Some((at, _)) = lines.next() {
            self.report(at, "structure.front", "an unknown line in the front block");
        }
    }

    fn paragraph(&mut self, part: &str, at: usize) {
        self.paragraphs += 1;
        let mut lines = part.split('\n');
        self.marked(lines.next().unwrap_or_default(), at);
        for (i, line) in lines.enumerate() {
            // A danda, the sentence end of Indic and Tibetan scripts, or a pictograph does not draw a line.
            let says = |c: char| {
                let ends = matches!(c, '\u{964}'..='\u{965}' | '\u{F0D}'..='\u{F0E}');
                ends || matches!(c, '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F900}'..='\u{1F9FF}')
            };
            let few = line.chars().filter(|c| *c != ' ').count() < 3 && line.chars().all(|c| c == ' ' || says(c));
            let signs = !line.chars().any(char::is_alphanumeric) && (!few || line.trim().is_empty());
            let ruled = line.starts_with("---") || line.starts_with("===") || signs;
            if ruled || banner_rank(line).is_some() && line.contains("//") {
                self.report(
                    at + 1 + i,
                    "structure.delimiter",
                    "a line that could be mistaken for the start of a tearline",
                );
            }
        }
    }

    /// Checks the mark at the beginning of `text`.
    fn marked(&mut self, text: &str, at: usize) {
        let Some((mark, rest)) = text.strip_prefix('(').and_then(|t| t.split_once(") ")) else {
            return self.report(at, "structure.mark", "text without a portion mark");
        };
        if rest.trim().is_empty() {
            self.report(at, "structure.mark", "a portion mark without text");
        }
        if rest.contains("(//") || rest.contains("//NF)") || rest.contains("//NOFORN") {
            self.report(at, "structure.mark", "a portion mark inside text");
        }
        if mark.bytes().any(|b| !(b.is_ascii_alphanumeric() || b" /,-:_".contains(&b))) {
            self.report(at, "structure.mark", "a portion mark with characters that are not allowed");
        }
        if mark.split("//").any(|segment| segment.split('/').any(|item| matches!(item, "REL" | "EYES"))) {
            self.report(at, "structure.inherits", "a portion mark that depends on a banner");
        }
        if class(mark).and_then(|class| class.strip_prefix("JOINT ")).is_some_and(|joint| !joint.contains(' ')) {
            self.report(at, "structure.inherits", "a portion mark whose owners are named only in a banner");
        }
        if forbids_release(mark) {
            self.report(at, "structure.never", "a portion mark that forbids every foreign release");
        }
        let of_cui = class(mark) == Some(CUI);
        if of_cui != self.cui && !(self.cui && mark == "U") {
            self.report(
                at,
                "structure.profile",
                "CUI beneath another banner, or anything but CUI and (U) beneath one of CUI",
            );
        }
        match (portion_rank(mark), self.banner_rank) {
            (Some(portion), Some(banner)) if portion <= banner => {}
            _ => self.report(at, "structure.level", "a portion whose level is unknown or above the banner's"),
        }
    }

    fn attachment(&mut self, part: &str, at: usize) {
        let lines: Vec<&str> = part.split('\n').collect();
        self.marked(lines[0], at);
        let stated: Vec<&str> = lines[0].rsplitn(3, ' ').collect();
        let (Some((&"END ATTACHMENT", body)), [digest, size, _]) = (lines[1..].split_last(), stated.as_slice()) else {
            return self.report(at, "structure.attachment", "an attachment without its end or its description");
        };
        let mut hasher = Hasher::new();
        let mut length = 0u64;
        for (i, line) in body.iter().enumerate() {
            let Some(bytes) = base64(line.as_bytes()) else {
                return self.report(at + 1 + i, "structure.attachment", "a line that is not base64");
            };
            length += bytes.len() as u64;
            hasher.update(&bytes);
        }
        let found = hasher.finish();
        if length.to_string() != **size || found.to_string() != **digest {
            self.report(at, "structure.attachment", "an attachment that does not match its description");
        }
        self.attachments.push((length, found));
    }

    /// Checks the line of a detached attachment.
    fn detached(&mut self, part: &str, at: usize) {
        self.marked(part, at);
        let stated: Vec<&str> = part.rsplitn(3, ' ').collect();
        let described = match stated.as_slice() {
            [digest, size, _] if !part.contains('\n') => digest.parse::<Digest>().ok().zip(size.parse::<u64>().ok()),
            _ => None,
        };
        match described {
            Some((digest, size)) if size > 0 => self.attachments.push((size, digest)),
            _ => self.report(at, "structure.attachment", "an attachment without a body or a description"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        let mut walk = Walk::default();
        walk.whole(text);
        walk.findings.iter().map(|f| f.code).collect()
    }

    const CUT: &str = "PORTCULLIS PRODUCT 1\nId: PC-00\nTitle: (U) EXERCISE\nDate: 2026-11-20\nKind: report\n\n\
        SECRET//REL TO USA, FVEY\n\n(S//REL TO USA, FVEY) One.\nTwo.\n\n(U) Three.\n";

    #[test]
    fn passes_a_canonical_cut() {
        assert_eq!(codes(CUT), Vec::<&str>::new());
    }

    #[test]
    fn refuses_every_departure_from_the_form() {
        for (from, to, code) in [
            ("PRODUCT 1", "PRODUCT 2", "structure.form"),
            ("Date:", "Date :", "structure.front"),
            ("Kind: report\n", "Kind: report\nProtected: HERON\n", "structure.front"),
            ("Id: PC-00\nTitle: (U) EXERCISE\n", "Title: (U) EXERCISE\nId: PC-00\n", "structure.front"),
            ("Title: (U) ", "Title: ", "structure.mark"),
            ("SECRET//REL TO USA, FVEY", "SECRET//NOFORN", "structure.never"),
            ("SECRET//REL TO USA, FVEY\n\n(S", "CONFIDENTIAL//REL TO USA, FVEY\n\n(S", "structure.level"),
            ("SECRET//REL TO USA, FVEY\n\n(S", "SECRETS//REL TO USA, FVEY\n\n(S", "structure.banner"),
            ("(S//REL TO USA, FVEY)", "(S//REL)", "structure.inherits"),
            ("(S//REL TO USA, FVEY)", "(S//NF)", "structure.never"),
            ("(S//REL TO USA, FVEY)", "(TS//REL TO USA, FVEY)", "structure.level"),
            ("(S//REL TO USA, FVEY)", "(X//REL TO USA, FVEY)", "structure.level"),
            ("(S//REL TO USA, FVEY)", "(S//REL TO \u{405}USA, FVEY)", "structure.mark"),
            ("One.", "One (//GBR S) two.", "structure.mark"),
            ("Two.", "---------- x", "structure.delimiter"),
            ("Two.", "SECRET//SI", "structure.delimiter"),
            ("\n\n(U)", "\n\n\n(U)", "structure.form"),
            ("Three.\n", "Three.", "structure.form"),
        ] {
            let text = CUT.replacen(from, to, 1);
            assert_ne!(text, CUT, "{from}");
            assert!(codes(&text).contains(&code), "{to:?}: {:?}", codes(&text));
        }
        let (head, _) = CUT.split_once("\n\n(S").unwrap();
        assert!(codes(&format!("{head}\n")).contains(&"structure.form"), "a cut without a paragraph");
    }

    const JOINT: &str = "PORTCULLIS PRODUCT 1\nId: PC-00\nTitle: (U) EXERCISE\nDate: 2026-11-20\nKind: report\n\n\
        //JOINT SECRET GBR USA//REL TO USA, GBR\n\n(//JOINT S GBR USA//REL TO USA, GBR) One.\n\n(U) Three.\n";

    #[test]
    fn reads_the_level_of_joint_owners_before_their_codes() {
        assert_eq!(codes(JOINT), Vec::<&str>::new());
        for (from, to, code) in [
            ("JOINT SECRET GBR", "JOINT CONFIDENTIAL GBR", "structure.level"),
            ("JOINT SECRET GBR", "JOINT SECRETS GBR", "structure.banner"),
            ("JOINT SECRET GBR USA", "JOINT SECRET", "structure.banner"),
            ("(//JOINT S GBR", "(//JOINT TS GBR", "structure.level"),
            ("(//JOINT S GBR", "(//JOINT GBR S", "structure.level"),
            ("(//JOINT S GBR USA", "(//JOINT S", "structure.inherits"),
        ] {
            let text = JOINT.replacen(from, to, 1);
            assert_ne!(text, JOINT, "{from}");
            assert!(codes(&text).contains(&code), "{to:?}: {:?}", codes(&text));
        }
    }

    const CUI_CUT: &str = "PORTCULLIS PRODUCT 1\nId: PC-00\nTitle: (U) EXERCISE\nDate: 2026-11-20\nKind: report\n\n\
        CUI//SP-CTI//REL TO USA, FVEY\n\n(CUI//SP-CTI//REL TO USA, FVEY) One.\nTwo.\n\n(U) Three.\n";

    #[test]
    fn beneath_a_banner_of_cui_stand_cui_that_may_go_and_plain_unclassified_text() {
        assert_eq!(codes(CUI_CUT), Vec::<&str>::new());
        for (from, to, code) in [
            ("(U) Three", "(S//REL TO USA, FVEY) Three", "structure.profile"),
            ("(U) Three", "(S//REL TO USA, FVEY) Three", "structure.level"),
            ("(U) Three", "(U//REL TO USA, FVEY) Three", "structure.profile"),
            ("\nCUI//SP-CTI", "\nUNCLASSIFIED", "structure.profile"),
            ("\nCUI//SP-CTI", "\nSECRET", "structure.profile"),
            ("\nCUI//SP-CTI", "\nCUIX//SP-CTI", "structure.banner"),
            ("(CUI//SP-CTI//REL TO USA, FVEY)", "(CUI//SP-CTI//NF)", "structure.never"),
            ("(CUI//SP-CTI//REL TO USA, FVEY)", "(CUI//SP-NNPI//REL TO USA, FVEY)", "structure.never"),
            ("(CUI//SP-CTI//REL TO USA, FVEY)", "(CUI//PRIVILEGE//AC/REL TO USA, FVEY)", "structure.never"),
            ("(CUI//SP-CTI//REL TO USA, FVEY)", "(CUI//PRIVILEGE//REL TO USA, FVEY)", "structure.never"),
            ("(CUI//SP-CTI//REL TO USA, FVEY)", "(CUI//SP-CTI/SP-SGI//REL TO USA, FVEY)", "structure.never"),
            ("\nCUI//SP-CTI//REL TO USA, FVEY", "\nCUI//SP-CTI//FEDCON", "structure.never"),
            ("Two.", "CUI//NOFORN", "structure.delimiter"),
        ] {
            let text = CUI_CUT.replacen(from, to, 1);
            assert_ne!(text, CUI_CUT, "{from}");
            assert!(codes(&text).contains(&code), "{to:?}: {:?}", codes(&text));
        }
        // Under other banners the same letters are names.
        let named = |mark: &str| codes(&CUT.replacen("S//REL TO", &format!("S//{mark}//REL TO"), 1));
        assert_eq!(named("SAR-BP/AC"), Vec::<&str>::new());
        assert_eq!(codes(&CUT.replacen("(U) Three", "(CUI) Three", 1)), ["structure.profile"]);
    }

    #[test]
    fn reads_base64_as_the_standard_does_and_no_other_way() {
        assert_eq!(base64(b"QUJD"), Some(b"ABC".to_vec()));
        assert_eq!(base64(b"QQ=="), Some(b"A".to_vec()));
        assert_eq!(base64(b"QUI="), Some(b"AB".to_vec()));
        for line in ["", "QQ", "QR==", "QUJ=", "Q===", "QQ==QQ==", "QU-D", "QU D"] {
            assert_eq!(base64(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn ranks_foreign_and_joint_marks() {
        for (mark, rank) in [
            ("S", 3),
            ("//GBR TS", 4),
            ("//NS", 3),
            ("//CTS", 4),
            ("//JOINT S CAN USA", 3),
            ("S//SI", 3),
            ("//FGI C", 2),
        ] {
            assert_eq!(portion_rank(mark), Some(rank), "{mark}");
        }
        for (banner, rank) in [
            ("//COSMIC TOP SECRET", 4),
            ("//NATO SECRET//REL TO USA, NATO", 3),
            ("//DEU RESTRICTED", 1),
            ("//JOINT TOP SECRET GBR USA//REL TO USA, GBR", 4),
            ("TOP SECRET//SI", 4),
        ] {
            assert_eq!(banner_rank(banner), Some(rank), "{banner}");
        }
        assert_eq!(portion_rank("//GBR X"), None);
        assert_eq!(banner_rank("NOT SECRET AT ALL"), None);
    }
}
