//! Where the network is most wrong.

use super::gather::{Pool, PoolView};
use super::page::Page;

/// Images of each kind.
const SHOWN: usize = 12;

/// The images with the largest symmetry-aware error of the rotation, and some whose class is taken for another.
pub fn strips(page: &mut Page, pool: &Pool) -> anyhow::Result<()> {
    let error_deg = |view: &PoolView| view.symmetry.distance_rad(view.rotation, view.predicted).to_degrees();
    let mut order: Vec<usize> = (0..pool.views.len()).collect();
    order.sort_by(|a, b| error_deg(&pool.views[*b]).total_cmp(&error_deg(&pool.views[*a])));
    page.heading(3, "Worst poses");
    page.note("Largest symmetry-aware errors of the deployed rotation head.");
    let words = |i: usize| format!("{}, off by {:.0}°", pool.class(i), error_deg(&pool.views[i]));
    show(page, pool, order.iter().copied().take(SHOWN), &words)?;
    page.heading(3, "Wrong classes");
    page.note("What a linear probe on the frozen features takes for something else.");
    let wrong = (0..pool.views.len()).filter(|i| pool.views[*i].label != pool.views[*i].probed_label);
    let words =
        |i: usize| format!("{} taken for {}", pool.class(i), pool.class_names[pool.views[i].probed_label as usize]);
    show(page, pool, wrong.take(SHOWN), &words)
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
