use super::columns::{CLASS, CLASS_ONLINE, ENTROPY, READ, SYNERGY, TASK, TASK_IN_TRAINING};
use super::predicting;
use crate::study::{Chart, Claim, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "fine-grained",
    title: "Do finer rotations teach more?",
    words: "Rotations in 4, 8, 16 and 32 steps are predicted. All four resample the picture in the same way and show its \
            largest circle alone, so that neither blur nor corners tell the angle. That finer classes help is a theorem in \
            the paper; the experiment is ours.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, TASK, TASK_IN_TRAINING, ENTROPY, READ, SYNERGY],
    paper: &[],
    claims: &[
        Claim {
            words: "Eight steps teach more of the class than four.",
            source: THEOREM,
            column: CLASS.title,
            above: &["rotations-8"],
            below: &["rotations-4"],
        },
        Claim {
            words: "Sixteen steps teach more than four.",
            source: THEOREM,
            column: CLASS.title,
            above: &["rotations-16"],
            below: &["rotations-4"],
        },
        Claim {
            words: "Thirty-two steps teach more than four.",
            source: THEOREM,
            column: CLASS.title,
            above: &["rotations-32"],
            below: &["rotations-4"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
        Chart::Bars {
            title: "bits that features tell of the angle, and what there is",
            columns: &[READ.title, ENTROPY.title],
        },
    ],
};

const THEOREM: &str = "a theorem of Wang et al. 2024";

fn rows(_: Scale) -> Vec<Row> {
    ["rotations-4", "rotations-8", "rotations-16", "rotations-32"].map(|task| predicting(task, &[task])).into()
}
