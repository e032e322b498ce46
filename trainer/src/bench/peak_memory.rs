/// The most main memory that this process held so far, in bytes.
///
/// Linux tells it in `/proc/self/status` (`VmHWM`); where that file is missing there is no portable source, and the
/// answer is `None`: reports say so rather than estimate.
pub fn peak_memory_bytes() -> Option<u64> {
    high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_line_and_nothing_else() {
        assert_eq!(high_water_mark("Name:\ttrainer\nVmPeak:\t 99 kB\nVmHWM:\t    1234 kB\n"), Some(1234 * 1024));
        for broken in ["", "VmHWM:\t12", "VmHWM:\t-1 kB", "VmPeak:\t12 kB"] {
            assert_eq!(high_water_mark(broken), None, "{broken}");
        }
    }
}
