//! As much of JSON Schema as `schema.json` uses; a keyword that is not known here is an error, so that no
//! part of the schema is passed over.

use serde_json::{Map, Value};

/// Whether a case is as the schema says; else the first place where it is not.
pub(crate) fn check(schema: &Value, case: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, case, "case")
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Some(schema) = schema.as_object() else { return Ok(()) };
        schema.iter().try_for_each(|(keyword, wanted)| self.keyword(keyword, wanted, schema, value, path))
    }

    fn keyword(
        &self,
        keyword: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        match keyword {
            "$schema" | "$id" | "title" | "description" | "$defs" => Ok(()),
            "$ref" => self.check(self.definition(wanted)?, value, path),
            "type" => {
                is_of_type(wanted, value).then_some(()).ok_or(format!("{path}: {value} is no {wanted}"))
            }
            "const" => (wanted == value).then_some(()).ok_or(format!("{path}: {value} is not {wanted}")),
            "enum" => {
                let known = wanted.as_array().is_some_and(|list| list.contains(value));
                known.then_some(()).ok_or(format!("{path}: {value} is none of {wanted}"))
            }
            "minItems" => {
                let enough = value.as_array().is_none_or(|list| list.len() as u64 >= number(wanted));
                enough.then_some(()).ok_or(format!("{path}: too short"))
            }
            "minimum" => {
                let fine = value.as_f64().is_none_or(|one| one >= wanted.as_f64().unwrap_or(0.0));
                fine.then_some(()).ok_or(format!("{path}: {value} is below {wanted}"))
            }
            "required" => required(wanted, value, path),
            "properties" => self.properties(wanted, value, path),
            "additionalProperties" => self.additional(wanted, schema, value, path),
            "items" => {
                let mut list = value.as_array().into_iter().flatten().enumerate();
                list.try_for_each(|(at, one)| self.check(wanted, one, &format!("{path}[{at}]")))
            }
            "anyOf" => self.any_of(wanted, value, path),
            unknown => Err(format!("schema.json uses `{unknown}`, which the generator does not know")),
        }
    }

    fn definition(&self, reference: &Value) -> Result<&Value, String> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).unwrap_or_default();
        self.root.pointer(pointer).ok_or_else(|| format!("schema.json has no {reference}"))
    }

    fn properties(&self, wanted: &Value, value: &Value, path: &str) -> Result<(), String> {
        let mut members = value.as_object().into_iter().flatten();
        members.try_for_each(|(name, member)| match wanted.get(name) {
            Some(schema) => self.check(schema, member, &format!("{path}.{name}")),
            None => Ok(()),
        })
    }

    fn additional(
        &self,
        wanted: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
        let mut further = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
        further.try_for_each(|(name, member)| match wanted {
            Value::Bool(false) => Err(format!("{path}: `{name}` is not known here")),
            schema => self.check(schema, member, &format!("{path}.{name}")),
        })
    }

    /// The complaint is that of the branch that is meant: the one whose `op` is the value's.
    fn any_of(&self, wanted: &Value, value: &Value, path: &str) -> Result<(), String> {
        let mut complaint = None;
        for branch in wanted.as_array().into_iter().flatten() {
            let Err(why) = self.check(branch, value, path) else { return Ok(()) };
            let meant = branch.pointer("/properties/op/const").is_some_and(|op| Some(op) == value.get("op"));
            if meant || complaint.is_none() {
                complaint = Some(why);
            }
        }
        complaint.map_or(Ok(()), Err)
    }
}

fn required(wanted: &Value, value: &Value, path: &str) -> Result<(), String> {
    let Some(members) = value.as_object() else { return Ok(()) };
    let mut names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
    match names.find(|name| !members.contains_key(*name)) {
        Some(name) => Err(format!("{path}: `{name}` is missing")),
        None => Ok(()),
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(several) => several.iter().any(|one| is_of_type(one, value)),
        one => match one.as_str().unwrap_or_default() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        },
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
