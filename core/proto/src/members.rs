//! Structs whose members all have defaults, read from data member by member.
//!
//! serde's derived code keeps every member aside until all are read, and is compiled for each struct as a whole: in the
//! WebAssembly module it was a fifth of the code. [`members!`](crate::members) writes each member in its place.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Implements `serde::Deserialize` for a struct that implements `Default`. A member that is left out keeps its default, an unknown
/// one is an error, unless `..` ends the list. A member that is there twice is an error, too.
///
/// `name = "name_ms"` gives a member another name, `name as Type` reads it as a type that turns into its own; `but name` after the list
/// names a member that is no part of the data.
///
/// ```
/// #[derive(Default)]
/// struct Limits {
///     sends: u32,
///     delay: f64,
/// }
///
/// rekindle_proto::members!(Limits { sends, delay = "delay_ms" });
///
/// let limits: Limits = serde_json::from_str(r#"{ "delay_ms": 1.5 }"#).unwrap();
/// assert_eq!((limits.sends, limits.delay), (0, 1.5));
/// assert!(serde_json::from_str::<Limits>(r#"{ "delay": 1.5 }"#).is_err());
/// ```
#[macro_export]
macro_rules! members {
    ($type:ident { $($member:ident $(= $name:literal)? $(as $read:ty)?),+ $(,)? } $(but $unread:ident)?) => {
        $crate::members!(@impl $type, true, [$($unread)?] $($member [$($name)?] [$($read)?])+);
    };
    ($type:ident { $($member:ident $(= $name:literal)? $(as $read:ty)?),+, .. }) => {
        $crate::members!(@impl $type, false, [] $($member [$($name)?] [$($read)?])+);
    };
    (@impl $type:ident, $strict:literal, [$($unread:ident)?] $($member:ident [$($name:literal)?] [$($read:ty)?])+) => {
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> ::std::result::Result<Self, D::Error> {
                struct Read;

                #[allow(non_camel_case_types)]
                enum Member {
                    $($member),+
                }

                const NAMES: &[&str] = &[$($crate::members!(@name $member $($name)?)),+];
                const { assert!(NAMES.len() <= u64::BITS as usize) };

                impl<'de> ::serde::de::Visitor<'de> for Read {
                    type Value = $type;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($type)))
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut from: A) -> ::std::result::Result<$type, A::Error> {
                        let mut read = <$type as ::std::default::Default>::default();
                        // A member that the list above lacks does not compile.
                        let $type { $($member: _,)+ $($unread: _)? } = &read;
                        let mut seen = 0;
                        while let Some(at) = $crate::members::next(&mut from, NAMES, $strict, &mut seen)? {
                            $(if at == Member::$member as usize {
                                $crate::members!(@put read from $member $($read)?);
                                continue;
                            })+
                            $crate::members::skip(&mut from)?;
                        }
                        Ok(read)
                    }
                }

                from.deserialize_struct(stringify!($type), NAMES, Read)
            }
        }
    };
    (@name $member:ident) => { stringify!($member) };
    (@name $member:ident $name:literal) => { $name };
    (@put $into:ident $from:ident $member:ident) => { $crate::members::put(&mut $into.$member, &mut $from)? };
    (@put $into:ident $from:ident $member:ident $read:ty) => {
        $crate::members::put_as::<$read, _, _>(&mut $into.$member, &mut $from)?
    };
}

/// The place of the next member among `names`; of an unknown one, if those may be there, the place after the last. `seen`
/// has a bit for each place.
#[doc(hidden)]
pub fn next<'de, A: MapAccess<'de>>(
    from: &mut A,
    names: &'static [&'static str],
    strict: bool,
    seen: &mut u64,
) -> Result<Option<usize>, A::Error> {
    let Some(at) = from.next_key_seed(Place { names, strict })? else { return Ok(None) };
    if let Some(name) = names.get(at) {
        if *seen & (1 << at) != 0 {
            return Err(Error::duplicate_field(name));
        }
        *seen |= 1 << at;
    }
    Ok(Some(at))
}

/// Reads a member into its place. Compiled once for each type of member.
#[doc(hidden)]
#[inline(never)]
pub fn put<'de, T: Deserialize<'de>, A: MapAccess<'de>>(place: &mut T, from: &mut A) -> Result<(), A::Error> {
    *place = from.next_value()?;
    Ok(())
}

/// The same by way of another type.
#[doc(hidden)]
#[inline(never)]
pub fn put_as<'de, R: Deserialize<'de> + Into<T>, T, A: MapAccess<'de>>(
    place: &mut T,
    from: &mut A,
) -> Result<(), A::Error> {
    *place = from.next_value::<R>()?.into();
    Ok(())
}

/// Passes over a member.
#[doc(hidden)]
pub fn skip<'de, A: MapAccess<'de>>(from: &mut A) -> Result<(), A::Error> {
    from.next_value::<IgnoredAny>().map(drop)
}

struct Place {
    names: &'static [&'static str],
    strict: bool,
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Place {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        match self.names.iter().position(|known| *known == name) {
            None if self.strict => Err(E::unknown_field(name, self.names)),
            found => Ok(found.unwrap_or(self.names.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[derive(Debug, Default, PartialEq)]
    struct Outer {
        inner: Inner,
        list: Vec<Inner>,
    }

    #[derive(Debug, Default, PartialEq)]
    struct Inner {
        size: u16,
        text: String,
    }

    struct Short(String);

    impl<'de> serde::Deserialize<'de> for Short {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            String::deserialize(from).map(|text| Self(text.chars().take(3).collect()))
        }
    }

    impl From<Short> for String {
        fn from(short: Short) -> Self {
            short.0
        }
    }

    members!(Outer { inner, list });
    members!(Inner { size = "size_mb", text as Short, .. });

    fn read(value: serde_json::Value) -> Result<Outer, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_keeps_its_default() {
        assert_eq!(read(json!({})).unwrap(), Outer::default());
        let found =
            read(json!({ "inner": { "size_mb": 7, "text": "Lovelace", "size": [] }, "list": [{}] })).unwrap();
        assert_eq!(found.inner, Inner { size: 7, text: "Lov".to_owned() });
        assert_eq!(found.list, [Inner::default()]);
    }

    #[test]
    fn mistakes_are_worded_as_by_derived_code() {
        for (value, what) in [
            (json!({ "list": [{ "size_mb": -1 }] }), "invalid value: integer `-1`, expected u16"),
            (json!({ "lists": 1 }), "unknown field `lists`, expected `inner` or `list`"),
            (json!({ "inner": 1 }), "invalid type: integer `1`, expected struct Inner"),
        ] {
            assert_eq!(read(value).unwrap_err(), what);
        }
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let inner = |text: &str| serde_json::from_str::<Inner>(text).map_err(|error| error.to_string());
        let twice = inner(r#"{ "size_mb": 1, "text": "a", "size_mb": 1 }"#).unwrap_err();
        assert!(twice.starts_with("duplicate field `size_mb`"), "{twice}");
        assert_eq!(inner(r#"{ "other": 1, "other": 2 }"#).unwrap(), Inner::default());
    }
}
