//! Requests to a token endpoint: a refresh, and a revocation (RFC 6749 section 6, RFC 7009).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::file::{ClientAuth, Encoding, Extra, RefreshMethod, Spec};
use super::scalar::Scalar;
use super::template::Template;
use super::{ClientIdentity, RefreshRequest, TokenRequest};
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};

impl Spec {
    pub(super) fn token_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        match &identity.token_url {
            Some(url) => Ok(url.clone()),
            None => self.own_url(identity),
        }
    }

    pub(super) fn refresh_request(
        &self,
        identity: &ClientIdentity,
        refresh: &RefreshRequest<'_>,
    ) -> Result<TokenRequest, Failure> {
        let blank = |name: &str| {
            self.variable(identity, name).or_else(|| refresh.extra.get(name).map(String::as_str))
        };
        let mut url = self.token_url(identity)?;
        self.extend_query(&mut url, &blank)?;
        let fields = self.refresh_fields(identity, refresh, &blank)?;
        let mut headers = self.refresh_headers(&blank)?;
        self.authorize(identity, &mut headers)?;
        Ok(TokenRequest { method: self.method(), url, headers, body: self.written(&fields)? })
    }

    pub(super) fn revoke_request(
        &self,
        identity: &ClientIdentity,
        token: &Secret,
    ) -> Result<Option<TokenRequest>, Failure> {
        let Some(url) = self.revoke_url(identity)? else { return Ok(None) };
        let mut fields = Fields::default();
        fields.text(self.revoke.as_ref().map_or("token", |revoke| &revoke.field), token.expose());
        fields.text("token_type_hint", "refresh_token");
        self.client_fields(identity, &mut fields);
        let mut headers = plain_headers(Encoding::Form);
        self.authorize(identity, &mut headers)?;
        Ok(Some(TokenRequest { method: Method::POST, url, headers, body: fields.form() }))
    }

    fn own_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        let template = self.refresh.url.as_ref();
        let template = template.ok_or_else(|| {
            config(&self.name, "has no token URL of its own; give the session one (`token_url`)")
        })?;
        template.url(&self.name, &|name| self.variable(identity, name))
    }

    /// A token endpoint that the user names may be another server than the dialect's: its tokens go to the
    /// dialect's revocation endpoint only if both have the same origin.
    fn revoke_url(&self, identity: &ClientIdentity) -> Result<Option<Url>, Failure> {
        let Some(revoke) = &self.revoke else { return Ok(None) };
        let url = revoke.url.url(&self.name, &|name| self.variable(identity, name));
        let Some(given) = &identity.token_url else { return url.map(Some) };
        let is_own = self.own_url(identity).is_ok_and(|own| own == *given);
        Ok(url.ok().filter(|url| is_own || url.origin() == given.origin()))
    }

    fn variable<'a>(&'a self, identity: &'a ClientIdentity, name: &str) -> Option<&'a str> {
        let given = identity.variables.get(name).or_else(|| self.variables.get(name));
        given
            .map(String::as_str)
            .or_else(|| (name == "client_id").then_some(identity.client_id.as_deref()).flatten())
    }

    fn extend_query<'a>(
        &self,
        url: &mut Url,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<(), Failure> {
        for (name, template) in &self.refresh.query {
            // A token URL that the user gave may have it already.
            if url.query_pairs().all(|(given, _)| given != name.as_str()) {
                let value = self.filled(template, blank)?;
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        Ok(())
    }

    fn refresh_fields<'a>(
        &self,
        identity: &ClientIdentity,
        refresh: &RefreshRequest<'_>,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<Fields, Failure> {
        let names = &self.refresh.names;
        let mut fields = Fields::default();
        if self.refresh.encoding == Encoding::Form || self.refresh.grant_type.is_some() {
            fields.text(&names.grant_type, self.refresh.grant_type.as_deref().unwrap_or("refresh_token"));
        }
        fields.text(&names.refresh_token, refresh.refresh_token.expose());
        fields.text(&names.scope, refresh.scope.unwrap_or_default());
        self.client_fields(identity, &mut fields);
        for (name, extra) in &self.refresh.extra {
            fields.add(name, self.extra(extra, blank)?);
        }
        Ok(fields)
    }

    fn extra<'a>(&self, extra: &Extra, blank: &dyn Fn(&str) -> Option<&'a str>) -> Result<Field, Failure> {
        match extra {
            Extra::Text(template) => Ok(Field::Text(Zeroizing::new(self.filled(template, blank)?))),
            Extra::Plain(scalar) => Ok(Field::Plain(scalar.clone())),
        }
    }

    fn filled<'a>(
        &self,
        template: &Template,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<String, Failure> {
        let missing = |name: &str| {
            config(&self.name, &format!("needs the variable `{name}`; set it in the session's variables"))
        };
        template.fill(blank).map_err(missing)
    }

    fn client_fields(&self, identity: &ClientIdentity, fields: &mut Fields) {
        if self.basic(identity).is_some() {
            return;
        }
        fields.text(&self.refresh.names.client_id, identity.client_id.as_deref().unwrap_or_default());
        match self.refresh.client_auth {
            ClientAuth::Body => fields.text(
                &self.refresh.names.client_secret,
                identity.client_secret.as_ref().map_or("", Secret::expose),
            ),
            ClientAuth::PrivateKeyJwt => {
                fields
                    .text("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                fields
                    .text("client_assertion", identity.client_assertion.as_ref().map_or("", Secret::expose));
            }
            ClientAuth::None | ClientAuth::Basic => {}
        }
    }

    /// The two halves of HTTP Basic, if that is how this client says who it is.
    fn basic<'a>(&self, identity: &'a ClientIdentity) -> Option<(&'a str, &'a str)> {
        let (id, secret) = (identity.client_id.as_deref()?, identity.client_secret.as_ref()?);
        (self.refresh.client_auth == ClientAuth::Basic).then_some((id, secret.expose()))
    }

    fn authorize(&self, identity: &ClientIdentity, headers: &mut HeaderMap) -> Result<(), Failure> {
        let Some((id, secret)) = self.basic(identity) else { return Ok(()) };
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Zeroizing::new(format!("{}:{}", encode(id), encode(secret)));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        headers.insert(
            AUTHORIZATION,
            sensitive(&value)
                .ok_or_else(|| config(&self.name, "cannot write the client's id and secret into a header"))?,
        );
        Ok(())
    }

    fn refresh_headers<'a>(&self, blank: &dyn Fn(&str) -> Option<&'a str>) -> Result<HeaderMap, Failure> {
        let mut headers = plain_headers(self.refresh.encoding);
        for (header, template) in &self.refresh.headers {
            let value = sensitive(&self.filled(template, blank)?);
            let pair = header.name().zip(value);
            let (name, value) = pair.ok_or_else(|| {
                config(
                    &self.name,
                    &format!(
                        "cannot send the header `{}`: its value has a line break or the like in it",
                        header.0
                    ),
                )
            })?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn written(&self, fields: &Fields) -> Result<Secret, Failure> {
        match self.refresh.encoding {
            Encoding::Form => Ok(fields.form()),
            Encoding::Json => fields.json(&self.name),
            Encoding::Graphql => fields.graphql(&self.name, &self.refresh.document),
        }
    }

    fn method(&self) -> Method {
        match self.refresh.method {
            RefreshMethod::Post => Method::POST,
            RefreshMethod::Put => Method::PUT,
            RefreshMethod::Patch => Method::PATCH,
        }
    }
}

/// The fields of a request, in the order in which they are sent.
#[derive(Default)]
struct Fields(Vec<(String, Field)>);

enum Field {
    Text(Zeroizing<String>),
    Plain(Scalar),
}

impl Fields {
    /// A field without a name or a value is not sent (RFC 6749 section 3.2).
    fn text(&mut self, name: &str, value: &str) {
        if !name.is_empty() && !value.is_empty() {
            self.add(name, Field::Text(Zeroizing::new(value.to_owned())));
        }
    }

    fn add(&mut self, name: &str, field: Field) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), field));
    }

    fn form(&self) -> Secret {
        // Room for everything escaped: a buffer that grows would leave copies behind.
        let room = self.0.iter().map(|(name, field)| 3 * (name.len() + field.text().len()) + 2).sum();
        let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(room));
        for (name, field) in &self.0 {
            form.append_pair(name, &field.text());
        }
        Secret::new(form.finish())
    }

    fn json(&self, dialect: &str) -> Result<Secret, Failure> {
        written(dialect, &self.members())
    }

    fn graphql(&self, dialect: &str, document: &str) -> Result<Secret, Failure> {
        #[derive(serde::Serialize)]
        struct Request<'a> {
            query: &'a str,
            variables: BTreeMap<&'a str, Member<'a>>,
        }
        written(dialect, &Request { query: document, variables: self.members() })
    }

    fn members(&self) -> BTreeMap<&str, Member<'_>> {
        self.0.iter().map(|(name, field)| (name.as_str(), field.member())).collect()
    }
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Plain(Value),
}

impl Field {
    fn text(&self) -> Zeroizing<String> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Plain(scalar) => Zeroizing::new(scalar.text()),
        }
    }

    fn member(&self) -> Member<'_> {
        match self {
            Self::Text(text) => Member::Text(text),
            Self::Plain(Scalar::Number(number)) => Member::Plain(Value::Number(number.clone())),
            Self::Plain(Scalar::Bool(yes)) => Member::Plain(Value::Bool(*yes)),
            Self::Plain(Scalar::Text(text)) => Member::Text(text),
        }
    }
}

fn written(dialect: &str, body: &impl serde::Serialize) -> Result<Secret, Failure> {
    serde_json::to_string(body)
        .map(Secret::new)
        .map_err(|_| config(dialect, "cannot write its token request as JSON"))
}

fn plain_headers(encoding: Encoding) -> HeaderMap {
    let (content, accept) = match encoding {
        Encoding::Form => ("application/x-www-form-urlencoded", "application/json"),
        Encoding::Json => ("application/json", "application/json"),
        Encoding::Graphql => ("application/json", "application/graphql-response+json, application/json"),
    };
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(content)),
        (ACCEPT, HeaderValue::from_static(accept)),
    ])
}

/// A header value that Debug does not show.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn config(dialect: &str, what: &str) -> Failure {
    Failure::new(ErrorKind::InvalidConfig, format!("dialect {dialect} {what}"))
}
