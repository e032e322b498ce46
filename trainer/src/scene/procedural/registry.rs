use sextant_runtime::rotation::SymmetryGroup;

use super::assembly::Assembly;
use super::draw::Draw;
use super::families::machine_parts::{FAN_BLADES, GEAR_TEETH, WHEEL_SPOKES};
use super::families::{
    animals, furniture, garden, household, instruments, kitchen, letters, machine_parts, machines, solids, tools,
    vehicles,
};

/// Objects of one kind that differ in measures and colours.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The class name.
    pub name: &'static str,
    /// Draws one object.
    pub build: fn(&mut Draw) -> Assembly,
    /// Rotations that leave every object of the family unchanged.
    pub symmetry: SymmetryGroup,
}

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Y: [f32; 3] = [0.0, 1.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];
const HALF_SQRT: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1 / sqrt(3): the coordinates of the unit vector along (1, 1, 1).
const THIRD_SQRT: f32 = 0.577_350_26;

const NONE: SymmetryGroup = SymmetryGroup::None;
const ROUND: SymmetryGroup = SymmetryGroup::Continuous { axis: Z };

const fn family(name: &'static str, build: fn(&mut Draw) -> Assembly, symmetry: SymmetryGroup) -> Family {
    Family { name, build, symmetry }
}

const fn cyclic(axis: [f32; 3], order: u16) -> SymmetryGroup {
    SymmetryGroup::Cyclic { axis, order }
}

const fn dihedral(axis: [f32; 3], order: u16) -> SymmetryGroup {
    SymmetryGroup::Dihedral { axis, side: X, order }
}

/// Every family, in the order of the labels: first those without symmetry.
pub const FAMILIES: &[Family] = &[
    family("bed", furniture::bed, NONE),
    family("boat", vehicles::boat, NONE),
    family("bracket", machine_parts::bracket, NONE),
    family("camera", household::camera, NONE),
    family("car", vehicles::car, NONE),
    family("chair", furniture::chair, NONE),
    family("coloured-cube", solids::coloured_cube, NONE),
    family("desk", furniture::desk, NONE),
    family("desk-lamp", household::desk_lamp, NONE),
    family("dog", animals::dog, NONE),
    family("drill", tools::drill, NONE),
    family("duck", animals::duck, NONE),
    family("faucet", household::faucet, NONE),
    family("guitar", instruments::guitar, NONE),
    family("hammer", tools::hammer, NONE),
    family("helicopter", vehicles::helicopter, NONE),
    family("key", household::key, NONE),
    family("ladle", kitchen::ladle, NONE),
    family("letter-f", letters::letter_f, NONE),
    family("letter-r", letters::letter_r, NONE),
    family("mailbox", garden::mailbox, NONE),
    family("marked-cylinder", solids::marked_cylinder, NONE),
    family("monitor", household::monitor, NONE),
    family("mug", kitchen::mug, NONE),
    family("pan", kitchen::pan, NONE),
    family("plane", vehicles::plane, NONE),
    family("robot-arm", machines::robot_arm, NONE),
    family("saw", tools::saw, NONE),
    family("scissors", household::scissors, NONE),
    family("shoe", household::shoe, NONE),
    family("sofa", furniture::sofa, NONE),
    family("stairs", furniture::stairs, NONE),
    family("teapot", kitchen::teapot, NONE),
    family("truck", vehicles::truck, NONE),
    family("watering-can", garden::watering_can, NONE),
    family("wheelbarrow", garden::wheelbarrow, NONE),
    family("bolt", machine_parts::bolt, cyclic(Z, 6)),
    family("bottle", kitchen::bottle, ROUND),
    family("cone", solids::cone, ROUND),
    family("cube", solids::cube, SymmetryGroup::Octahedral),
    family("cylinder", solids::plain_cylinder, SymmetryGroup::ContinuousDihedral { axis: Z }),
    family("dodecahedron", solids::dodecahedron, SymmetryGroup::Icosahedral),
    family("dumbbell", tools::dumbbell, SymmetryGroup::ContinuousDihedral { axis: X }),
    family("fan", machine_parts::fan, cyclic(Y, FAN_BLADES)),
    family("gear", machine_parts::gear, cyclic(Z, GEAR_TEETH)),
    family("goblet", kitchen::goblet, ROUND),
    family("icosahedron", solids::icosahedron, SymmetryGroup::Icosahedral),
    family("ladder", furniture::ladder, dihedral(Z, 2)),
    family("lifebuoy", machine_parts::lifebuoy, dihedral(Y, 4)),
    family("marked-sphere", solids::marked_sphere, SymmetryGroup::Continuous { axis: Y }),
    family("marked-tetrahedron", solids::marked_tetrahedron, cyclic([THIRD_SQRT; 3], 3)),
    family("nut", machine_parts::nut, dihedral(Z, 6)),
    family("octahedron", solids::octahedron, SymmetryGroup::Octahedral),
    family("pipe-elbow", machine_parts::pipe_elbow, cyclic([HALF_SQRT, 0.0, HALF_SQRT], 2)),
    family("spanner", tools::spanner, cyclic(Z, 2)),
    family("stool", furniture::stool, cyclic(Z, 3)),
    family("table", furniture::table, cyclic(Z, 2)),
    family("table-lamp", furniture::table_lamp, ROUND),
    family("tetrahedron", solids::tetrahedron, SymmetryGroup::Tetrahedral),
    family("wheel", machine_parts::wheel, cyclic(Y, WHEEL_SPOKES)),
];
