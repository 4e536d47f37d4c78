//! What is printed when a command ends with a problem.

use crate::exit::{Done, LATER, Problem, SIGN_IN, Stop, USAGE};
use crate::output;

/// Reports what went wrong, and returns the exit code.
pub(crate) fn report(done: Done, json: bool, profile: Option<&str>, config: Option<&String>) -> i32 {
    let mut problem = match done {
        Ok(()) | Err(Stop::Unread) => return 0,
        Err(Stop::Exit(code)) => return code,
        Err(Stop::Problem(problem)) => problem,
    };
    problem.next = next(&problem, profile);
    problem.config = config.cloned();
    if json {
        output::warn_json(&problem)
    } else {
        as_lines(&problem).iter().for_each(|line| output::warn(line))
    }
    problem.exit_code
}

fn as_lines(problem: &Problem) -> Vec<String> {
    let first = format!("rekindle: {}: {}", problem.kind, problem.message);
    let more = problem.errors.iter().skip(1).map(|error| format!("  also: {}", error.message));
    let next = problem.next.iter().map(|next| format!("  next: {next}"));
    let config = problem.config.iter().map(|config| format!("  profile file: {config}"));
    std::iter::once(first).chain(more).chain(next).chain(config).collect()
}

/// What to do next, where the message of the core cannot know it.
fn next(problem: &Problem, profile: Option<&str>) -> Option<String> {
    let profile = profile.map_or_else(String::new, |name| format!(" --profile {name}"));
    match (problem.exit_code, problem.retry_after_ms) {
        (SIGN_IN, _) => Some(format!(
            "sign in to the service again, then import the new tokens: rekindle import{profile} < tokens.json"
        )),
        (LATER, Some(after)) => Some(format!("try again in {} s", after.div_ceil(1000))),
        (USAGE, _) if problem.kind == "Usage" => Some("see rekindle --help".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rekindle::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_lost_credential_says_how_to_bring_the_next_one() {
        let Stop::Problem(problem) = Stop::from(Error::new(ErrorKind::LoginRequired, "it is dead")) else {
            panic!("not a problem")
        };
        assert_eq!(problem.exit_code, SIGN_IN);
        assert!(next(&problem, Some("school")).unwrap().contains("rekindle import --profile school"));
    }
}
