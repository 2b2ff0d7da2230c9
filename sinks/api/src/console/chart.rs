//! Charts as SVG, made here. Colours and strokes are the style sheet's; a chart has a title for who
//! does not see it, and the figures stand in a table beside it.

use super::text::decimal;
use super::view::put;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;
/// A name on the time axis needs this much, or is left away.
const NAME_WIDE: f64 = 92.0;
/// Lines across the chart, about, and at most.
const LINES: f64 = 4.0;
const LINES_MAX: u32 = 12;

/// An estimate at a time.
pub(super) struct Point {
    /// Seconds since the epoch, or any other measure of time.
    pub(super) at: f64,
    pub(super) median: f64,
    pub(super) lo: f64,
    pub(super) hi: f64,
    /// A class of the style sheet.
    pub(super) class: &'static str,
    pub(super) label: String,
}

/// The figures of a chart, and where they lie.
struct Plane {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
    /// Between two lines across.
    step: f64,
}

impl Plane {
    fn of(points: &[Point], from_zero: bool) -> Self {
        let least = |of: fn(&Point) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&Point) -> f64| points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (from, to) = (least(|p| p.at), most(|p| p.at));
        let (low, high) = (least(|p| p.lo), most(|p| p.hi));
        let low = if from_zero { 0.0 } else { low };
        let step = round_step((high - low).max(high.abs() * 0.02).max(1e-6));
        let low = (low / step).floor() * step;
        let high = ((high / step).ceil() * step).max(low + step);
        let wide = (to - from).max(1.0) * 0.04;
        Self {
            from: from - wide,
            to: to + wide,
            low,
            high,
            step,
        }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (at - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self, svg: &mut String, places: usize) {
        let lines = ((self.high - self.low) / self.step).round() as u32;
        for line in 0..=lines.min(LINES_MAX) {
            let value = self.low + self.step * f64::from(line);
            let y = self.y(value);
            let right = WIDTH - RIGHT;
            put(
                svg,
                format_args!(
                    r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#
                ),
            );
            let text = decimal(value, places);
            let (x, y) = (LEFT - 8.0, y + 4.0);
            put(
                svg,
                format_args!(r#"<text class="tick end" x="{x}" y="{y:.1}">{text}</text>"#),
            );
        }
    }
}

/// 1, 2 or 5 of a power of ten, so that the lines are at figures that people think in.
fn round_step(range: f64) -> f64 {
    let rough = range / LINES;
    let power = 10.0_f64.powf(rough.log10().floor());
    let of_power = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= rough * 0.999);
    of_power.unwrap_or(10.0) * power
}

/// Each estimate as a dot on its interval.
pub(super) fn intervals(title: &str, points: &[Point], days: &[(f64, String)]) -> String {
    chart(title, points, days, (true, 0), |svg, plane| {
        for point in points {
            let (x, y) = (plane.x(point.at), plane.y(point.median));
            let (top, bottom) = (plane.y(point.hi), plane.y(point.lo));
            let (class, label) = (point.class, escaped(&point.label));
            put(
                svg,
                format_args!(
                    r#"<g class="estimate {class}"><title>{label}</title><line x1="{x:.1}" x2="{x:.1}" y1="{top:.1}" y2="{bottom:.1}"/><circle cx="{x:.1}" cy="{y:.1}" r="5"/></g>"#
                ),
            );
        }
    })
}

/// A line in its band.
pub(super) fn band(title: &str, points: &[Point], days: &[(f64, String)]) -> String {
    chart(title, points, days, (false, 2), |svg, plane| {
        let corner = |at: f64, value: f64| format!("{:.1},{:.1}", plane.x(at), plane.y(value));
        let upper = points.iter().map(|p| corner(p.at, p.hi));
        let lower = points.iter().rev().map(|p| corner(p.at, p.lo));
        let area: Vec<String> = upper.chain(lower).collect();
        put(
            svg,
            format_args!(r#"<polygon class="area" points="{}"/>"#, area.join(" ")),
        );
        let line: Vec<String> = points.iter().map(|p| corner(p.at, p.median)).collect();
        put(
            svg,
            format_args!(r#"<polyline class="line" points="{}"/>"#, line.join(" ")),
        );
        for point in points {
            let (x, y) = (plane.x(point.at), plane.y(point.median));
            let label = escaped(&point.label);
            put(
                svg,
                format_args!(
                    r#"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="4"><title>{label}</title></circle>"#
                ),
            );
        }
    })
}

fn chart(
    title: &str,
    points: &[Point],
    days: &[(f64, String)],
    (from_zero, places): (bool, usize),
    draw: impl FnOnce(&mut String, &Plane),
) -> String {
    let plane = Plane::of(points, from_zero);
    let mut svg = String::new();
    let title = escaped(title);
    put(
        &mut svg,
        format_args!(
            r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">"#
        ),
    );
    plane.grid(&mut svg, places);
    let mut free = f64::NEG_INFINITY;
    for (at, name) in days {
        let (x, y) = (plane.x(*at), HEIGHT - 8.0);
        if x < free {
            continue;
        }
        free = x + NAME_WIDE;
        put(
            &mut svg,
            format_args!(
                r#"<text class="tick middle" x="{x:.1}" y="{y}">{}</text>"#,
                escaped(name)
            ),
        );
    }
    draw(&mut svg, &plane);
    svg.push_str("</svg>");
    svg
}

/// A part of a bar: where it begins and ends, in per cent.
pub(super) struct Part {
    pub(super) from_pct: f64,
    pub(super) to_pct: f64,
    pub(super) class: String,
    pub(super) label: String,
}

/// A bar over the whole width, in parts. Its lengths are per cent, so that it fits any screen.
pub(super) fn bar(title: &str, parts: &[Part]) -> String {
    let mut svg = String::new();
    let title = escaped(title);
    put(
        &mut svg,
        format_args!(r#"<svg class="bar" role="img" aria-label="{title}">"#),
    );
    for part in parts {
        let from = part.from_pct.clamp(0.0, 100.0);
        let wide = (part.to_pct.clamp(0.0, 100.0) - from).max(0.4);
        let label = escaped(&part.label);
        put(
            &mut svg,
            format_args!(
                r#"<rect class="{}" x="{from:.2}%" width="{wide:.2}%" height="100%" rx="3"><title>{label}</title></rect>"#,
                part.class
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Columns over time, the last one now.
pub(super) fn columns(title: &str, values: &[f64]) -> String {
    let most = values.iter().copied().fold(1.0, f64::max);
    let wide = 100.0 / (values.len().max(1) as f64);
    let mut svg = String::new();
    let title = escaped(title);
    put(
        &mut svg,
        format_args!(r#"<svg class="columns" role="img" aria-label="{title}">"#),
    );
    for (index, value) in values.iter().enumerate() {
        let high = value / most * 100.0;
        let (x, y) = (index as f64 * wide, 100.0 - high);
        put(
            &mut svg,
            format_args!(
                r#"<rect x="{x:.2}%" y="{y:.2}%" width="{:.2}%" height="{high:.2}%"/>"#,
                wide * 0.8
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_figures() {
        for (range, step) in [
            (4.0, 1.0),
            (3_251.0, 1_000.0),
            (1.87, 0.5),
            (0.4, 0.1),
            (70.0, 20.0),
        ] {
            assert!((round_step(range) - step).abs() < 1e-9, "{range}");
        }
    }

    #[test]
    fn a_chart_of_one_figure_and_a_hostile_label_is_sound() {
        let point = Point {
            at: 0.0,
            median: 0.0,
            lo: 0.0,
            hi: 0.0,
            class: "patch",
            label: "<b>&\"".to_owned(),
        };
        let svg = intervals("title", &[point], &[(0.0, "Mon".to_owned())]);
        assert!(
            svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("NaN") && !svg.contains("inf"),
            "{svg}"
        );
    }
}
