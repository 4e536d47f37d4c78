//! What a run adds up to.

use std::fmt;

use crate::failures::Failures;
use crate::workspace::Workspace;

/// How a step ended. Tests that it ran are counted beside this.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Could not run, and why.
    Skipped(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl From<bool> for Outcome {
    fn from(ok: bool) -> Self {
        if ok { Self::Passed } else { Self::Failed("see above".to_owned()) }
    }
}

/// Tests that were counted, and what those said that failed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) failures: Failures,
}

impl Count {
    /// Adds what pytest's last line tells: `3 failed, 70 passed, 1 skipped in 3.42s`.
    pub(crate) fn see_pytest(&mut self, line: &str) {
        self.failures.see(line);
        let Some((results, _)) = line.trim_matches(['=', ' ']).rsplit_once(" in ") else { return };
        for part in results.split(", ") {
            let Some((n, what)) = part.split_once(' ') else { return };
            let Ok(n) = n.parse::<u64>() else { return };
            match what {
                "passed" => self.passed += n,
                "failed" | "error" | "errors" => self.failed += n,
                "skipped" | "xfailed" => self.ignored += n,
                _ => {}
            }
        }
    }

    /// Adds what a line of a TAP report tells: `ok 1 - name`, `not ok 2 - name`, `ok 3 - name # SKIP why`.
    pub(crate) fn see_tap(&mut self, line: &str) {
        self.failures.see(line);
        if line.starts_with("not ok ") {
            self.failed += 1;
        } else if line.starts_with("ok ") && line.contains(" # SKIP") {
            self.ignored += 1;
        } else if line.starts_with("ok ") {
            self.passed += 1;
        }
    }

    /// Adds what a line of `go test -v` tells: `--- PASS: TestX (0.01s)`, indented for a test within a test.
    pub(crate) fn see_go(&mut self, line: &str) {
        self.failures.see(line);
        match line.trim_start().strip_prefix("--- ").and_then(|rest| rest.split_once(": ")) {
            Some(("PASS", _)) => self.passed += 1,
            Some(("FAIL", _)) => self.failed += 1,
            Some(("SKIP", _)) => self.ignored += 1,
            _ => {}
        }
    }

    /// Adds what PHPUnit's last line tells: `OK (4 tests, 9 assertions)`, or `Tests: 4, Assertions: 9, Errors: 1, Skipped: 1.`
    pub(crate) fn see_phpunit(&mut self, line: &str) {
        self.failures.see(line);
        let number = |text: &str| text.trim_end_matches('.').parse::<u64>().unwrap_or(0);
        if let Some(tests) = line.strip_prefix("OK (").and_then(|rest| rest.split(' ').next()) {
            self.passed += number(tests);
            return;
        }
        if !line.starts_with("Tests: ") {
            return;
        }
        let (mut run, mut failed, mut ignored) = (0, 0, 0);
        for (what, n) in line.split(", ").filter_map(|part| part.split_once(": ")) {
            match what {
                "Tests" => run = number(n),
                "Errors" | "Failures" | "Warnings" | "Risky" => failed += number(n),
                "Skipped" | "Incomplete" => ignored += number(n),
                _ => {}
            }
        }
        self.passed += run.saturating_sub(failed + ignored);
        self.failed += failed;
        self.ignored += ignored;
    }

    /// Adds what a line of a Surefire report tells: `Tests run: 9, Failures: 1, Errors: 0, Skipped: 2, ..`.
    pub(crate) fn see_surefire(&mut self, line: &str) {
        self.failures.see(line);
        let Some(numbers) = line.strip_prefix("Tests run: ") else { return };
        let mut numbers =
            numbers.split(", ").map(|part| part.rsplit(' ').next().and_then(|n| n.parse().ok()));
        let mut next = || numbers.next().flatten().unwrap_or(0u64);
        let (run, failed, skipped) = (next(), next() + next(), next());
        self.passed += run.saturating_sub(failed + skipped);
        self.failed += failed;
        self.ignored += skipped;
    }

    /// Adds what a line like `test result: ok. 2 passed; 0 failed; 1 ignored; ...` tells; others tell nothing.
    pub(crate) fn see(&mut self, line: &str) {
        self.failures.see(line);
        let Some(result) = line.trim().strip_prefix("test result: ") else { return };
        let (_, numbers) = result.split_once(". ").unwrap_or_default();
        for part in numbers.split("; ") {
            match part.split_once(' ') {
                Some((n, "passed")) => self.passed += n.parse().unwrap_or(0),
                Some((n, "failed")) => self.failed += n.parse().unwrap_or(0),
                Some((n, "ignored")) => self.ignored += n.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// The total of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    ci: bool,
    count: Count,
    failed_steps: Vec<String>,
    skipped: Vec<String>,
    /// What the failed tests of each step said.
    said: Vec<String>,
}

impl Report {
    pub(crate) fn new(workspace: &Workspace) -> Self {
        Self { ci: workspace.ci, ..Self::default() }
    }

    /// Adds what a step counted.
    pub(crate) fn add_tests(&mut self, name: &str, count: &Count) {
        self.count.passed += count.passed;
        self.count.failed += count.failed;
        self.count.ignored += count.ignored;
        if count.failed > 0 {
            self.said.push(format!("failed tests of {name}:"));
            self.said.extend(count.failures.lines().iter().map(|line| format!("    {line}")));
        }
    }

    /// A step that fails counts as one failed test; in CI, so does one that could not run.
    pub(crate) fn add_step(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(why) => self.failed_steps.push(format!("failed: {name}: {why}")),
            Outcome::Skipped(why) if self.ci => {
                self.failed_steps.push(format!("failed: {name}: skipped in CI: {why}"));
            }
            Outcome::Skipped(why) => self.skipped.push(format!("skipped: {name}: {why}")),
        }
    }

    pub(crate) fn failed(&self) -> u64 {
        let ignored = if self.ci { self.count.ignored } else { 0 };
        self.count.failed + self.failed_steps.len() as u64 + ignored
    }

    fn skipped(&self) -> u64 {
        let ignored = if self.ci { 0 } else { self.count.ignored };
        self.skipped.len() as u64 + ignored
    }

    /// Names what failed and what was skipped, and ends with the total on a line of its own.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.said.clone();
        lines.extend_from_slice(&self.failed_steps);
        lines.extend_from_slice(&self.skipped);
        match (self.count.ignored, self.ci) {
            (0, _) => {}
            (n, true) => lines.push(format!("failed: tests: {n} ignored in CI")),
            (n, false) => lines.push(format!("skipped: tests: {n} are marked `ignore`")),
        }
        lines.push(self.total());
        lines
    }

    fn total(&self) -> String {
        let (passed, failed) = (self.count.passed, self.failed());
        match self.skipped() {
            0 => format!("{passed} passed, {failed} failed"),
            skipped => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &str) -> Count {
        let mut count = Count::default();
        lines.lines().for_each(|l| count.see(l));
        count
    }

    /// Passed, failed, ignored.
    fn numbers(count: &Count) -> [u64; 3] {
        [count.passed, count.failed, count.ignored]
    }

    #[test]
    fn result_lines_add_up_and_other_lines_do_not() {
        let count = counted(
            "running 3 tests\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.1s\n\
             test x ... ok. 5 passed; 5 failed\n\
             test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        assert_eq!(numbers(&count), [3, 2, 1]);
    }

    #[test]
    fn the_last_line_of_pytest_adds_up_and_others_do_not() {
        let mut count = Count::default();
        for line in
            ["3 failed, 70 passed, 1 skipped, 2 warnings in 3.42s", "passed in time", "1 error in 0.1s"]
        {
            count.see_pytest(line);
        }
        assert_eq!(numbers(&count), [70, 4, 1]);
    }

    #[test]
    fn a_tap_report_adds_up_and_other_lines_do_not() {
        let mut count = Count::default();
        for line in ["ok 1 - a", "not ok 2 - b", "ok 3 - c # SKIP why", "# ok", "1..3", "    ok 1 - inner"] {
            count.see_tap(line);
        }
        assert_eq!(numbers(&count), [1, 1, 1]);
    }

    #[test]
    fn results_of_go_add_up_and_other_lines_do_not() {
        let mut count = Count::default();
        for line in [
            "=== RUN   TestA",
            "--- PASS: TestA (0.00s)",
            "    --- FAIL: TestB/one (0.1s)",
            "--- SKIP: TestC (0s)",
            "PASS",
        ] {
            count.see_go(line);
        }
        assert_eq!(numbers(&count), [1, 1, 1]);
    }

    #[test]
    fn the_last_line_of_phpunit_adds_up_and_others_do_not() {
        let mut count = Count::default();
        for line in [
            "....                                         4 / 4 (100%)",
            "OK (4 tests, 9 assertions)",
            "Tests: 9, Assertions: 3, Errors: 1, Failures: 2, Skipped: 1.",
        ] {
            count.see_phpunit(line);
        }
        assert_eq!(numbers(&count), [9, 3, 1]);
    }

    #[test]
    fn a_surefire_report_adds_up_and_other_lines_do_not() {
        let mut count = Count::default();
        for line in [
            "Test set: dev.rekindle.ClientTest",
            "Tests run: 9, Failures: 1, Errors: 2, Skipped: 3, Time elapsed: 0.7 s <<< FAILURE! -- in dev.rekindle.ClientTest",
        ] {
            count.see_surefire(line);
        }
        assert_eq!(numbers(&count), [3, 3, 3]);
    }

    #[test]
    fn a_failed_step_is_a_failed_test_with_its_name() {
        let mut report = Report::default();
        report.add_tests("tests", &Count { passed: 4, ..Count::default() });
        report.add_step("format", Outcome::Failed("see above".to_owned()));
        assert_eq!(report.lines(), ["failed: format: see above", "4 passed, 1 failed"]);
    }

    #[test]
    fn the_end_repeats_what_failed_tests_said() {
        let mut report = Report::default();
        let mut count = Count::default();
        for line in ["not ok 1 - it holds", "  error: no", "ok 2 - it stays"] {
            count.see_tap(line);
        }
        report.add_tests("javascript", &count);
        let lines = report.lines();
        assert_eq!(lines[..3], ["failed tests of javascript:", "    not ok 1 - it holds", "      error: no"]);
        assert_eq!(lines.last().map(String::as_str), Some("1 passed, 1 failed"));
    }

    #[test]
    fn what_could_not_run_is_named_and_counted() {
        let mut report = Report::default();
        report.add_step("deny", Outcome::Skipped("not installed".to_owned()));
        assert_eq!(report.lines(), ["skipped: deny: not installed", "0 passed, 0 failed, 1 skipped"]);
    }

    #[test]
    fn in_ci_nothing_may_be_skipped() {
        let mut report = Report { ci: true, ..Report::default() };
        report.add_step("deny", Outcome::Skipped("not installed".to_owned()));
        report.add_tests("tests", &Count { passed: 1, ignored: 1, ..Count::default() });
        assert_eq!(report.lines().last().map(String::as_str), Some("1 passed, 2 failed"));
    }
}
