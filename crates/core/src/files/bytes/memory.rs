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

/// An empty vector with room for `len` values, in large pages where the system has them: for blocks that are filled from
/// beginning to end, as fetching the usual pages one after another takes as long as filling them. Who takes much asks
/// [`check_memory`] before.
pub(crate) fn room<T>(len: usize) -> Vec<T> {
    let room = Vec::with_capacity(len);
    #[cfg(target_os = "linux")]
    in_large_pages(&room);
    room
}

/// Asks the system to put what `room` has space for into pages of 2 MiB; it may not, and nothing depends on it.
#[cfg(target_os = "linux")]
fn in_large_pages<T>(room: &Vec<T>) {
    /// At least one page of 2 MiB lies within.
    const LEAST: usize = 4 << 20;
    /// No page of Linux is larger, large ones aside.
    const PAGE: usize = 1 << 16;
    let bytes = room.capacity().saturating_mul(size_of::<T>());
    if bytes < LEAST {
        return;
    }
    let before = room.as_ptr().cast::<u8>().align_offset(PAGE);
    let before = if before < bytes { before } else { return };
    let length = (bytes - before) / PAGE * PAGE;
    // SAFETY: the range lies within what the vector owns, and the advice changes no byte of it.
    unsafe {
        libc::madvise(room.as_ptr().cast_mut().byte_add(before).cast(), length, libc::MADV_HUGEPAGE);
    }
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

    #[test]
    fn room_is_room_whatever_its_size() {
        for len in [0, 1, 1000, (4 << 20) / 3, 3 << 20] {
            let mut bytes = room::<u8>(len);
            let mut triples = room::<[u8; 3]>(len);
            assert!(bytes.is_empty() && bytes.capacity() >= len && triples.capacity() >= len);
            bytes.resize(len, 7);
            triples.resize(len, [1, 2, 3]);
            assert!(bytes.iter().all(|&byte| byte == 7) && triples.iter().all(|&triple| triple == [1, 2, 3]));
        }
    }
}
