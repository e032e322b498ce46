//! Clock cycles of an instruction by the tables of Arm's Technical Reference Manuals, as the least and the most.
//!
//! Cortex-M4 (100166) and Cortex-M3 (DDI 0337): "Instruction set summary", "Load/store timings", and of the M4 the table of
//! the FPU. Cortex-M0+ (DDI 0484): "Instruction set summary", with the multiplier of one cycle. All are for memory without
//! wait states. What the manuals leave open is in the bounds: how early a branch's target is known (one to three cycles),
//! whether an `it` is folded into its neighbour, how long a division takes.

use std::ops::{Add, AddAssign, Mul};

use crate::instruction::{Instruction, Kind};

/// A processor whose cycles Arm has published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    CortexM0Plus,
    CortexM3,
    CortexM4,
}

/// At least and at most so many cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycles {
    pub least: u64,
    pub most: u64,
}

impl Cycles {
    const fn exactly(cycles: u64) -> Self {
        Self { least: cycles, most: cycles }
    }

    const fn between(least: u64, most: u64) -> Self {
        Self { least, most }
    }
}

impl Add for Cycles {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }
}

impl AddAssign for Cycles {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Cycles {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self { least: self.least * count, most: self.most * count }
    }
}

impl Processor {
    pub const NAMES: &str = "cortex-m0plus, cortex-m3, cortex-m4";

    /// By one of `NAMES`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cortex-m0plus" => Some(Self::CortexM0Plus),
            "cortex-m3" => Some(Self::CortexM3),
            "cortex-m4" => Some(Self::CortexM4),
            _ => None,
        }
    }

    /// Cycles of an instruction after the one executed before it, without what `refill` adds.
    pub fn cycles(self, before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
        let cycles = match self {
            Self::CortexM0Plus => return cycles_of_m0_plus(instruction),
            Self::CortexM3 | Self::CortexM4 => self.cycles_of_m3_and_m4(before, instruction),
        };
        // Skipped, it takes one cycle.
        let least = if instruction.conditional { cycles.least.min(1) } else { cycles.least };
        Cycles { least, ..cycles }
    }

    /// What an instruction takes longer when the next one is not the one behind it in memory.
    pub fn refill(self, instruction: &Instruction) -> Cycles {
        match self {
            Self::CortexM0Plus if instruction.kind == Kind::Many || instruction.calls => Cycles::exactly(2),
            Self::CortexM0Plus => Cycles::exactly(1),
            Self::CortexM3 | Self::CortexM4 => Cycles::between(1, 3),
        }
    }

    fn cycles_of_m3_and_m4(self, before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
        let words = instruction.words;
        // The M4 multiplies and adds in one cycle, whatever the width.
        let multiplies = |m3| if self == Self::CortexM4 { Cycles::exactly(1) } else { m3 };
        match instruction.kind {
            Kind::Simple | Kind::Multiply | Kind::Branch => Cycles::exactly(1),
            Kind::MultiplyAdd => multiplies(Cycles::exactly(2)),
            Kind::MultiplyLong => multiplies(Cycles::between(3, 5)),
            Kind::MultiplyAddLong => multiplies(Cycles::between(4, 7)),
            Kind::Divide => Cycles::between(2, 12),
            Kind::Load => load(before, instruction) + address_wait(before, instruction),
            Kind::Store => store(before, instruction) + address_wait(before, instruction),
            Kind::Many => Cycles::exactly(1 + words) + address_wait(before, instruction),
            Kind::TableBranch => Cycles::between(2, 3),
            Kind::IfThen => Cycles::between(0, 1),
            Kind::System => Cycles::between(1, 2),
            Kind::Barrier => Cycles::between(1, 4),
            Kind::Float => Cycles::exactly(1) + result_wait(before, instruction),
            Kind::FloatMultiplyAdd => Cycles::exactly(3) + result_wait(before, instruction),
            // Core instructions go on meanwhile.
            Kind::FloatDivide => Cycles::between(1, 14) + result_wait(before, instruction),
            Kind::FloatMove => Cycles::between(1, 2) + result_wait(before, instruction),
            Kind::FloatLoad | Kind::FloatStore => Cycles::exactly(1 + words) + address_wait(before, instruction),
        }
    }
}

/// A load behind a load is one cycle faster, unless its address is what that one loads.
fn load(before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
    // "Might add a cycle because of contention with the fetch unit".
    let from_code = Cycles::between(0, u64::from(instruction.address.first().is_some_and(|register| register == "pc")));
    let cycles = match before {
        Some(before) if follows_load(before, instruction) => {
            Cycles::between(1, 1 + u64::from(before.writes_back || instruction.writes_back))
        }
        _ => Cycles::exactly(2),
    };
    cycles + from_code
}

/// A store to a register's address and a constant is always one cycle, says the manual's text; two, says its table.
fn store(before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
    match before {
        Some(before) if follows_load(before, instruction) => Cycles::exactly(1),
        _ if instruction.address.len() == 1 => Cycles::between(1, 2),
        _ => Cycles::exactly(2),
    }
}

fn follows_load(before: &Instruction, instruction: &Instruction) -> bool {
    before.kind == Kind::Load && !uses(&instruction.address, before)
}

/// An address that the instruction just before computes comes a cycle late: "there is no forwarding path".
fn address_wait(before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
    let waits = before.is_some_and(|before| before.computes() && uses(&instruction.address, before));
    Cycles::exactly(u64::from(waits))
}

/// A float result comes a cycle late for the next instruction.
fn result_wait(before: Option<&Instruction>, instruction: &Instruction) -> Cycles {
    let arithmetic = |kind| matches!(kind, Kind::Float | Kind::FloatMultiplyAdd | Kind::FloatDivide);
    let waits = before.is_some_and(|before| {
        arithmetic(before.kind) && (uses(&instruction.reads, before) || uses(&instruction.writes, before))
    });
    Cycles::between(0, u64::from(waits))
}

fn uses(registers: &[String], before: &Instruction) -> bool {
    registers.iter().any(|register| before.writes.contains(register))
}

fn cycles_of_m0_plus(instruction: &Instruction) -> Cycles {
    Cycles::exactly(match instruction.kind {
        Kind::Load | Kind::Store => 2,
        Kind::Many => 1 + instruction.words,
        Kind::System | Kind::Barrier => 3,
        _ => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(text: &str) -> Instruction {
        let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
        Instruction::parse(name, operands).unwrap_or_else(|| panic!("{text} is unknown"))
    }

    #[test]
    fn cycles_are_those_of_the_manuals() {
        // The instruction before, the instruction, and its cycles on an M4 and an M3.
        let cases = [
            ("nop", "adds r0, r1, r2", (1, 1), (1, 1)),
            ("nop", "smulbb r0, r1, r2", (1, 1), (1, 1)),
            ("nop", "mla r0, r1, r2, r3", (1, 1), (2, 2)),
            ("nop", "smull r0, r1, r2, r3", (1, 1), (3, 5)),
            ("nop", "smlal r0, r1, r2, r3", (1, 1), (4, 7)),
            ("nop", "udiv r0, r1, r2", (2, 12), (2, 12)),
            ("nop", "ldr r0, [r1]", (2, 2), (2, 2)),
            ("nop", "ldr r0, [pc, #8]", (2, 3), (2, 3)),
            ("ldr r2, [r3]", "ldr r0, [r1]", (1, 1), (1, 1)),
            ("ldr r1, [r3]", "ldr r0, [r1]", (2, 2), (2, 2)),
            ("ldr r2, [r3], #4", "ldr r0, [r1]", (1, 2), (1, 2)),
            ("str r2, [r3]", "ldr r0, [r1]", (2, 2), (2, 2)),
            ("ldr r0, [r2]", "str r0, [r1]", (1, 1), (1, 1)),
            ("nop", "str r0, [r1, #4]", (1, 2), (1, 2)),
            ("nop", "str r0, [r1, r2]", (2, 2), (2, 2)),
            ("adds r1, r1, #4", "ldr r0, [r1]", (3, 3), (3, 3)),
            ("adds r3, r3, #4", "ldr r0, [r1]", (2, 2), (2, 2)),
            ("cmp r1, r2", "ldr r0, [r1]", (2, 2), (2, 2)),
            ("nop", "ldrd r0, r1, [r2]", (3, 3), (3, 3)),
            ("nop", "ldm r4!, {r0, r1, r2}", (4, 4), (4, 4)),
            ("nop", "push {r4, lr}", (3, 3), (3, 3)),
            ("it eq", "ldreq r0, [r1]", (1, 2), (1, 2)),
            ("nop", "it eq", (0, 1), (0, 1)),
            ("nop", "bne #0x60", (1, 1), (1, 1)),
            ("nop", "tbb [pc, r4]", (2, 3), (2, 3)),
            ("nop", "vadd.f32 s0, s1, s2", (1, 1), (1, 1)),
            ("vmul.f32 s1, s3, s4", "vadd.f32 s0, s1, s2", (1, 2), (1, 2)),
            ("nop", "vfma.f32 s0, s1, s2", (3, 3), (3, 3)),
            ("nop", "vdiv.f32 s0, s1, s2", (1, 14), (1, 14)),
            ("nop", "vldr s0, [r1]", (2, 2), (2, 2)),
            ("nop", "vpop {d8, d9}", (5, 5), (5, 5)),
        ];
        for (before, text, m4, m3) in cases {
            let before = instruction(before);
            for (processor, (least, most)) in [(Processor::CortexM4, m4), (Processor::CortexM3, m3)] {
                let found = processor.cycles(Some(&before), &instruction(text));
                assert_eq!(found, Cycles { least, most }, "{text} on {processor:?}");
            }
        }
    }

    #[test]
    fn cycles_of_an_m0_plus_are_those_of_its_manual() {
        // Cycles when it goes on behind the instruction, and when it goes on elsewhere.
        let cases = [
            ("muls r0, r1, r0", 1, None),
            ("ldr r0, [r1, r2]", 2, None),
            ("strb r0, [r1]", 2, None),
            ("ldm r0!, {r1, r2}", 3, None),
            ("push {r4, lr}", 3, None),
            ("pop {r4, pc}", 3, Some(5)),
            ("bne #0x60", 1, Some(2)),
            ("b #0x60", 1, Some(2)),
            ("bl #0x60", 1, Some(3)),
            ("bx lr", 1, Some(2)),
            ("blx r3", 1, Some(2)),
            ("mov pc, r3", 1, Some(2)),
        ];
        for (text, behind, elsewhere) in cases {
            let (processor, instruction) = (Processor::CortexM0Plus, instruction(text));
            assert_eq!(processor.cycles(None, &instruction), Cycles::exactly(behind), "{text}");
            if let Some(elsewhere) = elsewhere {
                let found = processor.cycles(None, &instruction) + processor.refill(&instruction);
                assert_eq!(found, Cycles::exactly(elsewhere), "{text} elsewhere");
            }
        }
    }

    #[test]
    fn every_name_is_a_processor() {
        assert!(Processor::NAMES.split(", ").all(|name| Processor::named(name).is_some()));
        assert_eq!(Processor::named("cortex-m7"), None);
    }
}
