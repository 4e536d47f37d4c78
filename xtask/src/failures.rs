//! Which tests failed and what they said, so that the end of a long run repeats it: whoever reads a log of CI often
//! has its end alone.

use std::collections::VecDeque;

/// How many lines of a test's own output are repeated: enough for a message and its place.
const LINES: usize = 12;

/// The lines that tell of failed tests, as their runners printed them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Failures {
    lines: Vec<String>,
    /// How many of the next lines still belong to the last failure.
    following: usize,
    /// The lines before this one: Go prints a test's output first.
    before: VecDeque<String>,
}

impl Failures {
    /// Looks at a line of any of the runners.
    pub(crate) fn see(&mut self, line: &str) {
        match belonging(line) {
            Some(Belonging::Before) => {
                self.lines.extend(self.before.drain(..));
                self.lines.push(line.to_owned());
            }
            Some(Belonging::After(lines)) => {
                self.lines.push(line.to_owned());
                self.following = lines;
            }
            None if self.following > 0 => {
                self.following -= 1;
                self.lines.push(line.to_owned());
            }
            None => {}
        }
        self.before.push_back(line.to_owned());
        if self.before.len() > LINES {
            self.before.pop_front();
        }
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Where the output of a failed test stands.
enum Belonging {
    Before,
    After(usize),
}

/// What of the lines around this one belongs to a failure that it announces, if it announces one.
fn belonging(line: &str) -> Option<Belonging> {
    let trimmed = line.trim_start();
    let after = |announces: bool, lines| announces.then_some(Belonging::After(lines));
    let pytest = ["FAILED ", "ERROR "].iter().any(|word| line.starts_with(word)) && line.contains("::");
    let libtest = line.starts_with("---- ") && line.ends_with(" stdout ----");
    let surefire = ["<<< FAILURE!", "<<< ERROR!"].iter().any(|mark| line.contains(mark));
    let phpunit = line
        .split_once(") ")
        .is_some_and(|(n, test)| n.parse::<u32>().is_ok() && test.contains("::") && !test.contains(' '));
    if trimmed.starts_with("--- FAIL: ") {
        return Some(Belonging::Before);
    }
    after(pytest, 0)
        .or(after(libtest || line.starts_with("not ok ") || phpunit || surefire, LINES))
        .or(after(line.contains(" recorded an issue "), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[&str]) -> Vec<String> {
        let mut failures = Failures::default();
        lines.iter().for_each(|line| failures.see(line));
        failures.lines().to_vec()
    }

    #[test]
    fn what_passes_is_not_repeated() {
        let lines =
            ["test a ... ok", "ok 1 - a", "--- PASS: TestA (0.1s)", "== php ==", "1) it is", "OK (4 tests)"];
        assert_eq!(seen(&lines), [""; 0]);
    }

    #[test]
    fn a_failure_of_each_runner_is_repeated_with_its_message() {
        for (lines, repeated) in [
            (&["---- it::holds stdout ----", "panicked at x"][..], 2),
            (&["FAILED tests/test_a.py::test_b - assert 1 == 2", "1 failed in 2s"], 1),
            (&["not ok 3 - it holds", "  error: 'no'"], 2),
            (&["=== RUN TestA", "    a_test.go:3: no", "--- FAIL: TestA (0.1s)"], 3),
            (&["1) SessionTest::testItHolds", "Failed asserting"], 2),
            (&["dev.A.b -- Time elapsed: 1 s <<< FAILURE!", "java.lang.AssertionError"], 2),
            (&["\u{2718} Test a() recorded an issue at T.swift:5:93: no"], 1),
        ] {
            assert_eq!(seen(lines).len(), repeated, "{lines:?}");
        }
    }

    #[test]
    fn a_failure_ends_after_its_message() {
        let mut lines = vec!["not ok 1 - a"];
        lines.extend(["message"; 3 * LINES]);
        assert_eq!(seen(&lines).len(), 1 + LINES);
    }
}
