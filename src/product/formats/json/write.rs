//! A product of one tearline as JSON by the published schema, in one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde::Serialize;

use crate::product::model::{Item, Kind, Tearline};

#[derive(Serialize)]
struct Product<'p> {
    portcullis_product: u8,
    id: &'p str,
    date: String,
    kind: &'p str,
    tearlines: [TearlineOut<'p>; 1],
}

#[derive(Serialize)]
struct TearlineOut<'p> {
    banner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Marked<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<Marked<'p>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<Marked<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Marked<'p>>,
    portions: Vec<Marked<'p>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentOut<'p>>,
}

#[derive(Serialize)]
struct Marked<'p> {
    mark: String,
    text: &'p str,
}

#[derive(Serialize)]
struct AttachmentOut<'p> {
    mark: String,
    name: &'p str,
    r#type: &'p str,
    size: u64,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

/// Writes a product of one tearline.
pub(in crate::product) fn write(id: &str, date: Date, kind: &Kind, tearline: &Tearline) -> String {
    let head = tearline.head();
    let product = Product {
        portcullis_product: 1,
        id,
        date: date.to_string(),
        kind: kind.as_str(),
        tearlines: [TearlineOut {
            banner: tearline.banner().banner(),
            title: head.title.as_ref().map(marked),
            originator: head.originator.as_ref().map(marked),
            subjects: head.subjects.iter().map(marked).collect(),
            contact: head.contact.as_ref().map(marked),
            portions: tearline.portions().iter().map(|p| Marked { mark: p.marking.portion(), text: &p.text }).collect(),
            attachments: tearline
                .attachments()
                .iter()
                .map(|a| AttachmentOut {
                    mark: a.marking().portion(),
                    name: a.name().as_str(),
                    r#type: a.media_type(),
                    size: a.size(),
                    sha256: a.digest().to_string(),
                    data: a.inline().map(|bytes| STANDARD.encode(bytes)),
                })
                .collect(),
        }],
    };
    // INVARIANT: strings and numbers are all there is to serialise.
    let mut text = serde_json::to_string_pretty(&product).expect("a product is plain data");
    text.push('\n');
    text
}

fn marked(item: &Item) -> Marked<'_> {
    Marked { mark: item.marking.portion(), text: &item.text }
}
