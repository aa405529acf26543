//! Memory is asked about before it is taken: what a file claims may be more than any machine has.

use crate::error::{Code, Error, Result};

/// Fails unless `bytes` of memory can be had for `what`: the allocator must grant them, and the system have them. An
/// allocator alone promises what it cannot keep, and the process is killed when it takes the promise at its word.
pub(crate) fn check_memory(bytes: Option<usize>, what: impl FnOnce() -> String) -> Result<()> {
    let granted = bytes.is_some_and(|bytes| {
        Vec::<u8>::new().try_reserve_exact(bytes).is_ok() && available().is_none_or(|free| bytes as u64 <= free)
    });
    if granted { Ok(()) } else { Err(Error::new(Code::TooLarge, what())) }
}

/// Bytes that the system could still give this process, where it says so: what is free or can be freed at once, and
/// what the control group has left.
fn available() -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    let system = field("MemAvailable:")?.saturating_add(field("SwapFree:").unwrap_or(0));
    // A group without a limit says `max`, which is no number.
    let group = number("/sys/fs/cgroup/memory.max").map(|most| {
        let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
        let cached = group_cache().unwrap_or(0);
        most.saturating_sub(used.saturating_sub(cached))
    });
    Some(group.map_or(system, |group| group.min(system)))
}

/// Bytes of the file cache that count against the control group and are given up on demand.
fn group_cache() -> Option<u64> {
    let statistics = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?;
    let value = |name: &str| statistics.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
    Some(value("inactive_file ")?.saturating_add(value("active_file ").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_any_machine_has_is_refused() {
        for bytes in [None, Some(usize::MAX), Some(isize::MAX as usize), Some(1 << 46)] {
            assert_eq!(check_memory(bytes, || "too much".to_owned()).unwrap_err().code, Code::TooLarge);
        }
        check_memory(Some(1 << 20), || unreachable!()).unwrap();
    }
}
