//! CARE: changes of pictures act on embeddings as rotations do (Gupta et al., 2023).

use candle_core::{Result, Tensor};

use super::simclr::TEMPERATURE;
use super::{
    Embeddings, Method, MethodConfig, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm,
    nt_xent, unit_rows,
};
use crate::data::Drawing;
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope};
use crate::options::ConfigOption;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "care",
    paper: "CARE, Gupta et al. 2023: Structuring Representation Geometry with Rotationally Equivariant Contrastive Learning",
    loss: "NT-Xent + squared change of the cosine of two subjects from one augmentation that they share to another",
    reads_map_alone: false,
    needs: |config, _| needs(config),
    labels: &[],
    options: &[TEMPERATURE, ConfigOption::weight("equivariance_weight", 10.0, "squared change of the cosines"), BLOCK],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Care::new(setting, scope)?)),
};

const BLOCK: ConfigOption = ConfigOption::count(
    "block",
    8,
    2,
    1024,
    "subjects that follow each other in a batch and share what is drawn of each view; every two of them are compared",
);

/// Two views, of which blocks of subjects share the augmentation.
fn needs(config: &MethodConfig) -> Result<Needs> {
    Ok(Needs { drawing: Drawing::in_blocks(config.count(BLOCK.key)?), ..Needs::TWO_VIEWS })
}

/// One projector on the whole features.
pub struct Care {
    temperature: f64,
    equivariance_weight: f64,
    block: usize,
    projector: Projector,
}

impl Care {
    /// With the config's projector sizes.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let place = &mut scope.child("projector");
        Ok(Self {
            temperature: method.number(TEMPERATURE.key)?,
            equivariance_weight: method.number("equivariance_weight")?,
            block: method.count(BLOCK.key)?,
            projector: Projector::new(feature_width, model.projector_hidden, model.embedding, place)?,
        })
    }
}

/// `L_equi = E[(f(a x)^T f(a x'') - f(a' x)^T f(a' x''))^2]` over every two different subjects of a block, with embeddings of
/// unit length: 0 where an orthogonal map leads from the embeddings under one augmentation to those under the other.
///
/// Rows after the last whole block have no part in it; a batch smaller than a block is one.
///
/// # Shapes
/// Both views are `[n, d]`: the same row of both is of one subject.
///
/// # Errors
/// When shapes differ, or there are fewer than two rows.
fn change_of_cosines(views: [&Tensor; 2], block: usize) -> Result<Tensor> {
    let (rows, width) = views[0].dims2()?;
    let block = block.min(rows);
    if block < 2 {
        candle_core::bail!("the cosine of two subjects needs two of them")
    }
    let blocks = rows / block;
    let cosines = |view: &Tensor| -> Result<Tensor> {
        let unit = unit_rows(&view.narrow(0, 0, blocks * block)?)?.reshape((blocks, block, width))?;
        unit.matmul(&unit.transpose(1, 2)?.contiguous()?)
    };
    // Those of a subject with itself are 1 in both.
    let changes = (cosines(views[0])? - cosines(views[1])?)?.sqr()?.sum_all()?;
    changes / (blocks * block * (block - 1)) as f64
}

/// `NT-Xent(a, b) + w L_equi(a, b)`.
fn terms(views: [&Tensor; 2], temperature: f64, weight: f64, block: usize) -> Result<Vec<WeightedTerm>> {
    Ok(vec![
        ("contrast", 1.0, nt_xent(&views, temperature)?),
        ("equivariance", weight, change_of_cosines(views, block)?),
    ])
}

impl Method for Care {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let [all_a, all_b] = &views.of_whole_batch([&a, &b])?;
        let terms = terms([all_a, all_b], self.temperature, self.equivariance_weight, self.block)?;
        MethodOutput::of(terms, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::method::reference::{self, Case, Matrix, check, matrix};
    use crate::method::weighted_sum;

    /// Pair by pair within each block of rows.
    fn by_loops(a: &[f64], b: &[f64], width: usize, block: usize) -> f64 {
        let row = |view: &[f64], at: usize| view[at * width..][..width].to_vec();
        let (mut sum, mut pairs) = (0.0, 0);
        for first in (0..a.len() / width / block).map(|index| index * block) {
            for i in first..first + block {
                for j in (first..first + block).filter(|j| *j != i) {
                    let cosine = |view: &[f64]| reference::cosine(&row(view, i), &row(view, j));
                    sum += (cosine(a) - cosine(b)).powi(2);
                    pairs += 1;
                }
            }
        }
        sum / f64::from(pairs)
    }

    #[test]
    fn the_loss_agrees_with_loops() {
        for (rows, block, blocks_of) in [(6, 3, 3), (7, 3, 3), (4, 8, 4)] {
            let tensors = |x: &[Tensor]| weighted_sum(&terms([&x[0], &x[1]], 0.2, 3.0, block)?);
            let loops =
                |x: &[Vec<f64>]| reference::nt_xent(&x[..2], 3, 0.2) + 3.0 * by_loops(&x[0], &x[1], 3, blocks_of);
            check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(rows, 3, 1), matrix(rows, 3, 2)] });
        }
    }

    /// The property that the loss is made for.
    #[test]
    fn one_rotation_for_all_subjects_costs_nothing() {
        let Matrix { values, .. } = matrix(4, 2, 5);
        let rows: Vec<f32> = values.iter().map(|x| *x as f32).collect();
        let turned: Vec<f32> =
            rows.chunks(2).flat_map(|row| [0.6 * row[0] - 0.8 * row[1], 0.8 * row[0] + 0.6 * row[1]]).collect();
        let tensor = |rows: Vec<f32>| Tensor::from_vec(rows, (4, 2), &Device::Cpu).unwrap();
        let cost = |a: &Tensor, b: &Tensor| change_of_cosines([a, b], 4).unwrap().to_scalar::<f32>().unwrap();
        let (before, after) = (tensor(rows), tensor(turned));
        assert!(cost(&before, &after) < 1e-10);
        // Each subject turned by itself: the cosines are others.
        let reversed = after.index_select(&Tensor::new(&[3u32, 2, 1, 0], &Device::Cpu).unwrap(), 0).unwrap();
        assert!(cost(&before, &reversed) > 0.1);
    }

    #[test]
    fn a_single_subject_has_nobody_to_be_compared_with() {
        let one = Tensor::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        assert!(change_of_cosines([&one, &one], 8).is_err());
    }
}
