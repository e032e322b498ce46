use std::collections::BTreeMap;
use std::fmt;

use super::{Evaluation, PredictorLaws, Retrieval, RetrievalFigures, RotationR2};

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "held-out objects {}, pairs of views {}", self.objects, self.pairs)?;
        writeln!(
            f,
            "class top-1        linear probe {:.3}   deployed head {:.3}   k-NN {:.3}",
            self.class_top1, self.class_top1_head, self.class_top1_knn
        )?;
        if let Some(mlp) = self.class_top1_mlp {
            writeln!(f, "                   MLP probe {mlp:.3}")?;
        }
        let RotationR2 { sie, per_component, floor } = self.rotation_r2;
        writeln!(f, "rotation R2        SIE {sie:.3} (floor {floor:.3})   per component {per_component:.3}")?;
        write_parts(f, "rotation R2 from", &self.rotation_r2_parts)?;
        write_parts(f, "colour R2 from", &self.colour_r2)?;
        writeln!(f, "                                 median    mean     p90   Acc@15  Acc@30")?;
        let rows = [
            ("pose", &self.pose.plain),
            ("pose, symmetry-aware", &self.pose.symmetric),
            ("relative pose", &self.relative_pose.plain),
            ("relative pose, symmetry-aware", &self.relative_pose.symmetric),
        ];
        for (name, e) in rows {
            writeln!(
                f,
                "{name:<31}{:>7.1}°{:>7.1}°{:>7.1}°{:>9.3}{:>8.3}",
                e.median_deg, e.mean_deg, e.p90_deg, e.acc15, e.acc30
            )?;
        }
        self.write_angles(f)?;
        if let Some(retrieval) = &self.retrieval {
            write_retrieval(f, retrieval)?;
        }
        if let Some(laws) = &self.predictor {
            let PredictorLaws { equivariance_error, identity_error, inverse_error, composition_error } = laws;
            writeln!(
                f,
                "\npredictor errors   equivariance {equivariance_error:.3}   identity {identity_error:.3}   inverse {inverse_error:.3}   composition {composition_error:.3}"
            )?;
        }
        let drift = &self.drift;
        writeln!(
            f,
            "\ndrift between views, 1 as between objects: features {:.3}   invariant {:.3}   equivariant {:.3}",
            drift.features, drift.invariant, drift.equivariant
        )?;
        write!(f, "effective rank    ")?;
        self.effective_rank.iter().try_for_each(|(name, rank)| write!(f, " {name} {rank:.1}  "))?;
        writeln!(f)?;
        if let Some(outside) = &self.out_of_range {
            let (pose, r2) = (&outside.pose, outside.rotation_r2.sie);
            let (plain, symmetric) = (pose.plain.median_deg, pose.symmetric.median_deg);
            write!(
                f,
                "outside the trained rotations: pose median {plain:.1}°, symmetry-aware {symmetric:.1}°, rotation R2 {r2:.3}"
            )?;
            if let Some(error) = outside.equivariance_error {
                write!(f, ", equivariance error {error:.3}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n{:<20}{:>8}{:>8}{:>10}{:>16}", "class", "images", "top-1", "median", "symmetry-aware")?;
        for c in &self.per_class {
            writeln!(
                f,
                "{:<20}{:>8}{:>8.3}{:>9.1}°{:>15.1}°",
                c.class, c.images, c.class_top1, c.pose.plain.median_deg, c.pose.symmetric.median_deg
            )?;
        }
        Ok(())
    }
}

impl Evaluation {
    fn write_angles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nangle between views       pairs  median error  symmetry-aware")?;
        for bin in &self.by_relative_angle {
            let range = format!("{:.0}° to {:.0}°", bin.from_deg, bin.to_deg);
            writeln!(f, "{range:<22}{:>9}{:>13.1}°{:>15.1}°", bin.pairs, bin.median_deg, bin.symmetric_median_deg)?;
        }
        Ok(())
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, title: &str, parts: &BTreeMap<String, RotationR2>) -> fmt::Result {
    for (name, r2) in parts {
        let RotationR2 { sie, per_component, floor } = r2;
        writeln!(f, "{title} {name:<24} SIE {sie:.3} (floor {floor:.3})   per component {per_component:.3}")?;
    }
    Ok(())
}

fn write_retrieval(f: &mut fmt::Formatter<'_>, retrieval: &Retrieval) -> fmt::Result {
    let (objects, views) = (retrieval.objects, retrieval.views);
    writeln!(f, "\n{:<31}{:>7}{:>8}{:>8}{:>8}{:>8}", "prediction of a view", "PRE", "MRR", "H@1", "H@5", "H@10")?;
    let title = format!("{views} views of {objects} objects");
    let rows = [
        (title.as_str(), &retrieval.all),
        ("without the identity", &retrieval.without_identity),
        ("chance", &retrieval.chance),
    ];
    for (name, RetrievalFigures { pre, mrr, h1, h5, h10 }) in rows {
        writeln!(f, "{name:<31}{pre:>7.3}{mrr:>8.3}{h1:>8.3}{h5:>8.3}{h10:>8.3}")?;
    }
    Ok(())
}
