//! Times for people: RFC 3339 in UTC, and "in 4 min".

use std::time::Duration;

use rekindle::Wall;

const DAY_MS: i64 = 86_400_000;

/// `2026-01-31T08:30:00Z`. What is past the year 9999 is shown as its end.
pub(crate) fn rfc3339(time: impl Into<Wall>) -> String {
    let ms = time.into().0.clamp(-62_135_596_800_000, 253_402_300_799_000);
    let (day, left) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) / 1000);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (left / 3600, left / 60 % 60, left % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// For JSON.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `40 s`, `15 min`, `3 h`, `12 d`.
pub(crate) fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `in 15 min`, or `3 h ago`.
pub(crate) fn relative(wall: Wall, now: Wall) -> String {
    if wall >= now {
        format!("in {}", rough(wall.since(now)))
    } else {
        format!("{} ago", rough(now.since(wall)))
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar: eras of 400 years that begin in March,
/// so that the leap day is the last of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59Z"),
            (-1000, "1969-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (i64::MIN, "0001-01-01T00:00:00Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(rfc3339(Wall(ms)), text);
        }
    }

    #[test]
    fn a_time_is_said_as_from_now() {
        assert_eq!(relative(Wall(900_000), Wall(0)), "in 15 min");
        assert_eq!(relative(Wall(0), Wall(40_000)), "40 s ago");
    }
}
