//! Whether objects are to be seen in their pictures: said before hours of rendering and training, not after.

use rayon::prelude::*;

use super::RenderedViews;
use super::view_order::stream_rng;
use crate::scene::{Footprint, Renderer, SceneParameters, SceneSettings, Scratch};

/// Views of each object that are looked at.
const VIEWS: usize = 8;
/// Larger pictures are looked at in this size.
const LARGEST_SIDE: usize = 128;
/// Sides of the picture by which an object may reach beyond its edge: less happens at the default diagonal.
const LARGEST_REACH: f32 = 0.06;
/// Objects of a built-in source that are looked at, spread over all of them.
const SAMPLE: usize = 60;
/// Objects of one warning that are named; more are counted.
const MOST_NAMED: usize = 5;

/// What is wrong with the pictures of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// No pixel of it is drawn in most views.
    Unseen,
    /// It leaves the picture in many views.
    Cut,
}

impl Fault {
    const ALL: [Self; 2] = [Self::Unseen, Self::Cut];

    fn of(footprints: &[Footprint]) -> Option<Self> {
        let count = |is: fn(&Footprint) -> bool| footprints.iter().filter(|footprint| is(footprint)).count();
        if 2 * count(|footprint| footprint.covered <= 0.0) > footprints.len() {
            return Some(Self::Unseen);
        }
        (4 * count(|footprint| footprint.beyond > LARGEST_REACH) > footprints.len()).then_some(Self::Cut)
    }

    fn warning(self, objects: &str) -> String {
        match self {
            Self::Unseen => format!(
                "no pixel is drawn in most views of {objects}; look at the size of the mesh, and for stray parts far from it"
            ),
            Self::Cut => format!("many views cut off a part of {objects}; make the diagonal of the objects smaller"),
        }
    }
}

impl RenderedViews {
    /// One warning for each way in which objects are not wholly seen, which names them.
    ///
    /// Objects that cannot be loaded are left out: whoever needs them says why. Of a built-in source a sample is looked at.
    pub fn visibility_warnings(&self) -> Vec<String> {
        let settings = self.renderer().settings();
        let image_size = settings.image_size.min(LARGEST_SIDE);
        let Ok(renderer) = Renderer::new(SceneSettings { image_size, ..settings.clone() }) else { return Vec::new() };
        let count = self.object_source().len();
        let stride = if self.object_source().is_built_in() { count.div_ceil(SAMPLE).max(1) } else { 1 };
        let fault = |scratch: &mut Scratch, object| Some((object, self.fault(&renderer, scratch, object)?));
        let faults: Vec<Option<(usize, Fault)>> = (0..count.div_ceil(stride))
            .into_par_iter()
            .map_init(Scratch::default, |scratch, place| fault(scratch, place * stride))
            .collect();
        let warning = |fault: Fault| {
            let is_it = |found: &(usize, Fault)| (found.1 == fault).then_some(found.0);
            let objects: Vec<usize> = faults.iter().flatten().filter_map(is_it).collect();
            (!objects.is_empty()).then(|| fault.warning(&self.names(&objects)))
        };
        Fault::ALL.into_iter().filter_map(warning).collect()
    }

    fn fault(&self, renderer: &Renderer, scratch: &mut Scratch, object: usize) -> Option<Fault> {
        let mesh = self.object_source().object(object).ok()?.mesh;
        let footprint = |view| {
            let parameters = SceneParameters::sample(&mut stream_rng(0, view as u64), self.rotation());
            renderer.footprint(&mesh, &parameters, scratch)
        };
        Fault::of(&(0..VIEWS).map(footprint).collect::<Vec<_>>())
    }

    fn names(&self, objects: &[usize]) -> String {
        let named: Vec<String> =
            objects.iter().take(MOST_NAMED).map(|object| self.object_source().id(*object)).collect();
        let more = objects.len() - named.len();
        let named = named.join(", ");
        if more > 0 { format!("{named} and {more} more objects") } else { named }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use sextant_runtime::rotation::SymmetryGroup;

    use super::*;
    use crate::scene::{Material, Mesh, Object, ObjectSource, RotationSampling, SourceError, Triangle};

    /// Flat squares, one for each side.
    struct Squares(Vec<f32>);

    impl ObjectSource for Squares {
        fn class_names(&self) -> &[String] {
            static NAMES: LazyLock<[String; 1]> = LazyLock::new(|| ["square".into()]);
            &*NAMES
        }

        fn len(&self) -> usize {
            self.0.len()
        }

        fn id(&self, index: usize) -> String {
            format!("square/{}", self.0[index])
        }

        fn label(&self, _index: usize) -> usize {
            0
        }

        fn is_held_out(&self, _index: usize) -> bool {
            false
        }

        fn object(&self, index: usize) -> Result<Object, SourceError> {
            let half = self.0[index] / 2.0;
            if half < 0.0 {
                return Err(SourceError::Interrupted);
            }
            let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
            let mesh = Mesh {
                positions: corners.map(|[x, y]| [x * half, y * half, 0.0]).to_vec(),
                normals: vec![[0.0, 0.0, 1.0]; 4],
                uvs: vec![[0.0; 2]; 4],
                triangles: [[0, 1, 2], [0, 2, 3]].map(|vertices| Triangle { vertices, material: 0 }).to_vec(),
                materials: vec![Material::default()],
            };
            Ok(Object { mesh: Arc::new(mesh), symmetry: SymmetryGroup::None })
        }
    }

    fn warnings(sides: &[f32]) -> Vec<String> {
        let settings = SceneSettings { image_size: 32, ..SceneSettings::default() };
        let renderer = Renderer::new(settings).expect("right settings");
        let views = RenderedViews::new(Arc::new(Squares(sides.to_vec())), renderer, RotationSampling::default());
        let warnings = views.visibility_warnings();
        let said = crate::data::ViewSource::warnings(&views);
        assert!(warnings.iter().all(|warning| said.contains(warning)), "training says so, too: {said:?}");
        warnings
    }

    #[test]
    fn objects_that_are_not_seen_are_named() {
        // A square of the default diagonal, 1.8, and one that cannot be loaded.
        assert_eq!(warnings(&[1.0, 1.27, -1.0]), [""; 0]);
        let found = warnings(&[1.0, 1e-4, 6.0]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("no pixel is drawn in most views of square/0.0001;"), "{found:?}");
        assert!(found[1].starts_with("many views cut off a part of square/6;"), "{found:?}");
    }

    #[test]
    fn many_objects_are_counted() {
        let found = warnings(&[6.0; 9]);
        assert!(found.len() == 1 && found[0].contains("square/6 and 4 more objects;"), "{found:?}");
    }
}
