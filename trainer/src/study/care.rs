//! The study of CARE (Gupta et al. 2023).

use super::essl::columns::{CLASS, CLASS_ONLINE};
use super::{Chart, Claim, Column, PaperFigure, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "care",
    title: "Do augmentations that act as rotations of the embedding teach more of the class?",
    words: "CARE asks that the inner product of two pictures' embeddings stay the same from one augmentation that both share \
            to another, beside SimCLR's contrast. It is compared with SimCLR, and with cross-entropy of the class, which \
            learns from labels. All rows see SimCLR's augmentation. The weight of CARE's term, 10, and the number of subjects that \
            share an augmentation, 8, are ours: rows have other weights, none at all, and larger blocks.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, CHANGE, RELATIVE_CHANGE],
    paper: &[
        PaperFigure { row: "simclr", text: "90.98 % (CIFAR-10, ResNet-50)" },
        PaperFigure { row: "care", text: "91.92 % (CIFAR-10, ResNet-50)" },
    ],
    claims: &[
        Claim {
            words: "CARE's features hold more of the class than SimCLR's.",
            source: PAPER,
            column: CLASS.title,
            above: &["care"],
            below: &["simclr"],
        },
        Claim {
            words: "Labels teach more of the class than either.",
            source: "expected by this project",
            column: CLASS.title,
            above: &["cross-entropy"],
            below: &["care", "simclr"],
        },
        Claim {
            words: "CARE keeps inner products better than SimCLR and cross-entropy do.",
            source: "what the term is made for",
            column: RELATIVE_CHANGE.title,
            above: &["simclr", "cross-entropy"],
            below: &["care"],
        },
        Claim {
            words: "That is the term's doing, not that of shared augmentations.",
            source: "expected by this project",
            column: RELATIVE_CHANGE.title,
            above: &["care-without-term"],
            below: &["care"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
        Chart::Bars { title: "change of inner products, 0 where all are kept", columns: &[RELATIVE_CHANGE.title] },
    ],
};

const PAPER: &str = "Gupta et al. 2023";

const CHANGE: Column = Column {
    title: "L_equi",
    digits: 4,
    words: "mean squared change of the inner product of two held-out pictures' features, of unit length, from one augmentation \
            that both share to another",
    read: |run| Some(run.evaluation.inner_products?.squared_change),
};

const RELATIVE_CHANGE: Column = Column {
    title: "relative L_equi",
    digits: 3,
    words: "that over twice the variance of the inner products: 0 where all are kept, 1 where nothing of them is",
    read: |run| Some(run.evaluation.inner_products?.relative_change),
};

fn rows(_: Scale) -> Vec<Row> {
    let row = |label: &str, sets: &[&str]| {
        let shared = ["data.augmentation=simclr", "evaluation.inner_products=true"];
        Row::new(label, &[sets, &shared].concat())
    };
    vec![
        row("simclr", &["method.name=simclr", "method.temperature=0.5"]),
        row("care", &["method.name=care", "method.temperature=0.5"]),
        row("care-without-term", &["method.name=care", "method.temperature=0.5", "method.equivariance_weight=0.0"]),
        row("care-weight-1", &["method.name=care", "method.temperature=0.5", "method.equivariance_weight=1.0"]),
        row("care-weight-50", &["method.name=care", "method.temperature=0.5", "method.equivariance_weight=50.0"]),
        row("care-block-32", &["method.name=care", "method.temperature=0.5", "method.block=32"]),
        row("cross-entropy", &["method.name=supervised", "method.target=class"]),
    ]
}
