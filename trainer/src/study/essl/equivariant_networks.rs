use super::columns::{CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, READ, SYNERGY, TASK, TASK_IN_TRAINING};
use super::{PAPER, predicting};
use crate::study::{Chart, Claim, Gain, Question, Row, Scale, Setting};

pub(super) const QUESTION: Question = Question {
    name: "equivariant-networks",
    title: "Does an encoder that is equivariant by construction learn more from rotations?",
    words: "Quarter turns are predicted by a plain encoder and by one that follows quarter turns whatever its weights are \
            (`c4`), beside three base augmentations. Both have as many features, and about as many multiplications. \
            `c4-parameters` has about as many weights instead and several times the multiplications, as the paper's network \
            has; `d4` follows mirror images, too. The paper compares 4,096 features with 512, and has dropout inside its \
            blocks, which this project leaves out.",
    setting: Setting::OF_PICTURES,
    rows,
    columns: &[CLASS, CLASS_ONLINE, CLASS_ONLINE_BEST, TASK, TASK_IN_TRAINING, READ, SYNERGY],
    paper: &[],
    claims: &[
        Claim {
            words: "The equivariant encoder tells turns better, beside every augmentation.",
            source: PAPER,
            column: TASK.title,
            above: &["c4-none"],
            below: &["plain-none"],
        },
        Claim {
            words: "Beside a crop and a flip it does.",
            source: PAPER,
            column: TASK.title,
            above: &["c4-crop-flip"],
            below: &["plain-crop-flip"],
        },
        Claim {
            words: "Beside SimCLR's augmentation it does.",
            source: PAPER,
            column: TASK.title,
            above: &["c4-simclr"],
            below: &["plain-simclr"],
        },
        Claim {
            words: "Its features hold more of the class, without augmentation.",
            source: PAPER,
            column: CLASS.title,
            above: &["c4-none"],
            below: &["plain-none"],
        },
        Claim {
            words: "They do beside a crop and a flip.",
            source: PAPER,
            column: CLASS.title,
            above: &["c4-crop-flip"],
            below: &["plain-crop-flip"],
        },
        Claim {
            words: "They do beside SimCLR's augmentation.",
            source: PAPER,
            column: CLASS.title,
            above: &["c4-simclr"],
            below: &["plain-simclr"],
        },
        Claim {
            words: "With as many weights as the plain encoder, they hold more of the class than with as many multiplications.",
            source: "expected by this project",
            column: CLASS.title,
            above: &["c4-parameters-none"],
            below: &["c4-none"],
        },
    ],
    gains: &[
        Gain { words: "none", of: "c4-none", over: "plain-none" },
        Gain { words: "crop-flip", of: "c4-crop-flip", over: "plain-crop-flip" },
        Gain { words: "simclr", of: "c4-simclr", over: "plain-simclr" },
        Gain { words: "none, as many weights", of: "c4-parameters-none", over: "plain-none" },
        Gain { words: "none, with mirror images", of: "d4-none", over: "plain-none" },
    ],
    charts: &[
        Chart::Bars { title: "class top-1 of a linear probe", columns: &[CLASS.title] },
        Chart::Bars {
            title: "quarter turns told, held-out and training pictures",
            columns: &[TASK.title, TASK_IN_TRAINING.title],
        },
    ],
};

/// The schedule of the paper's equivariant networks: 200 epochs of 50,000 pictures in batches of 128.
const OF_PAPER: [&str; 9] = [
    "fit.batch_size=128",
    "fit.steps=78125",
    "fit.probe_every=3906",
    "optimiser.lr=0.05",
    "optimiser.weight_decay=5e-4",
    "schedule.kind=step",
    "schedule.gamma=0.2",
    "schedule.milestones=[23437, 46875, 62500]",
    "fit.checkpoint_every=2000",
];

fn rows(scale: Scale) -> Vec<Row> {
    let (plain, equivariant, of_scale) = match scale {
        Scale::Small => ("tiny", "eqtiny", &[][..]),
        Scale::Paper => ("resnet18-cifar", "eqresnet18", &OF_PAPER[..]),
    };
    let row = |network: &str, augmentation: &str, of_network: &[String]| {
        let row = predicting(&format!("{network}-{augmentation}"), &["quarter-turns"]);
        let row = row.with(&format!("data.augmentation={augmentation}"));
        let sets = of_network.iter().map(String::as_str).chain(of_scale.iter().copied());
        sets.fold(row, |row, set| row.with(set))
    };
    let follows = |group: &str, matched: &str| {
        vec![
            format!("model.encoder={equivariant}-{group}"),
            format!("model.matched={matched}"),
            "model.downsampling=strided".into(),
        ]
    };
    let plain = vec![format!("model.encoder={plain}")];
    let c4 = follows("c4", "multiplications");
    let pairs = ["none", "crop-flip", "simclr"].map(|with| [row("plain", with, &plain), row("c4", with, &c4)]);
    let further = [
        row("c4-parameters", "none", &follows("c4", "parameters")),
        row("d4", "none", &follows("d4", "multiplications")),
    ];
    pairs.into_iter().flatten().chain(further).collect()
}
