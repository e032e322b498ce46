use super::*;
use crate::optimiser::OptimiserConfig;

/// A matrix, a bias and a tensor longer than one chunk; gradients are those of `sum(c * w + w^2 / 2)`, so `c + w`.
struct Problem {
    parameters: Vec<(String, Var)>,
    slopes: Vec<Tensor>,
}

impl Problem {
    fn new() -> Self {
        let wave = |n: usize, phase: f32| (0..n).map(|i| (i as f32 * 0.37 + phase).sin()).collect::<Vec<_>>();
        let tensor = |dims: &[usize], phase| Tensor::from_vec(wave(dims.iter().product(), phase), dims, &Device::Cpu);
        let all: [(&str, &[usize]); 3] = [("weight", &[2, 3]), ("bias", &[3]), ("large", &[130, 129])];
        let parameters =
            all.map(|(name, dims)| (name.into(), Var::from_tensor(&tensor(dims, 0.1).unwrap()).unwrap())).into();
        let slopes = all.map(|(_, dims)| tensor(dims, 2.0).unwrap()).into();
        Self { parameters, slopes }
    }

    fn gradients(&self) -> GradStore {
        let term = |((_, var), slope): (&(String, Var), &Tensor)| {
            ((var.as_tensor() * slope)? + (var.sqr()? * 0.5)?)?.sum_all()
        };
        let terms = self.parameters.iter().zip(&self.slopes).map(|pair| term(pair).unwrap());
        terms.reduce(|a, b| (a + b).unwrap()).unwrap().backward().unwrap()
    }

    fn values(&self) -> Vec<Vec<f64>> {
        self.parameters.iter().map(|(_, var)| values(var)).collect()
    }

    fn slopes(&self) -> Vec<Vec<f64>> {
        self.slopes.iter().map(values).collect()
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// One parameter of a step-by-step float64 twin of the rules, written from the papers rather than from our code.
struct Twin {
    weights: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    decays: bool,
}

impl Twin {
    fn step(&mut self, config: &OptimiserConfig, gradient: &[f64], lr: f64, t: i32) {
        let decay = if self.decays { config.weight_decay } else { 0.0 };
        let trust = match norm(&self.weights) * norm(gradient) {
            _ if config.kind != OptimiserKind::Lars || !self.decays => 1.0,
            0.0 => 1.0,
            _ => {
                let (w, g) = (norm(&self.weights), norm(gradient));
                config.trust_coefficient * w / (g + decay * w)
            }
        };
        for (i, &gradient) in gradient.iter().enumerate() {
            let (w, m, v) = (&mut self.weights[i], &mut self.first[i], &mut self.second[i]);
            match config.kind {
                OptimiserKind::Adamw => {
                    let [beta1, beta2] = config.betas;
                    *m = beta1 * *m + (1.0 - beta1) * gradient;
                    *v = beta2 * *v + (1.0 - beta2) * gradient.powi(2);
                    let (m_hat, v_hat) = (*m / (1.0 - beta1.powi(t)), *v / (1.0 - beta2.powi(t)));
                    *w -= lr * (m_hat / (v_hat.sqrt() + config.eps) + decay * *w);
                }
                OptimiserKind::Sgd | OptimiserKind::Lars => {
                    let full = trust * (gradient + decay * *w);
                    *m = config.momentum * *m + full;
                    let nesterov = config.nesterov && config.kind == OptimiserKind::Sgd;
                    *w -= lr * if nesterov { full + config.momentum * *m } else { *m };
                }
            }
        }
    }
}

fn twins(problem: &Problem) -> Vec<Twin> {
    let parameters = problem.parameters.iter();
    parameters
        .map(|(_, var)| {
            let zeros = vec![0.0; var.elem_count()];
            Twin { weights: values(var), first: zeros.clone(), second: zeros, decays: var.rank() > 1 }
        })
        .collect()
}

fn configs() -> Vec<OptimiserConfig> {
    let base = OptimiserConfig { weight_decay: 0.05, ..Default::default() };
    let with = |kind, nesterov| OptimiserConfig { kind, nesterov, ..base.clone() };
    vec![
        with(OptimiserKind::Adamw, false),
        OptimiserConfig { betas: [0.5, 0.7], eps: 0.1, ..base.clone() },
        with(OptimiserKind::Sgd, false),
        with(OptimiserKind::Sgd, true),
        with(OptimiserKind::Lars, false),
        OptimiserConfig { trust_coefficient: 0.5, ..with(OptimiserKind::Lars, false) },
    ]
}

#[test]
fn each_rule_follows_its_float64_twin() {
    for config in configs() {
        let problem = Problem::new();
        let mut twins = twins(&problem);
        let mut optimiser = Optimiser::new(&config, &problem.parameters).unwrap();
        for t in 1..=6 {
            let (lr, scale) = (0.05 / f64::from(t), if t == 3 { 0.25 } else { 1.0 });
            optimiser.step_scaled(&problem.gradients(), lr, scale).unwrap();
            for (twin, slope) in twins.iter_mut().zip(problem.slopes()) {
                let gradient: Vec<_> = slope.iter().zip(&twin.weights).map(|(c, w)| scale * (c + w)).collect();
                twin.step(&config, &gradient, lr, t);
            }
        }
        for (got, twin) in problem.values().iter().zip(&twins) {
            let error = got.iter().zip(&twin.weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 3e-6, "{config:?}: off by {error:e}");
        }
    }
}

/// Weights [1, -2] with gradients [0.5, -0.1], [-0.3, 0.2], [0.8, 0.4]; rate 0.1, decay 0.01.
fn after_three_steps(config: &OptimiserConfig) -> Vec<f64> {
    let var = Var::new(&[[1.0f32, -2.0]], &Device::Cpu).unwrap();
    let parameters = [("w".to_string(), var.clone())];
    let mut optimiser = Optimiser::new(config, &parameters).unwrap();
    for gradient in [[0.5f32, -0.1], [-0.3, 0.2], [0.8, 0.4]] {
        let slope = Tensor::new(&[gradient], &Device::Cpu).unwrap();
        let gradients = (var.as_tensor() * slope).unwrap().sum_all().unwrap().backward().unwrap();
        optimiser.step(&gradients, 0.1).unwrap();
    }
    values(&var)
}

#[test]
fn known_values() {
    let base = OptimiserConfig { weight_decay: 0.01, ..Default::default() };
    let sgd = OptimiserConfig { kind: OptimiserKind::Sgd, nesterov: false, ..base.clone() };
    let nesterov = OptimiserConfig { nesterov: true, ..sgd.clone() };
    // As optax 0.2.8 computes them in float64.
    let cases = [
        (&base, [0.8177186124819265, -2.000350460532208]),
        (&sgd, [0.8360547489999999, -2.039707588]),
        (&nesterov, [0.749721158191, -2.079770513692]),
    ];
    for (config, expected) in cases {
        let got = after_three_steps(config);
        let error = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-6, "{:?} nesterov {}: {got:?}, expected {expected:?}", config.kind, config.nesterov);
    }
}

#[test]
fn a_restored_state_continues_bit_by_bit() {
    for config in configs() {
        let (whole, parted) = (Problem::new(), Problem::new());
        let mut uninterrupted = Optimiser::new(&config, &whole.parameters).unwrap();
        let mut first_half = Optimiser::new(&config, &parted.parameters).unwrap();
        for _ in 0..3 {
            uninterrupted.step(&whole.gradients(), 0.01).unwrap();
            first_half.step(&parted.gradients(), 0.01).unwrap();
        }
        let state = first_half.state().unwrap();
        let mut second_half = Optimiser::new(&config, &parted.parameters).unwrap();
        second_half.load_state(&state, Path::new("optimizer.safetensors")).unwrap();
        assert_eq!(second_half.steps(), 3);
        for _ in 0..3 {
            uninterrupted.step(&whole.gradients(), 0.01).unwrap();
            second_half.step(&parted.gradients(), 0.01).unwrap();
        }
        assert_eq!(whole.values(), parted.values(), "{config:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for config in configs() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let problem = Problem::new();
            pool.install(|| {
                let mut optimiser = Optimiser::new(&config, &problem.parameters).unwrap();
                optimiser.step(&problem.gradients(), 0.1).unwrap();
            });
            problem.values()
        };
        assert_eq!(run(1), run(3), "{config:?}");
    }
}

#[test]
fn foreign_states_are_refused_and_change_nothing() {
    let problem = Problem::new();
    let mut optimiser = Optimiser::new(&OptimiserConfig::default(), &problem.parameters).unwrap();
    optimiser.step(&problem.gradients(), 0.01).unwrap();
    let good = optimiser.state().unwrap();
    let scalar = |value: f32| Tensor::new(&[value], &Device::Cpu).unwrap();
    type Change<'a> = Box<dyn Fn(&mut BTreeMap<String, Tensor>) + 'a>;
    let cases: [(Change, &str); 5] = [
        (Box::new(|state| drop(state.remove("second_moment.bias"))), "no tensor `second_moment.bias`"),
        (Box::new(|state| drop(state.insert("velocity.bias".into(), scalar(1.0)))), "unknown tensor `velocity.bias`"),
        (
            Box::new(|state| drop(state.insert("first_moment.bias".into(), scalar(1.0)))),
            "tensor `first_moment.bias` has shape [1], expected [3]",
        ),
        (Box::new(|state| drop(state.insert("step".into(), scalar(1.5)))), "`step` is 1.5, not a count"),
        (
            Box::new(|state| state.clear()),
            "no tensor `first_moment.weight`; no tensor `second_moment.weight`; no tensor `first_moment.bias`; \
             no tensor `second_moment.bias`; no tensor `first_moment.large`; and 2 more",
        ),
    ];
    for (change, message) in cases {
        let mut state = good.clone();
        change(&mut state);
        let error = optimiser.load_state(&state, Path::new("o.safetensors")).unwrap_err();
        assert_eq!(error.to_string(), format!("o.safetensors: {message}"));
    }
    let kept = optimiser.state().unwrap();
    assert!(good.iter().all(|(name, tensor)| values(tensor) == values(&kept[name])));
}

#[test]
fn a_parameter_without_gradient_stays() {
    let problem = Problem::new();
    let before = problem.values();
    let mut optimiser = Optimiser::new(&OptimiserConfig::default(), &problem.parameters).unwrap();
    let gradients = problem.parameters[0].1.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    optimiser.step(&gradients, 0.1).unwrap();
    let after = problem.values();
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..], after[1..]);
}

#[test]
fn unusable_parameters_are_named() {
    let var = Var::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
    let double = Var::zeros(3, candle_core::DType::F64, &Device::Cpu).unwrap();
    let twice = [("a".to_string(), var.clone()), ("b".to_string(), var)];
    let cases = [(&twice[..], "parameter `b`: the tensor is there under another name too")];
    for (parameters, message) in cases {
        let error = Optimiser::new(&OptimiserConfig::default(), parameters).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = Optimiser::new(&OptimiserConfig::default(), &[("d".into(), double)]).unwrap_err();
    assert_eq!(error.to_string(), "parameter `d`: expected contiguous float32, not F64");
}

#[test]
fn clipping_bounds_the_norm_of_all_gradients_together() {
    let problem = Problem::new();
    let gradients = problem.gradients();
    let all: Vec<f64> = problem.parameters.iter().flat_map(|(_, var)| values(gradients.get(var).unwrap())).collect();
    let got = global_norm(&gradients, &problem.parameters).unwrap();
    assert!((got / norm(&all) - 1.0).abs() < 1e-12, "{got}");
    for (norm, limit, scale) in [(4.0, 0.0, 1.0), (4.0, 5.0, 1.0), (4.0, 1.0, 0.25), (0.0, 1.0, 1.0)] {
        assert_eq!(clip_scale(norm, limit), scale);
    }
}

#[test]
fn a_bad_gradient_shows_in_the_norm() {
    let problem = Problem::new();
    let mut gradients = problem.gradients();
    let bad = Tensor::new(&[0.0f32, f32::NAN, 0.0], &Device::Cpu).unwrap();
    gradients.insert(&problem.parameters[1].1, bad);
    assert!(global_norm(&gradients, &problem.parameters).unwrap().is_nan());
}

#[test]
fn the_average_follows_its_recurrence_and_swaps_both_ways() {
    let var = Var::new(&[1.0f32, 2.0], &Device::Cpu).unwrap();
    let mut ema = Ema::new(0.75, &[("w".into(), var.clone())]).unwrap();
    let mut expected = [1.0, 2.0];
    for step in 0..4 {
        let weights = [f64::from(step), -1.0];
        var.set(&Tensor::new(&[step as f32, -1.0], &Device::Cpu).unwrap()).unwrap();
        ema.update().unwrap();
        expected = [0, 1].map(|i| 0.75 * expected[i] + 0.25 * weights[i]);
    }
    let last = values(&var);
    ema.exchange().unwrap();
    assert!(values(&var).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?} {expected:?}", values(&var));
    ema.exchange().unwrap();
    assert_eq!(values(&var), last);
}

#[test]
fn a_restored_average_continues_bit_by_bit() {
    let problem = Problem::new();
    let mut ema = Ema::new(0.9, &problem.parameters).unwrap();
    let mut optimiser = Optimiser::new(&OptimiserConfig::default(), &problem.parameters).unwrap();
    optimiser.step(&problem.gradients(), 0.1).unwrap();
    ema.update().unwrap();
    let state = ema.state().unwrap();
    let mut restored = Ema::new(0.9, &problem.parameters).unwrap();
    restored.load_state(&state, Path::new("ema.safetensors")).unwrap();
    optimiser.step(&problem.gradients(), 0.1).unwrap();
    ema.update().unwrap();
    restored.update().unwrap();
    let (kept, continued) = (ema.state().unwrap(), restored.state().unwrap());
    assert!(kept.iter().all(|(name, tensor)| values(tensor) == values(&continued[name])));
    let error = restored.load_state(&BTreeMap::new(), Path::new("ema.safetensors")).unwrap_err();
    assert!(error.to_string().starts_with("ema.safetensors: no tensor `weight`"), "{error}");
}
