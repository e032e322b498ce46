//! What the split of a data set leaves unmeasured.

use super::ViewSource;

/// Class names that a warning lists.
const MOST_NAMES: usize = 10;

/// A line for each kind of class that is not trained on or not measured.
pub(super) fn split_warnings(source: &dyn ViewSource) -> Vec<String> {
    let what = if source.view_count(0).is_none() { "new views" } else { "the very pictures" };
    unmeasured(source, &format!("figures are of {what} of the objects trained on"))
}

/// What a run on a set of `views` views of each object of `source` will warn of.
pub(crate) fn set_warnings(source: &dyn ViewSource, views: usize) -> Vec<String> {
    let mut warnings = unmeasured(
        source,
        "`trainer fit` will measure on the very pictures that it trains on; a class needs two objects for one to be held out",
    );
    if views < 2 {
        warnings.push(single_views(source.subject_count(), source.subject_count()));
    }
    warnings
}

fn single_views(single: usize, of: usize) -> String {
    format!(
        "{single} of {of} objects have a single view: a pair of views is then one picture twice, which teaches nothing of \
         rotations between views"
    )
}

/// `without` is what follows when no object is held out.
fn unmeasured(source: &dyn ViewSource, without: &str) -> Vec<String> {
    // Without classes all are of one, which has no name.
    let mut counts = vec![[0_usize; 2]; source.class_names().len().max(1)];
    for object in 0..source.subject_count() {
        counts[source.label(object)][usize::from(source.is_held_out(object))] += 1;
    }
    let named = |is_meant: fn(&[usize; 2]) -> bool| -> Vec<&str> {
        let meant = source.class_names().iter().zip(&counts).filter(|(_, counts)| is_meant(counts));
        meant.map(|(name, _)| name.as_str()).collect()
    };
    let mut warnings = Vec::new();
    if counts.iter().all(|[_, held_out]| *held_out == 0) {
        warnings.push(format!("no object is held out: {without}"));
    } else {
        let unmeasured = named(|[train, held_out]| *train > 0 && *held_out == 0);
        if !unmeasured.is_empty() {
            warnings.push(format!("nothing is held out of {}: figures leave them out", listed(&unmeasured)));
        }
    }
    let untrained = named(|[train, held_out]| *train == 0 && *held_out > 0);
    if !untrained.is_empty() {
        warnings.push(format!("all is held out of {}: the network never sees them", listed(&untrained)));
    }
    let empty = named(|[train, held_out]| *train == 0 && *held_out == 0);
    if !empty.is_empty() {
        warnings.push(format!("no object is of {}", listed(&empty)));
    }
    warnings
}

/// What follows from views that are too few; nothing where every view is new.
pub(super) fn view_warnings(source: &dyn ViewSource) -> Vec<String> {
    let counts: Vec<usize> = (0..source.subject_count()).filter_map(|object| source.view_count(object)).collect();
    let (Some(least), Some(most)) = (counts.iter().min(), counts.iter().max()) else { return Vec::new() };
    let mut warnings = Vec::new();
    if least != most {
        let fewest: Vec<String> = (0..counts.len())
            .filter(|object| counts[*object] == *least)
            .map(|object| source.subject_id(object))
            .collect();
        let fewest: Vec<&str> = fewest.iter().map(String::as_str).collect();
        warnings.push(format!("objects have {least} to {most} views; {least} have {}", listed(&fewest)));
    }
    if *least < 2 {
        let single = counts.iter().filter(|count| **count < 2).count();
        warnings.push(single_views(single, counts.len()));
    }
    warnings
}

/// `a, b and c`, or the first names and how many follow.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] if names.len() <= MOST_NAMES => format!("{} and {last}", most.join(", ")),
        _ => format!("{} and {} more", names[..MOST_NAMES].join(", "), names.len() - MOST_NAMES),
    }
}

#[cfg(test)]
mod tests {
    use sextant_runtime::rotation::SymmetryGroup;

    use super::*;
    use crate::data::{DataError, Place, ViewBatch};
    use crate::scene::CameraPose;
    use crate::transformation::Transformation;

    /// Objects by class, whether they are held out, and their views.
    struct Listed {
        classes: Vec<String>,
        objects: Vec<(usize, bool, Option<usize>)>,
    }

    impl ViewSource for Listed {
        fn image_size(&self) -> usize {
            1
        }
        fn class_names(&self) -> &[String] {
            &self.classes
        }
        fn subject_count(&self) -> usize {
            self.objects.len()
        }
        fn subject_id(&self, object: usize) -> String {
            format!("object-{object}")
        }
        fn label(&self, object: usize) -> usize {
            self.objects[object].0
        }
        fn symmetry(&self, _: usize) -> SymmetryGroup {
            SymmetryGroup::None
        }
        fn is_held_out(&self, object: usize) -> bool {
            self.objects[object].1
        }
        fn view_count(&self, object: usize) -> Option<usize> {
            self.objects[object].2
        }
        fn camera(&self) -> Option<CameraPose> {
            None
        }
        fn offers(&self) -> Vec<&'static dyn Transformation> {
            Vec::new()
        }
        fn views(&self, _: &[Place], _: usize, _: u64) -> Result<ViewBatch, DataError> {
            Err(DataError::Unusable("has no images".into()))
        }
    }

    #[test]
    fn what_a_split_leaves_out_is_named() {
        struct Case {
            objects: &'static [(usize, bool, Option<usize>)],
            warnings: &'static [&'static str],
        }
        let cases = [
            Case { objects: &[(0, false, None), (0, true, None), (1, false, None), (1, true, None)], warnings: &[] },
            Case {
                objects: &[(0, false, None), (1, false, None)],
                warnings: &["no object is held out: figures are of new views of the objects trained on"],
            },
            Case {
                objects: &[(0, false, Some(2)), (1, false, Some(2))],
                warnings: &["no object is held out: figures are of the very pictures of the objects trained on"],
            },
            Case {
                objects: &[(0, false, None), (0, true, None), (1, false, None)],
                warnings: &["nothing is held out of bolt: figures leave them out"],
            },
            Case {
                objects: &[(0, false, None), (1, true, None)],
                warnings: &[
                    "nothing is held out of axe: figures leave them out",
                    "all is held out of bolt: the network never sees them",
                ],
            },
            Case { objects: &[(0, false, None), (0, true, None)], warnings: &["no object is of bolt"] },
            Case {
                objects: &[(0, false, Some(4)), (0, true, Some(3)), (1, true, Some(4)), (1, false, Some(3))],
                warnings: &["objects have 3 to 4 views; 3 have object-1 and object-3"],
            },
            Case {
                objects: &[(0, false, Some(1)), (0, true, Some(1)), (1, true, Some(1)), (1, false, Some(1))],
                warnings: &[
                    "4 of 4 objects have a single view: a pair of views is then one picture twice, which teaches nothing \
                     of rotations between views",
                ],
            },
        ];
        for Case { objects, warnings } in cases {
            let source = Listed { classes: vec!["axe".into(), "bolt".into()], objects: objects.to_vec() };
            let found = [split_warnings(&source), view_warnings(&source)].concat();
            assert_eq!(found, warnings, "{objects:?}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..12).map(|at| at.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(listed(&names[..3]), "0, 1 and 2");
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    }
}
