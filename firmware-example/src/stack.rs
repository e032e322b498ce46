//! How much of the stack a program uses: unused memory is filled with a pattern, and looked at afterwards.

use core::arch::asm;
use core::ptr;

const PATTERN: u32 = 0x5AC4_A17F;
/// At most that much is filled and looked at.
const REACH_BYTES: usize = 1024 * 1024;
/// What the filling function itself may need.
const MARGIN_BYTES: usize = 256;

unsafe extern "C" {
    /// First address after all static variables; from the start-up code's linker script.
    static mut __sheap: u32;
}

fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// Fills what is free below the stack pointer; the filled bytes are the result.
#[inline(never)]
pub fn fill() -> [usize; 2] {
    let end = (stack_pointer() & !3).saturating_sub(MARGIN_BYTES);
    let first = (ptr::addr_of!(__sheap) as usize).max(end.saturating_sub(REACH_BYTES));
    for address in (first..end).step_by(4) {
        // SAFETY: between the static variables and the stack is memory that nobody uses: there is no heap.
        unsafe { ptr::write_volatile(address as *mut u32, PATTERN) };
    }
    [first, end]
}

/// Bytes below `top` that were used since they were filled.
pub fn used_bytes([first, end]: [usize; 2], top: usize) -> usize {
    let untouched = (first..end)
        .step_by(4)
        // SAFETY: as in `fill`; the memory has been written there.
        .take_while(|address| unsafe { ptr::read_volatile(*address as *const u32) } == PATTERN)
        .count();
    top.saturating_sub(first + 4 * untouched)
}

/// Where the stack is now.
pub fn top() -> usize {
    stack_pointer()
}
