//! `rekindle curl`: the curl that is there, with a token that is alive. The token goes to it by its standard input, never
//! in its arguments; where the response says that it is over, curl runs once more with a new one.

mod head;
mod options;
mod request;

use std::process::Stdio;

use rekindle::Session;
use rekindle::call::{Call, Headers, Next, Reads, Unsigned};
use rekindle::session::ReplayRefused;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;
use zeroize::Zeroizing;

use self::head::{Found, Head};
use self::options::Table;
use self::request::Request;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output::{self, Sink};
use crate::profile::Profile;

/// So much of a body is judged at most.
const MOST_JUDGED: usize = 1024 * 1024;

pub(crate) async fn run(context: &Context, args: &[String]) -> Done {
    let (profile, session) = context.open()?;
    let words = Table::of_curl()?.read(args)?;
    let request = Request::of(words, |text| absolute(&profile, text))?;
    let mut call =
        session.call(request.method.clone(), request.url.clone(), &request.headers, request.content.clone());
    let mut headers = call.headers().await?;
    tell_unsigned(&call, &session);
    loop {
        match send(&request, &mut call, &headers).await? {
            Some(fresh) => headers = fresh,
            None => return Ok(()),
        }
    }
}

/// A path is one below the profile's base URL.
fn absolute(profile: &Profile, text: &str) -> Done<Url> {
    let url = match (Url::parse(text), profile.base_url()) {
        (Ok(url), _) => url,
        (Err(_), Some(base)) if text.starts_with('/') => {
            Url::parse(&format!("{}{text}", base.trim_end_matches('/')))
                .map_err(|error| Stop::usage(format!("{text}: it is not a URL ({error})")))?
        }
        (Err(_), _) => {
            return Err(Stop::usage(format!(
                "{text}: write the URL with its scheme, https://..., or a path that begins with /"
            )));
        }
    };
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(Stop::usage("the URL must be one of http or https, without user name and password"));
    }
    Ok(url)
}

fn tell_unsigned(call: &Call, session: &Session) {
    match call.unsigned() {
        Some(Unsigned::OtherOrigin) => output::warn(&format!(
            "rekindle: the request is sent without the token: its host is not one of the profile's (base_url, \
             origins), dialect {}",
            session.dialect().name()
        )),
        Some(_) => {
            output::warn("rekindle: the request is sent without the token: it carries its own credential")
        }
        None => {}
    }
}

/// Runs curl once. The headers to run it with again, or nothing once the answer is written.
async fn send(request: &Request, call: &mut Call, headers: &Headers) -> Done<Option<Headers>> {
    let may_leave = || !headers.stay_at_redirects() || !options::keeps_headers_at_redirects();
    if request.follows && !headers.is_empty() && may_leave() {
        return Err(Stop::usage(
            "-L: this curl would send the token's header to other hosts; leave -L out, or use rekindle request",
        ));
    }
    let mut child = spawn(request, headers)?;
    let shown =
        tokio::spawn(told_on(request.verbose.then(|| child.stderr.take()).flatten(), secrets(headers)));
    feed(&mut child, headers).await?;
    let mut output = child.stdout.take().ok_or_else(|| lost("its output"))?;
    let (head, mut body) = match read_head(&mut output, request.follows).await? {
        (Some(head), body) => (head, body),
        // It failed before there was an answer, and says so itself.
        (None, other) => {
            write(&other, &mut output).await?;
            return ended(child, shown).await.map(|()| None);
        }
    };
    if !call.accepts(head.status, &head.headers, b"")
        || call.reads(head.status, &head.headers) != Reads::Nothing
    {
        read_most(&mut output, &mut body).await?;
        match call.answered(head.status, &head.headers, &body).await? {
            Next::SendAgain(fresh) => {
                drop(output);
                let _ = child.wait().await;
                let _ = shown.await;
                return Ok(Some(fresh));
            }
            Next::Keep(judged) => tell_refused(judged.and_then(|judged| judged.replay_refused)),
        }
    }
    if request.shows_head {
        Sink::Standard.write(&printable(&head))?;
    }
    write(&body, &mut output).await?;
    ended(child, shown).await.map(|()| None)
}

/// The token is new now, but the request was not sent again: the caller decides.
fn tell_refused(refused: Option<ReplayRefused>) {
    if let Some(refused) = refused {
        output::warn(&format!(
            "rekindle: the server rejected the token, and the request was not sent again ({}); check its response, \
             then send it again yourself if it had no effect",
            refused.name()
        ));
    }
}

fn spawn(request: &Request, headers: &Headers) -> Done<Child> {
    let mut command = Command::new("curl");
    // Its own file of options would be read unseen.
    command.arg("-q").args(["--config", "-"]);
    if request.method != http::Method::HEAD {
        command.args(["--dump-header", "-", "--suppress-connect-headers"]);
    }
    if request.to_output && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        // As curl itself where it writes to a terminal.
        command.arg("--no-progress-meter");
    }
    if headers.is_empty() {
        command.args(["--proto-redir", "=http,https"]);
    }
    command.args(&request.args).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(if request.verbose { Stdio::piped() } else { Stdio::inherit() });
    command.spawn().map_err(|error| Stop::system("curl cannot be run: install it", &error))
}

/// `header = "Name: value"`, by standard input.
async fn feed(child: &mut Child, headers: &Headers) -> Done {
    let mut config = Zeroizing::new(Vec::new());
    for (name, value) in headers.iter() {
        config.extend_from_slice(format!("header = \"{name}: ").as_bytes());
        for byte in value.as_bytes() {
            if matches!(byte, b'"' | b'\\') {
                config.push(b'\\');
            }
            config.push(*byte);
        }
        config.extend_from_slice(b"\"\n");
    }
    let mut input = child.stdin.take().ok_or_else(|| lost("its input"))?;
    // It may have ended before it read: then it says why.
    let _ = input.write_all(&config).await;
    Ok(())
}

async fn read_head(output: &mut ChildStdout, follows: bool) -> Done<(Option<Head>, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let read = output.read_buf(&mut bytes).await.map_err(|error| broken(&error))?;
        match head::find(&bytes, follows) {
            Found::Head(head, body) => return Ok((Some(head), body)),
            Found::Unfinished if read > 0 => {}
            Found::Unfinished | Found::Nothing => return Ok((None, bytes)),
        }
    }
}

async fn read_most(output: &mut ChildStdout, body: &mut Vec<u8>) -> Done {
    while body.len() < MOST_JUDGED {
        if output.read_buf(body).await.map_err(|error| broken(&error))? == 0 {
            break;
        }
    }
    Ok(())
}

/// What was read, and then the rest as it comes.
async fn write(first: &[u8], output: &mut ChildStdout) -> Done {
    let mut sink = Sink::Standard;
    sink.write(first)?;
    let mut more = Vec::with_capacity(64 * 1024);
    while output.read_buf(&mut more).await.map_err(|error| broken(&error))? > 0 {
        sink.write(&more)?;
        more.clear();
    }
    sink.finish()
}

/// The exit code is curl's.
async fn ended(mut child: Child, shown: tokio::task::JoinHandle<()>) -> Done {
    let status = child.wait().await.map_err(|error| Stop::system("cannot wait for curl to exit", &error))?;
    let _ = shown.await;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Stop::Exit(code.unwrap_or(1))),
    }
}

/// What curl tells on standard error, without the token.
async fn told_on(stderr: Option<tokio::process::ChildStderr>, secrets: Vec<Zeroizing<String>>) {
    let Some(stderr) = stderr else { return };
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let mut line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        for secret in &secrets {
            line = line.replace(secret.as_str(), "***");
        }
        output::warn(&line);
    }
}

/// The values of the headers, and what stands after their scheme.
fn secrets(headers: &Headers) -> Vec<Zeroizing<String>> {
    let values = headers.iter().filter_map(|(_, value)| value.to_str().ok());
    let parts = values.flat_map(|value| [value, value.rsplit(' ').next().unwrap_or(value)]);
    parts.filter(|part| !part.is_empty()).map(|part| Zeroizing::new(part.to_owned())).collect()
}

fn printable(head: &Head) -> Vec<u8> {
    let text = String::from_utf8_lossy(&head.text);
    let lines = text.split("\r\n").map(|line| output::printable(line).into_owned());
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}

fn lost(what: &str) -> Stop {
    Stop::system("curl cannot be used", &std::io::Error::other(format!("{what} is not there")))
}

fn broken(error: &std::io::Error) -> Stop {
    Stop::system("curl's output cannot be read", error)
}
