//! A TOML file as data, with the line of each key. Files and plain data are then read by the same code, which is
//! compiled only once.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::extends;
use super::mistake::{Mistake, read};
use crate::error::Failure;

/// A parsed TOML file.
#[derive(Debug)]
pub struct Document {
    value: Value,
    /// The line of each key, by its path: `api.rules[1].status`.
    lines: BTreeMap<String, usize>,
}

impl Document {
    /// Parses a file.
    ///
    /// ```
    /// use rekindle_proto::dialect::Document;
    /// let document = Document::parse("a = 1\n[b]\nc = [{d = 2}]")?;
    /// assert_eq!(document.line("b.c[0].d"), Some(3));
    /// assert_eq!(document.line("b.missing"), Some(2));
    /// # Ok::<(), rekindle_proto::dialect::Mistake>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is not TOML.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let parsed = DeTable::parse(text).map_err(|error| Mistake {
            line: error.span().map(|span| line(text, span.start)),
            field: String::new(),
            what: error.message().to_owned(),
        })?;
        let mut reader = Reader { text, lines: BTreeMap::new() };
        let value = reader.table(parsed.get_ref(), "");
        Ok(Self { value, lines: reader.lines })
    }

    /// Merges the document onto the preset that it extends, if any.
    pub(super) fn extend(&mut self, preset: &dyn Fn(&str) -> Result<Value, Failure>) -> Result<(), Mistake> {
        extends::extend(&mut self.value, preset)
            .map_err(|mistake| Mistake { line: self.line(&mistake.field), ..mistake })
    }

    /// The document as data.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// The document as data.
    pub(super) fn into_value(self) -> Value {
        self.value
    }

    /// The document as a type; an error names its place.
    ///
    /// ```
    /// use rekindle_proto::dialect::Document;
    /// let document = Document::parse("\nage = \"secret\"")?;
    /// let mistake = document.read::<std::collections::BTreeMap<String, u8>>().unwrap_err();
    /// assert_eq!((mistake.line, mistake.field.as_str()), (Some(2), "age"));
    /// assert!(!mistake.what.contains("secret"));
    /// # Ok::<(), rekindle_proto::dialect::Mistake>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The data does not have this type's structure.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        read(&self.value).map_err(|mistake| Mistake { line: self.line(&mistake.field), ..mistake })
    }

    /// The line of a key, or of the nearest one above it.
    ///
    /// ```
    /// use rekindle_proto::dialect::Document;
    /// let document = Document::parse("[token_endpoint]\nurl = 1")?;
    /// assert_eq!(document.line("token_endpoint.url"), Some(2));
    /// assert_eq!(document.line("token_endpoint.body.field"), Some(1));
    /// assert_eq!(document.line("judge"), None);
    /// # Ok::<(), rekindle_proto::dialect::Mistake>(())
    /// ```
    #[must_use]
    pub fn line(&self, field: &str) -> Option<usize> {
        let mut path = field;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    lines: BTreeMap<String, usize>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &str) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.lines.insert(path.clone(), line(self.text, key.span().start));
            map.insert(name.to_owned(), self.value(value, &path));
        }
        Value::Object(map)
    }

    fn array(&mut self, array: &DeArray<'_>, path: &str) -> Value {
        let item = |(place, value): (usize, &Spanned<DeValue<'_>>)| {
            let path = format!("{path}[{place}]");
            self.lines.insert(path.clone(), line(self.text, value.span().start));
            self.value(value, &path)
        };
        array.iter().enumerate().map(item).collect()
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, path: &str) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            // A number that is too large for `Value` is invalid for every field, so it becomes null.
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
            }
            DeValue::Float(number) => {
                number.as_str().parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
            }
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Array(array) => self.array(array, path),
            DeValue::Table(table) => self.table(table, path),
        }
    }
}

/// The number of the line that contains this byte.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
