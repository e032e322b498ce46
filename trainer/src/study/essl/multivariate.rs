use super::columns::{CLASS, CLASS_ONLINE, READ, SYNERGY, TASK};
use super::predicting;
use crate::study::{Chart, Claim, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "multivariate",
    title: "Do several transformations teach more than one?",
    words: "Several transformations are done to a picture one after the other, and each is predicted by a head of its own. \
            Each is drawn without looking at the others. That they help is a theorem in the paper; the experiment is ours.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, TASK, READ, SYNERGY],
    paper: &[],
    claims: &[
        Claim {
            words: "Turns and jigsaw together teach more of the class than either alone.",
            source: THEOREM,
            column: CLASS.title,
            above: &["turns-jigsaw"],
            below: &["turns", "jigsaw"],
        },
        Claim {
            words: "Turns and colour teach more than turns alone.",
            source: THEOREM,
            column: CLASS.title,
            above: &["turns-inversion-brightness"],
            below: &["turns"],
        },
        Claim {
            words: "Turns, jigsaw, inversion, brightness and blur together teach more than turns alone.",
            source: THEOREM,
            column: CLASS.title,
            above: &["five-together"],
            below: &["turns"],
        },
    ],
    gains: &[],
    charts: &[Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] }],
};

const THEOREM: &str = "a theorem of Wang et al. 2024";

fn rows(_: Scale) -> Vec<Row> {
    vec![
        predicting("turns", &["quarter-turns"]),
        predicting("jigsaw", &["jigsaw"]),
        predicting("turns-jigsaw", &["quarter-turns", "jigsaw"]),
        predicting("turns-crop-position", &["quarter-turns", "crop-position"]),
        predicting("turns-inversion-brightness", &["quarter-turns", "inversion", "brightness"]),
        predicting("five-together", &["quarter-turns", "jigsaw", "inversion", "brightness", "blur"]),
    ]
}
