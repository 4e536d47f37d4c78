//! `rekindle request`: a request as curl sends it, with a token that is alive.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RANGE};
use rekindle::RetryPolicy;
use rekindle::client::RequestBuilder;
use rekindle::{Client, Response};
use zeroize::Zeroizing;

use super::data::{self, Data};
use super::input;
use super::progress::Progress;
use super::resume::{self, Resumed};
use super::verbose::Verbose;
use super::write_out::{Facts, Format};
use crate::args::RequestArgs;
use crate::context::Context;
use crate::exit::{self, Done, Stop};
use crate::output::{self, Sink};
use crate::profile::Travel;

const JSON: &str = "application/json";
/// No password is longer.
const MOST_PASSWORD: u64 = 4096;

pub(crate) async fn run(context: &Context, args: &RequestArgs) -> Done {
    let begun = Instant::now();
    let format = match &args.write_out {
        Some(format) => Some(Format::read(format).await?),
        None => None,
    };
    let output = output(args)?;
    let mut facts = Facts::of(args, output.as_deref());
    let mut request = prepare(context, args).await?;
    let offset = match args.continue_at {
        Some(_) => resume::offset(output.as_deref())?,
        None => 0,
    };
    if offset > 0 {
        request = request.header(RANGE, format!("bytes={offset}-"));
    }
    let done = match request.send().await {
        Ok(response) => {
            facts.first_byte = begun.elapsed();
            facts.answered(&response);
            let place = Place { file: output.as_deref(), offset };
            receive(response, args, &place, &mut facts.downloaded).await
        }
        Err(error) => {
            facts.error = error.message().to_owned();
            Err(error.into())
        }
    };
    facts.total = begun.elapsed();
    match (format, done) {
        (Some(format), done) if !matches!(done, Err(Stop::Unread)) => format.write(&facts).and(done),
        (_, done) => done,
    }
}

/// Where the body goes, and how much of it is there already.
struct Place<'a> {
    file: Option<&'a Path>,
    offset: u64,
}

async fn prepare(context: &Context, args: &RequestArgs) -> Done<RequestBuilder> {
    let data = data::data(args).await?;
    let (profile, session) = context.open_travelling(&travel(args))?;
    let verbose =
        args.verbose.then(|| Verbose::over(session.transport().clone(), session.dialect().token_header()));
    let client = profile.client_with(session, |client| {
        let client = match args.retry {
            Some(times) => client.retry(retries(times)),
            None => client,
        };
        match verbose {
            Some(verbose) => client.transport(verbose),
            None => client,
        }
    })?;
    let user = match &args.user {
        Some(user) => Some(basic(user).await?),
        None => None,
    };
    build(&client, args, data, user)
}

async fn receive(response: Response, args: &RequestArgs, place: &Place<'_>, downloaded: &mut u64) -> Done {
    tell_refused(&response);
    let response = if args.fail { response.error_for_status()? } else { response };
    let failed = args.fail_with_body && response.status().as_u16() >= 400;
    write(response, args, place, downloaded).await?;
    if failed { Err(Stop::Exit(exit::ANSWER)) } else { Ok(()) }
}

fn travel(args: &RequestArgs) -> Travel {
    Travel {
        proxy: args.proxy.clone(),
        root_certificates: args.cacert.clone(),
        client_certificate: args.cert.clone(),
        client_certificate_key: args.key.clone(),
    }
}

/// So many more sends than one; who names a number has no budget on top of it.
fn retries(times: u32) -> RetryPolicy {
    let policy = RetryPolicy::default();
    RetryPolicy { max_sends: times.saturating_add(1), budget_floor: policy.budget_floor.max(times), ..policy }
}

/// The value of `Authorization` for `NAME:PASSWORD`, or for a name, with the password from standard input.
async fn basic(user: &str) -> Done<HeaderValue> {
    let given = match user.contains(':') {
        true => Zeroizing::new(user.to_owned()),
        false => {
            let password = Zeroizing::new(input::line(MOST_PASSWORD).await?);
            Zeroizing::new(format!("{user}:{}", password.trim_end_matches(['\r', '\n'])))
        }
    };
    let value = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(given.as_bytes())));
    let value = HeaderValue::from_str(&value);
    let mut value = value.map_err(|_| Stop::usage("-u: this cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn build(client: &Client, args: &RequestArgs, data: Data, user: Option<HeaderValue>) -> Done<RequestBuilder> {
    let mut request = client.request(method(args, &data)?, data::target(args, &data));
    let headers = headers(&args.headers)?;
    let names = |wanted: &HeaderName| headers.iter().any(|(name, _)| name == wanted);
    let (names_type, names_accept) = (names(&CONTENT_TYPE), names(&ACCEPT));
    let user = user.filter(|_| !names(&AUTHORIZATION));
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    if let Some(user) = user {
        request = request.header(AUTHORIZATION, user);
    }
    if let Some(seconds) = args.max_time {
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
        let time = time.ok_or_else(|| Stop::usage("-m: it must be a number of seconds above 0"))?;
        request = request.timeout(time);
    }
    let typed = |request: RequestBuilder, media_type| match names_type {
        true => request,
        false => request.header(CONTENT_TYPE, media_type),
    };
    Ok(match data {
        Data::Nothing => request,
        Data::Fields(_) if args.get => request,
        Data::Fields(body) => typed(request, "application/x-www-form-urlencoded").body(body),
        Data::Json(body) if names_accept => typed(request, JSON).body(body),
        Data::Json(body) => typed(request, JSON).header(ACCEPT, JSON).body(body),
        Data::Multipart(form) => request.multipart(form),
        Data::Upload(body) => request.body(body),
    })
}

fn method(args: &RequestArgs, data: &Data) -> Done<Method> {
    match (&args.method, data) {
        (Some(name), _) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Stop::usage(format!("-X {name}: not a method, write one as GET or POST"))),
        (None, _) if args.head => Ok(Method::HEAD),
        (None, Data::Upload(_)) => Ok(Method::PUT),
        (None, Data::Fields(_) | Data::Json(_) | Data::Multipart(_)) if !args.get => Ok(Method::POST),
        (None, _) => Ok(Method::GET),
    }
}

/// Where the body goes, if not to standard output.
fn output(args: &RequestArgs) -> Done<Option<PathBuf>> {
    if !args.remote_name {
        return Ok(args.output.clone());
    }
    let path = args.target.split(['?', '#']).next().unwrap_or_default();
    let path =
        path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let name = path.rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."));
    let name =
        name.ok_or_else(|| Stop::usage("-O: the URL does not end in a file name; give one with -o"))?;
    Ok(Some(PathBuf::from(name)))
}

/// `Name: value`; `Name:` has no value. The value is never repeated: it may be a secret.
fn headers(given: &[String]) -> Done<Vec<(HeaderName, String)>> {
    let read = |header: &String| {
        let (name, value) = header.split_once(':')?;
        Some((name.trim().parse().ok()?, value.trim().to_owned()))
    };
    let bad = |place: usize| {
        Stop::usage(format!("-H, number {}: not a header, write it as 'Name: value'", place + 1))
    };
    given.iter().enumerate().map(|(place, header)| read(header).ok_or_else(|| bad(place))).collect()
}

/// The token is new now, but the request was not sent again: the caller decides.
fn tell_refused(response: &Response) {
    if let Some(refused) = response.replay_refused() {
        output::warn(&format!(
            "rekindle: the server rejected the token, and the request was not sent again ({}); check its response, \
             then send it again yourself if it had no effect",
            refused.name()
        ));
    }
}

async fn write(mut response: Response, args: &RequestArgs, place: &Place<'_>, downloaded: &mut u64) -> Done {
    let mut sink = match args.continue_at {
        None => Sink::open(place.file)?,
        Some(_) => match resume::resume(response, place.offset, place.file)? {
            Resumed::Whole => return Ok(()),
            Resumed::Into(sink, same) => {
                response = same;
                sink
            }
        },
    };
    if args.include || args.head {
        sink.write(head(&response).as_bytes())?;
    }
    let mut progress = Progress::new(response.content_length(), args.silent || sink.is_terminal());
    while let Some(chunk) = response.chunk().await? {
        sink.write(&chunk)?;
        *downloaded += chunk.len() as u64;
        progress.at(*downloaded);
    }
    sink.finish()
}

fn head(response: &Response) -> String {
    let mut head = format!("{:?} {}\r\n", response.version(), response.status());
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        head.push_str(&format!("{name}: {}\r\n", output::printable(&value)));
    }
    head + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        let given = ["X-Time: 10:30".to_owned(), "Accept:".to_owned()];
        let read = headers(&given).unwrap();
        assert_eq!(read[0].1, "10:30");
        assert_eq!((read[1].0.as_str(), read[1].1.as_str()), ("accept", ""));
    }

    #[test]
    fn a_header_that_is_none_is_named_by_its_place_only() {
        let given = ["A: b".to_owned(), "sentinel".to_owned()];
        let Err(Stop::Problem(problem)) = headers(&given) else { panic!("taken") };
        let told = serde_json::to_string(&problem).unwrap();
        assert!(told.contains("number 2") && !told.contains("sentinel"), "{told}");
    }
}
