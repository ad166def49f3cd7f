//! The texts of a policy as one value with one digest.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::digest::{self, Digest, NotCanonical};
use crate::marking::RegisterFiles;

/// All texts of a policy, by the names of their files in a policy folder. Agreements are not part of it.
///
/// The canonical bytes are a CBOR array of `{0: name, 1: text}` in order of the names (RFC 8949, section 4.2.1); the digest is SHA-256 of
/// these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTexts(BTreeMap<String, String>);

/// Why texts are not a valid policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextsFault {
    /// A name that is not one of a policy text.
    #[error(
        "`{0}` is not a policy text: expected `release.cedar`, `schema.cedarschema`, `priorities.toml`, \
         `inspection.toml`, `register/*.json` as shipped, or `words/NAME.txt` in lower case"
    )]
    Name(String),
    /// A required text is missing.
    #[error("the policy lacks `{0}`: restore it from the texts in force, or from those that ship with the gateway")]
    Missing(&'static str),
    /// A text is too long.
    #[error("policy text `{name}` is too long: {bytes} bytes, limit {max}")]
    TooLong {
        /// The name of the text.
        name: String,
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Bytes that are not in the canonical form.
    #[error("policy texts on record: {0}")]
    Form(#[from] NotCanonical),
    /// Texts out of order, or a name listed twice.
    #[error("policy texts on record: `{0}` is out of order or listed twice")]
    Order(String),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Named {
    #[n(0)]
    name: String,
    #[n(1)]
    text: String,
}

impl PolicyTexts {
    /// The release rules.
    pub const RULES: &'static str = "release.cedar";
    /// The schema of the rules.
    pub const SCHEMA: &'static str = "schema.cedarschema";
    /// The guiding document; optional.
    pub const PRIORITIES: &'static str = "priorities.toml";
    /// The settings of the content filters; optional, with defaults.
    pub const INSPECTION: &'static str = "inspection.toml";
    /// The operator's changes to the marking register; optional.
    pub const OVERLAY: &'static str = "register/overlay.json";
    /// The longest text, in bytes.
    pub const TEXT_BYTES_MAX: usize = 4 << 20;

    /// Creates a policy of these texts.
    ///
    /// # Errors
    /// [`TextsFault`] if a name is not one of a policy text, a text is too long, or a required text is missing.
    pub fn new(texts: impl IntoIterator<Item = (String, String)>) -> Result<PolicyTexts, TextsFault> {
        let texts: BTreeMap<String, String> = texts.into_iter().collect();
        for (name, text) in &texts {
            if !Self::is_name(name) {
                return Err(TextsFault::Name(name.clone()));
            }
            if text.len() > Self::TEXT_BYTES_MAX {
                let (name, bytes) = (name.clone(), text.len());
                return Err(TextsFault::TooLong { name, bytes, max: Self::TEXT_BYTES_MAX });
            }
        }
        for required in [Self::RULES, Self::SCHEMA] {
            if !texts.contains_key(required) {
                return Err(TextsFault::Missing(required));
            }
        }
        for required in RegisterFiles::NAMES {
            if !texts.contains_key(&format!("register/{required}")) {
                return Err(TextsFault::Missing(required));
            }
        }
        Ok(PolicyTexts(texts))
    }

    /// Whether a policy may have a text of this name. Names are restricted so that a file cannot be written outside the policy folder.
    pub fn is_name(name: &str) -> bool {
        let plain = |stem: &str| {
            (1..=60).contains(&stem.len())
                && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        match name.split_once('/') {
            None => [Self::RULES, Self::SCHEMA, Self::PRIORITIES, Self::INSPECTION].contains(&name),
            Some(("register", file)) => RegisterFiles::NAMES.contains(&file) || name == Self::OVERLAY,
            Some(("words", file)) => file.strip_suffix(".txt").is_some_and(plain),
            Some(_) => false,
        }
    }

    /// The text with this name, if there is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every name and text, in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Replaces, adds or (where `None`) removes some texts.
    ///
    /// # Errors
    /// As for [`PolicyTexts::new`].
    pub fn with(&self, changed: impl IntoIterator<Item = (String, Option<String>)>) -> Result<PolicyTexts, TextsFault> {
        let mut texts = self.0.clone();
        for (name, text) in changed {
            match text {
                Some(text) => texts.insert(name, text),
                None => texts.remove(&name),
            };
        }
        PolicyTexts::new(texts)
    }

    /// Encodes the texts as canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let named: Vec<Named> =
            self.0.iter().map(|(name, text)| Named { name: name.clone(), text: text.clone() }).collect();
        digest::encode(&named)
    }

    /// Decodes the bytes that [`PolicyTexts::to_bytes`] returns.
    ///
    /// # Errors
    /// [`TextsFault`] if they are not the canonical bytes of a policy.
    pub fn from_bytes(bytes: &[u8]) -> Result<PolicyTexts, TextsFault> {
        let named: Vec<Named> = digest::decode(bytes)?;
        if let Some(pair) = named.windows(2).find(|pair| pair[0].name >= pair[1].name) {
            return Err(TextsFault::Order(pair[1].name.clone()));
        }
        PolicyTexts::new(named.into_iter().map(|n| (n.name, n.text)))
    }

    /// The manifest that a founding signs: one line for each text, with digest and name.
    pub fn manifest(&self) -> String {
        self.0.iter().map(|(name, text)| format!("{}  {name}\n", Digest::of(text.as_bytes()))).collect()
    }

    /// SHA-256 of the canonical bytes, by which the ledger refers to a policy.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::change) fn texts() -> PolicyTexts {
        let register = RegisterFiles::NAMES.map(|name| (format!("register/{name}"), "{}".to_owned()));
        let own = [("release.cedar", "rules"), ("schema.cedarschema", "schema")];
        let own = own.map(|(name, text)| (name.to_owned(), text.to_owned()));
        PolicyTexts::new(own.into_iter().chain(register)).unwrap()
    }

    #[test]
    fn texts_decode_from_their_bytes_and_every_change_alters_the_digest() {
        let texts = texts();
        assert_eq!(PolicyTexts::from_bytes(&texts.to_bytes()), Ok(texts.clone()));
        for (name, _) in texts.iter() {
            let other = texts.with([(name.to_owned(), Some("another".to_owned()))]).unwrap();
            assert_ne!(other.digest(), texts.digest(), "{name}");
        }
        let more = texts.with([("words/exercise.txt".to_owned(), Some(String::new()))]).unwrap();
        assert_ne!(more.digest(), texts.digest());
        assert_eq!(more.with([("words/exercise.txt".to_owned(), None)]).unwrap(), texts);
    }

    #[test]
    fn refuses_names_that_are_not_of_a_policy_text_or_leave_the_folder() {
        for name in ["words/exercise.txt", "priorities.toml", "register/overlay.json", "register/cui.json"] {
            assert!(PolicyTexts::is_name(name), "{name}");
        }
        for name in [
            "",
            "x",
            "../release.cedar",
            "words/../x.txt",
            "words/.txt",
            "words/a/b.txt",
            "words/X.txt",
            "words/README",
        ] {
            assert!(!PolicyTexts::is_name(name), "{name}");
            assert!(texts().with([(name.to_owned(), Some(String::new()))]).is_err());
        }
    }

    #[test]
    fn refuses_a_policy_without_rules_schema_or_register_and_texts_that_are_too_long() {
        for (name, _) in texts().iter() {
            assert!(matches!(texts().with([(name.to_owned(), None)]), Err(TextsFault::Missing(_))), "{name}");
        }
        let long = "x".repeat(PolicyTexts::TEXT_BYTES_MAX + 1);
        let found = texts().with([("words/a.txt".to_owned(), Some(long))]);
        assert!(matches!(found, Err(TextsFault::TooLong { .. })));
    }

    #[test]
    fn refuses_bytes_with_a_name_twice_or_out_of_order() {
        let named = |name: &str| Named { name: name.into(), text: String::new() };
        let bytes = digest::encode(&vec![named("words/b.txt"), named("words/a.txt")]);
        assert!(matches!(PolicyTexts::from_bytes(&bytes), Err(TextsFault::Order(_))));
        assert!(PolicyTexts::from_bytes(b"").is_err());
    }
}
