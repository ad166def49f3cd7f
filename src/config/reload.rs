//! Reloading: which settings take effect while a node runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Gateway, Limits, Listen, Log, Node, Policy, Store};
use crate::ident::NodeId;

/// A setting that differs between the configuration in use and the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedSetting {
    /// The name, as `section.key`.
    pub setting: &'static str,
    /// The value in use.
    pub from: String,
    /// The value in the file.
    pub to: String,
    /// Whether it takes effect now; otherwise it needs a restart.
    pub now: bool,
}

impl Config {
    /// Combines the configuration in use with `file`, which was read again: the values of `file`, except for settings that need a
    /// restart, which keep their values. Also returns every difference, in the order of the sections.
    pub fn reloaded(&self, file: Config) -> (Config, Vec<ChangedSetting>) {
        let mut next = file;
        let mut found = Found::default();
        // Every setting is destructured here, so that a new one that is not classified does not compile.
        let Config { file: place, node, listen, keys, certificates, store, policy, limits, gateway, log } = self;
        next.file.clone_from(place);

        let Node { name, organisation, code, contact } = node;
        found.restart("node.name", name, &mut next.node.name);
        found.now("node.organisation", organisation, &next.node.organisation);
        found.restart("node.code", code, &mut next.node.code);
        found.now("node.contact", contact, &next.node.contact);

        let Listen { address, advertise, profile } = listen;
        found.restart("listen.address", address, &mut next.listen.address);
        found.now("listen.advertise", advertise, &next.listen.advertise);
        found.restart("listen.profile", profile, &mut next.listen.profile);

        let (ours, mut theirs) = (keys.path().to_owned(), next.keys.path().to_owned());
        found.restart("keys.folder", &ours, &mut theirs);
        next.keys = keys.clone();
        found.restart("certificates.folder", certificates, &mut next.certificates);

        let Store {
            database,
            spool,
            reserve_bytes,
            kept_bytes_max,
            keep_days,
            unfinished_max,
            unfinished_hours,
            partner_percent,
            scrub_bytes_per_second,
        } = store;
        found.restart("store.database", database, &mut next.store.database);
        found.restart("store.spool", spool, &mut next.store.spool);
        found.restart("store.reserve_bytes", reserve_bytes, &mut next.store.reserve_bytes);
        found.restart("store.kept_bytes_max", kept_bytes_max, &mut next.store.kept_bytes_max);
        found.now("store.keep_days", keep_days, &next.store.keep_days);
        found.now("store.unfinished_max", unfinished_max, &next.store.unfinished_max);
        found.now("store.unfinished_hours", unfinished_hours, &next.store.unfinished_hours);
        found.now("store.partner_percent", partner_percent, &next.store.partner_percent);
        found.now("store.scrub_bytes_per_second", scrub_bytes_per_second, &next.store.scrub_bytes_per_second);

        let Policy { folder } = policy;
        found.now("policy.folder", folder, &next.policy.folder);

        let Limits {
            product_bytes,
            attachment_bytes,
            attachments_total_bytes,
            inline_bytes,
            lines,
            line_bytes,
            tearlines,
            portions,
            attachments,
            depth,
            handshakes,
            attempts_per_minute,
        } = limits;
        found.now("limits.product_bytes", product_bytes, &next.limits.product_bytes);
        found.now("limits.attachment_bytes", attachment_bytes, &next.limits.attachment_bytes);
        found.now("limits.attachments_total_bytes", attachments_total_bytes, &next.limits.attachments_total_bytes);
        found.now("limits.inline_bytes", inline_bytes, &next.limits.inline_bytes);
        found.now("limits.lines", lines, &next.limits.lines);
        found.now("limits.line_bytes", line_bytes, &next.limits.line_bytes);
        found.now("limits.tearlines", tearlines, &next.limits.tearlines);
        found.now("limits.portions", portions, &next.limits.portions);
        found.now("limits.attachments", attachments, &next.limits.attachments);
        found.now("limits.depth", depth, &next.limits.depth);
        found.now("limits.handshakes", handshakes, &next.limits.handshakes);
        found.now("limits.attempts_per_minute", attempts_per_minute, &next.limits.attempts_per_minute);

        let Gateway { poll, grace, concurrent, request_days_max } = gateway;
        found.now("gateway.poll_ms", poll, &next.gateway.poll);
        found.now("gateway.grace_ms", grace, &next.gateway.grace);
        found.now("gateway.concurrent", concurrent, &next.gateway.concurrent);
        found.now("gateway.request_days_max", request_days_max, &next.gateway.request_days_max);

        let Log { filter } = log;
        found.now("log.filter", filter, &next.log.filter);
        (next, found.0)
    }
}

#[derive(Default)]
struct Found(Vec<ChangedSetting>);

impl Found {
    /// A setting that takes effect at once.
    fn now<T: PartialEq + Shown>(&mut self, setting: &'static str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.0.push(ChangedSetting { setting, from: ours.shown(), to: theirs.shown(), now: true });
        }
    }

    /// A setting that stays as it is until the node is started again.
    fn restart<T: PartialEq + Shown + Clone>(&mut self, setting: &'static str, ours: &T, theirs: &mut T) {
        if ours != theirs {
            self.0.push(ChangedSetting { setting, from: ours.shown(), to: theirs.shown(), now: false });
            theirs.clone_from(ours);
        }
    }
}

/// Formats a value as it is written in the file.
trait Shown {
    fn shown(&self) -> String;
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Shown for NodeId {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for u64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        self.as_millis().to_string()
    }
}

impl Shown for Option<SocketAddr> {
    fn shown(&self) -> String {
        self.map_or_else(|| "none".to_owned(), |address| address.to_string())
    }
}

impl Shown for Vec<String> {
    fn shown(&self) -> String {
        self.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(more: &str) -> Config {
        let text = format!(
            "[node]\nname = \"exercise-usa\"\norganisation = \"EXERCISE\"\ncode = \"USA\"\ncontact = \"desk\"\n{more}"
        );
        Config::parse(Path::new("/node/portcullis.toml"), &text).unwrap()
    }

    #[test]
    fn settings_that_need_a_restart_keep_their_values_and_others_change() {
        let running = config("");
        let file = config(
            "[listen]\naddress = \"127.0.0.1:4433\"\n[store]\nspool = \"other\"\nkeep_days = 7\n[limits]\nlines = 99\n",
        );
        let (next, changes) = running.reloaded(file);
        let said: Vec<_> = changes.iter().map(|c| (c.setting, c.from.as_str(), c.to.as_str(), c.now)).collect();
        assert_eq!(
            said,
            [
                ("listen.address", "none", "127.0.0.1:4433", false),
                ("store.spool", "/node/store/spool", "/node/other", false),
                ("store.keep_days", "30", "7", true),
                ("limits.lines", "150000", "99", true),
            ]
        );
        let mut expected = running.clone();
        (expected.store.keep_days, expected.limits.lines) = (7, 99);
        assert_eq!(next, expected);
        assert_eq!(next.reloaded(next.clone()).1, []);
    }
}
