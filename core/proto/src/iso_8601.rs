//! Points in time in ISO 8601 and RFC 3339, with a time zone.

use crate::time::Wall;

/// Parses `2026-11-28T10:00:00Z`, also with a fraction, with `+02:00`, `+0200` or `+02` instead of `Z`, and with a
/// space instead of `T`. Without a zone it is not a point in time: returns `None`.
///
/// ```
/// use rekindle_proto::{Wall, iso_8601};
///
/// assert_eq!(iso_8601::read("1970-01-02T01:00:00.5+01:00"), Some(Wall(86_400_500)));
/// assert_eq!(iso_8601::read("1970-01-02T01:00:00"), None);
/// ```
#[must_use]
pub fn read(text: &str) -> Option<Wall> {
    let (date, rest) = text.trim().split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hours, minutes, seconds] = numbers(time, ':', [2, 2, 2])?;
    let exists = (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    // A second may be a leap second.
    if !exists || hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let (fraction, zone) = fraction(zone)?;
    let since = ((days(year, month, day) * 24 + hours) * 60 + minutes - offset(zone)?) * 60 + seconds;
    Some(Wall(since * 1000 + fraction))
}

fn numbers(text: &str, between: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (number, length) in found.iter_mut().zip(lengths) {
        *number = digits(parts.next().filter(|part| part.len() == length)?)?;
    }
    parts.next().is_none().then_some(found)
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The milliseconds, and the rest of the text.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(after) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (digits_, rest) = after.split_at(end);
    let first: String = digits_.chars().chain("000".chars()).take(3).collect();
    (end > 0).then(|| Some((digits(&first)?, rest)))?
}

/// Minutes east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim_start();
    if matches!(zone, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        2 => (rest, "0"),
        4 => rest.split_at_checked(2)?,
        5 => rest.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the Gregorian calendar: years start in March, so that the leap day is the last day of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4 - year.rem_euclid(400) / 100 + of_year;
    year.div_euclid(400) * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_with_a_zone_are_read() {
        let same = [
            "2026-11-28T10:00:00Z",
            "2026-11-28t10:00:00z",
            " 2026-11-28 10:00:00Z ",
            "2026-11-28 10:00:00 UTC",
            "2026-11-28T12:00:00+02:00",
            "2026-11-28T12:00:00+0200",
            "2026-11-28T12:00:00+02",
            "2026-11-28T04:30:00-05:30",
            "2026-11-28T10:00:00.0000000Z",
            "2026-11-28T10:00:00,000+00:00",
        ];
        for text in same {
            assert_eq!(read(text), Some(Wall(1_795_860_000_000)), "{text}");
        }
        assert_eq!(read("2026-11-28T10:00:00.1239Z"), Some(Wall(1_795_860_000_123)));
        assert_eq!(read("2024-02-29T00:00:00Z"), Some(Wall(1_709_164_800_000)));
        assert_eq!(read("2016-12-31T23:59:60Z"), Some(Wall(1_483_228_800_000)));
    }

    #[test]
    fn what_has_no_zone_or_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "1795860000",
            "2026-11-28",
            "2026-11-28T10:00:00",
            "2026-11-28T10:00Z",
            "2026-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-11-31T10:00:00Z",
            "2026-11-28T24:00:00Z",
            "2026-11-28T10:00:00.Z",
            "2026-11-28T10:00:00+2:00",
            "2026-11-28T10:00:00+24:00",
            "2026-11-28T10:00:00 CET",
            "+026-11-28T10:00:00Z",
            "2026-1€-28T10:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = read(&text);
        }

        #[test]
        fn what_http_dates_say_is_said_the_same(seconds in 0..4_102_444_800_u64) {
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let text = httpdate::fmt_http_date(at);
            let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(&text[8..11]).unwrap() / 3 + 1;
            let iso = format!("{}-{month:02}-{}T{}Z", &text[12..16], &text[5..7], &text[17..25]);
            prop_assert_eq!(read(&iso), Some(Wall(seconds as i64 * 1000)), "{}", iso);
        }
    }
}
