//! Checks that the memory limit of the control group is large enough for the node and all filter processes.

use std::fs;
use std::path::Path;

/// The default address space of one filter process, in bytes. Measured: a file of 16 MiB needs 190 MiB of memory and
/// 280 MiB of address space. Four such processes and the node fit the memory limit of the shipped systemd unit.
pub const MEMORY_BYTES: u64 = 320 << 20;

/// Memory reserved for the node itself, in bytes.
const NODE_BYTES: u64 = 512 << 20;

/// Returns a warning if `at_once` filter processes of `memory_bytes` bytes each, together with the node, can exceed the
/// memory limit of this process's control group. Returns `None` if they fit, or if no limit can be read.
pub fn memory_shortfall(memory_bytes: u64, at_once: u64) -> Option<String> {
    let limit = limit(&fs::read_to_string("/proc/self/cgroup").ok()?, Path::new("/sys/fs/cgroup"))?;
    shortfall(memory_bytes, at_once, limit)
}

fn shortfall(memory_bytes: u64, at_once: u64, limit: u64) -> Option<String> {
    let wanted = memory_bytes.saturating_mul(at_once).saturating_add(NODE_BYTES);
    (wanted > limit).then(|| {
        format!(
            "{at_once} filter processes of {memory_bytes} bytes and {NODE_BYTES} bytes for the node need {wanted} bytes, but the limit of \
             the control group is {limit}: the kernel may kill the node because of its filters; lower `filters_at_once` or \
             `filter_memory_bytes` in `inspection.toml`, or raise the limit (MemoryMax of the unit)"
        )
    })
}

/// Returns the lowest `memory.max` of a version 2 control group and its ancestors, in bytes. `groups` is the content of
/// `/proc/self/cgroup`, `mounted` the mount point of the hierarchy.
fn limit(groups: &str, mounted: &Path) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let read = |group: &Path| fs::read_to_string(mounted.join(group).join("memory.max")).ok()?.trim().parse().ok();
    Path::new(group).ancestors().filter_map(read).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_fits_the_unit_that_ships_and_what_shipped_before_does_not() {
        let unit = include_str!("../../deploy/portcullis.service");
        assert!(unit.lines().any(|line| line == "MemoryMax=2G"));
        let defaults = super::super::ProcessLimits::default();
        assert_eq!(shortfall(defaults.memory_bytes, defaults.at_once as u64, 2 << 30), None);
        let said = shortfall(1 << 30, 4, 2 << 30).unwrap();
        assert!(said.contains("4831838208") && said.contains("2147483648"), "{said}");
        // The comparison is exact to the byte.
        assert!(shortfall(1 << 20, 1, (513 << 20) - 1).is_some() && shortfall(1 << 20, 1, 513 << 20).is_none());
    }

    #[test]
    fn the_lowest_limit_of_a_group_and_those_around_it_counts() {
        let mounted = tempfile::tempdir().unwrap();
        let (slice, unit) = (mounted.path().join("system.slice"), mounted.path().join("system.slice/node.service"));
        fs::create_dir_all(&unit).unwrap();
        let groups = "0::/system.slice/node.service\n";
        assert_eq!(limit(groups, mounted.path()), None);
        fs::write(unit.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(groups, mounted.path()), None);
        fs::write(slice.join("memory.max"), "3000\n").unwrap();
        assert_eq!(limit(groups, mounted.path()), Some(3000));
        fs::write(unit.join("memory.max"), "2000\n").unwrap();
        assert_eq!(limit(groups, mounted.path()), Some(2000));
        // In a container the group is the root of the visible hierarchy. Version 1 has no such line.
        fs::write(mounted.path().join("memory.max"), "1000\n").unwrap();
        assert_eq!(limit("0::/\n", mounted.path()), Some(1000));
        assert_eq!(limit("4:memory:/system.slice\n", mounted.path()), None);
    }
}
