//! The memory of the machine, and how much of it a load takes.
//!
//! What flows in: what the system tells. What flows out: bytes. What always holds: a container's or a service's limit
//! counts as the machine's memory; what cannot be told is absent, and then a load takes what
//! [`StoreOptions`] says.

use quadrille_store::StoreOptions;
use std::sync::OnceLock;
use sysinfo::{
    CGroupLimits, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid,
};

/// Loads take one of so many parts of the machine's memory.
const PARTS: u64 = 4;

/// The memory that a load takes unless something else is set, in bytes: a quarter of the machine's, or of the container's
/// where that has less. Where the system does not tell, it is what [`StoreOptions`] has as default, 1 GiB.
///
/// [`OpenOptions`](crate::OpenOptions) begins with it; see [`StoreOptions::memory_bytes`] for what it covers.
#[must_use]
pub fn default_load_memory_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let share = machine_memory_bytes().and_then(|bytes| usize::try_from(bytes / PARTS).ok());
        share.unwrap_or(StoreOptions::default().memory_bytes)
    })
}

/// The memory that this process can have, in bytes; `None` where the system does not tell.
fn machine_memory_bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let of_machine = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    let of_container = system.cgroup_limits();
    let of_process = get_current_pid().ok().and_then(|pid| {
        let these = ProcessesToUpdate::Some(&[pid]);
        system.refresh_processes_specifics(these, false, ProcessRefreshKind::nothing());
        system.process(pid)?.cgroup_limits()
    });
    smallest(of_machine, [of_container, of_process])
}

fn smallest(of_machine: Option<u64>, limits: [Option<CGroupLimits>; 2]) -> Option<u64> {
    let limits = limits.into_iter().flatten().map(|limit| limit.total_memory);
    limits.chain(of_machine).filter(|bytes| *bytes > 0).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(total_memory: u64) -> Option<CGroupLimits> {
        Some(CGroupLimits {
            total_memory,
            free_memory: 0,
            free_swap: 0,
            rss: 0,
        })
    }

    #[test]
    fn a_limit_counts_where_it_is_less_than_the_machine() {
        assert_eq!(smallest(Some(8), [None, None]), Some(8));
        assert_eq!(smallest(Some(8), [limit(4), None]), Some(4));
        assert_eq!(smallest(Some(8), [limit(6), limit(2)]), Some(2));
        assert_eq!(smallest(Some(8), [limit(16), limit(0)]), Some(8));
        assert_eq!(smallest(None, [None, limit(3)]), Some(3));
        assert_eq!(smallest(None, [None, None]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_memory() {
        let bytes = machine_memory_bytes().expect("the system tells");
        let told = std::fs::read_to_string("/proc/meminfo").expect("the system tells");
        let kibibytes: u64 = told
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .expect("a number");
        assert!(bytes > 1 << 20 && bytes <= kibibytes * 1024, "{bytes}");
        assert_eq!(default_load_memory_bytes() as u64, bytes / 4);
    }
}
