//! Every case is a test of its own, by its id; the cases that must fail prove that the runner looks.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use libtest_mimic::{Arguments, Failed, Trial};
use rekindle_conformance::{Case, Suite, run};

const CASES: &str = include_str!("../cases.json");
const MUST_FAIL: &str = include_str!("../must-fail.json");

/// Cases that are not played here, each with the reason.
const SKIPPED: &[(&str, &str)] = &[];

fn main() {
    let arguments = Arguments::from_args();
    let cases: Suite = serde_json::from_str(CASES).unwrap();
    let must_fail: Suite = serde_json::from_str(MUST_FAIL).unwrap();
    let mut trials: Vec<Trial> = cases.cases.into_iter().map(played).collect();
    trials.extend(must_fail.cases.into_iter().map(failing));
    trials.push(Trial::test("the_skip_list_names_cases", || Ok(skips_are_cases()?)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn played(case: Case) -> Trial {
    let name = format!("{}::{}", case.topic, case.id);
    let skipped = SKIPPED.iter().any(|(id, _)| *id == case.id);
    Trial::test(name, move || run(&case).map_err(|complaints| complaints.join("\n").into()))
        .with_ignored_flag(skipped)
}

fn failing(case: Case) -> Trial {
    Trial::test(format!("must_fail::{}", case.id), move || complains(&case))
}

fn complains(case: &Case) -> Result<(), Failed> {
    let wanted = case.complaint.as_deref().ok_or("a case that must fail names its complaint")?;
    let Err(complaints) = run(case) else { return Err(format!("it passed, expected: {wanted}").into()) };
    let found = complaints.iter().any(|complaint| complaint.contains(wanted));
    if found { Ok(()) } else { Err(format!("expected: {wanted}\nfound: {}", complaints.join("\n")).into()) }
}

fn skips_are_cases() -> Result<(), String> {
    let cases: Suite = serde_json::from_str(CASES).map_err(|error| error.to_string())?;
    let known = |id: &str| cases.cases.iter().any(|case| case.id == id);
    let bad = SKIPPED.iter().find(|(id, why)| !known(id) || why.is_empty());
    bad.map_or(Ok(()), |(id, _)| {
        Err(format!("the skip list names `{id}`, which is no case or has no reason"))
    })
}
