/// The most main memory that this process has held at once, in bytes; what a GPU holds is not in it.
///
/// Linux tells it in `/proc/self/status` (`VmHWM`); where that file is missing there is no portable source, and the
/// answer is `None`: reports say so rather than estimate.
pub fn peak_memory_bytes() -> Option<u64> {
    high_water_mark_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmHWM` of a status text, whose unit is always kB of 1024 bytes.
fn high_water_mark_bytes(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_text_is_understood() {
        let status = "Name:\ttrainer\nVmPeak:\t  999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 10 kB\n";
        assert_eq!(high_water_mark_bytes(status), Some(2 << 20));
        for broken in ["", "VmHWM:\t12\n", "VmHWM: x kB\n", "VmHWM:\t-1 kB\n", "VmHWM: 18446744073709551615 kB\n"] {
            assert_eq!(high_water_mark_bytes(broken), None, "{broken:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_follows_what_is_held() {
        let held = vec![1u8; 64 << 20];
        assert!(peak_memory_bytes().unwrap() >= held.len() as u64);
    }
}
