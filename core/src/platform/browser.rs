//! Opens a URL in the user's browser.

use std::process::{Command, Stdio};

use rekindle_proto::ErrorKind;
use url::Url;

use crate::error::Error;

/// Opens a URL in the user's browser: the one named by `$BROWSER`, or else the system's default.
///
/// ```no_run
/// let url = "https://auth.example.com/authorize".parse().expect("a URL");
/// rekindle::sign_in::open_browser(&url)?;
/// # Ok::<(), rekindle::Error>(())
/// ```
///
/// # Errors
///
/// System: no browser was found; show the URL to the user instead.
pub fn open_browser(url: &Url) -> Result<(), Error> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::new(ErrorKind::Misuse, "only http and https addresses are opened in a browser"));
    }
    let chosen = std::env::var("BROWSER").ok().filter(|name| !name.is_empty());
    let own = chosen.iter().flat_map(|names| names.split(':')).map(|name| (name.to_owned(), Vec::new()));
    let system = SYSTEM
        .iter()
        .map(|(name, args)| ((*name).to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect()));
    for (name, args) in own.chain(system) {
        if started(&name, &args, url) {
            return Ok(());
        }
    }
    let message = "no browser could be opened on this machine: open the address yourself, or sign in with a device code";
    Err(Error::new(ErrorKind::System, message))
}

#[cfg(target_os = "macos")]
const SYSTEM: &[(&str, &[&str])] = &[("open", &[])];
#[cfg(windows)]
const SYSTEM: &[(&str, &[&str])] = &[("rundll32", &["url.dll,FileProtocolHandler"])];
#[cfg(not(any(target_os = "macos", windows)))]
const SYSTEM: &[(&str, &[&str])] = &[("xdg-open", &[]), ("wslview", &[])];

/// The URL is not passed through a shell.
fn started(name: &str, args: &[String], url: &Url) -> bool {
    let mut command = Command::new(name);
    command.args(args).arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    // The process must be waited for, or it stays as a zombie; on another thread, because a browser may run for
    // hours.
    std::thread::Builder::new().name("rekindle-browser".to_owned()).spawn(move || child.wait()).is_ok()
}
