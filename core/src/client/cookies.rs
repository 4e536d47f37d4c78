//! Cookies (RFC 6265), each sent only to the exact origin that set it (spec 9.11).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cookie_store::{CookieStore, RawCookie};
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use url::{Origin, Url};

use crate::error::Error;
use crate::fork::PerProcess;
use crate::lock::Mutex;

/// What browsers store per site; longer cookies are ignored (RFC 6265 section 6.1).
const MOST_COOKIES: usize = 180;
const MOST_BYTES: usize = 4096;
/// An API has one or two origins; a server that redirects anywhere has any number.
const MOST_ORIGINS: usize = 100;

/// An in-memory cookie jar for one or more clients. Cheap to clone; clones share the same jar.
///
/// A cookie is returned only to the origin (scheme, host and port) that set it, regardless of its `Domain` attribute,
/// because it may be a credential. The jar is used for API requests only; the dialect defines the cookies of token
/// requests.
///
/// ```no_run
/// # fn make(session: rekindle::Session) -> Result<(), rekindle::Error> {
/// use rekindle::Client;
/// use rekindle::client::Cookies;
///
/// let cookies = Cookies::new();
/// let client = Client::builder(session)
///     .base_url("https://api.example.com")
///     .cookies(cookies.clone())
///     .build()?;
/// # let _ = client;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Cookies(Arc<PerProcess<Mutex<Jars>>>);

type Jars = HashMap<Origin, CookieStore>;

impl Cookies {
    /// An empty jar.
    ///
    /// ```
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// assert!(rekindle::client::Cookies::new().of(&url).is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cookie as if a server at `url` had set it: `name=value`, with attributes as in `Set-Cookie`.
    ///
    /// ```
    /// use rekindle::client::Cookies;
    ///
    /// let (cookies, url) = (Cookies::new(), "https://api.example.com/v1".parse().expect("a URL"));
    /// cookies.set(&url, "theme=dark; Path=/")?;
    /// assert_eq!(cookies.of(&url), [("theme".to_owned(), "dark".to_owned())]);
    /// assert!(cookies.set(&url, "no cookie").is_err());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the cookie is invalid, belongs to another host, or the jar is full.
    pub fn set(&self, url: &Url, cookie: &str) -> Result<(), Error> {
        let problem = "not a cookie for this URL: write name=value, at most 4096 bytes of visible ASCII, and no other host's \
                       Domain; one origin has room for 180";
        let set = HeaderValue::from_str(cookie).is_ok_and(|value| self.jars().lock().take(url, &value));
        if set { Ok(()) } else { Err(Error::config("cookies", problem)) }
    }

    /// The names and values of the cookies that a request to `url` would carry.
    ///
    /// ```
    /// use rekindle::client::Cookies;
    ///
    /// let (cookies, url) = (Cookies::new(), "https://api.example.com/".parse().expect("a URL"));
    /// cookies.set(&url, "id=7; Path=/; Secure")?;
    /// assert_eq!(cookies.of(&url).len(), 1);
    /// assert!(cookies.of(&"https://www.example.com/".parse().expect("a URL")).is_empty());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn of(&self, url: &Url) -> Vec<(String, String)> {
        self.jars().lock().of(url)
    }

    /// Removes all cookies.
    ///
    /// ```
    /// use rekindle::client::Cookies;
    ///
    /// let (cookies, url) = (Cookies::new(), "https://api.example.com/".parse().expect("a URL"));
    /// cookies.set(&url, "id=7")?;
    /// cookies.clear();
    /// assert!(cookies.of(&url).is_empty());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn clear(&self) {
        self.jars().lock().clear();
    }

    /// Adds the cookies to those that the caller set for this request, whose names take precedence.
    pub(super) fn add_to(&self, url: &Url, headers: &mut HeaderMap) {
        let ours = self.of(url);
        if ours.is_empty() {
            return;
        }
        let given: Vec<&str> = headers.get_all(COOKIE).iter().filter_map(|one| one.to_str().ok()).collect();
        let given = given.join("; ");
        let is_given = |name: &str| names(&given).any(|one| one == name);
        let ours =
            ours.iter().filter(|(name, _)| !is_given(name)).map(|(name, value)| format!("{name}={value}"));
        let all: Vec<String> = (!given.is_empty()).then(|| given.clone()).into_iter().chain(ours).collect();
        if let Ok(mut value) = HeaderValue::from_str(&all.join("; ")) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }

    /// Stores the cookies of a response from `url`.
    pub(super) fn take(&self, url: &Url, headers: &HeaderMap) {
        if headers.contains_key(SET_COOKIE) {
            let jars = self.jars();
            let mut jars = jars.lock();
            for value in headers.get_all(SET_COOKIE) {
                jars.take(url, value);
            }
        }
    }

    /// A forked child continues with a copy.
    fn jars(&self) -> impl std::ops::Deref<Target = Mutex<Jars>> {
        let inherit = |old: &Mutex<Jars>| old.try_lock().map(|old| old.clone());
        self.0.get(|old| Mutex::new(old.and_then(inherit).unwrap_or_default()))
    }
}

/// Debug shows no cookies.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies(..)")
    }
}

trait Take {
    fn take(&mut self, url: &Url, value: &HeaderValue) -> bool;
    fn of(&self, url: &Url) -> Vec<(String, String)>;
}

impl Take for Jars {
    /// Whether the cookie is stored, or deletes one.
    fn take(&mut self, url: &Url, value: &HeaderValue) -> bool {
        let Some(cookie) = parsed(value) else { return false };
        if !self.contains_key(&url.origin()) && self.len() >= MOST_ORIGINS {
            self.retain(|_, jar| jar.iter_unexpired().next().is_some());
            if self.len() >= MOST_ORIGINS {
                return false;
            }
        }
        let jar = self.entry(url.origin()).or_default();
        if jar.iter_any().count() >= MOST_COOKIES {
            let kept = jar.iter_unexpired().cloned().map(Ok::<_, std::convert::Infallible>);
            let Ok(kept) = CookieStore::from_cookies(kept, false);
            *jar = kept;
            let known = jar.iter_any().any(|one| one.name() == cookie.name());
            if !known && jar.iter_any().count() >= MOST_COOKIES {
                return false;
            }
        }
        jar.insert_raw(&cookie, url).is_ok()
    }

    fn of(&self, url: &Url) -> Vec<(String, String)> {
        let mut found = self.get(&url.origin()).map(|jar| jar.matches(url)).unwrap_or_default();
        // Longer paths first (RFC 6265 section 5.4), then by name, so that the order is always the same.
        found.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then_with(|| a.name().cmp(b.name())));
        found.iter().map(|one| (one.name().to_owned(), one.value().to_owned())).collect()
    }
}

fn parsed(value: &HeaderValue) -> Option<RawCookie<'static>> {
    let cookie = RawCookie::parse(value.to_str().ok()?.to_owned()).ok()?;
    let fits = !cookie.name().is_empty() && cookie.name().len() + cookie.value().len() <= MOST_BYTES;
    fits.then_some(cookie)
}

fn names(header: &str) -> impl Iterator<Item = &str> {
    header.split(';').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name).trim())
}
