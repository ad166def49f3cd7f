//! A change as text for the officers who sign it: who proposes it, and every line that differs from what is in force.

use std::fmt::Write as _;

use similar::TextDiff;

use super::fingerprints::Fingerprints;
use crate::change::{PartName, Proposal};
use crate::cli::output::{Out, grouped, shown};

/// How keys and certificates are written in a change that is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Keys {
    /// Beginning and length, for people: they compare the fingerprints, which are shown with them.
    Shortened,
    /// Whole, for machines.
    Whole,
}

impl Keys {
    /// As the answer's format needs them.
    pub(in crate::cli) fn for_answer(out: Out) -> Keys {
        if out.json() { Keys::Whole } else { Keys::Shortened }
    }
}

/// A change as text, given the text in force of each part.
pub(in crate::cli) fn described(proposal: &Proposal, in_force: &[Option<String>], keys: Keys) -> String {
    let set = &proposal.set;
    let mut text = String::new();
    let what = if set.serial == 0 { "founding" } else { "change" };
    let _ = writeln!(text, "{what} {} of {}, number {}", set.digest(), set.node, set.serial);
    let _ = writeln!(text, "  ledger key   {}", grouped(&set.instance.to_string()));
    let _ = writeln!(text, "  proposed by  {}", shown(&set.proposed_by));
    let _ = writeln!(text, "  why          {}", shown(&set.why));
    let _ = writeln!(text, "  expires      {}", set.expires());
    for (part, before) in set.parts.iter().zip(in_force) {
        let after = proposal.text(&part.name);
        let verb = match (before, after) {
            (None, _) => "adds",
            (_, None) => "removes",
            _ => "changes",
        };
        let digest = |digest: Option<crate::digest::Digest>| digest.map_or("none".to_owned(), |d| d.to_string());
        let _ = writeln!(text, "\n{verb} {}\n  from {}\n  to   {}", part.name, digest(part.before), digest(part.after));
        if let Some(fingerprints) = Fingerprints::of_part(proposal, &part.name, before.as_deref()) {
            fingerprints.write(&mut text);
        }
        if proposal.fits(part, before.as_deref()).is_err() {
            let _ = writeln!(text, "  cannot be applied: the text in force has changed since this was proposed");
        }
        let texts = (before.as_deref().unwrap_or_default(), after.unwrap_or_default());
        diff(&mut text, &part.name, texts, keys);
    }
    text
}

/// Writes the lines that differ between the text in force and the proposed one, with three lines around each place and
/// invisible characters escaped.
fn diff(text: &mut String, name: &PartName, (before, after): (&str, &str), keys: Keys) {
    let found = TextDiff::from_lines(before, after);
    let lines = found
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} in force"), &format!("{name} proposed"))
        .to_string();
    // Only these parts hold keys. In any other, a long word is part of what is decided by.
    let holds_keys = matches!(name, PartName::Officer(_) | PartName::Partner(_));
    let shortens = keys == Keys::Shortened && holds_keys;
    for line in lines.lines() {
        let line = shown(line);
        let _ = writeln!(text, "  {}", if shortens { with_keys_shortened(&line) } else { line });
    }
}

/// The most characters of a run of base64 that is shown whole, such as an Ed25519 key or a digest.
const KEY_SHOWN_MAX: usize = 128;
/// The characters at the beginning of a longer run that are shown.
const KEY_BEGINNING: usize = 24;

/// `line` with each certificate or list in PEM, and each long run of base64 characters, shortened to its beginning and its
/// length.
fn with_keys_shortened(line: &str) -> String {
    if let Some((start, end)) = pem_block(line) {
        let (before, rest) = line.split_at(start);
        let (block, behind) = rest.split_at(end - start);
        let label = block.split("-----").nth(1).unwrap_or_default();
        let (before, behind) = (with_keys_shortened(before), with_keys_shortened(behind));
        return format!("{before}-----{label}-----… ({} characters){behind}", block.chars().count());
    }
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_base64) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(length);
        match run.get(..KEY_BEGINNING).filter(|_| length > KEY_SHOWN_MAX) {
            Some(beginning) => {
                let _ = write!(text, "{beginning}… ({length} characters)");
            }
            None => text.push_str(run),
        }
        rest = behind;
    }
    text + rest
}

/// Where the first PEM block of `line` begins and ends, in bytes.
fn pem_block(line: &str) -> Option<(usize, usize)> {
    let start = line.find("-----BEGIN ")?;
    let last = start + line[start..].find("-----END ")?;
    let dashes = last + "-----END ".len();
    Some((start, dashes + line[dashes..].find("-----")? + "-----".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_shortened_and_everything_around_it_stays() {
        let key = "A".repeat(3456);
        let line = format!("+keys = [\"mldsa87:{key}\", \"ed25519:{}\"] # EXERCISE", "B".repeat(44));
        let expected = format!(
            "+keys = [\"mldsa87:{}… (3456 characters)\", \"ed25519:{}\"] # EXERCISE",
            "A".repeat(24),
            "B".repeat(44)
        );
        assert_eq!(with_keys_shortened(&line), expected);
        let pem = format!("-----BEGIN CERTIFICATE-----\\n{}\\n-----END CERTIFICATE-----\\n", "D".repeat(64));
        let shown = with_keys_shortened(&format!("+  \"authority\": \"{pem}\", EXERCISE"));
        assert_eq!(shown, "+  \"authority\": \"-----BEGIN CERTIFICATE-----… (120 characters)\\n\", EXERCISE");
        for whole in ["", "plain text, with é", &"C".repeat(128)] {
            assert_eq!(with_keys_shortened(whole), *whole);
        }
    }
}
