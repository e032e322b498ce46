//! Where the network is most wrong.

use super::gather::{Pool, PoolPose};
use super::page::Page;

/// Images of each kind.
const SHOWN: usize = 12;

/// The images with the largest symmetry-aware error of the rotation, and some whose class is taken for another.
pub fn strips(page: &mut Page, pool: &Pool) -> anyhow::Result<()> {
    let errors = pool.views.iter().map(|view| view.pose.as_ref().map(PoolPose::error_deg));
    if let Some(errors_deg) = errors.collect::<Option<Vec<f32>>>() {
        let mut order: Vec<usize> = (0..pool.views.len()).collect();
        order.sort_by(|a, b| errors_deg[*b].total_cmp(&errors_deg[*a]));
        page.heading(3, "Worst poses");
        page.note("Largest symmetry-aware errors of the deployed rotation head.");
        let words = |i: usize| format!("{}, off by {:.0}°", pool.class(i), errors_deg[i]);
        show(page, pool, order.iter().copied().take(SHOWN), &words)?;
    }
    let taken_for = |i: usize| pool.views[i].probed_label.filter(|probed| *probed != pool.views[i].label);
    if pool.views.iter().any(|view| view.probed_label.is_some()) {
        page.heading(3, "Wrong classes");
        page.note("What a linear probe on the frozen features takes for something else.");
        let wrong = (0..pool.views.len()).filter(|i| taken_for(*i).is_some());
        let other = |i: usize| taken_for(i).map_or("", |label| pool.class_names[label as usize].as_str());
        let words = |i: usize| format!("{} taken for {}", pool.class(i), other(i));
        show(page, pool, wrong.take(SHOWN), &words)?;
    }
    Ok(())
}

fn show(
    page: &mut Page,
    pool: &Pool,
    views: impl Iterator<Item = usize>,
    words: &dyn Fn(usize) -> String,
) -> anyhow::Result<()> {
    page.strip(&views.map(|i| pool.picture(i, words(i))).collect::<anyhow::Result<Vec<_>>>()?);
    Ok(())
}
