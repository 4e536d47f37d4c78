//! What every command has: the profile that was asked for, and the guard that waits for its session.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rekindle::{Client, Session};

use crate::args::Args;
use crate::config_file::ConfigFile;
use crate::exit::Done;
use crate::profile::{Profile, Profiles, Travel};
use crate::signals::Guard;

pub(crate) struct Context {
    pub(crate) json: bool,
    config: Option<PathBuf>,
    profile: Option<String>,
    guard: Arc<Guard>,
    /// Which profile file is used: errors say so.
    used: &'static OnceLock<String>,
}

impl Context {
    /// An empty variable is as good as none.
    pub(crate) fn new(args: &Args, guard: Arc<Guard>, used: &'static OnceLock<String>) -> Self {
        let config = args.config.clone().filter(|path| !path.as_os_str().is_empty());
        let profile = args.profile.clone().filter(|name| !name.is_empty());
        Self { json: args.json, config, profile, guard, used }
    }

    /// The profile and its session. Nothing has been read from the store yet.
    pub(crate) fn open(&self) -> Done<(Profile, Session)> {
        self.opened(self.profile.as_deref(), &Travel::default())
    }

    /// The same for the profile of that name.
    pub(crate) fn open_named(&self, name: &str) -> Done<(Profile, Session)> {
        self.opened(Some(name), &Travel::default())
    }

    /// The profile and its session, with what the command line says of how requests travel.
    pub(crate) fn open_travelling(&self, travel: &Travel) -> Done<(Profile, Session)> {
        self.opened(self.profile.as_deref(), travel)
    }

    /// The names of all profiles of the file that is used.
    pub(crate) fn profiles(&self) -> Done<Vec<String>> {
        let file = ConfigFile::locate(self.config.as_deref())?;
        file.require_consent()?;
        let names = Profiles::read(&file)?.names();
        let _ = self.used.set(file.describe());
        Ok(names)
    }

    /// The profile that was asked for by name, and whether a file was.
    pub(crate) fn asked(&self) -> (Option<&str>, bool) {
        (self.profile.as_deref(), self.config.is_some())
    }

    fn opened(&self, name: Option<&str>, travel: &Travel) -> Done<(Profile, Session)> {
        let file = ConfigFile::locate(self.config.as_deref())?;
        let named = file.describe();
        let profile = Profile::find(file, name)?.travelling(travel);
        let _ = self.used.set(named);
        let session = profile.session()?;
        self.guard.protect(&session, self.json);
        Ok((profile, session))
    }

    /// Waits for what the session has under way, and tells its warnings.
    pub(crate) async fn settle(&self) -> Done {
        self.guard.settle().await
    }

    /// The profile's client.
    pub(crate) fn client(&self) -> Done<Client> {
        let (profile, session) = self.open()?;
        profile.client(session)
    }
}
