//! Exclusive XML canonicalisation without comments (W3C Recommendation of 18 July 2002): the one spelling of an
//! element that a signature is made over.

use std::collections::BTreeMap;

use super::xml::{Element, Node};

/// The algorithm's name.
pub(in crate::marking) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Writes an element and everything in it. Namespaces are declared where they are first visibly used (section 3 of
/// the recommendation), whatever the document around it declares.
pub(in crate::marking) fn canonical(element: &Element) -> String {
    let mut out = String::new();
    write(element, &BTreeMap::new(), &mut out);
    out
}

fn write<'e>(element: &'e Element, around: &BTreeMap<&'e str, &'e str>, out: &mut String) {
    let name = qualified(&element.prefix, &element.name);
    let mut declared = around.clone();
    let mut fresh: BTreeMap<&str, &str> = BTreeMap::new();
    let used = std::iter::once((&element.prefix, &element.namespace));
    let used =
        used.chain(element.attributes.iter().filter(|a| !a.prefix.is_empty()).map(|a| (&a.prefix, &a.namespace)));
    for (prefix, namespace) in used {
        // The prefix `xml` is bound by XML itself and never declared.
        if prefix != "xml" && declared.insert(prefix, namespace) != Some(namespace) {
            fresh.insert(prefix, namespace);
        }
    }
    out.push('<');
    out.push_str(&name);
    for (prefix, namespace) in fresh {
        out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        out.push_str(prefix);
        out.push_str("=\"");
        escape_attribute(namespace, out);
        out.push('"');
    }
    let mut attributes: Vec<_> = element.attributes.iter().collect();
    attributes.sort_by_key(|a| (&a.namespace, &a.name));
    for attribute in attributes {
        out.push(' ');
        out.push_str(&qualified(&attribute.prefix, &attribute.name));
        out.push_str("=\"");
        escape_attribute(&attribute.value, out);
        out.push('"');
    }
    out.push('>');
    for node in &element.nodes {
        match node {
            Node::Element(child) => write(child, &declared, out),
            Node::Text(text) => escape_text(text, out),
        }
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
}

fn qualified(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}:{name}") }
}

fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

fn escape_attribute(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    fn of(text: &str) -> String {
        canonical(&xml::read(text).expect("well formed"))
    }

    #[test]
    fn one_spelling_whatever_the_document_looked_like() {
        for (written, canonical) in [
            ("<a xmlns='urn:x'/>", "<a xmlns=\"urn:x\"></a>"),
            (
                "<p:a xmlns:q='urn:q' xmlns:p='urn:p'><q:b/></p:a>",
                "<p:a xmlns:p=\"urn:p\"><q:b xmlns:q=\"urn:q\"></q:b></p:a>",
            ),
            (
                "<a xmlns='urn:x' z='1' b=\"2\"  >t&#13;&gt;&quot;</a >",
                "<a xmlns=\"urn:x\" b=\"2\" z=\"1\">t&#xD;&gt;\"</a>",
            ),
            (
                "<a xmlns='urn:a' xmlns:m='urn:m' m:z='1' m:b='2' c='3'><a xmlns='urn:a'> </a><a xmlns='urn:b'/></a>",
                "<a xmlns=\"urn:a\" xmlns:m=\"urn:m\" c=\"3\" m:b=\"2\" m:z=\"1\"><a> </a><a xmlns=\"urn:b\"></a></a>",
            ),
            ("<a xmlns='urn:x' b='&#9;&#10;&lt;&apos;&amp;'/>", "<a xmlns=\"urn:x\" b=\"&#x9;&#xA;&lt;'&amp;\"></a>"),
        ] {
            assert_eq!(of(written), canonical, "{written}");
            assert_eq!(of(canonical), canonical, "canonicalisation is idempotent");
        }
    }
}
