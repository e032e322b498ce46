//! An allocator that keeps large blocks for their next use.
//!
//! A training step allocates and frees the same large tensors over and over. The system takes freed blocks of this size
//! back at once, and clears every page of them before it hands them out again: a third of a step's time. Here they wait
//! in lists by size; on Linux they lie on large pages, as far as the system has them to give.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::{Mutex, MutexGuard};

/// Smaller requests go straight to the system.
const SMALLEST: usize = 1 << 20;
/// Blocks start on a large page.
const ALIGNMENT: usize = 2 << 20;
/// Sizes between a power of two and the next: at most an eighth of a block is spare.
const STEPS: usize = 8;
/// From 1 MiB to 64 GiB; larger ones go straight to the system.
const CLASSES: usize = 16 * STEPS;

/// The system's allocator with a store of large blocks in front of it.
///
/// Of the store's blocks, those in use and those that wait are together never more than 3/2 of the most that was in use
/// at once.
pub struct BigBlocks {
    store: Mutex<Store>,
}

impl Default for BigBlocks {
    fn default() -> Self {
        Self::new()
    }
}

impl BigBlocks {
    /// An empty store, for `#[global_allocator]`.
    pub const fn new() -> Self {
        let store = Store { waiting: [ptr::null_mut(); CLASSES], in_use: 0, most_in_use: 0, kept: 0 };
        Self { store: Mutex::new(store) }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A block of the class, null where the system has none; it holds whatever its last user or the system left.
    fn take(&self, class: usize) -> *mut u8 {
        let size = class_size(class);
        let waiting = self.store().take(class);
        if !waiting.is_null() {
            return waiting;
        }
        // SAFETY: the layout is not empty.
        let block = unsafe { System.alloc(block_layout(class)) };
        if block.is_null() {
            self.store().in_use -= size;
        } else {
            ask_for_large_pages(block, size);
        }
        block
    }
}

/// Blocks that wait, and what is out. Each list goes through the first word of its blocks.
struct Store {
    waiting: [*mut u8; CLASSES],
    in_use: usize,
    most_in_use: usize,
    kept: usize,
}

// SAFETY: the blocks in the lists belong to nobody else.
unsafe impl Send for Store {}

impl Store {
    /// A waiting block of the class, or null; counted as in use either way.
    fn take(&mut self, class: usize) -> *mut u8 {
        self.in_use += class_size(class);
        self.most_in_use = self.most_in_use.max(self.in_use);
        let block = self.pop(class);
        self.shrink();
        block
    }

    fn give(&mut self, class: usize, block: *mut u8) {
        self.in_use -= class_size(class);
        self.kept += class_size(class);
        // SAFETY: the block is larger than a pointer, aligned, and nobody uses it.
        unsafe { block.cast::<*mut u8>().write(self.waiting[class]) };
        self.waiting[class] = block;
        self.shrink();
    }

    fn pop(&mut self, class: usize) -> *mut u8 {
        let block = self.waiting[class];
        if !block.is_null() {
            // SAFETY: `give` wrote the next block's address there.
            self.waiting[class] = unsafe { block.cast::<*mut u8>().read() };
            self.kept -= class_size(class);
        }
        block
    }

    /// Gives blocks back to the system, large ones first, until the bound holds.
    fn shrink(&mut self) {
        let bound = self.most_in_use + self.most_in_use / 2;
        let mut class = CLASSES;
        while self.in_use + self.kept > bound && class > 0 {
            let block = self.pop(class - 1);
            if block.is_null() {
                class -= 1;
            } else {
                // SAFETY: it came from the system with this layout.
                unsafe { System.dealloc(block, block_layout(class - 1)) };
            }
        }
    }
}

/// The class of a request, when it is one for the store.
fn class_of(layout: Layout) -> Option<usize> {
    let size = layout.size();
    if size < SMALLEST || layout.align() > ALIGNMENT {
        return None;
    }
    let octave = (size.ilog2() - SMALLEST.ilog2()) as usize;
    let step = (SMALLEST << octave) / STEPS;
    let class = octave * STEPS + (size - (SMALLEST << octave)).div_ceil(step);
    (class < CLASSES).then_some(class)
}

fn class_size(class: usize) -> usize {
    let octave = SMALLEST << (class / STEPS);
    octave + class % STEPS * (octave / STEPS)
}

fn block_layout(class: usize) -> Layout {
    Layout::from_size_align(class_size(class), ALIGNMENT).expect("at most 64 GiB, and a power of two")
}

// Miri does not know this call.
#[cfg(all(target_os = "linux", not(miri)))]
fn ask_for_large_pages(block: *mut u8, size: usize) {
    // SAFETY: advice on memory that was just allocated; a refusal changes nothing.
    unsafe { libc::madvise(block.cast(), size, libc::MADV_HUGEPAGE) };
}

#[cfg(any(not(target_os = "linux"), miri))]
fn ask_for_large_pages(_: *mut u8, _: usize) {}

// SAFETY: blocks come from the system with at least the size and alignment that was asked for, and are handed to one
// user at a time.
unsafe impl GlobalAlloc for BigBlocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout) {
            Some(class) => self.take(class),
            // SAFETY: by the caller's contract.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: by the caller's contract.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let block = self.take(class);
        if !block.is_null() {
            // SAFETY: the block has at least that size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class_of(layout) {
            Some(class) => self.store().give(class, block),
            // SAFETY: by the caller's contract.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size, rounded up to the alignment, does not overflow.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (class_of(layout), class_of(new_layout)) {
            // SAFETY: by the caller's contract.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: both blocks have room for what is copied, and the old one is given back once.
            _ => unsafe {
                let moved = self.alloc(new_layout);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                    self.dealloc(block, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 64).unwrap()
    }

    #[test]
    fn classes_cover_every_size_closely() {
        assert_eq!(class_of(layout(SMALLEST - 1)), None);
        assert_eq!(class_of(Layout::from_size_align(SMALLEST, 2 * ALIGNMENT).unwrap()), None);
        for size in (SMALLEST..40 << 20).step_by(99_991).chain([SMALLEST, 2 * SMALLEST, 2 * SMALLEST + 1, 9 << 30]) {
            let class = class_of(layout(size)).unwrap();
            let room = class_size(class);
            assert!(room >= size && room - size <= size / 8 + 1, "{room} for {size}");
            assert!(class == 0 || class_size(class - 1) < size, "{size}");
        }
        assert_eq!(class_of(layout(1 << 37)), None);
    }

    #[test]
    fn a_freed_block_is_used_again_and_zeroed_when_asked() {
        let blocks = BigBlocks::new();
        let layout = layout(3 << 20);
        // SAFETY: sizes and layouts match, and every block is given back once.
        unsafe {
            let first = blocks.alloc(layout);
            assert_eq!(first as usize % ALIGNMENT, 0);
            first.write_bytes(7, layout.size());
            blocks.dealloc(first, layout);
            let second = blocks.alloc_zeroed(layout);
            assert_eq!(second, first);
            // Miri takes a second for each million.
            let step = if cfg!(miri) { 4099 } else { 1 };
            assert!(std::slice::from_raw_parts(second, layout.size()).iter().step_by(step).all(|&byte| byte == 0));
            let other = blocks.alloc(layout);
            assert_ne!(other, second);
            blocks.dealloc(second, layout);
            blocks.dealloc(other, layout);
        }
    }

    #[test]
    fn growing_across_every_boundary_keeps_the_contents() {
        let blocks = BigBlocks::new();
        let sizes = [100, SMALLEST - 1, SMALLEST, SMALLEST + 1000, 5 << 20, SMALLEST, 50];
        // SAFETY: layouts follow the sizes that were last asked for.
        unsafe {
            let mut block = blocks.alloc(layout(sizes[0]));
            for (i, pair) in sizes.windows(2).enumerate() {
                block.write(i as u8);
                block.add(49).write(!(i as u8));
                block = blocks.realloc(block, layout(pair[0]), pair[1]);
                assert_eq!((block.read(), block.add(49).read()), (i as u8, !(i as u8)), "{pair:?}");
            }
            blocks.dealloc(block, layout(*sizes.last().unwrap()));
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let blocks = BigBlocks::new();
        // SAFETY: as above.
        unsafe {
            for megabytes in 1..40 {
                let layout = layout(megabytes << 20);
                blocks.dealloc(blocks.alloc(layout), layout);
                let store = blocks.store();
                assert!(store.in_use == 0 && store.kept <= store.most_in_use * 3 / 2, "{megabytes} MiB");
            }
        }
    }
}
