//! Policy's own vocabulary of marks: controls, control systems and levels, by every form that a mark may give them.

/// The control systems, each with the names that it is written by.
pub(super) const SYSTEMS: &[(&str, &[&str])] = &[
    ("BUR", &["BUR"]),
    ("HCS", &["HCS"]),
    ("KLM", &["KLAMATH", "KLM"]),
    ("MVL", &["MARVEL", "MVL"]),
    ("RSV", &["RESERVE", "RSV"]),
    ("SI", &["SI"]),
    ("TK", &["TALENT KEYHOLE", "TK"]),
    ("BALK", &["BALK"]),
    ("BOHEMIA", &["BOHEMIA"]),
];

/// Every control that is not a list, by its title, banner abbreviation and portion mark.
pub(super) const CONTROLS: &[(&str, &[&str])] = &[
    ("DCNI", &["DOD UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOD UCNI", "DCNI"]),
    ("UCNI", &["DOE UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOE UCNI", "UCNI"]),
    ("TFNI", &["TRANSCLASSIFIED FOREIGN NUCLEAR INFORMATION", "TFNI"]),
    ("ATOMAL", &["ATOMAL"]),
    ("RSEN", &["RISK SENSITIVE", "RSEN", "RS"]),
    ("FOUO", &["FOR OFFICIAL USE ONLY", "FOUO"]),
    ("ORCON", &["ORIGINATOR CONTROLLED", "ORCON", "OC"]),
    ("ORCON-USGOV", &["ORIGINATOR CONTROLLED-USGOV", "ORCON-USGOV", "OC-USGOV"]),
    ("IMCON", &["CONTROLLED IMAGERY", "IMCON", "IMC"]),
    ("NOFORN", &["NOT RELEASABLE TO FOREIGN NATIONALS", "NOFORN", "NF"]),
    ("PROPIN", &["CAUTION-PROPRIETARY INFORMATION INVOLVED", "PROPIN", "PR"]),
    ("RELIDO", &["RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", "RELIDO"]),
    ("DSEN", &["DEA SENSITIVE", "DSEN"]),
    ("RAWFISA", &["RAW FOREIGN INTELLIGENCE SURVEILLANCE ACT", "RAWFISA"]),
    ("FISA", &["FOREIGN INTELLIGENCE SURVEILLANCE ACT", "FISA"]),
    ("LIMDIS", &["LIMITED DISTRIBUTION", "LIMDIS", "DS"]),
    ("EXDIS", &["EXCLUSIVE DISTRIBUTION", "EXDIS", "XD"]),
    ("NODIS", &["NO DISTRIBUTION", "NODIS", "ND"]),
    ("SBU", &["SENSITIVE BUT UNCLASSIFIED", "SBU"]),
    ("SBU NOFORN", &["SENSITIVE BUT UNCLASSIFIED NOFORN", "SBU NOFORN", "SBU-NF"]),
    ("LES", &["LAW ENFORCEMENT SENSITIVE", "LES"]),
    ("LES NOFORN", &["LAW ENFORCEMENT SENSITIVE NOFORN", "LES NOFORN", "LES-NF"]),
    ("SSI", &["SENSITIVE SECURITY INFORMATION", "SSI"]),
];

/// Levels of the United States, in either form.
pub(super) const LEVELS: &[(&str, i64)] = &[
    ("TOP SECRET", 4),
    ("SECRET", 3),
    ("CONFIDENTIAL", 2),
    ("UNCLASSIFIED", 0),
    ("TS", 4),
    ("S", 3),
    ("C", 2),
    ("U", 0),
];

pub(super) const FOREIGN_LEVELS: &[(&str, i64)] = &[("RESTRICTED", 1), ("R", 1)];

pub(super) const NATO_LEVELS: &[(&str, i64)] = &[
    ("COSMIC TOP SECRET", 4),
    ("NATO SECRET", 3),
    ("NATO CONFIDENTIAL", 2),
    ("NATO RESTRICTED", 1),
    ("NATO UNCLASSIFIED", 0),
    ("CTS", 4),
    ("NS", 3),
    ("NC", 2),
    ("NR", 1),
    ("NU", 0),
];
