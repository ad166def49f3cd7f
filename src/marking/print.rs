//! Prints a marking in its three forms: banner with titles, canonical banner, portion mark.

use std::fmt;

use super::model::{CodeList, Control, ControlSet, Marking, SciSystem, System, cui};

/// Which form of a mark to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Banner with full titles.
    Title,
    /// Banner with the Register's abbreviations: the canonical one.
    Banner,
    /// Portion mark with its parentheses.
    Portion,
}

impl Marking {
    /// The canonical banner line, in the Register's banner abbreviations: the form on the wire, and the only one that
    /// [`Rules::parse_banner_canonical`](super::Rules::parse_banner_canonical) accepts.
    #[must_use]
    pub fn banner(&self) -> String {
        print(self, Form::Banner)
    }

    /// The banner line in the Register's abbreviations: the same text as [`banner`](Self::banner), by the name the
    /// Register gives it.
    #[must_use]
    pub fn banner_abbreviated(&self) -> String {
        self.banner()
    }

    /// The banner line with every control's full title, for people. It is accepted at submission, not on the wire.
    #[must_use]
    pub fn banner_titled(&self) -> String {
        print(self, Form::Title)
    }

    /// The portion mark, in parentheses. Inherited lists are written out: the mark stands on its own.
    #[must_use]
    pub fn portion(&self) -> String {
        print(self, Form::Portion)
    }
}

impl fmt::Display for Marking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.banner())
    }
}

fn print(marking: &Marking, form: Form) -> String {
    let mut out = String::with_capacity(64 + marking.rel_to.as_str().len() * 2);
    if form == Form::Portion {
        out.push('(');
    }
    if marking.system == System::Cui {
        cui_mark(marking, form, &mut out);
    } else {
        class(marking, form, &mut out);
        sci(marking, form, &mut out);
        if !marking.sap.is_empty() {
            out.push_str(if form == Form::Title { "//SPECIAL ACCESS REQUIRED-" } else { "//SAR-" });
            out.push_str(&marking.sap);
        }
        aea(marking, form, &mut out);
        fgi(marking, form, &mut out);
        controls(marking, ControlSet::DISSEM, form, &mut out);
        controls(marking, ControlSet::NONIC, form, &mut out);
    }
    if form == Form::Portion {
        out.push(')');
    }
    out
}

fn class(marking: &Marking, form: Form, out: &mut String) {
    let level = if form == Form::Portion { marking.level.abbreviation() } else { marking.level.title() };
    match marking.system {
        System::Us | System::Cui => out.push_str(level),
        System::NonUs => {
            out.push_str("//");
            out.push_str(marking.owners.as_str());
            out.push(' ');
            out.push_str(level);
        }
        System::Joint => {
            out.push_str("//JOINT ");
            out.push_str(level);
            out.push(' ');
            out.push_str(marking.owners.as_str());
        }
        System::Nato => {
            let activity = marking.owners.as_str().strip_prefix("NATO:");
            match (form, activity) {
                (Form::Portion, Some(activity)) => {
                    out.push_str("//N");
                    out.push_str(activity);
                    out.push_str(level);
                }
                (Form::Portion, None) if level == "TS" => out.push_str("//CTS"),
                (Form::Portion, None) => {
                    out.push_str("//N");
                    out.push_str(level);
                }
                (_, Some(activity)) => {
                    out.push_str("//NATO ");
                    out.push_str(activity);
                    out.push(' ');
                    out.push_str(level);
                }
                (_, None) => {
                    out.push_str(if level == "TOP SECRET" { "//COSMIC " } else { "//NATO " });
                    out.push_str(level);
                }
            }
        }
    }
}

fn sci(marking: &Marking, form: Form, out: &mut String) {
    if marking.sci.is_empty() {
        return;
    }
    out.push_str("//");
    if form != Form::Title {
        out.push_str(&marking.sci);
        return;
    }
    for (i, tree) in marking.sci().enumerate() {
        if i > 0 {
            out.push('/');
        }
        let system = SciSystem::ALL.into_iter().find(|s| s.abbreviation() == tree.id);
        match system {
            Some(system) => out.push_str(system.title()),
            None => out.push_str(tree.id),
        }
        for (id, subs) in tree.compartments() {
            out.push('-');
            let titles: &[(&str, &str)] = system.map_or(&[], SciSystem::compartment_titles);
            match titles.iter().find(|(_, abbreviation)| *abbreviation == id) {
                Some((title, _)) => out.push_str(title),
                None => out.push_str(id),
            }
            for sub in subs {
                out.push(' ');
                out.push_str(sub);
            }
        }
    }
}

fn aea(marking: &Marking, form: Form, out: &mut String) {
    let mut separator = "//";
    for control in marking.controls.intersection(ControlSet::AEA).iter() {
        match control {
            Control::RdCnwdi => out.push_str("-CNWDI"),
            Control::RdSg | Control::FrdSg => {
                out.push_str(if form == Form::Portion { "-SG" } else { "-SIGMA" });
                for number in marking.sigma() {
                    out.push(' ');
                    out.push_str(&number.to_string());
                }
            }
            _ => {
                out.push_str(separator);
                separator = "/";
                out.push_str(word(control, form));
            }
        }
    }
}

fn fgi(marking: &Marking, form: Form, out: &mut String) {
    let segregated = matches!(marking.system, System::NonUs | System::Nato);
    if segregated || (!marking.concealed && marking.sources.is_empty()) {
        return;
    }
    out.push_str(if form == Form::Title { "//FOREIGN GOVERNMENT INFORMATION" } else { "//FGI" });
    if !marking.sources.is_empty() {
        out.push(' ');
        out.push_str(marking.sources.as_str());
    }
}

fn controls(marking: &Marking, category: ControlSet, form: Form, out: &mut String) {
    let mut separator = "//";
    for control in marking.controls.intersection(category).iter() {
        out.push_str(separator);
        separator = "/";
        match control {
            Control::Rel | Control::DisplayOnly => {
                out.push_str(word(control, form));
                out.push(' ');
                let codes = if control == Control::Rel { &marking.rel_to } else { &marking.display_to };
                list(codes, ", ", out);
            }
            Control::Eyes => {
                list(&marking.rel_to, "/", out);
                out.push_str(" EYES ONLY");
            }
            _ => out.push_str(word(control, form)),
        }
    }
}

fn list(codes: &CodeList, separator: &str, out: &mut String) {
    for (i, code) in codes.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        out.push_str(code);
    }
}

fn word(control: Control, form: Form) -> &'static str {
    match form {
        Form::Title => control.title(),
        Form::Banner => control.banner(),
        Form::Portion => control.portion(),
    }
}

fn cui_mark(marking: &Marking, form: Form, out: &mut String) {
    out.push_str(if form == Form::Title { "CONTROLLED" } else { "CUI" });
    let Some(found) = &marking.cui else { return };
    for (i, category) in found.categories.iter().enumerate() {
        out.push_str(if i == 0 { "//" } else { "/" });
        out.push_str(category);
    }
    for (i, control) in found.controls.iter().enumerate() {
        out.push_str(if i == 0 { "//" } else { "/" });
        let words = &cui::LDC[usize::from(*control)];
        out.push_str(if form == Form::Portion { words.portion } else { words.banner });
        let codes = match *control {
            cui::REL => &marking.rel_to,
            cui::DISPLAY_ONLY => &marking.display_to,
            _ => continue,
        };
        out.push(' ');
        list(codes, ", ", out);
    }
}
