//! A known secret in the encodings that servers and proxies use: escaped for JSON, HTML, a URL or a form, in base64
//! or hex, in another case, in parts.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

use super::MASK;

/// Shorter known secrets are not masked: they would mask ordinary words.
const SECRET_MINIMUM: usize = 4;
/// Parts of shorter secrets cannot be distinguished from words.
const PARTS_FROM: usize = 16;
/// A part of this length never matches by accident.
const LONGEST_PART: usize = 24;
/// The length of a secret up to which parts are searched.
const PARTS_WITHIN: usize = 4096;
/// The depth of nested escapes: a proxy's URL in a page's text in a JSON response.
const DEPTH: usize = 3;

/// The text without the secret; `None` if the text does not contain it.
pub(super) fn without(text: &str, secret: &str) -> Option<String> {
    if secret.len() < SECRET_MINIMUM {
        return None;
    }
    let secret = Needles::of(secret);
    let mut found = Vec::new();
    let mut view = View::of(text);
    for _ in 0..=DEPTH {
        secret.find(&view, &mut found);
        match view.unescaped() {
            Some(next) => view = next,
            None => break,
        }
    }
    (!found.is_empty()).then(|| masked(text, found))
}

/// Masks ranges that may overlap.
fn masked(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let (mut seen, mut at, mut open) = (String::with_capacity(text.len()), 0, false);
    for range in ranges {
        if range.end <= at {
            continue;
        }
        if range.start > at || !open {
            seen.push_str(text.get(at..range.start.max(at)).unwrap_or_default());
            seen.push_str(MASK);
        }
        (at, open) = (range.end, true);
    }
    seen.push_str(text.get(at..).unwrap_or_default());
    seen
}

/// The text to search for, in lower case.
struct Needles {
    whole: Vec<Vec<u8>>,
    /// Characters that may surround it in the same word.
    encoded: Vec<Vec<u8>>,
    /// The secret, and the minimum length of a part.
    parts: Option<(Vec<u8>, usize)>,
}

impl Needles {
    fn of(secret: &str) -> Self {
        let small = secret.to_ascii_lowercase().into_bytes();
        let in_form = secret
            .contains(' ')
            .then(|| small.iter().map(|byte| if *byte == b' ' { b'+' } else { *byte }).collect());
        let part = (secret.len() / 2).min(LONGEST_PART);
        let parts =
            (secret.len() >= PARTS_FROM).then(|| (small[..small.len().min(PARTS_WITHIN)].to_vec(), part));
        let whole = std::iter::once(small).chain(in_form).collect();
        Self { whole, encoded: encoded(secret.as_bytes()), parts }
    }

    fn find(&self, view: &View, found: &mut Vec<Range<usize>>) {
        for needle in &self.whole {
            found.extend(memmem::find_iter(&view.bytes, needle).map(|at| view.source(at..at + needle.len())));
        }
        for needle in &self.encoded {
            found.extend(
                memmem::find_iter(&view.bytes, needle)
                    .map(|at| view.source(view.word(at..at + needle.len()))),
            );
        }
        if let Some((secret, length)) = &self.parts {
            find_parts(secret, *length, view, found);
        }
    }
}

/// Every run of the text that is part of the secret.
fn find_parts(secret: &[u8], length: usize, view: &View, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(window) = view.bytes.get(at..at + length) {
        let Some(place) = memmem::find(secret, window) else {
            at += 1;
            continue;
        };
        let more = view.bytes[at + length..]
            .iter()
            .zip(&secret[place + length..])
            .take_while(|(a, b)| a == b)
            .count();
        found.push(view.source(at..at + length + more));
        at += length + more;
    }
}

/// Hex, and base64 of either alphabet at any offset: in `id:secret` the secret starts within a group.
fn encoded(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut needles = vec![hex.into_bytes()];
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret].concat();
        // Characters that also encode bits of the neighbours do not count.
        let (first, last) = ([0, 2, 3][before], usize::from(bytes.len() % 3 != 0));
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let text = text.to_ascii_lowercase().into_bytes();
            if let Some(sure) = text.get(first..text.len() - last).filter(|sure| sure.len() >= SECRET_MINIMUM)
            {
                needles.push(sure.to_vec());
            }
        }
    }
    needles
}

/// A text in lower case, each byte with its position in the original.
struct View {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl View {
    fn of(text: &str) -> Self {
        let bytes = text.to_ascii_lowercase().into_bytes();
        let places = (0..bytes.len()).map(|at| at..at + 1).collect();
        Self { bytes, places }
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.places.get(range.start).map_or(0, |place| place.start);
        let end = self.places.get(range.end.saturating_sub(1)).map_or(start, |place| place.end);
        start..end
    }

    /// The range extended to the surrounding word.
    fn word(&self, range: Range<usize>) -> Range<usize> {
        let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_-=".contains(byte);
        let before = self.bytes[..range.start].iter().rev().take_while(|byte| of_word(byte)).count();
        let after = self.bytes[range.end..].iter().take_while(|byte| of_word(byte)).count();
        range.start - before..range.end + after
    }

    /// Decodes one level of escapes; `None` if there are none.
    fn unescaped(&self) -> Option<Self> {
        let mut next = Self { bytes: Vec::with_capacity(self.bytes.len()), places: Vec::new() };
        let (mut at, mut any) = (0, false);
        while at < self.bytes.len() {
            let (letters, length) =
                escape(&self.bytes[at..]).unwrap_or((Cow::Borrowed(&self.bytes[at..=at]), 1));
            any |= length > 1;
            for byte in letters.iter() {
                next.bytes.push(byte.to_ascii_lowercase());
                next.places.push(self.source(at..at + length));
            }
            at += length;
        }
        any.then_some(next)
    }
}

/// The character of an escape at the beginning, and the escape's length.
fn escape(from: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    match from {
        [b'%', high, low, ..] => Some((Cow::Owned(vec![hex(&[*high, *low])?.try_into().ok()?]), 3)),
        [b'\\', b'u', digits @ ..] => Some((letter(hex(digits.get(..4)?)?)?, 6)),
        [b'\\', b'x', high, low, ..] => Some((letter(hex(&[*high, *low])?)?, 4)),
        [b'\\', other, ..] if other.is_ascii_punctuation() => Some((Cow::Owned(vec![*other]), 2)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(12).position(|byte| *byte == b';')?;
            Some((entity(&rest[..end])?, end + 2))
        }
        _ => None,
    }
}

fn entity(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let name = std::str::from_utf8(name).ok()?;
    let number = |text: &str, radix| u32::from_str_radix(text, radix).ok().and_then(letter);
    if let Some(digits) = name.strip_prefix("#x") {
        return number(digits, 16);
    }
    if let Some(digits) = name.strip_prefix('#') {
        return number(digits, 10);
    }
    let named = match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        "sol" => "/",
        "plus" => "+",
        "equals" => "=",
        "period" => ".",
        "lowbar" => "_",
        "hyphen" | "dash" => "-",
        "colon" => ":",
        "vert" => "|",
        "excl" => "!",
        _ => return None,
    };
    Some(Cow::Borrowed(named.as_bytes()))
}

fn letter(number: u32) -> Option<Cow<'static, [u8]>> {
    let letter = char::from_u32(number)?;
    Some(Cow::Owned(letter.encode_utf8(&mut [0; 4]).as_bytes().to_vec()))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "Zk3/pQ9+x=Tw7-Ym2_Lr8.Hs5";

    fn spellings(secret: &str) -> Vec<String> {
        let each = |write: &dyn Fn(char) -> String| secret.chars().map(write).collect::<String>();
        let percent = each(&|letter| format!("%{:02X}", u32::from(letter)));
        let half = secret.len() / 2;
        vec![
            secret.to_owned(),
            secret.to_ascii_uppercase(),
            secret.replace('/', "\\/"),
            percent.to_ascii_lowercase(),
            percent.replace('%', "%25"),
            percent,
            each(&|letter| format!("\\u{:04x}", u32::from(letter))),
            each(&|letter| format!("\\\\u{:04X}", u32::from(letter))),
            each(&|letter| format!("&#{};", u32::from(letter))),
            each(&|letter| format!("&amp;#x{:x};", u32::from(letter))),
            each(&|letter| format!("{:02X}", u32::from(letter))),
            URL_SAFE_NO_PAD.encode(secret),
            base64::engine::general_purpose::STANDARD.encode(format!("app:{secret}")),
            base64::engine::general_purpose::STANDARD.encode(format!("ab:{secret}:x")),
            base64::engine::general_purpose::STANDARD.encode(format!("a:{secret}")),
            secret[..half].to_owned(),
            secret[half..].to_owned(),
        ]
    }

    // spec 2.7
    #[test]
    fn a_known_secret_is_masked_in_every_spelling() {
        for spelled in spellings(SECRET) {
            assert_eq!(
                without(&format!("<{spelled}> was refused"), SECRET).as_deref(),
                Some("<***> was refused"),
                "{spelled}"
            );
        }
    }

    #[test]
    fn what_stands_around_stays() {
        assert_eq!(without("expired: AT-1, use AT-12", "AT-1").unwrap(), "expired: ***, use ***2");
        assert_eq!(without("100% of &amp; \\ &nope; %zz", "AT-1"), None);
        assert_eq!(without("the token is abc", "abc"), None);
        assert_eq!(without(&format!("{SECRET}{SECRET}"), SECRET).unwrap().replace(MASK, ""), "");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[%&#;\\\\ux0-9a-fé]{0,60}", secret in "[a-f0-9%é]{0,30}") {
            let _ = without(&text, &secret);
        }

        #[test]
        fn no_spelling_survives(secret in "[A-Za-z0-9+/=._~-]{20,60}", before in "[ -~]{0,20} ", after in " [ -~]{0,20}") {
            for spelled in spellings(&secret) {
                let seen = without(&format!("{before}{spelled}{after}"), &secret).unwrap_or_default();
                prop_assert!(!seen.contains(&spelled), "{}", spelled);
            }
        }
    }
}
