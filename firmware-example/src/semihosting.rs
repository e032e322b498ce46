//! Text to the debugger or emulator, and the end of the program, by Arm's semihosting calls.

use core::arch::asm;

const SYS_WRITEC: usize = 0x03;
const SYS_EXIT: usize = 0x18;
const APPLICATION_EXIT: usize = 0x2_0026;
const RUN_TIME_ERROR: usize = 0x2_0023;

/// Writes one byte to the host's console.
pub fn write_byte(byte: u8) {
    // SAFETY: SYS_WRITEC reads one byte at the address, which lives as long as the call.
    unsafe { call(SYS_WRITEC, core::ptr::from_ref(&byte) as usize) };
}

/// Ends the program; the host sees exit status 0 or 1.
pub fn exit(success: bool) -> ! {
    let reason = if success { APPLICATION_EXIT } else { RUN_TIME_ERROR };
    loop {
        // SAFETY: SYS_EXIT takes a number and reads no memory.
        unsafe { call(SYS_EXIT, reason) };
    }
}

/// # Safety
/// `argument` must be what `operation` asks for; without a host the breakpoint faults.
unsafe fn call(operation: usize, argument: usize) {
    // SAFETY: the host reads r0 and r1 and writes its answer to r0; the stack is not touched.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument, options(nostack)) };
}
