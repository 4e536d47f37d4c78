//! Times and durations in foreign languages and in JSON.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A number of seconds, as in scripting languages; a value beyond the clock's range becomes `Duration::MAX`.
///
/// ```
/// use std::time::Duration;
/// use rekindle_bindings::time::seconds;
///
/// assert_eq!(seconds(1.5), Duration::from_millis(1_500));
/// assert_eq!(seconds(f64::INFINITY), Duration::MAX);
/// ```
#[must_use]
pub fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A time limit in seconds; 0 means no limit.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(rekindle_bindings::time::limit_seconds(0.0), Duration::MAX);
/// ```
#[must_use]
pub fn limit_seconds(limit: f64) -> Duration {
    if limit == 0.0 { Duration::MAX } else { seconds(limit) }
}

/// A time limit in JSON: a number of milliseconds; 0 means no limit.
///
/// ```
/// use std::time::Duration;
///
/// let limit = |json: &str| rekindle_bindings::time::limit(&mut serde_json::Deserializer::from_str(json));
/// assert_eq!(limit("1500").unwrap(), Some(Duration::from_millis(1_500)));
/// assert_eq!(limit("0").unwrap(), Some(Duration::MAX));
/// assert!(limit("-1").is_err());
/// ```
///
/// # Errors
///
/// The value is not such a number.
pub fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(millis::deserialize(from)?.map(|limit| if limit.is_zero() { Duration::MAX } else { limit }))
}

/// A duration, as [`millis::deserialize`] reads it.
pub(crate) struct Millis(Option<Duration>);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        millis::deserialize(from).map(Self)
    }
}

impl From<Millis> for Option<Duration> {
    fn from(read: Millis) -> Self {
        read.0
    }
}

/// A limit, as [`limit`] reads it.
pub(crate) struct Limit(Option<Duration>);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        limit(from).map(Self)
    }
}

impl From<Limit> for Option<Duration> {
    fn from(read: Limit) -> Self {
        read.0
    }
}

/// Durations and times in JSON: in milliseconds, as whole numbers where possible.
pub(crate) mod millis {
    use std::time::{Duration, SystemTime};

    use rekindle::Wall;
    use serde::{Deserialize, Deserializer, Serializer};

    /// A value that is a number of milliseconds.
    pub(crate) trait Millis {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
    }

    impl Millis for Duration {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match u64::try_from(self.as_millis()) {
                Ok(whole) if self.subsec_nanos().is_multiple_of(1_000_000) => to.serialize_u64(whole),
                _ => to.serialize_f64(self.as_secs_f64() * 1_000.0),
            }
        }
    }

    impl Millis for SystemTime {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_i64(Wall::from(*self).0)
        }
    }

    impl<T: Millis> Millis for Option<T> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self {
                Some(time) => time.serialize(to),
                None => to.serialize_none(),
            }
        }
    }

    pub(crate) fn serialize<S: Serializer>(time: &impl Millis, to: S) -> Result<S::Ok, S::Error> {
        time.serialize(to)
    }

    /// Rejects values that are not durations; the error names the field.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let Some(millis) = Option::<f64>::deserialize(from)? else { return Ok(None) };
        if millis.is_nan() || millis < 0.0 {
            return Err(serde::de::Error::custom("must be a number of milliseconds, 0 or above"));
        }
        Ok(Some(super::seconds(millis / 1_000.0)))
    }

    /// A time on the wall clock, in milliseconds since 1970.
    pub(crate) fn deserialize_time<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let millis = Option::<f64>::deserialize(from)?.filter(|millis| millis.is_finite());
        Ok(millis.map(|millis| Wall(millis as i64).into()))
    }
}
