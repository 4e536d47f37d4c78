//! What came of it, for people and for programs.

use rekindle_test_server::Counters;
use serde::Serialize;

use super::plan::Plan;
use super::scene::Scene;
use super::worker::Outcome;
use crate::exit::Done;
use crate::output;

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) dialect: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) requests: u64,
    pub(crate) succeeded: u64,
    pub(crate) refreshes: u64,
    pub(crate) replays: u64,
    pub(crate) reuse_detected: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Row {
    /// What was refreshed and reused, the server knows best.
    pub(crate) fn new(scene: &Scene, plan: &Plan, outcome: &Outcome, server: Counters) -> Self {
        let mut latencies = outcome.latencies_us.clone();
        latencies.sort_unstable();
        Self {
            dialect: scene.dialect(),
            scenario: scene.scenario(),
            requests: plan.requests.into(),
            succeeded: latencies.len() as u64,
            refreshes: server.refreshes,
            replays: outcome.replays,
            reuse_detected: server.reuses_detected,
            p50_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
        }
    }
}

pub(crate) fn print(rows: &[Row]) -> Done {
    let head =
        ["dialect", "scenario", "requests", "succeeded", "refreshes", "replays", "reuse", "p50 ms", "p99 ms"];
    output::line("")?;
    output::line(&laid_out(head.map(str::to_owned)))?;
    rows.iter().try_for_each(|row| output::line(&laid_out(row.cells())))?;
    output::lines(
        "\nlost_answer: the first grant's answer was cut; the same refresh token was sent once more, in its grace.",
    )
}

impl Row {
    fn cells(&self) -> [String; 9] {
        [
            self.dialect.to_owned(),
            self.scenario.to_owned(),
            self.requests.to_string(),
            self.succeeded.to_string(),
            self.refreshes.to_string(),
            self.replays.to_string(),
            self.reuse_detected.to_string(),
            format!("{:.1}", self.p50_ms),
            format!("{:.1}", self.p99_ms),
        ]
    }
}

fn laid_out(cells: [String; 9]) -> String {
    let [dialect, scenario, numbers @ ..] = cells;
    let numbers: String = numbers.iter().map(|number| format!("{number:>11}")).collect();
    format!("{dialect:10}{scenario:16}{numbers}")
}

/// Of sorted microseconds, in milliseconds with one decimal: the smallest value that so many percent do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    let micros = sorted.get(place).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a latency has fewer digits")]
    let tenths = (micros as f64 / 100.0).round();
    tenths / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<u64> = (1..=200).map(|n| n * 1000).collect();
        assert_eq!(percentile(&sorted, 50), 100.0);
        assert_eq!(percentile(&sorted, 99), 198.0);
        assert_eq!(percentile(&[1540], 99), 1.5);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
