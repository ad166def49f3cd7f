//! Items of a mark that have parts of their own: control systems and programmes with their compartments, atomic energy
//! information with its modifiers, and the legacy list whose slashes bind tighter than others.

use super::vocabulary::SYSTEMS;

/// The legacy list `USA/GBR EYES ONLY` and the other items of a segment. Its slashes bind tighter than the segment's.
pub(super) fn take_eyes_only(segment: &str) -> (Option<&str>, Vec<&str>) {
    let Some(end) = segment.find(" EYES ONLY") else { return (None, segment.split('/').collect()) };
    let start = match segment[..end].rfind("USA") {
        Some(0) => 0,
        Some(at) if segment.as_bytes()[at - 1] == b'/' => at,
        // Without its own start the list is not understood, and the whole is left to fail as items.
        _ => return (None, segment.split('/').collect()),
    };
    let before = segment[..start].trim_end_matches('/');
    let after = segment[end + " EYES ONLY".len()..].trim_start_matches('/');
    let rest = before.split('/').chain(after.split('/')).filter(|item| !item.is_empty()).collect();
    (Some(&segment[start..end]), rest)
}

/// RD and FRD with their modifiers, as the controls they stand for.
pub(super) fn atomic(item: &str) -> Option<Vec<&'static str>> {
    let forms = [("FORMERLY RESTRICTED DATA", "FRD"), ("FRD", "FRD"), ("RESTRICTED DATA", "RD"), ("RD", "RD")];
    let (rest, control) = forms.into_iter().find_map(|(name, c)| Some((item.strip_prefix(name)?, c)))?;
    let mut controls = vec![control];
    let rest = match rest.strip_prefix("-CNWDI") {
        Some(rest) => {
            controls.push("CNWDI");
            rest
        }
        None => rest,
    };
    if rest.is_empty() {
        return Some(controls);
    }
    let numbers = rest.strip_prefix("-SIGMA ").or_else(|| rest.strip_prefix("-SG "))?;
    if numbers.split(' ').any(|n| n.is_empty() || !n.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    controls.push("SIGMA");
    Some(controls)
}

/// The compartments of an item of `system`, by the names that accreditations have them by. A sub-compartment follows its own.
pub(super) fn compartments(item: &str, system: &str) -> Vec<String> {
    let parts = item.split('-').skip(1).map(|part| part.split(' ').next().unwrap_or_default());
    parts.map(|part| format!("SCI:{system}-{}", abbreviated(part))).collect()
}

/// A compartment by the abbreviation that accreditations have it by.
fn abbreviated(compartment: &str) -> &str {
    match compartment {
        "GAMMA" => "G",
        "ECRU" => "EU",
        "NONBOOK" => "NK",
        "BLUEFISH" => "BLFH",
        "IDITAROD" => "IDIT",
        "KANDIK" => "KAND",
        other => other,
    }
}

/// The control system of an item such as `SI-G ABCD-XYZ`.
pub(super) fn system(item: &str) -> Option<&'static str> {
    let (name, rest) = match item.split_once('-') {
        Some((name, rest)) => (name, Some(rest)),
        None => (item, None),
    };
    let (system, _) = SYSTEMS.iter().find(|(_, names)| names.contains(&name))?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match rest {
        Some(rest) if !rest.split(['-', ' ']).all(plain) => None,
        _ => Some(system),
    }
}
