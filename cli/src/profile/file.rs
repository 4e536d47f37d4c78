//! What a profile file may say, as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rekindle::sign_in::ServerMetadata;
use rekindle::{ClientAuth, ClientCredentials, Dialect, Rotation, Secret};
use rekindle_proto::dialect::{Document, Mistake};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::config_file::{ConfigFile, EXAMPLE};
use crate::exit::{Done, Stop};

/// All profiles of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    #[serde(default)]
    pub(super) profile: BTreeMap<String, Fields>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) dialect: String,
    pub(super) base_url: Option<String>,
    pub(super) graphql_path: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) authorization_url: Option<String>,
    /// What the server says of itself.
    pub(super) server: Option<ServerMetadata>,
    pub(super) redirect_uri: Option<String>,
    pub(super) scope: Option<String>,
    /// What the tokens of a sign-in are for (RFC 8707).
    #[serde(default)]
    pub(super) resource: Vec<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) client_secret_env: Option<String>,
    /// Files with private keys, beside the profile file.
    pub(super) client_key: Option<PathBuf>,
    pub(super) client_key_id: Option<String>,
    pub(super) dpop_key: Option<PathBuf>,
    pub(super) require_dpop: Option<bool>,
    pub(super) store: Option<PathBuf>,
    #[serde(default)]
    pub(super) origins: Vec<String>,
    #[serde(default)]
    pub(super) insecure_origins: Vec<String>,
    #[serde(default, deserialize_with = "rotation")]
    pub(super) rotation: Option<Rotation>,
    pub(super) client_auth: Option<ClientAuth>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    /// Certificates in files beside the profile file.
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) client_certificate: Option<PathBuf>,
    /// Left out: the key is in the file of the certificate.
    pub(super) client_certificate_key: Option<PathBuf>,
    /// A URL, or `none`.
    pub(super) proxy: Option<String>,
    pub(super) http2: Option<bool>,
    pub(super) user_agent: Option<String>,
    pub(super) connect_timeout_seconds: Option<f64>,
    pub(super) client_credentials: Option<AskedFor>,
}

/// What the client asks for on its own behalf.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AskedFor {
    pub(super) scope: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) resource: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Profiles {
    pub(crate) fn read(file: &ConfigFile) -> Done<Self> {
        Self::parse(file).map(|(_, profiles)| profiles)
    }

    pub(super) fn parse(file: &ConfigFile) -> Done<(Document, Self)> {
        let document = Document::parse(&file.text).map_err(|mistake| misread(file, &mistake))?;
        let profiles = document.read().map_err(|mistake| misread(file, &mistake))?;
        Ok((document, profiles))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.profile.keys().cloned().collect()
    }

    /// The files in the folder of this one that decide as much as it does: dialects, and whose certificates are believed.
    pub(crate) fn decisive_files(&self, file: &ConfigFile) -> Vec<PathBuf> {
        let fields = self.profile.values();
        let named = fields.flat_map(|fields| {
            let dialect = Some(Path::new(&fields.dialect)).filter(|_| is_file(&fields.dialect));
            dialect.into_iter().chain(fields.root_certificates.as_deref())
        });
        let there = named.filter_map(|path| file.beside(path).canonicalize().ok());
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
    pub(super) fn request(&self) -> ClientCredentials {
        let mut request = ClientCredentials::new();
        request.scope.clone_from(&self.scope);
        request.audience.clone_from(&self.audience);
        request.resource.clone_from(&self.resource);
        request.parameters.clone_from(&self.parameters);
        request
    }
}

fn misread(file: &ConfigFile, mistake: &Mistake) -> Stop {
    let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
    let field = if mistake.field.is_empty() { String::new() } else { format!(", field `{}`", mistake.field) };
    let what = mistake.what.trim().replace('\n', " ");
    Stop::config(format!("{}{line}{field}: {what}; correct it there", file.display()))
}

pub(super) fn choose(profiles: &Profiles, file: &ConfigFile, name: Option<&str>) -> Done<String> {
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

pub(super) fn no_profile(file: &ConfigFile) -> Stop {
    Stop::config(format!("{}: there is no profile in it; write {EXAMPLE}", file.display()))
}

/// A dialect by a file, not a preset's name.
pub(super) fn is_file(dialect: &str) -> bool {
    dialect.ends_with(".toml") || dialect.contains('/')
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
