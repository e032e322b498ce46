//! Light that reaches a point: the sun above, a spot light, the sky and the light that the floor throws back.

use std::f32::consts::PI;

use super::color::rgb_from_hsv;
use super::raster::{DepthMap, RasterVertex};
use super::settings::SceneSettings;
use super::view::{Overhead, Perspective, View};
use crate::scene::SceneParameters;
use crate::scene::vector::{Matrix3, Vector3, add, dot, length, scaled, sub, times, transposed};

/// Share of the cone's height over which the spot light fades out (Blender's default).
const SPOT_BLEND: f32 = 0.15;
/// How much nearer to the light an occluder must be, relative to the distance.
const SHADOW_BIAS: f32 = 0.002;
/// Points are looked up this far along the normal, in samples of the shadow map, so that surfaces do not shade
/// themselves.
const SHADOW_NORMAL_OFFSET_SAMPLES: f32 = 1.5;

/// Height of the floor.
pub const FLOOR_Z: f32 = -1.0;

/// What each light sees nearest.
#[derive(Debug, Default)]
pub struct ShadowMaps {
    pub spot: DepthMap,
    pub sun: DepthMap,
}

/// The lights of one scene, in the frame of the world or of the object.
#[derive(Clone, Debug)]
pub struct Lighting {
    up: Vector3,
    /// Radiance of a white surface under the sun: irradiance / pi.
    sun_radiance: f32,
    /// Radiance of a white surface at distance 1 of the spot light.
    spot_radiance: Vector3,
    spot_position: Vector3,
    /// Unit vector from the spot light into its cone.
    spot_axis: Vector3,
    spot_edge_cos: f32,
    sky_radiance: Vector3,
    floor_radiance: Vector3,
    floor_albedo: Vector3,
    /// The spot light's view, from which its shadow map is drawn.
    pub spot_view: Perspective,
    spot_normal_offset: f32,
    /// The sun's view, from which its shadow map is drawn.
    pub sun_view: Overhead,
    sun_normal_offset: f32,
}

/// Light that falls onto a point of a surface, as the radiance of a white matt surface.
pub struct Received {
    pub sun: f32,
    pub spot: Vector3,
    pub ambient: Vector3,
}

impl Lighting {
    /// The lights in world coordinates; `reach` is the largest distance of the object's surface from the origin.
    pub fn new(settings: &SceneSettings, parameters: &SceneParameters, reach: f32) -> Self {
        let map_size = settings.shadow_map_size;
        let half_cone = settings.spot_cone_deg.to_radians() / 2.0;
        let axes = spot_axes(parameters.light_theta_rad, parameters.light_phi_rad);
        let spot_position = scaled(axes[2], -settings.spot_distance);
        let focal = (map_size as f32 / 2.0 - 1.0) / half_cone.tan();
        let sun_view = Overhead::new(reach.max(1e-3), FLOOR_Z.min(-reach) - 1.0, Self::sun_map_size(settings));
        let sun_radiance = settings.sun_energy / PI;
        let floor_albedo = rgb_from_hsv(parameters.floor_hue, 0.6, 0.6);
        let sky_radiance = settings.background_linear_rgb;
        // A lamp of power P has the intensity P / (4 pi), whatever its cone.
        let intensity = settings.spot_power_w / (4.0 * PI);
        Self {
            up: [0.0, 0.0, 1.0],
            sun_radiance,
            spot_radiance: scaled(rgb_from_hsv(parameters.light_hue, 1.0, 0.8), intensity / PI),
            spot_position,
            spot_axis: axes[2],
            spot_edge_cos: half_cone.cos(),
            sky_radiance,
            floor_radiance: std::array::from_fn(|i| floor_albedo[i] * (sun_radiance + sky_radiance[i])),
            floor_albedo,
            spot_view: Perspective::new(spot_position, &axes, focal, map_size),
            spot_normal_offset: SHADOW_NORMAL_OFFSET_SAMPLES * settings.spot_distance / focal,
            sun_normal_offset: SHADOW_NORMAL_OFFSET_SAMPLES * sun_view.sample_side(),
            sun_view,
        }
    }

    /// Samples along each side of the sun's shadow map: half as many as the spot light's, for its shadow falls
    /// beneath the object.
    pub fn sun_map_size(settings: &SceneSettings) -> usize {
        settings.shadow_map_size / 2
    }

    /// The same lights in object coordinates.
    pub fn of_object(&self, world_from_object: &Matrix3) -> Self {
        let object_from_world = transposed(world_from_object);
        Self {
            up: times(&object_from_world, self.up),
            spot_position: times(&object_from_world, self.spot_position),
            spot_axis: times(&object_from_world, self.spot_axis),
            spot_view: self.spot_view.of_object(world_from_object),
            sun_view: self.sun_view.of_object(world_from_object),
            ..self.clone()
        }
    }

    /// The light that falls onto a point with a unit normal; without maps nothing casts a shadow.
    #[inline]
    pub fn received(&self, point: Vector3, normal: Vector3, maps: Option<&ShadowMaps>) -> Received {
        let upward = dot(normal, self.up);
        let (from_sky, from_floor) = ((1.0 + upward) / 2.0, (1.0 - upward) / 2.0);
        Received {
            sun: self.sun_at(point, normal, upward, maps),
            spot: scaled(self.spot_radiance, self.spot_at(point, normal, maps)),
            ambient: std::array::from_fn(|i| self.sky_radiance[i] * from_sky + self.floor_radiance[i] * from_floor),
        }
    }

    /// Radiance of the floor at a point of it, in world coordinates.
    #[inline]
    pub fn floor_at(&self, [x, y]: [f32; 2], maps: Option<&ShadowMaps>) -> Vector3 {
        let point = [x, y, FLOOR_Z];
        let sun = self.sun_at(point, self.up, 1.0, maps);
        let spot = self.spot_at(point, self.up, maps);
        std::array::from_fn(|i| self.floor_albedo[i] * (sun + spot * self.spot_radiance[i] + self.sky_radiance[i]))
    }

    /// Unit vector to the sun.
    pub fn to_sun(&self) -> Vector3 {
        self.up
    }

    /// Vector to the spot light.
    pub fn to_spot(&self, point: Vector3) -> Vector3 {
        sub(self.spot_position, point)
    }

    #[inline]
    fn sun_at(&self, point: Vector3, normal: Vector3, upward: f32, maps: Option<&ShadowMaps>) -> f32 {
        if upward <= 0.0 {
            return 0.0;
        }
        let lit = maps.map_or(1.0, |maps| {
            let shifted = add(point, scaled(normal, self.sun_normal_offset));
            lit_share(&maps.sun, &self.sun_view.project(shifted))
        });
        self.sun_radiance * upward * lit
    }

    /// Share of the light at distance 1: cone (smooth at its edge, as Blender's), distance, incidence, shadow.
    #[inline]
    fn spot_at(&self, point: Vector3, normal: Vector3, maps: Option<&ShadowMaps>) -> f32 {
        let to_light = self.to_spot(point);
        let along = -dot(to_light, self.spot_axis);
        let incidence = dot(normal, to_light);
        let squared = dot(to_light, to_light);
        let in_cone = along > 0.0 && along * along > self.spot_edge_cos * self.spot_edge_cos * squared;
        if !in_cone || incidence <= 0.0 {
            return 0.0;
        }
        let distance = squared.sqrt();
        let inside = (along / distance - self.spot_edge_cos) / ((1.0 - self.spot_edge_cos) * SPOT_BLEND);
        let lit = maps.map_or(1.0, |maps| {
            let shifted = add(point, scaled(normal, self.spot_normal_offset));
            lit_share(&maps.spot, &self.spot_view.project(shifted))
        });
        smooth_step(inside) * incidence / (squared * distance) * lit
    }
}

/// Right, down and forward of a light at polar angle theta and azimuth phi that looks at the origin.
fn spot_axes(theta_rad: f32, phi_rad: f32) -> Matrix3 {
    let (sin_theta, cos_theta) = theta_rad.sin_cos();
    let (sin_phi, cos_phi) = phi_rad.sin_cos();
    let outward = [sin_theta * cos_phi, sin_theta * sin_phi, cos_theta];
    let southward = [cos_theta * cos_phi, cos_theta * sin_phi, -sin_theta];
    let eastward = [-sin_phi, cos_phi, 0.0];
    debug_assert!((length(outward) - 1.0).abs() < 1e-3);
    [eastward, southward, scaled(outward, -1.0)]
}

fn smooth_step(position: f32) -> f32 {
    let t = position.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How much of the light reaches a point: the four nearest samples of the map, weighted by distance.
#[inline]
fn lit_share(map: &DepthMap, point: &RasterVertex) -> f32 {
    let last = map.size() as f32 - 1.0;
    let within = point.x >= 0.0 && point.y >= 0.0 && point.x < last && point.y < last;
    if !within {
        return 1.0;
    }
    let (column, row) = (point.x as i32 as usize, point.y as i32 as usize);
    let (right, below) = (point.x - column as f32, point.y - row as f32);
    let limit = point.nearness * (1.0 + SHADOW_BIAS);
    let lit = |column, row| if map.at(column, row) > limit { 0.0 } else { 1.0 };
    let upper = lit(column, row) * (1.0 - right) + lit(column + 1, row) * right;
    let lower = lit(column, row + 1) * (1.0 - right) + lit(column + 1, row + 1) * right;
    upper * (1.0 - below) + lower * below
}
