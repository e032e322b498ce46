//! Pictures of a mesh in 3DIEBench's scene.
//!
//! A depth pass finds the nearest triangle at each sample; then each visible sample is shaded once, in the object's own
//! frame, so that neither vertices nor normals are transformed for it. Light is added up linearly and encoded as sRGB.

mod camera_pose;
mod color;
mod footprint;
mod light;
mod raster;
mod settings;
mod surface;
mod texture;
mod view;

use std::borrow::Borrow;

use rayon::prelude::*;

pub use self::camera_pose::CameraPose;
pub(in crate::scene) use self::color::{linear_from_srgb, srgb_from_linear};
pub use self::footprint::Footprint;
pub use self::settings::{SceneError, SceneSettings};

use self::light::{FLOOR_Z, Lighting, ShadowMaps};
use self::raster::{DepthMap, RasterVertex, VisibilityBuffer};
use self::surface::{Shading, Surface};
use self::texture::{Codec, MipCache};
use self::view::{Camera, draw_mesh};
use crate::scene::vector::{Vector3, dot, sub};
use crate::scene::{Mesh, SceneParameters};

/// The square of the largest supersampling.
const MOST_SAMPLES_PER_PIXEL: usize = 16;

/// Renders images of meshes; shared by any number of threads.
pub struct Renderer {
    settings: SceneSettings,
    camera: Camera,
    floor: Floor,
    codec: Codec,
    mips: MipCache,
}

/// Buffers of one thread, kept from image to image.
#[derive(Debug, Default)]
pub struct Scratch {
    vertices: Vec<RasterVertex>,
    visibility: VisibilityBuffer,
    maps: ShadowMaps,
    surfaces: Vec<Surface>,
}

/// What of the floor is the same in all images.
struct Floor {
    /// At each sample, 1 / depth; 0 above the horizon.
    nearness: DepthMap,
    /// At each pixel's centre, x and y in the world; none above the horizon.
    points: Vec<Option<[f32; 2]>>,
}

impl Renderer {
    /// A renderer for images of one size and scene.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: SceneSettings) -> Result<Self, SceneError> {
        settings.validate()?;
        let camera = Camera::new(&settings.camera, settings.image_size * settings.supersampling);
        let floor = Floor::new(&camera, &settings);
        Ok(Self { settings, camera, floor, codec: Codec::new(), mips: MipCache::default() })
    }

    /// What it was made with.
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// Bytes of one image: height * width * 3.
    pub fn image_bytes(&self) -> usize {
        self.settings.image_size * self.settings.image_size * 3
    }

    /// Where a point of the world lies in the picture: `[x, y]` in pixels from the upper left corner; none when it is
    /// behind the camera.
    pub fn pixel_of(&self, world: [f32; 3]) -> Option<[f32; 2]> {
        let from_eye = sub(world, self.camera.eye);
        let [x, y, depth] = self.camera.axes.map(|axis| dot(axis, from_eye));
        let focal = self.camera.focal / self.settings.supersampling as f32;
        let centre = self.settings.image_size as f32 / 2.0;
        (depth > 0.0).then(|| [centre + focal * x / depth, centre + focal * y / depth])
    }

    /// An image, sRGB bytes `[height, width, 3]`.
    ///
    /// # Panics
    /// When an index in the mesh is out of bounds; [`Mesh::validate`] finds that beforehand.
    pub fn render(&self, mesh: &Mesh, parameters: &SceneParameters) -> Vec<u8> {
        let mut image = vec![0; self.image_bytes()];
        self.render_into(mesh, parameters, &mut Scratch::default(), &mut image);
        image
    }

    /// Fills `image`, sRGB bytes `[height, width, 3]`.
    ///
    /// # Panics
    /// When `image` is not [`Self::image_bytes`] long, or an index in the mesh is out of bounds.
    pub fn render_into(&self, mesh: &Mesh, parameters: &SceneParameters, scratch: &mut Scratch, image: &mut [u8]) {
        assert_eq!(image.len(), self.image_bytes(), "room for exactly one image");
        let reach = mesh.positions.iter().map(|p| dot(*p, *p)).fold(0.0, f32::max).sqrt();
        let world_from_object = parameters.world_from_object().to_matrix();
        let in_world = Lighting::new(&self.settings, parameters, reach);
        let in_object = in_world.of_object(&world_from_object);
        let Scratch { vertices, visibility, maps, surfaces } = scratch;

        let maps = self.settings.shadows.then(|| {
            maps.spot.clear(self.settings.shadow_map_size);
            draw_mesh(&mut maps.spot, &in_object.spot_view, mesh, vertices);
            maps.sun.clear(Lighting::sun_map_size(&self.settings));
            draw_mesh(&mut maps.sun, &in_object.sun_view, mesh, vertices);
            &*maps
        });
        visibility.clear(&self.floor.nearness);
        draw_mesh(visibility, &self.camera.perspective().of_object(&world_from_object), mesh, vertices);
        surfaces.clear();
        surfaces.extend(mesh.materials.iter().map(|material| Surface::new(material, &self.mips, &self.codec)));

        let rays = self.camera.rays(&world_from_object);
        let shading = Shading { mesh, surfaces, rays: &rays, lighting: &in_object, maps, codec: &self.codec };
        self.resolve(&shading, &in_world, visibility, image);
    }

    /// Fills `images`, sRGB bytes `[n, height, width, 3]`: the same bytes on any number of threads.
    ///
    /// # Panics
    /// When `images` is not as long as `scenes` demands, or an index in a mesh is out of bounds.
    pub fn render_batch<M: Borrow<Mesh> + Sync>(&self, scenes: &[(M, SceneParameters)], images: &mut [u8]) {
        assert_eq!(images.len(), scenes.len() * self.image_bytes(), "room for exactly one image per scene");
        images
            .par_chunks_exact_mut(self.image_bytes())
            .zip(scenes)
            .for_each_init(Scratch::default, |scratch, (image, (mesh, parameters))| {
                self.render_into(mesh.borrow(), parameters, scratch, image)
            });
    }

    /// Shades what is visible and averages the samples of each pixel.
    fn resolve(&self, shading: &Shading, in_world: &Lighting, visibility: &VisibilityBuffer, image: &mut [u8]) {
        let per_side = self.settings.supersampling;
        let weight = self.settings.exposure / (per_side * per_side) as f32;
        for (pixel, rgb) in image.chunks_exact_mut(3).enumerate() {
            let (row, column) = (pixel / self.settings.image_size, pixel % self.settings.image_size);
            let (first_row, first_column) = (row * per_side, column * per_side);
            let (mut light, uncovered) = match PixelSamples::gather(visibility, first_row, first_column, per_side) {
                Some(mut samples) => samples.object_light(shading),
                None => ([0.0; 3], per_side * per_side),
            };
            if uncovered > 0 {
                let behind = self.behind_object(in_world, shading.maps, pixel);
                light = std::array::from_fn(|i| light[i] + behind[i] * uncovered as f32);
            }
            for (byte, light) in rgb.iter_mut().zip(light) {
                *byte = self.codec.encoder.encode(light * weight);
            }
        }
    }

    /// Radiance of the floor or the background at a pixel's centre.
    fn behind_object(&self, lighting: &Lighting, maps: Option<&ShadowMaps>, pixel: usize) -> Vector3 {
        match self.floor.points[pixel] {
            Some(point) => lighting.floor_at(point, maps),
            None => self.settings.background_linear_rgb,
        }
    }
}

/// The triangles of one pixel's samples.
struct PixelSamples {
    triangles: [u32; MOST_SAMPLES_PER_PIXEL],
    first_row: usize,
    first_column: usize,
    per_side: usize,
}

impl PixelSamples {
    /// The samples of a pixel; none when no triangle covers any.
    #[inline]
    fn gather(visibility: &VisibilityBuffer, first_row: usize, first_column: usize, per_side: usize) -> Option<Self> {
        let row = |row: usize| &visibility.row(first_row + row)[first_column..first_column + per_side];
        if (0..per_side).all(|index| row(index).iter().all(|triangle| *triangle == VisibilityBuffer::NOTHING)) {
            return None;
        }
        let mut triangles = [VisibilityBuffer::NOTHING; MOST_SAMPLES_PER_PIXEL];
        for index in 0..per_side {
            for (column, triangle) in row(index).iter().enumerate() {
                triangles[index * per_side + column] = *triangle;
            }
        }
        Some(Self { triangles, first_row, first_column, per_side })
    }

    /// Sum of the radiances of the samples that triangles cover, and the number of samples that none covers.
    ///
    /// Each surface is shaded once, in the middle of the samples of its first triangle.
    #[inline]
    fn object_light(&mut self, shading: &Shading) -> (Vector3, usize) {
        let count = self.per_side * self.per_side;
        let (mut light, mut covered) = ([0.0; 3], 0);
        for first in 0..count {
            let triangle = self.triangles[first];
            if triangle == VisibilityBuffer::NOTHING {
                continue;
            }
            let (mut surface, mut same, mut column, mut row) = (0, 0, 0, 0);
            for sample in first..count {
                let other = self.triangles[sample];
                if other == triangle {
                    same += 1;
                    column += sample % self.per_side;
                    row += sample / self.per_side;
                } else if other == VisibilityBuffer::NOTHING || !shading.are_one_surface(triangle, other) {
                    continue;
                }
                self.triangles[sample] = VisibilityBuffer::NOTHING;
                surface += 1;
            }
            let middle = |first: usize, sum: usize| first as f32 + sum as f32 / same as f32;
            let (column, row) = (middle(self.first_column, column), middle(self.first_row, row));
            let radiance = shading.radiance(triangle, column, row, surface as f32);
            light = std::array::from_fn(|i| light[i] + radiance[i] * surface as f32);
            covered += surface;
        }
        (light, count - covered)
    }
}

impl Floor {
    fn new(camera: &Camera, settings: &SceneSettings) -> Self {
        let world = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let rays = camera.rays(&world);
        let depth = |column: f32, row: f32| {
            let descent = -rays.through(column, row)[2];
            (descent > 0.0).then(|| (camera.eye[2] - FLOOR_Z) / descent).filter(|depth| *depth > 0.0)
        };
        let samples = camera.samples;
        let nearness =
            DepthMap::from_fn(samples, |column, row| depth(column as f32, row as f32).map_or(0.0, |depth| 1.0 / depth));
        let per_side = settings.supersampling as f32;
        let centre_of = |pixel: usize| (pixel as f32 + 0.5) * per_side - 0.5;
        let points = (0..settings.image_size * settings.image_size)
            .map(|pixel| {
                let (column, row) = (centre_of(pixel % settings.image_size), centre_of(pixel / settings.image_size));
                let ray = rays.through(column, row);
                depth(column, row).map(|depth| [0, 1].map(|i| camera.eye[i] + ray[i] * depth))
            })
            .collect();
        Self { nearness, points }
    }
}

#[cfg(test)]
mod tests;
