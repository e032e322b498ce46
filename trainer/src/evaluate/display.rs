//! An evaluation as text: the figures of [`FIGURES`], group by group.

use std::fmt;

use super::figures::ALL_QUERIES;
use super::{Better, ClassReport, Estimate, Evaluation, FIGURES, Figure, Group, ResponseReport, TransformationReport};

/// How a group of figures is laid out.
enum Layout {
    /// Each row is a title and the names of its figures with their values.
    Lines {
        /// Figures that stand in one line; the others follow below them.
        a_line: usize,
        /// What stands between two of them.
        between: &'static str,
    },
    /// A table with the names above its columns.
    Table {
        /// Above the titles of the rows.
        title: &'static str,
        /// Letters of the titles.
        title_width: usize,
    },
}

/// Letters before the figures of a line.
const TITLE_WIDTH: usize = 19;
/// Letters of a column; one more where its unit is another than that of the column before.
const COLUMN_WIDTH: usize = 8;

impl Layout {
    fn of(group: Group) -> Self {
        match group {
            Group::Class => Self::Lines { a_line: 3, between: "   " },
            Group::Halves => Self::Lines { a_line: 5, between: "   " },
            Group::OutOfRange => Self::Lines { a_line: usize::MAX, between: ", " },
            Group::Pose => Self::Table { title: "", title_width: 31 },
            Group::Retrieval => Self::Table { title: "prediction of a view", title_width: 30 },
            Group::Transformation
            | Group::Order
            | Group::InnerProducts
            | Group::Rotation
            | Group::Colour
            | Group::References
            | Group::Predictor
            | Group::Drift
            | Group::Rank => Self::Lines { a_line: usize::MAX, between: "   " },
        }
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rotation {
            Some(_) => writeln!(f, "held-out objects {}, pairs of views {}", self.objects, self.pairs)?,
            None => writeln!(f, "held-out pictures {}, measured on {}", self.objects, self.pairs)?,
        }
        let first = [Group::Class, Group::Transformation, Group::Order, Group::InnerProducts];
        for group in first.into_iter().chain([Group::Rotation, Group::Halves, Group::Colour, Group::Pose]) {
            self.write_group(f, group)?;
        }
        self.write_angles(f)?;
        self.write_transformations(f)?;
        self.write_responses(f)?;
        for group in [Group::Retrieval, Group::References, Group::Predictor, Group::Drift] {
            if self.measured(group).next().is_some() {
                writeln!(f)?;
            }
            self.write_group(f, group)?;
        }
        self.write_group(f, Group::Rank)?;
        self.write_group(f, Group::OutOfRange)?;
        self.write_classes(f)
    }
}

impl Evaluation {
    fn measured(&self, group: Group) -> impl Iterator<Item = (&'static Figure, f64)> {
        FIGURES
            .iter()
            .filter(move |figure| figure.group == group)
            .filter_map(move |figure| Some((figure, figure.of(self)?)))
    }

    fn write_group(&self, f: &mut fmt::Formatter<'_>, group: Group) -> fmt::Result {
        let mut figures: Vec<(&Figure, f64)> = self.measured(group).collect();
        // Parts stand in the order of their names.
        figures.sort_by_key(|(figure, _)| figure.part);
        let rows: Vec<&[(&Figure, f64)]> = figures.chunk_by(|(a, _), (b, _)| a.row == b.row).collect();
        match Layout::of(group) {
            Layout::Lines { a_line, between } => rows.iter().try_for_each(|row| write_line(f, row, a_line, between)),
            Layout::Table { title, title_width } => {
                let Some(first) = rows.first() else { return Ok(()) };
                write_row(f, title, title_width, first, |figure, _| figure.name.to_string())?;
                rows.iter().try_for_each(|row| {
                    let title = self.row_title(&row[0].0.row);
                    write_row(f, &title, title_width, row, |figure, value| figure.unit.text(value))
                })
            }
        }
    }

    /// What a row is called, with the numbers of this evaluation.
    fn row_title(&self, row: &str) -> String {
        match &self.retrieval {
            Some(found) if row == ALL_QUERIES => format!("{} views of {} objects", found.views, found.objects),
            _ => row.to_string(),
        }
    }

    fn write_angles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(rotation) = &self.rotation else { return Ok(()) };
        writeln!(f, "\nangle between views       pairs  median error  symmetry-aware")?;
        for bin in &rotation.by_relative_angle {
            writeln!(
                f,
                "{:<22}{:>9}{:>13.1}°{:>15.1}°",
                bin.range(),
                bin.pairs,
                bin.median_deg,
                bin.symmetric_median_deg
            )?;
        }
        Ok(())
    }

    fn write_transformations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transformations.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let titles = TransformationReport::TITLES.map(String::from);
        let rows = std::iter::once(titles).chain(self.transformations.iter().map(TransformationReport::cells));
        for [name, classes, images, right, probe] in rows {
            writeln!(f, "{name:<20}{classes:>8}{images:>8}{right:>8}{probe:>14}")?;
        }
        for report in &self.transformations {
            let Some(found) = &report.information else { continue };
            let text = |estimate: Estimate| format!("{:.3} ± {:.3}", estimate.bits, estimate.standard_error);
            let [read, class, both] = [found.i_a_z, found.i_c_a, found.i_c_a_given_z].map(text);
            writeln!(
                f,
                "{}: of {:.3} bits I(A;Z) {read}, I(C;A) {class}, I(C;A|Z) {both}",
                report.transformation, found.entropy_bits
            )?;
        }
        Ok(())
    }

    fn write_responses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.responses.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let titles = ResponseReport::TITLES.map(String::from);
        let rows = std::iter::once(titles).chain(self.responses.iter().map(ResponseReport::cells));
        for [name, values, pictures, drift, tau, augmented] in rows {
            let row = format!("{name:<20}{values:>8}{pictures:>10}{drift:>8}{tau:>8}{augmented:>11}");
            writeln!(f, "{}", row.trim_end())?;
        }
        Ok(())
    }

    fn write_classes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per_class.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let titles = ClassReport::TITLES.map(String::from);
        let rows = std::iter::once(titles).chain(self.per_class.iter().map(ClassReport::cells));
        for [class, images, top1, median, symmetric] in rows {
            let row = format!("{class:<20}{images:>8}{top1:>8}{median:>10}{symmetric:>16}");
            // Without rotations two columns are empty.
            let shown = if self.rotation.is_some() { row.as_str() } else { &row[..row.len() - 26] };
            writeln!(f, "{}", shown)?;
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, row: &[(&Figure, f64)], a_line: usize, between: &str) -> fmt::Result {
    let mut texts: Vec<String> = Vec::new();
    for (figure, value) in row {
        let text = format!("{} {}", figure.name, figure.unit.text(*value));
        match texts.last_mut().filter(|_| figure.better == Better::Floor) {
            Some(before) => *before += &format!(" ({text})"),
            None => texts.push(text),
        }
    }
    for (index, line) in texts.chunks(a_line).enumerate() {
        let title = if index == 0 { row[0].0.row.as_str() } else { "" };
        writeln!(f, "{title:<width$} {}", line.join(between), width = TITLE_WIDTH - 1)?;
    }
    Ok(())
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    title_width: usize,
    row: &[(&Figure, f64)],
    cell: impl Fn(&Figure, f64) -> String,
) -> fmt::Result {
    write!(f, "{title:<title_width$}")?;
    let mut unit = row[0].0.unit;
    for (figure, value) in row {
        let width = COLUMN_WIDTH + usize::from(figure.unit != unit);
        unit = figure.unit;
        write!(f, "{:>width$}", cell(figure, *value))?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_measured_is_printed() {
        let golden = include_str!("display_golden.txt");
        assert_eq!(Evaluation::example().to_string(), golden);
    }

    #[test]
    fn what_is_not_measured_leaves_no_trace() {
        let sparse = Evaluation {
            class: None,
            rotation: None,
            transformation_top1: None,
            transformations: Vec::new(),
            class_top1_transformed: None,
            order_tau: None,
            order_tau_augmented: None,
            responses: Vec::new(),
            inner_products: None,
            colour_r2: Default::default(),
            retrieval: None,
            predictor: None,
            out_of_range: None,
            ..Evaluation::example()
        };
        let text = sparse.to_string();
        let without = [
            "MLP",
            "rotation",
            "angle",
            "quarter",
            "colour",
            "prediction",
            "chance",
            "predictor",
            "outside",
            "order",
            "inner",
        ];
        without.iter().for_each(|words| assert!(!text.contains(words), "{words} in\n{text}"));
        assert!(!text.contains("\n\n\n"), "{text}");
    }
}
