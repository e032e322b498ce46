//! Drawings as SVG text.

use std::fmt::Write;

use super::page::escape;
use crate::run::MetricRecord;

/// A named line of points `(x, y)`; points that are not finite are left out.
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// In the order of x.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// A figure of `metrics.jsonl` over the steps that have it.
    pub fn of_metric(name: &str, metrics: &[MetricRecord], key: &str) -> Self {
        let point = |record: &MetricRecord| Some((record.step as f64, *record.values.get(key)?));
        Self { name: name.into(), points: metrics.iter().filter_map(point).collect() }
    }

    /// The same points over something of which all `steps` have `total`, each step as much as another.
    pub fn over(self, total: f64, steps: u64) -> Self {
        let points = self.points.into_iter().map(|(step, value)| (step * total / steps as f64, value));
        Self { points: points.collect(), ..self }
    }

    /// The means of so many points each, and of fewer where less than two would be left.
    pub fn smoothed(self, together: usize) -> Self {
        let mean = |chunk: &[(f64, f64)]| {
            let (last, _) = chunk[chunk.len() - 1];
            (last, chunk.iter().map(|(_, value)| value).sum::<f64>() / chunk.len() as f64)
        };
        let together = together.min(self.points.len() / 2).max(1);
        Self { points: self.points.chunks(together).map(mean).collect(), ..self }
    }
}

/// Of charts with axes, in units of the view box: letters of 11 units can be read on a phone.
pub const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 34.0;
/// Colours that can be told apart, also by the colour-blind (Okabe and Ito, 2008), then by hue.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6bb1"];

/// The colour of the series with that index.
pub fn colour(index: usize) -> String {
    match COLOURS.get(index) {
        Some(colour) => (*colour).into(),
        None => format!("hsl({} 70% 40%)", (index * 137) % 360),
    }
}

/// Lines over one axis, with a legend below.
pub fn line_chart(title: &str, x_name: &str, series: &[Series]) -> String {
    let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    let points: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().copied()).filter(|p| finite(p)).collect();
    let (x, y) = (Axis::over(points.iter().map(|p| p.0)), Axis::over(points.iter().map(|p| p.1)));
    let mut svg = opened(title, WIDTH, height_with_legend(series.len()));
    draw_axes(&mut svg, &x, &y, x_name);
    for (index, one) in series.iter().enumerate() {
        let at = |p: &&(f64, f64)| format!("{:.1},{:.1}", x.horizontal(p.0), y.vertical(p.1));
        let path: Vec<String> = one.points.iter().filter(|p| finite(p)).map(|p| at(&p)).collect();
        let colour = colour(index);
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" points=\"{}\"/>",
            path.join(" ")
        );
        legend(&mut svg, index, &one.name, [14.0, 4.0], 0.0);
    }
    svg + "</svg>"
}

/// Drawings one above the other, as one.
pub fn stacked(charts: &[String]) -> String {
    let height = |svg: &str| -> f64 {
        let view_box = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        view_box.split(' ').nth(1).and_then(|h| h.parse().ok()).unwrap_or(300.0)
    };
    let mut drawing = String::new();
    let mut y = 0.0;
    for chart in charts {
        let height = height(chart);
        let placed = format!("<svg x=\"0\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" ");
        drawing.push_str(&chart.replacen("<svg ", &placed, 1));
        y += height;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{drawing}</svg>\n"
    )
}

/// Points with a colour and a hover text each; axes without numbers, for maps whose units mean nothing.
pub fn scatter(title: &str, points: &[((f64, f64), String, String)]) -> String {
    let side = 360.0;
    let (x, y) = (Axis::over(points.iter().map(|p| p.0.0)), Axis::over(points.iter().map(|p| p.0.1)));
    let mut svg = opened(title, side, side + 10.0);
    for ((px, py), colour, hover) in points {
        let (cx, cy) = (10.0 + x.share(*px) * (side - 20.0), TOP + (1.0 - y.share(*py)) * (side - TOP - 4.0));
        let _ = write!(
            svg,
            "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\" fill=\"{colour}\" fill-opacity=\".75\"><title>{}</title></circle>",
            escape(hover)
        );
    }
    svg + "</svg>"
}

/// Counts of rows against columns, darker for a larger share of the row.
pub fn confusion(title: &str, names: &[String], counts: &[Vec<usize>]) -> String {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let (cell, label) = (14.0, 10.0 + 6.5 * longest as f64);
    let side = cell * names.len() as f64;
    let mut svg = opened(title, (label + side + 8.0).max(8.0 * title.len() as f64), TOP + side + label);
    for (row, (name, counts)) in names.iter().zip(counts).enumerate() {
        let y = TOP + cell * row as f64;
        text(&mut svg, label - 4.0, y + cell - 4.0, "end", name);
        let total = counts.iter().sum::<usize>().max(1) as f64;
        for (column, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = *count as f64 / total;
            let colour = if row == column { "#0072b2" } else { "#d55e00" };
            let hover = format!("{name} taken for {}: {count} of {total}", names[column]);
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{cell}\" height=\"{cell}\" fill=\"{colour}\" fill-opacity=\"{:.2}\"><title>{}</title></rect>",
                label + cell * column as f64,
                0.1 + 0.9 * share,
                escape(&hover)
            );
        }
        let (x, bottom) = (label + cell * row as f64 + 10.0, TOP + side + 6.0);
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{bottom:.1}\" text-anchor=\"end\" transform=\"rotate(-90 {x:.1} {bottom:.1})\">{}</text>",
            escape(name)
        );
    }
    svg + "</svg>"
}

/// A bar of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Where it ends; nothing is drawn where it is not finite.
    pub value: f64,
    /// How far a line goes either way from there; none where it is not known.
    pub spread: Option<f64>,
}

impl From<f64> for Bar {
    /// Without a spread.
    fn from(value: f64) -> Self {
        Self { value, spread: None }
    }
}

impl Bar {
    /// Its end and those of its line.
    fn reach(self) -> impl Iterator<Item = f64> {
        let spread = self.spread.unwrap_or(0.0);
        [self.value, self.value - spread, self.value + spread].into_iter()
    }

    fn draw(self, svg: &mut String, y: &Axis, left: f64, width: f64, colour: &str) {
        let Self { value, spread } = self;
        let (end, base) = (y.vertical(value), y.vertical(0.0));
        let (top, height) = (end.min(base), (base - end).abs());
        let of_spread = spread.map(|spread| format!(" ± {spread:.2}")).unwrap_or_default();
        let _ = write!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
             <title>{value:.2}{of_spread}</title></rect>"
        );
        let Some(spread) = spread else { return };
        let (x, [low, high]) = (left + width / 2.0, [value - spread, value + spread].map(|end| y.vertical(end)));
        let _ = write!(
            svg,
            "<path d=\"M{x:.1} {low:.1}V{high:.1}M{0:.1} {low:.1}h6M{0:.1} {high:.1}h6\" stroke=\"#222\" fill=\"none\"/>",
            x - 3.0
        );
    }
}

/// Groups of bars, one bar of each group for a series.
pub fn bar_chart(title: &str, groups: &[String], series: &[(String, Vec<Bar>)]) -> String {
    let names = GroupNames::of(groups);
    let mut svg = opened(title, WIDTH, height_with_legend(series.len()) + names.below());
    let y = Axis::over(series.iter().flat_map(|s| s.1.iter().flat_map(|bar| bar.reach())).chain([0.0]));
    draw_vertical(&mut svg, &y);
    for (g, group) in groups.iter().enumerate() {
        let left = LEFT + names.width * g as f64;
        names.draw(&mut svg, left + names.width / 2.0, group);
        for (s, (_, bars)) in series.iter().enumerate() {
            let Some(bar) = bars.get(g).filter(|bar| bar.value.is_finite()) else { continue };
            let width = names.width * 0.8 / series.len() as f64;
            bar.draw(&mut svg, &y, left + names.width * 0.1 + width * s as f64, width, &colour(s));
        }
    }
    for (index, (name, _)) in series.iter().enumerate() {
        legend(&mut svg, index, name, [12.0, 10.0], names.below());
    }
    svg + "</svg>"
}

/// Names below groups of bars: level where each has room, else slanted, else upright.
struct GroupNames {
    /// Of a group.
    width: f64,
    /// Of the longest name.
    longest: f64,
    slope_deg: f64,
}

/// Of a letter.
const LETTER: f64 = 6.2;
const SLANTED_DEG: f64 = 40.0;

impl GroupNames {
    fn of(groups: &[String]) -> Self {
        let width = (WIDTH - LEFT - RIGHT) / groups.len().max(1) as f64;
        let lengths: Vec<f64> = groups.iter().map(|group| LETTER * group.chars().count() as f64).collect();
        let longest = lengths.iter().fold(0.0f64, |longest, length| longest.max(*length));
        // A slanted name ends below its group and must not begin beyond the left edge.
        let has_room = |(index, length): (usize, &f64)| {
            length * SLANTED_DEG.to_radians().cos() <= LEFT + width * (index as f64 + 0.5)
        };
        let slope_deg = match longest <= width {
            true => 0.0,
            false if lengths.iter().enumerate().all(has_room) => SLANTED_DEG,
            false => 90.0,
        };
        Self { width, longest, slope_deg }
    }

    /// What they need below the chart beside a line of text.
    fn below(&self) -> f64 {
        (self.longest * self.slope_deg.to_radians().sin()).ceil()
    }

    fn draw(&self, svg: &mut String, middle: f64, name: &str) {
        let y = HEIGHT - BOTTOM + 16.0;
        if self.slope_deg == 0.0 {
            return text(svg, middle, y, "middle", name);
        }
        let (x, y) = (middle + 4.0, y - 4.0);
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" transform=\"rotate(-{} {x:.1} {y:.1})\">{}</text>",
            self.slope_deg,
            escape(name)
        );
    }
}

/// Of a chart with that many names below it, two in a row.
fn height_with_legend(names: usize) -> f64 {
    HEIGHT + 18.0 * names.div_ceil(2) as f64
}

/// A name so far below a chart, behind a mark of that width and height in the colour of its series.
fn legend(svg: &mut String, index: usize, name: &str, [width, height]: [f64; 2], below: f64) {
    let column = (WIDTH - LEFT - RIGHT) / 2.0;
    let (x, y) = (LEFT + (index % 2) as f64 * column, HEIGHT + below + 12.0 + 18.0 * (index / 2) as f64);
    let (top, colour) = (y - 4.0 - height / 2.0, colour(index));
    let _ = write!(svg, "<rect x=\"{x}\" y=\"{top:.1}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>");
    text(svg, x + width + 6.0, y, "start", name);
}

/// A range of numbers on the drawing.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Around all finite values.
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        match low.partial_cmp(&high) {
            Some(std::cmp::Ordering::Less) => Self { low, high },
            Some(std::cmp::Ordering::Equal) => Self { low: low - 0.5, high: high + 0.5 },
            _ => Self { low: 0.0, high: 1.0 },
        }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn horizontal(&self, value: f64) -> f64 {
        LEFT + self.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn vertical(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.share(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// About five round numbers in the range.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        (first..first + 12).map(|i| i as f64 * step).take_while(|t| *t <= self.high + step * 1e-9).collect()
    }
}

fn draw_axes(svg: &mut String, x: &Axis, y: &Axis, x_name: &str) {
    draw_vertical(svg, y);
    for tick in x.ticks() {
        text(svg, x.horizontal(tick), HEIGHT - BOTTOM + 14.0, "middle", &number(tick));
    }
    text(svg, WIDTH - RIGHT, HEIGHT - 6.0, "end", x_name);
}

fn draw_vertical(svg: &mut String, y: &Axis) {
    for tick in y.ticks() {
        let height = y.vertical(tick);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{height:.1}\" y2=\"{height:.1}\" stroke=\"#ddd\"/>",
            WIDTH - RIGHT
        );
        text(svg, LEFT - 6.0, height + 4.0, "end", &number(tick));
    }
}

/// A number with no more digits than it needs.
fn number(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e6 || value.abs() < 1e-3) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(words));
}

/// At most half as large again as its own units, so that letters of small drawings do not shout.
fn opened(title: &str, width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         style=\"max-width:{:.0}px\" font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"#222\"><text x=\"8\" y=\"16\" font-size=\"13\" \
         font-weight=\"600\">{}</text>",
        1.5 * width,
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis { low: 0.13, high: 0.92 };
        assert_eq!(axis.ticks().iter().map(|t| number(*t)).collect::<Vec<_>>(), ["0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(Axis::over([3.0, 3.0].into_iter()).share(3.0), 0.5);
        assert_eq!(Axis::over([f64::NAN].into_iter()).ticks().len(), 6);
    }

    #[test]
    fn a_series_is_a_metric_over_its_steps() {
        let record = |step, value: Option<f64>| MetricRecord {
            step,
            values: value.into_iter().map(|value| ("loss".to_string(), value)).collect(),
        };
        let metrics = [record(1, Some(4.0)), record(2, None), record(3, Some(2.0)), record(4, Some(1.0))];
        let series = Series::of_metric("run", &metrics, "loss");
        assert_eq!((series.name.as_str(), &series.points[..]), ("run", &[(1.0, 4.0), (3.0, 2.0), (4.0, 1.0)][..]));
        assert_eq!(series.smoothed(4).points.len(), 3, "means of so many points would leave less than two");
        let longer = Series { name: "run".into(), points: (0..5).map(|x| (f64::from(x), f64::from(x))).collect() };
        assert_eq!(longer.smoothed(2).points, [(1.0, 0.5), (3.0, 2.5), (4.0, 4.0)]);
    }

    #[test]
    fn drawings_hold_their_data_and_escape_names() {
        let series = [Series { name: "a<b".into(), points: vec![(0.0, 1.0), (5.0, f64::NAN), (10.0, 3.0)] }];
        let svg = line_chart("t", "step", &series);
        assert!(svg.contains("a&lt;b") && svg.ends_with("</svg>"));
        assert!(svg.contains(&format!("points=\"{LEFT:.1},206.0 460.0,28.0\"")), "{svg}");
        let names = ["cup".to_string(), "jug".into()];
        let svg = confusion("c", &names, &[vec![3, 1], vec![0, 4]]);
        assert!(svg.contains("cup taken for jug: 1 of 4") && !svg.contains("jug taken for cup"));
        let svg = bar_chart("b", &["x".into()], &[("run".into(), vec![2.0.into()])]);
        assert!(svg.contains("<title>2.00</title>") && !svg.contains("<path"));
        let with_spread = Bar { value: 2.0, spread: Some(0.5) };
        let svg = bar_chart("b", &["x".into()], &[("run".into(), vec![with_spread])]);
        assert!(svg.contains("<title>2.00 ± 0.50</title>") && svg.contains("<path d=\"M257.0 "), "{svg}");
    }

    #[test]
    fn names_of_many_groups_do_not_lie_on_each_other() {
        let of = |names: &[&str]| GroupNames::of(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!((of(&["a", "b"]).slope_deg, of(&["a", "b"]).below()), (0.0, 0.0));
        let short = ["blur", "hue", "scale", "jigsaw", "inversion", "grayscale", "brightness", "rotations"];
        assert_eq!((of(&short).slope_deg, of(&short).below()), (SLANTED_DEG, 40.0));
        let long = ["rotation-crop-flip-as-published"; 5];
        assert_eq!((of(&long).slope_deg, of(&long).below()), (90.0, 193.0));
    }
}
