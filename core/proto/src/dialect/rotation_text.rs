//! The text form of a rotation: `"strict-family"`, `{ grace_seconds = 30 }`, and `grace(30)` on one line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::rotation::Rotation;

const NAMES: [(&str, Rotation); 6] = [
    ("none", Rotation::None),
    ("until-successor-used", Rotation::UntilSuccessorUsed),
    ("strict", Rotation::Strict),
    ("strict-family", Rotation::StrictFamily),
    ("sometimes", Rotation::Sometimes),
    ("unknown", Rotation::Unknown),
];
const WAY_OUT: &str = "write \"none\", \"until-successor-used\", \"strict\", \"strict-family\", \"sometimes\", \"unknown\" or { grace_seconds = 30 }";

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grace(time) => write!(f, "grace({})", time.as_secs_f64()),
            other => {
                f.write_str(NAMES.iter().find(|(_, one)| one == other).map_or("unknown", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Rotation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let grace = text.strip_prefix("grace(").and_then(|rest| rest.strip_suffix(')'));
        if let Some(rotation) = grace.and_then(|seconds| seconds.parse().ok()).and_then(grace_seconds) {
            return Ok(rotation);
        }
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, rotation)| *rotation).ok_or_else(|| format!("`{text}` is not a rotation: {WAY_OUT}"))
    }
}

fn grace_seconds(seconds: f64) -> Option<Rotation> {
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    (!time.is_zero()).then_some(Rotation::Grace(time))
}

/// A [`Rotation`] as in a dialect file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written(pub(super) Rotation);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Self)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Rotation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a rotation: {WAY_OUT}")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Rotation, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rotation, A::Error> {
        let entry = map.next_entry::<String, f64>()?;
        let rotation =
            entry.filter(|(name, _)| name == "grace_seconds").and_then(|(_, seconds)| grace_seconds(seconds));
        match (rotation, map.next_key::<String>()?) {
            (Some(rotation), None) => Ok(rotation),
            _ => Err(A::Error::custom(format!("this is not a rotation: {WAY_OUT}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rotation_is_read_as_it_is_written() {
        for rotation in
            NAMES.map(|(_, rotation)| rotation).into_iter().chain([Rotation::Grace(Duration::from_secs(30))])
        {
            assert_eq!(rotation.to_string().parse(), Ok(rotation));
        }
    }

    #[test]
    fn a_grace_needs_its_seconds() {
        for text in ["grace", "grace()", "grace(0)", "grace(-1)", "grace(NaN)", "Strict"] {
            assert!(text.parse::<Rotation>().unwrap_err().contains("grace_seconds"), "{text}");
        }
    }
}
