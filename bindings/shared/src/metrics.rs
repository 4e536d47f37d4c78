//! The counters of sessions and apps with labels, in the Prometheus text format (spec 10.2).

use std::collections::BTreeMap;
use std::fmt::Write;

use rekindle::{Error, Stats};

/// The counters of one session or app, with their labels.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The label `app`.
    pub app: String,
    /// The label `dialect`.
    pub dialect: String,
    /// The counters.
    pub stats: Stats,
}

/// The outcomes of refreshes, each with its counter.
const OUTCOMES: [(&str, &str); 5] = [
    ("granted", "refreshes"),
    ("adopted", "adoptions"),
    ("failed", "refresh_failures"),
    ("login_required", "logins_required"),
    ("limited", "refresh_limited"),
];

/// The counters of all of them. `rekindle_refresh_outcomes_total` counts refreshes by outcome. `labels`: further
/// labels for every line.
///
/// ```
/// use rekindle_bindings::{Counted, metrics_text};
///
/// let billing = Counted { app: "billing".into(), dialect: "oauth2".into(), stats: rekindle::Stats::default() };
/// let text = metrics_text(&[billing], &[].into())?;
/// assert!(text.contains("\nrekindle_refreshes_total{app=\"billing\",dialect=\"oauth2\"} 0\n"));
/// # Ok::<(), rekindle::Error>(())
/// ```
///
/// # Errors
///
/// InvalidConfig: the name of a label is invalid, or already used.
pub fn metrics_text(counted: &[Counted], labels: &BTreeMap<String, String>) -> Result<String, Error> {
    if let Some(name) = labels.keys().find(|name| !is_label(name)) {
        let what =
            format!("must have names of letters, digits and _, and not app, dialect or outcome: {name}");
        return Err(Error::config("labels", what));
    }
    let mut text = String::new();
    if counted.is_empty() {
        return Ok(text);
    }
    let line = |text: &mut String, family: &str, one: &Counted, outcome: Option<&str>, name: &str| {
        let own = [("app", one.app.as_str()), ("dialect", one.dialect.as_str())];
        let more = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = own.into_iter().chain(more).chain(outcome.map(|outcome| ("outcome", outcome)));
        let shown: Vec<_> = all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let count = one.stats.entries().into_iter().find(|(entry, _)| *entry == name);
        let _ = writeln!(text, "{family}{{{}}} {}", shown.join(","), count.map_or(0, |(_, count)| count));
    };
    let plain = Stats::default().to_prometheus();
    for (family, help) in plain.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' ')) {
        let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} counter");
        let name = family.trim_start_matches("rekindle_").trim_end_matches("_total");
        counted.iter().for_each(|one| line(&mut text, family, one, None, name));
    }
    let family = "rekindle_refresh_outcomes_total";
    let _ = writeln!(text, "# HELP {family} Refreshes by what came of them.\n# TYPE {family} counter");
    for one in counted {
        OUTCOMES.iter().for_each(|(outcome, name)| line(&mut text, family, one, Some(outcome), name));
    }
    Ok(text)
}

fn is_label(name: &str) -> bool {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    plain
        && !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !["app", "dialect", "outcome"].contains(&name)
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(app: &str) -> Counted {
        Counted { app: app.to_owned(), dialect: "oauth2".to_owned(), stats: Stats::default() }
    }

    // spec 10.2
    #[test]
    fn each_counter_is_there_once_with_a_line_for_each_name() {
        let labels = [("zone".to_owned(), "a\"b".to_owned())].into();
        let text = metrics_text(&[counted("one"), counted("two")], &labels).unwrap_or_default();
        let families = Stats::default().entries().len() + 1;
        assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE ")).count(), families);
        let line = "rekindle_replays_total{app=\"two\",dialect=\"oauth2\",zone=\"a\\\"b\"} 0";
        assert_eq!(text.lines().filter(|one| *one == line).count(), 1, "{text}");
        assert_eq!(text.lines().filter(|one| one.contains("outcome=\"granted\"")).count(), 2);
    }

    #[test]
    fn a_label_that_is_taken_or_none_is_refused() {
        for name in ["app", "outcome", "", "1a", "a-b"] {
            assert!(
                metrics_text(&[counted("one")], &[(name.to_owned(), String::new())].into()).is_err(),
                "{name}"
            );
        }
        assert_eq!(metrics_text(&[], &BTreeMap::new()).ok().as_deref(), Some(""));
    }
}
