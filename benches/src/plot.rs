//! The table as a picture: a bar for each figure, and one line that none should cross.

use std::fmt::Write as _;

use crate::table::Row;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 330.0;
const FIGURES: f64 = 150.0;
const LINE: f64 = 26.0;
const TOP: f64 = 44.0;
/// A bar that is longer is cut.
const LONGEST: f64 = 1.5;

/// SVG that reads on light and on dark ground.
pub(crate) fn svg(rows: &[Row]) -> String {
    let height = TOP + LINE * rows.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>What rekindle costs, as a share of what was aimed at</title>\n\
         <style>text {{ fill: #24292f }} .met {{ fill: #2a7f9e }} .missed {{ fill: #c2571a }} \
         .aim {{ stroke: #57606a; stroke-dasharray: 3 3 }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #d0d7de }} .aim {{ stroke: #8c959f }} }}</style>\n"
    );
    let aim = LABELS + scale(1.0);
    let _ =
        writeln!(svg, "<text x=\"{aim}\" y=\"18\" text-anchor=\"middle\">the aim; shorter is better</text>");
    for (place, row) in rows.iter().enumerate() {
        bar(&mut svg, row, TOP + LINE * place as f64);
    }
    let _ = writeln!(
        svg,
        "<line class=\"aim\" x1=\"{aim}\" x2=\"{aim}\" y1=\"26\" y2=\"{}\"/>\n</svg>",
        height - 6.0
    );
    svg
}

fn bar(svg: &mut String, row: &Row, y: f64) {
    let class = if row.met() { "met" } else { "missed" };
    let length = scale(row.share().min(LONGEST)).max(2.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
         <rect class=\"{class}\" x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"16\" rx=\"2\"/>\
         <text x=\"{}\" y=\"{}\">{} ({})</text>",
        LABELS - 10.0,
        y + 13.0,
        row.what,
        y,
        WIDTH - FIGURES + 6.0,
        y + 13.0,
        row.figure(),
        row.goal(),
    );
}

fn scale(share: f64) -> f64 {
    share / LONGEST * (WIDTH - LABELS - FIGURES)
}
