//! A profile from nothing: what `rekindle sign-in --preset`, `--issuer` and `--resource` write before they sign in.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use rekindle::Dialect;
use rekindle::sign_in::{
    ClientRegistration, RegisteredClient, ResourceMetadata, ServerMetadata, discover, discover_resource,
    register,
};
use url::Url;

use crate::args::SignInArgs;
use crate::config_file::ConfigFile;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;

/// Whether a new profile is asked for.
pub(crate) fn wanted(args: &SignInArgs) -> bool {
    args.preset.is_some() || args.issuer.is_some() || args.resource.is_some()
}

/// Adds it to the user's own file; gives its name.
pub(crate) async fn make(context: &Context, args: &SignInArgs) -> Done<String> {
    let (asked, has_file) = context.asked();
    if has_file {
        return Err(Stop::usage(
            "--preset, --issuer and --resource write to the user's own configuration: leave --config out",
        ));
    }
    let name = name(asked, args)?;
    let path = ConfigFile::users()?;
    let before = fs::read_to_string(&path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(String::new()),
        _ => Err(Stop::system(&format!("{} cannot be read", path.display()), &error)),
    })?;
    let heading = format!("[profile.{name}]");
    if before.lines().any(|line| line.trim() == heading) {
        let what = format!(
            "{} has a profile {name} already: sign in with --profile {name}, or give another name",
            path.display()
        );
        return Err(Stop::config(what));
    }
    let found = found(args).await?;
    let text = text(&heading, args, &found)?;
    write(&path, &before, &text)
        .map_err(|error| Stop::system(&format!("{} cannot be written", path.display()), &error))?;
    output::warn(&format!("rekindle: profile {name} added to {}", path.display()));
    Ok(name)
}

/// What a new profile knows beside what it was told.
struct Found {
    client_id: String,
    server: Option<ServerMetadata>,
    /// The API says what it is.
    api: Option<ResourceMetadata>,
    registered: Option<RegisteredClient>,
}

async fn found(args: &SignInArgs) -> Done<Found> {
    if let (None, None) = (&args.resource, &args.client_id) {
        return Err(Stop::usage(
            "--client-id is missing: register the application with the server, and give the id that it gets",
        ));
    }
    let api = match &args.resource {
        Some(resource) => Some(discover_resource(resource).await?),
        None => None,
    };
    let issuer = match &api {
        Some(api) => Some(api.issuer().map_err(rekindle::Error::from)?),
        None => args.issuer.as_deref(),
    };
    let server = match issuer {
        Some(issuer) => Some(discover(issuer).await?),
        None => None,
    };
    let registered = match (&args.client_id, &server) {
        (None, Some(server)) => Some(register(server, &registration(args)).await?),
        _ => None,
    };
    let own = registered.as_ref().map(|client| client.client_id.clone());
    let client_id = args.client_id.clone().or(own).unwrap_or_default();
    Ok(Found { client_id, server, api, registered })
}

/// This program, as a server is asked to know it.
fn registration(args: &SignInArgs) -> ClientRegistration {
    let redirect_uri = args.redirect_uri.as_deref().unwrap_or(ClientRegistration::LOOPBACK);
    let mut client = ClientRegistration::new("rekindle", redirect_uri);
    if args.device {
        client = client.device_flow();
    }
    client.scope.clone_from(&args.scope);
    client
}

fn name(asked: Option<&str>, args: &SignInArgs) -> Done<String> {
    let issuer = || {
        let place = args.issuer.as_deref().or(args.resource.as_deref());
        place.and_then(|place| Url::parse(place).ok()?.host_str().map(ToOwned::to_owned))
    };
    let preset = args.preset.as_deref().map(|name| name.trim_end_matches(".toml"));
    let preset = preset.and_then(|name| name.rsplit('/').next()).map(ToOwned::to_owned);
    let name = asked.map(ToOwned::to_owned).or(preset).or_else(issuer).unwrap_or_default();
    // A name with dots would be several in TOML.
    let name = name.replace('.', "-");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(Stop::usage(
            "give the new profile a name of letters, digits, `-` and `_`: --profile NAME",
        ));
    }
    Ok(name)
}

fn text(heading: &str, args: &SignInArgs, found: &Found) -> Done<String> {
    let preset = args.preset.as_deref().unwrap_or("oauth2");
    if !preset.ends_with(".toml") {
        Dialect::preset(preset)?;
    }
    let mut text = format!("{heading}\n");
    let api = found.api.as_ref();
    let origin =
        api.and_then(|api| Url::parse(&api.resource).ok()).map(|url| url.origin().ascii_serialization());
    let all = api.filter(|api| !api.scopes_supported.is_empty()).map(|api| api.scopes_supported.join(" "));
    let secret = found.registered.as_ref().and_then(|client| client.client_secret.as_ref());
    let how = found.registered.as_ref().filter(|_| secret.is_some());
    let fields = [
        ("dialect", Some(preset)),
        ("client_id", Some(found.client_id.as_str())),
        ("client_secret_env", args.client_secret_env.as_deref()),
        ("client_secret", secret.map(rekindle::Secret::expose)),
        ("client_auth", how.and_then(|client| client.token_endpoint_auth_method.as_deref())),
        ("base_url", args.base_url.as_deref().or(origin.as_deref())),
        ("scope", args.scope.as_deref().or(all.as_deref())),
        ("redirect_uri", args.redirect_uri.as_deref()),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            let _ = writeln!(text, "{field} = {}", serde_json::Value::from(value));
        }
    }
    if let Some(api) = api {
        let _ = writeln!(text, "resource = {}", serde_json::Value::from(vec![api.resource.as_str()]));
    }
    // JSON's texts, lists of them and truths are TOML's, too.
    let server = found.server.as_ref().and_then(|server| serde_json::to_value(server).ok());
    if let Some(serde_json::Value::Object(facts)) = server {
        let _ = writeln!(text, "{}.server]", heading.trim_end_matches(']'));
        for (field, value) in facts {
            let _ = writeln!(text, "{field} = {value}");
        }
    }
    Ok(text)
}

/// Whole, or not at all; for the user alone.
fn write(path: &Path, before: &str, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let gap = if before.is_empty() { "" } else { "\n" };
    write!(file, "{before}{gap}{text}")?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
