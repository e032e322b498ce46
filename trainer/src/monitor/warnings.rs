use super::EmbeddingStatistics;

/// SIE's variance term asks for a standard deviation of 1.
const COLLAPSED_STD: f64 = 0.05;
const RECOVERED_STD: f64 = 0.15;
/// Share of the largest possible rank.
const COLLAPSED_RANK_SHARE: f64 = 0.03;
const RECOVERED_RANK_SHARE: f64 = 0.06;

/// Warns once when an embedding collapses, and again only after it had recovered.
#[derive(Clone, Debug)]
pub struct CollapseMonitor {
    embedding: String,
    spread: Alarm,
    rank: Alarm,
}

impl CollapseMonitor {
    /// Watches an embedding, called like this in warnings: `invariant embedding`.
    pub fn new(embedding: &str) -> Self {
        Self {
            embedding: embedding.into(),
            spread: Alarm::new(COLLAPSED_STD, RECOVERED_STD),
            rank: Alarm::new(COLLAPSED_RANK_SHARE, RECOVERED_RANK_SHARE),
        }
    }

    /// What is new about the embedding, in words.
    ///
    /// Nothing is said of the rank of an embedding whose spread has collapsed, nor of one that could have few ranks.
    pub fn warnings(&mut self, statistics: &EmbeddingStatistics) -> Vec<String> {
        if self.spread.rises(statistics.mean_std) {
            return vec![self.spread_warning(statistics)];
        }
        let rank_share = statistics.effective_rank / statistics.largest_rank.max(1) as f64;
        let has_ranks = statistics.largest_rank as f64 * COLLAPSED_RANK_SHARE > 1.0;
        if !self.spread.is_on && has_ranks && self.rank.rises(rank_share) {
            return vec![self.rank_warning(statistics)];
        }
        Vec::new()
    }

    fn spread_warning(&self, statistics: &EmbeddingStatistics) -> String {
        let (embedding, std) = (&self.embedding, statistics.mean_std);
        format!(
            "the {embedding} has collapsed to a point: mean std {std:.3}, where 1 is asked for; \
             raise method.variance_weight or lower optimiser.lr"
        )
    }

    fn rank_warning(&self, statistics: &EmbeddingStatistics) -> String {
        let EmbeddingStatistics { effective_rank, largest_rank, .. } = statistics;
        format!(
            "the {} has collapsed to few directions: effective rank {effective_rank:.1} of {largest_rank}; \
             raise method.covariance_weight or lower optimiser.lr",
            self.embedding
        )
    }
}

/// On below one level, off above a higher one.
#[derive(Clone, Debug)]
struct Alarm {
    on_below: f64,
    off_above: f64,
    is_on: bool,
}

impl Alarm {
    fn new(on_below: f64, off_above: f64) -> Self {
        Self { on_below, off_above, is_on: false }
    }

    /// Whether it goes on with this value.
    fn rises(&mut self, value: f64) -> bool {
        let was_on = self.is_on;
        self.is_on = value < self.on_below || (was_on && value <= self.off_above);
        self.is_on && !was_on
    }
}

/// What to tell of a loss with which training cannot go on.
pub fn loss_problem(step: u64, loss: f64) -> Option<String> {
    let kind = if loss.is_nan() { "not a number" } else { "infinite" };
    (!loss.is_finite()).then(|| {
        format!(
            "the loss is {kind} at step {step}: lower optimiser.lr, lengthen schedule.warmup_steps or set fit.clip_norm"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(mean_std: f64, effective_rank: f64, largest_rank: usize) -> EmbeddingStatistics {
        EmbeddingStatistics { mean_std, covariance: 0.0, effective_rank, largest_rank }
    }

    #[test]
    fn each_collapse_is_told_once() {
        let mut monitor = CollapseMonitor::new("invariant embedding");
        let point = "the invariant embedding has collapsed to a point: mean std 0.003, where 1 is asked for; raise \
                     method.variance_weight or lower optimiser.lr";
        let flat = "the invariant embedding has collapsed to few directions: effective rank 2.0 of 255; raise \
                    method.covariance_weight or lower optimiser.lr";
        let course = [
            (statistics(0.9, 100.0, 255), None),
            (statistics(0.003, 1.0, 255), Some(point)),
            (statistics(0.003, 1.0, 255), None),
            (statistics(0.1, 1.0, 255), None),
            (statistics(0.04, 1.0, 255), None),
            (statistics(0.9, 2.0, 255), Some(flat)),
            (statistics(0.9, 10.0, 255), None),
            (statistics(0.9, 2.0, 255), None),
            (statistics(0.9, 30.0, 255), None),
            (statistics(0.9, 2.0, 255), Some(flat)),
            (statistics(0.003, 2.0, 255), Some(point)),
        ];
        for (number, (statistics, expected)) in course.iter().enumerate() {
            let got = monitor.warnings(statistics);
            assert_eq!(got, expected.iter().map(ToString::to_string).collect::<Vec<_>>(), "at {number}");
        }
    }

    #[test]
    fn a_small_batch_has_no_low_rank() {
        let mut monitor = CollapseMonitor::new("embedding");
        assert!(monitor.warnings(&statistics(0.9, 1.0, 7)).is_empty());
    }

    #[test]
    fn losses() {
        assert_eq!(loss_problem(3, 1.0), None);
        assert!(
            loss_problem(3, f64::NAN).unwrap().starts_with("the loss is not a number at step 3: lower optimiser.lr")
        );
        assert!(loss_problem(3, f64::INFINITY).unwrap().starts_with("the loss is infinite at step 3"));
    }
}
