//! `rekindle trust`: consent to a profile file that lies in a folder, by its content.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::TrustArgs;
use crate::config_file::{ConfigFile, read_own};
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::profile::Profiles;
use crate::{output, trust};

pub(crate) fn run(context: &Context, args: &TrustArgs) -> Done {
    if args.revoke { revoke(context, &args.file) } else { allow(context, &args.file) }
}

/// The file, and what it names that decides as much.
fn allow(context: &Context, path: &Path) -> Done {
    let file = ConfigFile::found(path)?;
    let profiles = Profiles::read(&file)?;
    let others = profiles.decisive_files(&file);
    let read = |path: &PathBuf| Ok((path.clone(), read_own(path)?));
    let others = others.iter().map(read).collect::<Done<Vec<_>>>()?;
    trust::trust(&file.path, &file.text)?;
    others.iter().try_for_each(|(path, text)| trust::trust(path, text))?;
    let paths = std::iter::once(&file.path).chain(others.iter().map(|(path, _)| path));
    let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    if context.json {
        return output::json(&json!({ "trusted": paths, "profiles": profiles.summary() }));
    }
    paths.iter().try_for_each(|path| output::line(&format!("trusted: {path}")))?;
    for (name, fields) in profiles.summary() {
        output::line(&format!("profile {name}"))?;
        for (field, value) in fields {
            output::line(&format!("  {field:20}{value}"))?;
        }
    }
    Ok(())
}

fn revoke(context: &Context, path: &Path) -> Done {
    let path = std::path::absolute(path).and_then(|path| path.canonicalize().or(Ok(path)));
    let path = path.map_err(|error| Stop::system("cannot determine the current folder", &error))?;
    let revoked = trust::revoke(&path)?;
    if context.json {
        return output::json(&json!({ "revoked": revoked }));
    }
    output::line(&format!("no longer trusted: {}", path.display()))
}
