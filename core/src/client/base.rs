//! Resolves the URL of a request: absolute, or relative to the client's base URL.

use url::{Position, Url};

use crate::error::Error;

/// The base of relative URLs.
#[derive(Clone)]
pub(super) struct Base {
    url: Url,
    /// The same URL with a long path. A copy of it has room for another path, so it is not reallocated while it
    /// grows.
    roomy: Url,
}

/// Few paths are longer.
const ROOM: usize = 96;

const NAME: &str = "path_or_url";

impl Base {
    pub(super) fn new(url: Url) -> Self {
        let mut roomy = url.clone();
        roomy.set_query(None);
        roomy.set_fragment(None);
        roomy.set_path(&"-".repeat(ROOM));
        Self { url, roomy }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The base's path is kept: `/pupils` below `https://a.test/v1` is `https://a.test/v1/pupils`.
    fn below(&self, path: &str) -> Result<Url, Error> {
        let below = path.trim_start_matches('/');
        if below.is_empty() {
            return Ok(self.url.clone());
        }
        if self.url.path().len() > 1 && climbs(below) {
            let problem =
                "leaves the base_url's path; percent-encode what comes from users, or give the whole URL";
            return Err(Error::config(NAME, problem));
        }
        if let Some(url) = self.path_below(below) {
            return Ok(url);
        }
        let above = self.url[..Position::AfterPath].trim_end_matches('/');
        let joint = if below.starts_with(['?', '#']) { "" } else { "/" };
        Url::parse(&format!("{above}{joint}{below}")).map_err(|cause| Error::config(NAME, cause))
    }

    /// The usual case: scheme and host are not parsed again.
    fn path_below(&self, below: &str) -> Option<Url> {
        if !below.starts_with(|c: char| c.is_ascii_alphanumeric()) || below.ends_with(' ') {
            return None;
        }
        let (before, fragment) = halves(below, '#');
        let (path, query) = halves(before, '?');
        let mut url = self.roomy.clone();
        match self.url.path().trim_end_matches('/') {
            "" => url.set_path(path),
            above => url.set_path(&[above, "/", path].concat()),
        }
        if query.is_some() {
            url.set_query(query);
        }
        if fragment.is_some() {
            url.set_fragment(fragment);
        }
        Some(url)
    }
}

/// An absolute URL, or one below the base, if there is one.
pub(super) fn resolve(base: Option<&Base>, path_or_url: &str) -> Result<Url, Error> {
    if path_or_url.contains(char::is_control) {
        return Err(Error::config(NAME, "contains a line break or another control character"));
    }
    if has_scheme(path_or_url) {
        return absolute(NAME, path_or_url);
    }
    let none = "is relative, but the client has no base_url; set one or give a whole URL";
    base.ok_or_else(|| Error::config(NAME, none))?.below(path_or_url)
}

/// An http or https URL; `argument` names it in the error.
pub(super) fn absolute(argument: &str, text: &str) -> Result<Url, Error> {
    if text.contains(char::is_control) {
        return Err(Error::config(argument, "contains a line break or another control character"));
    }
    let url =
        Url::parse(text).map_err(|cause| Error::config(argument, format_args!("not a URL: {cause}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::config(argument, "only http and https URLs are supported"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(
            argument,
            "holds a user name or password; set an Authorization header instead",
        ));
    }
    Ok(url)
}

/// Whether `..` leads above the start of the path, according to the URL standard or for a server that decodes first.
fn climbs(below: &str) -> bool {
    let path = below.split(['?', '#']).next().unwrap_or_default();
    if !path.contains("..") && !path.contains("%2") {
        return false;
    }
    let decoded = ["%2e", "%2E"].iter().fold(path.to_owned(), |path, dot| path.replace(dot, "."));
    let decoded = decoded.replace("%2f", "/").replace("%2F", "/").replace("%5c", "/").replace("%5C", "/");
    let mut depth = 0_usize;
    for segment in decoded.split(['/', '\\']) {
        // Servers that treat the text after `;` as a parameter see `..` in `..;`.
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// `name://` at the beginning of the text.
fn has_scheme(text: &str) -> bool {
    let Some(at) = text.bytes().position(|byte| byte == b':') else { return false };
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    at > 0 && text[at..].starts_with("://") && text[..at].bytes().all(name)
}

fn halves(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The standard's way: parses the whole text again.
    fn parsed(base: &str, below: &str) -> Url {
        Url::parse(&format!("{}/{below}", base.trim_end_matches('/'))).unwrap()
    }

    proptest! {
        #[test]
        fn a_path_below_a_base_is_what_parsing_the_whole_text_gives(
            below in "[a-z0-9][a-zA-Z0-9 ./?#%:@&=+\\\\;,~ü€\"<>{}|^`'-]{0,40}",
            base in prop::sample::select(vec![
                "http://127.0.0.1:8080", "https://api.example.com/v1", "https://api.example.com/a/b/", "https://[::1]/",
            ]),
        ) {
            let parsed = parsed(base, &below);
            match resolve(Some(&Base::new(Url::parse(base).unwrap())), &below) {
                Ok(url) => {
                    let above = Url::parse(base).unwrap().path().trim_end_matches('/').to_owned();
                    prop_assert!(parsed.path().starts_with(&above), "{}", parsed);
                    prop_assert_eq!(url, parsed);
                }
                Err(error) => prop_assert!(below.contains("..") || below.contains("%2"), "{}", error),
            }
        }
    }

    #[test]
    fn a_query_or_a_fragment_of_the_base_is_not_its_paths() {
        let base = Base::new(Url::parse("https://api.example.com/v1?key=1#top").unwrap());
        assert_eq!(resolve(Some(&base), "/pupils").unwrap().as_str(), "https://api.example.com/v1/pupils");
        assert_eq!(resolve(Some(&base), "?form=4b").unwrap().as_str(), "https://api.example.com/v1?form=4b");
        assert_eq!(resolve(Some(&base), "//evil.test/x").unwrap().host_str(), Some("api.example.com"));
    }

    // spec 11.6
    #[test]
    fn a_path_does_not_climb_out_of_the_base() {
        let base = Base::new(Url::parse("https://api.example.com/v1/").unwrap());
        for below in [
            "../admin",
            "/a/../../admin",
            "%2e%2e/admin",
            "a/%2E%2e/.%2e/admin",
            "..",
            "a//../../x",
            "..\\admin",
            "%2e%2e%2fadmin",
            "..;/admin",
            "a/..;x/%2e%2e;/admin",
            "..%5Cadmin",
            "/../v1/x",
        ] {
            let error = resolve(Some(&base), below).unwrap_err().to_string();
            assert!(error.contains("path_or_url: leaves"), "{below}: {error}");
        }
        for (below, path) in
            [("a/../b", "/v1/b"), ("a/..", "/v1/"), ("a..b/...", "/v1/a..b/..."), ("x?y=../../", "/v1/x")]
        {
            assert_eq!(resolve(Some(&base), below).unwrap().path(), path);
        }
        let root = Base::new(Url::parse("https://api.example.com").unwrap());
        assert_eq!(resolve(Some(&root), "../x").unwrap().path(), "/x");
    }

    #[test]
    fn only_a_scheme_with_slashes_makes_a_url_of_its_own() {
        let base = Base::new(Url::parse("https://api.example.com").unwrap());
        assert_eq!(resolve(Some(&base), "http://other.test/").unwrap().as_str(), "http://other.test/");
        assert_eq!(resolve(Some(&base), "a:b").unwrap().as_str(), "https://api.example.com/a:b");
        assert_eq!(
            resolve(Some(&base), "to?url=http://x").unwrap().as_str(),
            "https://api.example.com/to?url=http://x"
        );
        assert!(resolve(Some(&base), "ftp://other.test/").is_err());
        assert!(resolve(None, "/pupils").is_err());
    }
}
