//! The profile file: who asks whom, and where the credential is kept. Every mistake names file, line and field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rekindle::ClientAuth;
use rekindle::client::ClientBuilder;
use rekindle::sign_in::{ServerMetadata, SignIn};
use rekindle::store::FileStore;
use rekindle::transport::{ClientCertificate, ProxyChoice, ReqwestTransport, TransportOptions};
use rekindle::{Client, ClientCredentials, Rotation, Secret, Session, SigningKey};
use rekindle::{Dialect, Failure};
use rekindle_proto::dialect::{Document, Mistake};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use url::Url;

use crate::config_file::{ConfigFile, EXAMPLE};
use crate::exit::{Done, Stop};
use crate::trust;

/// A profile, read and complete; nothing has been opened yet.
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) store: PathBuf,
    pub(crate) file: ConfigFile,
    document: Document,
    fields: Fields,
    /// The fields that the command line has set, and by which option.
    overridden: Vec<(&'static str, &'static str)>,
}

/// What the command line says of how requests travel; it goes before what the profile says.
#[derive(Default)]
pub(crate) struct Travel {
    /// Empty for none.
    pub(crate) proxy: Option<String>,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_certificate_key: Option<PathBuf>,
}

/// All profiles of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    #[serde(default)]
    profile: BTreeMap<String, Fields>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    dialect: String,
    base_url: Option<String>,
    graphql_path: Option<String>,
    token_url: Option<String>,
    authorization_url: Option<String>,
    /// What the server says of itself.
    server: Option<ServerMetadata>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    /// What the tokens of a sign-in are for (RFC 8707).
    #[serde(default)]
    resource: Vec<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_secret_env: Option<String>,
    /// Files with private keys, beside the profile file.
    client_key: Option<PathBuf>,
    client_key_id: Option<String>,
    dpop_key: Option<PathBuf>,
    require_dpop: Option<bool>,
    store: Option<PathBuf>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    insecure_origins: Vec<String>,
    #[serde(default, deserialize_with = "rotation")]
    rotation: Option<Rotation>,
    client_auth: Option<ClientAuth>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    /// Certificates in files beside the profile file.
    root_certificates: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    /// Left out: the key is in the file of the certificate.
    client_certificate_key: Option<PathBuf>,
    /// A URL, or `none`.
    proxy: Option<String>,
    http2: Option<bool>,
    user_agent: Option<String>,
    connect_timeout_seconds: Option<f64>,
    client_credentials: Option<AskedFor>,
}

/// What the client asks for on its own behalf.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AskedFor {
    scope: Option<String>,
    audience: Option<String>,
    resource: Vec<String>,
    parameters: BTreeMap<String, String>,
}

/// What an error of the core may name; the dialect is read here.
const FIELDS: [&str; 24] = [
    "resource",
    "server",
    "authorization_url",
    "redirect_uri",
    "scope",
    "client_credentials",
    "base_url",
    "graphql_path",
    "token_url",
    "client_id",
    "client_secret",
    "client_secret_env",
    "client_key",
    "dpop_key",
    "store",
    "origins",
    "insecure_origins",
    "rotation",
    "client_auth",
    "variables",
    "root_certificates",
    "client_certificate",
    "proxy",
    "user_agent",
];

/// Of the environment, a file that was only found may name these.
const OWN_VARIABLES: &str = "REKINDLE_";

impl Profiles {
    pub(crate) fn read(file: &ConfigFile) -> Done<Self> {
        Self::parse(file).map(|(_, profiles)| profiles)
    }

    fn parse(file: &ConfigFile) -> Done<(Document, Self)> {
        let document = Document::parse(&file.text).map_err(|mistake| misread(file, &mistake))?;
        let profiles = document.read().map_err(|mistake| misread(file, &mistake))?;
        Ok((document, profiles))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.profile.keys().cloned().collect()
    }

    /// The dialects that are files in the folder of this one.
    pub(crate) fn dialect_files(&self, file: &ConfigFile) -> Vec<PathBuf> {
        let named = self.profile.values().map(|fields| fields.dialect.as_str()).filter(|name| is_file(name));
        let there = named.filter_map(|name| file.beside(Path::new(name)).canonicalize().ok());
        let mut files: Vec<_> = there.filter(|path| file.encloses(path)).collect();
        files.sort();
        files.dedup();
        files
    }

    /// What decides where tokens go, for somebody who is asked for consent.
    pub(crate) fn summary(&self) -> BTreeMap<&str, BTreeMap<&'static str, String>> {
        self.profile.iter().map(|(name, fields)| (name.as_str(), fields.summary())).collect()
    }
}

impl Fields {
    fn summary(&self) -> BTreeMap<&'static str, String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let list = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
        let given = [
            ("dialect", Some(self.dialect.clone())),
            ("base_url", self.base_url.clone()),
            ("token_url", self.token_url.clone()),
            ("client_id", self.client_id.clone()),
            ("client_secret_env", self.client_secret_env.clone()),
            ("client_key", path(&self.client_key)),
            ("dpop_key", path(&self.dpop_key)),
            ("store", path(&self.store)),
            ("origins", list(&self.origins)),
            ("insecure_origins", list(&self.insecure_origins)),
            ("proxy", self.proxy.clone()),
            ("root_certificates", path(&self.root_certificates)),
            ("client_certificate", path(&self.client_certificate)),
            ("root_certificates", path(&self.root_certificates)),
            ("client_certificate", path(&self.client_certificate)),
            ("client_certificate_key", path(&self.client_certificate_key)),
            ("proxy", self.proxy.clone()),
            (
                "client_credentials",
                self.client_credentials.as_ref().map(|asked| format!("{:?}", asked.request())),
            ),
            ("variables", (!self.variables.is_empty()).then(|| format!("{:?}", self.variables))),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl AskedFor {
    fn request(&self) -> ClientCredentials {
        let mut request = ClientCredentials::new();
        request.scope.clone_from(&self.scope);
        request.audience.clone_from(&self.audience);
        request.resource.clone_from(&self.resource);
        request.parameters.clone_from(&self.parameters);
        request
    }
}

impl Profile {
    /// The profile of that name, or the only one of the file.
    pub(crate) fn find(file: ConfigFile, name: Option<&str>) -> Done<Self> {
        let profile = Self::parse(file, name)?;
        profile.file.require_consent()?;
        profile.confine()?;
        Ok(profile)
    }

    fn parse(file: ConfigFile, name: Option<&str>) -> Done<Self> {
        let (document, mut profiles) = Profiles::parse(&file)?;
        let name = choose(&profiles, &file, name)?;
        let fields = profiles.profile.remove(&name).ok_or_else(|| no_profile(&file))?;
        let store = store(&file, &name, fields.store.as_deref());
        let profile = Self { name, store, file, document, fields, overridden: Vec::new() };
        profile.check()?;
        Ok(profile)
    }

    /// The same profile with what the command line says. Its paths are the user's own: they may lie anywhere.
    pub(crate) fn travelling(mut self, given: &Travel) -> Self {
        let fields = &mut self.fields;
        let here = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if let Some(proxy) = &given.proxy {
            fields.proxy = Some(match proxy.as_str() {
                "" => "none".to_owned(),
                proxy if proxy.contains("://") => proxy.to_owned(),
                // As curl reads it.
                proxy => format!("http://{proxy}"),
            });
            self.overridden.push(("proxy", "-x"));
        }
        if let Some(path) = &given.root_certificates {
            fields.root_certificates = Some(here(path));
            self.overridden.push(("root_certificates", "--cacert"));
        }
        if let Some(path) = &given.client_certificate {
            fields.client_certificate = Some(here(path));
            fields.client_certificate_key = given.client_certificate_key.as_ref().map(here);
            self.overridden.push(("client_certificate", "--cert"));
            let key = if given.client_certificate_key.is_some() { "--key" } else { "--cert" };
            self.overridden.push(("client_certificate_key", key));
        }
        self
    }

    /// Even with consent, a file that was found gets at nothing outside of its folder.
    fn confine(&self) -> Done {
        if !self.file.was_found() {
            return Ok(());
        }
        let fields = &self.fields;
        let dialect = Some(PathBuf::from(&fields.dialect)).filter(|_| is_file(&fields.dialect));
        self.confine_path("store", FileStore::new(&self.store).path())?;
        for (field, path) in [
            ("client_key", &fields.client_key),
            ("dpop_key", &fields.dpop_key),
            ("root_certificates", &fields.root_certificates),
            ("client_certificate", &fields.client_certificate),
            ("client_certificate_key", &fields.client_certificate_key),
            ("dialect", &dialect),
        ] {
            // What is not there is named when it is read.
            if let Some(Ok(resolved)) = path.as_ref().map(|path| self.file.beside(path).canonicalize()) {
                self.confine_path(field, &resolved)?;
            }
        }
        match &fields.client_secret_env {
            Some(name) if !name.starts_with(OWN_VARIABLES) => {
                let what = format!(
                    "a file that was only found in a folder may name variables that begin with {OWN_VARIABLES}; \
                     rename {name}, or name the file with --config"
                );
                Err(self.mistake("client_secret_env", &what))
            }
            _ => Ok(()),
        }
    }

    fn confine_path(&self, field: &str, resolved: &Path) -> Done {
        if self.file.encloses(resolved) {
            return Ok(());
        }
        let what = format!(
            "{} is outside of the folder of a file that was only found there; keep it inside, or name the file \
             with --config",
            resolved.display()
        );
        Err(self.mistake(field, &what))
    }

    /// The session, that nothing has been read for yet. It never refreshes in the background: a command ends too soon.
    pub(crate) fn session(&self) -> Done<Session> {
        let fields = &self.fields;
        let mut builder = Session::builder(self.dialect()?)
            .background(false)
            .strict_binding(true)
            .require_dpop(fields.require_dpop.unwrap_or(true))
            .store(FileStore::new(&self.store))
            .origins(self.fields.base_url.iter().chain(&fields.origins));
        if let Some(secret) = self.secret()? {
            builder = builder.client_secret(secret);
        }
        if let Some(key) = self.key("client_key", fields.client_key.as_deref())? {
            builder = builder.client_key(match &fields.client_key_id {
                Some(id) => key.key_id(id),
                None => key,
            });
        }
        if let Some(key) = self.key("dpop_key", fields.dpop_key.as_deref())? {
            builder = builder.dpop_key(key);
        }
        if let Some(transport) = self.transport()? {
            builder = builder.transport(transport);
        }
        if let Some(url) = &fields.token_url {
            builder = builder.token_url(url);
        }
        if let Some(server) = &fields.server {
            builder = builder.server(server.clone());
        }
        if let Some(url) = &fields.authorization_url {
            builder = builder.authorization_url(url);
        }
        if let Some(id) = &fields.client_id {
            builder = builder.client_id(id);
        }
        if let Some(rotation) = fields.rotation {
            builder = builder.rotation(rotation);
        }
        if let Some(auth) = fields.client_auth {
            builder = builder.client_auth(auth);
        }
        if let Some(asked) = &fields.client_credentials {
            builder = builder.client_credentials(asked.request());
        }
        builder = fields.insecure_origins.iter().fold(builder, |builder, one| builder.insecure_origin(one));
        builder =
            fields.variables.iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
        builder.build().map_err(|error| self.located(error.failure()))
    }

    /// How requests travel, those for tokens too; nothing where the profile does not say.
    fn transport(&self) -> Done<Option<ReqwestTransport>> {
        let fields = &self.fields;
        let key = fields.client_certificate_key.as_ref().or(fields.client_certificate.as_ref());
        let roots = self.pem("root_certificates", fields.root_certificates.as_deref())?;
        let chain = self.pem("client_certificate", fields.client_certificate.as_deref())?;
        let key = self.pem("client_certificate_key", key.map(PathBuf::as_path))?;
        let plain = roots.is_none() && chain.is_none() && key.is_none() && fields.proxy.is_none();
        if plain
            && fields.http2.is_none()
            && fields.user_agent.is_none()
            && fields.connect_timeout_seconds.is_none()
        {
            return Ok(None);
        }
        let defaults = TransportOptions::default();
        let own = match (chain, key) {
            (Some(chain), Some(key)) => Some(ClientCertificate { chain, key }),
            (None, Some(_)) => {
                let what = "needs client_certificate as well: name the certificate that belongs to the key";
                return Err(self.mistake("client_certificate_key", what));
            }
            _ => None,
        };
        let options = TransportOptions {
            extra_root_certificates: roots.into_iter().collect(),
            client_certificate: own,
            proxy: self.proxy()?,
            http2: fields.http2.unwrap_or(defaults.http2),
            user_agent: fields.user_agent.clone().unwrap_or(defaults.user_agent),
            connect_timeout: self.connect_timeout()?.unwrap_or(defaults.connect_timeout),
            max_idle_connections: defaults.max_idle_connections,
            idle_timeout: defaults.idle_timeout,
        };
        let made = ReqwestTransport::new(options);
        made.map(Some).map_err(|error| match error.argument() {
            Some("extra_root_certificates[0]") => self.located(error.renamed("root_certificates").failure()),
            _ => self.located(error.failure()),
        })
    }

    fn proxy(&self) -> Done<ProxyChoice> {
        match self.fields.proxy.as_deref() {
            None => Ok(ProxyChoice::System),
            Some("none") => Ok(ProxyChoice::None),
            Some(url) => Url::parse(url)
                .map(ProxyChoice::Url)
                .map_err(|error| self.mistake("proxy", &format!("is neither a URL ({error}) nor `none`"))),
        }
    }

    fn connect_timeout(&self) -> Done<Option<Duration>> {
        let Some(seconds) = self.fields.connect_timeout_seconds else { return Ok(None) };
        match Duration::try_from_secs_f64(seconds) {
            Ok(timeout) if !timeout.is_zero() => Ok(Some(timeout)),
            _ => Err(self.mistake("connect_timeout_seconds", "must be a number of seconds above 0")),
        }
    }

    fn pem(&self, field: &str, path: Option<&Path>) -> Done<Option<Vec<u8>>> {
        let Some(path) = path.map(|path| self.file.beside(path)) else { return Ok(None) };
        let read = std::fs::read(&path);
        read.map(Some)
            .map_err(|error| self.mistake(field, &format!("{} cannot be read ({error})", path.display())))
    }

    /// Where the paths of requests begin.
    pub(crate) fn base_url(&self) -> Option<&str> {
        self.fields.base_url.as_deref()
    }

    /// Nobody signs in: the client asks for tokens on its own behalf.
    pub(crate) fn needs_no_sign_in(&self) -> bool {
        self.fields.client_credentials.is_some()
    }

    /// What a sign-in asks for.
    pub(crate) fn sign_in(&self) -> SignIn {
        let mut asked = SignIn::new();
        asked.redirect_uri.clone_from(&self.fields.redirect_uri);
        asked.scope.clone_from(&self.fields.scope);
        asked.resource.clone_from(&self.fields.resource);
        asked
    }

    /// The client of a session.
    pub(crate) fn client(&self, session: Session) -> Done<Client> {
        self.client_with(session, |builder| builder)
    }

    /// The same, with settings of the caller's.
    pub(crate) fn client_with(
        &self,
        session: Session,
        set: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Done<Client> {
        let mut builder = Client::builder(session);
        if let Some(url) = &self.fields.base_url {
            builder = builder.base_url(url);
        }
        if let Some(path) = &self.fields.graphql_path {
            builder = builder.graphql_path(path);
        }
        set(builder).build().map_err(|error| self.located(error.failure()))
    }

    fn check(&self) -> Done {
        if self.fields.client_secret.is_some() && self.fields.client_secret_env.is_some() {
            return Err(self.mistake("client_secret_env", "client_secret is given as well: keep one of them"));
        }
        // Told here, because the core calls it an origin.
        match self.fields.base_url.as_deref().and_then(odd_url) {
            Some(what) => Err(self.mistake("base_url", &what)),
            None => Ok(()),
        }
    }

    fn dialect(&self) -> Done<Dialect> {
        let name = &self.fields.dialect;
        if !is_file(name) {
            return Dialect::preset(name).map_err(|failure| self.mistake("dialect", &failure.message));
        }
        let path = self.file.beside(Path::new(name));
        let unreadable = |error: std::io::Error| {
            self.mistake("dialect", &format!("{} cannot be read ({error})", path.display()))
        };
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let resolved = path.canonicalize().map_err(unreadable)?;
        if self.file.was_found() && !trust::is_trusted(&resolved, &text) {
            let what = "is not trusted, or has changed since: read it, then allow it with rekindle trust";
            return Err(self.mistake("dialect", &format!("{} {what}", path.display())));
        }
        Ok(Dialect::from_toml(&text, &path.display().to_string())?)
    }

    fn secret(&self) -> Done<Option<Secret>> {
        let Some(name) = &self.fields.client_secret_env else { return Ok(self.fields.client_secret.clone()) };
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Some(value.into())),
            _ => {
                let what =
                    format!("the environment variable {name} is not set: set it to the client's secret");
                Err(self.mistake("client_secret_env", &what))
            }
        }
    }

    fn key(&self, field: &str, path: Option<&Path>) -> Done<Option<SigningKey>> {
        let Some(path) = path else { return Ok(None) };
        let path = self.file.beside(path);
        let pem = std::fs::read_to_string(&path)
            .map_err(|error| self.mistake(field, &format!("{} cannot be read ({error})", path.display())))?;
        let key = SigningKey::from_pem(&pem);
        key.map(Some)
            .map_err(|error| self.mistake(field, &format!("{}: {}", path.display(), error.message())))
    }

    /// A mistake that the core found, by the field that it names.
    fn located(&self, failure: &Failure) -> Stop {
        let argument = failure.argument.as_deref().unwrap_or_default();
        let field = match argument.split('[').next().unwrap_or_default() {
            // To the core the base URL is the first of the origins.
            "origins" if argument == "origins[0]" && self.fields.base_url.is_some() => "base_url",
            name => FIELDS.into_iter().find(|field| *field == name).unwrap_or_default(),
        };
        let what = if field.is_empty() { &failure.message } else { failure.problem() };
        self.mistake(field, what)
    }

    fn mistake(&self, field: &str, what: &str) -> Stop {
        if let Some((_, option)) = self.overridden.iter().find(|(name, _)| *name == field) {
            return Stop::usage(format!("{option}: {what}"));
        }
        let full = if field.is_empty() { String::new() } else { format!(".{field}") };
        let line = self.document.line(&format!("profile.{}{full}", self.name)).unwrap_or(1);
        let place = format!("{}, line {line}", self.file.display());
        Stop::config(format!("{place}, field `profile.{}{full}`: {what}", self.name))
    }
}

fn odd_url(text: &str) -> Option<String> {
    match Url::parse(text) {
        Err(error) => Some(format!("is not a URL ({error}): write it with its scheme, https://...")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Some("must be an http or https URL".to_owned())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("must not carry user name or password".to_owned())
        }
        Ok(_) => None,
    }
}

fn misread(file: &ConfigFile, mistake: &Mistake) -> Stop {
    let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
    let field = if mistake.field.is_empty() { String::new() } else { format!(", field `{}`", mistake.field) };
    let what = mistake.what.trim().replace('\n', " ");
    Stop::config(format!("{}{line}{field}: {what}; correct it there", file.display()))
}

fn choose(profiles: &Profiles, file: &ConfigFile, name: Option<&str>) -> Done<String> {
    let names: Vec<_> = profiles.profile.keys().map(String::as_str).collect();
    let chosen = match (name, names.as_slice()) {
        (_, []) => return Err(no_profile(file)),
        (Some(name), names) if names.contains(&name) => name,
        (None, [only]) => only,
        (Some(name), names) => {
            return Err(other_profile(file, &format!("there is no profile `{name}`"), names));
        }
        (None, names) => return Err(other_profile(file, "there are several profiles", names)),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if chosen.is_empty() || chosen.starts_with('.') || !chosen.chars().all(is_plain) {
        let what = "its name is used as a file name: use letters, digits, `-` and `_`";
        return Err(Stop::config(format!("{}, field `profile.{chosen}`: {what}", file.display())));
    }
    Ok(chosen.to_owned())
}

fn other_profile(file: &ConfigFile, what: &str, names: &[&str]) -> Stop {
    let names = names.join(", ");
    Stop::config(format!("{}: {what}; name one with --profile or REKINDLE_PROFILE: {names}", file.display()))
}

fn no_profile(file: &ConfigFile) -> Stop {
    Stop::config(format!("{}: there is no profile in it; write {EXAMPLE}", file.display()))
}

/// A dialect by a file, not a preset's name.
fn is_file(dialect: &str) -> bool {
    dialect.ends_with(".toml") || dialect.contains('/')
}

fn store(file: &ConfigFile, name: &str, given: Option<&Path>) -> PathBuf {
    let default = PathBuf::from(format!("{name}.credential.json"));
    file.beside(given.unwrap_or(&default))
}

/// Written as in a dialect file.
fn rotation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rotation>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let dialect = Dialect::from_json(&serde_json::json!({ "rotation": value }));
    let dialect = dialect.map_err(|failure| {
        let what = failure.message.split("`: ").last().unwrap_or_default();
        D::Error::custom(what.split("; correct it").next().unwrap_or(what))
    })?;
    Ok(Some(dialect.rotation()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let done = Profile::find(ConfigFile::named("r.toml", text), Some("school"));
        match done.and_then(|profile| profile.session().map(drop)) {
            Err(Stop::Problem(problem)) => {
                serde_json::to_value(&problem).unwrap()["message"].as_str().unwrap().to_owned()
            }
            _ => panic!("no mistake found in {text}"),
        }
    }

    #[test]
    fn a_mistake_names_file_line_and_field() {
        let cases = [
            (
                "[profile.school]\ndialect = \"json\"\ntoken_uri = \"x\"",
                "r.toml, line 3, field `profile.school.token_uri`",
            ),
            (
                "[profile.school]\ndialect = 5",
                "r.toml, line 2, field `profile.school.dialect`: a number is not valid here",
            ),
            (
                "[profile.school]\ndialect = \"nobody\"",
                "r.toml, line 2, field `profile.school.dialect`: there is no preset",
            ),
            ("[profile.school]\ndialect = \"json\"", "r.toml, line 1, field `profile.school.token_url`"),
            (
                "[profile.school]\ndialect = \"json\"\ntoken_url = \"ftp://x\"",
                "r.toml, line 3, field `profile.school.token_url`",
            ),
            (
                "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test\"\nbase_url = \"http://a.test\"",
                "r.toml, line 4, field `profile.school.base_url`",
            ),
            (
                "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test\"\nrotation = \"often\"",
                "r.toml, line 4, field `profile.school.rotation`",
            ),
            (
                "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test\"\nclient_secret_env = \"REKINDLE_NOT_SET\"",
                "r.toml, line 4, field `profile.school.client_secret_env`",
            ),
            (
                "[profile.school]\ndialect = \"no/such.toml\"",
                "r.toml, line 2, field `profile.school.dialect`",
            ),
            ("[profile.school\n", "r.toml, line 1"),
            ("[profile.other]\ndialect = \"json\"", "r.toml: there is no profile `school`"),
            ("", "r.toml: there is no profile in it"),
        ];
        for (text, expected) in cases {
            let message = message(text);
            assert!(message.starts_with(expected), "{message}\nshould begin with\n{expected}");
        }
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_repeated() {
        let message = message("[profile.school]\ndialect = \"json\"\nclient_secret = 4242424242");
        assert!(!message.contains("4242"), "{message}");
        assert!(
            message.contains("line 3, field `profile.school.client_secret`: a number is not valid"),
            "{message}"
        );
    }

    #[test]
    fn the_store_is_beside_the_file() {
        let file = ConfigFile::named("/etc/r.toml", "");
        assert_eq!(store(&file, "school", None), Path::new("/etc/school.credential.json"));
        assert_eq!(store(&file, "a", Some(Path::new("x/y"))), Path::new("/etc/x/y"));
        assert_eq!(store(&file, "a", Some(Path::new("/abs"))), Path::new("/abs"));
    }
}
