//! Where a browser may come back to (RFC 6749 section 3.1.2, RFC 8252 section 7).

use url::{Host, Url};

use crate::error::Failure;

/// Fails where a redirect URI could not be used safely: https, a loopback address over http, or an app's own scheme.
///
/// ```
/// use rekindle_proto::sign_in::check_redirect_uri;
///
/// assert!(check_redirect_uri("http://127.0.0.1:49152/callback").is_ok());
/// assert!(check_redirect_uri("com.example.app:/callback").is_ok());
/// assert!(check_redirect_uri("http://app.example.com/callback").is_err());
/// ```
///
/// # Errors
///
/// InvalidConfig, saying why.
pub fn check_redirect_uri(text: &str) -> Result<(), Failure> {
    let wrong = |what: &str| Err(Failure::config("redirect_uri", format_args!(" {what}")));
    let Ok(url) = Url::parse(text) else {
        return wrong("is not an absolute URL: write it as the client is registered, https://...");
    };
    if url.fragment().is_some() {
        return wrong("must not have a fragment (RFC 6749 section 3.1.2)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not carry user name or password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => {
            wrong("is neither https nor a loopback address: the code would travel where others can read it")
        }
        "javascript" | "data" | "file" | "blob" | "about" | "vbscript" | "ftp" | "ws" | "wss" => wrong(
            "must be https, a loopback address, or an app's own scheme such as com.example.app:/callback",
        ),
        _ => Ok(()),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A path of the application's own, by any browser's reading: `//host`, `/\host` and the like lead elsewhere.
pub(super) fn check_return_to(path: &str) -> Result<(), Failure> {
    let base = Url::parse("https://rekindle.invalid/").ok();
    let stays = base.and_then(|base| base.join(path).ok()).is_some_and(|url| {
        url.host_str() == Some("rekindle.invalid") && url.scheme() == "https" && url.port().is_none()
    });
    let plain = !path.contains(|letter: char| letter.is_control() || letter == '\\');
    if path.starts_with('/') && !path.starts_with("//") && stays && plain {
        return Ok(());
    }
    let what = " must be a path of the application's own, such as /settings: anything else could lead the user to \
                another site";
    Err(Failure::config("return_to", what))
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 12.2
    #[test]
    fn a_redirect_uri_is_https_loopback_or_an_apps_own() {
        for good in
            ["https://a.example/cb?x=1", "http://[::1]:1/", "http://localhost/", "my.app://cb", "com.a:/cb"]
        {
            assert!(check_redirect_uri(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "/cb",
            "http://a.example/",
            "https://a/#f",
            "javascript:alert(1)",
            "data:,x",
            "https://u:p@a/",
        ];
        for bad in bad {
            assert_eq!(
                check_redirect_uri(bad).unwrap_err().argument.as_deref(),
                Some("redirect_uri"),
                "{bad}"
            );
        }
    }

    // spec 12.2
    #[test]
    fn nobody_is_led_to_another_site_afterwards() {
        for good in ["/", "/a/b?c=https://x.example"] {
            assert!(check_return_to(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "//x.example",
            "/\\x.example",
            "https://x.example",
            "/\t/x.example",
            "\\\\x",
            "javascript:a",
        ] {
            assert!(check_return_to(bad).is_err(), "{bad}");
        }
    }
}
