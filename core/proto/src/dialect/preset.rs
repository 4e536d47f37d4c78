//! The built-in dialects: TOML files with evidence, embedded.

use serde_json::Value;

use super::Dialect;
#[cfg(feature = "toml")]
use super::document::Document;
use super::file::Spec;
use crate::error::{ErrorKind, Failure};
use crate::rotation::Rotation;

#[cfg(feature = "toml")]
macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// The name and text of every preset, in the order of lists.
        pub(super) const ALL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../presets/", $name, ".toml")))),+];
    };
}

#[cfg(feature = "toml")]
presets!(
    "oauth2",
    "json",
    "graphql",
    "auth0",
    "box",
    "discord",
    "django-oauth-toolkit",
    "doorkeeper",
    "entra",
    "fitbit",
    "github-app",
    "google",
    "hasura",
    "hubspot",
    "keycloak",
    "okta",
    "ory-hydra",
    "postgrest",
    "quickbooks",
    "salesforce",
    "shopify",
    "simplejwt",
    "slack",
    "sso-oidc",
    "supabase",
    "zoho",
);

/// A build without TOML embeds no presets: its host passes dialects as data.
#[cfg(not(feature = "toml"))]
pub(super) const ALL: &[(&str, &str)] = &[];

/// What `rekindle presets` shows of a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// The server that it is for, and what is special about it.
    pub description: String,
    /// Its rotation.
    pub rotation: Rotation,
}

/// Every preset, with what a list shows of it.
pub(super) fn all() -> impl Iterator<Item = Preset> {
    ALL.iter().filter_map(|(name, _)| {
        let spec = read(name).ok()?;
        Some(Preset { name, rotation: spec.rotation.0, description: spec.description })
    })
}

pub(super) fn read(name: &str) -> Result<Spec, Failure> {
    let found = ALL.iter().find(|(one, _)| *one == name);
    let (name, text) = found.ok_or_else(|| unknown(name))?;
    parse(name, text)
}

/// A preset as data, for a dialect that extends it.
#[cfg(feature = "toml")]
pub(super) fn data(name: &str) -> Result<Value, Failure> {
    let (_, text) = ALL.iter().find(|(one, _)| *one == name).ok_or_else(|| unknown(name))?;
    let document = Document::parse(text);
    document.map(Document::into_value).map_err(|mistake| Failure::new(ErrorKind::InvalidConfig, mistake.what))
}

#[cfg(not(feature = "toml"))]
pub(super) fn data(name: &str) -> Result<Value, Failure> {
    Err(unknown(name))
}

#[cfg(feature = "toml")]
fn parse(name: &str, text: &str) -> Result<Spec, Failure> {
    Spec::from_toml(text, &format!("{name}.toml"))
}

#[cfg(not(feature = "toml"))]
fn parse(name: &str, _: &str) -> Result<Spec, Failure> {
    Err(unknown(name))
}

pub(super) fn dialect(name: &str) -> Result<Dialect, Failure> {
    read(name).map(Dialect::new)
}

#[cfg(not(feature = "toml"))]
fn unknown(name: &str) -> Failure {
    let message =
        format!("there is no preset `{name}` in this build (feature `toml`): give the dialect as data");
    Failure::new(ErrorKind::InvalidConfig, message)
}

#[cfg(feature = "toml")]
fn unknown(name: &str) -> Failure {
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    let message =
        format!("there is no preset `{name}`; use one of {}, or write a dialect file", names.join(", "));
    Failure::new(ErrorKind::InvalidConfig, message)
}
