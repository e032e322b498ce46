//! Reads what QEMU logs with `-d in_asm,exec,nochain`: the instructions of each block that it translates, and one line for
//! each block that it executes.
//!
//! The firmware calls `frame_begins` and `frame_ends` around a frame, and QEMU names the function of each block: what
//! stands between them is counted, but not the timer's interrupt.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};

use crate::instruction::Instruction;
use crate::timing::{Cycles, Processor};

const BEGINS: &str = "frame_begins";
const ENDS: &str = "frame_ends";
const INTERRUPT: &str = "SysTick";
/// Lines of QEMU that are no log, of which an error shows the last.
const COMPLAINTS: usize = 5;

/// What a frame takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    pub instructions: u64,
    pub cycles: Cycles,
}

/// Why a log says nothing.
#[derive(Debug)]
pub enum TraceError {
    Read(io::Error),
    /// The log ended, here with the last lines that are none of a log.
    NoFrame(Vec<String>),
    /// Executed instructions that nothing is known of.
    Unknown(Vec<String>),
}

impl fmt::Display for TraceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(out, "QEMU's log cannot be read: {error}"),
            Self::NoFrame(lines) => {
                write!(out, "QEMU's log has no whole frame between the functions {BEGINS} and {ENDS}")?;
                lines.iter().try_for_each(|line| write!(out, "\n  {line}"))
            }
            Self::Unknown(texts) => {
                write!(out, "no cycles are known of these instructions, which were executed: {}", texts.join("; "))
            }
        }
    }
}

/// Instructions that are executed one after another.
#[derive(Clone, Debug, Default)]
struct Block {
    start: u32,
    /// The address behind the last instruction.
    end: u32,
    instructions: Vec<(u32, Result<Instruction, String>)>,
}

impl Block {
    /// The part before an address.
    fn before(&self, end: u32) -> Self {
        let instructions = self.instructions.iter().filter(|(address, _)| *address < end).cloned().collect();
        Self { start: self.start, end, instructions }
    }

    fn last(&self) -> Option<&Instruction> {
        self.instructions.last()?.1.as_ref().ok()
    }
}

/// The blocks of a log, and how often each was executed behind which other.
#[derive(Default)]
struct Trace {
    blocks: Vec<Block>,
    /// The last translation of each address.
    translated: HashMap<u32, Block>,
    /// Executable blocks by where QEMU keeps their code.
    by_code: HashMap<u64, usize>,
    transitions: HashMap<(Option<usize>, usize), u64>,
    counting: bool,
    before: Option<usize>,
    executed: Option<usize>,
    complaints: Vec<String>,
}

/// Reads the log up to the end of the first frame.
///
/// # Errors
/// The log cannot be read, holds no whole frame, or names instructions that nothing is known of.
pub fn estimate(mut log: impl BufRead, processor: Processor) -> Result<Estimate, TraceError> {
    let mut trace = Trace::default();
    let mut line = String::new();
    loop {
        line.clear();
        if log.read_line(&mut line).map_err(TraceError::Read)? == 0 {
            return Err(TraceError::NoFrame(trace.complaints));
        }
        if trace.read(line.trim_end(), &mut log)? {
            return trace.estimate(processor);
        }
    }
}

impl Trace {
    /// Takes one line; whether the frame ended.
    fn read(&mut self, line: &str, log: &mut impl BufRead) -> Result<bool, TraceError> {
        if let Some((code, start, function)) = executed(line) {
            return Ok(self.execute(code, start, function));
        } else if line.starts_with("IN:") {
            let block = translation(log).map_err(TraceError::Read)?;
            self.translated.insert(block.start, block);
        } else if let Some(address) = line.strip_prefix("cpu_io_recompile: rewound execution of TB to ") {
            self.rewind(u32::from_str_radix(address, 16).unwrap_or_default());
        } else if line.starts_with("Stopped execution of TB chain before") {
            self.executed = None;
        } else if !line.is_empty() && !line.starts_with("---") {
            self.complaints.push(line.to_string());
            self.complaints.drain(..self.complaints.len().saturating_sub(COMPLAINTS));
        }
        Ok(false)
    }

    fn execute(&mut self, code: u64, start: u32, function: &str) -> bool {
        if let Some(block) = self.translated.remove(&start) {
            self.by_code.insert(code, self.blocks.len());
            self.blocks.push(block);
        }
        match function {
            INTERRUPT => return false,
            BEGINS => (self.counting, self.executed) = (true, None),
            ENDS if self.counting => {
                self.commit();
                return true;
            }
            _ if self.counting => {
                self.commit();
                self.executed = self.by_code.get(&code).copied();
            }
            _ => {}
        }
        false
    }

    /// Counts the block that was executed, now that nothing can take it back.
    fn commit(&mut self) {
        if let Some(executed) = self.executed.take() {
            *self.transitions.entry((self.before, executed)).or_default() += 1;
            self.before = Some(executed);
        }
    }

    /// Only the instructions before the address were executed.
    fn rewind(&mut self, address: u32) {
        let Some(block) = self.executed.and_then(|executed| self.blocks.get(executed)) else { return };
        let part = block.before(address);
        self.executed = (!part.instructions.is_empty()).then_some(self.blocks.len());
        self.blocks.push(part);
    }

    fn estimate(&self, processor: Processor) -> Result<Estimate, TraceError> {
        let mut estimate = Estimate::default();
        let mut unknown = Vec::new();
        for ((before, executed), count) in &self.transitions {
            let (before, block) = (before.map(|before| &self.blocks[before]), &self.blocks[*executed]);
            let mut last = before.and_then(Block::last);
            if let (Some(before), Some(last)) = (before, last)
                && before.end != block.start
            {
                estimate.cycles += processor.refill(last) * *count;
            }
            for (_, instruction) in &block.instructions {
                match instruction {
                    Ok(instruction) => {
                        estimate.instructions += count;
                        estimate.cycles += processor.cycles(last, instruction) * *count;
                        last = Some(instruction);
                    }
                    Err(text) => unknown.push(text.clone()),
                }
            }
        }
        unknown.sort();
        unknown.dedup();
        if unknown.is_empty() { Ok(estimate) } else { Err(TraceError::Unknown(unknown)) }
    }
}

/// `Trace 0: CODE [FLAGS/ADDRESS/...] FUNCTION` of a block that is executed.
fn executed(line: &str) -> Option<(u64, u32, &str)> {
    let (_, rest) = line.strip_prefix("Trace ")?.split_once(": 0x")?;
    let (code, rest) = rest.split_once(" [")?;
    let (fields, function) = rest.split_once(']')?;
    let address = u64::from_str_radix(fields.split('/').nth(1)?, 16).ok()?;
    Some((u64::from_str_radix(code, 16).ok()?, u32::try_from(address).ok()?, function.trim()))
}

/// The instructions of a block, up to an empty line.
fn translation(log: &mut impl BufRead) -> io::Result<Block> {
    let mut block = Block::default();
    let mut line = String::new();
    loop {
        line.clear();
        if log.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(block);
        }
        let Some((address, bytes, text)) = disassembled(line.trim()) else { continue };
        if block.instructions.is_empty() {
            block.start = address;
        }
        block.end = address + bytes;
        let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
        let instruction = Instruction::parse(name, operands.trim()).ok_or_else(|| text.to_string());
        block.instructions.push((address, instruction));
    }
}

/// `0xADDRESS:  HEX HEX  NAME OPERANDS`: where it stands, its bytes, and its text.
fn disassembled(line: &str) -> Option<(u32, u32, &str)> {
    let (address, rest) = line.strip_prefix("0x")?.split_once(':')?;
    let (first, rest) = rest.trim_start().split_at_checked(4)?;
    // The first half of a long instruction begins with these bits.
    let long = u16::from_str_radix(first, 16).ok()? >> 11 > 0b11100;
    let text = if long { rest.trim_start().split_at_checked(4)?.1 } else { rest };
    Some((u32::from_str_radix(address, 16).ok()?, if long { 4 } else { 2 }, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rounds of a loop between the marks, as QEMU 7.2 logs them; the second is interrupted by the timer.
    const LOG: &str = "\
----------------
IN: main
0x00000052:  3c01       subs     r4, #1
0x00000054:  d1fb       bne      #0x4e

Trace 0: 0x7f01 [00800400/00000052/00000010/ff020200] main
----------------
IN: frame_begins
0x00000070:  4770       bx       lr

Trace 0: 0x7f02 [00800400/00000070/00000010/ff020200] frame_begins
----------------
IN: main
0x00000080:  f855 1024  ldr.w    r1, [r5, r4, lsl #2]
0x00000084:  6828       ldr      r0, [r5]
0x00000086:  3c01       subs     r4, #1
0x00000088:  d1fa       bne      #0x80

Trace 0: 0x7f03 [00800400/00000080/00000010/ff020200] main
Trace 0: 0x7f03 [00800400/00000080/00000010/ff020200] main
Stopped execution of TB chain before 0x7f03 [00000080] main
----------------
IN: SysTick
0x000000a0:  4770       bx       lr

Trace 0: 0x7f04 [00800400/000000a0/00000010/ff020200] SysTick
Trace 0: 0x7f03 [00800400/00000080/00000010/ff020200] main
cpu_io_recompile: rewound execution of TB to 00000084
----------------
IN: main
0x00000084:  6828       ldr      r0, [r5]

Trace 0: 0x7f05 [00800400/00000084/00000010/ff038201] main
----------------
IN: main
0x00000086:  3c01       subs     r4, #1
0x00000088:  d1fa       bne      #0x80

Trace 0: 0x7f06 [00800400/0000000000000086/00000010/ff020200] main
----------------
IN: frame_ends
0x00000090:  4770       bx       lr

Trace 0: 0x7f07 [00800400/00000090/00000010/ff020200] frame_ends
Trace 0: 0x7f03 [00800400/00000080/00000010/ff020200] main
";

    #[test]
    fn what_is_executed_between_the_marks_is_counted() {
        let found = estimate(LOG.as_bytes(), Processor::CortexM4).unwrap();
        // Two rounds of a load of two cycles, one behind it of one, and two of one; one branch back of one to three more.
        assert_eq!(found, Estimate { instructions: 8, cycles: Cycles { least: 11, most: 13 } });
        let found = estimate(LOG.as_bytes(), Processor::CortexM0Plus).unwrap();
        assert_eq!(found, Estimate { instructions: 8, cycles: Cycles { least: 13, most: 13 } });
    }

    #[test]
    fn a_log_that_says_nothing_is_an_error() {
        let until = |text: &str| LOG.split_once(text).unwrap().0.to_string();
        let cases = [
            (String::new(), "no whole frame"),
            ("qemu-system-arm: no such machine\n".to_string(), "no such machine"),
            (until("IN: frame_ends"), "no whole frame"),
            (LOG.replace("frame_begins", "other"), "no whole frame"),
            (LOG.replace("ldr.w    r1", "lda.w    r1"), "lda.w    r1, [r5, r4, lsl #2]"),
        ];
        for (log, expected) in cases {
            let error = estimate(log.as_bytes(), Processor::CortexM4).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
