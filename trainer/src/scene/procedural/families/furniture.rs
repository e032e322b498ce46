use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, cloth, grained_wood, plain_wood, steel, white};
use super::super::primitives::{
    block, chamfered_block, cone, cylinder, cylinder_between, lathe, sphere, spline, torus,
};

/// A chair: its back rest behind, a cushion on the seat.
pub fn chair(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, depth] = [draw.range(0.5, 0.65), draw.range(0.48, 0.6)];
    let [seat, back] = [draw.range(0.42, 0.58), draw.range(0.5, 0.75)];
    let slats = draw.count(0, 4);
    let leg = draw.range(0.06, 0.09);
    let mut chair = Assembly::new();
    chair.add(block([width, depth, 0.07]).at([0.0, 0.0, seat]), &main);
    chair.add(chamfered_block([0.86 * width, 0.8 * depth, 0.09], 0.03).at([0.0, -0.03, seat + 0.07]), &accent);
    let [x, y] = [(width - leg) / 2.0, (depth - leg) / 2.0];
    chair.add_both_sides(block([leg, leg, seat]).at([x, -y, seat / 2.0]), &main);
    chair.add_both_sides(block([leg, leg, seat + back]).at([x, y, (seat + back) / 2.0]), &main);
    chair.add(block([width, 0.07, 0.16]).at([0.0, y, seat + back - 0.06]), &main);
    if slats == 0 {
        chair.add(block([width, 0.05, back - 0.1]).at([0.0, y, seat + back / 2.0]), &main);
    }
    for slat in 0..slats {
        let x = (width - leg) * (f32::from(slat + 1) / f32::from(slats + 1) - 0.5);
        chair.add(block([0.06, 0.05, back]).at([x, y, seat + back / 2.0]), &main);
    }
    chair
}

/// A sofa: its back rest behind, a light pillow at the right arm.
pub fn sofa(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, depth, height] = [draw.range(1.1, 1.6), draw.range(0.5, 0.65), draw.range(0.5, 0.7)];
    let arm = draw.range(0.13, 0.2);
    let seats = draw.count(2, 3);
    let cover = cloth(draw, &main);
    let mut sofa = Assembly::new();
    sofa.add(chamfered_block([width, depth, 0.24], 0.03).at([0.0, 0.0, 0.2]), &cover);
    sofa.add(chamfered_block([width, 0.18, height], 0.05).at([0.0, depth / 2.0 - 0.02, 0.1 + height / 2.0]), &cover);
    let side = chamfered_block([arm, depth + 0.04, 0.42], 0.05);
    sofa.add_both_sides(side.at([(width - arm) / 2.0 + 0.02, 0.0, 0.3]), &main);
    let room = (width - 2.0 * arm) / f32::from(seats);
    for seat in 0..seats {
        let x = room * (f32::from(seat) - f32::from(seats - 1) / 2.0);
        sofa.add(chamfered_block([0.96 * room, depth - 0.1, 0.13], 0.04).at([x, -0.06, 0.37]), &accent);
    }
    let pillow = chamfered_block([0.28, 0.1, 0.28], 0.045).turned_x(-20.0).turned_z(-20.0);
    sofa.add(pillow.at([width / 2.0 - arm - 0.15, 0.02, 0.55]), &white(draw));
    sofa
}

/// A bed: head end behind, blanket in front, a table with a lamp at its right.
pub fn bed(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, length, head] = [draw.range(0.7, 1.05), draw.range(1.2, 1.5), draw.range(0.5, 0.8)];
    let covered = draw.range(0.55, 0.7);
    let [sheet, wood] = [white(draw), grained_wood(draw)];
    let blanket = cloth(draw, &main);
    let mut bed = Assembly::new();
    bed.add(block([width, length, 0.14]).at([0.0, 0.0, 0.15]), &wood);
    bed.add(block([width + 0.06, 0.09, head]).at([0.0, length / 2.0, head / 2.0]), &wood);
    bed.add(block([width + 0.06, 0.09, 0.42]).at([0.0, -length / 2.0, 0.21]), &wood);
    bed.add(chamfered_block([0.95 * width, 0.95 * length, 0.16], 0.04).at([0.0, 0.0, 0.29]), &sheet);
    let y = -length / 2.0 + covered * length / 2.0;
    bed.add(chamfered_block([width + 0.02, covered * length, 0.18], 0.04).at([0.0, y, 0.31]), &blanket);
    let pillow = chamfered_block([0.6 * width, 0.24, 0.13], 0.05).at([0.0, length / 2.0 - 0.2, 0.4]);
    bed.add(pillow, &accent);
    bed
}

/// A desk: drawers at the right, a modesty panel behind.
pub fn desk(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, depth, height] = [draw.range(1.1, 1.4), draw.range(0.5, 0.7), draw.range(0.6, 0.75)];
    let drawers = draw.count(2, 4);
    let chest = draw.range(0.3, 0.42);
    let wood = grained_wood(draw);
    let knob = steel(draw);
    let mut desk = Assembly::new();
    desk.add(block([width, depth, 0.07]).at([0.0, 0.0, height]), &wood);
    let x = (width - chest) / 2.0 - 0.03;
    desk.add(block([chest, depth - 0.08, height]).at([x, 0.0, height / 2.0]), &main);
    desk.add(block([0.06, depth - 0.08, height]).at([-width / 2.0 + 0.06, 0.0, height / 2.0]), &main);
    desk.add(block([width - 0.1, 0.04, 0.45 * height]).at([0.0, depth / 2.0 - 0.06, 0.75 * height]), &main);
    let pitch = (height - 0.08) / f32::from(drawers);
    for drawer in 0..drawers {
        let z = 0.02 + pitch * (f32::from(drawer) + 0.5);
        desk.add(block([0.88 * chest, 0.05, 0.85 * pitch]).at([x, -depth / 2.0 + 0.03, z]), &accent);
        desk.add(block([0.1, 0.05, 0.035]).at([x, -depth / 2.0 - 0.01, z]), &knob);
    }
    desk
}

/// A rectangular table, the same from both long sides.
pub fn table(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, depth, height] = [draw.range(1.1, 1.5), draw.range(0.5, 0.75), draw.range(0.5, 0.8)];
    let [leg, inset] = [draw.range(0.06, 0.11), draw.range(0.02, 0.1)];
    let mut table = Assembly::new();
    table.add(block([width, depth, 0.08]).at([0.0, 0.0, height]), &main);
    let [x, y] = [width / 2.0 - leg / 2.0 - inset, depth / 2.0 - leg / 2.0 - inset / 2.0];
    for y in [-y, y] {
        table.add_both_sides(block([leg, leg, height]).at([x, y, height / 2.0]), &accent);
    }
    table.add(block([2.0 * x, 0.05, 0.06]).at([0.0, 0.0, 0.3 * height]), &main);
    table.add_both_sides(block([0.05, 2.0 * y, 0.06]).at([x, 0.0, 0.3 * height]), &main);
    table
}

/// A round stool on three legs.
pub fn stool(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [seat, height, splay] = [draw.range(0.4, 0.5), draw.range(0.6, 1.0), draw.range(0.02, 0.12)];
    let thickness = draw.range(0.05, 0.075);
    let mut stool = Assembly::new();
    stool.add(cylinder(seat, 0.14, 36).at([0.0, 0.0, height]), &main);
    let foot = [0.0, -(seat - 0.1 + splay - thickness), 0.0];
    stool.add_around(&cylinder_between(foot, [0.0, -0.6 * seat, height], thickness, 10), 3, &accent);
    let ring = draw.range(0.25, 0.4);
    let reach = (1.0 - ring) * foot[1].abs() + ring * 0.6 * seat;
    stool.add(torus(reach, 0.03, 36, 8).at([0.0, 0.0, ring * height]), &main);
    stool
}

/// A straight ladder, the same from front and back and upside down.
pub fn ladder(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, height, rail] = [draw.range(0.4, 0.6), draw.range(1.2, 1.6), draw.range(0.06, 0.09)];
    let rungs = draw.count(4, 7);
    let mut ladder = Assembly::new();
    ladder.add_both_sides(block([rail, 1.8 * rail, height]).at([width / 2.0, 0.0, 0.0]), &main);
    for rung in 0..rungs {
        let z = height * ((f32::from(rung) + 0.5) / f32::from(rungs) - 0.5);
        ladder.add(block([width, rail, rail]).at([0.0, 0.0, z]), &accent);
    }
    ladder
}

/// A flight of stairs rising to the back, its hand rail at the right.
pub fn stairs(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let steps = draw.count(4, 6);
    let [width, run, rise] = [draw.range(0.6, 0.9), draw.range(0.19, 0.25), draw.range(0.14, 0.2)];
    let railing = draw.range(0.4, 0.55);
    let treads = plain_wood(draw);
    let mut stairs = Assembly::new();
    for step in 0..steps {
        let [y, z] = [run * f32::from(step), rise * f32::from(step + 1)];
        stairs.add(block([width, run + 0.01, z]).at([0.0, y, z / 2.0]), &main);
        stairs.add(block([width + 0.06, run + 0.04, 0.05]).at([0.0, y - 0.02, z + 0.02]), &treads);
    }
    let x = width / 2.0 - 0.03;
    let post = |step: u16| [x, run * f32::from(step), rise * f32::from(step + 1)];
    let above = |step: u16| [x, post(step)[1], post(step)[2] + railing];
    for step in [0, steps - 1] {
        stairs.add(cylinder_between(post(step), above(step), 0.05, 8), &accent);
        stairs.add(sphere(0.07).at(above(step)), &accent);
    }
    stairs.add(cylinder_between(above(0), above(steps - 1), 0.045, 8), &accent);
    stairs
}

/// A table lamp, round about the vertical.
pub fn table_lamp(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [belly, body] = [draw.range(0.16, 0.3), draw.range(0.4, 0.65)];
    let [shade, narrow, tall] = [draw.range(0.38, 0.5), draw.range(0.18, 0.3), draw.range(0.38, 0.55)];
    let mut lamp = Assembly::new();
    lamp.add(cone(0.28, 0.24, 0.08, 24).at([0.0, 0.0, 0.04]), &accent);
    let vase = [[0.12, 0.06], [belly, 0.4 * body], [0.06, body], [0.05, body + 0.3]];
    lamp.add(lathe(&spline(&vase, 4), 24), &accent);
    let z = body + 0.08;
    let paper = [[shade, z], [narrow, z + tall], [narrow - 0.02, z + tall], [shade - 0.02, z], [shade, z]];
    lamp.add(lathe(&paper, 24), &main);
    lamp.add(sphere(0.1).at([0.0, 0.0, body + 0.3]), &white(draw));
    lamp
}
