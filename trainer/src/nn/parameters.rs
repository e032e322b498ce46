use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Result, Shape, Tensor, Var};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::collective::{Alone, Collective};

/// Every trained tensor and every buffer of a network, by name.
///
/// An initial value depends on the seed and the parameter's own name only, so that adding a layer does not
/// change the others.
pub struct ParameterStore {
    seed: u64,
    device: Device,
    trained: BTreeMap<String, Var>,
    buffers: BTreeMap<String, Var>,
    eight_bit: Vec<EightBitValue>,
    collective: Arc<dyn Collective>,
}

/// A value that is rounded to eight bits while the network trains.
pub struct EightBitValue {
    /// The node of the lowered graph that makes it.
    pub node: String,
    /// Name of the buffer with its numbers.
    pub buffer: String,
    /// Scale and zero point, `[2]`.
    pub numbers: Var,
}

impl ParameterStore {
    /// An empty store whose initial values come from `seed`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self::among(seed, device, Arc::new(Alone))
    }

    /// As [`Self::new`], for a network that the ranks of a job train together.
    pub fn among(seed: u64, device: &Device, collective: Arc<dyn Collective>) -> Self {
        Self {
            seed,
            device: device.clone(),
            trained: BTreeMap::new(),
            buffers: BTreeMap::new(),
            eight_bit: Vec::new(),
            collective,
        }
    }

    /// The top of the name tree.
    pub fn root(&mut self) -> Scope<'_> {
        Scope { store: self, prefix: String::new(), frozen: false, for_eight_bits: false }
    }

    /// Where the tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Tensors that the optimiser moves, by name.
    pub fn trained(&self) -> &BTreeMap<String, Var> {
        &self.trained
    }

    /// Tensors that follow the data, such as running statistics, by name.
    pub fn buffers(&self) -> &BTreeMap<String, Var> {
        &self.buffers
    }

    /// Values that are rounded while training; none in a network that is not trained for eight bits.
    pub fn eight_bit_values(&self) -> &[EightBitValue] {
        &self.eight_bit
    }

    /// All tensors by name, trained or not, to be changed in place.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.trained.iter().chain(&self.buffers).map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// All tensors by name, sharing storage with the network.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let all = self.trained.iter().chain(&self.buffers);
        all.map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    }

    /// Replaces every value by the one of the same name.
    ///
    /// # Errors
    /// When a name is missing or unknown, or a shape differs; nothing is changed then.
    pub fn load(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        let known = |name: &str| self.trained.get(name).or_else(|| self.buffers.get(name));
        if let Some(name) = values.keys().find(|name| known(name).is_none()) {
            candle_core::bail!("unknown tensor '{name}': the checkpoint is of another network");
        }
        for (name, var) in self.trained.iter().chain(&self.buffers) {
            match values.get(name) {
                None => candle_core::bail!("tensor '{name}' is missing: the checkpoint is of another network"),
                Some(value) if value.shape() != var.shape() => {
                    candle_core::bail!("tensor '{name}' is {:?} where {:?} is needed", value.shape(), var.shape())
                }
                Some(_) => {}
            }
        }
        for (name, value) in values {
            if let Some(var) = known(name) {
                var.set(&value.to_device(&self.device)?)?;
            }
        }
        Ok(())
    }
}

/// A place in the name tree of a [`ParameterStore`].
pub struct Scope<'a> {
    store: &'a mut ParameterStore,
    prefix: String,
    /// Whether tensors are saved but never trained.
    frozen: bool,
    for_eight_bits: bool,
}

impl Scope<'_> {
    /// The place below this one.
    pub fn child(&mut self, name: &str) -> Scope<'_> {
        let prefix = self.full_name(name);
        Scope { store: self.store, prefix, frozen: self.frozen, for_eight_bits: self.for_eight_bits }
    }

    /// The place below this one, for a network whose tensors are saved but never trained by gradients.
    pub fn frozen_child(&mut self, name: &str) -> Scope<'_> {
        Scope { frozen: true, ..self.child(name) }
    }

    /// This place, for layers that are trained for eight bits, or not.
    pub fn for_eight_bits(self, for_eight_bits: bool) -> Self {
        Scope { for_eight_bits, ..self }
    }

    /// Whether layers made here are trained for eight bits.
    pub fn is_for_eight_bits(&self) -> bool {
        self.for_eight_bits
    }

    /// Each trained tensor below the absolute name `source`, with the tensor of the same name below this place.
    ///
    /// # Errors
    /// When one has no counterpart.
    pub fn counterparts(&self, source: &str) -> Result<Vec<(Var, Var)>> {
        let below = |name: &String| name.strip_prefix(source)?.strip_prefix('.').map(str::to_string);
        let named = self.store.trained.iter().filter_map(|(name, var)| Some((below(name)?, var)));
        let pair = |(name, var): (String, &Var)| match self.store.buffers.get(&self.full_name(&name)) {
            Some(copy) => Ok((var.clone(), copy.clone())),
            None => candle_core::bail!("'{source}.{name}' has no counterpart in '{}'", self.prefix),
        };
        named.map(pair).collect()
    }

    /// Name of this place, for errors and lowered nodes.
    pub fn name(&self) -> &str {
        &self.prefix
    }

    /// Where the tensors live.
    pub fn device(&self) -> &Device {
        &self.store.device
    }

    /// The ranks that train the network: for layers whose result depends on the whole batch.
    pub fn collective(&self) -> &Arc<dyn Collective> {
        &self.store.collective
    }

    /// A trained tensor drawn from a normal distribution with variance `2 / fan` (He et al. 2015).
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn he_normal(&mut self, name: &str, shape: impl Into<Shape>, fan: usize) -> Result<Var> {
        let std = (2.0 / fan as f32).sqrt();
        self.drawn(name, shape.into(), |rng| standard_normal(rng) * std)
    }

    /// A trained tensor drawn uniformly from ±`1 / sqrt(fan_in)`.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn uniform_fan_in(&mut self, name: &str, shape: impl Into<Shape>, fan_in: usize) -> Result<Var> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        self.drawn(name, shape.into(), |rng| rng.random_range(-bound..=bound))
    }

    /// A trained tensor filled with one value.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn constant(&mut self, name: &str, shape: impl Into<Shape>, value: f32) -> Result<Var> {
        let var = self.filled(shape, value)?;
        self.keep(self.full_name(name), &var);
        Ok(var)
    }

    /// A tensor that is saved but not trained, filled with one value.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn buffer(&mut self, name: &str, shape: impl Into<Shape>, value: f32) -> Result<Var> {
        let var = self.filled(shape, value)?;
        self.store.buffers.insert(self.full_name(name), var.clone());
        Ok(var)
    }

    /// Scale and zero point of the value that a node of the lowered graph makes, `[2]`: saved, and set by calibration.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn eight_bit_numbers(&mut self, node: &str) -> Result<Var> {
        let numbers = self.buffer("eight_bits", 2, 1.0)?;
        let (node, buffer) = (node.to_string(), self.full_name("eight_bits"));
        self.store.eight_bit.push(EightBitValue { node, buffer, numbers: numbers.clone() });
        Ok(numbers)
    }

    fn filled(&self, shape: impl Into<Shape>, value: f32) -> Result<Var> {
        Var::from_tensor(&Tensor::full(value, shape, &self.store.device)?)
    }

    fn drawn(&mut self, name: &str, shape: Shape, mut draw: impl FnMut(&mut ChaCha8Rng) -> f32) -> Result<Var> {
        let full_name = self.full_name(name);
        let mut rng = stream(self.store.seed, &full_name);
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| draw(&mut rng)).collect();
        let var = Var::from_vec(values, shape, &self.store.device)?;
        self.keep(full_name, &var);
        Ok(var)
    }

    fn keep(&mut self, full_name: String, var: &Var) {
        let kept = if self.frozen { &mut self.store.buffers } else { &mut self.store.trained };
        kept.insert(full_name, var.clone());
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }
}

/// The random stream of one name.
fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(crc32fast::hash(name.as_bytes())));
    rng
}

/// Box-Muller.
fn standard_normal(rng: &mut impl Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(seed: u64, names: &[&str]) -> Vec<Vec<f32>> {
        let mut store = ParameterStore::new(seed, &Device::Cpu);
        let vars: Vec<Var> = names.iter().map(|n| store.root().he_normal(n, (64, 8), 8).unwrap()).collect();
        vars.iter().map(|v| v.flatten_all().unwrap().to_vec1().unwrap()).collect()
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_only() {
        assert_eq!(weights(1, &["a", "b"])[1], weights(1, &["b"])[0]);
        assert_ne!(weights(1, &["a"]), weights(1, &["b"]));
        assert_ne!(weights(1, &["a"]), weights(2, &["a"]));
    }

    #[test]
    fn he_normal_has_the_stated_variance() {
        let values = &weights(3, &["a"])[0];
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!((variance - 0.25).abs() < 0.05, "variance {variance}");
    }

    #[test]
    fn loading_names_the_tensor_that_does_not_fit_and_changes_nothing() {
        let mut store = ParameterStore::new(0, &Device::Cpu);
        let a = store.root().constant("a", 2, 1.0).unwrap();
        store.root().buffer("b", 3, 0.0).unwrap();
        let tensor = |n: usize| Tensor::full(5f32, n, &Device::Cpu).unwrap();
        let cases = [
            (vec![("a", 2)], "'b' is missing"),
            (vec![("a", 2), ("b", 4)], "'b' is [4]"),
            (vec![("a", 2), ("b", 3), ("c", 1)], "unknown tensor 'c'"),
        ];
        for (given, expected) in cases {
            let values = given.iter().map(|(name, n)| (name.to_string(), tensor(*n))).collect();
            let message = store.load(&values).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!(a.to_vec1::<f32>().unwrap(), [1.0, 1.0]);
        }
    }
}
