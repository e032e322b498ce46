//! An instruction as far as its timing goes, read from the text that QEMU's disassembler prints.

/// What decides how long an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Data processing between core registers, without multiplying.
    Simple,
    /// A product of 32 bits, or of 16-bit halves.
    Multiply,
    /// The same, added to a number or subtracted from it.
    MultiplyAdd,
    /// A product of 64 bits.
    MultiplyLong,
    /// The same, added to a number or subtracted from it.
    MultiplyAddLong,
    /// An integer division.
    Divide,
    /// One number from memory into a core register.
    Load,
    /// One number from a core register to memory.
    Store,
    /// Two or more words between memory and core registers.
    Many,
    /// To another place, with or without a link to return to.
    Branch,
    /// To a place that a table says.
    TableBranch,
    /// The prefix that makes the next instructions conditional.
    IfThen,
    /// Reads or writes a special register.
    System,
    /// Waits for memory or for the pipeline.
    Barrier,
    /// Arithmetic between float registers.
    Float,
    /// A float product added to a number or subtracted from it.
    FloatMultiplyAdd,
    /// A float division or square root.
    FloatDivide,
    /// Between a float register and core registers.
    FloatMove,
    /// From memory into float registers.
    FloatLoad,
    /// From float registers to memory.
    FloatStore,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub kind: Kind,
    /// Words between memory and registers; 0 for an instruction that has none.
    pub words: u64,
    /// Whether an `it` before it may skip it.
    pub conditional: bool,
    /// Whether it is a call of a place that it names (`bl`).
    pub calls: bool,
    /// The registers that it computes or loads; none of an instruction for many words, after which nothing is faster.
    pub writes: Vec<String>,
    /// All registers that it names, but the first, which nearly all instructions write.
    pub reads: Vec<String>,
    /// The registers that its address comes from.
    pub address: Vec<String>,
    /// Whether it changes the register that its address comes from.
    pub writes_back: bool,
}

/// The names of each kind, without condition, without the `s` that sets flags, without width and data type.
const NAMES: &[(Kind, &str)] = &[
    (
        Kind::Simple,
        "mov movw movt mvn add addw adc adr sub subw sbc rsb neg and eor orr orn bic tst teq cmp cmn lsl lsr asr ror rrx \
         rev rev16 revsh rbit clz sxtb sxth uxtb uxth sxtab sxtah uxtab uxtah sxtb16 uxtb16 sxtab16 uxtab16 ubfx sbfx bfi \
         bfc ssat usat ssat16 usat16 sel pkhbt pkhtb qadd qsub qdadd qdsub qadd8 qadd16 qsub8 qsub16 qasx qsax sadd8 \
         sadd16 ssub8 ssub16 sasx ssax uadd8 uadd16 usub8 usub16 uasx usax shadd8 shadd16 shsub8 shsub16 uhadd8 uhadd16 \
         uhsub8 uhsub16 uqadd8 uqadd16 uqsub8 uqsub16 usad8 usada8 nop",
    ),
    (Kind::Multiply, "mul smulbb smulbt smultb smultt smulwb smulwt smmul smmulr smuad smuadx smusd smusdx"),
    (
        Kind::MultiplyAdd,
        "mla mls smlabb smlabt smlatb smlatt smlawb smlawt smlad smladx smlsd smlsdx smmla smmlar smmls smmlsr",
    ),
    (Kind::MultiplyLong, "smull umull"),
    (Kind::MultiplyAddLong, "smlal umlal umaal smlalbb smlalbt smlaltb smlaltt smlald smlaldx smlsld smlsldx"),
    (Kind::Divide, "sdiv udiv"),
    (Kind::Load, "ldr ldrb ldrh ldrsb ldrsh"),
    (Kind::Store, "str strb strh"),
    (Kind::Many, "ldrd strd ldm ldmia ldmdb stm stmia stmdb push pop"),
    (Kind::Branch, "b bl bx blx cbz cbnz"),
    (Kind::TableBranch, "tbb tbh"),
    (Kind::IfThen, "it itt ite ittt itte itet itee itttt ittte ittet ittee itett itete iteet iteee"),
    (Kind::System, "mrs msr cpsid cpsie"),
    (Kind::Barrier, "isb dmb dsb"),
    (Kind::Float, "vadd vsub vmul vnmul vneg vabs vcmp vcmpe vcvt vcvtr vmrs vmsr"),
    (Kind::FloatMultiplyAdd, "vmla vmls vnmla vnmls vfma vfms vfnma vfnms"),
    (Kind::FloatDivide, "vdiv vsqrt"),
    (Kind::FloatMove, "vmov"),
    (Kind::FloatLoad, "vldr vldm vldmia vldmdb vpop"),
    (Kind::FloatStore, "vstr vstm vstmia vstmdb vpush"),
];
const CONDITIONS: &str = "eq ne hs cs lo cc mi pl vs vc hi ls ge lt gt le";
const NO_RESULT: &str = "cmp cmn tst teq vcmp vcmpe nop";

impl Instruction {
    /// From a name and its operands, such as `ldr.w` and `r0, [r1, r2, lsl #2]`; `None` for an unknown name.
    pub fn parse(name: &str, operands: &str) -> Option<Self> {
        let name = name.split('.').next().unwrap_or(name);
        let (kind, base, condition) = known(name)?;
        let bracket = between(operands, '[', ']');
        let list = between(operands, '{', '}').map(registers);
        let named = registers(operands);
        let kind = match kind {
            Kind::FloatMove if !named.iter().any(|register| is_core(register)) => Kind::Float,
            kind => kind,
        };
        Some(Self {
            words: words(kind, base, list.as_deref(), &named),
            conditional: condition && kind != Kind::Branch,
            calls: base == "bl",
            writes: written(kind, base, &named),
            reads: named.iter().skip(1).cloned().collect(),
            address: addressed(kind, base, bracket, &named),
            writes_back: operands.contains("]!") || operands.contains("], #") || operands.contains("!, {"),
            kind,
        })
    }

    /// Whether its result comes from an arithmetic unit of the core.
    pub fn computes(&self) -> bool {
        use Kind::{Divide, Multiply, MultiplyAdd, MultiplyAddLong, MultiplyLong, Simple};
        matches!(self.kind, Simple | Multiply | MultiplyAdd | MultiplyLong | MultiplyAddLong | Divide)
    }
}

/// The kind of a name, the name without its condition and its `s`, and whether it had a condition.
fn known(name: &str) -> Option<(Kind, &'static str, bool)> {
    let entry = |name: &str| {
        NAMES
            .iter()
            .find_map(|(kind, names)| names.split_whitespace().find(|known| *known == name).map(|known| (*kind, known)))
    };
    let shorter = CONDITIONS.split_whitespace().filter_map(|condition| name.strip_suffix(condition));
    let conditional = shorter.flat_map(|rest| [Some(rest), rest.strip_suffix('s')]).flatten();
    let plain = [Some(name), name.strip_suffix('s')].into_iter().flatten();
    // `bls` is a condition of `b`, and `lsls` the flags of `lsl`: whichever is known.
    let with = |(kind, base), condition| (kind, base, condition);
    entry(name)
        .map(|found| with(found, false))
        .or_else(|| conditional.filter_map(entry).next().map(|found| with(found, true)))
        .or_else(|| plain.filter_map(entry).next().map(|found| with(found, false)))
}

fn words(kind: Kind, base: &str, list: Option<&[String]>, named: &[String]) -> u64 {
    let each = |register: &String| if register.starts_with('d') { 2 } else { 1 };
    match kind {
        Kind::Load | Kind::Store => 1,
        Kind::Many if base.ends_with('d') && list.is_none() => 2,
        Kind::Many | Kind::FloatLoad | Kind::FloatStore => match list {
            Some(list) => list.iter().map(each).sum(),
            None => named.first().map_or(1, each),
        },
        _ => 0,
    }
}

fn written(kind: Kind, base: &str, named: &[String]) -> Vec<String> {
    let count = match kind {
        _ if NO_RESULT.split_whitespace().any(|name| name == base) => 0,
        Kind::Store | Kind::Many | Kind::FloatStore | Kind::Branch | Kind::TableBranch | Kind::IfThen => 0,
        Kind::MultiplyLong | Kind::MultiplyAddLong => 2,
        _ => 1,
    };
    named.iter().take(count).cloned().collect()
}

fn addressed(kind: Kind, base: &str, bracket: Option<&str>, named: &[String]) -> Vec<String> {
    match (kind, bracket) {
        (_, Some(bracket)) => registers(bracket),
        _ if matches!(base, "push" | "pop" | "vpush" | "vpop") => vec!["sp".to_string()],
        (Kind::Many | Kind::FloatLoad | Kind::FloatStore, None) => named.iter().take(1).cloned().collect(),
        _ => Vec::new(),
    }
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// The registers of a text, in its order.
fn registers(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| is_core(word) || is_float(word)).map(str::to_string).collect()
}

fn is_core(word: &str) -> bool {
    matches!(word, "sb" | "sl" | "fp" | "ip" | "sp" | "lr" | "pc") || numbered(word, 'r')
}

fn is_float(word: &str) -> bool {
    numbered(word, 's') || numbered(word, 'd')
}

fn numbered(word: &str, letter: char) -> bool {
    word.strip_prefix(letter).is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instruction_has_its_kind() {
        use Kind::*;
        let cases = [
            ("movs", "r4, #3", Simple),
            ("sxtb16", "r0, r1, ror #8", Simple),
            ("lsls", "r0, r0, #2", Simple),
            ("adcs", "r0, r1", Simple),
            ("cmp", "r0, #3", Simple),
            ("moveq", "r0, #1", Simple),
            ("ssat", "r0, #8, r0", Simple),
            ("nop", "", Simple),
            ("muls", "r0, r1, r0", Multiply),
            ("smulbb", "r0, r1, r2", Multiply),
            ("smmulr", "r0, r1, r2", Multiply),
            ("mls", "r0, r1, r2, r3", MultiplyAdd),
            ("smlad", "r0, r1, r2, r3", MultiplyAdd),
            ("smlabbne", "r0, r1, r2, r3", MultiplyAdd),
            ("smull", "r0, r1, r2, r3", MultiplyLong),
            ("smlal", "r0, r1, r2, r3", MultiplyAddLong),
            ("udiv", "r0, r1, r2", Divide),
            ("ldr.w", "r0, [r5, r4, lsl #2]", Load),
            ("ldrsb.w", "r0, [r5]", Load),
            ("ldrne", "r0, [r5]", Load),
            ("str", "r1, [r5, #-0x4]", Store),
            ("ldrd", "r0, r1, [r5], #8", Many),
            ("ldm.w", "r5, {r0, r1, r2}", Many),
            ("pop", "{r4, r5, pc}", Many),
            ("b", "#0x60", Branch),
            ("bls", "#0x60", Branch),
            ("blt", "#0x60", Branch),
            ("ble", "#0x60", Branch),
            ("bl", "#0x60", Branch),
            ("bxeq", "lr", Branch),
            ("cbz", "r4, #0xda", Branch),
            ("tbb", "[pc, r4]", TableBranch),
            ("itte", "eq", IfThen),
            ("mrs", "r0, primask", System),
            ("dsb", "sy", Barrier),
            ("vmul.f32", "s0, s0, s0", Float),
            ("vcvt.f32.s32", "s0, s0", Float),
            ("vmrs", "apsr_nzcv, fpscr", Float),
            ("vmov.f32", "s0, s1", Float),
            ("vmov", "s0, r0", FloatMove),
            ("vfma.f32", "s0, s0, s0", FloatMultiplyAdd),
            ("vdiv.f32", "s0, s0, s0", FloatDivide),
            ("vldr", "s1, [r5]", FloatLoad),
            ("vpush", "{s16}", FloatStore),
        ];
        for (name, operands, kind) in cases {
            let found = Instruction::parse(name, operands).unwrap_or_else(|| panic!("{name} is unknown"));
            assert_eq!(found.kind, kind, "{name} {operands}");
        }
        for name in [".byte", "lda", "", "s", "eq", "vrinta.f32"] {
            assert_eq!(Instruction::parse(name, "r0, [r1]"), None, "{name}");
        }
    }

    #[test]
    fn conditions_are_those_of_an_it_block() {
        let cases =
            [("moveq", true), ("addseq", true), ("ldrne", true), ("movs", false), ("bne", false), ("muls", false)];
        for (name, conditional) in cases {
            assert_eq!(Instruction::parse(name, "r0, r1").unwrap().conditional, conditional, "{name}");
        }
    }

    #[test]
    fn memory_is_counted_in_words() {
        let cases = [
            ("ldrb", "r0, [r1]", 1),
            ("ldrd", "r0, r1, [r5], #8", 2),
            ("ldm", "r5!, {r0, r1, r2}", 3),
            ("push", "{r4, r5, r6, lr}", 4),
            ("vldr", "s1, [r5]", 1),
            ("vldr", "d1, [r5]", 2),
            ("vpush", "{d8, d9}", 4),
            ("vldmia", "r0!, {s0, s1, s2}", 3),
            ("add", "r0, r1", 0),
        ];
        for (name, operands, words) in cases {
            assert_eq!(Instruction::parse(name, operands).unwrap().words, words, "{name} {operands}");
        }
    }

    #[test]
    fn registers_are_read_from_the_operands() {
        /// Name and operands; what is written, what the address comes from, whether that is changed.
        type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], bool);
        let cases: [Case; 9] = [
            ("ldr", "r0, [r5, #4]!", &["r0"], &["r5"], true),
            ("ldr", "r0, [r5], #4", &["r0"], &["r5"], true),
            ("ldr.w", "r0, [sl, r4, lsl #2]", &["r0"], &["sl", "r4"], false),
            ("str", "r1, [sp, #8]", &[], &["sp"], false),
            ("pop", "{r4, pc}", &[], &["sp"], false),
            ("stm", "r5!, {r0, r1}", &[], &["r5"], true),
            ("smull", "r0, r1, r2, r3", &["r0", "r1"], &[], false),
            ("cmp", "r0, r1", &[], &[], false),
            ("adds", "r2, r2, #1", &["r2"], &[], false),
        ];
        for (name, operands, writes, address, writes_back) in cases {
            let found = Instruction::parse(name, operands).unwrap();
            assert_eq!(found.writes, writes, "{name} {operands}");
            assert_eq!(found.address, address, "{name} {operands}");
            assert_eq!(found.writes_back, writes_back, "{name} {operands}");
        }
    }
}
