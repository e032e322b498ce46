//! Buffers that start on a cache line, kept per thread from call to call.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([f32; 16]);

/// Numbers that start on a cache line.
#[derive(Default)]
pub(crate) struct AlignedBuffer {
    lines: Vec<Line>,
}

impl AlignedBuffer {
    /// At least `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        AlignedBuffer { lines: vec![Line([0.0; 16]); len.div_ceil(16)] }
    }

    /// Room for at least `len` numbers, with whatever was there before.
    pub(crate) fn reserve(&mut self, len: usize) -> &mut [f32] {
        if self.lines.len() * 16 < len {
            *self = Self::zeros(len);
        }
        self
    }
}

impl Deref for AlignedBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is 16 numbers without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 16) }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: a line is 16 numbers without padding.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 16) }
    }
}

/// Buffers that wait for their next use: fresh memory costs more than what is written into it, as the system clears
/// every page first.
static SPARE: Mutex<Vec<AlignedBuffer>> = Mutex::new(Vec::new());
const MOST_SPARE: usize = 4;

/// A buffer that is used again after it is dropped.
pub(crate) struct PooledBuffer(AlignedBuffer);

impl PooledBuffer {
    /// Room for at least `len` numbers, with whatever was there before.
    pub(crate) fn take(len: usize) -> Self {
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fitting = spare.iter().enumerate().filter(|(_, buffer)| buffer.len() >= len);
        let smallest = fitting.min_by_key(|(_, buffer)| buffer.len()).map(|(i, _)| i);
        PooledBuffer(smallest.map_or_else(|| AlignedBuffer::zeros(len), |i| spare.swap_remove(i)))
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        spare.push(std::mem::take(&mut self.0));
        if spare.len() > MOST_SPARE {
            let smallest = (0..spare.len()).min_by_key(|&i| spare[i].len()).expect("not empty");
            spare.swap_remove(smallest);
        }
    }
}

impl Deref for PooledBuffer {
    type Target = AlignedBuffer;

    fn deref(&self) -> &AlignedBuffer {
        &self.0
    }
}

impl DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut AlignedBuffer {
        &mut self.0
    }
}

/// What one thread needs while it works on a block.
#[derive(Default)]
pub(crate) struct Scratch {
    pub source: AlignedBuffer,
    pub panel: AlignedBuffer,
    pub source_offsets: Vec<usize>,
    pub target_offsets: Vec<usize>,
}

/// Runs `body` with this thread's scratch buffers. `body` must not start parallel work: another piece of it could
/// land on this thread and find the buffers taken.
pub(crate) fn with_scratch<R>(body: impl FnOnce(&mut Scratch) -> R) -> R {
    thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
    SCRATCH.with_borrow_mut(body)
}

/// A slice that several threads write, each its own part.
pub(crate) struct SharedSlice<'a, T> {
    start: *mut T,
    len: usize,
    owner: PhantomData<&'a mut [T]>,
}

impl<T> Clone for SharedSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedSlice<'_, T> {}

// SAFETY: its parts are slices that may move to other threads, and are had by `slice` and by writing to `pointer`
// alone, both unsafe: who does so promises that no other thread uses that part.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        SharedSlice { start: slice.as_mut_ptr(), len: slice.len(), owner: PhantomData }
    }

    /// Address of the first number; valid for all of the slice.
    pub(crate) fn pointer(&self) -> *mut T {
        self.start
    }

    /// The part `start..start + len`.
    ///
    /// # Safety
    /// Nobody else uses any of it while the result is in use.
    ///
    /// # Panics
    /// When it reaches past the end.
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [T] {
        assert!(start.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: in bounds (checked), and disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
