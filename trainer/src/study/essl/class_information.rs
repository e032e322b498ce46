use super::PAPER;
use super::columns::{CLASS, TASK, TASK_IN_TRAINING, TASK_OVER_TRAINING};
use crate::study::{Chart, Claim, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "class-information",
    title: "Does knowing the class help to tell rotations?",
    words: "Quarter turns are predicted while a class head learns beside. The encoder hears nothing of it (`leave`), is \
            made to tell the class (`add`), or to hide it (`eliminate`). The published code eliminates with an unbounded \
            negative cross-entropy and steps twice through one graph; here the term is bounded, in two ways, and encoder \
            and class head each take a step from weights that the other's has not moved.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[TASK_OVER_TRAINING, TASK_IN_TRAINING, TASK, CLASS],
    paper: &[],
    claims: &[
        Claim {
            words: "With class information the turns are learned faster.",
            source: PAPER,
            column: TASK_OVER_TRAINING.title,
            above: &["add"],
            below: &["leave"],
        },
        Claim {
            words: "Without class information they are learned less well.",
            source: PAPER,
            column: TASK_OVER_TRAINING.title,
            above: &["leave"],
            below: &["eliminate-uniform", "eliminate-clipped"],
        },
        Claim {
            words: "Elimination takes the class out of the features.",
            source: "what the setting is made for",
            column: CLASS.title,
            above: &["leave"],
            below: &["eliminate-uniform", "eliminate-clipped"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Curves { title: "share of turns told, training pictures", metric: "loss/accuracy" },
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
    ],
};

fn rows(_: Scale) -> Vec<Row> {
    let row = |label: &str, options: &[&str]| {
        let shared = ["method.name=class-information", "data.transformations=[\"quarter-turns\"]"];
        Row::new(label, &[&shared, options].concat())
    };
    vec![
        row("leave", &["method.class_information=leave"]),
        row("add", &["method.class_information=add"]),
        row("eliminate-uniform", &["method.class_information=eliminate", "method.elimination=uniform"]),
        row("eliminate-clipped", &["method.class_information=eliminate", "method.elimination=clipped"]),
    ]
}
