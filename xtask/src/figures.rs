//! The pictures of the documentation, drawn from what they show.

use std::fmt::Write as _;

use crate::workspace::Workspace;

pub(crate) const SESSION: &str = "docs/src/figures/session.svg";
pub(crate) const FLIGHT: &str = "docs/src/figures/flight.svg";

/// A state of a session, as `status` names it, and where its box stands.
struct State {
    name: &'static str,
    note: &'static str,
    x: i32,
    y: i32,
}

/// What leads from one state to another: by index, with the place of its text.
struct Change {
    from: (i32, i32),
    to: (i32, i32),
    text: (i32, i32),
    why: &'static str,
}

const STATES: [State; 4] = [
    State { name: "unread", note: "the store was not read yet", x: 330, y: 20 },
    State { name: "active", note: "a token can be served, or got", x: 330, y: 170 },
    State { name: "login_required", note: "the user must sign in again", x: 40, y: 330 },
    State { name: "signed_out", note: "there is no credential", x: 620, y: 330 },
];

const CHANGES: [Change; 7] = [
    Change { from: (450, 80), to: (450, 170), text: (460, 130), why: "it has a credential" },
    Change { from: (330, 210), to: (130, 330), text: (70, 250), why: "the refresh token is dead" },
    Change { from: (240, 330), to: (390, 230), text: (325, 300), why: "sign in" },
    Change { from: (570, 214), to: (750, 330), text: (690, 268), why: "sign out" },
    Change { from: (660, 330), to: (510, 230), text: (500, 300), why: "sign in" },
    Change { from: (570, 50), to: (840, 330), text: (725, 190), why: "it has none" },
    Change { from: (280, 365), to: (620, 365), text: (420, 385), why: "sign out" },
];

/// Who takes part in a refresh.
const LANES: [&str; 6] = ["caller A", "caller B", "process 1", "store", "token endpoint", "process 2"];

/// What one says to another, in this order; who says it to themselves does it.
const STEPS: [(usize, usize, &str); 13] = [
    (0, 2, "token(): it has expired"),
    (1, 2, "the API answered 401: joins"),
    (2, 3, "lease: compare and save"),
    (2, 3, "intent: this refresh token"),
    (2, 4, "refresh token"),
    (1, 1, "is cancelled: leaves"),
    (5, 3, "lease? taken: waits"),
    (4, 2, "new tokens"),
    (2, 3, "save, release the lease"),
    (2, 0, "token, generation 2"),
    (3, 5, "generation 2"),
    (5, 5, "adopts it: no request"),
    (0, 0, "sends its request"),
];

const LANE_WIDTH: i32 = 190;
const STEP_HEIGHT: i32 = 34;

pub(crate) fn session(_: &Workspace, _: &str) -> Result<String, String> {
    let mut svg = Drawing::new(900, 400, "The states of a session, and what leads from one to another");
    for change in &CHANGES {
        svg.arrow(change.from, change.to);
        svg.text(change.text.0, change.text.1, "start", change.why);
    }
    for State { name, note, x, y } in &STATES {
        svg.element(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"240\" height=\"60\" rx=\"6\" fill=\"#eef3f8\" stroke=\"#456\"/>"
        ));
        svg.strong(x + 120, y + 26, name);
        svg.text(x + 120, y + 46, "middle", note);
    }
    // A refresh leaves an active session active.
    svg.element("<path d=\"M570 190 C640 170 640 230 572 216\" fill=\"none\" stroke=\"#456\" marker-end=\"url(#head)\"/>");
    svg.text(632, 200, "start", "refresh");
    Ok(svg.end())
}

pub(crate) fn flight(_: &Workspace, _: &str) -> Result<String, String> {
    let (width, height) = (LANE_WIDTH * LANES.len() as i32, 60 + STEP_HEIGHT * STEPS.len() as i32);
    let mut svg = Drawing::new(width, height, "A refresh that two callers and two processes share");
    let middle = |lane: usize| LANE_WIDTH * lane as i32 + LANE_WIDTH / 2;
    for (lane, name) in LANES.iter().enumerate() {
        let x = middle(lane);
        svg.strong(x, 22, name);
        svg.element(&format!(
            "<line x1=\"{x}\" y1=\"32\" x2=\"{x}\" y2=\"{}\" stroke=\"#bcc7d2\"/>",
            height - 10
        ));
    }
    for (row, (from, to, what)) in STEPS.iter().enumerate() {
        let y = 64 + STEP_HEIGHT * row as i32;
        if from == to {
            svg.element(&format!("<circle cx=\"{}\" cy=\"{y}\" r=\"4\" fill=\"#456\"/>", middle(*from)));
            let (x, anchor) = if *from == LANES.len() - 1 {
                (middle(*from) - 9, "end")
            } else {
                (middle(*from) + 9, "start")
            };
            svg.text(x, y + 4, anchor, what);
        } else {
            svg.arrow((middle(*from), y), (middle(*to), y));
            svg.text((middle(*from) + middle(*to)) / 2, y - 5, "middle", what);
        }
    }
    Ok(svg.end())
}

/// An SVG that is being written.
struct Drawing(String);

impl Drawing {
    fn new(width: i32, height: i32, title: &str) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
             <title>{title}</title>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
             <path d=\"M0 0 L8 4 L0 8 z\" fill=\"#456\"/></marker></defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
        ))
    }

    fn element(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    fn arrow(&mut self, from: (i32, i32), to: (i32, i32)) {
        self.element(&format!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#456\" marker-end=\"url(#head)\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    fn text(&mut self, x: i32, y: i32, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        // Writing into a string cannot fail.
        let _ = writeln!(
            self.0,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"#234\">{text}</text>"
        );
    }

    fn strong(&mut self, x: i32, y: i32, text: &str) {
        let _ = writeln!(
            self.0,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-weight=\"bold\" fill=\"#123\">{text}</text>"
        );
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{LANES, STEPS};

    #[test]
    fn every_lane_of_a_flight_takes_part_in_it() {
        for (lane, name) in LANES.iter().enumerate() {
            assert!(STEPS.iter().any(|(from, to, _)| *from == lane || *to == lane), "{name}");
        }
    }
}
