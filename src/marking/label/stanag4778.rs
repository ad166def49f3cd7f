//! Binding a confidentiality label to the bytes it describes: STANAG 4778 (ADatP-4778) with an XML signature.
//!
//! The signature covers the binding by its `Id` and the bytes by their address: exclusive canonicalisation, SHA-384
//! digests, ECDSA on P-384. It refuses a binding that is not signed, signed by another key, signed with anything else,
//! or that holds more than one label or one reference: of several, two implementations could choose different ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha384};

use super::c14n::{EXCLUSIVE, canonical};
use super::stanag4774::{LabelError, is_blank, read_element};
use super::xml::{self, Element};
use crate::marking::model::Marking;
use crate::marking::rules::Rules;
use crate::sign::{Algorithm, PublicKey, Signer, signature};

const BINDING: &str = "urn:nato:stanag:4778:bindinginformation:1:0";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
/// The `Id` of the binding that we write.
const ID: &str = "mb-1";

/// Why a binding cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The label inside is refused, or the whole is not the XML of a binding.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The key is not one that the profile allows.
    #[error("a binding needs an ECDSA P-384 key, found a key for {found}")]
    Key {
        /// The algorithm of the key.
        found: &'static str,
    },
    /// The holder of the key did not sign.
    #[error(transparent)]
    NotSigned(#[from] crate::sign::SignError),
    /// The signature is not of this profile.
    #[error("the signature's `{element}` is missing or is not exclusive C14N, SHA-384 and ECDSA on P-384")]
    Profile {
        /// The element's name.
        element: &'static str,
    },
    /// The bytes are not those the label was bound to.
    #[error("the bound digest does not match the bytes; the label or the bytes were replaced")]
    NotBound,
    /// The binding or its label was changed after it was signed.
    #[error("the signed digest does not match the binding; the label was changed after signing")]
    Altered,
    /// The signature is not by the expected key.
    #[error("the binding is not signed with the expected key; ask the originator which key signs labels")]
    WrongKey,
}

impl From<xml::XmlError> for BindingError {
    fn from(error: xml::XmlError) -> BindingError {
        BindingError::Label(error.into())
    }
}

/// Binds `label`, as [`write_label`](super::stanag4774::write_label) writes it, to `bytes`, which are addressed as
/// `uri`, and signs the binding.
///
/// # Errors
///
/// [`BindingError::Key`] unless `signer` holds a P-384 key; [`BindingError::NotSigned`] if signing fails;
/// [`BindingError::Label`] if `label` is not XML.
pub fn write_binding(label: &str, uri: &str, bytes: &[u8], signer: &dyn Signer) -> Result<String, BindingError> {
    profile_key(signer.public())?;
    let mut binding = format!("<mb:MetadataBinding xmlns:mb=\"{BINDING}\" Id=\"{ID}\"><mb:Metadata>");
    binding.push_str(label);
    binding.push_str("</mb:Metadata><mb:DataReference URI=\"");
    xml::escape(uri, &mut binding);
    binding.push_str("\"></mb:DataReference></mb:MetadataBinding>");
    let binding = canonical(&xml::read(&binding)?);
    let signed = signed_info(uri, &Sha384::digest(binding.as_bytes()), &Sha384::digest(bytes));
    let signed = canonical(&xml::read(&signed)?);
    let signature = BASE64.encode(signature(signer, signed.as_bytes())?);
    Ok(format!(
        "<mb:BindingInformation xmlns:mb=\"{BINDING}\"><mb:MetadataBindingContainer>{binding}</mb:MetadataBindingContainer>\
         <ds:Signature xmlns:ds=\"{DSIG}\">{signed}<ds:SignatureValue>{signature}</ds:SignatureValue></ds:Signature>\
         </mb:BindingInformation>"
    ))
}

/// Reads a binding of exactly one label to exactly one reference, `uri`, and checks that `key` signed it and that it
/// binds these bytes. Key information in the document is ignored.
///
/// # Errors
///
/// [`BindingError`] for the first check that fails.
pub fn read_binding(
    rules: &Rules<'_>,
    text: &str,
    uri: &str,
    bytes: &[u8],
    key: &PublicKey,
) -> Result<Marking, BindingError> {
    profile_key(key)?;
    let root = xml::read(text)?;
    if !root.is(BINDING, "BindingInformation") || !is_blank(&root) {
        return Err(structure("BindingInformation"));
    }
    let [container, signature] = &root.children()[..] else { return Err(structure("BindingInformation")) };
    if !container.is(BINDING, "MetadataBindingContainer") || !is_blank(container) {
        return Err(structure("MetadataBindingContainer"));
    }
    let [binding] = &container.children()[..] else { return Err(structure("MetadataBinding")) };
    let label = bound_label(binding, uri)?;
    let id = binding.attribute("Id").ok_or(structure("MetadataBinding"))?;
    verify(signature, key, id, binding, uri, bytes)?;
    Ok(read_element(rules, label)?)
}

/// The label of a binding whose one reference is `uri`.
fn bound_label<'e>(binding: &'e Element, uri: &str) -> Result<&'e Element, BindingError> {
    if !binding.is(BINDING, "MetadataBinding") || !is_blank(binding) || binding.attributes.len() != 1 {
        return Err(structure("MetadataBinding"));
    }
    let [metadata, reference] = binding.children()[..] else { return Err(structure("MetadataBinding")) };
    if !metadata.is(BINDING, "Metadata") || !is_blank(metadata) {
        return Err(structure("Metadata"));
    }
    // A media type may accompany the address; it restricts nobody and is signed with the rest.
    if !reference.is(BINDING, "DataReference") || reference.attribute("URI") != Some(uri) || !reference.nodes.is_empty()
    {
        return Err(structure("DataReference"));
    }
    let [label] = metadata.children()[..] else { return Err(structure("Metadata")) };
    Ok(label)
}

fn verify(
    signature: &Element,
    key: &PublicKey,
    id: &str,
    binding: &Element,
    uri: &str,
    bytes: &[u8],
) -> Result<(), BindingError> {
    let profile = |element| BindingError::Profile { element };
    if !signature.is(DSIG, "Signature") {
        return Err(profile("Signature"));
    }
    let [info, value, rest @ ..] = &signature.children()[..] else { return Err(profile("Signature")) };
    // A signature may name its key; the key that counts is the one that was agreed. Anything else could carry content.
    if !rest.iter().all(|e| e.is(DSIG, "KeyInfo")) || rest.len() > 1 {
        return Err(profile("Signature"));
    }
    if !info.is(DSIG, "SignedInfo") || !value.is(DSIG, "SignatureValue") {
        return Err(profile("SignedInfo"));
    }
    let [canonicalization, method, references @ ..] = &info.children()[..] else { return Err(profile("SignedInfo")) };
    names(canonicalization, "CanonicalizationMethod", EXCLUSIVE)?;
    names(method, "SignatureMethod", ECDSA_SHA384)?;
    let [first, second] = references else { return Err(profile("Reference")) };
    let fragment = format!("#{id}");
    // INVARIANT: the element that is digested is the one that was read above, never one found by its `Id`, so there is
    // nothing to wrap.
    let binding_digest = reference(first, &fragment, true)?;
    let bytes_digest = reference(second, uri, false)?;
    let raw = decode(&value.text()).ok_or(profile("SignatureValue"))?;
    if !key.verifies(canonical(info).as_bytes(), &raw) {
        return Err(BindingError::WrongKey);
    }
    if binding_digest[..] != Sha384::digest(canonical(binding).as_bytes())[..] {
        return Err(BindingError::Altered);
    }
    if bytes_digest[..] != Sha384::digest(bytes)[..] {
        return Err(BindingError::NotBound);
    }
    Ok(())
}

/// The digest of a reference to `uri`: over canonical XML, or over the bytes as they are.
fn reference(element: &Element, uri: &str, xml: bool) -> Result<Vec<u8>, BindingError> {
    let profile = |element| BindingError::Profile { element };
    if !element.is(DSIG, "Reference") || element.attribute("URI") != Some(uri) {
        return Err(profile("Reference"));
    }
    let children = element.children();
    let rest = match &children[..] {
        [transforms, rest @ ..] if xml => {
            let [transform] = &transforms.children()[..] else { return Err(profile("Transforms")) };
            if !transforms.is(DSIG, "Transforms") {
                return Err(profile("Transforms"));
            }
            names(transform, "Transform", EXCLUSIVE)?;
            rest
        }
        all => all,
    };
    let [method, value] = rest else { return Err(profile("DigestValue")) };
    names(method, "DigestMethod", SHA384)?;
    if !value.is(DSIG, "DigestValue") {
        return Err(profile("DigestValue"));
    }
    decode(&value.text()).filter(|d| d.len() == 48).ok_or(profile("DigestValue"))
}

/// Checks that an element names one algorithm and gives it no parameters.
fn names(element: &Element, name: &'static str, algorithm: &str) -> Result<(), BindingError> {
    if element.is(DSIG, name) && element.attribute("Algorithm") == Some(algorithm) && element.children().is_empty() {
        Ok(())
    } else {
        Err(BindingError::Profile { element: name })
    }
}

fn signed_info(uri: &str, binding: &[u8], bytes: &[u8]) -> String {
    let mut address = String::new();
    xml::escape(uri, &mut address);
    let (binding, bytes) = (BASE64.encode(binding), BASE64.encode(bytes));
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>\
         <ds:SignatureMethod Algorithm=\"{ECDSA_SHA384}\"/>\
         <ds:Reference URI=\"#{ID}\"><ds:Transforms><ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{SHA384}\"/><ds:DigestValue>{binding}</ds:DigestValue></ds:Reference>\
         <ds:Reference URI=\"{address}\"><ds:DigestMethod Algorithm=\"{SHA384}\"/>\
         <ds:DigestValue>{bytes}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
}

fn profile_key(key: &PublicKey) -> Result<(), BindingError> {
    match key.algorithm() {
        Algorithm::Es384 => Ok(()),
        other => Err(BindingError::Key { found: other.name() }),
    }
}

/// Base64 as XML carries it: line breaks mean nothing.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')).collect();
    BASE64.decode(text).ok()
}

fn structure(element: &'static str) -> BindingError {
    LabelError::Structure { element }.into()
}

#[cfg(test)]
mod tests {
    use super::super::stanag4774::write_label;
    use super::*;
    use crate::marking::{DocumentDate, Register};
    use crate::sign::LocalSigner;

    const CREATED: &str = "2026-01-01T00:00:00Z";
    const URI: &str = "cid:product";
    const BYTES: &[u8] = b"EXERCISE";

    fn rules() -> Rules<'static> {
        Rules::new(Register::compiled_in(), DocumentDate::Known(jiff::civil::date(2022, 12, 1)))
    }

    fn signer(algorithm: Algorithm) -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(algorithm).expect("random")).expect("its own form")
    }

    fn label(banner: &str) -> String {
        write_label(&rules().parse_banner(banner).expect("valid"), CREATED).expect("has an image")
    }

    #[test]
    fn binds_a_label_to_its_bytes_and_refuses_others() {
        let key = signer(Algorithm::Es384);
        let read = |text: &str, uri, bytes| read_binding(&rules(), text, uri, bytes, key.public());
        let binding = write_binding(&label("SECRET//REL TO USA, GBR"), URI, BYTES, &key).expect("signs");
        let marking = rules().parse_banner("SECRET//REL TO USA, GBR").expect("valid");
        assert_eq!(read(&binding, URI, BYTES), Ok(marking));
        assert_eq!(read(&binding, URI, b"EXERCISF"), Err(BindingError::NotBound));
        assert!(read(&binding, "cid:other", BYTES).is_err());
        let other = signer(Algorithm::Es384);
        assert_eq!(read_binding(&rules(), &binding, URI, BYTES, other.public()), Err(BindingError::WrongKey));
        // The label of another binding, signed by the same key, in place of this one's.
        let wider = write_binding(&label("UNCLASSIFIED"), URI, b"other", &key).expect("signs");
        let part = |text: &str, from: &str, to: &str| {
            let start = text.find(from).expect("is there");
            text[start..start + text[start..].find(to).expect("is there")].to_owned()
        };
        let (ours, theirs) = ("<mb:MetadataBinding ", "</mb:MetadataBindingContainer>");
        let swapped = binding.replace(&part(&binding, ours, theirs), &part(&wider, ours, theirs));
        assert_eq!(read(&swapped, URI, BYTES), Err(BindingError::Altered));
    }

    #[test]
    fn refuses_every_changed_byte_of_what_is_signed() {
        let key = signer(Algorithm::Es384);
        let binding = write_binding(&label("SECRET//REL TO USA, GBR"), URI, BYTES, &key).expect("signs");
        let marking = rules().parse_banner("SECRET//REL TO USA, GBR").expect("valid");
        for at in 0..binding.len() {
            let mut bytes = binding.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let read = read_binding(&rules(), &text, URI, BYTES, key.public());
            // Prefixes of the wrapping elements are not signed, and say nothing; what is read must stay the same.
            assert!(read.is_err() || read == Ok(marking.clone()), "{at}");
        }
    }

    #[test]
    fn refuses_other_algorithms_and_parts_that_nobody_signed() {
        let key = signer(Algorithm::Es384);
        let binding = write_binding(&label("SECRET//REL TO USA, GBR"), URI, BYTES, &key).expect("signs");
        let container = "</mb:MetadataBinding></mb:MetadataBindingContainer>";
        for (from, to) in [
            ("xmldsig-more#sha384", "xmldsig-more#sha224"),
            ("xmldsig-more#ecdsa-sha384", "xmldsig-more#ecdsa-sha1"),
            ("2001/10/xml-exc-c14n#\"></ds:Canon", "TR/2001/REC-xml-c14n-20010315\"></ds:Canon"),
            ("URI=\"#mb-1\"", "URI=\"#mb-2\""),
            ("URI=\"#mb-1\"", "URI=\"\""),
            (container, "</mb:MetadataBinding><mb:MetadataBinding Id=\"mb-2\"/></mb:MetadataBindingContainer>"),
            ("<ds:SignatureValue>", "<ds:Object/><ds:SignatureValue>"),
            ("</ds:SignatureValue>", "</ds:SignatureValue><ds:Object/>"),
            ("<mb:MetadataBindingContainer>", "SECRET<mb:MetadataBindingContainer>"),
        ] {
            let edited = binding.replacen(from, to, 1);
            assert_ne!(edited, binding, "{from}");
            assert!(read_binding(&rules(), &edited, URI, BYTES, key.public()).is_err(), "{to}");
        }
        let unsigned = &binding[..binding.find("<ds:Signature ").expect("is there")];
        let unsigned = format!("{unsigned}</mb:BindingInformation>");
        assert!(read_binding(&rules(), &unsigned, URI, BYTES, key.public()).is_err());
    }

    #[test]
    fn refuses_to_sign_with_another_kind_of_key() {
        for (algorithm, found) in [(Algorithm::Ed25519, "ed25519"), (Algorithm::MlDsa87, "mldsa87")] {
            let key = signer(algorithm);
            assert_eq!(write_binding(&label("SECRET"), URI, BYTES, &key), Err(BindingError::Key { found }));
        }
    }
}
