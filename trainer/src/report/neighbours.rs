//! Nearest neighbours by either half: same class in any pose, and same pose in any class.

use candle_core::Tensor;

use super::gather::{Pool, PoolView};
use super::page::{Page, Picture};
use crate::method::unit_rows;

/// Images whose neighbours are shown.
const QUERIES: usize = 6;
/// Neighbours of each.
const NEIGHBOURS: usize = 6;

/// For some images the nearest images of other objects, by each half.
pub fn strips(page: &mut Page, pool: &Pool) -> anyhow::Result<()> {
    page.heading(3, "Nearest neighbours");
    page.note(match pool.views.iter().any(|view| view.pose.is_some()) {
        true => {
            "The framed image is the query; the others are of other objects. Degrees are to the query's rotation, or to \
             one that looks the same."
        }
        false => "The framed picture is the query.",
    });
    for query in spread(pool.views.len(), QUERIES) {
        for (half, features) in [("invariant half", &pool.invariant), ("equivariant half", &pool.equivariant)] {
            let nearest = nearest_of_others(features, query, |i| pool.views[i].object)?;
            let mut pictures = vec![picture(pool, query, half)?.into_query()];
            for i in nearest.into_iter().take(NEIGHBOURS) {
                pictures.push(picture(pool, i, &turn_between(&pool.views[query], &pool.views[i]))?);
            }
            page.strip(&pictures);
        }
    }
    Ok(())
}

/// The angle between two images' rotations in words; nothing where one is not known.
fn turn_between(query: &PoolView, other: &PoolView) -> String {
    let (Some(query), Some(other)) = (&query.pose, &other.pose) else { return String::new() };
    format!("{:.0}°", query.symmetry.distance_rad(query.rotation, other.rotation).to_degrees())
}

/// `count` indices below `length`, evenly spread.
pub(super) fn spread(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(length);
    (0..count).map(move |i| i * length / count)
}

fn picture(pool: &Pool, view: usize, words: &str) -> anyhow::Result<Picture> {
    let caption = [pool.class(view), words.to_string()].into_iter().filter(|part| !part.is_empty());
    pool.picture(view, caption.collect::<Vec<_>>().join(", "))
}

/// Rows of other objects than the query's, most similar by cosine first.
fn nearest_of_others(
    features: &Tensor,
    query: usize,
    object: impl Fn(usize) -> usize,
) -> candle_core::Result<Vec<usize>> {
    let rows = unit_rows(features)?;
    let similarity = rows.matmul(&rows.narrow(0, query, 1)?.t()?.contiguous()?)?.flatten_all()?.to_vec1::<f32>()?;
    let mut others: Vec<usize> = (0..similarity.len()).filter(|i| object(*i) != object(query)).collect();
    others.sort_by(|a, b| similarity[*b].total_cmp(&similarity[*a]));
    Ok(others)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_query_and_its_object_are_no_neighbours() {
        let features = Tensor::new(&[[1f32, 0.0], [0.0, 2.0], [3.0, 0.1], [1.0, 1.0]], &Device::Cpu).unwrap();
        assert_eq!(nearest_of_others(&features, 0, |i| i).unwrap(), [2, 3, 1]);
        assert_eq!(nearest_of_others(&features, 0, |i| i / 3).unwrap(), [3]);
        assert_eq!(spread(10, 3).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(spread(2, 3).collect::<Vec<_>>(), [0, 1]);
    }
}
