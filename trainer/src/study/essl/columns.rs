//! The figures that the studies tell of each run.

use crate::evaluate::{Information, TransformationReport};
use crate::study::{Column, FinishedRun};

pub const CLASS: Column = Column {
    title: "class top-1",
    digits: 3,
    words: "a linear probe on frozen features, trained and tested on pictures as they are, at the end of training",
    read: |run| Some(run.evaluation.class.as_ref()?.class_top1),
};

pub const CLASS_ONLINE: Column = Column {
    title: "online, last",
    digits: 3,
    words: "the paper's probe: trained beside the encoder on transformed pictures, tested on pictures as they are, at the \
            end of training",
    read: |run| run.metrics.iter().rev().find_map(|record| record.values.get("probe/class_top1").copied()),
};

pub const CLASS_ONLINE_BEST: Column = Column {
    title: "online, best",
    digits: 3,
    words: "the same at its best round, which the paper picks on the test pictures",
    read: |run| {
        let rounds = run.metrics.iter().filter_map(|record| record.values.get("probe/class_top1").copied());
        rounds.max_by(f64::total_cmp)
    },
};

pub const TASK: Column = Column {
    title: "task top-1",
    digits: 3,
    words: "the share of held-out pictures of which it is told what was done to them, mean over the tasks",
    read: |run| run.evaluation.transformation_top1,
};

pub const TASK_IN_TRAINING: Column = Column {
    title: "task, training",
    digits: 3,
    words: "the same on training pictures over the last tenth of the steps: the paper's figure",
    read: |run| mean_accuracy(run, 0.9),
};

pub const TASK_OVER_TRAINING: Column = Column {
    title: "task, all steps",
    digits: 3,
    words: "the same over all steps: larger where the task is learned faster",
    read: |run| mean_accuracy(run, 0.0),
};

pub const READ: Column = Column {
    title: "I(A;Z)",
    digits: 3,
    words: "bits that the features Z tell of the task A, a lower bound by probes, mean over the tasks",
    read: |run| mean_of(run, |found| found.i_a_z.bits),
};

pub const ENTROPY: Column = Column {
    title: "H(A)",
    digits: 2,
    words: "bits that there are to tell, mean over the tasks",
    read: |run| mean_of(run, |found| found.entropy_bits),
};

pub const PRIOR: Column = Column {
    title: "I(C;A)",
    digits: 3,
    words: "bits that the class C tells of the task without a picture: 0 but for chance",
    read: |run| mean_of(run, |found| found.i_c_a.bits),
};

pub const SYNERGY: Column = Column {
    title: "I(C;A|Z)",
    digits: 3,
    words: "bits that the class adds to the features, an estimate by probes",
    read: |run| mean_of(run, |found| found.i_c_a_given_z.bits),
};

/// Mean accuracy of the logged steps from a share of the run on.
fn mean_accuracy(run: &FinishedRun, from: f64) -> Option<f64> {
    let first = run.config.fit.steps as f64 * from;
    let logged = run.metrics.iter().filter(|record| record.step as f64 >= first);
    let accuracies: Vec<f64> = logged.filter_map(|record| record.values.get("loss/accuracy").copied()).collect();
    (!accuracies.is_empty()).then(|| accuracies.iter().sum::<f64>() / accuracies.len() as f64)
}

/// Mean over the tasks of a run.
fn mean_of(run: &FinishedRun, read: fn(&Information) -> f64) -> Option<f64> {
    let of_task = |report: &TransformationReport| report.information.as_ref().map(read);
    let values: Vec<f64> = run.evaluation.transformations.iter().filter_map(of_task).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
