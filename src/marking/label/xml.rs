//! A strict parser of the XML elements that the label formats need.
//!
//! It refuses document types, processing instructions, CDATA, comments, entities other than characters, prefixes that
//! are not bound, and anything deeper, longer or wider than a label is.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

const LEN_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 8;
const ELEMENTS_MAX: usize = 1024;

/// One element with its content in document order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::marking) struct Element {
    /// Empty for the default namespace.
    pub prefix: String,
    /// The namespace's URI; empty for none.
    pub namespace: String,
    /// The local name.
    pub name: String,
    /// Attributes without namespace declarations.
    pub attributes: Vec<Attribute>,
    /// Child elements and text.
    pub nodes: Vec<Node>,
}

/// An attribute; one without a prefix has no namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::marking) struct Attribute {
    /// Empty for none.
    pub prefix: String,
    /// The namespace's URI; empty for none.
    pub namespace: String,
    /// The local name.
    pub name: String,
    /// The value, with character references decoded.
    pub value: String,
}

/// The content of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::marking) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// True for this name in this namespace.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The value of an attribute without a namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.namespace.is_empty() && a.name == name).map(|a| a.value.as_str())
    }

    /// The child elements, in document order.
    pub fn children(&self) -> Vec<&Element> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| if let Node::Element(element) = node { Some(element) } else { None }).collect()
    }

    /// The text directly in it, without that of child elements.
    pub fn text(&self) -> String {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| if let Node::Text(text) = node { Some(text.as_str()) } else { None }).collect()
    }

    fn push_text(&mut self, more: &str) {
        match self.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(more),
            _ if more.is_empty() => {}
            _ => self.nodes.push(Node::Text(more.to_owned())),
        }
    }
}

/// Why a text cannot be parsed as XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not well formed.
    #[error("the label is not well-formed XML near byte {at}")]
    Malformed {
        /// The byte offset in the text.
        at: u64,
    },
    /// A construct that labels do not need and that attacks use.
    #[error("the label contains {what}, which is not accepted; remove it")]
    Refused {
        /// The construct.
        what: &'static str,
    },
    /// Over a bound.
    #[error("the label has more than {max} {what}")]
    Limit {
        /// The bound.
        max: usize,
        /// What is limited.
        what: &'static str,
    },
}

/// Parses one document: one element with its content.
///
/// # Errors
///
/// [`XmlError`] for the first problem.
pub(in crate::marking) fn read(text: &str) -> Result<Element, XmlError> {
    if text.len() > LEN_MAX {
        return Err(XmlError::Limit { max: LEN_MAX, what: "bytes" });
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        let at = reader.buffer_position();
        let malformed = XmlError::Malformed { at };
        let (resolved, event) = reader.read_resolved_event().map_err(|_| malformed.clone())?;
        match event {
            Event::Start(start) => {
                let ResolveResult::Bound(namespace) = resolved else {
                    return Err(XmlError::Refused { what: "an element without a namespace" });
                };
                let namespace = namespace.as_ref().to_owned();
                count += 1;
                if count > ELEMENTS_MAX {
                    return Err(XmlError::Limit { max: ELEMENTS_MAX, what: "elements" });
                }
                if open.len() == DEPTH_MAX {
                    return Err(XmlError::Limit { max: DEPTH_MAX, what: "levels" });
                }
                if root.is_some() {
                    return Err(malformed);
                }
                open.push(element(&reader, &start, namespace).ok_or(malformed)?);
            }
            Event::End(_) => {
                let done = open.pop().ok_or(malformed)?;
                match open.last_mut() {
                    Some(parent) => parent.nodes.push(Node::Element(done)),
                    None => root = Some(done),
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match open.last_mut() {
                    Some(element) => element.push_text(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(malformed),
                }
            }
            Event::GeneralRef(reference) => {
                let found = match reference.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    _ => match reference.xml10_content().as_ref() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                };
                let found = found.ok_or(XmlError::Refused { what: "an entity" })?;
                open.last_mut().ok_or(malformed)?.push_text(found.encode_utf8(&mut [0; 4]));
            }
            Event::Decl(_) if count == 0 => {}
            Event::Decl(_) => return Err(malformed),
            Event::Empty(_) => return Err(malformed),
            Event::CData(_) => return Err(XmlError::Refused { what: "CDATA" }),
            Event::Comment(_) => return Err(XmlError::Refused { what: "a comment" }),
            Event::PI(_) => return Err(XmlError::Refused { what: "a processing instruction" }),
            Event::DocType(_) => return Err(XmlError::Refused { what: "a document type" }),
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(XmlError::Malformed { at: reader.buffer_position() });
    }
    root.ok_or(XmlError::Malformed { at: 0 })
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, namespace: String) -> Option<Element> {
    let name = start.local_name().as_ref().to_owned();
    let prefix = start.name().prefix().map(|p| p.as_ref().to_owned()).unwrap_or_default();
    let mut attributes: Vec<Attribute> = Vec::new();
    for attribute in start.attributes() {
        // Duplicate attributes are an error of the iterator, and so of the document.
        let attribute = attribute.ok()?;
        let key: &str = attribute.key.as_ref();
        if key == "xmlns" || key.starts_with("xmlns:") {
            continue;
        }
        let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
        let namespace = match resolved {
            ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(_) => return None,
        };
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned();
        let prefix = attribute.key.prefix().map(|p| p.as_ref().to_owned()).unwrap_or_default();
        let name = local.as_ref().to_owned();
        // Two prefixes for one namespace would allow the same attribute twice.
        if attributes.iter().any(|a| a.namespace == namespace && a.name == name) {
            return None;
        }
        attributes.push(Attribute { prefix, namespace, name, value });
    }
    Some(Element { prefix, namespace, name, attributes, nodes: Vec::new() })
}

/// Escapes a text for element content or a double-quoted attribute.
pub(in crate::marking) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}
