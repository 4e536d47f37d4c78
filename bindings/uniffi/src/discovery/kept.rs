//! The file that keeps a registration beside the sign-in. It may hold a secret: mode 0600, as the sign-in itself.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::SystemTime;

use rekindle::Wall;
use rekindle::sign_in::{RegisteredClient, ServerMetadata};
use serde::{Deserialize, Serialize};

use crate::error::RekindleError;

/// What was found, as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) asked: String,
    pub(super) resource: String,
    pub(super) scope: Option<String>,
    pub(super) server: ServerMetadata,
    pub(super) client: Option<RegisteredClient>,
}

/// What was found for that API; nothing where that is to be found anew.
pub(super) fn read(path: &str, resource: &str) -> Result<Option<Found>, RekindleError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(path, &format!("cannot be read ({error})"))),
    };
    let found: Option<Found> = serde_json::from_str(&text).ok();
    let found = found.filter(|found| found.asked == resource);
    let found = found
        .ok_or_else(|| wrong(path, "holds something else than this API's registration: name another file"))?;
    Ok(Some(found).filter(|found| !ended(found)))
}

/// In its place at once, or not at all.
pub(super) fn write(path: &str, found: &Found) -> Result<(), RekindleError> {
    let text = serde_json::to_string(found).unwrap_or_default();
    let beside = format!("{path}.{}.tmp", std::process::id());
    let written = folder_of(Path::new(path))
        .and_then(|()| create(Path::new(&beside)))
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        wrong(path, &format!("cannot be written ({error})"))
    })
}

/// Made where there is none, for nobody else, as the file store does it.
fn folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    folder.map_or(Ok(()), |folder| {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.recursive(true).create(folder)
    })
}

fn create(path: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A client whose secret is over is none any more.
fn ended(found: &Found) -> bool {
    let end = found.client.as_ref().map_or(0, |client| client.client_secret_expires_at);
    end != 0 && Wall::from(SystemTime::now()).0 / 1000 >= end
}

fn wrong(path: &str, what: &str) -> RekindleError {
    RekindleError::config("kept_at", format!("{path} {what}"))
}
