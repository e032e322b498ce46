//! What a model takes of a device's memory, and whether that fits.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sextant_runtime::graph::{Graph, ValueId};
use sextant_runtime::model::GraphView;

/// What a model may take, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Of memory, for the arena; the stack and the program's own variables come on top.
    pub ram: Option<usize>,
    /// Of flash, for the model file; the engine's code comes on top.
    pub flash: Option<usize>,
}

impl FromStr for Budget {
    type Err = String;

    /// From `ram=64K,flash=256K`: either or both, in bytes, KiB (`K`) or MiB (`M`).
    fn from_str(text: &str) -> Result<Self, String> {
        let mut budget = Self::default();
        for part in text.split(',') {
            let (name, size) = part.split_once('=').ok_or_else(|| format!("'{part}' is not ram=SIZE or flash=SIZE"))?;
            let limit = match name {
                "ram" => &mut budget.ram,
                "flash" => &mut budget.flash,
                _ => return Err(format!("'{name}' is neither ram nor flash")),
            };
            if limit.replace(size_bytes(size)?).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        Ok(budget)
    }
}

fn size_bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'M']) {
        Some(digits) if text.ends_with('K') => (digits, 1024),
        Some(digits) => (digits, 1024 * 1024),
        None => (text, 1),
    };
    let number = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| format!("'{text}' is no size such as 65536, 64K or 1M"))
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The arena of the graph `encode`.
    pub ram_bytes: usize,
    /// The model file.
    pub flash_bytes: usize,
}

/// What a model takes, beside what it may.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetReport {
    /// The limits.
    pub budget: Budget,
    /// What it takes.
    #[serde(flatten)]
    pub size: Size,
    /// How its first layers are computed, where the whole network would take too much memory.
    pub stripes: Option<Stripes>,
    /// What it takes with its first layers in as many stripes as help, where no number of stripes fits.
    pub smallest_in_stripes: Option<Size>,
    /// Memory in use while each layer runs, in the order in which they run.
    pub layers: Vec<LayerMemory>,
}

/// First layers that are computed stripe by stripe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stripes {
    /// Parts of the image's height.
    pub stripes: usize,
    /// Operators that each of them goes through.
    pub operators: usize,
    /// The last of these operators.
    pub last_operator: String,
    /// The arena of the same network without stripes.
    pub whole_ram_bytes: usize,
    /// Multiplications of rows that two stripes compute.
    pub extra_macs: u64,
    /// Their share of the multiplications without stripes.
    pub extra_macs_percent: f64,
}

/// Memory in use while a layer runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerMemory {
    /// The node.
    pub name: String,
    /// Values that are read, written or kept for later; bytes that two of them share count once. The scratch memory at the
    /// arena's end, which all int8 convolutions share, is not among them.
    pub bytes: usize,
}

impl BudgetReport {
    pub(crate) fn of(budget: Budget, view: &GraphView<'_>, flash_bytes: usize) -> Self {
        let size = Size { ram_bytes: view.arena_bytes(), flash_bytes };
        Self { budget, size, stripes: None, smallest_in_stripes: None, layers: layer_memory(view) }
    }

    /// By how much each limit is exceeded, for people; `None` when the model fits.
    pub fn failure_message(&self) -> Option<String> {
        let peak = self.layers.iter().max_by_key(|layer| layer.bytes);
        let peak = peak.map_or(String::new(), |layer| format!(" (most in use at {}: {})", layer.name, layer.bytes));
        let excess = [
            ("memory", self.size.ram_bytes, self.budget.ram, peak),
            ("flash", self.size.flash_bytes, self.budget.flash, String::new()),
        ];
        let exceeded = excess.iter().filter_map(|(what, needed, limit, where_)| {
            let excess = needed.checked_sub((*limit)?).filter(|excess| *excess > 0)?;
            Some(format!("{needed} bytes of {what}, {excess} more than the budget{where_}"))
        });
        let exceeded: Vec<String> = exceeded.collect();
        let in_stripes = self.smallest_in_stripes.map_or(String::new(), |Size { ram_bytes, flash_bytes }| {
            format!("; in stripes at least {ram_bytes} bytes of memory, with {flash_bytes} of flash")
        });
        (!exceeded.is_empty()).then(|| format!("the model needs {}{in_stripes}", exceeded.join(", and ")))
    }
}

impl fmt::Display for BudgetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0).max("layer".len());
        writeln!(f, "{:width$}  {:>12}", "layer", "bytes in use")?;
        for LayerMemory { name, bytes } in &self.layers {
            writeln!(f, "{name:width$}  {bytes:>12}")?;
        }
        let of = |limit: Option<usize>| limit.map_or("no limit".to_string(), |limit| format!("of {limit}"));
        writeln!(
            f,
            "memory {} bytes ({}), flash {} bytes ({})",
            self.size.ram_bytes,
            of(self.budget.ram),
            self.size.flash_bytes,
            of(self.budget.flash)
        )?;
        let Some(Stripes { stripes, operators, last_operator, whole_ram_bytes, extra_macs_percent, .. }) =
            &self.stripes
        else {
            return Ok(());
        };
        writeln!(f, "the first {operators} operators, up to {last_operator}, run in {stripes} stripes of the image:")?;
        writeln!(
            f,
            "  memory {} bytes instead of {whole_ram_bytes}, {extra_macs_percent:.1} % more multiplications",
            self.size.ram_bytes
        )
    }
}

fn layer_memory(view: &GraphView<'_>) -> Vec<LayerMemory> {
    let graph = view.to_graph();
    let lives = lives(&graph);
    let place = |id: usize| {
        let start = view.value(ValueId(id as u32))?.arena_offset? as usize;
        let value = &graph.values[id];
        Some((start, start + value.shape.iter().product::<usize>() * value.data_type.bytes()))
    };
    let in_use = |node: usize| {
        let mut places: Vec<(usize, usize)> = (0..graph.values.len())
            .filter(|id| lives[*id].is_some_and(|(from, to)| from <= node && node <= to))
            .filter_map(place)
            .collect();
        places.sort_unstable();
        let (mut bytes, mut covered) = (0, 0);
        for (start, end) in places {
            bytes += end.saturating_sub(start.max(covered));
            covered = covered.max(end);
        }
        bytes
    };
    graph
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| LayerMemory { name: node.name.clone(), bytes: in_use(index) })
        .collect()
}

/// For each value the first and the last node that needs it; outputs are needed to the end.
fn lives(graph: &Graph) -> Vec<Option<(usize, usize)>> {
    let mut lives = vec![None; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        lives[node.output.0 as usize] = Some((index, index));
        for input in &node.inputs {
            if let Some((_, last)) = &mut lives[input.0 as usize] {
                *last = index;
            }
        }
    }
    for (_, output) in &graph.outputs {
        if let Some((_, last)) = &mut lives[output.0 as usize] {
            *last = graph.nodes.len();
        }
    }
    lives
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op};
    use sextant_runtime::memory::AlignedVec;
    use sextant_runtime::model::{self, Model};

    use super::*;

    #[test]
    fn sizes_are_read_and_nonsense_is_named() {
        let budget = "ram=64K,flash=1M".parse::<Budget>().unwrap();
        assert_eq!(budget, Budget { ram: Some(65_536), flash: Some(1_048_576) });
        assert_eq!("flash=100".parse::<Budget>().unwrap(), Budget { ram: None, flash: Some(100) });
        for (text, part) in [
            ("64K", "'64K' is not ram=SIZE"),
            ("rom=3", "'rom' is neither"),
            ("ram=many", "'many' is no size"),
            ("ram=", "'' is no size"),
            ("ram=99999999999999999999K", "is no size"),
            ("ram=1,ram=2", "ram is given twice"),
        ] {
            let error = text.parse::<Budget>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn memory_in_use_is_what_lives_and_the_excess_is_exact() {
        let mut b = GraphBuilder::new("encode");
        let x = b.input("x", &[100], DataType::F32);
        let first = b.node("first", Op::Relu, &[x]).unwrap();
        let second = b.node("second", Op::Slice { start: 0, end: 40 }, &[first]).unwrap();
        let third = b.node("third", Op::Add { activation: Activation::Relu }, &[second, second]).unwrap();
        b.output("third", third);
        let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[b.finish()]).unwrap());
        let model = Model::parse(&bytes).unwrap();
        let report = |ram, flash| BudgetReport::of(Budget { ram, flash }, &model.graph("encode").unwrap(), bytes.len());
        let fits = report(Some(560), Some(bytes.len()));
        let used: Vec<usize> = fits.layers.iter().map(|layer| layer.bytes).collect();
        // 100 numbers; they and 40 more; 40 numbers and their sums.
        assert_eq!((used, fits.size.ram_bytes, fits.failure_message()), (vec![400, 560, 320], 560, None));
        let message = report(Some(500), Some(bytes.len() - 7)).failure_message().unwrap();
        let flash = format!("{} bytes of flash, 7 more than the budget", bytes.len());
        assert_eq!(
            message,
            format!(
                "the model needs 560 bytes of memory, 60 more than the budget (most in use at second: 560), and {flash}"
            )
        );
    }
}
