//! Bricks with six colours: objects that Sextant renders.

use std::sync::Arc;

use sextant_runtime::rotation::SymmetryGroup;
use sextant_trainer::data::{BuildSource, DataConfig, DataError, PathUse, SharedKey, SourceEntry};
use sextant_trainer::options::ConfigOption;
use sextant_trainer::scene::{Material, Mesh, Object, ObjectSource, SourceError, Triangle};

pub const ENTRY: SourceEntry = SourceEntry {
    name: "bricks",
    description: "rods and slabs with a colour on each side",
    path: PathUse::Unused,
    shared_keys: &[SharedKey::new("seed")],
    options: &[BRICKS],
    build: BuildSource::Objects(|config| Ok(Arc::new(Bricks::new(config)?))),
};

const BRICKS: ConfigOption = ConfigOption::count("bricks", 16, 4, 1000, "bricks of each class; a quarter is held out");

struct Bricks {
    of_class: usize,
    config: DataConfig,
    class_names: [String; 2],
}

impl Bricks {
    fn new(config: &DataConfig) -> Result<Self, DataError> {
        let of_class = config.options.count(BRICKS.key)?;
        Ok(Self { of_class, config: config.clone(), class_names: ["rod", "slab"].map(String::from) })
    }
}

impl ObjectSource for Bricks {
    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn len(&self) -> usize {
        2 * self.of_class
    }

    fn id(&self, index: usize) -> String {
        format!("{}/{index}", self.class_names[self.label(index)])
    }

    fn label(&self, index: usize) -> usize {
        index / self.of_class
    }

    fn is_held_out(&self, index: usize) -> bool {
        index % 4 == 3
    }

    fn object(&self, index: usize) -> Result<Object, SourceError> {
        // Far from each other in [0, 1), whatever the seed.
        let share = ((self.config.seed as f32 + index as f32) * 0.618).fract();
        let lengths = if self.label(index) == 0 { [0.5, 0.4, 2.0 + share] } else { [2.0, 1.0 + share, 0.3] };
        let mesh = Arc::new(brick(lengths).centred_and_scaled(self.config.object_diagonal));
        Ok(Object { mesh, symmetry: SymmetryGroup::None })
    }
}

fn brick(lengths: [f32; 3]) -> Mesh {
    let mut mesh = Mesh::default();
    for (side, (axis, sign)) in (0..3).flat_map(|axis| [(axis, 1.0), (axis, -1.0)]).enumerate() {
        let corner = |[u, v]: [f32; 2]| std::array::from_fn(|i| 0.5 * lengths[i] * [sign, u, v][(i + 3 - axis) % 3]);
        let first = mesh.positions.len() as u32;
        mesh.positions.extend([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(corner));
        mesh.normals.extend([std::array::from_fn(|i| if i == axis { sign } else { 0.0 }); 4]);
        mesh.uvs.extend([[0.0; 2]; 4]);
        let triangle = |corners: [u32; 3]| Triangle { vertices: corners.map(|c| first + c), material: side as u32 };
        mesh.triangles.extend([[0, 1, 2], [0, 2, 3]].map(triangle));
        let color = [0.2, 0.5, 0.9].map(|base| (base + 0.3 * side as f32).fract());
        mesh.materials.push(Material { color, specular: 0.1, shininess: 10.0, texture: None });
    }
    mesh
}
