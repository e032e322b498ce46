use super::columns::{CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, READ, SYNERGY, TASK, TASK_IN_TRAINING};
use super::{PAPER, predicting};
use crate::study::{Chart, Claim, PaperFigure, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "augmentations",
    title: "What do base augmentations do to the prediction of rotations?",
    words: "Quarter turns are predicted of pictures that were augmented before. `crop-flip` pads, crops and flips, as the \
            paper describes; `crop-flip-as-published` is what its code does at 32 pixels, a flip alone. The last row is \
            SimCLR, which predicts nothing.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, TASK, TASK_IN_TRAINING, READ, SYNERGY],
    paper: &[
        PaperFigure { row: "rotation-simclr", text: "59.06 % at best (CIFAR-10, ResNet-18)" },
        PaperFigure { row: "simclr-method", text: "89.49 % (CIFAR-10, ResNet-18)" },
    ],
    claims: &[
        Claim {
            words: "Shortcuts pruned: with SimCLR's augmentation the features hold more of the class than without one.",
            source: PAPER,
            column: CLASS.title,
            above: &["rotation-simclr"],
            below: &["rotation-none"],
        },
        Claim {
            words: "The stronger the augmentation, the harder the turns are to tell.",
            source: PAPER,
            column: TASK_IN_TRAINING.title,
            above: &["rotation-none", "rotation-crop-flip"],
            below: &["rotation-simclr"],
        },
        Claim {
            words: "SimCLR itself holds more of the class than the prediction of turns.",
            source: PAPER,
            column: CLASS.title,
            above: &["simclr-method"],
            below: &["rotation-none", "rotation-crop-flip", "rotation-simclr"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
        Chart::Bars {
            title: "task top-1, held-out and training pictures",
            columns: &[TASK.title, TASK_IN_TRAINING.title],
        },
        Chart::Bars { title: "bits that the class adds, I(C;A|Z)", columns: &[SYNERGY.title] },
    ],
};

fn rows(_: Scale) -> Vec<Row> {
    let with = |augmentation: &str| {
        let row = predicting(&format!("rotation-{augmentation}"), &["quarter-turns"]);
        row.with(&format!("data.augmentation={augmentation}"))
    };
    let rows = ["none", "crop-flip-as-published", "crop-flip", "simclr"].map(with);
    let simclr =
        Row::new("simclr-method", &["method.name=simclr", "method.temperature=0.5", "data.augmentation=simclr"]);
    rows.into_iter().chain([simclr]).collect()
}
