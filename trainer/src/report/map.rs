//! Both halves of the features as maps in two dimensions.

use super::chart::scatter;
use super::gather::{Pool, PoolView};
use super::page::Page;
use super::principal::two_components;

/// Each half's first two principal components, coloured by class and by turn about the vertical.
pub fn maps(page: &mut Page, pool: &Pool) -> anyhow::Result<()> {
    page.heading(3, "Maps");
    page.note(
        "First two principal components of each half. An invariant half gathers classes; an equivariant half spreads \
         an object's views by angle.",
    );
    let mut drawings = Vec::new();
    for (name, features) in [("invariant half", &pool.invariant), ("equivariant half", &pool.equivariant)] {
        let points = two_components(features)?;
        let by = |colour: &dyn Fn(usize) -> String, hover: &dyn Fn(usize) -> String| -> Vec<_> {
            points.iter().enumerate().map(|(i, point)| (*point, colour(i), hover(i))).collect()
        };
        let classes = pool.class_names.len().max(1);
        let class_colour = |i: usize| format!("hsl({} 75% 45%)", 360 * pool.views[i].label as usize / classes);
        let class_name = |i: usize| pool.class(i);
        drawings.push(scatter(&format!("{name} by class"), &by(&class_colour, &class_name)));
        let turns: Option<Vec<f32>> = pool.views.iter().map(turn_deg).collect();
        let Some(turns) = turns else { continue };
        let turn_deg = |i: usize| turns[i];
        // Angles within 90 degrees to either side run from blue to red.
        let turn_colour = |i: usize| format!("hsl({:.0} 75% 45%)", 240.0 * (0.5 - turn_deg(i) / 180.0).clamp(0.0, 1.0));
        let turn_name = |i: usize| format!("{}, turned by {:.0}°", pool.class(i), turn_deg(i));
        drawings.push(scatter(&format!("{name} by turn about the vertical"), &by(&turn_colour, &turn_name)));
    }
    page.charts(&drawings);
    Ok(())
}

/// Turn about the vertical, degrees; `None` where it is not known.
fn turn_deg(view: &PoolView) -> Option<f32> {
    Some(view.pose.as_ref()?.world_from_object.to_euler_extrinsic_xyz()[2].to_degrees())
}
