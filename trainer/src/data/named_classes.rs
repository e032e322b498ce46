//! Classes that a run knows by name, whatever their order in the data.

use std::collections::HashMap;
use std::sync::Arc;

use sextant_runtime::rotation::SymmetryGroup;

use super::split::listed;
use super::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::Transformation;

/// A source whose labels are those of a run.
struct NamedClasses {
    inner: Arc<dyn ViewSource>,
    class_names: Vec<String>,
    /// The run's label of each label of the data.
    labels: Vec<usize>,
    /// What was mapped.
    remark: String,
}

/// `source` with its labels in the order of `class_names`, by name; as it is when there are none, when they are the same, or
/// when nothing is known of its classes.
///
/// # Errors
/// When the data have classes that are not among the names; both differences are named.
pub(super) fn in_order_of(
    source: Arc<dyn ViewSource>,
    class_names: &[String],
) -> Result<Arc<dyn ViewSource>, DataError> {
    let has_other_order = !source.class_names().is_empty() && class_names != source.class_names();
    if class_names.is_empty() || !has_other_order {
        return Ok(source);
    }
    let labels = labels_by_name(class_names, source.class_names())?;
    let remark = remark(class_names, source.class_names());
    Ok(Arc::new(NamedClasses { inner: source, class_names: class_names.to_vec(), labels, remark }))
}

/// Where each class of the data stands in `run`.
///
/// # Errors
/// When one does not.
pub(crate) fn labels_by_name(run: &[String], data: &[String]) -> Result<Vec<usize>, DataError> {
    let known: HashMap<&str, usize> = run.iter().enumerate().map(|(label, name)| (name.as_str(), label)).collect();
    let labels: Option<Vec<usize>> = data.iter().map(|name| known.get(name.as_str()).copied()).collect();
    labels.ok_or_else(|| DataError::OtherClasses { run: missing(run, data), data: missing(data, run) })
}

fn missing(names: &[String], from: &[String]) -> Vec<String> {
    names.iter().filter(|name| !from.contains(name)).cloned().collect()
}

fn remark(run: &[String], data: &[String]) -> String {
    let absent = missing(run, data);
    if absent.is_empty() {
        return "the data have the run's classes in another order: labels are mapped by name".into();
    }
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    format!(
        "the data have {} of the run's {} classes, without {}: labels are mapped by name",
        data.len(),
        run.len(),
        listed(&absent)
    )
}

impl ViewSource for NamedClasses {
    fn image_size(&self) -> usize {
        self.inner.image_size()
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn subject_count(&self) -> usize {
        self.inner.subject_count()
    }

    fn subject_id(&self, object: usize) -> String {
        self.inner.subject_id(object)
    }

    fn label(&self, object: usize) -> usize {
        self.labels[self.inner.label(object)]
    }

    fn symmetry(&self, object: usize) -> SymmetryGroup {
        self.inner.symmetry(object)
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.inner.is_held_out(object)
    }

    fn is_validation(&self, object: usize) -> bool {
        self.inner.is_validation(object)
    }

    fn camera(&self) -> Option<CameraPose> {
        self.inner.camera()
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        self.inner.offers()
    }

    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
        let mut batch = self.inner.views(places, count, stream_seed)?;
        batch.labels.iter_mut().for_each(|label| *label = self.labels[*label as usize] as u32);
        Ok(batch)
    }

    fn view_count(&self, object: usize) -> Option<usize> {
        self.inner.view_count(object)
    }

    fn warnings(&self) -> Vec<String> {
        std::iter::once(self.remark.clone()).chain(self.inner.warnings()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::RenderedViews;
    use crate::scene::{Procedural, ProceduralSettings, Renderer, RotationSampling, SceneSettings};

    fn families(names: &[&str]) -> Arc<dyn ViewSource> {
        let objects = ProceduralSettings {
            objects_per_family: 1,
            held_out_per_family: 1,
            families: Some(names.iter().map(ToString::to_string).collect()),
            ..ProceduralSettings::default()
        };
        let scene = SceneSettings { image_size: 16, supersampling: 1, ..SceneSettings::default() };
        let objects = Arc::new(Procedural::new(objects).unwrap());
        Arc::new(RenderedViews::new(objects, Renderer::new(scene).unwrap(), RotationSampling::default()))
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn labels_follow_names_and_not_their_order() {
        struct Case {
            run: &'static [&'static str],
            data: &'static [&'static str],
            /// Of the objects of the data, two of each class.
            labels: &'static [usize],
            remark: &'static str,
        }
        let cases = [
            Case { run: &["mug", "car"], data: &["mug", "car"], labels: &[0, 0, 1, 1], remark: "" },
            Case { run: &["car", "mug"], data: &["mug", "car"], labels: &[1, 1, 0, 0], remark: "in another order" },
            Case { run: &["axe", "car", "mug"], data: &["mug"], labels: &[2, 2], remark: "without axe and car" },
            Case { run: &[], data: &["mug", "car"], labels: &[0, 0, 1, 1], remark: "" },
        ];
        for Case { run, data, labels, remark } in cases {
            let source = in_order_of(families(data), &named(run)).unwrap();
            let found: Vec<usize> = (0..source.subject_count()).map(|object| source.label(object)).collect();
            assert_eq!(found, labels, "{run:?} {data:?}");
            let objects: Vec<usize> = (0..found.len()).collect();
            let batch = source.views(&Place::all(&objects), 2, 3).unwrap();
            assert_eq!(batch.labels, labels.iter().map(|label| *label as u32).collect::<Vec<_>>(), "{run:?} {data:?}");
            assert!(source.warnings().join("\n").contains(remark), "{:?}", source.warnings());
        }
    }

    #[test]
    fn other_names_are_refused_with_both_differences() {
        for (run, data, only_run, only_data) in [
            (&["mug", "car"][..], &["mug", "duck"][..], &["car"][..], &["duck"][..]),
            (&["mug"][..], &["mug", "car"][..], &[][..], &["car"][..]),
            (&["a", "b"][..], &["mug", "car"][..], &["a", "b"][..], &["mug", "car"][..]),
        ] {
            let error = in_order_of(families(data), &named(run)).err().expect("other classes");
            let DataError::OtherClasses { run, data } = &error else { panic!("{error}") };
            assert_eq!((run, data), (&named(only_run), &named(only_data)));
            assert!(only_data.iter().all(|name| error.to_string().contains(name)), "{error}");
        }
    }
}
