//! The study of what self-supervision is worth where some labels of pose are known.

use super::{Chart, Claim, Column, FinishedRun, Question, Row, Scale, Setting};
use crate::evaluate::figure;

pub(super) const QUESTION: Question = Question {
    name: "usefulness",
    title: "What is self-supervision worth where labels of pose are few?",
    words: "A network for pose and class is trained in four ways for the same seconds, on objects of which all, a tenth or a hundredth \
            are labelled. `heads` learns from labelled objects alone. `both` learns the default method from all objects beside, \
            of which the labelled ones are half of what it sees. `frozen` and `tuned` begin with the encoder of `method-first`, which \
            spent half of the seconds on the method alone; then the heads learn from the labelled objects for the other half, with \
            an encoder that stays as it is, or one that learns with them. A label is the class and the pose of an object in every \
            view of it. Without labels the method is told how an object turns from one view to another, but neither class nor pose.",
    setting: Setting {
        preset: |_| "quickstart",
        shared: &["data.objects_per_family=200", "fit.steps=1800", "evaluation.part_probes=false"],
        labels: "`method-first` learns from no label, but for heads whose gradient does not reach the encoder; the others learn from the \
                 labels that their names tell, in percent.",
        has_paper_scale: false,
    },
    rows,
    columns: &[POSE, WITHIN_15, CLASS, NEW_OBJECTS, SECONDS],
    paper: &[],
    claims: &[
        Claim {
            words: "With a hundredth of the labels the method beside the heads improves the pose.",
            source: EXPECTED,
            column: POSE.title,
            above: &["heads-1"],
            below: &["both-1"],
        },
        Claim {
            words: "With a tenth it does.",
            source: EXPECTED,
            column: POSE.title,
            above: &["heads-10"],
            below: &["both-10"],
        },
        Claim {
            words: "With all labels it does.",
            source: EXPECTED,
            column: POSE.title,
            above: &["heads-100"],
            below: &["both-100"],
        },
        Claim {
            words: "With a hundredth of the labels an encoder that has learned the method first improves the pose.",
            source: EXPECTED,
            column: POSE.title,
            above: &["heads-1"],
            below: &["frozen-1", "tuned-1"],
        },
        Claim {
            words: "With a hundredth of the labels the method improves the class.",
            source: EXPECTED,
            column: CLASS.title,
            above: &["both-1", "frozen-1", "tuned-1"],
            below: &["heads-1"],
        },
        Claim {
            words: "The method tells the pose of new objects from few reference views better than heads with all labels.",
            source: EXPECTED,
            column: NEW_OBJECTS.title,
            above: &["heads-100"],
            below: &["both-100", "method-first"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "pose, median error in degrees, symmetry-aware", columns: &[POSE.title] },
        Chart::Bars { title: "class top-1 of the deployed head", columns: &[CLASS.title] },
        Chart::Bars {
            title: "pose of new objects by their nearest reference view, degrees",
            columns: &[NEW_OBJECTS.title],
        },
    ],
};

const EXPECTED: &str = "expected by this project";

const POSE: Column = Column {
    title: "pose °",
    digits: 1,
    words: "median error of the deployed rotation head on held-out objects, in degrees, symmetry-aware",
    read: |run| read(run, "pose.symmetric.median_deg"),
};

const WITHIN_15: Column = Column {
    title: "Acc@15",
    digits: 3,
    words: "share of their views within 15 degrees",
    read: |run| read(run, "pose.symmetric.acc15"),
};

const CLASS: Column = Column {
    title: "class",
    digits: 3,
    words: "class top-1 of the deployed head",
    read: |run| read(run, "class_top1_head"),
};

const NEW_OBJECTS: Column = Column {
    title: "new objects °",
    digits: 1,
    words: "median error of a held-out object's pose where it is that of the nearest of ten reference views in the equivariant half",
    read: |run| read(run, "references.median_deg"),
};

const SECONDS: Column = Column {
    title: "seconds",
    digits: 0,
    words: "what the steps took; those of `method-first` come before `frozen` and `tuned`",
    read: |run| Some(run.seconds),
};

fn read(run: &FinishedRun, key: &str) -> Option<f64> {
    figure(key).of(&run.evaluation)
}

/// In percent, with the value of `heads.label_share`.
const SHARES: [(&str, f32); 3] = [("100", 1.0), ("10", 0.1), ("1", 0.01)];

/// Steps of heads alone that take as long as one of heads with the method: on one thread they see 1,400 and 1,300 images a second.
const HEADS_TIMES: f64 = 1.08;
/// Steps of the method first, 1,270 images a second, and of heads after it, 1,750 with an encoder that stays as it is: either pair takes
/// as long as one step of heads with the method.
const FIRST_TIMES: f64 = 0.5;
const FROZEN_TIMES: f64 = 0.65;
const TUNED_TIMES: f64 = 0.53;
const FIRST: &str = "method-first";

fn rows(_: Scale) -> Vec<Row> {
    let first = Row::new(FIRST, &["method.name=sextant", "heads.gradient=detached"]).for_times_steps(FIRST_TIMES);
    let of_share = |(percent, share): (&str, f32)| {
        let row = |way: &str, method: &str, gradient: &str| {
            let sets = [
                format!("method.name={method}"),
                format!("heads.gradient={gradient}"),
                format!("heads.label_share={share}"),
            ];
            Row::new(&format!("{way}-{percent}"), &sets.each_ref().map(String::as_str))
        };
        [
            row("heads", "heads-only", "routed").for_times_steps(HEADS_TIMES),
            row("both", "sextant", "routed"),
            row("frozen", "heads-only", "detached").for_times_steps(FROZEN_TIMES).beginning_with(FIRST),
            row("tuned", "heads-only", "routed").for_times_steps(TUNED_TIMES).beginning_with(FIRST),
        ]
    };
    std::iter::once(first).chain(SHARES.into_iter().flat_map(of_share)).collect()
}
