//! Signs that ranges of eight bits were chosen from images that say little, or could not be what was chosen.

use std::collections::HashSet;

use sextant_runtime::calibration::{Images, Observer};
use sextant_runtime::graph::{Graph, Op, Quantization};

/// Images of one colour that are no accident.
const MANY: f64 = 0.1;
/// What is named of a long list.
const NAMED: usize = 3;

/// What is wrong with calibration images, in words.
pub(crate) fn of_images(images: Images<'_>) -> Vec<String> {
    let mut told = vec![];
    let plain = images.iter().filter(|image| is_plain(image)).count();
    let different = images.iter().collect::<HashSet<_>>().len();
    if different == 1 {
        let what = if images.count == 1 { "there is one calibration image".into() } else { all_equal(images.count) };
        told.push(format!("{what}: ranges for eight bits fit that image alone"));
    }
    if plain as f64 > MANY * images.count as f64 {
        let count = images.count;
        told.push(format!("{plain} of the {count} calibration images are of one colour: they show no object"));
    }
    told
}

fn all_equal(count: usize) -> String {
    format!("all {count} calibration images are the same")
}

fn is_plain(image: &[u8]) -> bool {
    let pixels = image.as_chunks::<3>().0;
    pixels.iter().all(|pixel| Some(pixel) == pixels.first())
}

/// Values of the float32 graph whose scale in the int8 graph is not the one that was chosen for them, in words.
pub(crate) fn of_scales(float: &Graph, int8: &Graph, observer: &Observer) -> Vec<String> {
    let (mut still, mut widened) = (vec![], vec![]);
    for node in &float.nodes {
        let name = &float.value(node.output).name;
        let Some(found) = int8.values.iter().find(|value| value.name == *name).and_then(|value| value.quantization)
        else {
            continue;
        };
        let chosen = observer.quantization(node.output);
        if is_still(chosen) {
            still.push(name.as_str());
        } else if has_own_scale(&node.op) && found.scale > 1.001 * chosen.scale {
            widened.push(name.as_str());
        }
    }
    let told = [
        (still, "always zero on the calibration images, so that eight bits cannot tell what else they may be"),
        (widened, "given a coarser scale than was chosen, since sums of these weights need it"),
    ];
    told.iter().filter(|(names, _)| !names.is_empty()).map(|(names, what)| format!("{} {what}", list(names))).collect()
}

/// The smallest scale there is: a value without any range.
fn is_still(chosen: Quantization) -> bool {
    chosen.scale <= 1e-8
}

fn has_own_scale(op: &Op) -> bool {
    matches!(op, Op::Conv2d { .. } | Op::Linear { .. } | Op::Add { .. })
}

fn list(names: &[&str]) -> String {
    let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let verb = if names.len() == 1 { "value is" } else { "values are" };
    let more = if names.len() > NAMED { ", ..." } else { "" };
    format!("{} {verb} ({named}{more})", names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_say_little_are_told() {
        let white = [255u8; 12];
        let objects: Vec<u8> = (0..36).collect();
        let cases: [(&str, Vec<u8>, usize, &[&str]); 5] = [
            ("three objects", objects.clone(), 3, &[]),
            ("one object", objects[..12].to_vec(), 1, &["there is one calibration image"]),
            ("one object thrice", objects[..12].repeat(3), 3, &["all 3 calibration images are the same"]),
            (
                "white",
                white.repeat(3),
                3,
                &["all 3 calibration images are the same", "3 of the 3 calibration images are of one colour"],
            ),
            ("some white", [&objects[..24], &white].concat(), 3, &["1 of the 3 calibration images are of one colour"]),
        ];
        for (name, pixels, count, expected) in cases {
            let told = of_images(Images { pixels: &pixels, count });
            assert_eq!(told.len(), expected.len(), "{name}: {told:?}");
            assert!(told.iter().zip(expected).all(|(told, start)| told.starts_with(start)), "{name}: {told:?}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(&["a"]), "1 value is (a)");
        assert_eq!(list(&["a", "b", "c", "d"]), "4 values are (a, b, c, ...)");
    }
}
