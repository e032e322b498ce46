//! Morph targets: displacements of a mesh, mixed by weights.

use std::rc::Rc;

use super::accessor::{Data, Integers, Items};
use super::document::Primitive;

/// The displacements of one attribute that have a weight.
pub struct Displacements {
    targets: Vec<(f64, Rc<Items>)>,
}

impl Displacements {
    /// Those of an attribute (`POSITION`, `NORMAL`, ...) by the weights of the file.
    ///
    /// # Errors
    /// When an accessor is broken.
    pub fn of(primitive: &Primitive, attribute: &str, weights: &[f64], data: &Data) -> Result<Self, String> {
        let mut targets = Vec::new();
        for (target, weight) in primitive.targets.iter().zip(weights).filter(|(_, weight)| **weight != 0.0) {
            if let Some(accessor) = target.get(attribute) {
                targets.push((*weight, data.items(*accessor, Integers::AsDeclared)?));
            }
        }
        Ok(Self { targets })
    }

    /// What is to be added to a vertex.
    pub fn at(&self, vertex: usize) -> [f64; 3] {
        let moves = self.targets.iter().filter_map(|(weight, items)| Some(items.get::<3>(vertex)?.map(|v| v * weight)));
        moves.fold([0.0; 3], |sum, step| std::array::from_fn(|i| sum[i] + step[i]))
    }
}
