//! `portcullis policy status|restore`: the policy texts in force, and whether the policy folder matches them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};

/// Prints the policy in force, and whether the policy folder matches it. Exit status 1 if it does not.
///
/// # Errors
/// [`Failure`] if the node cannot be used.
pub(in crate::cli) async fn status(config: &Path, out: Out) -> Result<Exit, Failure> {
    let node = node_at(config).await?;
    let serial = node.change_serial().await.map_err(Failure::from)?;
    let edited = node.edited_texts().map_err(Failure::from)?;
    let answer = json!({
        "serial": serial, "texts": node.texts_digest(), "policy": node.policies().digest(),
        "register": hex::encode(node.register().digest()), "edited": edited,
    });
    out.answer(&answer, |text| {
        let _ = writeln!(text, "change {serial} is the last in force");
        let _ = writeln!(text, "  all texts  {}", node.texts_digest());
        let _ = writeln!(text, "  rules      {}", node.policies().digest());
        let _ = writeln!(text, "  register   {}", hex::encode(node.register().digest()));
        for name in &edited {
            let _ =
                writeln!(text, "  {} `{}` in the policy folder is not in force", out.verdict("!", false), shown(name));
        }
        if !edited.is_empty() {
            text.push_str("`change propose` proposes such an edit to officers; `policy restore` reverts it\n");
        }
    });
    Ok(if edited.is_empty() { Exit::Done } else { Exit::No })
}

/// Restores the policy folder to the policy in force; edited files are kept as `NAME.edited`.
///
/// # Errors
/// [`Failure`] if the folder cannot be written.
pub(in crate::cli) async fn restore(config: &Path, out: Out) -> Result<Exit, Failure> {
    let restored = node_at(config).await?.restore_texts().map_err(Failure::from)?;
    out.answer(&json!({ "restored": restored }), |text| {
        for name in &restored {
            let _ = writeln!(text, "restored {}; what was there is kept as `{}.edited`", shown(name), shown(name));
        }
        if restored.is_empty() {
            text.push_str("nothing to restore: the policy folder holds the policy in force\n");
        }
    });
    Ok(Exit::Done)
}
