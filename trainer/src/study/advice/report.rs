use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{Advice, Form, Judgement};
use crate::study::{Spread, Verdict};

/// What came of all runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdviceReport {
    /// What the features are wanted for, in words.
    pub target: String,
    /// Seeds of each row.
    pub seeds: u64,
    /// Steps of each run.
    pub steps: u64,
    /// Each candidate.
    pub transformations: Vec<AdvisedTransformation>,
    /// What the advice is worth.
    pub check: Check,
    /// What the configuration trains.
    pub written: Choice,
}

/// What a configuration trains: what is advised, unless another choice is better for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// As advised; what is undecided is invariant.
    Advised,
    /// Invariant to all candidates.
    AllInvariant,
    /// Equivariant to all.
    AllEquivariant,
}

/// The advice on one transformation, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdvisedTransformation {
    /// What the user calls it.
    pub name: String,
    /// Its name in configurations.
    pub transformation: String,
    /// Whether its strengths have an order; else its classes are predicted.
    pub is_ordered: bool,
    /// The advice.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Where features are invariant to all candidates.
    pub invariant: Form,
    /// Where they are equivariant to this one alone.
    pub equivariant: Form,
}

/// What the target's probe says of three choices; `None` where no run tells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Invariant to all candidates.
    pub all_invariant: Option<Spread>,
    /// Equivariant to all.
    pub all_equivariant: Option<Spread>,
    /// As advised.
    pub advised: Option<Spread>,
}

impl Check {
    pub(super) fn of([all_invariant, all_equivariant, advised]: [Option<Spread>; 3]) -> Self {
        Self { all_invariant, all_equivariant, advised }
    }

    /// The choice to train: one that is above what is advised by more than twice the spread, the higher one of two.
    pub(super) fn best(&self) -> Choice {
        let Some(advised) = self.advised else { return Choice::Advised };
        let others = [(Choice::AllInvariant, self.all_invariant), (Choice::AllEquivariant, self.all_equivariant)];
        let above = others.into_iter().filter_map(|(choice, figure)| Some((choice, figure?)));
        let above = above.filter(|(_, figure)| Verdict::of(*figure, advised) == Verdict::Holds);
        above.max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean)).map_or(Choice::Advised, |(choice, _)| choice)
    }
}

const TITLES: [&str; 8] = [
    "transformation",
    "advice",
    "confidence",
    "target inv.",
    "target equi.",
    "drift inv.",
    "drift equi.",
    "kept equi.",
];

impl AdvisedTransformation {
    fn cells(&self) -> [String; 8] {
        let Judgement { advice, confidence, .. } = &self.judgement;
        let [before, after] = [&self.invariant, &self.equivariant];
        [
            self.name.clone(),
            advice.word().into(),
            format!("{confidence:.2}"),
            text(Spread::of(&before.targets)),
            text(Spread::of(&after.targets)),
            text(before.drift),
            text(after.drift),
            text(after.kept),
        ]
    }
}

fn text(spread: Option<Spread>) -> String {
    match spread {
        None => "-".into(),
        Some(Spread { mean, std: None }) => format!("{mean:.3}"),
        Some(Spread { mean, std: Some(std) }) => format!("{mean:.3} ± {std:.3}"),
    }
}

impl Display for AdviceReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (seeds, steps) = (self.seeds, self.steps);
        writeln!(f, "wanted: {}; {seeds} seed{} of {steps} steps", self.target, if seeds == 1 { "" } else { "s" })?;
        writeln!(f)?;
        let titles = TITLES.map(String::from);
        for [name, advice, confidence, figures @ ..] in
            std::iter::once(titles).chain(self.transformations.iter().map(AdvisedTransformation::cells))
        {
            write!(f, "{name:<18}{advice:<13}{confidence:<12}")?;
            let row: String = figures.iter().map(|figure| format!("{figure:<16}")).collect();
            writeln!(f, "{}", row.trim_end())?;
        }
        writeln!(f)?;
        for AdvisedTransformation { name, judgement, .. } in &self.transformations {
            writeln!(f, "{name}: {}", judgement.why)?;
        }
        let Check { all_invariant, all_equivariant, advised } = self.check;
        writeln!(f)?;
        writeln!(
            f,
            "target: all invariant {}, all equivariant {}, as advised {}",
            text(all_invariant),
            text(all_equivariant),
            text(advised)
        )?;
        let better =
            |words: &str| format!("the configuration is {words}, which is better by more than twice the spread");
        match self.written {
            Choice::AllInvariant => writeln!(f, "{}", better("all invariant")),
            Choice::AllEquivariant => writeln!(f, "{}", better("all equivariant")),
            Choice::Advised if self.transformations.iter().any(|one| one.judgement.advice == Advice::Undecided) => {
                writeln!(f, "what is undecided is taken as invariant")
            }
            Choice::Advised => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_to_be_better_than_the_advice_is_written() {
        let figure = |mean| Some(Spread { mean, std: Some(0.01) });
        let best = |figures: [f64; 3]| Check::of(figures.map(figure)).best();
        assert_eq!(best([0.40, 0.50, 0.60]), Choice::Advised);
        assert_eq!(best([0.40, 0.615, 0.60]), Choice::Advised, "within twice the spread");
        assert_eq!(best([0.40, 0.63, 0.60]), Choice::AllEquivariant);
        assert_eq!(best([0.65, 0.63, 0.60]), Choice::AllInvariant);
        assert_eq!(Check::of([figure(0.9), figure(0.9), None]).best(), Choice::Advised);
    }
}
