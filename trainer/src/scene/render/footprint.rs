//! How much of a picture a mesh covers, without shading it.

use super::raster::VisibilityBuffer;
use super::view::draw_mesh;
use super::{Renderer, Scratch};
use crate::scene::vector::{dot, sub, times};
use crate::scene::{Mesh, SceneParameters};

/// What a view shows of a mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// Share of the picture's samples at which the mesh is seen, in [0, 1].
    pub covered: f32,
    /// How far the mesh reaches beyond the picture's edge, in sides of the picture: 0 when it lies within, infinite when
    /// a part of it is behind the camera.
    pub beyond: f32,
}

impl Renderer {
    /// What a view shows of a mesh.
    ///
    /// # Panics
    /// When an index in the mesh is out of bounds; [`Mesh::validate`] finds that beforehand.
    pub fn footprint(&self, mesh: &Mesh, parameters: &SceneParameters, scratch: &mut Scratch) -> Footprint {
        let world_from_object = parameters.world_from_object().to_matrix();
        let Scratch { vertices, visibility, .. } = scratch;
        visibility.clear(&self.floor.nearness);
        draw_mesh(visibility, &self.camera.perspective().of_object(&world_from_object), mesh, vertices);
        let samples = self.camera.samples;
        let seen =
            (0..samples).flat_map(|row| visibility.row(row)).filter(|shown| **shown != VisibilityBuffer::NOTHING);
        let covered = seen.count() as f32 / (samples * samples) as f32;
        let focal_in_sides = self.camera.focal / samples as f32;
        let beyond = |position: &[f32; 3]| {
            let from_eye = sub(times(&world_from_object, *position), self.camera.eye);
            let [x, y, depth] = self.camera.axes.map(|axis| dot(axis, from_eye));
            if depth > 0.0 { focal_in_sides * x.abs().max(y.abs()) / depth - 0.5 } else { f32::INFINITY }
        };
        Footprint { covered, beyond: mesh.positions.iter().map(beyond).fold(0.0, f32::max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Material, SceneSettings, Triangle};

    /// A square of a side in the plane that faces the camera.
    fn square(side: f32) -> Mesh {
        let (half, axis) = (side / 2.0, std::f32::consts::FRAC_1_SQRT_2);
        let corner = |right: f32, up: f32| [right * half, up * half * axis, up * half * axis];
        Mesh {
            positions: vec![corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)],
            normals: vec![[0.0, -axis, axis]; 4],
            uvs: vec![[0.0; 2]; 4],
            triangles: [[0, 1, 2], [0, 2, 3]].map(|vertices| Triangle { vertices, material: 0 }).to_vec(),
            materials: vec![Material::default()],
        }
    }

    const UPRIGHT: SceneParameters = SceneParameters {
        euler_xyz_rad: [0.0; 3],
        floor_hue: 0.0,
        light_theta_rad: 0.0,
        light_phi_rad: 0.0,
        light_hue: 0.0,
    };

    #[test]
    fn a_footprint_is_the_share_of_the_picture() {
        let renderer = Renderer::new(SceneSettings::default()).expect("defaults are right");
        // At distance 2.5 the picture is 2 * 2.5 * tan(19.8 degrees) = 1.8 wide.
        for (side, covered, beyond) in [(0.9, 0.25, 0.0), (0.0, 0.0, 0.0), (1.8, 1.0, 0.0), (3.6, 1.0, 0.5)] {
            let got = renderer.footprint(&square(side), &UPRIGHT, &mut Scratch::default());
            assert!((got.covered - covered).abs() < 0.02, "{side}: {got:?}");
            assert!((got.beyond - beyond).abs() < 0.01, "{side}: {got:?}");
        }
    }

    #[test]
    fn what_is_behind_the_camera_is_beyond_all_bounds() {
        let renderer = Renderer::new(SceneSettings::default()).expect("defaults are right");
        let mut mesh = square(0.5);
        mesh.positions[0] = [0.0, -10.0, 10.0];
        assert_eq!(renderer.footprint(&mesh, &UPRIGHT, &mut Scratch::default()).beyond, f32::INFINITY);
    }
}
