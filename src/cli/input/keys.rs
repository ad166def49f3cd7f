//! Private keys in files, for commands that sign.

use std::path::Path;

use zeroize::Zeroizing;

use super::files::cannot_read;
use crate::cli::output::Failure;
use crate::config::signer_from;
use crate::sign::{Algorithm, LocalSigner, PublicKey, Signer as _, private_key_to_pem};

/// Generates a private key and returns it as PKCS #8 PEM.
///
/// # Errors
/// [`Failure`] if no key can be generated.
pub(in crate::cli) fn key_pem(algorithm: Algorithm) -> Result<Zeroizing<String>, Failure> {
    let der = LocalSigner::generate(algorithm).map_err(Failure::trouble)?;
    // Read back, so that no key is returned that cannot be used.
    LocalSigner::from_pkcs8(&der).map_err(Failure::trouble)?.public();
    Ok(private_key_to_pem(&der))
}

/// Opens the private key in a file named on the command line.
///
/// # Errors
/// [`Failure`] if it cannot be used; it names the right file where that is known.
pub(in crate::cli) fn signer_at(file: &Path) -> Result<LocalSigner, Failure> {
    let shown = file.display();
    if file.is_dir() {
        return Err(Failure::input(format!("`{shown}` is a folder: name the key file in it")));
    }
    // Before the check of its mode: a public key may be readable by everyone.
    if let Ok(text) = std::fs::read_to_string(file).map(Zeroizing::new)
        && is_public(&text)
    {
        let private = file.with_extension("");
        let remedy = match file.extension().is_some_and(|extension| extension == "pub") && private.is_file() {
            true => format!("give `{}`", private.display()),
            false => "give the file that `officer new-key` made without `.pub`".to_owned(),
        };
        return Err(Failure::input(format!("`{shown}` is a public key, and a private key signs: {remedy}")));
    }
    signer_from(file).map_err(|fault| match std::fs::File::open(file) {
        Err(error) => cannot_read(file, &error),
        Ok(_) => Failure::input(fault),
    })
}

fn is_public(text: &str) -> bool {
    text.trim().parse::<PublicKey>().is_ok() || text.contains("-----BEGIN PUBLIC KEY-----")
}
