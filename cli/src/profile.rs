//! The profile file: who asks whom, and where the credential is kept. Every mistake names file, line and field.

use std::path::{Path, PathBuf};

use rekindle::client::ClientBuilder;
use rekindle::sign_in::SignIn;
use rekindle::store::FileStore;
use rekindle::{Client, Dialect, Failure, Secret, Session, SigningKey};
use rekindle_proto::dialect::Document;
use url::Url;

use crate::config_file::ConfigFile;
use crate::exit::{Done, Stop};
use crate::trust;

mod confine;
mod file;
mod transport;

pub(crate) use file::Profiles;
use file::{Fields, choose, is_file, no_profile};
pub(crate) use transport::Travel;

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
        self.require_consent_to("dialect", &path, &text)?;
        Ok(Dialect::from_toml(&text, &path.display().to_string())?)
    }

    /// What a file that was only found names, and that decides as much, is used as it was when the user consented.
    fn require_consent_to(&self, field: &str, path: &Path, text: &str) -> Done {
        let is_trusted = || path.canonicalize().is_ok_and(|resolved| trust::is_trusted(&resolved, text));
        if !self.file.was_found() || is_trusted() {
            return Ok(());
        }
        let what = "is not trusted, or has changed since: read it, then allow it with rekindle trust";
        Err(self.mistake(field, &format!("{} {what}", path.display())))
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

fn store(file: &ConfigFile, name: &str, given: Option<&Path>) -> PathBuf {
    let default = PathBuf::from(format!("{name}.credential.json"));
    file.beside(given.unwrap_or(&default))
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
