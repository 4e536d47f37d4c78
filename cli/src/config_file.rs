//! Which profile file is used, and whether it may be: one that was only found may be somebody else's.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::exit::{Done, Stop};
use crate::trust;

/// No profile file is longer.
const MOST: u64 = 1024 * 1024;

pub(crate) const EXAMPLE: &str = "[profile.school] with dialect = \"oauth2\", base_url = \
\"https://api.example.com\" and token_url = \"https://auth.example.com/oauth/token\"";

/// A profile file, read.
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    source: Source,
}

/// How the file came to be the one that is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// By `--config` or `REKINDLE_CONFIG`.
    Named,
    /// The user's own, in their configuration folder.
    Users,
    /// It lies in the current folder, whoever put it there.
    Found,
}

impl ConfigFile {
    /// That file, or the first of the usual ones.
    pub(crate) fn locate(named: Option<&Path>) -> Done<Self> {
        if let Some(path) = named {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            return Ok(Self { path: path.to_owned(), text, source: Source::Named });
        }
        let here = Path::new("rekindle.toml");
        if here.symlink_metadata().is_ok() {
            return Self::found(here);
        }
        let users = config_home().map(|home| home.join("rekindle/config.toml"));
        match users.as_ref().filter(|path| path.exists()) {
            Some(path) => Ok(Self { text: read_own(path)?, path: path.clone(), source: Source::Users }),
            None => Err(none(users.as_deref())),
        }
    }

    /// Where the user's own file is, or would be.
    pub(crate) fn users() -> Done<PathBuf> {
        if Path::new("rekindle.toml").symlink_metadata().is_ok() {
            let what = "rekindle.toml lies in this folder, and is used before the user's configuration: add the profile there, \
                        or go to another folder";
            return Err(Stop::config(what.to_owned()));
        }
        let home = config_home().ok_or_else(|| {
            Stop::config(
                "neither XDG_CONFIG_HOME nor HOME is set: name a profile file with --config".to_owned(),
            )
        })?;
        Ok(home.join("rekindle/config.toml"))
    }

    /// A file of the current folder, or one that `rekindle trust` is asked for.
    pub(crate) fn found(path: &Path) -> Done<Self> {
        let path = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        Ok(Self { text: read_own(&path)?, path, source: Source::Found })
    }

    /// The one given, for tests of what is in it.
    #[cfg(test)]
    pub(crate) fn named(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned(), source: Source::Named }
    }

    /// Whether it was only found: then it needs consent, and may name only what is beside it.
    pub(crate) fn was_found(&self) -> bool {
        self.source == Source::Found
    }

    /// A file that was found is used once the user has read it.
    pub(crate) fn require_consent(&self) -> Done {
        if !self.was_found() || trust::is_trusted(&self.path, &self.text) {
            return Ok(());
        }
        Err(Stop::config(format!(
            "{} was found in this folder, and is not trusted or has changed since it was: it decides where your tokens go; \
             read it, then allow it with rekindle trust, or name another with --config",
            self.path.display()
        )))
    }

    /// For status and errors.
    pub(crate) fn describe(&self) -> String {
        let how = match self.source {
            Source::Named => "named",
            Source::Users => "the user's",
            Source::Found => "found in this folder, trusted",
        };
        format!("{} ({how})", self.path.display())
    }

    pub(crate) fn display(&self) -> impl std::fmt::Display {
        self.path.display()
    }

    /// The path of a file that this one names, relative to its folder.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Whether that path, links resolved, lies in the folder of this file.
    pub(crate) fn encloses(&self, resolved: &Path) -> bool {
        // Left over where a folder is not there yet: it may lead anywhere.
        let climbs = resolved.components().any(|part| part == Component::ParentDir);
        !climbs && self.path.parent().is_some_and(|folder| resolved.starts_with(folder))
    }
}

/// The text of a file that is the user's own, and that nobody else may write.
pub(crate) fn read_own(path: &Path) -> Done<String> {
    let there = path.metadata().map_err(|error| unreadable(path, &error))?;
    // Before it is opened: a pipe would be waited for.
    check_own(path, &there)?;
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    check_own(path, &file.metadata().map_err(|error| unreadable(path, &error))?)?;
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    Ok(text)
}

fn check_own(path: &Path, there: &Metadata) -> Done {
    if !there.is_file() {
        return Err(Stop::config(format!("{} is not a file; name another with --config", path.display())));
    }
    match not_own(there) {
        Some(why) => Err(Stop::config(format!("{} {why}", path.display()))),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn not_own(there: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    if there.uid() != own {
        return Some(format!(
            "is owned by user id {}, not by you ({own}): its owner decides where your tokens go; \
             copy it, or name it with --config if you mean it",
            there.uid()
        ));
    }
    let mode = there.mode() & 0o7777;
    (mode & 0o022 != 0).then(|| {
        format!("is writable by other users (mode {mode:o}): run chmod go-w on it, then check what it says")
    })
}

#[cfg(not(unix))]
fn not_own(_: &Metadata) -> Option<String> {
    None
}

fn unreadable(file: &Path, error: &std::io::Error) -> Stop {
    Stop::config(format!(
        "{} cannot be read ({error}); name another with --config or REKINDLE_CONFIG, or write {EXAMPLE}",
        file.display()
    ))
}

fn none(users: Option<&Path>) -> Stop {
    let also = users.map_or_else(String::new, |path| format!(" nor {}", path.display()));
    Stop::config(format!(
        "there is no profile file: neither ./rekindle.toml{also}; name one with --config or REKINDLE_CONFIG, or \
         write {EXAMPLE}"
    ))
}

fn config_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}
