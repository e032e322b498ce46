//! Closed surfaces to build objects from.

mod block;
mod extrusion;
mod lathe;
mod loft;
mod polyhedron;
mod superquadric;
mod torus;

pub use block::{block, chamfered_block};
pub use extrusion::{extrusion_x, extrusion_y, extrusion_z};
pub use lathe::{cone, cylinder, cylinder_between, lathe};
pub use loft::{arc, loft, rod, spline, tube};
pub use polyhedron::Polyhedron;
pub use superquadric::{ellipsoid, sphere, superquadric};
pub use torus::torus;
