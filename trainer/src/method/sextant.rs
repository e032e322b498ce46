//! Sextant's own method: both halves learn by contrast, and a rotation turns the equivariant half by its matrix.

use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::simclr::TEMPERATURE;
use super::{
    EquivariantBranch, EquivariantMethod, InvariantBranch, MethodEntry, MethodOutput, ModelKey, Needs, Negatives, Sees,
    Setting, Views, WeightedTerm, nt_xent, view_nce,
};
use crate::nn::{Encoder, Mode, Scope};
use crate::options::ConfigOption;
use crate::transformation::Condition;

const PREDICTOR: ConfigOption = ConfigOption::choice(
    EquivariantBranch::PREDICTOR.key,
    &["rotation", "linear", "deep", "mlp"],
    "predictor: the rotation's matrix on each three numbers, or one that learns, as those of sie",
);
const INVARIANT_PROJECTOR: ConfigOption = ConfigOption::choice(
    "invariant_projector",
    &["mlp", "none"],
    "what stands between the invariant half and its contrast: a projector, or nothing, so that invariance is asked of what is \
     deployed",
);
const NEGATIVES: ConfigOption = ConfigOption::choice(
    "pose_negatives",
    &["all-views", "other-objects"],
    "views that a prediction must tell from the true one: all of the batch, or without those of its own object",
);

/// The method of the presets.
pub const SEXTANT: MethodEntry = MethodEntry {
    name: "sextant",
    paper: "this project: ARCHITECTURE.md",
    loss: "NT-Xent of the invariant half over several views + InfoNCE between turned and true equivariant halves",
    reads_map_alone: false,
    needs: |config, _| Ok(Needs { views: config.count("views")?, ..Needs::by_options(config)? }),
    labels: &[],
    options: &[
        ConfigOption::count("views", 4, 2, 16, "views of each object in a batch"),
        ConfigOption::weight("invariance_weight", 1.0, "contrast of the invariant half"),
        ConfigOption::weight("equivariance_weight", 1.0, "contrast of the turned equivariant half"),
        TEMPERATURE,
        ConfigOption::number("pose_temperature", 0.1, 1e-3, 10.0, "divides the cosines of the equivariant half"),
        INVARIANT_PROJECTOR,
        NEGATIVES,
        PREDICTOR,
        Condition::CODE,
        Condition::TRANSFORMATION,
        EquivariantBranch::BIAS,
        EquivariantBranch::HIDDEN,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Sextant::new(setting, scope)?)),
};

/// A projector for each half, and the action on the equivariant embedding.
pub struct Sextant {
    views: usize,
    contrasts: Contrasts,
    invariant: InvariantBranch,
    equivariant: EquivariantBranch,
}

#[derive(Clone, Copy, Debug)]
struct Contrasts {
    invariance: f64,
    equivariance: f64,
    temperature: f64,
    pose_temperature: f64,
    negatives: Negatives,
}

impl Sextant {
    /// With the config's projector sizes and the options' weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let method = setting.method;
        let contrasts = Contrasts {
            invariance: method.number("invariance_weight")?,
            equivariance: method.number("equivariance_weight")?,
            temperature: method.number(TEMPERATURE.key)?,
            pose_temperature: method.number("pose_temperature")?,
            negatives: match method.choice(NEGATIVES.key)?.as_str() {
                "other-objects" => Negatives::OtherObjects,
                _ => Negatives::AllViews,
            },
        };
        Ok(Self {
            views: method.count("views")?,
            contrasts,
            invariant: match method.choice(INVARIANT_PROJECTOR.key)?.as_str() {
                "none" => InvariantBranch::without_projector(Sees::OwnHalf),
                _ => InvariantBranch::new(Sees::OwnHalf, setting, &mut scope.child("invariant_projector"))?,
            },
            equivariant: EquivariantBranch::new(Sees::OwnHalf, setting, scope)?,
        })
    }
}

/// Every way from one view to another.
fn ways(views: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..views).flat_map(move |from| (0..views).filter(move |to| *to != from).map(move |to| (from, to)))
}

/// `w_inv NTXent(z_inv) + w_equi InfoNCE(z_equi, p(z_equi))`; `predicted` are those of [`ways`], in their order.
fn terms(
    invariant: &[Tensor],
    equivariant: &[Tensor],
    predicted: &[Tensor],
    contrasts: Contrasts,
) -> Result<Vec<WeightedTerm>> {
    let targets: Vec<usize> = ways(equivariant.len()).map(|(_, to)| to).collect();
    let pose = view_nce(predicted, &targets, equivariant, contrasts.negatives, contrasts.pose_temperature)?;
    Ok(vec![
        ("invariance", contrasts.invariance, nt_xent(invariant, contrasts.temperature)?),
        ("equivariance", contrasts.equivariance, pose),
    ])
}

impl EquivariantMethod for Sextant {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let encode = |view: &super::View| encoder.forward(&view.images, Mode::Train);
        let features: Vec<Tensor> = views.views[..self.views].iter().map(encode).collect::<Result<_>>()?;
        let of_each =
            |embed: &dyn Fn(&Tensor) -> Result<Tensor>| features.iter().map(embed).collect::<Result<Vec<Tensor>>>();
        let invariant = of_each(&|features| self.invariant.embed(features, Mode::Train))?;
        let equivariant = of_each(&|features| self.equivariant.embed(features, Mode::Train))?;
        let predict =
            |(from, to): (usize, usize)| self.equivariant.predict(&equivariant[from], &views.actions(from, to));
        let predicted: Vec<Tensor> = ways(self.views).map(predict).collect::<Result<_>>()?;
        let terms = terms(
            &views.all_of_whole_batch(&invariant)?,
            &views.all_of_whole_batch(&equivariant)?,
            &views.all_of_whole_batch(&predicted)?,
            self.contrasts,
        )?;
        let embeddings = vec![(INVARIANT, invariant[0].clone()), (EQUIVARIANT, equivariant[0].clone())];
        MethodOutput::of(terms, features, embeddings)
    }

    fn equivariant(&self) -> &EquivariantBranch {
        &self.equivariant
    }

    fn invariant(&self) -> Option<&InvariantBranch> {
        Some(&self.invariant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    const N: usize = 3;
    const WIDTH: usize = 3;

    /// InfoNCE with one query after another: the key of the target view of the same object against all others.
    fn pose_by_loops(predicted: &[Vec<f64>], keys: &[Vec<f64>], negatives: Negatives, temperature: f64) -> f64 {
        let mut total = 0.0;
        for ((_, to), queries) in ways(keys.len()).zip(predicted) {
            for (object, query) in queries.chunks(WIDTH).enumerate() {
                let (mut own, mut sum) = (0.0, 0.0);
                for (view, keys) in keys.iter().enumerate() {
                    for (other, key) in keys.chunks(WIDTH).enumerate() {
                        let term = (reference::cosine(query, key) / temperature).exp();
                        let is_target = view == to && other == object;
                        if is_target {
                            own = term;
                        }
                        if is_target || other != object || negatives == Negatives::AllViews {
                            sum += term;
                        }
                    }
                }
                total -= (own / sum).ln() / (predicted.len() * N) as f64;
            }
        }
        total
    }

    #[test]
    fn the_loss_agrees_with_loops() {
        for negatives in [Negatives::AllViews, Negatives::OtherObjects] {
            for views in [2, 3] {
                let contrasts = Contrasts {
                    invariance: 0.7,
                    equivariance: 1.3,
                    temperature: 0.4,
                    pose_temperature: 0.3,
                    negatives,
                };
                let tensors =
                    |x: &[Tensor]| weighted_sum(&terms(&x[..views], &x[views..2 * views], &x[2 * views..], contrasts)?);
                let loops = |x: &[Vec<f64>]| {
                    let pose = pose_by_loops(&x[2 * views..], &x[views..2 * views], negatives, 0.3);
                    0.7 * reference::nt_xent(&x[..views], WIDTH, 0.4) + 1.3 * pose
                };
                let inputs: Vec<_> = (0..views * (views + 1)).map(|number| matrix(N, WIDTH, number)).collect();
                check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
            }
        }
    }
}
