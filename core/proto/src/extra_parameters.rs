//! Additional parameters of token requests, with the same setters for every grant: the APIs that the tokens are for
//! (`resource`, RFC 8707), and parameters that a server needs (`parameters`).

use std::collections::BTreeMap;

use url::Url;

use crate::error::Failure;

/// The two setters.
macro_rules! extra_parameters {
    ($type:ident, $path:literal) => {
        impl $type {
            /// Adds a `resource` (RFC 8707).
            ///
            /// ```
            #[doc = concat!("use ", $path, ";")]
            #[doc = concat!("let asked = ", stringify!($type), "::new().resource(\"https://a.example/\").resource(\"https://b.example/\");")]
            /// assert_eq!(asked.resource, ["https://a.example/", "https://b.example/"]);
            /// ```
            #[must_use]
            pub fn resource(mut self, resource: impl Into<String>) -> Self {
                self.resource.push(resource.into());
                self
            }

            /// Adds a parameter.
            ///
            /// ```
            #[doc = concat!("use ", $path, ";")]
            #[doc = concat!("let asked = ", stringify!($type), "::new().parameter(\"organization\", \"acme\");")]
            /// assert_eq!(asked.parameters["organization"], "acme");
            /// ```
            #[must_use]
            pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.parameters.insert(name.into(), value.into());
                self
            }
        }
    };
}
pub(crate) use extra_parameters;

/// Checks that the parameters are valid. `own`: names that have a setting of their own, or that no setting may
/// change.
pub(crate) fn check_parameters(
    setting: &str,
    parameters: &BTreeMap<String, String>,
    own: &[&str],
) -> Result<(), Failure> {
    match parameters.keys().find(|name| name.is_empty() || own.contains(&name.as_str())) {
        Some(name) => {
            let what = format_args!(
                ": `{name}` cannot be an extra parameter: rekindle sets it, or it has its own setting; remove it here"
            );
            Err(Failure::config(setting, what))
        }
        None => Ok(()),
    }
}

/// Checks that each is an absolute URL without a fragment.
pub(crate) fn check_resource(setting: &str, resource: &[String]) -> Result<(), Failure> {
    let is_one = |text: &String| Url::parse(text).is_ok_and(|url| url.fragment().is_none());
    match resource.iter().find(|text| !is_one(text)) {
        Some(_) => {
            let what = if setting == "resource" { "" } else { ": resource" };
            let what = format!("{what} must be an absolute URL without a fragment (RFC 8707)");
            Err(Failure::config(setting, what))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::grant::ClientCredentials;
    use crate::sign_in::{SignIn, SignInServer};
    use crate::{Failure, Wall, machine::Entropy};

    fn signing_in(asked: SignIn) -> Result<(), Failure> {
        let url = |text: &str| text.parse().unwrap();
        let server = SignInServer::new(url("https://a.example/authorize"), url("https://a.example/token"));
        let asked = asked.redirect_uri("https://app.example/callback");
        server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0)).map(drop)
    }

    // spec 12.1, 5.7
    #[test]
    fn a_sign_in_and_client_credentials_refuse_the_same_mistakes() {
        for resource in ["", "api", "/api", "https://api.example/#a"] {
            let own = ClientCredentials::new().resource(resource).check().unwrap_err();
            let signing_in = signing_in(SignIn::new().resource(resource)).unwrap_err();
            for failure in [own, signing_in] {
                assert!(failure.message.contains("resource must be an absolute URL"), "{failure}");
            }
        }
        for name in ["", "client_id", "scope"] {
            let own = ClientCredentials::new().parameter(name, "SENTINEL").check().unwrap_err();
            let signing_in = signing_in(SignIn::new().parameter(name, "SENTINEL")).unwrap_err();
            for failure in [own, signing_in] {
                assert!(failure.message.contains("extra parameter") && !failure.message.contains("SENTINEL"));
            }
        }
        assert!(
            signing_in(SignIn::new().resource("urn:example:api").parameter("access_type", "offline")).is_ok()
        );
    }
}
