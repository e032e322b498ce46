use candle_core::{Result, Tensor};

use crate::monitor::EmbeddingStatistics;

/// Rows that are looked at: the cost grows with the cube of the smaller side.
const MOST_ROWS: usize = 1024;

/// Exponential of the entropy of the normalised singular values of centred rows (RankMe, Garrido et al. 2023,
/// equation 1), of at most 1024 rows; 0 when all rows are one.
///
/// # Shapes
/// `rows` is `[n, d]`.
///
/// # Errors
/// When `rows` is no matrix.
pub fn effective_rank(rows: &Tensor) -> Result<f64> {
    let (count, width) = rows.dims2()?;
    let numbers = rows.narrow(0, 0, count.min(MOST_ROWS))?.flatten_all()?.to_vec1::<f32>()?;
    Ok(EmbeddingStatistics::effective_rank_of(&numbers, width).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn ranks_that_are_known() {
        // Columns +-e_k: four singular values of equal size.
        let cross: Vec<[f32; 4]> = (0..8)
            .map(|i| std::array::from_fn(|k| if k == i / 2 { 1.0 - 2.0 * (i % 2) as f32 } else { 0.0 }))
            .collect();
        let rank = |rows: &[[f32; 4]]| {
            let rows = Tensor::from_slice(rows.as_flattened(), (rows.len(), 4), &Device::Cpu).unwrap();
            effective_rank(&rows).unwrap()
        };
        assert!((rank(&cross) - 4.0).abs() < 1e-6);
        let line: Vec<[f32; 4]> = (0..9).map(|i| [i as f32, 2.0 * i as f32, 0.0, 5.0]).collect();
        assert!((rank(&line) - 1.0).abs() < 1e-6);
        assert_eq!(rank(&[[1.0; 4]; 5]), 0.0);
        // Singular values 3 and 1: exp of the entropy of (3/4, 1/4).
        let two = [[3.0, 0.0, 0.0, 0.0], [-3.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0]];
        let expected = (-(0.75 * 0.75f64.ln() + 0.25 * 0.25f64.ln())).exp();
        assert!((rank(&two) - expected).abs() < 1e-6);
    }
}
