//! Where in a profile file something is, so that a mistake can be found.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The lines of a profile's keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    profile: usize,
    fields: BTreeMap<String, usize>,
}

impl Lines {
    /// A file that does not parse has no lines: that is told elsewhere.
    pub(crate) fn of(text: &str, profile: &str) -> Self {
        let Ok(document) = DeTable::parse(text) else { return Self::default() };
        let found = entry(document.get_ref(), "profile").and_then(|(_, all)| entry(table(all)?, profile));
        let Some((place, value)) = found else { return Self::default() };
        let mut lines = Self { profile: line(text, &place), fields: BTreeMap::new() };
        for (key, value) in table(value).into_iter().flatten() {
            let name = key.get_ref().to_string();
            for (inner, _) in table(value.get_ref()).into_iter().flatten() {
                lines.fields.insert(format!("{name}.{}", inner.get_ref()), line(text, &inner.span()));
            }
            lines.fields.insert(name, line(text, &key.span()));
        }
        lines
    }

    /// The line of a field; of its profile, where the field is missing.
    pub(crate) fn line(&self, field: &str) -> usize {
        self.fields.get(field).copied().unwrap_or(self.profile)
    }
}

/// The line, counted from 1, in which a span begins.
pub(crate) fn line(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let found = table.iter().find(|(key, _)| key.get_ref() == name);
    found.map(|(key, value)| (key.span(), value.get_ref()))
}

fn table<'a, 'i>(value: &'a DeValue<'i>) -> Option<&'a DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_line_and_a_missing_one_that_of_the_profile() {
        let text = "\n[profile.a]\nx = 1\n\n[profile.school]\ndialect = \"json\"\n[profile.school.variables]\nn = \"1\"\n";
        let lines = Lines::of(text, "school");
        assert_eq!(lines.line("dialect"), 6);
        assert_eq!(lines.line("variables.n"), 8);
        assert_eq!(lines.line("token_url"), 5);
        assert_eq!(Lines::of("= nonsense", "school").line("x"), 0);
    }
}
