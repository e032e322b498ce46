//! What becomes of the memory that a training step frees.
//!
//! A step allocates and frees the same tensors over and over. glibc gives large blocks back to the system, which clears every
//! page of them before it hands them out again. A program of ours asks glibc to keep them, and the system for large pages.
//! Other C libraries do as they do.

#![allow(unsafe_code)]

/// Address space for which large pages are asked; no memory until it is used.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_PAGES_BYTES: usize = 16 << 30;

/// Keeps freed memory for its next use; to be called once, as the program starts.
///
/// The process never shrinks after this: its size is the most that was in use at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_freed_memory() {
    const NEVER: libc::c_int = -1;
    // SAFETY: numbers for the allocator; it refuses those that it does not know.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, NEVER);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
    ask_for_large_pages(LARGE_PAGES_BYTES);
}

/// Keeps freed memory for its next use; this C library is left as it is.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_freed_memory() {}

/// Advice on the room in which later blocks will lie: one block as large as all of them, given back at once. Where the
/// system does not let a process have as much, half of it is tried.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn ask_for_large_pages(mut bytes: usize) {
    const PAGE: usize = 4096;
    const LEAST: usize = 64 << 20;
    while bytes >= LEAST {
        // SAFETY: the block is only named, never read or written, and whole pages of it are advised on.
        unsafe {
            let block = libc::malloc(bytes);
            if !block.is_null() {
                let ahead = block.align_offset(PAGE);
                libc::madvise(block.add(ahead), (bytes - ahead) / PAGE * PAGE, libc::MADV_HUGEPAGE);
                libc::free(block);
                return;
            }
        }
        bytes /= 2;
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::hint::black_box;

    use super::*;

    /// Pages that the system had to find or clear for this thread so far.
    fn page_faults() -> i64 {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the call fills the structure, which may be all zeros as well.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        usage.ru_minflt
    }

    #[test]
    fn a_freed_block_is_not_cleared_by_the_system_again() {
        const BYTES: usize = 48 << 20;
        keep_freed_memory();
        drop(black_box(vec![1u8; BYTES]));
        let before = page_faults();
        for _ in 0..4 {
            drop(black_box(vec![1u8; BYTES]));
        }
        let faults = page_faults() - before;
        assert!(faults < (BYTES / 4096) as i64, "{faults} page faults for {BYTES} bytes, four times");
    }
}
