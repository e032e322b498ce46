use candle_core::{Result, Tensor};

use crate::method::unit_rows;

/// Share of queries whose class is the most frequent one among their `k` nearest neighbours by cosine.
///
/// Ties go to the class whose neighbours are nearer in sum of similarity.
///
/// # Shapes
/// `bank` is `[m, d]` with `m` labels, `queries` is `[n, d]` with `n` labels.
///
/// # Errors
/// When shapes differ.
pub fn knn_top1(
    bank: &Tensor,
    bank_labels: &[u32],
    queries: &Tensor,
    query_labels: &[u32],
    k: usize,
    classes: usize,
) -> Result<f64> {
    let similarity = unit_rows(queries)?.matmul(&unit_rows(bank)?.t()?)?.to_vec2::<f32>()?;
    let right =
        similarity.iter().zip(query_labels).filter(|(row, label)| vote(row, bank_labels, k, classes) == **label);
    Ok(right.count() as f64 / query_labels.len().max(1) as f64)
}

/// The class that the `k` most similar bank entries vote for.
fn vote(similarity: &[f32], bank_labels: &[u32], k: usize, classes: usize) -> u32 {
    let mut order: Vec<usize> = (0..similarity.len()).collect();
    let k = k.min(order.len());
    if k == 0 {
        return u32::MAX;
    }
    let nearest_first = |a: &usize, b: &usize| similarity[*b].total_cmp(&similarity[*a]).then(a.cmp(b));
    order.select_nth_unstable_by(k - 1, nearest_first);
    let mut votes = vec![(0usize, 0f32); classes];
    for neighbour in &order[..k] {
        let vote = &mut votes[bank_labels[*neighbour] as usize];
        *vote = (vote.0 + 1, vote.1 + similarity[*neighbour]);
    }
    let by_votes = |a: &usize, b: &usize| votes[*a].0.cmp(&votes[*b].0).then(votes[*a].1.total_cmp(&votes[*b].1));
    (0..classes).max_by(by_votes).map_or(u32::MAX, |class| class as u32)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn neighbours_vote_by_direction_not_by_length() {
        let bank = Tensor::new(&[[9f32, 0.1], [1.0, 0.0], [0.0, 1.0], [0.1, 5.0], [0.2, 1.0]], &Device::Cpu).unwrap();
        let queries = Tensor::new(&[[0.3f32, 0.0], [0.0, 0.01]], &Device::Cpu).unwrap();
        let top1 = |labels: &[u32], k| knn_top1(&bank, &[0, 0, 1, 1, 1], &queries, labels, k, 2).unwrap();
        assert_eq!(top1(&[0, 1], 2), 1.0);
        assert_eq!(top1(&[1, 1], 2), 0.5);
        assert_eq!(top1(&[1, 1], 50), 1.0);
    }
}
