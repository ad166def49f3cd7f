//! Reads and checks the files of a register.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::country_set::COUNTRIES_MAX;
use super::files::{
    CountriesFile, CuiFile, CuiRow, JoinedRow, OverlayFile, RegisterError, RegisterFile, RegisterFiles, TetragraphRow,
    TetragraphsFile, row_fault,
};
use super::hash_table::HashTable;
use super::membership::{Changes, memberships};
use super::{CodeEntry, CuiWords, Register, rows, vocabulary};
use crate::marking::model::Code;

/// Parses the files and checks them against the engine and each other.
///
/// # Errors
///
/// Every [`RegisterError`] found.
pub(super) fn load(files: &RegisterFiles<'_>) -> Result<Register, Vec<RegisterError>> {
    let mut faults = Vec::new();
    let register: Option<RegisterFile> = read("register.json", files.register, &mut faults);
    let countries: Option<CountriesFile> = read("countries.json", files.countries, &mut faults);
    let tetragraphs: Option<TetragraphsFile> = read("tetragraphs.json", files.tetragraphs, &mut faults);
    let cui: Option<CuiFile> = read("cui.json", files.cui, &mut faults);
    let overlay: Option<OverlayFile> = match files.overlay {
        Some(text) => read("overlay.json", text, &mut faults),
        None => Some(OverlayFile::default()),
    };
    let (Some(register), Some(countries), Some(tetragraphs), Some(cui), Some(overlay)) =
        (register, countries, tetragraphs, cui, overlay)
    else {
        return Err(faults);
    };

    let rows = rows::rows(&register, &mut faults);
    let organisations: Vec<TetragraphRow> = tetragraphs.tetragraphs.into_iter().chain(overlay.tetragraphs).collect();
    let (codes, by_code, country_count) = codes(&countries, &organisations, &mut faults);
    let joined: Vec<JoinedRow> = tetragraphs.joined.into_iter().chain(overlay.joined).collect();
    let changes = Changes { joined: &joined, overlay: &overlay.overlay };
    let (access, rollup) = memberships(&organisations, &changes, &codes, &by_code, country_count, &mut faults);
    let Some(usa) = by_code.find("USA") else {
        faults.push(row_fault("countries.json", "there is no", "USA", "restore the file"));
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Register {
        version: register.version,
        digest: digest(files),
        codes,
        by_code,
        words: vocabulary::table(),
        reserved: vocabulary::reserved(),
        names: register.names.into_iter().chain(overlay.names).map(|row| (row.name.into(), row.effective)).collect(),
        rows,
        access,
        rollup,
        country_count,
        usa,
        cui: cui_words(cui),
    })
}

fn read<'a, T: Deserialize<'a>>(file: &'static str, text: &'a str, faults: &mut Vec<RegisterError>) -> Option<T> {
    serde_json::from_str(text).map_err(|e| faults.push(RegisterError::Json { file, why: e.to_string() })).ok()
}

type Codes = (Vec<CodeEntry>, HashTable<u16>, u16);

fn codes(countries: &CountriesFile, organisations: &[TetragraphRow], faults: &mut Vec<RegisterError>) -> Codes {
    let mut entries = Vec::new();
    let mut push =
        |file, text: &str, name: &str, organisation, fgi_only, valid_from, deprecated_on| match Code::new(text) {
            Some(code) => {
                entries.push(CodeEntry { code, name: name.into(), organisation, fgi_only, valid_from, deprecated_on });
            }
            None => faults.push(row_fault(file, "not a code:", text, "use 1 to 15 capitals, digits, `_`, `-` or `:`")),
        };
    for country in &countries.countries {
        push("countries.json", &country.code, &country.name, false, false, None, country.deprecated_on);
    }
    // AX1 stands in FGI lists only (spec 2).
    push("countries.json", "AX1", "", false, true, None, None);
    for org in organisations {
        push(
            "tetragraphs.json",
            &org.code,
            org.name.as_deref().unwrap_or_default(),
            true,
            false,
            org.effective,
            org.deprecated_on,
        );
    }
    entries.sort_by_key(|e| (e.organisation, e.code));
    let country_count = entries.iter().filter(|e| !e.organisation).count();
    if country_count > COUNTRIES_MAX {
        faults.push(row_fault("countries.json", "more than 384 countries at", "the end", "split the register"));
        entries.truncate(COUNTRIES_MAX);
    }
    let mut table = HashTable::with_room(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        if !table.insert(entry.code.as_str(), number as u16) {
            faults.push(row_fault("tetragraphs.json", "the code is there twice:", entry.code.as_str(), "keep one"));
        }
    }
    (entries, table, country_count as u16)
}

fn cui_words(file: CuiFile) -> CuiWords {
    let sorted = |rows: Vec<CuiRow>| {
        let mut words: Vec<Box<str>> = rows.into_iter().map(|r| r.token.into_boxed_str()).collect();
        words.sort();
        words
    };
    CuiWords { basic: sorted(file.basic), specified: sorted(file.specified) }
}

fn digest(files: &RegisterFiles<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [files.register, files.countries, files.tetragraphs, files.cui, files.overlay.unwrap_or_default()] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}
