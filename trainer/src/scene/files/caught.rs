use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What a parser gives that may panic on broken files; `None` when it did, without a word on stderr.
pub(super) fn caught<T>(parse: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                report(panic);
            }
        }));
    });
    IS_CAUGHT.set(true);
    let parsed = catch_unwind(AssertUnwindSafe(parse)).ok();
    IS_CAUGHT.set(false);
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(caught(|| 3), Some(3));
        let empty: Vec<u8> = Vec::new();
        assert_eq!(caught(|| empty[0]), None);
        assert!(!IS_CAUGHT.get());
    }
}
