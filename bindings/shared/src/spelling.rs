//! How languages spell the names of settings and arguments. Core spells them as in Rust.

/// How a language spells names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `token_url`: Rust, Python, the JSON of the hosted core.
    #[default]
    Snake,
    /// `tokenUrl`: Kotlin, JavaScript, PHP.
    Camel,
    /// `tokenURL`: Swift, whose abbreviations are in upper case.
    Swift,
    /// `TokenURL`: Go, whose exported names begin in upper case.
    Go,
}

impl Spelling {
    /// A name as this language spells it.
    ///
    /// ```
    /// use rekindle_bindings::Spelling;
    ///
    /// assert_eq!(Spelling::Camel.of("insecure_origins[0]"), "insecureOrigins[0]");
    /// assert_eq!(Spelling::Camel.of("token_url"), "tokenUrl");
    /// assert_eq!(Spelling::Swift.of("token_url"), "tokenURL");
    /// assert_eq!(Spelling::Swift.of("redirect_uri"), "redirectURI");
    /// assert_eq!(Spelling::Swift.of("dpop_key"), "dpopKey");
    /// assert_eq!(Spelling::Go.of("tokens.access_token"), "Tokens.AccessToken");
    /// assert_eq!(Spelling::Go.of("dpop_key"), "DPoPKey");
    /// ```
    #[must_use]
    pub fn of(self, name: &str) -> String {
        match self {
            Self::Snake => name.to_owned(),
            Self::Camel | Self::Swift => {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |spelled, word| spelled + &self.further(word))
            }
            Self::Go => {
                let member = |one: &str| one.split('_').map(|word| self.further(word)).collect::<String>();
                name.split('.').map(member).collect::<Vec<_>>().join(".")
            }
        }
    }

    /// Replaces the names of settings in a message by this language's spelling.
    ///
    /// ```
    /// use rekindle_bindings::Spelling;
    ///
    /// let message = "token_url is neither https nor loopback: use https, or list its origin in insecure_origins";
    /// let spelled = "tokenUrl is neither https nor loopback: use https, or list its origin in insecureOrigins";
    /// assert_eq!(Spelling::Camel.message(message), spelled);
    /// assert_eq!(Spelling::Camel.message("the server says invalid_grant"), "the server says invalid_grant");
    /// // The path of a field in a dialect stays as a dialect is written.
    /// assert_eq!(Spelling::Camel.message("`token_endpoint.client_auth`"), "`token_endpoint.client_auth`");
    /// ```
    #[must_use]
    pub fn message(self, message: &str) -> String {
        if self == Self::Snake {
            return message.to_owned();
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut spelled = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(start) = rest.find(word) {
            let (before, from) = rest.split_at(start);
            let (name, after) = from.split_at(path_length(from, word));
            spelled.push_str(before);
            spelled.push_str(&if SETTINGS.contains(&name) { self.of(name) } else { name.to_owned() });
            rest = after;
        }
        spelled + rest
    }

    fn further(self, word: &str) -> String {
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, tail) = word.split_at(end);
        match (self, word) {
            (Self::Swift | Self::Go, "url" | "uri" | "id" | "jwt") => {
                return word.to_ascii_uppercase() + tail;
            }
            (Self::Swift | Self::Go, "urls") => return "URLs".to_owned() + tail,
            (Self::Go, "dpop") => return "DPoP".to_owned() + tail,
            (Self::Go, "graphql") => return "GraphQL".to_owned() + tail,
            _ => {}
        }
        let (first, others) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + others + tail
    }
}

/// The length of the path at the beginning of a text: words separated by dots.
fn path_length(text: &str, word: impl Fn(char) -> bool) -> usize {
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    match text[end..].strip_prefix('.') {
        Some(rest) if rest.starts_with(&word) => end + 1 + path_length(rest, word),
        _ => end,
    }
}

/// The names of settings that core's messages contain. Any other word with an underscore is a server's:
/// `invalid_grant`.
const SETTINGS: &[&str] = &[
    "access_token",
    "authorization_url",
    "base_url",
    "client_auth",
    "client_credentials",
    "client_id",
    "client_key",
    "client_secret",
    "dpop_key",
    "expires_at",
    "expires_in",
    "graphql_path",
    "idempotency_key",
    "idle_sessions",
    "insecure_origins",
    "kept_at",
    "login_timeout",
    "max_body_bytes",
    "max_redirects",
    "max_sends",
    "redirect_uri",
    "refresh_token",
    "refresh_token_expires_at",
    "require_dpop",
    "retry_statuses",
    "root_certificates",
    "send_timeout",
    "token_url",
    "user_agent",
    "wait_timeout",
];
