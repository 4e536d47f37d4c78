//! What comes from files and standard input. Read on another thread: a signal must not wait for a keyboard.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use crate::exit::{Done, Stop};

/// `@FILE` is the file's content, `@-` standard input; anything else is itself.
pub(crate) async fn text_or_file(argument: &str, what: &'static str) -> Done<Vec<u8>> {
    match argument.strip_prefix('@') {
        None => Ok(argument.as_bytes().to_vec()),
        Some("-") => standard_input(u64::MAX).await,
        Some(path) => file(PathBuf::from(path), what).await,
    }
}

/// All of standard input, if it is not longer than that.
pub(crate) async fn standard_input(most: u64) -> Done<Vec<u8>> {
    let read = move || {
        let mut bytes = Vec::new();
        io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes =
        elsewhere(read).await.map_err(|error| Stop::system("standard input cannot be read", &error))?;
    if bytes.len() as u64 > most {
        return Err(Stop::config(format!("standard input: it is longer than {most} bytes")));
    }
    Ok(bytes)
}

/// One line of standard input, if it is not longer than that.
pub(crate) async fn line(most: u64) -> Done<String> {
    let read = move || {
        let mut line = String::new();
        io::stdin().lock().take(most).read_line(&mut line).map(|_| line)
    };
    elsewhere(read).await.map_err(|error| Stop::system("standard input cannot be read", &error))
}

async fn file(path: PathBuf, what: &'static str) -> Done<Vec<u8>> {
    let name = path.display().to_string();
    let bytes = elsewhere(move || std::fs::read(path)).await;
    bytes.map_err(|error| Stop::usage(format!("{what}: {name} cannot be read ({error})")))
}

async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
