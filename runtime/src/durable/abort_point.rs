//! Moments at which a test lets the process end as a kill would.

/// A moment in the life of a file or folder, for tests that kill a run right there.
///
/// A debug build that was started with `SEXTANT_ABORT_AT=MOMENT:NAME:N` ends, without clearing anything up, when it
/// comes here for the N-th time. Nothing of that is in a release build, which is what users run.
///
/// # Panics
/// When the variable is not of that form.
#[cfg(debug_assertions)]
pub fn abort_point(moment: &str, name: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::vec::Vec;

    const VARIABLE: &str = "SEXTANT_ABORT_AT";
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let [wanted_moment, wanted_name, count] = wanted.split(':').collect::<Vec<_>>()[..] else {
        panic!("{VARIABLE} is `{wanted}`, not MOMENT:NAME:N")
    };
    let count: usize = count.parse().unwrap_or_else(|_| panic!("{VARIABLE} is `{wanted}`: N is no number"));
    if (wanted_moment, wanted_name) == (moment, name) && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == count {
        std::process::abort();
    }
}

/// Nothing, outside of debug builds.
#[cfg(not(debug_assertions))]
pub fn abort_point(_moment: &str, _name: &str) {}
