//! Suggestions for a refused mark: the text and its faults come in; proposals for a person go out, in words and, where safe,
//! with a whole mark that the parser accepts. Nothing is computed for a valid mark.
//!
//! It refuses to decide: no proposal is ever used in place of the text. It refuses to widen: no proposal names a country that
//! the text does not name, except USA in a US release list, and none drops a control that a release would need.

mod lexicon;
mod tokenizer;
mod country_names;
mod lenient;
mod classification;
mod compose;
mod requirements;
mod foreign;
mod repair;
mod cui;

use super::check::Checked;
use super::model::{Marking, Profile};
use super::parse::{self, Kind, is_authority_block};
use super::rules::Rules;

/// The kind of a [`Remedy`]. `as_str` is the name used in output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemedyKind {
    /// The same mark in its correct form: safe to use.
    Fix,
    /// A mark that the author may have meant. A person decides.
    Rewrite,
    /// What a retired marking was, what replaced it, and who must mark it again.
    Legacy,
    /// Whose mark it is, and the form that it takes here.
    Foreign,
    /// The option, profile or manual that has the marking.
    Profile,
    /// Not a mark but a classification authority block.
    Block,
}

impl RemedyKind {
    /// The name in output: `fix`, `rewrite`, `legacy`, `foreign`, `profile`, `block`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Rewrite => "rewrite",
            Self::Legacy => "legacy",
            Self::Foreign => "foreign",
            Self::Profile => "profile",
            Self::Block => "block",
        }
    }
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What kind it is.
    pub kind: RemedyKind,
    /// Why, and what to do, in one or two sentences.
    pub text: String,
    /// The whole mark, if there is one. The parser accepts it in the requested kind.
    pub mark: Option<String>,
}

impl Rules<'_> {
    /// What the author of `text` may have meant, for a text that these rules refuse; nothing for a valid mark. `banner` is
    /// what a portion inherits from, and `checked` what [`Rules::check`] said of it.
    #[must_use]
    pub fn remedies(&self, text: &str, kind: Kind, banner: Option<&Marking>, checked: &Checked) -> Vec<Remedy> {
        if checked.is_valid() {
            return Vec::new();
        }
        if is_authority_block(text) {
            let text = "this is a classification authority block, not a mark: it says who classified the document, why, and until \
                when; leave it where it is and check the banner and the portion marks";
            return vec![Remedy { kind: RemedyKind::Block, text: text.to_owned(), mark: None }];
        }
        let mut found = Vec::new();
        if let Some(fix) = checked.diagnostics.iter().find_map(|d| d.fix.as_ref()) {
            let (text, mark) = ("the same mark in its correct form".to_owned(), Some(fix.replacement.clone()));
            found.push(Remedy { kind: RemedyKind::Fix, text, mark });
        }
        if text.len() <= parse::MARK_LEN_MAX {
            let other = |remedy: &Remedy| remedy.mark.is_none() || found.iter().all(|known| known.mark != remedy.mark);
            let proposals: Vec<Remedy> = self.proposals(text, kind, banner).into_iter().filter(other).collect();
            found.extend(proposals);
        }
        found
    }

    fn proposals(&self, text: &str, kind: Kind, banner: Option<&Marking>) -> Vec<Remedy> {
        let ask = Ask { rules: self, kind, banner };
        if self.profile == Profile::Cui || Profile::of(text) == Profile::Cui {
            return ask.cui(text);
        }
        let mut found = foreign::remedies(&ask, text);
        // A list without the United States may also be a faulty US mark.
        if found.is_empty() || foreign::may_be_ours(&found) {
            found.extend(ask.rewrite(text));
        }
        found
    }
}

/// The context in which a remedy is sought.
struct Ask<'t, 'r> {
    rules: &'t Rules<'r>,
    kind: Kind,
    banner: Option<&'t Marking>,
}

impl Ask<'_, '_> {
    /// Whether the parser accepts a mark.
    fn accepts(&self, mark: &str) -> bool {
        parse::parse(self.rules, mark, self.kind, self.banner).marking.is_some()
    }

    /// A mark in the requested kind.
    fn enclosed(&self, mark: &str) -> String {
        match self.kind {
            Kind::Banner => mark.to_owned(),
            Kind::Portion => format!("({mark})"),
        }
    }
}

/// The text of a mark without its parentheses, with one space where there were several.
fn bare(text: &str) -> String {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    inner.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same in upper case.
fn plain(text: &str) -> String {
    bare(text).to_uppercase()
}
