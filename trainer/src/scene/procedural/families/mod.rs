//! The families' build functions: each draws an object's measures and colours and puts its parts together.

pub mod animals;
pub mod furniture;
pub mod garden;
pub mod household;
pub mod instruments;
pub mod kitchen;
pub mod letters;
pub mod machine_parts;
pub mod machines;
pub mod solids;
pub mod tools;
pub mod vehicles;
