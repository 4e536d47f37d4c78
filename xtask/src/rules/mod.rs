//! The rules of SPEC.md and the cases that show them.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

pub(crate) use scan::find_cases;

use crate::workspace::Workspace;

const HEAD: &str = "# The rules of SPEC.md, and the tests that show them\n\nWritten by `cargo xtask gen`.\n";
const REASONS: &str = "## Rules without a case";

/// A rule's number. Ordered as a reader counts: 4.2 before 4.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule(u32, u32);

impl Rule {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (section, number) = text.split_once('.')?;
        Some(Self(section.parse().ok()?, number.parse().ok()?))
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Each rule's cases, by name.
pub(crate) type Cases = BTreeMap<Rule, BTreeSet<String>>;

/// What SPEC.md says about itself.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    pub(crate) rules: Vec<Rule>,
    /// Why a rule has no case: lines `- 9.3: reason` in a section of their own.
    pub(crate) reasons: BTreeMap<Rule, String>,
}

impl Spec {
    pub(crate) fn parse(text: &str) -> Self {
        let mut spec = Self::default();
        let mut in_reasons = false;
        for line in text.lines() {
            if line.starts_with("## ") {
                in_reasons = line == REASONS;
            }
            let Some(item) = line.strip_prefix("- ") else { continue };
            match (in_reasons, item.split_once(": "), item.split_once(' ')) {
                (true, Some((rule, reason)), _) => spec.add_reason(rule, reason),
                (false, _, Some((rule, _))) => spec.rules.extend(Rule::parse(rule)),
                _ => {}
            }
        }
        spec
    }

    fn add_reason(&mut self, rule: &str, reason: &str) {
        if let (Some(rule), false) = (Rule::parse(rule), reason.trim().is_empty()) {
            self.reasons.insert(rule, reason.trim().to_owned());
        }
    }

    /// Rules that nothing shows, reasons that are no longer needed, cases of rules that don't exist.
    pub(crate) fn problems(&self, cases: &Cases) -> Vec<String> {
        let bare = self.rules.iter().filter(|r| !cases.contains_key(r) && !self.reasons.contains_key(r));
        let idle = self.reasons.keys().filter(|r| cases.contains_key(r));
        let unknown = cases.iter().filter(|(r, _)| !self.rules.contains(r));
        bare.map(|r| format!("rule {r} has no case, and no reason under \"{REASONS}\""))
            .chain(idle.map(|r| format!("rule {r} has cases: its reason under \"{REASONS}\" can go")))
            .chain(unknown.map(|(r, names)| format!("there is no rule {r}, but {names:?} names it")))
            .collect()
    }

    fn table(&self, cases: &Cases) -> String {
        let mut table = String::from("| rule | cases |\n|---|---|\n");
        for rule in &self.rules {
            table.push_str(&format!("| {rule} | {} |\n", self.cell(rule, cases)));
        }
        table
    }

    fn cell(&self, rule: &Rule, cases: &Cases) -> String {
        match (cases.get(rule), self.reasons.get(rule)) {
            (Some(names), _) => names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join("<br>"),
            (None, Some(reason)) => format!("none: {reason}"),
            (None, None) => "none yet".to_owned(),
        }
    }
}

/// SPEC-CASES.md: each rule of SPEC.md with the tests that show it.
pub(crate) fn render_cases(workspace: &Workspace, _: &str) -> Result<String, String> {
    let spec = fs::read_to_string(workspace.path("SPEC.md")).map_err(|e| format!("SPEC.md: {e}"))?;
    let cases = find_cases(&workspace.root)?;
    Ok(format!("{HEAD}\n{}", Spec::parse(&spec).table(&cases)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "## 1. Serving\n- 1.1 A token.\n- 1.10 Ten.\n- 1.2 Two.\n\n\
                        ## Rules without a case\n\n- 1.2: nothing to run\n";

    fn cases(rules: &[&str]) -> Cases {
        let one = |r: &&str| Some((Rule::parse(r)?, BTreeSet::from(["a_case".to_owned()])));
        rules.iter().filter_map(one).collect()
    }

    #[test]
    fn rules_and_reasons_are_told_apart() {
        let spec = Spec::parse(SPEC);
        assert_eq!(spec.rules, [Rule(1, 1), Rule(1, 10), Rule(1, 2)]);
        assert_eq!(spec.reasons[&Rule(1, 2)], "nothing to run");
    }

    #[test]
    fn a_rule_without_case_or_reason_is_a_problem() {
        let problems = Spec::parse(SPEC).problems(&cases(&["1.1"]));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("1.10"), "{problems:?}");
    }

    #[test]
    fn so_is_an_idle_reason_and_a_rule_that_does_not_exist() {
        let problems = Spec::parse(SPEC).problems(&cases(&["1.1", "1.10", "1.2", "7.9"]));
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn the_table_names_cases_reasons_and_gaps() {
        let table = Spec::parse(SPEC).table(&cases(&["1.1"]));
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| 1.1 | `a_case` |", "| 1.10 | none yet |", "| 1.2 | none: nothing to run |"]);
    }
}
