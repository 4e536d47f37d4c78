//! All fields of a dialect file, each with its default and an example. The tests check this list against the code: no
//! field is missing, each default is right, each example can be parsed.

use std::fmt::Write as _;

/// One field.
struct Field {
    name: &'static str,
    /// The default as it is written in a file; empty: none.
    default: &'static str,
    about: &'static str,
    example: &'static str,
    /// The lines that the example needs around it to be valid.
    #[cfg(test)]
    needs: &'static str,
}

struct Section {
    /// The section of its fields: the text of a heading in TOML.
    place: &'static str,
    about: &'static str,
    fields: &'static [Field],
}

const fn field(
    name: &'static str,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Field {
    Field {
        name,
        default,
        about,
        example,
        #[cfg(test)]
        needs: "",
    }
}

impl Field {
    #[cfg(test)]
    const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    #[cfg(not(test))]
    const fn needs(self, _: &'static str) -> Self {
        self
    }
}

/// The reference of all fields of a dialect file, as Markdown.
///
/// ```
/// assert!(rekindle_proto::dialect::reference().contains("## `[token_endpoint]`"));
/// ```
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let heading = if section.place.is_empty() { "The file itself" } else { section.place };
        let ticks = if section.place.is_empty() { "" } else { "`" };
        let _ = write!(text, "\n## {ticks}{heading}{ticks}\n\n{}\n\n", section.about);
        text.push_str("| field | default | example | what it says |\n|---|---|---|---|\n");
        for field in section.fields {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                field.name,
                code(field.default),
                code(&format!("{} = {}", field.name, field.example)),
                field.about
            );
        }
    }
    text
}

/// A bar ends a table cell, even within code.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

const INTRODUCTION: &str = "\
# Dialects: all fields

A dialect file is TOML and says how one server speaks, where that is not as RFC 6749 and RFC 6750 have it. What is left
out has the default given here; `rekindle dialect fields` prints this page, `rekindle dialect check FILE` reads a file
and tries it on samples, `rekindle presets NAME` prints a preset to start from. In the bindings a dialect may be data
(a dict, a map, an object) of the same shape.

- A **path** leads into a JSON body: `error`, `data.token`, `errors[*].code`, `[0].code`, `tokens[?type=access].value`.
- A **blank** is `{name}`; the session's `variables`, `[variables]`, or what came with the tokens (`answer.keep`) fill it.
- Where several values are allowed, one may stand alone: `\"a\"` or `[\"a\", \"b\"]`; the first that is there counts.
";

const RULE: &str = "Rules are ordered, and the first whose conditions are all fulfilled decides. A rule has at least one condition: \
`status`, `empty_body`, or a test, which is a place (`path`, `header`, `location`, `text`) with what must stand there \
(`equals`, `starts_with`, `contains`, `any`). ";

const SECTIONS: &[Section] = &[
    Section {
        place: "",
        about: "Top-level fields.",
        fields: &[
            field("name", "", "\"acme\"", "The name; else the file's."),
            field("description", "", "\"Acme's API\"", "A description for people."),
            field("extends", "", "\"json\"", "A preset to build on: tables are merged, other values replaced, the dialect's own rules come first."),
            field("rotation", "\"unknown\"", "{ grace_seconds = 30 }", "What happens to a refresh token that was used: `none` (stays), `strict` (dies), `strict-family` (used again, it ends the session), `until-successor-used`, `sometimes`, `unknown`, or for how long it stays."),
            field("old_token_dies", "false", "true", "The old access token dies when a refresh succeeds."),
            field("proactive", "true", "false", "Whether tokens may be refreshed before they expire."),
            field("variables", "", "{ region = \"eu\" }", "Values for variables that the session does not set."),
        ],
    },
    Section {
        place: "[token]",
        about: "Where the access token goes in an API request: a header or a cookie. Never a query parameter: URLs are logged by servers, proxies and \
                browsers (RFC 9700 section 4.3.2); a dialect that says so is refused.",
        fields: &[
            field("header", "\"authorization\"", "\"X-Api-Token\"", "The header."),
            field("scheme", "\"Bearer\"", "\"Token\"", "The prefix of the token; `\"\"`: none."),
            field("cookie", "", "\"session\"", "A cookie instead of the header."),
            field("types", "", "[\"user\"]", "Values of `token_type` accepted in addition to `Bearer` and `DPoP`."),
            field("credential_headers", "", "\"apikey\"", "Other headers with credentials: they are not sent after a redirect to another origin."),
            field("extra_characters", "", "\"|\"", "Characters of its tokens in addition to those of RFC 6750 section 2.1."),
        ],
    },
    Section {
        place: "[token_endpoint]",
        about: "The token endpoint, and how a request to it is written (RFC 6749 section 3.2).",
        fields: &[
            field("url", "", "\"https://{tenant}.example.com/token\"", "The URL, with variables; without it the session must set `token_url`."),
            field("method", "\"POST\"", "\"PUT\"", "`POST`, `PUT`, `PATCH`, or `GET` with `encoding = \"query\"`."),
            field("encoding", "\"form\"", "\"json\"", "How the fields are written: `form`, `json`, `graphql` (variables of a document), `query` (in the URL, where logs may keep them: only for servers that take it nowhere else)."),
            field("client_auth", "\"client_secret_post\"", "\"client_secret_basic\"", "How the client authenticates: `none`, `client_secret_basic`, `client_secret_post`, `client_secret_jwt`, `private_key_jwt`."),
            field("names", "", "{ refresh_token = \"refreshToken\" }", "How the fields are spelled: the next section."),
            field("query", "", "{ version = \"2\" }", "Query parameters, with variables."),
            field("extra", "", "{ device = \"{device}\" }", "Additional fields, with variables; numbers and booleans too.").needs("variables.device = \"d\"\n"),
            field("headers", "", "{ X-Client = \"{client_id}\" }", "Additional headers, with variables."),
        ],
    },
    Section {
        place: "[token_endpoint.names]",
        about: "How the server spells the fields of a token request; `\"\"`: it is not sent.",
        fields: &[
            field("grant_type", "\"grant_type\"", "\"\"", "RFC 6749 section 6."),
            field("refresh_token", "\"refresh_token\"", "\"refreshToken\"", "The refresh token."),
            field("access_token", "\"\"", "\"accessToken\"", "The old access token, for servers that require both."),
            field("client_id", "\"client_id\"", "\"clientId\"", "The client."),
            field("client_secret", "\"client_secret\"", "\"clientSecret\"", "Its secret, with `client_secret_post`."),
            field("scope", "\"scope\"", "\"scopes\"", "The requested scope."),
            field("audience", "\"audience\"", "\"aud\"", "The audience, for client credentials and token exchange."),
            field("resource", "\"resource\"", "\"resources\"", "RFC 8707."),
            field("code", "\"code\"", "\"auth_code\"", "The authorization code."),
            field("redirect_uri", "\"redirect_uri\"", "\"redirectUri\"", "The redirect URI that received the code."),
            field("code_verifier", "\"code_verifier\"", "\"codeVerifier\"", "RFC 7636."),
        ],
    },
    Section {
        place: "[refresh_token]",
        about: "What a refresh adds to a token request. The other grants have sections of the same fields, but for those that only a \
                refresh has (`fallback_document`, `token_*`, `access_token_*`, `credential`): `[client_credentials]`, `[authorization_code]`, \
                `[device_code]`, `[token_exchange]`, `[jwt_bearer]`.",
        fields: &[
            field("grant_type", "", "\"renew\"", "Its value, if the server does not understand the standard one."),
            field("document", "", "\"mutation R($refresh_token: String!) { renew(token: $refresh_token) { access } }\"", "The GraphQL document; the token is a variable of it.").needs("token_endpoint.encoding = \"graphql\"\n"),
            field("fallback_document", "", "\"mutation R($refresh_token: String!) { renew(token: $refresh_token) { access } }\"", "The document for a server that does not know a field of the first.").needs("token_endpoint.encoding = \"graphql\"\nrefresh_token.document = \"mutation R($refresh_token: String!) { renew(token: $refresh_token) { access refresh } }\"\n"),
            field("token_header", "", "\"X-Refresh-Token\"", "The header that the refresh token goes into, instead of a field."),
            field("token_scheme", "", "\"Token\"", "The prefix of the token there; default: `Bearer` in `Authorization`, otherwise none.").needs("refresh_token.token_header = \"X-Refresh-Token\"\n"),
            field("token_cookie", "", "\"refresh\"", "The cookie that the refresh token goes into."),
            field("access_token_header", "", "\"Authorization\"", "The header that the old access token goes into, for servers that require it."),
            field("access_token_scheme", "", "\"\"", "The prefix of the token there; default: as with `token_scheme`.").needs("refresh_token.access_token_header = \"Authorization\"\n"),
            field("credential", "\"token\"", "\"cookie\"", "`cookie`: the credential is a cookie that the host's HTTP stack keeps, as a browser does; the session has no refresh token."),
            field("query", "", "{ grant_type = \"refresh_token\" }", "Query parameters, with variables."),
            field("extra", "", "{ remember = true }", "Additional fields, with variables."),
            field("headers", "", "{ X-Purpose = \"refresh\" }", "Additional headers, with variables."),
        ],
    },
    Section {
        place: "[password]",
        about: "A sign-in with a user's name and password, if the server supports it. Without this section it is not available.",
        fields: &[
            field("url", "", "\"https://api.example.com/login\"", "The URL; default: the token endpoint."),
            field("encoding", "", "\"json\"", "As in `[token_endpoint]`, whose value is the default; never `query`."),
            field("names", "", "{ username = \"email\" }", "How the two fields are spelled: the next section."),
            field("grant_type", "", "\"password\"", "Its value; default: `password` in a form, otherwise none."),
            field("document", "", "\"mutation L($username: String!, $password: String!) { login(u: $username, p: $password) { access } }\"", "The GraphQL document."),
            field("query", "", "{ grant_type = \"password\" }", "Query parameters, with variables."),
            field("extra", "", "{ remember = true }", "Additional fields, with variables."),
            field("headers", "", "{ X-Purpose = \"login\" }", "Additional headers, with variables."),
            field("answer", "", "{ access_token = \"data.token\" }", "The form of its response, if it differs from `[answer]`: the same fields."),
        ],
    },
    Section {
        place: "[password.names]",
        about: "The server's names of the two fields.",
        fields: &[
            field("username", "\"username\"", "\"email\"", "The user."),
            field("password", "\"password\"", "\"pass\"", "The password."),
        ],
    },
    Section {
        place: "[sign_in]",
        about: "Where a user signs in (RFC 6749 section 4.1.1).",
        fields: &[
            field("issuer", "", "\"https://{tenant}.example.com\"", "The server's issuer: callbacks and ID tokens must name it."),
            field("id_token_issuer", "", "\"accounts.example.com\"", "Another issuer name that its ID tokens may have."),
            field("names_itself", "false", "true", "It names itself in each callback (RFC 9207)."),
            field("authorization_url", "", "\"https://{tenant}.example.com/authorize\"", "The authorization endpoint."),
            field("device_authorization_url", "", "\"https://{tenant}.example.com/device\"", "Where device codes come from (RFC 8628)."),
            field("loopback_host", "", "\"localhost\"", "The host of redirect URIs on this machine; else `127.0.0.1`."),
            field("scope", "", "\"openid offline_access\"", "The scope to request if the sign-in names none."),
            field("parameters", "", "{ access_type = \"offline\" }", "Additional parameters of the authorization request."),
        ],
    },
    Section {
        place: "[answer]",
        about: "Where the fields are in a token endpoint's response, and what its errors mean.",
        fields: &[
            field("access_token", "\"access_token\"", "\"data.token\"", "Paths to the access token."),
            field("refresh_token", "\"refresh_token\"", "\"tokens[?type=refresh].value\"", "Paths to the refresh token."),
            field("token_type", "\"token_type\"", "\"tokenType\"", "Paths to its type."),
            field("scope", "\"scope\"", "\"scopes\"", "Paths to the granted scope, a text or a list."),
            field("expires_in", "\"expires_in\"", "\"ttl\"", "Paths to its lifetime in seconds."),
            field("expires_in_ms", "", "\"ttlMs\"", "The same in milliseconds."),
            field("expires_at", "\"expires_at\"", "\"validUntil\"", "Paths to its expiry: an epoch in seconds or milliseconds, an ISO 8601 date with its zone, or an HTTP date."),
            field("refresh_token_expires_in", "[\"refresh_token_expires_in\", \"refresh_expires_in\", \"x_refresh_token_expires_in\"]", "\"refreshTtl\"", "Paths to the lifetime of the refresh token in seconds."),
            field("refresh_token_expires_at", "\"refresh_token_expires_at\"", "\"session.ends\"", "Paths to its expiry, as `expires_at`."),
            field("headers", "", "{ access_token = \"X-Access-Token\" }", "Headers that contain the tokens, if they are not in the body: `access_token`, `refresh_token`."),
            field("cookies", "", "{ refresh_token = \"refresh\" }", "Cookies that contain the tokens."),
            field("keep", "", "{ instance_url = \"instance_url\" }", "What to keep in addition to the tokens, by path: it sets variables, and `session.extra()` shows it."),
            field("default_lifetime_seconds", "", "900", "The lifetime of an access token if the server states none."),
            field("jwt_exp", "false", "true", "Uses the `exp` of a JWT as its expiry if the server states none."),
            field("success", "", "{ path = \"ok\", equals = true }", "A test that a grant must pass in addition to having a token."),
            field("rules", "", "[{ status = 422, outcome = \"dead\" }]", "The rules: the next section."),
        ],
    },
    Section {
        place: "[[answer.rules]]",
        about: RULE,
        fields: &[
            field("status", "", "[400, \"5xx\", \"401-403\"]", "The statuses; default: any."),
            field("empty_body", "false", "true", "The body is empty."),
            field("path", "", "\"error.code\"", "A place in a JSON body.").needs("any = true"),
            field("header", "", "\"X-Error\"", "A header.").needs("any = true"),
            field("location", "", "true", "The target of a redirect: its path, or scheme, host and path; without its query.").needs("equals = \"/login\""),
            field("text", "", "true", "The body as plain text.").needs("contains = \"used\""),
            field("equals", "", "[\"used\", 3200]", "It is one of these, as text or number.").needs("path = \"code\""),
            field("starts_with", "", "\"TOKEN_\"", "It starts with one of these.").needs("path = \"code\""),
            field("contains", "", "\"expired\"", "It contains one of these.").needs("path = \"message\""),
            field("any", "", "true", "It is there.").needs("path = \"error\""),
            field("also", "", "[{ header = \"X-Error\", equals = \"7\" }]", "Additional tests, all of which must pass."),
            field("outcome", "", "\"dead\"", "What it means: `dead` (sign in again), `lost_race` (another process refreshed), `retry_same` and `rate_limited` (later), `clock_skew`, `step_up`, `client_config` (the client's configuration is wrong), `lost` (the result is unknown), `unknown`, `fallback` (send `fallback_document`)."),
            field("reason", "\"rejected\"", "\"reuse_detected\"", "For `dead`: `rejected`, `expired`, `revoked`, `reuse_detected`."),
            field("after_seconds", "", "5", "When to retry, if the server does not say."),
            field("confirm", "false", "true", "For `dead`: it counts only if the server answers so a second time."),
        ],
    },
    Section {
        place: "[api]",
        about: "What API responses say about the token.",
        fields: &[
            field("settle_ms", "0", "2000", "How long the API may not know a newly issued token, in milliseconds."),
            field("rules", "", "[{ status = 419, verdict = \"expired\" }]", "The rules: the next section."),
        ],
    },
    Section {
        place: "[[api.rules]]",
        about: RULE,
        fields: &[
            field("status", "", "[404, 419, 440, 498]", "The statuses; default: any."),
            field("empty_body", "false", "true", "The body is empty."),
            field("past_end", "false", "true", "The request's token has expired by the clock."),
            field("path", "", "\"errors[*].extensions.code\"", "A place in a JSON body.").needs("any = true"),
            field("header", "", "\"Content-Type\"", "A header.").needs("any = true"),
            field("location", "", "true", "The target of a redirect: its path, or scheme, host and path; without its query. A redirect that matches is not followed.").needs("equals = \"/login\""),
            field("text", "", "true", "The body as plain text.").needs("contains = \"expired\""),
            field("equals", "", "[\"UNAUTHENTICATED\", 3200]", "It is one of these, as text or number.").needs("path = \"code\""),
            field("starts_with", "", "\"text/html\"", "It starts with one of these.").needs("header = \"Content-Type\""),
            field("contains", "", "\"session expired\"", "It contains one of these.").needs("text = true"),
            field("any", "", "true", "It is there.").needs("path = \"error\""),
            field("also", "", "[{ path = \"code\", equals = 7 }]", "Additional tests, all of which must pass."),
            field("verdict", "", "\"expired\"", "What it means: `expired` (a refresh is tried), `insufficient_scope`, `step_up`, `rate_limited`, `unavailable`, `denied` (a refresh cannot help), `accepted`."),
            field("reason", "\"unknown\"", "\"revoked\"", "For `expired`: `expired`, `invalid`, `revoked`, `unknown`."),
            field("applied", "", "\"no\"", "For `expired`: `no`: the request had no effect, and any method is sent again; `maybe`: only requests that may be repeated are. Default: `no` for a 401, otherwise `maybe`."),
            field("scope", "", "\"required\"", "The path to the required scope."),
        ],
    },
    Section {
        place: "[response_tokens]",
        about: "New tokens in the headers of API responses, for sliding sessions: a response to a request with the current token \
                may replace it. A `Bearer` or the scheme of `[token]` before a token is left out; a malformed or empty token is ignored.",
        fields: &[
            field("headers", "", "{ access_token = \"X-Access-Token\" }", "Headers that contain the tokens: `access_token`, `refresh_token`."),
            field("cookies", "", "{ access_token = \"session\" }", "Cookies (`Set-Cookie`) that contain the tokens."),
            field("expires_in", "", "\"X-Expires-In\"", "The header with the lifetime of the access token in seconds.").needs("headers.access_token = \"X-Access-Token\""),
            field("expires_at", "", "\"Expiry\"", "The header with its expiry, as `answer.expires_at`. Without either, `answer.jwt_exp` and `answer.default_lifetime_seconds` apply.").needs("headers.access_token = \"X-Access-Token\""),
        ],
    },
    Section {
        place: "[retry_after]",
        about: "When to retry, in addition to the header `Retry-After`.",
        fields: &[
            field("seconds_headers", "", "\"X-Wait\"", "Headers with a number of seconds."),
            field("epoch_headers", "", "\"X-RateLimit-Reset\"", "Headers with an epoch in seconds or milliseconds."),
            field("body_seconds", "", "\"retry_after\"", "Paths to a number of seconds."),
        ],
    },
    Section {
        place: "[redact]",
        about: "What must not be shown from bodies.",
        fields: &[field("paths", "", "\"errors[*].message\"", "Paths to secrets whose names don't show that they are secrets.")],
    },
    Section {
        place: "[revoke]",
        about: "Where tokens are revoked (RFC 7009); a discovered server states this itself.",
        fields: &[
            field("url", "", "\"https://{tenant}.example.com/revoke\"", "The URL, with variables."),
            field("field", "\"token\"", "\"refresh_token\"", "The field that the token goes into.").needs("url = \"https://example.com/revoke\""),
        ],
    },
];

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests {
    use serde::de::{Deserialize, Deserializer, Visitor, value::Error};

    use super::super::effect::{ApiRule, TokenRule};
    use super::super::file;
    use super::super::retry_after::RetryAfter;
    use super::*;
    use crate::dialect::Dialect;

    /// A deserializer that records which fields a type asks for, and returns none.
    struct Asked<'a>(&'a mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("no struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields);
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn fields_of<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
        let mut fields = Vec::new();
        let _ = T::deserialize(Asked(&mut fields));
        fields.sort_unstable();
        fields
    }

    fn section(place: &str) -> &'static Section {
        SECTIONS.iter().find(|section| section.place == place).unwrap()
    }

    #[test]
    fn no_field_is_missing_and_none_is_made_up() {
        let sections = [
            ("[token]", fields_of::<file::Token>()),
            ("[token_endpoint]", fields_of::<file::TokenEndpoint>()),
            ("[token_endpoint.names]", fields_of::<file::Names>()),
            ("[refresh_token]", fields_of::<file::GrantSection>()),
            ("[password]", fields_of::<file::PasswordSection>()),
            ("[password.names]", fields_of::<file::PasswordNames>()),
            ("[sign_in]", fields_of::<file::SignInSection>()),
            ("[answer]", fields_of::<file::AnswerSpec>()),
            ("[[answer.rules]]", fields_of::<TokenRule>()),
            ("[api]", fields_of::<file::Api>()),
            ("[[api.rules]]", fields_of::<ApiRule>()),
            ("[response_tokens]", fields_of::<file::ResponseTokens>()),
            ("[retry_after]", fields_of::<RetryAfter>()),
            ("[redact]", fields_of::<file::Redact>()),
            ("[revoke]", fields_of::<file::Revoke>()),
        ];
        for (place, fields) in &sections {
            let mut listed: Vec<_> = section(place).fields.iter().map(|field| field.name).collect();
            listed.sort_unstable();
            assert_eq!(&listed, fields, "{place}");
        }
        assert_eq!(sections.len() + 1, SECTIONS.len());
        let grants =
            ["client_credentials", "authorization_code", "device_code", "token_exchange", "jwt_bearer"];
        let below = sections
            .iter()
            .map(|(place, _)| place.trim_matches(['[', ']']))
            .filter(|place| !place.contains('.'));
        let mut listed: Vec<_> =
            section("").fields.iter().map(|field| field.name).filter(|name| *name != "extends").collect();
        listed.extend(below.chain(grants));
        listed.sort_unstable();
        assert_eq!(listed, fields_of::<file::Spec>());
    }

    /// A file in which the field has this value.
    fn file(section: &Section, field: &Field, value: &str) -> String {
        let line = format!("{} = {value}", field.name);
        match section.place {
            "[[answer.rules]]" => rule(section, field, &line, "outcome = \"dead\""),
            "[[api.rules]]" => rule(section, field, &line, "verdict = \"expired\""),
            "" => line,
            // The parents of the section are written with dots.
            _ if field.needs.ends_with('\n') => {
                format!("{}{}.{line}", field.needs, section.place.trim_matches(['[', ']']))
            }
            place => format!("{place}\n{}\n{line}", field.needs),
        }
    }

    fn rule(section: &Section, field: &Field, line: &str, usual: &str) -> String {
        let usual = if usual.starts_with(field.name) { "" } else { usual };
        let status = if field.name == "status" { "" } else { "status = 418" };
        let usual = if field.name == "scope" { "verdict = \"insufficient_scope\"" } else { usual };
        format!("{}\n{line}\n{usual}\n{status}\n{}", section.place, field.needs)
    }

    fn fingerprint(text: &str) -> crate::Fingerprint {
        Dialect::from_toml(text, "acme.toml")
            .unwrap_or_else(|failure| panic!("{}\n{text}", failure.message))
            .fingerprint()
    }

    #[test]
    fn each_example_is_read_and_differs_from_the_default() {
        for section in SECTIONS {
            for field in section.fields {
                let example = fingerprint(&file(section, field, field.example));
                let bare = fingerprint("");
                let decides_nothing = field.name == "name";
                assert!(decides_nothing || example != bare, "{} {}", section.place, field.name);
            }
        }
    }

    #[test]
    fn each_default_is_what_holds_without_it() {
        for section in SECTIONS {
            for field in section.fields.iter().filter(|field| !field.default.is_empty()) {
                let with = file(section, field, field.default);
                let without: Vec<_> = with
                    .lines()
                    .filter(|line| !line.ends_with(&format!("{} = {}", field.name, field.default)))
                    .collect();
                assert_eq!(
                    fingerprint(&with),
                    fingerprint(&without.join("\n")),
                    "{} {}",
                    section.place,
                    field.name
                );
            }
        }
    }
}
