//! What the operating system says of this process. In flow names of figures, out flow bytes. Always holds: where the
//! system does not tell, there is no figure rather than a guess.

/// What Linux writes of this process's memory under a key such as `VmRSS` or `VmHWM`, in bytes; `None` elsewhere.
#[must_use]
pub fn memory_bytes(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(key))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::memory_bytes;

    #[test]
    fn a_process_has_memory_where_the_system_tells() {
        let resident = memory_bytes("VmRSS");
        assert_eq!(resident.is_some(), cfg!(target_os = "linux"));
        assert!(resident.is_none_or(|bytes| bytes > 100_000));
        assert_eq!(memory_bytes("VmNone"), None);
    }
}
