//! What every command has: the profile that was asked for, and the guard that waits for its session.

use std::path::PathBuf;
use std::sync::Arc;

use rekindle::{Client, Session};

use crate::args::Args;
use crate::exit::Done;
use crate::profile::Profile;
use crate::signals::Guard;

pub(crate) struct Context {
    pub(crate) json: bool,
    config: Option<PathBuf>,
    profile: Option<String>,
    guard: Arc<Guard>,
}

impl Context {
    /// An empty variable is as good as none.
    pub(crate) fn new(args: &Args, guard: Arc<Guard>) -> Self {
        let config = args.config.clone().filter(|path| !path.as_os_str().is_empty());
        let profile = args.profile.clone().filter(|name| !name.is_empty());
        Self { json: args.json, config, profile, guard }
    }

    /// The profile and its session. Nothing has been read from the store yet.
    pub(crate) fn open(&self) -> Done<(Profile, Session)> {
        let profile = Profile::find(self.config.as_deref(), self.profile.as_deref())?;
        let session = profile.session()?;
        self.guard.protect(&session);
        Ok((profile, session))
    }

    /// The profile's client.
    pub(crate) fn client(&self) -> Done<Client> {
        let (profile, session) = self.open()?;
        profile.client(session)
    }
}
