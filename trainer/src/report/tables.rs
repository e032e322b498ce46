//! The figures of all runs side by side, and what is taken for what.

use super::RunRecord;
use super::chart::{Bar, bar_chart, confusion as confusion_drawing};
use super::gather::Pool;
use super::page::Page;
use crate::evaluate::{AngleBin, ClassReport, Evaluation, FIGURES, Figure};

/// One column for each run.
pub fn figures(page: &mut Page, records: &[RunRecord]) {
    page.heading(2, "Figures on held-out objects");
    let header = |record: &RunRecord| format!("{} ({})", record.name, record.method);
    let mut rows = vec![std::iter::once(String::new()).chain(records.iter().map(header)).collect::<Vec<_>>()];
    let listed: Vec<&Figure> = FIGURES.iter().filter(|figure| figure.label.is_some()).collect();
    for row in listed.chunk_by(|a, b| a.label == b.label) {
        let cells: Vec<Option<String>> = records.iter().map(|record| cell(row, &record.evaluation)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into()));
            rows.push(row[0].label.clone().into_iter().chain(cells).collect());
        }
    }
    page.table(&rows);
}

/// Figures that share a row have room for a digit less each; `None` where one was not measured.
fn cell(figures: &[&Figure], evaluation: &Evaluation) -> Option<String> {
    let fewer = usize::from(figures.len() > 1);
    let text = |figure: &&Figure| Some(figure.unit.text_with(figure.of(evaluation)?, figure.unit.digits() - fewer));
    Some(figures.iter().map(text).collect::<Option<Vec<_>>>()?.join(" "))
}

/// Error of the relative pose against the angle between the views.
pub fn angles(page: &mut Page, records: &[RunRecord]) {
    let Some(first) = records.iter().find(|record| record.evaluation.rotation.is_some()) else { return };
    page.heading(2, "Error against angle");
    page.note(
        "Median symmetry-aware error of the rotation between two views, degrees, by the true angle between them.",
    );
    let groups = AngleBin::ranges();
    let of_range = |record: &RunRecord, range: &String| {
        let mut bins = record.evaluation.rotation.iter().flat_map(|rotation| &rotation.by_relative_angle);
        bins.find(|bin| bin.range() == *range).map_or(f64::NAN, |bin| bin.symmetric_median_deg).into()
    };
    let series: Vec<(String, Vec<Bar>)> =
        records.iter().map(|r| (r.name.clone(), groups.iter().map(|range| of_range(r, range)).collect())).collect();
    page.charts(&[bar_chart("median error, degrees", &groups, &series)]);
    let classes = first.evaluation.per_class.iter().map(ClassReport::cells);
    let rows: Vec<Vec<String>> =
        std::iter::once(ClassReport::TITLES.map(String::from)).chain(classes).map(Vec::from).collect();
    let mut folded = Page::default();
    folded.table(&rows);
    page.folded(&format!("By class: {}", first.name), folded);
}

/// What a linear probe takes for what.
pub fn confusion(page: &mut Page, pool: &Pool) {
    if pool.views.iter().all(|view| view.probed_label.is_none()) {
        return;
    }
    page.heading(3, "Confusion");
    page.note("Rows are true classes, columns are answers of a linear probe on the frozen features.");
    let classes = pool.class_names.len();
    let mut counts = vec![vec![0usize; classes]; classes];
    for (label, probed) in pool.views.iter().filter_map(|view| Some((view.label, view.probed_label?))) {
        counts[label as usize][probed as usize] += 1;
    }
    page.charts(&[confusion_drawing("images of held-out objects", &pool.class_names, &counts)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::figure;

    #[test]
    fn figures_of_one_label_share_a_cell() {
        let mut example = Evaluation::example();
        let laws = ["identity", "inverse", "composition"].map(|law| figure(&format!("predictor.{law}_error")));
        assert!(laws.iter().all(|law| law.label == laws[0].label));
        let errors = example.predictor.as_mut().unwrap();
        (errors.identity_error, errors.inverse_error, errors.composition_error) = (0.123, 0.5, 2.0);
        assert_eq!(cell(&laws, &example).as_deref(), Some("0.12 0.50 2.00"));
        assert_eq!(cell(&laws[..1], &example).as_deref(), Some("0.123"));
        example.predictor = None;
        assert_eq!(cell(&laws, &example), None);
        assert_eq!(cell(&[figure("pose.median_deg")], &example).unwrap().chars().last(), Some('°'));
    }
}
