//! Parses `WWW-Authenticate` (RFC 9110 section 11.6.1): several challenges in a line, several lines, commas in
//! quotes, any case. A challenge is only read; no URL in it is ever followed (spec 2.8).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// One challenge: a scheme and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, as sent: compare with [`Challenge::is`].
    pub scheme: String,
    /// The token68 that some schemes send instead of parameters.
    pub token68: Option<String>,
    /// The parameters in the order of the line, names in lower case, quotes and escapes undone.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// Whether the scheme is this one, whatever the case.
    ///
    /// ```
    /// let challenges = rekindle_proto::challenge::parse(b"bearer realm=\"api\"");
    /// assert!(challenges[0].is("Bearer"));
    /// ```
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The first parameter of this name; names are case-insensitive.
    ///
    /// ```
    /// let challenges = rekindle_proto::challenge::parse(b"Bearer Error=\"invalid_token\"");
    /// assert_eq!(challenges[0].param("error"), Some("invalid_token"));
    /// ```
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Every challenge of a response, over all its `WWW-Authenticate` lines.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
/// let mut headers = HeaderMap::new();
/// headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"a, b\""));
/// headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP algs=\"ES256\""));
/// assert_eq!(rekindle_proto::challenge::from_headers(&headers).len(), 2);
/// ```
#[must_use]
pub fn from_headers(headers: &HeaderMap) -> Vec<Challenge> {
    headers.get_all(WWW_AUTHENTICATE).iter().flat_map(|line| parse(line.as_bytes())).collect()
}

/// The challenges of one line. A malformed part is skipped; the challenges around it are kept.
///
/// ```
/// let challenges = rekindle_proto::challenge::parse(b"Negotiate abc==, Bearer error=\"invalid_token\"");
/// assert_eq!(challenges[0].token68.as_deref(), Some("abc=="));
/// assert_eq!(challenges[1].param("error"), Some("invalid_token"));
/// ```
#[must_use]
pub fn parse(line: &[u8]) -> Vec<Challenge> {
    let mut reader = Reader { line, at: 0 };
    let mut challenges: Vec<Challenge> = Vec::new();
    while reader.skip_separators() {
        let Some(word) = reader.token() else {
            reader.skip_malformed();
            continue;
        };
        match reader.equals_sign() {
            true => reader.param(word, challenges.last_mut()),
            false => challenges.push(reader.open(word)),
        }
    }
    challenges
}

/// A position in a line; every step moves it forward.
struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.line[self.at..];
        let length = rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// False at the end of the line.
    fn skip_separators(&mut self) -> bool {
        self.take_while(|byte| is_space(byte) || byte == b',');
        self.at < self.line.len()
    }

    fn token(&mut self) -> Option<String> {
        let word = self.take_while(is_token);
        (!word.is_empty()).then(|| text(word))
    }

    /// Consumes `=` with the spaces around it; leaves the position alone if there is none.
    fn equals_sign(&mut self) -> bool {
        let start = self.at;
        self.take_while(is_space);
        if self.peek() != Some(b'=') {
            self.at = start;
            return false;
        }
        self.at += 1;
        self.take_while(is_space);
        true
    }

    fn param(&mut self, name: String, challenge: Option<&mut Challenge>) {
        let value = self.value();
        if let Some(challenge) = challenge {
            challenge.params.push((name.to_ascii_lowercase(), value));
        }
    }

    fn value(&mut self) -> String {
        if self.peek() == Some(b'"') {
            self.at += 1;
            return self.quoted();
        }
        text(self.take_while(|byte| !is_space(byte) && byte != b','))
    }

    /// The rest of a quoted string; one that is never closed ends with the line.
    fn quoted(&mut self) -> String {
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => value.extend(self.escaped()),
                other => value.push(other),
            }
        }
        text(&value)
    }

    fn escaped(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn open(&mut self, scheme: String) -> Challenge {
        let token68 = if self.peek().is_some_and(is_space) { self.token68() } else { None };
        Challenge { scheme, token68, params: Vec::new() }
    }

    /// A token68 reaches up to a comma or the end; anything else is the first parameter.
    fn token68(&mut self) -> Option<String> {
        let start = self.at;
        self.take_while(is_space);
        let from = self.at;
        let letters = self.take_while(is_token68).len();
        self.take_while(|byte| byte == b'=');
        let word = &self.line[from..self.at];
        self.take_while(is_space);
        if letters > 0 && matches!(self.peek(), None | Some(b',')) {
            return Some(text(word));
        }
        self.at = start;
        None
    }

    fn skip_malformed(&mut self) {
        if self.peek() == Some(b'"') {
            self.at += 1;
            self.quoted();
        } else {
            self.at += 1;
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn several_challenges_share_a_line() {
        let found = parse(br#"Basic realm="simple, easy", Bearer realm="api", error="invalid_token" , DPoP algs="ES256 PS256""#);
        let schemes: Vec<_> = found.iter().map(|one| one.scheme.as_str()).collect();
        assert_eq!(schemes, ["Basic", "Bearer", "DPoP"]);
        assert_eq!(found[0].param("realm"), Some("simple, easy"));
        assert_eq!(found[1].param("error"), Some("invalid_token"));
        assert_eq!(found[2].param("algs"), Some("ES256 PS256"));
    }

    #[test]
    fn escapes_are_undone_and_other_challenges_in_quotes_are_text() {
        let found = parse(br#"Bearer error_description="say \"no\", Basic realm=\\x", error=invalid_token"#);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].param("error_description"), Some(r#"say "no", Basic realm=\x"#));
        assert_eq!(found[0].param("error"), Some("invalid_token"));
    }

    #[test]
    fn scheme_names_and_parameter_names_have_no_case() {
        let found = parse(br#"bEARER ERROR="missing_authorization""#);
        assert!(found[0].is("Bearer"));
        assert_eq!(found[0].param("error"), Some("missing_authorization"));
    }

    #[test]
    fn spaces_around_the_equals_sign_and_empty_elements_are_taken() {
        let found = parse(br#", ,Bearer realm = "x" ,, error	=	"y","#);
        assert_eq!(found[0].params, [("realm".into(), "x".into()), ("error".into(), "y".into())]);
    }

    #[test]
    fn missing_commas_lose_nothing() {
        let found = parse(br#"Bearer realm="api" error="invalid_token""#);
        assert_eq!(found[0].param("error"), Some("invalid_token"));
    }

    #[test]
    fn a_bare_scheme_has_no_parameters() {
        assert_eq!(parse(b"Bearer"), parse(b"Bearer "));
        assert_eq!(parse(b"Bearer, Basic").len(), 2);
    }

    #[test]
    fn an_open_quote_ends_with_the_line() {
        assert_eq!(parse(br#"Bearer error="invalid_token"#)[0].param("error"), Some("invalid_token"));
    }

    #[test]
    fn parameters_without_a_scheme_are_dropped() {
        assert_eq!(parse(br#"error="invalid_token", "lost", Bearer"#).len(), 1);
    }

    proptest! {
        #[test]
        fn no_line_panics_or_loops(line in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&line);
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("Bearer a=\"{quoted}\", b=c");
            let found = parse(line.as_bytes());
            prop_assert_eq!(found[0].param("a"), Some(value.as_str()));
            prop_assert_eq!(found[0].param("b"), Some("c"));
        }
    }
}
