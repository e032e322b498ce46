//! Every figure of an evaluation, once: where it stands in `evaluation.json`, what it is called, its unit, whether more of it
//! is better, and how it is read.
//!
//! `trainer eval`, the report and the studies print from this table. A new figure is its field in [`Evaluation`], its
//! measurement and one line of [`table`].

use std::sync::LazyLock;

use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::parts::{FEATURES, PARTS};
use super::{
    DeployedEvaluation, Evaluation, HalfReport, PoseErrors, RetrievalFigures, RotationFigures, RotationR2, Split,
};

use Better::{Floor, Less, More, Neither};
use Group::{
    Class, Colour, Drift, Halves, InnerProducts, Order, OutOfRange, Pose, Predictor, Rank, References, Retrieval,
    Rotation, Transformation,
};
use Unit::{Degrees, Dimensions, Ratio, Share};

/// A figure of an [`Evaluation`].
pub struct Figure {
    /// Where it stands in `evaluation.json`: keys joined by dots, such as `pose.symmetric.median_deg`.
    pub key: String,
    /// What it is printed together with.
    pub group: Group,
    /// Its line in `trainer eval`.
    pub row: String,
    /// What that line calls it.
    pub name: &'static str,
    /// The part of the features that it is of, by its name; `None` for figures that are not measured part by part.
    pub part: Option<&'static str>,
    /// What it counts.
    pub unit: Unit,
    /// Whether more of it is better.
    pub better: Better,
    /// Its row in the report's table, which neighbours of the same label share; `None` when the table does not have it.
    pub label: Option<String>,
    /// Its column in the tables of studies.
    pub column: Option<&'static str>,
    /// Its bar in the chart of its group.
    pub bar: Option<&'static str>,
    /// How it is compared between deployed models; `None` when it is not of what they answer.
    pub deployed: Option<DeployedFigure>,
    read: Box<Read>,
}

/// A figure as it is compared between deployed models.
#[derive(Clone, Copy)]
pub struct DeployedFigure {
    /// What its row is called.
    pub name: &'static str,
    read: fn(&DeployedEvaluation) -> Option<f64>,
}

type Read = dyn Fn(&Evaluation) -> Option<f64> + Send + Sync;

/// A figure that is measured of several things: the last part of its key, its name, what it is, and how it is read.
type Quantity<T> = (&'static str, &'static str, (Unit, Better), fn(T) -> f64);

/// Figures that are printed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Shares of images whose class is right.
    Class,
    /// How well it is told what was done to pictures.
    Transformation,
    /// Whether more of an ordered transformation is farther away.
    Order,
    /// What becomes of inner products under a shared augmentation.
    InnerProducts,
    /// What a probe reads of the rotation between two views.
    Rotation,
    /// What each half of the features tells.
    Halves,
    /// What a probe reads of the colours.
    Colour,
    /// How well predicted views are found.
    Retrieval,
    /// How well reference views of a new object tell its pose.
    References,
    /// Errors of the deployed rotation head.
    Pose,
    /// Errors of the learned predictor.
    Predictor,
    /// How far two views of an object lie apart.
    Drift,
    /// How many dimensions the features fill.
    Rank,
    /// The same for rotations that training never showed.
    OutOfRange,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A part of 1.
    Share,
    /// A multiple of something, or a coefficient of determination.
    Ratio,
    /// An angle.
    Degrees,
    /// Dimensions of a space.
    Dimensions,
}

/// Which way a figure is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Up.
    More,
    /// Down.
    Less,
    /// It describes, and has no better side.
    Neither,
    /// What knowing nothing scores: the figure before it, or of its name, is read against this.
    Floor,
}

impl Unit {
    /// Digits behind the point.
    pub fn digits(self) -> usize {
        match self {
            Share | Ratio => 3,
            Degrees | Dimensions => 1,
        }
    }

    /// A figure with its unit.
    pub fn text(self, value: f64) -> String {
        self.text_with(value, self.digits())
    }

    /// The same with another number of digits behind the point.
    pub fn text_with(self, value: f64, digits: usize) -> String {
        let sign = if self == Degrees { "°" } else { "" };
        format!("{value:.digits$}{sign}")
    }
}

impl DeployedFigure {
    /// Its value; `None` where it was not measured.
    pub fn of(self, evaluation: &DeployedEvaluation) -> Option<f64> {
        (self.read)(evaluation)
    }
}

impl Group {
    /// The line of `trainer eval` that its figures stand in, where they stand in one.
    fn row(self) -> &'static str {
        match self {
            Class => "class top-1",
            Transformation => "transformations",
            Order => "order of scales",
            InnerProducts => "inner products",
            Rotation => "R2, target w >= 0",
            Colour => "colour R2",
            Retrieval | Pose | Halves => "",
            References => "new objects",
            Predictor => "predictor errors",
            Drift => "drift between views, 1 as between objects:",
            Rank => "effective rank",
            OutOfRange => "outside the trained rotations:",
        }
    }

    /// Title of its chart in the report; `None` when it has none.
    pub fn chart(self) -> Option<&'static str> {
        match self {
            Class => Some("class top-1"),
            Transformation => Some("transformations told"),
            Order => Some("order of scales kept (Kendall's tau)"),
            InnerProducts => Some("change of inner products under a shared augmentation"),
            Rotation => Some("rotation R2 (one mean over all components)"),
            Colour => Some("colour R2 (one mean over all components)"),
            Retrieval => Some("retrieval of predicted views"),
            References => Some("pose of new objects by their nearest reference view"),
            Predictor => Some("relative errors of the predictor"),
            Drift => Some("drift between two views"),
            Rank => Some("effective rank (RankMe)"),
            Halves => Some("angle to the nearest neighbour's pose"),
            Pose | OutOfRange => None,
        }
    }
}

/// All figures, in the order in which tables and charts show them.
pub static FIGURES: LazyLock<Vec<Figure>> = LazyLock::new(table);

/// The figure at a key of `evaluation.json`.
///
/// # Panics
/// When there is none.
pub fn figure(key: &str) -> &'static Figure {
    FIGURES.iter().find(|figure| figure.key == key).unwrap_or_else(|| panic!("no figure is called {key}"))
}

impl Figure {
    fn new(
        group: Group,
        key: impl Into<String>,
        name: &'static str,
        (unit, better): (Unit, Better),
        read: impl Fn(&Evaluation) -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        let (key, row, read) = (key.into(), group.row().into(), Box::new(read));
        let (part, label, column, bar, deployed) = (None, None, None, None, None);
        Self { key, group, row, name, part, unit, better, label, column, bar, deployed, read }
    }

    fn row(self, row: impl Into<String>) -> Self {
        Self { row: row.into(), ..self }
    }

    fn part(self, part: &'static str) -> Self {
        Self { part: Some(part), ..self }
    }

    fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    fn column(self, column: &'static str) -> Self {
        Self { column: Some(column), ..self }
    }

    fn bar(self, bar: &'static str) -> Self {
        Self { bar: Some(bar), ..self }
    }

    fn deployed(self, name: &'static str, read: fn(&DeployedEvaluation) -> Option<f64>) -> Self {
        Self { deployed: Some(DeployedFigure { name, read }), ..self }
    }

    /// Its value; `None` where it was not measured.
    pub fn of(&self, evaluation: &Evaluation) -> Option<f64> {
        (self.read)(evaluation)
    }

    /// How much better than 0 its value is: a figure of which less is better counts downwards.
    pub fn score(&self, evaluation: &Evaluation) -> Option<f64> {
        let value = self.of(evaluation)?;
        Some(if self.better == Less { -value } else { value })
    }
}

fn table() -> Vec<Figure> {
    let mut figures = vec![
        Figure::new(Class, "class_top1", "linear probe", (Share, More), |e| Some(e.class.as_ref()?.class_top1))
            .label("class top-1, linear probe")
            .column("class top-1")
            .bar("linear"),
        Figure::new(Class, "class_top1_head", "deployed head", (Share, More), |e| {
            Some(e.class.as_ref()?.class_top1_head)
        })
        .label("class top-1, deployed head")
        .bar("deployed head")
        .deployed("right class", |deployed| deployed.class_top1_head),
        Figure::new(Class, "class_top1_knn", "k-NN", (Share, More), |e| Some(e.class.as_ref()?.class_top1_knn))
            .label("class top-1, nearest neighbours")
            .column("k-NN top-1")
            .bar("k-NN"),
        Figure::new(Class, "class_top1_mlp", "MLP probe", (Share, More), |e| e.class.as_ref()?.class_top1_mlp)
            .label("class top-1, MLP probe")
            .column("MLP top-1")
            .bar("MLP"),
    ];
    figures.push(
        Figure::new(Transformation, "transformation_top1", "right", (Share, More), |e| e.transformation_top1)
            .label("transformations told, mean of their shares")
            .column("transformation top-1")
            .bar("deployed head")
            .deployed("right transformation", |deployed| deployed.transformation_top1),
    );
    figures.extend(of_transformed_pictures());
    figures.extend(rotation_r2());
    figures.extend(split());
    figures.extend(colour_r2());
    figures.extend(retrieval());
    figures.extend(pose());
    figures.extend(references());
    figures.extend([
        Figure::new(Predictor, "predictor.equivariance_error", "equivariance", (Ratio, Less), |e| {
            Some(e.predictor?.equivariance_error)
        })
        .label("equivariance error of the predictor")
        .bar("prediction"),
        Figure::new(Predictor, "predictor.identity_error", "identity", (Ratio, Less), |e| {
            Some(e.predictor?.identity_error)
        })
        .label("… identity, inverse, composition")
        .bar("identity"),
        Figure::new(Predictor, "predictor.inverse_error", "inverse", (Ratio, Less), |e| {
            Some(e.predictor?.inverse_error)
        })
        .label("… identity, inverse, composition")
        .bar("inverse"),
        Figure::new(Predictor, "predictor.composition_error", "composition", (Ratio, Less), |e| {
            Some(e.predictor?.composition_error)
        })
        .label("… identity, inverse, composition")
        .bar("composition"),
        Figure::new(Drift, "drift.features", "features", (Ratio, Neither), |e| Some(e.drift.features)).bar("features"),
        Figure::new(Drift, "drift.invariant", INVARIANT, (Ratio, Less), |e| Some(e.drift.invariant))
            .label("drift of the invariant half")
            .bar("inv. half"),
        Figure::new(Drift, "drift.equivariant", EQUIVARIANT, (Ratio, Neither), |e| Some(e.drift.equivariant))
            .label("drift of the equivariant half")
            .bar("equi. half"),
    ]);
    figures.extend(ranks());
    figures.extend([
        Figure::new(OutOfRange, "out_of_range.pose.median_deg", "pose median", (Degrees, Less), |e| {
            Some(e.out_of_range?.pose.plain.median_deg)
        }),
        Figure::new(OutOfRange, "out_of_range.pose.symmetric.median_deg", "symmetry-aware", (Degrees, Less), |e| {
            Some(e.out_of_range?.pose.symmetric.median_deg)
        })
        .label("outside the trained rotations: pose, median")
        .column("pose outside °"),
        Figure::new(OutOfRange, "out_of_range.rotation_r2.sie", "rotation R2", (Ratio, More), |e| {
            Some(e.out_of_range?.rotation_r2.sie)
        })
        .label("outside the trained rotations: rotation R2")
        .column("R2 outside"),
        Figure::new(OutOfRange, "out_of_range.equivariance_error", "equivariance error", (Ratio, Less), |e| {
            e.out_of_range?.equivariance_error
        }),
    ]);
    figures
}

/// Of pictures with transformations: their class, whether strengths keep their order, and inner products.
fn of_transformed_pictures() -> [Figure; 5] {
    [
        Figure::new(Transformation, "class_top1_transformed", "right class", (Share, More), |e| {
            e.class_top1_transformed
        })
        .label("class top-1 of transformed pictures, linear probe")
        .bar("class, linear"),
        Figure::new(Order, "order_tau", "Kendall's tau", (Ratio, More), |e| e.order_tau)
            .label("order of scales kept, mean of Kendall's tau")
            .column("order tau")
            .bar("as they are"),
        Figure::new(Order, "order_tau_augmented", "augmented", (Ratio, More), |e| e.order_tau_augmented)
            .label("order of scales kept under augmentation")
            .bar("augmented"),
        Figure::new(InnerProducts, "inner_products.squared_change", "squared change", (Ratio, Less), |e| {
            Some(e.inner_products?.squared_change)
        }),
        Figure::new(InnerProducts, "inner_products.relative_change", "relative", (Ratio, Less), |e| {
            Some(e.inner_products?.relative_change)
        })
        .label("change of inner products, relative to their spread")
        .column("inner products")
        .bar("relative"),
    ]
}

/// From the whole features, then from each part.
fn rotation_r2() -> Vec<Figure> {
    let [sie, floor, per_component] = r2(Rotation, "rotation_r2", |e| Some(e.rotation.as_ref()?.rotation_r2));
    let mut figures = vec![
        sie.label("rotation R2, target w ≥ 0").column("rotation R2").bar(FEATURES),
        floor.label("… of the mean alone (floor)").column("R2 floor").bar("floor"),
        per_component.label("rotation R2, target w ≥ 0, mean over components").column("R2 per component"),
    ];
    let published = |e: &Evaluation| Some(e.rotation.as_ref()?.rotation_r2_sie_target);
    let published = r2(Rotation, "rotation_r2_sie_target", published);
    let [sie, floor, per_component] = published.map(|figure| figure.row("R2, SIE's target"));
    figures.extend([
        sie.label("rotation R2, SIE's target").column("R2, SIE's target").bar("SIE's target"),
        floor.label("… of the mean alone (floor of SIE's target)").column("floor, SIE's target"),
        per_component,
    ]);
    for part in PARTS.iter().filter(|part| part.name != FEATURES) {
        let name = part.name;
        let read = move |e: &Evaluation| e.rotation.as_ref()?.rotation_r2_parts.get(name).copied();
        let of_part = r2(Rotation, &format!("rotation_r2_parts.{name}"), read);
        let [mut sie, floor, per_component] =
            of_part.map(|figure| figure.row(format!("rotation R2 from {name:<24}")).part(name));
        sie.column = part.r2_column;
        let sie = sie.label(format!("rotation R2 from the {}", part.words)).bar(part.short);
        figures.extend([sie, floor, per_component]);
    }
    figures
}

/// What each half tells, a row for each, and one of what a blind half has.
fn split() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (name, words, short, [class_column, pose_column]) in [
        (INVARIANT, "invariant half", "inv. half", ["class, inv. half", "NN pose °, inv. half"]),
        (EQUIVARIANT, "equivariant half", "equi. half", ["class, equi. half", "NN pose °, equi. half"]),
    ] {
        let is_invariant = name == INVARIANT;
        let half = move |split: &Split| if is_invariant { split.invariant } else { split.equivariant };
        let class = (Share, if is_invariant { More } else { Neither });
        let (less, more) = if is_invariant { (Less, More) } else { (More, Less) };
        let figure = |key: &str, column: &'static str, kind: (Unit, Better), read: fn(&HalfReport) -> Option<f64>| {
            let read = move |e: &Evaluation| read(&half(&e.rotation.as_ref()?.split));
            Figure::new(Halves, format!("split.{name}.{key}"), column, kind, read).row(words)
        };
        figures.extend([
            figure("class_top1", "class", class, |half| half.class_top1)
                .label(format!("class top-1 of the {words}, linear probe"))
                .column(class_column),
            figure("neighbour_class", "neighbour's class", class, |half| half.neighbour_class)
                .label(format!("nearest neighbour in the {words}: of one class")),
            figure("neighbour_deg.all", "neighbour's pose", (Degrees, more), |half| Some(half.neighbour_deg.all)),
            figure("neighbour_deg.asymmetric", "asymmetric", (Degrees, more), |half| half.neighbour_deg.asymmetric)
                .label("… angle to its pose, objects without symmetry")
                .column(pose_column)
                .bar(short),
            figure("neighbour_deg.symmetric", "symmetric", (Degrees, more), |half| half.neighbour_deg.symmetric),
            figure("r2_above_floor.all", "R2 above floor", (Ratio, less), |half| Some(half.r2_above_floor?.all))
                .label(format!("rotation R2 above its floor, {words}")),
            figure("r2_above_floor.asymmetric", "asymmetric", (Ratio, less), |half| half.r2_above_floor?.asymmetric),
            figure("r2_above_floor.symmetric", "symmetric", (Ratio, less), |half| half.r2_above_floor?.symmetric),
        ]);
    }
    let blind = |key: &str, column: &'static str, read: fn(&Split) -> Option<f64>| {
        let read = move |e: &Evaluation| read(&e.rotation.as_ref()?.split);
        Figure::new(Halves, format!("split.blind_deg.{key}"), column, (Degrees, Neither), read).row("a blind half")
    };
    figures.extend([
        blind("all", "neighbour's pose", |split| Some(split.blind_deg.all)),
        blind("asymmetric", "asymmetric", |split| split.blind_deg.asymmetric).column("blind °").bar("blind"),
        blind("symmetric", "symmetric", |split| split.blind_deg.symmetric),
    ]);
    figures
}

fn colour_r2() -> Vec<Figure> {
    let mut figures = Vec::new();
    for part in &PARTS {
        let name = part.name;
        let of_part = r2(Colour, &format!("colour_r2.{name}"), move |e| e.colour_r2.get(name).copied());
        let [sie, floor, per_component] =
            of_part.map(|figure| figure.row(format!("colour R2 from {name:<24}")).part(name));
        let sie = sie.bar(part.short);
        let sie = if name == FEATURES { sie.label("colour R2").column("colour R2") } else { sie };
        figures.extend([sie, floor, per_component]);
    }
    figures
}

/// Both definitions of a coefficient of determination, with the floor behind the one that it belongs to.
fn r2(
    group: Group,
    key: &str,
    read: impl Fn(&Evaluation) -> Option<RotationR2> + Copy + Send + Sync + 'static,
) -> [Figure; 3] {
    [
        Figure::new(group, format!("{key}.sie"), "SIE", (Ratio, More), move |e| Some(read(e)?.sie)),
        Figure::new(group, format!("{key}.floor"), "floor", (Ratio, Floor), move |e| Some(read(e)?.floor)),
        Figure::new(group, format!("{key}.per_component"), "per component", (Ratio, More), move |e| {
            Some(read(e)?.per_component)
        }),
    ]
}

/// What `trainer eval` replaces by the numbers of views and objects.
pub(super) const ALL_QUERIES: &str = "views of objects";

fn retrieval() -> Vec<Figure> {
    let [pre, mrr, h1, h5, h10] = queries("retrieval", ALL_QUERIES, |e| Some(e.retrieval?.all));
    let mut figures =
        vec![pre, mrr.label("MRR, with the identity query"), h1.label("H@1, with the identity query"), h5, h10];
    let others = |e: &Evaluation| Some(e.retrieval?.without_identity);
    let [pre, mrr, h1, h5, h10] = queries("retrieval.without_identity", "without the identity", others);
    figures.extend([
        pre.label("PRE (lower is better)").column("PRE"),
        mrr.label("MRR").column("MRR").bar("MRR"),
        h1.label("H@1").column("H@1").bar("H@1"),
        h5.label("H@5").column("H@5").bar("H@5"),
        h10.label("H@10").bar("H@10"),
    ]);
    let errors = queries("retrieval.standard_error", "  standard error", |e| Some(e.retrieval?.standard_error));
    figures.extend(errors.map(|figure| Figure { better: Neither, ..figure }));
    let asymmetric =
        queries("retrieval.asymmetric", "  asymmetric objects", |e| Some(e.retrieval?.asymmetric?.figures));
    let [pre, mrr, h1, h5, h10] = asymmetric;
    figures.extend([
        pre,
        mrr.label("MRR, objects without symmetry"),
        h1.label("H@1, objects without symmetry"),
        h5,
        h10,
    ]);
    let errors = queries("retrieval.asymmetric.standard_error", "  standard error", |e| {
        Some(e.retrieval?.asymmetric?.standard_error)
    });
    figures.extend(errors.map(|figure| Figure { better: Neither, ..figure }));
    let chance = queries("retrieval.chance", "chance", |e| Some(e.retrieval?.chance));
    figures.extend(chance.map(|figure| Figure { better: Floor, ..figure }));
    figures
}

/// Of objects that were never trained on, by the nearest of their reference views.
fn references() -> [Figure; 3] {
    [
        Figure::new(References, "references.median_deg", "pose by nearest reference", (Degrees, Less), |e| {
            Some(e.references?.median_deg)
        })
        .label("pose of new objects by their nearest reference view")
        .column("new objects °")
        .bar("equi. half"),
        Figure::new(References, "references.nearest_deg", "best choice", (Degrees, Neither), |e| {
            Some(e.references?.nearest_deg)
        })
        .label("… of the best choice among the references")
        .bar("best choice"),
        Figure::new(References, "references.random_deg", "any reference", (Degrees, Neither), |e| {
            Some(e.references?.random_deg)
        })
        .label("… of any reference")
        .bar("any"),
    ]
}

fn queries(key: &str, row: &str, read: fn(&Evaluation) -> Option<RetrievalFigures>) -> [Figure; 5] {
    let figures: [Quantity<RetrievalFigures>; 5] = [
        ("pre", "PRE", (Share, Less), |figures| figures.pre),
        ("mrr", "MRR", (Share, More), |figures| figures.mrr),
        ("h1", "H@1", (Share, More), |figures| figures.h1),
        ("h5", "H@5", (Share, More), |figures| figures.h5),
        ("h10", "H@10", (Share, More), |figures| figures.h10),
    ];
    figures.map(|(last, name, kind, of)| {
        Figure::new(Retrieval, format!("{key}.{last}"), name, kind, move |e| read(e).map(of)).row(row)
    })
}

fn pose() -> Vec<Figure> {
    let [median, mean, p90, acc15, acc30] = errors("pose", "pose", |r| Some(r.pose.plain));
    let median = median.deployed("median rotation error", |deployed| Some(deployed.pose?.plain.median_deg));
    let mut figures = vec![median.label("pose, median"), mean, p90, acc15, acc30];
    let [median, mean, p90, acc15, acc30] =
        errors("pose.symmetric", "pose, symmetry-aware", |r| Some(r.pose.symmetric));
    let median = median
        .label("pose, median, symmetry-aware")
        .column("pose median °")
        .deployed("  as symmetry allows", |deployed| Some(deployed.pose?.symmetric.median_deg));
    figures.extend([median, mean, p90, acc15, acc30.label("pose within 30°, symmetry-aware")]);
    figures.extend(errors("pose_transformed", "pose, transformed", |r| Some(r.pose_transformed?.plain)));
    let [median, mean, p90, acc15, acc30] =
        errors("pose_transformed.symmetric", "pose, transformed, symm.-aware", |r| Some(r.pose_transformed?.symmetric));
    figures.extend([median.label("pose of transformed pictures, median, symmetry-aware"), mean, p90, acc15, acc30]);
    figures.extend(errors("relative_pose", "relative pose", |r| Some(r.relative_pose.plain)));
    let [median, mean, p90, acc15, acc30] =
        errors("relative_pose.symmetric", "relative pose, symmetry-aware", |r| Some(r.relative_pose.symmetric));
    figures.extend([median.label("relative pose, median, symmetry-aware"), mean, p90, acc15, acc30]);
    figures
}

fn errors(key: &str, row: &str, read: fn(&RotationFigures) -> Option<PoseErrors>) -> [Figure; 5] {
    let figures: [Quantity<PoseErrors>; 5] = [
        ("median_deg", "median", (Degrees, Less), |errors| errors.median_deg),
        ("mean_deg", "mean", (Degrees, Less), |errors| errors.mean_deg),
        ("p90_deg", "p90", (Degrees, Less), |errors| errors.p90_deg),
        ("acc15", "Acc@15", (Share, More), |errors| errors.acc15),
        ("acc30", "Acc@30", (Share, More), |errors| errors.acc30),
    ];
    figures.map(|(last, name, kind, of)| {
        Figure::new(Pose, format!("{key}.{last}"), name, kind, move |e| Some(of(read(e.rotation.as_ref()?)?))).row(row)
    })
}

fn ranks() -> Vec<Figure> {
    let rank = |part: &'static super::parts::PartName| {
        let name = part.name;
        let read = move |e: &Evaluation| e.effective_rank.get(name).copied();
        let figure = Figure::new(Rank, format!("effective_rank.{name}"), name, (Dimensions, More), read);
        let figure = figure.part(name).bar(part.short);
        match name == FEATURES {
            true => figure.label("effective rank of the features").column("effective rank"),
            false => figure,
        }
    };
    PARTS.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;

    /// Counts, and what only `evaluation.json` tells.
    const NO_FIGURES: [&str; 10] = [
        "objects",
        "pairs",
        "retrieval.objects",
        "retrieval.asymmetric.objects",
        "retrieval.views",
        "references.objects",
        "references.views",
        "out_of_range.pairs",
        "out_of_range.pose.",
        "out_of_range.rotation_r2.",
    ];

    fn numbers(place: &str, value: &Value, found: &mut BTreeMap<String, f64>) {
        match value {
            Value::Object(object) => {
                let place = if place.is_empty() { String::new() } else { format!("{place}.") };
                object.iter().for_each(|(key, value)| numbers(&format!("{place}{key}"), value, found));
            }
            value => found.extend(value.as_f64().map(|number| (place.to_string(), number))),
        }
    }

    #[test]
    fn every_number_of_an_evaluation_is_read_from_its_key() {
        let example = Evaluation::example();
        let mut rest = BTreeMap::new();
        numbers("", &serde_json::to_value(&example).unwrap(), &mut rest);
        for figure in FIGURES.iter() {
            let stored = rest.remove(&figure.key);
            assert!(stored.is_some(), "{} is not in evaluation.json, or twice in the table", figure.key);
            assert_eq!(figure.of(&example), stored, "{}", figure.key);
        }
        rest.retain(|key, _| !NO_FIGURES.iter().any(|place| key.starts_with(place)));
        assert!(rest.is_empty(), "these have no line in the table: {rest:?}");
    }

    #[test]
    fn a_figure_of_deployed_models_is_that_of_an_evaluation() {
        let example = Evaluation::example();
        let deployed = DeployedEvaluation {
            path: "model.sxt".into(),
            images: 80,
            class_top1_head: example.class.as_ref().map(|class| class.class_top1_head),
            pose: example.rotation.as_ref().map(|rotation| rotation.pose),
            transformation_top1: example.transformation_top1,
        };
        let compared = FIGURES.iter().filter_map(|figure| Some((figure, figure.deployed?)));
        for (figure, compared) in compared {
            assert_eq!(compared.of(&deployed), figure.of(&example), "{}", figure.key);
        }
    }

    #[test]
    fn no_two_figures_share_a_column_or_a_bar() {
        let columns: Vec<&str> = FIGURES.iter().filter_map(|figure| figure.column).collect();
        assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len(), "{columns:?}");
        let bars: Vec<_> = FIGURES.iter().filter_map(|f| Some((f.group.chart()?, f.bar?))).collect();
        assert_eq!(bars.iter().collect::<BTreeSet<_>>().len(), bars.len(), "{bars:?}");
        let without_chart = FIGURES.iter().filter(|figure| figure.bar.is_some() && figure.group.chart().is_none());
        assert_eq!(without_chart.count(), 0);
    }

    #[test]
    fn scores_rise_with_what_is_better() {
        let example = Evaluation::example();
        for (key, sign) in [("class_top1", 1.0), ("pose.median_deg", -1.0), ("rotation_r2.floor", 1.0)] {
            assert_eq!(figure(key).score(&example), figure(key).of(&example).map(|value| sign * value), "{key}");
        }
    }
}
