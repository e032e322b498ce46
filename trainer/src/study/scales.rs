//! The study of ordered scales: our reading of the abstract of Xie et al. (CVPR Workshops 2022).

use super::essl::columns::{CLASS, CLASS_ONLINE};
use super::{Chart, Claim, Column, FinishedRun, Question, Row, Scale, Setting};
use crate::evaluate::ResponseReport;

pub(super) const QUESTION: Question = Question {
    name: "scales",
    title: "Can features keep the order of a transformation's strengths and hold as much of the class?",
    words: "Features are to keep the order of turns and of blur: more of it is farther away. To SimCLR's augmentation they are \
            invariant. This is our reading of the abstract of \"What Should Be Equivariant in Self-Supervised Learning\", of \
            which no more is public. `simclr` sees neither turns nor blur, `all-invariant` has them as further augmentations, \
            and `all-equivariant` keeps the order of five scales after a crop and a flip. `ranking` shows \
            each picture five times, so that at as many images a batch has fewer pictures than SimCLR's; \
            `ranking-equal-subjects` has as many. The reconstruction of what lies \
            between two strengths follows arXiv 2503.18753.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, ROTATION, BLUR, ROTATION_AUGMENTED, BLUR_AUGMENTED, ROTATION_DRIFT, BLUR_DRIFT],
    paper: &[],
    claims: &[
        Claim {
            words: "Ranking keeps the order of turns better than SimCLR.",
            source: EXPECTED,
            column: ROTATION.title,
            above: &["ranking"],
            below: &["simclr", "all-invariant"],
        },
        Claim {
            words: "Ranking keeps the order of blur better than SimCLR.",
            source: EXPECTED,
            column: BLUR.title,
            above: &["ranking"],
            below: &["simclr", "all-invariant"],
        },
        Claim {
            words: "So does reconstruction, of turns.",
            source: EXPECTED,
            column: ROTATION.title,
            above: &["reconstruction"],
            below: &["simclr", "all-invariant"],
        },
        Claim {
            words: "Under augmentation the order of turns is kept by ranking alone.",
            source: EXPECTED,
            column: ROTATION_AUGMENTED.title,
            above: &["ranking"],
            below: &["simclr", "all-invariant"],
        },
        Claim {
            words: "Chosen well, equivariance holds more of the class than equivariance to all.",
            source: READING,
            column: CLASS.title,
            above: &["ranking"],
            below: &["all-equivariant"],
        },
        Claim {
            words: "It holds more of the class than invariance to all.",
            source: READING,
            column: CLASS.title,
            above: &["ranking"],
            below: &["all-invariant"],
        },
    ],
    gains: &[],
    charts: &[
        Chart::Bars { title: "order kept, Kendall's tau", columns: &[ROTATION.title, BLUR.title] },
        Chart::Bars {
            title: "order kept under augmentation",
            columns: &[ROTATION_AUGMENTED.title, BLUR_AUGMENTED.title],
        },
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
    ],
};

const EXPECTED: &str = "expected by this project";
const READING: &str = "our reading of Xie et al. 2022";

const TURNS: &str = "rotation-scale";
const SOFTNESS: &str = "blur-scale";

const ROTATION: Column = Column {
    title: "order of turns",
    digits: 3,
    words: "Kendall's tau between the distance of features and the strength, over eight turns of each held-out picture",
    read: |run| response(run, TURNS, |report| report.tau),
};

const BLUR: Column = Column {
    title: "order of blur",
    digits: 3,
    words: "the same over eight strengths of blur",
    read: |run| response(run, SOFTNESS, |report| report.tau),
};

const ROTATION_AUGMENTED: Column = Column {
    title: "turns, augmented",
    digits: 3,
    words: "the order of turns where each of the eight looks has an augmentation of its own, as training draws them",
    read: |run| response(run, TURNS, |report| report.tau_augmented),
};

const BLUR_AUGMENTED: Column = Column {
    title: "blur, augmented",
    digits: 3,
    words: "the order of blur, likewise",
    read: |run| response(run, SOFTNESS, |report| report.tau_augmented),
};

const ROTATION_DRIFT: Column = Column {
    title: "drift by turns",
    digits: 3,
    words: "how far turns move features, 1 as far as another picture",
    read: |run| response(run, TURNS, |report| Some(report.drift)),
};

const BLUR_DRIFT: Column = Column {
    title: "drift by blur",
    digits: 3,
    words: "how far blur moves them",
    read: |run| response(run, SOFTNESS, |report| Some(report.drift)),
};

fn response(run: &FinishedRun, name: &str, read: fn(&ResponseReport) -> Option<f64>) -> Option<f64> {
    run.evaluation.responses.iter().find(|report| report.transformation == name).and_then(read)
}

fn rows(_: Scale) -> Vec<Row> {
    let row = |label: &str, sets: &[&str]| {
        let shared = [
            "method.temperature=0.5",
            "evaluation.responses=[\"rotation-scale\", \"blur-scale\"]",
            "evaluation.information=false",
        ];
        Row::new(label, &[sets, &shared].concat())
    };
    let augmented = "data.augmentation=simclr";
    let both = "data.transformations=[\"rotation-scale\", \"blur-scale\"]";
    let ordered = "method.ordered=[\"rotation-scale\", \"blur-scale\"]";
    let all = "[\"rotation-scale\", \"blur-scale\", \"brightness-scale\", \"hue-scale\", \"crop-scale\"]";
    let ranking: &[&str] = &["method.name=ordered-scales", augmented, both, ordered];
    vec![
        row("simclr", &["method.name=simclr", augmented]),
        row("all-invariant", &["method.name=simclr", augmented, both]),
        row("ranking", ranking),
        row("ranking-equal-subjects", ranking).of_subjects_in_two_views(),
        row(
            "reconstruction",
            &["method.name=ordered-scales", "method.objective=reconstruction", augmented, both, ordered],
        ),
        row(
            "all-equivariant",
            &[
                "method.name=ordered-scales",
                "data.augmentation=crop-flip",
                &format!("data.transformations={all}"),
                &format!("method.ordered={all}"),
            ],
        ),
    ]
}
