//! Makes `cases.json` (or `must-fail.json`) of the YAML cases: `rekindle-conformance-gen cases`. Checks each
//! against `schema.json`, that ids are unique, and that the rules it names are in `SPEC.md`.

mod schema;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FORMAT: u32 = 1;

fn main() -> ExitCode {
    let which = std::env::args().nth(1).unwrap_or_default();
    let made = match which.as_str() {
        "cases" | "must-fail" => make(Path::new(HERE), &which),
        _ => Err(vec!["say which: cases or must-fail".to_owned()]),
    };
    match made {
        Ok(text) => io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(problems) => {
            let _ = writeln!(io::stderr(), "{}", problems.join("\n"));
            ExitCode::FAILURE
        }
    }
}

fn make(folder: &Path, which: &str) -> Result<String, Vec<String>> {
    let one = |why: String| vec![why];
    let schema = read(&folder.join("schema.json")).map_err(one)?;
    let schema: Value =
        serde_json::from_str(&schema).map_err(|error| vec![format!("schema.json: {error}")])?;
    let spec = read(&folder.join("../../SPEC.md")).map_err(one)?;
    let cases = cases(&folder.join(which)).map_err(one)?;
    let problems = problems(&cases, &schema, &rules(&spec), which == "cases");
    if !problems.is_empty() {
        return Err(problems);
    }
    let suite = json!({"format": FORMAT, "cases": cases});
    serde_json::to_string_pretty(&suite).map(|text| text + "\n").map_err(|error| vec![error.to_string()])
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// All cases, each with the name of its file as its topic.
fn cases(folder: &Path) -> Result<Vec<Value>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let topic = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let list: Vec<Value> =
            serde_saphyr::from_str(&read(&path)?).map_err(|error| format!("{topic}.yaml: {error}"))?;
        all.extend(list.into_iter().map(|case| with_topic(case, &topic)));
    }
    Ok(all)
}

fn with_topic(mut case: Value, topic: &str) -> Value {
    if let Some(case) = case.as_object_mut() {
        case.insert("topic".to_owned(), topic.into());
    }
    case
}

/// The numbers of the rules: lines that begin with `- 4.2 `.
fn rules(spec: &str) -> BTreeSet<String> {
    let word = |line: &str| line.strip_prefix("- ")?.split(' ').next().map(str::to_owned);
    spec.lines().filter_map(word).filter(|word| word.contains('.')).collect()
}

fn problems(cases: &[Value], schema: &Value, rules: &BTreeSet<String>, need_rules: bool) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap_or("?");
        let topic = case["topic"].as_str().unwrap_or("?");
        let mut add = |why: String| problems.push(format!("{topic}.yaml: {id}: {why}"));
        if let Err(why) = schema::check(schema, case) {
            add(why);
        }
        if !seen.insert(id.to_owned()) {
            add("this id is there already".to_owned());
        }
        let named = case["rules"].as_array().into_iter().flatten().filter_map(Value::as_str);
        named.filter(|rule| !rules.contains(*rule)).for_each(|rule| add(format!("there is no rule {rule}")));
        if need_rules == case["rules"].is_null() {
            add("a case names its rules, one that must fail names none".to_owned());
        }
        if need_rules != case["complaint"].is_null() {
            add("only a case that must fail names its complaint, and it does".to_owned());
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(case: Value) -> Vec<String> {
        let schema = read(&Path::new(HERE).join("schema.json")).unwrap();
        let rules = BTreeSet::from(["3.2".to_owned()]);
        problems(&[case.clone(), case], &serde_json::from_str(&schema).unwrap(), &rules, true)
    }

    fn case() -> Value {
        json!({"id": "a", "topic": "t", "description": "d", "rules": ["3.2"], "operations": [{"op": "token"}]})
    }

    #[test]
    fn an_id_that_is_there_twice_is_told() {
        assert_eq!(found(case()), ["t.yaml: a: this id is there already"]);
    }

    #[test]
    fn an_unknown_rule_is_told() {
        let mut case = case();
        case["rules"] = json!(["3.99"]);
        assert!(found(case)[0].contains("there is no rule 3.99"));
    }

    #[test]
    fn what_the_schema_does_not_know_is_told_with_its_path() {
        let mut unknown = case();
        unknown["operations"][0]["fast"] = true.into();
        assert_eq!(found(unknown)[0], "t.yaml: a: case.operations[0]: `fast` is not known here");
        let mut wrong = case();
        wrong["operations"][0] = json!({"op": "fly"});
        assert!(found(wrong)[0].contains("case.operations[0]"));
        let mut step = case();
        step["server"] = json!({"steps": [{"match": {"path": 1}}]});
        assert!(found(step)[0].contains("case.server.steps[0].match.path"));
    }

    #[test]
    fn the_rules_of_the_spec_are_found() {
        let rules = rules("## 1\n- 1.1 A token.\n- 4.10 Ten.\n- no rule\n");
        assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["1.1", "4.10"]);
    }
}
