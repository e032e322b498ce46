//! Which rows of its inputs a row of an operator's result comes of.

/// Of maps `[h, w, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The same row of each.
    Same,
    /// Those under a window.
    Window {
        /// Its height.
        kernel: usize,
        /// From one row of the result to the next.
        step: usize,
        /// Rows of padding above the map.
        padding_top: usize,
    },
    /// Any.
    All,
}
