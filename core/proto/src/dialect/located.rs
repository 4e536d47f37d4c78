//! Deserializes data as a type with errors that name their place. This is one deserializer over `Value`: wrapping
//! another one would compile every type twice, a tenth of the WebAssembly module.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// An error and its place: the innermost part of the path comes first.
#[derive(Debug)]
pub(super) struct Misfit {
    path: Vec<Part>,
    what: String,
}

#[derive(Debug)]
enum Part {
    Key(String),
    Index(usize),
}

impl Misfit {
    pub(super) fn into_parts(self) -> (String, String) {
        let mut path = String::new();
        for part in self.path.iter().rev() {
            match part {
                Part::Key(key) if path.is_empty() => path.push_str(key),
                Part::Key(key) => path.extend([".", key]),
                Part::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        (path, self.what)
    }

    fn inside(mut self, part: Part) -> Self {
        self.path.push(part);
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { path: Vec::new(), what: what.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        match found {
            Unexpected::Unit => Self::custom(format_args!("invalid type: null, expected {expected}")),
            found => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}

/// A value that is read as a type.
pub(super) struct Located<'v>(pub(super) &'v Value);

impl<'v> Located<'v> {
    fn misfit(&self, expected: &dyn serde::de::Expected) -> Misfit {
        Misfit::invalid_type(self.unexpected(), expected)
    }

    fn unexpected(&self) -> Unexpected<'v> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

/// Each method asks for one kind of value only, so that a visitor's code for the other kinds is not compiled.
macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
            let Value::Number(number) = self.0 else { return Err(self.misfit(&visitor)) };
            match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            }
        })*
    };
}

impl<'v> Deserializer<'v> for Located<'v> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(members) => visitor.visit_map(Members::new(members)),
        }
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Array(items) = self.0 else { return Err(self.misfit(&visitor)) };
        let mut items = Items { items: items.iter(), index: 0 };
        let read = visitor.visit_seq(&mut items)?;
        match items.items.len() {
            0 => Ok(read),
            left => Err(Misfit::invalid_length(items.index + left, &"fewer elements in array")),
        }
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Object(members) = self.0 else { return Err(self.misfit(&visitor)) };
        visitor.visit_map(Members::new(members))
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Bool(flag) = self.0 else { return Err(self.misfit(&visitor)) };
        visitor.visit_bool(*flag)
    }

    fn deserialize_str<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::String(text) = self.0 else { return Err(self.misfit(&visitor)) };
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant { name, content: None }),
            Value::Object(members) if members.len() == 1 => {
                let one = members.iter().next().ok_or_else(|| Misfit::custom("an empty map"))?;
                visitor.visit_enum(Variant { name: one.0, content: Some(one.1) })
            }
            Value::Object(_) => Err(Misfit::invalid_value(Unexpected::Map, &"map with a single key")),
            _ => Err(Misfit::invalid_type(self.unexpected(), &"string or map")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <W: Visitor<'v>>
        i128 u128 char bytes byte_buf unit unit_struct tuple
        tuple_struct
    }
}

struct Items<'v> {
    items: std::slice::Iter<'v, Value>,
    index: usize,
}

impl<'v> SeqAccess<'v> for Items<'v> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(item) = self.items.next() else { return Ok(None) };
        self.index += 1;
        let read = seed.deserialize(Located(item));
        read.map(Some).map_err(|misfit| misfit.inside(Part::Index(self.index - 1)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'v> {
    members: serde_json::map::Iter<'v>,
    next: Option<(&'v str, &'v Value)>,
}

impl<'v> Members<'v> {
    fn new(members: &'v Map<String, Value>) -> Self {
        Self { members: members.iter(), next: None }
    }
}

impl<'v> MapAccess<'v> for Members<'v> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some((key, value)) = self.members.next() else { return Ok(None) };
        self.next = Some((key, value));
        let read = seed.deserialize(BorrowedStrDeserializer::new(key));
        read.map(Some).map_err(|misfit: Misfit| misfit.inside(Part::Key(key.clone())))
    }

    fn next_value_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (key, value) = self.next.take().ok_or_else(|| Misfit::custom("a value without its key"))?;
        seed.deserialize(Located(value)).map_err(|misfit| misfit.inside(Part::Key(key.to_owned())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

/// An enum's variant: its name and its content.
struct Variant<'v> {
    name: &'v str,
    content: Option<&'v Value>,
}

impl<'v> EnumAccess<'v> for Variant<'v> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'v>>(self, seed: S) -> Result<(S::Value, Self), Misfit> {
        let name: Result<_, Misfit> = seed.deserialize(BorrowedStrDeserializer::new(self.name));
        Ok((name?, self))
    }
}

impl<'v> Variant<'v> {
    fn content(&self, what: &'static str) -> Result<Located<'v>, Misfit> {
        self.content.map(Located).ok_or_else(|| Misfit::invalid_type(Unexpected::UnitVariant, &what))
    }

    fn inside(&self, misfit: Misfit) -> Misfit {
        misfit.inside(Part::Key(self.name.to_owned()))
    }
}

impl<'v> VariantAccess<'v> for Variant<'v> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.content.map(Located) {
            None | Some(Located(Value::Null)) => Ok(()),
            Some(content) => Err(Misfit::invalid_type(content.unexpected(), &"unit variant")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'v>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.content("newtype variant")?).map_err(|misfit| self.inside(misfit))
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.content("tuple variant")?.deserialize_any(visitor).map_err(|misfit| self.inside(misfit))
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.content("struct variant")?.deserialize_any(visitor).map_err(|misfit| self.inside(misfit))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        by_name: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        size: u16,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Sized(u8),
        Named { name: String },
        Pair(u8, u8),
    }

    fn read(value: Value) -> Result<Outer, (String, String)> {
        Outer::deserialize(Located(&value)).map_err(Misfit::into_parts)
    }

    #[test]
    fn what_fits_is_read_as_serde_json_reads_it() {
        for value in [
            json!({}),
            json!({ "list": [{ "size": 1 }, { "size": 65535, "other": null }], "by_name": { "a": 1 } }),
            json!({ "kind": "plain" }),
            json!({ "kind": null }),
            json!({ "kind": { "sized": 7 } }),
            json!({ "kind": { "named": { "name": "x" } } }),
            json!({ "kind": { "pair": [1, 2] } }),
        ] {
            assert_eq!(read(value.clone()).ok(), serde_json::from_value(value).ok());
        }
    }

    #[test]
    fn a_mistake_knows_its_place() {
        for (value, place, what) in [
            (json!({ "list": [{ "size": 1 }, { "size": -1 }] }), "list[1].size", "invalid value"),
            (json!({ "list": [{}] }), "list[0]", "missing field `size`"),
            (json!({ "other": 1 }), "other", "unknown field `other`"),
            (json!({ "by_name": { "a": 256 } }), "by_name.a", "invalid value"),
            (json!({ "kind": { "named": { "name": 1 } } }), "kind.named.name", "invalid type"),
            (json!({ "kind": "huge" }), "kind", "unknown variant `huge`"),
            (json!({ "kind": ["plain"] }), "kind", "invalid type: sequence"),
            (json!({ "list": null }), "list", "invalid type: null"),
            (json!(3), "", "invalid type: integer"),
        ] {
            let (found, told) = read(value).unwrap_err();
            assert_eq!(found, place, "{told}");
            assert!(told.contains(what), "{told}");
        }
    }
}
