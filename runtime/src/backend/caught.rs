use std::boxed::Box;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What a library gives that may panic on broken files; `None` when it did, without a word on stderr.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                report(panic);
            }
        }));
    });
    let outer = IS_CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_CAUGHT.set(outer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let panics = |empty: &[u8]| caught(|| empty[0]);
        assert_eq!(caught(|| 3), Some(3));
        assert_eq!(panics(&[]), None);
        // One within another: the outer one goes on.
        assert_eq!(caught(|| (panics(&[]), IS_CAUGHT.get())), Some((None, true)));
        assert!(!IS_CAUGHT.get());
    }
}
