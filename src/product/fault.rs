//! The faults that a product's source can have, their stable codes, and a collector that bounds how many are reported.

use std::fmt;
use std::ops::Range;

use super::bounds::Bounds;

/// One fault in a product's text: where it is, what was found, and what to do. Never quotes the product.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ProductFault {
    /// The stable code: a [`FaultCode`], or the marking engine's own for a mark.
    pub code: Code,
    /// The line, counted from one.
    pub line: usize,
    /// Bytes within that line, counted from zero. Empty where something is missing.
    pub columns: Range<usize>,
    /// What was found and what was expected.
    pub message: String,
    /// What the producer should do.
    pub hint: String,
    /// The rule that is broken, or the source of the marking rule.
    pub rule: &'static str,
    /// The corrected mark as a whole, where the correction does not change its meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The JSON pointer (RFC 6901) of the value at fault, where the product was JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl fmt::Display for ProductFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.columns.start + 1)?;
        if let Some(pointer) = &self.pointer {
            write!(f, ", at `{}`", pointer)?;
        }
        write!(f, ": {} [{}]; {}", self.message, self.code, self.hint)
    }
}

impl std::error::Error for ProductFault {}

/// Collects faults up to the bound, then one fault that says that more were found.
#[derive(Debug)]
pub(in crate::product) struct Faults {
    list: Vec<ProductFault>,
    max: usize,
}

impl Faults {
    /// An empty collector for at most `bounds.faults_max` faults.
    pub fn new(bounds: &Bounds) -> Faults {
        Faults { list: Vec::new(), max: bounds.faults_max.max(1) }
    }

    /// Adds a fault, up to the bound.
    pub fn add(&mut self, fault: ProductFault) {
        if self.list.len() < self.max {
            self.list.push(fault);
        } else if self.list.len() == self.max {
            self.list.push(ProductFault {
                code: FaultCode::More.into(),
                line: fault.line,
                columns: 0..0,
                message: format!("more than {} faults: the rest are not listed", self.max),
                hint: "correct these and check again".into(),
                rule: FaultCode::More.rule(),
                fix: None,
                pointer: None,
            });
        }
    }

    /// Adds a fault at `columns`, bytes counted from zero, of `line`, counted from one.
    pub fn at(
        &mut self,
        code: FaultCode,
        line: usize,
        columns: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let rule = code.rule();
        let (message, hint) = (message.into(), hint.into());
        self.add(ProductFault { code: code.into(), line, columns, message, hint, rule, fix: None, pointer: None });
    }

    /// Another collector with the same bound, for faults whose places must be converted before they are reported.
    pub fn fresh(&self) -> Faults {
        Faults { list: Vec::new(), max: self.max }
    }

    /// Whether no fault was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults in the order in which they were found.
    pub fn so_far(&self) -> &[ProductFault] {
        &self.list
    }

    /// The faults in the order of the text.
    pub fn into_sorted(mut self) -> Vec<ProductFault> {
        self.list.sort_by(|a, b| {
            let last = |f: &ProductFault| f.code == FaultCode::More.into();
            (last(a), a.line, a.columns.start, &a.code).cmp(&(last(b), b.line, b.columns.start, &b.code))
        });
        self.list
    }
}

/// A value that does not have the form of its type; the message says what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidValue(pub &'static str);

/// The code of a fault: ours, or the marking engine's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A fault of the text's form, or of the product as a whole.
    Product(FaultCode),
    /// A fault of one mark, under the marking engine's stable code such as `E-CLASS-FLOOR`.
    Marking(String),
}

impl From<FaultCode> for Code {
    fn from(code: FaultCode) -> Code {
        Code::Product(code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::Product(code) => f.write_str(code.as_str()),
            Code::Marking(code) => f.write_str(code),
        }
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $rule:literal;)*) => {
        /// The stable codes of faults that are not a single mark's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultCode { $($(#[$doc])* $name,)* }

        impl FaultCode {
            /// Every code, in the order of declaration.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$name,)*];

            /// The code as text, such as `P-BOUNDS`.
            pub const fn as_str(self) -> &'static str {
                match self { $(FaultCode::$name => $text,)* }
            }

            /// The rule that the fault breaks, in one sentence.
            pub const fn rule(self) -> &'static str {
                match self { $(FaultCode::$name => $rule,)* }
            }
        }
    };
}

fault_codes! {
    /// Larger, longer or more than the bounds allow.
    Bounds = "P-BOUNDS", "every dimension of a product is bounded, so that reading one costs no more than configured";
    /// Reading stopped at the limit of reported faults.
    More = "P-MORE", "reporting is bounded as well";
    /// Bytes that are not UTF-8.
    Utf8 = "P-UTF8", "a product is UTF-8 text without a byte order mark";
    /// A control character, a foreign line separator or a noncharacter.
    Control = "P-CONTROL", "lines end in LF, and no other control character or line separator may stand in a product";
    /// The first line is not the format's.
    Signature = "P-SIGNATURE", "the first line names the format and its version";
    /// A line of the front block that is not a known `Key: value`.
    FrontLine = "P-FRONT-LINE", "the front block holds only lines of the form `Key: value` with the keys of the format";
    /// A key given twice.
    FrontRepeated = "P-FRONT-REPEATED", "a key stands at most once";
    /// A key that must be there is not.
    FrontMissing = "P-FRONT-MISSING", "a product states its id, title, originator, date and kind";
    /// A value of the wrong form.
    FrontValue = "P-FRONT-VALUE", "each key has one form of value";
    /// A title, subject, originator or contact without its own portion mark.
    Unmarked = "P-UNMARKED", "title, subjects, contact and every portion carry a portion mark of their own";
    /// A mark without text.
    Empty = "P-EMPTY", "a portion mark marks something";
    /// A line that looks like a delimiter but is not one.
    Delimiter = "P-DELIMITER", "a tearline begins after a line of twenty or more hyphens and nothing else; nothing may merely look like one";
    /// A tearline without its banner.
    BannerMissing = "P-BANNER-MISSING", "each tearline begins with its own banner line";
    /// A banner where none may stand.
    BannerStray = "P-BANNER-STRAY", "a banner stands only at the beginning of a tearline";
    /// A portion mark inside the text of another portion.
    MarkInside = "P-MARK-INSIDE", "each portion is a paragraph of its own, so that no text stands under two marks";
    /// An empty tearline.
    TearlineEmpty = "P-TEARLINE-EMPTY", "every tearline has portions";
    /// Something other than attachments after the first attachment of a tearline.
    AttachmentOrder = "P-ATTACHMENT-ORDER", "attachments stand after the last paragraph of their tearline";
    /// The line that describes an attachment is malformed.
    AttachmentBegin = "P-ATTACHMENT-BEGIN", "an attachment begins `(mark) BEGIN ATTACHMENT name type bytes sha256`, or is the one line `(mark) ATTACHMENT name type bytes sha256`";
    /// The body of an attachment is not the canonical base64 of what the begin line says.
    AttachmentBody = "P-ATTACHMENT-BODY", "an attachment's body is the base64, in lines of 76, of exactly the bytes its begin line describes";
    /// Two attachments of one tearline have the same file name.
    AttachmentName = "P-ATTACHMENT-NAME", "no two attachments of a tearline have names that differ in nothing but capitals";
    /// The banner does not cover its portions.
    Cover = "P-COVER", "a banner is at least as restrictive as everything beneath it";
    /// The level rises, or the audience shrinks, from one tearline to the next.
    Ladder = "P-LADDER", "going down, the level never rises and the release audience never shrinks";
    /// No format, or two at once.
    Format = "P-FORMAT", "a product is in one of the formats that are read, and its content alone says in which";
    /// A string that would be read as structure.
    Structure = "P-STRUCTURE", "what is text in one format is the same text in every other, and never begins or ends a part of the product";
    /// Text that is not in Normalization Form C, or half a character.
    Unicode = "P-UNICODE", "text is in Unicode Normalization Form C, and every escape stands for a whole character";
    /// Not JSON.
    JsonSyntax = "P-JSON-SYNTAX", "the file is one JSON value as RFC 8259 has it, and nothing else";
    /// A member name that stands twice in one object.
    JsonRepeated = "P-JSON-REPEATED", "a member name stands at most once in its object";
    /// A member that is unknown, missing or of another type than it should be.
    JsonShape = "P-JSON-SHAPE", "a JSON product has the members and types of its published schema, and no others";
    /// A block that the Markdown subset does not have.
    MarkdownBlock = "P-MD-BLOCK", "a Markdown product holds headings, paragraphs, lists of one level, tables and attachments, parted by blank lines";
    /// Markup inside a line.
    MarkdownInline = "P-MD-INLINE", "the text of a Markdown product reads the same written and rendered: no markup within lines, no links, no HTML, no entities";
    /// An object that a product has no place for.
    StixObject = "P-STIX-OBJECT", "a bundle holds one report with its notes, files and identities, and nothing that a product has no place for";
    /// A reference that leads nowhere, or an object that nothing refers to.
    StixReference = "P-STIX-REFERENCE", "every reference in a bundle leads to an object of the right kind in the same bundle, and every object is referred to";
    /// An object without a marking, or with one that has no faithful image.
    StixMarking = "P-STIX-MARKING", "every object of a bundle has exactly one marking: a statement that holds a canonical banner";
    /// A protected token, or the product's own id, below its tearline.
    Protected = "P-PROTECTED", "nothing that a tearline declares protected, and not the product's own id, may stand below that tearline";
}
