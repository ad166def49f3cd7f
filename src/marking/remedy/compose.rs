//! Composes the text of a mark from a draft, in the order and forms of the register.

use std::collections::BTreeSet;

use super::lenient::{Draft, Owner};
use super::{Ask, Kind};
use crate::marking::model::{Category, Control};
use crate::marking::register::Register;

impl Ask<'_, '_> {
    /// The text of a draft in the requested kind; `None` without a level.
    pub(super) fn compose(&self, draft: &Draft) -> Option<String> {
        let level = draft.level?;
        let banner = self.kind == Kind::Banner;
        let word = if banner { level.title() } else { level.abbreviation() };
        let class = match &draft.owner {
            Owner::Us => word.to_owned(),
            Owner::Nato => match (level, banner) {
                (crate::marking::model::Level::TopSecret, true) => "//COSMIC TOP SECRET".to_owned(),
                (crate::marking::model::Level::TopSecret, false) => "//CTS".to_owned(),
                (_, true) => format!("//NATO {word}"),
                (_, false) => format!("//N{word}"),
            },
            Owner::Joint(owners) => format!("//JOINT {word} {}", self.list(owners, " ", false)),
            Owner::Foreign(owners) => format!("//{} {word}", self.list(owners, " ", false)),
            Owner::Concealed => format!("//FGI {word}"),
        };
        let of = |category: Category| draft.controls.iter().copied().filter(move |c| c.category() == category);
        let form = |control: Control| if banner { control.banner() } else { control.portion() };
        let mut sci: Vec<String> = draft.sci.iter().map(|(system, parts)| tree(system, parts)).collect();
        sci.extend(of(Category::Sci).map(|control| control.banner().to_owned()));
        sci.sort();
        let sap: Vec<&str> = draft.programs.iter().map(String::as_str).collect();
        let mut aea: Vec<String> = Vec::new();
        for control in of(Category::Aea).filter(|control| *control != Control::RdCnwdi) {
            let mut text = form(control).to_owned();
            if control == Control::Rd && draft.controls.contains(&Control::RdCnwdi) {
                text.push_str("-CNWDI");
            }
            if matches!(control, Control::Rd | Control::Frd) && !draft.sigma.is_empty() {
                let numbers: Vec<&str> = draft.sigma.iter().map(String::as_str).collect();
                text.push_str(if banner { "-SIGMA " } else { "-SG " });
                text.push_str(&numbers.join(" "));
            }
            aea.push(text);
        }
        let mut dissem: Vec<(Control, String)> = of(Category::Dissem).map(|c| (c, form(c).to_owned())).collect();
        if let Some(codes) = &draft.rel {
            let opening = if codes.is_empty() && !banner { "REL".to_owned() } else { "REL TO".to_owned() };
            let list = self.list(codes, ", ", true);
            dissem.push((Control::Rel, if list.is_empty() { opening } else { format!("{opening} {list}") }));
        }
        if let Some(codes) = &draft.display {
            dissem.push((
                Control::DisplayOnly,
                format!("DISPLAY ONLY {}", self.list(codes, ", ", false)).trim().to_owned(),
            ));
        }
        dissem.sort();
        let fgi = draft.fgi.as_ref().map(|codes| format!("FGI {}", self.list(codes, " ", false)).trim().to_owned());
        let segments = [
            sci.join("/"),
            if sap.is_empty() { String::new() } else { format!("SAR-{}", sap.join("/")) },
            aea.join("/"),
            fgi.unwrap_or_default(),
            dissem.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("/"),
            of(Category::NonIc).map(form).collect::<Vec<_>>().join("/"),
        ];
        let segments = segments.into_iter().filter(|segment| !segment.is_empty());
        Some(self.enclosed(&std::iter::once(class).chain(segments).collect::<Vec<_>>().join("//")))
    }

    /// Codes in the order of a list, the United States first where that is the order.
    fn list(&self, codes: &BTreeSet<String>, separator: &str, usa_first: bool) -> String {
        let register: &Register = self.rules.register;
        let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        codes.sort_by_key(|code| (!(usa_first && *code == "USA"), register.is_organisation(code), *code));
        codes.join(separator)
    }
}

/// A system with its compartments in order.
fn tree(system: &str, compartments: &BTreeSet<String>) -> String {
    let parts = compartments.iter().map(String::as_str);
    std::iter::once(system).chain(parts).collect::<Vec<_>>().join("-")
}
