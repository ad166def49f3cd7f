//! The classification of a banner or portion mark, parsed by code that shares nothing with the marking engine.

/// The classification segment of a mark of controlled unclassified information.
pub(super) const CUI: &str = "CUI";

/// Returns the rank of a banner's classification, 0 to 4; `None` if it is unknown.
pub(super) fn banner_rank(banner: &str) -> Option<u8> {
    const RANKS: [(&str, u8); 5] =
        [("UNCLASSIFIED", 0), ("RESTRICTED", 1), ("CONFIDENTIAL", 2), ("TOP SECRET", 4), ("SECRET", 3)];
    let class = class(banner)?;
    if class == CUI {
        return Some(0);
    }
    // A joint mark has its owners after the level, every other foreign mark before it.
    if let Some(joint) = class.strip_prefix("JOINT ") {
        let owned = |word: &str| joint.strip_prefix(word).is_some_and(|owners| owners.starts_with(' '));
        return RANKS.iter().find(|(word, _)| owned(word)).map(|(_, rank)| *rank);
    }
    RANKS
        .iter()
        .find(|(word, _)| class == *word || class.strip_suffix(word).is_some_and(|owner| owner.ends_with(' ')))
        .map(|(_, rank)| *rank)
}

/// Returns the rank of a portion mark's classification, 0 to 4; `mark` has no parentheses. `None` if it is unknown.
pub(super) fn portion_rank(mark: &str) -> Option<u8> {
    let class = class(mark)?;
    let word = match class.strip_prefix("JOINT ") {
        Some(joint) => joint.split(' ').next()?,
        None => class.rsplit(' ').next()?,
    };
    Some(match word {
        "U" | "NU" => 0,
        _ if class == CUI => 0,
        "R" | "NR" => 1,
        "C" | "NC" => 2,
        "S" | "NS" => 3,
        "TS" | "CTS" => 4,
        // For some NATO marks an abbreviation stands between the N and the level.
        _ if mark.starts_with("//N") => match word.as_bytes().last()? {
            b'U' => 0,
            b'R' => 1,
            b'C' => 2,
            b'S' => 3,
            _ => return None,
        },
        _ => return None,
    })
}

/// Returns the first segment of a mark, without the leading slashes of a foreign mark.
pub(super) fn class(mark: &str) -> Option<&str> {
    mark.strip_prefix("//").unwrap_or(mark).split("//").next().filter(|c| !c.is_empty())
}

/// Returns whether any segment forbids release to all foreign recipients.
pub(super) fn forbids_release(mark: &str) -> bool {
    const NEVER: [&str; 13] = [
        "NF",
        "NOFORN",
        "SBU-NF",
        "SBU NOFORN",
        "LES-NF",
        "LES NOFORN",
        "XD",
        "EXDIS",
        "ND",
        "NODIS",
        "NOT RELEASABLE TO FOREIGN NATIONALS",
        "EXCLUSIVE DISTRIBUTION",
        "NO DISTRIBUTION",
    ];
    // CUI categories; under other banners some of these are names.
    const PRIVILEGED: [&str; 5] = ["AC", "AWP", "Attorney-Client", "Attorney-WP", "PRIVILEGE"];
    const NEVER_OF_CUI: [&str; 18] = [
        "CENS", "CONV", "CVI", "FED ONLY", "FEDCON", "FSEC", "ID", "JURY", "LPROT", "NNPI", "NUC", "PCII", "PSEC",
        "RECCOM", "SGI", "SRI", "STAT", "TAX",
    ];
    let of_cui = class(mark) == Some(CUI);
    let never_of_cui = |item: &str| {
        let bare = item.strip_prefix("SP-").unwrap_or(item);
        PRIVILEGED.contains(&bare) || NEVER_OF_CUI.contains(&bare)
    };
    mark.split('/').any(|item| NEVER.contains(&item) || of_cui && never_of_cui(item))
}
