//! Confidentiality labels of STANAG 4774 (ADatP-4774). [`stanag4778`](super::stanag4778) binds them to bytes.
//!
//! A label uses the vocabulary of one policy. Under our own policy every part of a marking can be expressed, and parsing the
//! label returns the same value. Under NATO's or a foreign government's policy only the classification can, and NATO's own
//! sensitivities. What has no exact equivalent is refused in both directions: a JOINT mark, or one with several owners or a
//! concealed source, belongs to no single policy, and an unknown category may be a restriction, so it is never ignored.
//!
//! A permissive category restricts by listing who is allowed; a label without one restricts nobody. So our labels always have
//! one, with `USA` in it: NOFORN is never expressed by leaving it out.

use super::xml::{self, Element, XmlError};
use crate::marking::diagnostic::Rejected;
use crate::marking::model::{CodeList, Control, ControlSet, Level, Marking, System};
use crate::marking::order::ordered;
use crate::marking::rules::Rules;

const SLAB: &str = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0";
/// The name of our own policy.
const OWN_POLICY: &str = "USA";

/// The tag names of our policy, in the order they are written, with their 4774 types.
const TAGS: [(&str, &str); 8] = [
    ("SCI", "RESTRICTIVE"),
    ("SAP", "RESTRICTIVE"),
    ("AEA", "RESTRICTIVE"),
    ("FGI", "RESTRICTIVE"),
    ("Dissemination", "RESTRICTIVE"),
    ("Non-IC", "RESTRICTIVE"),
    ("Releasable To", "PERMISSIVE"),
    ("Display To", "INFORMATIVE"),
];

/// Why a label cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Not the XML of a label.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An element or attribute is missing, repeated or out of place.
    #[error("the label's `{element}` is missing, repeated or out of place; compare it with STANAG 4774")]
    Structure {
        /// The element's name.
        element: &'static str,
    },
    /// The content has no exact equivalent in the target.
    #[error("{what} cannot be expressed in {target}; use a format that can express it")]
    NoImage {
        /// The content.
        what: &'static str,
        /// The target: a format or policy.
        target: &'static str,
    },
    /// The content of the label is not a valid marking.
    #[error("the label does not hold a valid marking: {0}")]
    Marking(#[from] Rejected),
}

/// Writes a marking as an originator confidentiality label. `created` is the label's time in RFC 3339 form.
///
/// # Errors
///
/// [`LabelError::NoImage`] for marks that one policy cannot express.
pub fn write_label(marking: &Marking, created: &str) -> Result<String, LabelError> {
    let no_image = |what| Err(LabelError::NoImage { what, target: "a STANAG 4774 label" });
    let (policy, classification) = match marking.system() {
        System::Us => (OWN_POLICY.to_owned(), marking.level().title()),
        System::Nato if marking.owners().as_str() == "NATO" => ("NATO".to_owned(), nato_title(marking.level())),
        System::NonUs if !marking.conceals_source() && marking.owners().iter().count() == 1 => {
            (marking.owners().as_str().to_owned(), marking.level().title())
        }
        System::Nato => return no_image("a North Atlantic Council activity"),
        System::NonUs => return no_image("a mark of several owners or a concealed one"),
        System::Joint => return no_image("a JOINT mark"),
        System::Cui => return no_image("a CUI mark"),
    };
    if marking.has(Control::Eyes) {
        return no_image("a legacy EYES ONLY list");
    }
    let foreign = marking.system() != System::Us;
    if foreign && !marking.controls().without(ControlSet::NATO).is_empty() {
        return no_image("a US control on a foreign mark");
    }
    let mut out = String::with_capacity(1024);
    out.push_str(&format!(
        "<slab:originatorConfidentialityLabel xmlns:slab=\"{SLAB}\"><slab:ConfidentialityInformation>"
    ));
    leaf(&mut out, "PolicyIdentifier", &policy);
    leaf(&mut out, "Classification", classification);
    for (tag, kind) in TAGS {
        let values = values(marking, tag);
        if !values.is_empty() {
            out.push_str(&format!("<slab:Category TagName=\"{tag}\" Type=\"{kind}\">"));
            for value in values {
                leaf(&mut out, "GenericValue", &value);
            }
            out.push_str("</slab:Category>");
        }
    }
    out.push_str("</slab:ConfidentialityInformation>");
    leaf(&mut out, "CreationDateTime", created);
    out.push_str("</slab:originatorConfidentialityLabel>");
    Ok(out)
}

/// Reads an originator confidentiality label.
///
/// # Errors
///
/// [`LabelError`] for unsupported XML, a structure that is not a label's, a category without an exact equivalent, and content
/// that is not a valid marking under `rules`.
pub fn read_label(rules: &Rules<'_>, text: &str) -> Result<Marking, LabelError> {
    read_element(rules, &xml::read(text)?)
}

/// Parses a label that is part of another document.
///
/// # Errors
///
/// As [`read_label`].
pub(in crate::marking) fn read_element(rules: &Rules<'_>, label: &Element) -> Result<Marking, LabelError> {
    let structure = |element| LabelError::Structure { element };
    if !label.is(SLAB, "originatorConfidentialityLabel") || !is_blank(label) {
        return Err(structure("originatorConfidentialityLabel"));
    }
    let [information, rest @ ..] = &label.children()[..] else { return Err(structure("ConfidentialityInformation")) };
    if !information.is(SLAB, "ConfidentialityInformation") || !is_blank(information) {
        return Err(structure("ConfidentialityInformation"));
    }
    // The elements after the categories restrict nobody: times and identifiers. Any other element is refused.
    let harmless = ["CreationDateTime", "OriginatorID", "ReviewDateTime"];
    if !rest.iter().all(|e| harmless.iter().any(|name| e.is(SLAB, name))) {
        return Err(structure("originatorConfidentialityLabel"));
    }
    let [policy, classification, categories @ ..] = &information.children()[..] else {
        return Err(structure("ConfidentialityInformation"));
    };
    if !policy.is(SLAB, "PolicyIdentifier") || !policy.children().is_empty() {
        return Err(structure("PolicyIdentifier"));
    }
    if !classification.is(SLAB, "Classification") || !classification.children().is_empty() {
        return Err(structure("Classification"));
    }
    let mut marking = class(policy.text().trim(), classification.text().trim())?;
    let mut seen: Vec<&str> = Vec::new();
    for category in categories {
        let tag = read_category(rules, category, &mut marking)?;
        if seen.contains(&tag) {
            return Err(structure("Category"));
        }
        seen.push(tag);
    }
    if marking.system == System::Us && !seen.contains(&"Releasable To") {
        // Our labels always have the permissive category, so a label without it is not one of ours.
        return Err(structure("Category"));
    }
    let read = rules.parse_banner_canonical(&marking.banner())?;
    if read == marking { Ok(read) } else { Err(structure("Category")) }
}

fn class(policy: &str, classification: &str) -> Result<Marking, LabelError> {
    let no_image = LabelError::NoImage { what: "this classification", target: "the marking register" };
    if policy == "NATO" {
        let level = Level::ALL.into_iter().find(|l| nato_title(*l) == classification).ok_or(no_image)?;
        let mut marking = Marking::bare(System::Nato, level);
        marking.owners = CodeList::from_ordered(["NATO"]);
        return Ok(marking);
    }
    let level = Level::from_title(classification).ok_or(no_image)?;
    if policy == OWN_POLICY {
        return Ok(Marking::bare(System::Us, level));
    }
    if crate::marking::model::Code::new(policy).is_none() || policy == "FGI" {
        return Err(LabelError::NoImage { what: "this policy", target: "the marking register" });
    }
    let mut marking = Marking::bare(System::NonUs, level);
    // The register says whether there is such an owner when the banner is read.
    marking.owners = CodeList::from_ordered([policy]);
    Ok(marking)
}

fn read_category<'e>(rules: &Rules<'_>, category: &'e Element, marking: &mut Marking) -> Result<&'e str, LabelError> {
    let structure = LabelError::Structure { element: "Category" };
    let no_image = LabelError::NoImage { what: "a category of this label", target: "the marking register" };
    let tag = category.attribute("TagName").ok_or(structure.clone())?;
    let known = TAGS.iter().find(|(t, k)| *t == tag && Some(*k) == category.attribute("Type"));
    if !category.is(SLAB, "Category") || category.attributes.len() != 2 || !is_blank(category) {
        return Err(structure);
    }
    let foreign = marking.system != System::Us;
    // NATO's own sensitivities use the tags SCI and AEA; no other tag of a foreign policy is supported.
    let nato = marking.system == System::Nato && matches!(tag, "SCI" | "AEA");
    if known.is_none() || (foreign && !nato) {
        return Err(no_image);
    }
    let mut values = Vec::new();
    for value in category.children() {
        if !value.is(SLAB, "GenericValue") || !value.children().is_empty() || !value.attributes.is_empty() {
            return Err(structure);
        }
        values.push(value.text().trim().to_owned());
    }
    if values.is_empty() || values.iter().any(|v| v.is_empty() || v.contains(['/', ','])) {
        return Err(structure);
    }
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let list = || ordered(rules, values.iter().copied());
    match tag {
        "SCI" => {
            marking.sci = values.join("/").into_boxed_str();
            let nato = [Control::Balk, Control::Bohemia].into_iter().filter(|c| values.contains(&c.id()));
            nato.for_each(|c| marking.controls.insert(c));
        }
        "SAP" => marking.sap = values.join("/").into_boxed_str(),
        "FGI" if values == ["FGI"] => marking.concealed = true,
        "FGI" => marking.sources = list(),
        "AEA" => read_aea(&values, marking).ok_or(no_image)?,
        "Releasable To" => {
            let others = ordered(rules, values.iter().copied().filter(|v| *v != "USA"));
            if !values.contains(&"USA") {
                return Err(structure);
            }
            if !others.is_empty() {
                marking.rel_to = CodeList::from_ordered(std::iter::once("USA").chain(others.iter()));
                marking.controls.insert(Control::Rel);
            }
        }
        "Display To" => marking.display_to = list(),
        _ => {
            for value in values {
                let control = Control::ALL.iter().find(|c| c.banner() == value && tag_of(**c) == Some(tag));
                marking.controls.insert(*control.ok_or_else(|| no_image.clone())?);
            }
        }
    }
    Ok(tag)
}

fn read_aea(values: &[&str], marking: &mut Marking) -> Option<()> {
    for value in values {
        match Control::ALL.iter().find(|c| c.id() == *value && ControlSet::AEA.has(**c)) {
            Some(control) if !matches!(control, Control::RdSg | Control::FrdSg) => marking.controls.insert(*control),
            _ => {
                let (head, number) = value.rsplit_once('-')?;
                let control = [Control::RdSg, Control::FrdSg].into_iter().find(|c| c.id() == head)?;
                let number: u32 = number.parse().ok().filter(|n| *n < 64)?;
                marking.controls.insert(control);
                marking.sigma |= 1 << number;
            }
        }
    }
    Some(())
}

/// The tag that `control` is a value of; `None` when the text of another tag holds it.
fn tag_of(control: Control) -> Option<&'static str> {
    match control {
        Control::Rel | Control::Eyes | Control::Balk | Control::Bohemia => None,
        _ if ControlSet::DISSEM.has(control) => Some("Dissemination"),
        _ if ControlSet::NONIC.has(control) => Some("Non-IC"),
        _ => None,
    }
}

/// The values a marking has under a tag of our policy.
fn values(marking: &Marking, tag: &str) -> Vec<String> {
    let split = |text: &str| text.split('/').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let codes = |list: &CodeList| list.iter().map(str::to_owned).collect();
    let us = marking.system() == System::Us;
    match tag {
        "SCI" => split(&marking.sci),
        "SAP" => split(&marking.sap),
        "AEA" => marking.aea_tokens(),
        "FGI" if us && marking.concealed => vec!["FGI".to_owned()],
        "FGI" if us => codes(&marking.sources),
        "Releasable To" if us && marking.rel_to.is_empty() => vec!["USA".to_owned()],
        "Releasable To" if us => codes(&marking.rel_to),
        "Display To" => codes(&marking.display_to),
        _ => marking.controls.iter().filter(|c| tag_of(*c) == Some(tag)).map(|c| c.banner().to_owned()).collect(),
    }
}

fn nato_title(level: Level) -> &'static str {
    if level == Level::TopSecret { "COSMIC TOP SECRET" } else { level.title() }
}

fn leaf(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<slab:{name}>"));
    xml::escape(text, out);
    out.push_str(&format!("</slab:{name}>"));
}

/// True when an element holds elements only.
pub(in crate::marking) fn is_blank(element: &Element) -> bool {
    element.text().trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{DocumentDate, Register};

    const CREATED: &str = "2026-01-01T00:00:00Z";

    fn rules() -> Rules<'static> {
        Rules::new(Register::compiled_in(), DocumentDate::Known(jiff::civil::date(2022, 12, 1)))
    }

    const FAITHFUL: &[&str] = &[
        "UNCLASSIFIED",
        "SECRET//NOFORN",
        "SECRET",
        "SECRET//REL TO USA, FVEY",
        "SECRET//REL TO USA, AUS, FVEY/DISPLAY ONLY FRA, NATO",
        "TOP SECRET//BOHEMIA/SI-G ABCD EFGH-XYZ/TK//SAR-BUTTER POPCORN-123/CA//RD-CNWDI-SIGMA 14 18/ATOMAL//FGI DEU NATO//RSEN/ORCON/NOFORN/DEA SENSITIVE//LES",
        "SECRET//FGI//RELIDO",
        "UNCLASSIFIED//LES NOFORN",
        "//GBR SECRET",
        "//CAN RESTRICTED",
        "//NATO SECRET//ATOMAL",
        "//COSMIC TOP SECRET//BALK",
    ];

    #[test]
    fn reads_back_what_it_writes() {
        for text in FAITHFUL {
            let marking = rules().parse_banner(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            let label = write_label(&marking, CREATED).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(read_label(&rules(), &label), Ok(marking), "{label}");
        }
    }

    #[test]
    fn refuses_to_write_what_one_policy_cannot_say() {
        for text in [
            "//JOINT SECRET GBR USA//REL TO USA, GBR",
            "//CAN GBR SECRET",
            "//GBR SECRET//REL TO USA, GBR",
            "//NATO SECRET//NOFORN",
        ] {
            let marking = rules().parse_banner(text).expect("valid");
            assert!(matches!(write_label(&marking, CREATED), Err(LabelError::NoImage { .. })), "{text}");
        }
    }

    #[test]
    fn noforn_is_never_silence() {
        let marking = rules().parse_banner("SECRET//NOFORN").expect("valid");
        let label = write_label(&marking, CREATED).expect("has an image");
        assert!(label.contains("Type=\"PERMISSIVE\"><slab:GenericValue>USA</slab:GenericValue></slab:Category>"));
        let start = label.find("<slab:Category TagName=\"Releasable To\"").expect("is there");
        let end = start + label[start..].find("</slab:Category>").expect("ends") + "</slab:Category>".len();
        let silent = format!("{}{}", &label[..start], &label[end..]);
        assert!(read_label(&rules(), &silent).is_err());
    }

    #[test]
    fn refuses_categories_and_constructs_it_does_not_know() {
        let label =
            write_label(&rules().parse_banner("SECRET//REL TO USA, GBR").expect("valid"), CREATED).expect("image");
        assert!(read_label(&rules(), &label).is_ok());
        for (from, to) in [
            ("TagName=\"Releasable To\"", "TagName=\"Context\""),
            ("Type=\"PERMISSIVE\"", "Type=\"RESTRICTIVE\""),
            (">GBR<", ">GBR, FRA<"),
            (">GBR<", ">XXX<"),
            (">SECRET<", ">GEHEIM<"),
            (">USA</slab:PolicyIdentifier>", ">ZZZ</slab:PolicyIdentifier>"),
            ("<slab:Classification>", "<!DOCTYPE a [<!ENTITY b 'c'>]><slab:Classification>"),
            ("<slab:Classification>", "<!-- a --><slab:Classification>"),
            (">GBR<", ">&gbr;<"),
            (">GBR<", "><![CDATA[GBR]]><"),
            (":1:0\"", ":1:1\""),
            ("</slab:CreationDateTime>", "</slab:CreationDateTime><slab:Else>1</slab:Else>"),
        ] {
            let edited = label.replacen(from, to, 1);
            assert_ne!(edited, label, "{from}");
            assert!(read_label(&rules(), &edited).is_err(), "{to}");
        }
        assert!(read_label(&rules(), &"<a>".repeat(5000)).is_err());
    }
}
