//! `request -C -`: a download goes on where the file ends (RFC 9110, section 14).

use std::path::Path;

use http::StatusCode;
use http::header::CONTENT_RANGE;
use rekindle::Response;

use crate::exit::{Done, Stop};
use crate::output::Sink;

/// What becomes of the file.
pub(super) enum Resumed {
    /// The body goes there.
    Into(Sink, Response),
    /// It is whole already.
    Whole,
}

/// How much of it is there.
pub(super) fn offset(output: Option<&Path>) -> Done<u64> {
    let path = output.filter(|path| *path != Path::new("-"));
    let path = path.ok_or_else(|| Stop::usage("-C: name the file to go on with, by -o or -O"))?;
    match path.metadata() {
        Ok(there) if there.is_file() => Ok(there.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Ok(_) => Err(Stop::usage(format!("-C: {} is not a file", path.display()))),
        Err(error) => Err(Stop::system(&format!("{} cannot be read", path.display()), &error)),
    }
}

/// Only what continues the file is added to it; an error's body never is.
pub(super) fn resume(response: Response, offset: u64, output: Option<&Path>) -> Done<Resumed> {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let range = range.and_then(|range| range.trim().strip_prefix("bytes ")).unwrap_or_default();
    match response.status() {
        StatusCode::PARTIAL_CONTENT if offset > 0 => {
            if range.split('-').next().and_then(|first| first.trim().parse().ok()) != Some(offset) {
                return Err(Stop::answer(format!(
                    "-C: the server sent another part than the one from byte {offset} on; leave -C out"
                )));
            }
            Ok(Resumed::Into(Sink::append(output)?, response))
        }
        // It ends where the file ends.
        StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => {
            match range.strip_prefix("*/").and_then(|length| length.trim().parse().ok()) == Some(offset) {
                true => Ok(Resumed::Whole),
                false => Err(Stop::answer(format!(
                    "-C: the server has no part from byte {offset} on: the file is of something else; leave -C out"
                ))),
            }
        }
        // The server knows no parts: from the beginning.
        StatusCode::OK => Ok(Resumed::Into(Sink::open(output)?, response)),
        status => {
            response.error_for_status()?;
            Err(Stop::answer(format!("-C: the server answered {status}, which is no download")))
        }
    }
}
