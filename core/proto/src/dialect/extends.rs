//! A dialect that extends a preset: `extends = "json"`. Its own fields take precedence; its rules come first.

use serde_json::{Map, Value};

use super::mistake::Mistake;
use crate::error::Failure;

/// The paths of lists of rules. Rules are ordered and the first match decides, so both lists are kept.
const RULES: [[&str; 2]; 2] = [["api", "rules"], ["answer", "rules"]];

/// Merges a dialect onto the preset that it names.
pub(super) fn extend(
    own: &mut Value,
    preset: &dyn Fn(&str) -> Result<Value, Failure>,
) -> Result<(), Mistake> {
    let Some(base) = own.as_object_mut().and_then(|own| own.remove("extends")) else { return Ok(()) };
    let mistake = |what: String| Mistake { line: None, field: "extends".to_owned(), what };
    let name = base.as_str().ok_or_else(|| mistake("expected the name of a preset".to_owned()))?;
    let mut base = preset(name).map_err(|failure| mistake(failure.message))?;
    if let Value::Object(members) = &mut base {
        members.remove("name");
        members.remove("description");
    }
    let rules = RULES.map(|place| [taken(own, place), taken(&mut base, place)].concat());
    merge(&mut base, std::mem::take(own));
    for (place, rules) in RULES.into_iter().zip(rules) {
        put(&mut base, place, rules);
    }
    *own = base;
    Ok(())
}

/// Tables are merged; anything else is replaced.
fn merge(base: &mut Value, own: Value) {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            for (name, value) in own {
                match base.get_mut(&name) {
                    Some(member) => merge(member, value),
                    None => drop(base.insert(name, value)),
                }
            }
        }
        (base, own) => *base = own,
    }
}

/// A value that is not a list is left in place, so that the parser reports it.
fn taken(root: &mut Value, [table, name]: [&str; 2]) -> Vec<Value> {
    match root.get_mut(table).and_then(|table| table.get_mut(name)) {
        Some(Value::Array(rules)) => std::mem::take(rules),
        _ => Vec::new(),
    }
}

fn put(root: &mut Value, [table, name]: [&str; 2], rules: Vec<Value>) {
    if rules.is_empty() {
        return;
    }
    let Value::Object(members) = root else { return };
    let table = members.entry(table).or_insert_with(|| Value::Object(Map::new()));
    match table.get_mut(name) {
        Some(Value::Array(there)) => *there = rules,
        Some(_) => {}
        None => {
            if let Value::Object(table) = table {
                table.insert(name.to_owned(), Value::Array(rules));
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests {
    use super::super::Dialect;
    use serde_json::json;

    // spec 5.22
    #[test]
    fn a_dialect_that_extends_a_preset_says_only_what_differs() {
        let own = "extends = \"json\"\n[answer]\naccess_token = \"jwt\"\n[[answer.rules]]\nstatus = 422\noutcome = \"dead\"";
        let text = Dialect::preset_text("json").unwrap();
        let whole = text
            .replace("access_token = [\"accessToken\", \"access_token\"]", "access_token = \"jwt\"")
            .replacen(
                "[[answer.rules]]",
                "[[answer.rules]]\nstatus = 422\noutcome = \"dead\"\n[[answer.rules]]",
                1,
            )
            .replace("name = \"json\"", "name = \"acme\"");
        let whole: String =
            whole.lines().filter(|line| !line.starts_with("description")).collect::<Vec<_>>().join("\n");
        let (own, whole) =
            (Dialect::from_toml(own, "acme.toml").unwrap(), Dialect::from_toml(&whole, "acme.toml").unwrap());
        assert_eq!((own.name(), own.description()), ("acme", ""));
        assert_eq!(own.fingerprint(), whole.fingerprint());
    }

    // spec 5.22
    #[test]
    fn every_preset_can_be_extended_as_data_too() {
        for name in Dialect::preset_names() {
            let own = Dialect::from_json(&json!({"extends": name, "name": "own"})).unwrap();
            assert_eq!((own.name(), own.rotation()), ("own", Dialect::preset(name).unwrap().rotation()));
            let own = json!({"extends": name, "api": {"rules": [{"status": 404, "verdict": "expired"}]}});
            assert!(Dialect::from_json(&own).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_extended_is_told_with_its_place() {
        for (text, place) in [
            ("extends = \"jsn\"", "d.toml, line 1, field `extends`: there is no preset `jsn`"),
            ("\nextends = 3", "d.toml, line 2, field `extends`: expected the name"),
            ("extends = \"json\"\n[api]\nrules = 3", "d.toml, line 3, field `api.rules`"),
            ("extends = \"json\"\napi = 3", "d.toml, line 2, field `api`"),
            (
                "extends = \"json\"\n[[api.rules]]\nverdict = \"expired\"",
                "d.toml, line 2, field `api.rules[0]`",
            ),
        ] {
            let failure = Dialect::from_toml(text, "d.toml").unwrap_err();
            assert!(failure.message.starts_with(place), "{}", failure.message);
        }
    }
}
