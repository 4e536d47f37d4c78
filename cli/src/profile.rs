//! The profile file: who asks whom, and where the credential is kept. Every mistake names file, line and field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rekindle::proto::dialect::{Document, Mistake};
use rekindle::proto::{Dialect, Failure};
use rekindle::store::FileStore;
use rekindle::{Client, Rotation, Secret, Session, SigningKey};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use url::Url;

use crate::exit::{Done, Stop};

/// A profile, read and complete; nothing has been opened yet.
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) store: PathBuf,
    file: PathBuf,
    document: Document,
    fields: Fields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
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
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_secret_env: Option<String>,
    /// Files with private keys, beside the profile file.
    client_key: Option<PathBuf>,
    client_key_id: Option<String>,
    dpop_key: Option<PathBuf>,
    store: Option<PathBuf>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    insecure_origins: Vec<String>,
    #[serde(default, deserialize_with = "rotation")]
    rotation: Option<Rotation>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// What a message of the core may name; the dialect is read here.
const FIELDS: [&str; 13] = [
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
    "variables",
];

const EXAMPLE: &str = "[profile.school] with dialect = \"oauth2\", base_url = \"https://api.example.com\" and \
token_url = \"https://auth.example.com/oauth/token\"";

impl Profile {
    /// The profile of that name, or the only one; from that file, or the first of the usual ones.
    pub(crate) fn find(config: Option<&Path>, name: Option<&str>) -> Done<Self> {
        let file = config.map_or_else(usual_file, |path| Ok(path.to_owned()))?;
        let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        Self::parse(&text, &file, name)
    }

    fn parse(text: &str, file: &Path, name: Option<&str>) -> Done<Self> {
        let document = Document::parse(text).map_err(|mistake| misread(file, &mistake))?;
        let mut profiles: Profiles = document.read().map_err(|mistake| misread(file, &mistake))?;
        let name = choose(&profiles, file, name)?;
        let fields = profiles.profile.remove(&name).ok_or_else(|| no_profile(file))?;
        let store = store(file, &name, fields.store.as_deref());
        let profile = Self { name, store, file: file.to_owned(), document, fields };
        profile.check()?;
        Ok(profile)
    }

    /// The session, that nothing has been read for yet. It never refreshes in the background: a command ends too soon.
    pub(crate) fn session(&self) -> Done<Session> {
        let fields = &self.fields;
        let mut builder = Session::builder(self.dialect()?)
            .background(false)
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
        if let Some(url) = &fields.token_url {
            builder = builder.token_url(url);
        }
        if let Some(id) = &fields.client_id {
            builder = builder.client_id(id);
        }
        if let Some(rotation) = fields.rotation {
            builder = builder.rotation(rotation);
        }
        builder = fields.insecure_origins.iter().fold(builder, |builder, one| builder.insecure_origin(one));
        builder =
            fields.variables.iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
        builder.build().map_err(|error| self.located(error.failure()))
    }

    /// The client of a session.
    pub(crate) fn client(&self, session: Session) -> Done<Client> {
        let mut builder = Client::builder(session);
        if let Some(url) = &self.fields.base_url {
            builder = builder.base_url(url);
        }
        if let Some(path) = &self.fields.graphql_path {
            builder = builder.graphql_path(path);
        }
        builder.build().map_err(|error| self.located(error.failure()))
    }

    fn check(&self) -> Done {
        if self.fields.client_secret.is_some() && self.fields.client_secret_env.is_some() {
            return Err(self.mistake("client_secret_env", "client_secret is given, too: keep one of them"));
        }
        // Told here, because the core calls it an origin.
        match self.fields.base_url.as_deref().and_then(odd_url) {
            Some(what) => Err(self.mistake("base_url", &what)),
            None => Ok(()),
        }
    }

    fn dialect(&self) -> Done<Dialect> {
        let name = &self.fields.dialect;
        if !name.ends_with(".toml") && !name.contains('/') {
            return Dialect::preset(name).map_err(|failure| self.mistake("dialect", &failure.message));
        }
        let path = beside(&self.file, Path::new(name));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            self.mistake("dialect", &format!("{} cannot be read ({error})", path.display()))
        })?;
        Ok(Dialect::from_toml(&text, &path.display().to_string())?)
    }

    fn secret(&self) -> Done<Option<Secret>> {
        let Some(name) = &self.fields.client_secret_env else { return Ok(self.fields.client_secret.clone()) };
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Some(value.into())),
            _ => {
                let what = format!("the environment has no {name}: set it to the client's secret");
                Err(self.mistake("client_secret_env", &what))
            }
        }
    }

    fn key(&self, field: &str, path: Option<&Path>) -> Done<Option<SigningKey>> {
        let Some(path) = path else { return Ok(None) };
        let path = beside(&self.file, path);
        let pem = std::fs::read_to_string(&path)
            .map_err(|error| self.mistake(field, &format!("{} cannot be read ({error})", path.display())))?;
        let key = SigningKey::from_pem(&pem);
        key.map(Some)
            .map_err(|error| self.mistake(field, &format!("{}: {}", path.display(), error.message())))
    }

    /// A mistake that the core found, by the field that it names.
    fn located(&self, failure: &Failure) -> Stop {
        let words = failure.message.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        let field = words.into_iter().find(|word| FIELDS.contains(word)).unwrap_or_default();
        let what = failure.message.strip_prefix(field).unwrap_or(&failure.message);
        let field = if field == "origins" && self.names_base_url(what) { "base_url" } else { field };
        self.mistake(field, what.trim_start_matches([':', ' ']))
    }

    /// To the core the base URL is one of the origins.
    fn names_base_url(&self, what: &str) -> bool {
        let origin = |text: &String| Url::parse(text).map(|url| url.origin().ascii_serialization()).ok();
        let own = self.fields.base_url.as_ref().and_then(origin);
        let listed = self.fields.origins.iter().any(|one| origin(one) == own);
        own.is_some_and(|own| what.contains(&own)) && !listed
    }

    fn mistake(&self, field: &str, what: &str) -> Stop {
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

fn misread(file: &Path, mistake: &Mistake) -> Stop {
    let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
    let field = if mistake.field.is_empty() { String::new() } else { format!(", field `{}`", mistake.field) };
    let what = mistake.what.trim().replace('\n', " ");
    Stop::config(format!("{}{line}{field}: {what}; correct it there", file.display()))
}

fn choose(profiles: &Profiles, file: &Path, name: Option<&str>) -> Done<String> {
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
        let what = "its name is also a file's: take letters, digits, `-` and `_`";
        return Err(Stop::config(format!("{}, field `profile.{chosen}`: {what}", file.display())));
    }
    Ok(chosen.to_owned())
}

fn other_profile(file: &Path, what: &str, names: &[&str]) -> Stop {
    let names = names.join(", ");
    Stop::config(format!("{}: {what}; name one with --profile or REKINDLE_PROFILE: {names}", file.display()))
}

fn no_profile(file: &Path) -> Stop {
    Stop::config(format!("{}: there is no profile in it; write {EXAMPLE}", file.display()))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Stop {
    Stop::config(format!(
        "{} cannot be read ({error}); name another with --config or REKINDLE_CONFIG, or write {EXAMPLE}",
        file.display()
    ))
}

/// `./rekindle.toml`, then the user's.
fn usual_file() -> Done<PathBuf> {
    let here = PathBuf::from("rekindle.toml");
    if here.exists() {
        return Ok(here);
    }
    let users = config_home().map(|home| home.join("rekindle/config.toml"));
    users.clone().filter(|path| path.exists()).ok_or_else(|| {
        let also = users.map_or_else(String::new, |path| format!(" nor {}", path.display()));
        Stop::config(format!(
            "there is no profile file: neither ./rekindle.toml{also}; name one with --config or \
             REKINDLE_CONFIG, or write {EXAMPLE}"
        ))
    })
}

fn config_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}

fn store(file: &Path, name: &str, given: Option<&Path>) -> PathBuf {
    let default = PathBuf::from(format!("{name}.credential.json"));
    beside(file, given.unwrap_or(&default))
}

/// Relative to the file's folder.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
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
        let done = Profile::parse(text, Path::new("r.toml"), Some("school"));
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
                "r.toml, line 2, field `profile.school.dialect`: a number does not fit here",
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
            message.contains("line 3, field `profile.school.client_secret`: a number does not fit"),
            "{message}"
        );
    }

    #[test]
    fn the_store_is_beside_the_file() {
        assert_eq!(store(Path::new("/etc/r.toml"), "school", None), Path::new("/etc/school.credential.json"));
        assert_eq!(store(Path::new("/etc/r.toml"), "a", Some(Path::new("x/y"))), Path::new("/etc/x/y"));
        assert_eq!(store(Path::new("r.toml"), "a", Some(Path::new("/abs"))), Path::new("/abs"));
    }
}
