use super::columns::{CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, ENTROPY, PRIOR, READ, SYNERGY, TASK, TASK_IN_TRAINING};
use super::{PAPER, predicting, random_encoder};
use crate::study::{Chart, Claim, PaperFigure, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "transforms",
    title: "Which transformation is worth predicting?",
    words: "An encoder learns to tell what was done to a picture, one kind of transformation a row, and nothing else. How \
            much of the picture's class do its features hold? No base augmentation. The paper's tasks come first; those \
            after `blur` are further ones of this project.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, TASK, TASK_IN_TRAINING, ENTROPY, READ, PRIOR, SYNERGY],
    paper: &[PaperFigure { row: "random-encoder", text: "34 % (CIFAR-10, ResNet-18)" }],
    claims: &[
        Claim {
            words: "Four-fold rotation teaches more of the class than flips, grey, inversion and blur.",
            source: PAPER,
            column: CLASS.title,
            above: &["quarter-turns"],
            below: &["horizontal-flip", "vertical-flip", "grayscale", "inversion", "blur"],
        },
        Claim {
            words: "Jigsaw teaches more of the class than flips, grey, inversion and blur.",
            source: PAPER,
            column: CLASS.title,
            above: &["jigsaw"],
            below: &["horizontal-flip", "vertical-flip", "grayscale", "inversion", "blur"],
        },
        Claim {
            words: "Rotation and jigsaw teach more than the random encoder knows.",
            source: PAPER,
            column: CLASS.title,
            above: &["quarter-turns", "jigsaw"],
            below: &["random-encoder"],
        },
        Claim {
            words: "Lossy tasks: more is left to be told of rotation and jigsaw by the class than of grey and inversion.",
            source: "the explaining-away of Wang et al. 2024; the estimate is ours",
            column: SYNERGY.title,
            above: &["quarter-turns", "jigsaw"],
            below: &["grayscale", "inversion"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
        Chart::Bars {
            title: "bits that features tell of the task, and what there is",
            columns: &[READ.title, ENTROPY.title],
        },
        Chart::Bars { title: "bits that the class adds, I(C;A|Z)", columns: &[SYNERGY.title] },
    ],
};

fn rows(_: Scale) -> Vec<Row> {
    const TASKS: [&str; 11] = [
        "quarter-turns",
        "horizontal-flip",
        "vertical-flip",
        "grayscale",
        "inversion",
        "jigsaw",
        "blur",
        "scale",
        "brightness",
        "hue",
        "crop-position",
    ];
    std::iter::once(random_encoder()).chain(TASKS.map(|task| predicting(task, &[task]))).collect()
}
