//! From figures of both forms of a transformation to an advice.

use serde::Serialize;
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use crate::study::{Spread, Verdict};

/// What features should be to a transformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Advice {
    /// The same under it.
    Invariant,
    /// They should tell it.
    Equivariant,
    /// The runs do not tell; a configuration takes it as invariant.
    Undecided,
}

impl Advice {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invariant => INVARIANT,
            Self::Equivariant => EQUIVARIANT,
            Self::Undecided => "undecided",
        }
    }
}

/// Figures of the runs in which a transformation has one form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Form {
    /// What the probe of the target says, of each seed.
    pub targets: Vec<f64>,
    /// How far the transformation moves features of held-out pictures, 1 as far as another picture: 0 where invariance is met.
    pub drift: Option<Spread>,
    /// How well features keep it, 1 at best and 0 by chance: Kendall's tau of an ordered scale, of others what a linear probe
    /// tells beyond guessing.
    pub kept: Option<Spread>,
}

/// An advice with its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// What features should be.
    pub advice: Advice,
    /// Share of the pairs of a seed of either form that bear it out, in [0, 1].
    pub confidence: f64,
    /// In a sentence.
    pub why: String,
}

/// A gain of the target below which nobody would pay for a second form.
const LEAST_GAIN: f64 = 0.02;
/// Features that a transformation moves by no more than this share of the way to another picture do not answer to it.
const STILL: f64 = 0.02;
/// How well features have to keep a transformation, where they are called equivariant to it.
const KEPT: f64 = 0.3;

/// Compares the target under both forms; then looks whether the form that is better for it is met at all.
pub fn judge(invariant: &Form, equivariant: &Form) -> Judgement {
    let judgement = |advice, confidence, why: String| Judgement { advice, confidence, why };
    let share = |bears_out: &dyn Fn(f64) -> bool| {
        let gains =
            equivariant.targets.iter().flat_map(|after| invariant.targets.iter().map(move |before| after - before));
        let gains: Vec<f64> = gains.collect();
        gains.iter().filter(|gain| bears_out(**gain)).count() as f64 / gains.len().max(1) as f64
    };
    let undecided =
        |why: String| judgement(Advice::Undecided, share(&|gain| gain > 0.0).max(share(&|gain| gain < 0.0)), why);
    let (Some(before), Some(after)) = (Spread::of(&invariant.targets), Spread::of(&equivariant.targets)) else {
        return undecided("no run tells of the target".into());
    };
    let is_still = |form: &Form| form.drift.is_some_and(|drift| drift.mean <= STILL);
    if is_still(invariant) && is_still(equivariant) {
        return undecided("it changes next to nothing in these pictures".into());
    }
    let (Some(spread_before), Some(spread_after)) = (before.std, after.std) else {
        return undecided("one seed has no spread: take more with --seeds".into());
    };
    let (gain, spread) = (after.mean - before.mean, spread_before.max(spread_after));
    let is_kept = equivariant.kept.is_some_and(|kept| kept.mean >= KEPT);
    match Verdict::of(after, before) {
        Verdict::Holds if is_kept => judgement(
            Advice::Equivariant,
            share(&|gain| gain > 0.0),
            format!("keeping it gains {gain:.3} of the target, more than twice the spread of {spread:.3}"),
        ),
        Verdict::Holds => undecided(format!("the target gains {gain:.3}, but the features hardly keep it")),
        Verdict::Fails => judgement(
            Advice::Invariant,
            share(&|gain| gain < 0.0),
            format!("keeping it costs {:.3} of the target, more than twice the spread of {spread:.3}", -gain),
        ),
        Verdict::Undecided if gain + 2.0 * spread < LEAST_GAIN => judgement(
            Advice::Invariant,
            share(&|gain| gain < LEAST_GAIN),
            format!("keeping it gains no more than {LEAST_GAIN} of the target: {gain:.3} with a spread of {spread:.3}"),
        ),
        Verdict::Undecided => undecided(format!(
            "the target changes by {gain:.3}, within twice the spread of {spread:.3}: take more seeds or steps"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(targets: &[f64], drift: f64, kept: f64) -> Form {
        let figure = |mean| Some(Spread { mean, std: Some(0.01) });
        Form { targets: targets.to_vec(), drift: figure(drift), kept: figure(kept) }
    }

    #[test]
    fn advice_follows_the_target_and_what_can_be_met() {
        struct Case {
            invariant: Form,
            equivariant: Form,
            advice: Advice,
            confidence: f64,
            why: &'static str,
        }
        let low = [0.40, 0.41, 0.42];
        let cases = [
            Case {
                invariant: form(&low, 0.1, 0.2),
                equivariant: form(&[0.60, 0.62, 0.61], 0.6, 0.9),
                advice: Advice::Equivariant,
                confidence: 1.0,
                why: "gains 0.200",
            },
            Case {
                invariant: form(&low, 0.1, 0.2),
                equivariant: form(&[0.60, 0.62, 0.61], 0.6, 0.1),
                advice: Advice::Undecided,
                confidence: 1.0,
                why: "hardly keep it",
            },
            Case {
                invariant: form(&low, 0.1, 0.2),
                equivariant: form(&[0.30, 0.31, 0.32], 0.6, 0.9),
                advice: Advice::Invariant,
                confidence: 1.0,
                why: "costs 0.100",
            },
            // Shown to gain next to nothing.
            Case {
                invariant: form(&[0.400, 0.401, 0.402], 0.1, 0.2),
                equivariant: form(&[0.401, 0.402, 0.403], 0.6, 0.9),
                advice: Advice::Invariant,
                confidence: 1.0,
                why: "no more than 0.02",
            },
            Case {
                invariant: form(&low, 0.1, 0.2),
                equivariant: form(&[0.38, 0.41, 0.44], 0.6, 0.9),
                advice: Advice::Undecided,
                confidence: 4.0 / 9.0,
                why: "within twice the spread",
            },
            Case {
                invariant: form(&low, 0.0, 0.0),
                equivariant: form(&[0.60, 0.62, 0.61], 0.01, 0.0),
                advice: Advice::Undecided,
                confidence: 1.0,
                why: "next to nothing",
            },
            Case {
                invariant: form(&[0.4], 0.1, 0.2),
                equivariant: form(&[0.6], 0.6, 0.9),
                advice: Advice::Undecided,
                confidence: 1.0,
                why: "one seed",
            },
            Case {
                invariant: form(&[], 0.1, 0.2),
                equivariant: form(&[0.6], 0.6, 0.9),
                advice: Advice::Undecided,
                confidence: 0.0,
                why: "no run",
            },
        ];
        for Case { invariant, equivariant, advice, confidence, why } in cases {
            let found = judge(&invariant, &equivariant);
            assert_eq!(found.advice, advice, "{found:?}");
            assert!((found.confidence - confidence).abs() < 1e-9, "{found:?}");
            assert!(found.why.contains(why), "{found:?} says not {why}");
        }
    }
}
