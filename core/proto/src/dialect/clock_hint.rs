//! Detects a wrong clock by a server's `Date` (spec 5.20).

use std::time::Duration;

use http::HeaderMap;

use super::expiry_fields::date;
use crate::time::Wall;

/// The difference that network latency and the whole seconds of `Date` explain.
const EXPLAINED: Duration = Duration::from_secs(60);

/// A hint for the message if the server's clock and this machine's differ by more: signatures, tokens and their
/// expiry times are off by that much.
pub(super) fn clock_hint(headers: &HeaderMap, received_at: Wall) -> Option<String> {
    let server = date(headers)?;
    let (ahead, behind) = (received_at.since(server), server.since(received_at));
    let (off, which) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    (off > EXPLAINED).then(|| {
        format!("this machine's clock is {} {which} the server's (by its Date): set the clock", in_words(off))
    })
}

/// A duration in its two largest units.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::DATE;

    // spec 5.20
    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction_and_by_how_much() {
        let mut headers = HeaderMap::new();
        assert_eq!(clock_hint(&headers, Wall(0)), None, "nobody says what time it is");
        headers.insert(DATE, HeaderValue::from_static("Sat, 21 Nov 2026 00:00:00 GMT"));
        let server = Wall(1_795_219_200_000);
        let hint = |received_at| clock_hint(&headers, received_at);
        for near in [server, server.plus(EXPLAINED), server.minus(EXPLAINED)] {
            assert_eq!(hint(near), None);
        }
        let cases = [
            (server.plus(Duration::from_secs(61)), "1 min 1 s ahead of"),
            (server.plus(Duration::from_secs(3 * 3600 + 120)), "3 h 2 min ahead of"),
            (server.minus(Duration::from_secs(50 * 3600)), "2 d 2 h behind"),
        ];
        for (received_at, said) in cases {
            let said = format!("this machine's clock is {said} the server's (by its Date): set the clock");
            assert_eq!(hint(received_at), Some(said));
        }
    }
}
