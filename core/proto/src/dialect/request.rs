//! Requests to a token endpoint: for a grant, and a revocation (RFC 6749 sections 4.4 and 6, RFC 7009).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use super::config_error::{config, missing};
use super::fields::{Field, Fields};
use super::file::{ClientAuth, Encoding, Extra, GrantSection, Header, RefreshCredential, Spec, TokenMethod};
use super::template::Template;
use super::token_text::is_cookie_value;
use super::{ClientIdentity, TokenRequest};
use crate::credential::Secret;
use crate::error::Failure;
use crate::grant::GrantRequest;
use crate::sign_in::SignInGrant;

/// A sign-in has no earlier tokens, so no extra values.
static NOTHING: BTreeMap<String, String> = BTreeMap::new();

impl Spec {
    pub(super) fn token_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<TokenRequest, Failure> {
        let (section, _) = self.section(grant)?;
        self.asking_with(&section.document, identity, grant)
    }

    /// A refresh with the document for servers that lack a field of the first one.
    pub(super) fn fallback_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<Option<TokenRequest>, Failure> {
        let (section, _) = self.section(grant)?;
        let document = section.fallback_document.as_ref();
        document.map(|document| self.asking_with(document, identity, grant)).transpose()
    }

    fn asking_with(
        &self,
        document: &str,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<TokenRequest, Failure> {
        let (section, extra) = self.section(grant)?;
        let blank =
            |name: &str| self.variable(identity, name).or_else(|| extra.get(name).map(String::as_str));
        let mut url = self.token_url(identity)?;
        for query in [&section.query, &self.token_endpoint.query] {
            self.extend_query(&mut url, query, &blank)?;
        }
        let fields = self.fields(identity, grant, section, &blank)?;
        let mut headers = plain_headers(self.token_endpoint.encoding);
        for given in [&self.token_endpoint.headers, &section.headers] {
            self.extend_headers(&mut headers, given, &blank)?;
        }
        self.authorize(identity, &mut headers)?;
        if let GrantRequest::RefreshToken { refresh_token, access_token, .. } = grant {
            self.place_refresh_token(refresh_token, &mut headers)?;
            self.place_access_token(access_token.as_ref(), &mut headers)?;
        }
        if self.token_endpoint.encoding == Encoding::Query {
            fields.extend_query(&mut url);
        }
        let with_cookies = matches!(grant, GrantRequest::Cookie { .. });
        Ok(TokenRequest {
            method: self.method(),
            url,
            headers,
            body: self.written(&fields, document)?,
            with_cookies,
        })
    }

    pub(super) fn refreshes_by_cookie(&self) -> bool {
        self.refresh_token.credential == RefreshCredential::Cookie
    }

    /// The access token that is about to be replaced, if there is one.
    fn place_access_token(&self, token: Option<&Secret>, headers: &mut HeaderMap) -> Result<(), Failure> {
        let section = &self.refresh_token;
        let (Some(token), Some(header)) = (token, &section.access_token_header) else { return Ok(()) };
        let text = in_header(header, section.access_token_scheme.as_deref(), token);
        let (name, value) = header.name().zip(sensitive(&text)).ok_or_else(|| {
            let what = "cannot send the old access token in a header: it contains characters that are not allowed there";
            config(&self.name, what)
        })?;
        headers.insert(name, value);
        Ok(())
    }

    fn place_refresh_token(&self, token: &Secret, headers: &mut HeaderMap) -> Result<(), Failure> {
        let section = &self.refresh_token;
        let (name, text) = match (&section.token_header, &section.token_cookie) {
            (None, None) => return Ok(()),
            (Some(header), _) => (header.name(), in_header(header, section.token_scheme.as_deref(), token)),
            (None, Some(cookie)) => {
                let token = token.expose();
                let others = headers.get(COOKIE).and_then(|value| value.to_str().ok());
                let before = others.map_or_else(String::new, |others| format!("{others}; "));
                let name = is_cookie_value(token).then_some(COOKIE);
                (name, Zeroizing::new(format!("{before}{cookie}={token}")))
            }
        };
        let (name, value) = name.zip(sensitive(&text)).ok_or_else(|| {
            let what = "cannot send this refresh token in a header or cookie: it contains characters that are not allowed there";
            config(&self.name, what)
        })?;
        headers.insert(name, value);
        Ok(())
    }

    /// The dialect's section for this grant, and the extra values of the last grant.
    fn section<'a>(
        &'a self,
        grant: &'a GrantRequest,
    ) -> Result<(&'a GrantSection, &'a BTreeMap<String, String>), Failure> {
        match grant {
            GrantRequest::RefreshToken { extra, .. } | GrantRequest::Cookie { extra } => {
                Ok((&self.refresh_token, extra))
            }
            GrantRequest::ClientCredentials { extra, .. } => {
                self.grants_client_credentials()?;
                Ok((&self.client_credentials, extra))
            }
            GrantRequest::SignIn(grant) => match &**grant {
                SignInGrant::AuthorizationCode { .. } => Ok((&self.authorization_code, &NOTHING)),
                SignInGrant::DeviceCode { .. } => Ok((&self.device_code, &NOTHING)),
                SignInGrant::TokenExchange { .. } => Ok((&self.token_exchange, &NOTHING)),
                SignInGrant::JwtBearer { .. } => Ok((&self.jwt_bearer, &NOTHING)),
                SignInGrant::Password { .. } => Ok((&self.password_grant, &NOTHING)),
            },
            GrantRequest::Custom(_) => {
                Err(config(&self.name, "sends no token request: the session has a refresh function"))
            }
        }
    }

    /// Fails if the dialect does not support the grant.
    pub(super) fn grants_client_credentials(&self) -> Result<(), Failure> {
        if self.token_endpoint.encoding == Encoding::Graphql && self.client_credentials.document.is_empty() {
            let what = "cannot ask for client credentials: give its [client_credentials] a `document`, or take \
                        another dialect";
            return Err(config(&self.name, what));
        }
        Ok(())
    }

    pub(super) fn revoke_request(
        &self,
        identity: &ClientIdentity,
        token: &Secret,
    ) -> Result<Option<TokenRequest>, Failure> {
        let Some(url) = self.revoke_url(identity)? else { return Ok(None) };
        let mut fields = Fields::default();
        // A cookie identifies by itself what is to be revoked.
        let with_cookies = self.refreshes_by_cookie();
        if !with_cookies {
            fields.text(self.revoke.as_ref().map_or("token", |revoke| &revoke.field), token.expose());
            fields.text("token_type_hint", "refresh_token");
        }
        self.client_fields(identity, &mut fields);
        let mut headers = plain_headers(Encoding::Form);
        self.authorize(identity, &mut headers)?;
        Ok(Some(TokenRequest { method: Method::POST, url, headers, body: fields.form(), with_cookies }))
    }

    fn extend_query<'a>(
        &self,
        url: &mut Url,
        query: &BTreeMap<String, Template>,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<(), Failure> {
        for (name, template) in query {
            // The user's token URL may already contain it.
            if url.query_pairs().all(|(given, _)| given != name.as_str()) {
                let value = self.filled(template, blank)?;
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        Ok(())
    }

    fn fields<'a>(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
        section: &GrantSection,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<Fields, Failure> {
        let mut fields = Fields::default();
        self.grant_fields(grant, section, &mut fields);
        self.client_fields(identity, &mut fields);
        for (name, extra) in self.token_endpoint.extra.iter().chain(&section.extra) {
            fields.add(name, self.extra(extra, blank)?);
        }
        if let GrantRequest::ClientCredentials { request, .. } = grant {
            request.parameters.iter().for_each(|(name, value)| fields.text(name, value));
        }
        Ok(fields)
    }

    fn grant_fields(&self, grant: &GrantRequest, section: &GrantSection, fields: &mut Fields) {
        let (names, encoding) = (&self.token_endpoint.names, self.token_endpoint.encoding);
        let said = section.grant_type.as_deref();
        match grant {
            GrantRequest::RefreshToken { refresh_token, scope, access_token, .. } => {
                let usual = if encoding == Encoding::Form { "refresh_token" } else { "" };
                fields.text(&names.grant_type, said.unwrap_or(usual));
                if section.token_header.is_none() && section.token_cookie.is_none() {
                    fields.text(&names.refresh_token, refresh_token.expose());
                }
                fields.text(&names.access_token, access_token.as_ref().map_or("", Secret::expose));
                fields.text(&names.scope, scope.as_deref().unwrap_or_default());
            }
            GrantRequest::Cookie { .. } => {
                let usual = if encoding == Encoding::Form { "refresh_token" } else { "" };
                fields.text(&names.grant_type, said.unwrap_or(usual));
            }
            GrantRequest::ClientCredentials { request, .. } => {
                let usual = if encoding == Encoding::Graphql { "" } else { "client_credentials" };
                fields.text(&names.grant_type, said.unwrap_or(usual));
                fields.text(&names.scope, request.scope.as_deref().unwrap_or_default());
                fields.text(&names.audience, request.audience.as_deref().unwrap_or_default());
                fields.several(&names.resource, &request.resource);
            }
            GrantRequest::SignIn(grant) => self.sign_in_fields(grant, said, fields),
            GrantRequest::Custom(_) => {}
        }
    }

    fn sign_in_fields(&self, grant: &SignInGrant, said: Option<&str>, fields: &mut Fields) {
        let (names, encoding) = (&self.token_endpoint.names, self.token_endpoint.encoding);
        let is_own = matches!(grant, SignInGrant::Password { .. }) && encoding != Encoding::Form;
        let usual = if encoding == Encoding::Graphql || is_own { "" } else { grant.grant_type() };
        fields.text(&names.grant_type, said.unwrap_or(usual));
        match grant {
            SignInGrant::AuthorizationCode { code, redirect_uri, code_verifier, resource } => {
                fields.text(&names.code, code.expose());
                fields.text(&names.redirect_uri, redirect_uri);
                fields.text(&names.code_verifier, code_verifier.expose());
                fields.several(&names.resource, resource);
            }
            SignInGrant::DeviceCode { device_code } => fields.text("device_code", device_code.expose()),
            SignInGrant::TokenExchange { subject_token, subject_token_type, audience, resource, scope } => {
                fields.text("subject_token", subject_token.expose());
                fields.text("subject_token_type", subject_token_type);
                fields.text(&names.audience, audience.as_deref().unwrap_or_default());
                fields.several(&names.resource, resource);
                fields.text(&names.scope, scope.as_deref().unwrap_or_default());
            }
            SignInGrant::JwtBearer { assertion, scope } => {
                fields.text("assertion", assertion.expose());
                fields.text(&names.scope, scope.as_deref().unwrap_or_default());
            }
            SignInGrant::Password { username, password, scope } => {
                let own = self.password.as_ref().map(|section| section.names.clone()).unwrap_or_default();
                fields.text(&own.username, username);
                fields.text(&own.password, password.expose());
                fields.text(&names.scope, scope.as_deref().unwrap_or_default());
            }
        }
    }

    /// The dialect for signing in with a password.
    pub(super) fn for_password(&self) -> Result<Self, Failure> {
        let section = self.password.clone().ok_or_else(|| {
            let what = "has no sign-in with a password ([password]): let the user sign in with a browser or a device \
                        code; for an API of your own, describe it in a dialect file";
            config(&self.name, what)
        })?;
        let mut spec = self.clone();
        spec.token_endpoint.url = section.url.or(spec.token_endpoint.url);
        spec.token_endpoint.encoding = section.encoding.unwrap_or(spec.token_endpoint.encoding);
        spec.answer = section.answer.unwrap_or(spec.answer);
        spec.password_grant = GrantSection {
            grant_type: section.grant_type,
            document: section.document,
            query: section.query,
            extra: section.extra,
            headers: section.headers,
            ..GrantSection::default()
        };
        Ok(spec)
    }

    /// A form with client authentication, for endpoints other than the token endpoint.
    pub(super) fn client_form(
        &self,
        identity: &ClientIdentity,
        url: Url,
        given: &[(String, String)],
    ) -> Result<TokenRequest, Failure> {
        let mut fields = Fields::default();
        let names: BTreeSet<_> = given.iter().map(|(name, _)| name).collect();
        for name in names {
            let values: Vec<_> =
                given.iter().filter(|(other, _)| other == name).map(|(_, value)| value.clone()).collect();
            fields.several(name, &values);
        }
        self.client_fields(identity, &mut fields);
        let mut headers = plain_headers(Encoding::Form);
        self.authorize(identity, &mut headers)?;
        Ok(TokenRequest { method: Method::POST, url, headers, body: fields.form(), with_cookies: false })
    }

    fn extra<'a>(&self, extra: &Extra, blank: &dyn Fn(&str) -> Option<&'a str>) -> Result<Field, Failure> {
        match extra {
            Extra::Text(template) => Ok(Field::Text(Zeroizing::new(self.filled(template, blank)?))),
            Extra::Plain(scalar) => Ok(Field::Plain(scalar.clone())),
        }
    }

    pub(super) fn filled<'a>(
        &self,
        template: &Template,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<String, Failure> {
        template.fill(blank).map_err(|name| missing(&self.name, name))
    }

    fn client_fields(&self, identity: &ClientIdentity, fields: &mut Fields) {
        if self.basic(identity).is_some() {
            return;
        }
        fields.text(&self.token_endpoint.names.client_id, identity.client_id.as_deref().unwrap_or_default());
        match self.token_endpoint.client_auth {
            ClientAuth::ClientSecretPost => fields.text(
                &self.token_endpoint.names.client_secret,
                identity.client_secret.as_ref().map_or("", Secret::expose),
            ),
            ClientAuth::PrivateKeyJwt | ClientAuth::ClientSecretJwt => {
                fields
                    .text("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                fields
                    .text("client_assertion", identity.client_assertion.as_ref().map_or("", Secret::expose));
            }
            ClientAuth::None | ClientAuth::ClientSecretBasic => {}
        }
    }

    /// The user name and password of HTTP Basic, if the client authenticates that way.
    fn basic<'a>(&self, identity: &'a ClientIdentity) -> Option<(&'a str, &'a str)> {
        let (id, secret) = (identity.client_id.as_deref()?, identity.client_secret.as_ref()?);
        (self.token_endpoint.client_auth == ClientAuth::ClientSecretBasic).then_some((id, secret.expose()))
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

    fn extend_headers<'a>(
        &self,
        headers: &mut HeaderMap,
        given: &BTreeMap<Header, Template>,
        blank: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<(), Failure> {
        for (header, template) in given {
            let value = sensitive(&self.filled(template, blank)?);
            let (name, value) = header.name().zip(value).ok_or_else(|| {
                let what = "its value contains a line break or another character that is not allowed there";
                config(&self.name, &format!("cannot send the header `{}`: {what}", header.0))
            })?;
            headers.insert(name, value);
        }
        Ok(())
    }

    fn written(&self, fields: &Fields, document: &str) -> Result<Secret, Failure> {
        match self.token_endpoint.encoding {
            Encoding::Form => Ok(fields.form()),
            Encoding::Json => fields.json(&self.name),
            Encoding::Graphql => fields.graphql(&self.name, document),
            Encoding::Query => Ok(Secret::new(String::new())),
        }
    }

    fn method(&self) -> Method {
        match self.token_endpoint.method {
            TokenMethod::Post => Method::POST,
            TokenMethod::Put => Method::PUT,
            TokenMethod::Patch => Method::PATCH,
            TokenMethod::Get => Method::GET,
        }
    }
}

fn plain_headers(encoding: Encoding) -> HeaderMap {
    let (content, accept) = match encoding {
        Encoding::Query => {
            return HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        }
        Encoding::Form => ("application/x-www-form-urlencoded", "application/json"),
        Encoding::Json => ("application/json", "application/json"),
        Encoding::Graphql => ("application/json", "application/graphql-response+json, application/json"),
    };
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(content)),
        (ACCEPT, HeaderValue::from_static(accept)),
    ])
}

fn in_header(header: &Header, scheme: Option<&str>, token: &Secret) -> Zeroizing<String> {
    let usual = if header.0 == "authorization" { "Bearer" } else { "" };
    Zeroizing::new(match scheme.unwrap_or(usual) {
        "" => token.expose().to_owned(),
        scheme => format!("{scheme} {}", token.expose()),
    })
}

/// A header value that Debug does not show.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
