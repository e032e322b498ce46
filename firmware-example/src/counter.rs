//! Counts what the processor does, with its own timer (SysTick).
//!
//! On a board that is clock cycles. In QEMU with `-icount`, every instruction takes the same time: a loop whose
//! instructions are known tells how many ticks that is, and the count of instructions is exact.

use core::arch::{asm, naked_asm};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
const CURRENT: *mut u32 = 0xE000_E018 as *mut u32;
/// The processor's clock, an interrupt at zero, running.
const RUN: u32 = 0b111;
/// The timer counts 24 bits down.
const PERIOD: u32 = 1 << 24;
/// Instructions of the interrupt's handler.
const HANDLER_INSTRUCTIONS: u64 = 5;
const LOOPS: u32 = 200_000;

static WRAPS: AtomicU32 = AtomicU32::new(0);

/// The running timer, and what one instruction is to it.
pub struct Counter {
    calibration_ticks: u64,
}

/// A point in time.
#[derive(Clone, Copy)]
pub struct Moment {
    wraps: u32,
    remaining: u32,
}

impl Counter {
    /// Starts the timer.
    pub fn start() -> Self {
        // SAFETY: every Cortex-M that has the timer has it at these addresses; nobody else uses it.
        unsafe {
            ptr::write_volatile(RELOAD, PERIOD - 1);
            ptr::write_volatile(CURRENT, 0);
            ptr::write_volatile(CONTROL, RUN);
        }
        let mut counter = Self { calibration_ticks: 1 };
        // What measuring itself takes is in both.
        let (none, all) = (counter.loop_ticks(1), counter.loop_ticks(LOOPS + 1));
        counter.calibration_ticks = all.saturating_sub(none).max(1);
        counter
    }

    /// Now.
    pub fn now(&self) -> Moment {
        loop {
            let wraps = WRAPS.load(Ordering::Relaxed);
            // SAFETY: as in `start`.
            let remaining = unsafe { ptr::read_volatile(CURRENT) };
            if WRAPS.load(Ordering::Relaxed) == wraps {
                return Moment { wraps, remaining };
            }
        }
    }

    /// Clock ticks from one moment to a later one.
    pub fn ticks(&self, from: Moment, to: Moment) -> u64 {
        let whole = u64::from(to.wraps.wrapping_sub(from.wraps)) * u64::from(PERIOD);
        (whole + u64::from(from.remaining)).saturating_sub(u64::from(to.remaining))
    }

    /// Instructions between them, where every instruction takes the same time.
    pub fn instructions(&self, from: Moment, to: Moment) -> u64 {
        let per_loop = self.ticks(from, to).saturating_mul(2 * u64::from(LOOPS));
        let rounded = (per_loop + self.calibration_ticks / 2).checked_div(self.calibration_ticks).unwrap_or(0);
        rounded.saturating_sub(u64::from(to.wraps.wrapping_sub(from.wraps)) * HANDLER_INSTRUCTIONS)
    }

    /// Ticks of twice as many instructions as `loops`, and a constant.
    fn loop_ticks(&self, loops: u32) -> u64 {
        let before = self.now();
        // SAFETY: counts a register down.
        unsafe {
            asm!("2:", "subs {n}, {n}, #1", "bne 2b", n = inout(reg) loops => _, options(nomem, nostack));
        }
        self.ticks(before, self.now())
    }
}

/// Counts a period of the timer; in assembly, so that its instructions are known.
///
/// # Safety
/// Only the processor calls it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn SysTick() {
    naked_asm!(
        "ldr r0, 3f",
        "ldr r1, [r0]",
        "adds r1, r1, #1",
        "str r1, [r0]",
        "bx lr",
        ".p2align 2",
        "3:",
        ".word {wraps}",
        wraps = sym WRAPS,
    )
}

/// Marks where a frame begins: `cargo firmware --cycles` looks for it in what QEMU executes.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn frame_begins() {
    naked_asm!("bx lr")
}

/// Marks where a frame ends, as `frame_begins` does where it begins.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn frame_ends() {
    naked_asm!("bx lr")
}
