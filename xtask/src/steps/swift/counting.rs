//! What Swift Testing prints, as counts: a test with arguments is as many tests as it was given arguments.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Count;

/// The cases of each test with arguments, and those that failed.
#[derive(Default)]
pub(super) struct Counting {
    cases: BTreeMap<String, u64>,
    failed: BTreeMap<String, BTreeSet<String>>,
}

impl Counting {
    /// Adds what a line tells.
    pub(super) fn see(&mut self, line: &str, count: &mut Count) {
        count.failures.see(line);
        let line = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        if let Some(rest) = line.strip_prefix("Passing ") {
            let Some((_, test)) = rest.rsplit_once(" to ") else { return };
            *self.cases.entry(test.to_owned()).or_default() += 1;
        } else if let Some(rest) = line.strip_prefix("Test ") {
            // The total of a run has the form of a test.
            if !rest.starts_with("run with ") {
                self.see_test(rest, count);
            }
        }
    }

    fn see_test(&mut self, rest: &str, count: &mut Count) {
        if let Some((test, what)) = rest.split_once(" recorded an issue with ") {
            let (case, _) = what.split_once(" at ").unwrap_or((what, ""));
            self.failed.entry(test.to_owned()).or_default().insert(case.to_owned());
        } else if let Some((test, _)) = rest.split_once(" passed after ") {
            count.passed += self.cases.remove(test).unwrap_or(1);
        } else if let Some((test, _)) = rest.split_once(" failed after ") {
            let failed = self.failed.remove(test).map_or(1, |cases| cases.len() as u64);
            count.passed += self.cases.remove(test).unwrap_or(failed).saturating_sub(failed);
            count.failed += failed;
        } else if rest.contains(" skipped") {
            count.ignored += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &str) -> Count {
        let (mut counting, mut count) = (Counting::default(), Count::default());
        lines.lines().for_each(|line| counting.see(line, &mut count));
        count
    }

    #[test]
    fn each_argument_is_a_test_and_the_total_is_none() {
        let count = counted(
            "\u{25c7} Test run started.\n\
             \u{25c7} Suite \"some suite\" started.\n\
             \u{25c7} Test many(_:) started.\n\
             \u{2718} Test off() skipped: \"because\"\n\
             \u{25c7} Passing 1 argument name \u{2192} \"a to b\" to many(_:)\n\
             \u{25c7} Passing 1 argument name \u{2192} \"c\" to many(_:)\n\
             \u{2718} Test many(_:) recorded an issue with 1 argument name \u{2192} \"c\" at T.swift:5:93: one\n\
             \u{2718} Test many(_:) recorded an issue with 1 argument name \u{2192} \"c\" at T.swift:6:93: two\n\
             \u{2714} Test \"plain words\" passed after 0.001 seconds.\n\
             \u{2718} Test one() recorded an issue at T.swift:5:93: Expectation failed\n\
             \u{2718} Test one() failed after 0.001 seconds with 1 issue.\n\
             \u{2718} Test many(_:) failed after 0.001 seconds with 1 issue.\n\
             \u{2718} Suite \"some suite\" failed after 0.002 seconds with 1 issue.\n\
             \u{2718} Test run with 4 tests failed after 0.002 seconds with 1 issue.",
        );
        assert_eq!([count.passed, count.failed, count.ignored], [2, 2, 1]);
    }
}
