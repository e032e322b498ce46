//! What becomes of materials that are see-through: the renderer draws opaque triangles only.

use super::surface::Surface;

/// Materials of less opacity hide little of what is behind them.
pub(super) const LEAST_OPACITY: f32 = 0.35;
/// An object of which more is see-through is made of glass, and keeps it.
const LARGEST_CLEAR_SHARE: f64 = 0.6;
/// A triangle of less opacity is worth a warning.
const OPAQUE: f32 = 0.996;

/// The rule for materials of an opacity below 0.35.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeeThrough {
    /// They are part of the shape and drawn, unless they enclose everything else, as the panes of a showcase do.
    Drawn,
    /// They are panes, and left out.
    LeftOut,
}

/// Which materials are left out. Never those of an object that is made of glass: see-through for more than 60 % of its
/// triangles.
///
/// One warning for each see-through material says what becomes of it.
pub(super) fn materials_left_out(surface: &mut Surface, rule: SeeThrough) -> Vec<bool> {
    let mut triangles = vec![0; surface.materials.len()];
    let mut all = 0;
    for face in 0..surface.face_count() {
        let count = surface.corners_of(face).len() - 2;
        all += count;
        if let Some(of_material) = triangles.get_mut(surface.material_of(face) as usize) {
            *of_material += count;
        }
    }
    let is_clear: Vec<bool> = surface.materials.iter().map(|material| material.opacity < LEAST_OPACITY).collect();
    let clear: usize = triangles.iter().zip(&is_clear).filter(|(_, is_clear)| **is_clear).map(|(count, _)| count).sum();
    let is_of_glass = clear as f64 > LARGEST_CLEAR_SHARE * all as f64;
    let hides_nothing =
        is_of_glass || clear == 0 || rule == SeeThrough::Drawn && !encloses_the_rest(surface, &is_clear);
    let left_out = if hides_nothing { vec![false; is_clear.len()] } else { is_clear };
    warn_of_materials(surface, &triangles, &left_out, rule);
    warn_of_colors(surface);
    left_out
}

/// Whether the box around the clear materials holds all that is not clear.
fn encloses_the_rest(surface: &Surface, is_clear: &[bool]) -> bool {
    let is_clear = |face: &usize| is_clear.get(surface.material_of(*face) as usize).is_some_and(|clear| *clear);
    let faces = 0..surface.face_count();
    let (clear, rest) =
        (surface.bounds(faces.clone().filter(is_clear)), surface.bounds(faces.filter(|f| !is_clear(f))));
    clear.zip(rest).is_some_and(|(clear, rest)| clear.encloses(&rest))
}

fn warn_of_materials(surface: &mut Surface, triangles: &[usize], left_out: &[bool], rule: SeeThrough) {
    for ((material, count), left_out) in surface.materials.iter().zip(triangles).zip(left_out) {
        if material.opacity >= OPAQUE || *count == 0 {
            continue;
        }
        let fate = match (left_out, rule) {
            (false, _) => "drawn opaque",
            (true, SeeThrough::LeftOut) => "left out",
            (true, SeeThrough::Drawn) => {
                "left out, since they enclose everything else; make it opaque to have them drawn"
            }
        };
        let (name, opacity) = (&material.name, material.opacity);
        surface
            .warnings
            .add(format!("{count} triangles of material {name} are see-through (opacity {opacity:.2}) and {fate}"));
    }
}

fn warn_of_colors(surface: &mut Surface) {
    let is_clear = |face: &usize| {
        let colors = surface.corners_of(*face).iter().filter_map(|corner| surface.colors.get(corner.color as usize));
        colors.into_iter().any(|color| color[3] < OPAQUE)
    };
    let clear = if surface.colors.is_empty() { 0 } else { (0..surface.face_count()).filter(is_clear).count() };
    if clear > 0 {
        surface.warnings.add(format!("{clear} faces have colours that are see-through, and are drawn opaque"));
    }
}
