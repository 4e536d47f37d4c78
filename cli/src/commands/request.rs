//! `rekindle request`: a request as curl sends it, with a token that is alive.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use rekindle::client::RequestBuilder;
use rekindle::{Client, Response};

use super::input;
use super::progress::Progress;
use crate::args::RequestArgs;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output::{self, Sink};

pub(crate) async fn run(context: &Context, args: &RequestArgs) -> Done {
    let body = body(args).await?;
    let request = build(&context.client()?, args, body)?;
    let response = request.send().await?;
    tell_refused(&response);
    let response = if args.fail { response.error_for_status()? } else { response };
    write(response, args).await
}

fn build(client: &Client, args: &RequestArgs, body: Option<Bytes>) -> Done<RequestBuilder> {
    let mut request = client.request(method(args, body.is_some())?, &args.target);
    let headers = headers(&args.headers)?;
    let names_type = headers.iter().any(|(name, _)| *name == CONTENT_TYPE);
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        if !names_type {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request = request.body(body);
    }
    Ok(request)
}

fn method(args: &RequestArgs, has_body: bool) -> Done<Method> {
    match &args.method {
        None if has_body => Ok(Method::POST),
        None => Ok(Method::GET),
        Some(name) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Stop::usage(format!("-X {name}: not a method, write one as GET or POST"))),
    }
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

async fn body(args: &RequestArgs) -> Done<Option<Bytes>> {
    if let Some(data) = &args.data_binary {
        return Ok(Some(input::text_or_file(data, "--data-binary").await?.into()));
    }
    let mut whole = Vec::new();
    for (place, data) in args.data.iter().enumerate() {
        let mut part = input::text_or_file(data, "-d").await?;
        if data.starts_with('@') {
            // As curl does: --data-binary keeps them.
            part.retain(|byte| !matches!(byte, b'\n' | b'\r' | 0));
        }
        whole.extend_from_slice(if place > 0 { b"&" } else { b"" });
        whole.append(&mut part);
    }
    Ok((!args.data.is_empty()).then(|| whole.into()))
}

/// The token is new now, but the request was not sent again: the caller decides.
fn tell_refused(response: &Response) {
    if let Some(refused) = response.replay_refused() {
        output::tell(&format!(
            "rekindle: the server turned the token away, and the request was not sent again ({}); see its answer, \
             then send it again yourself if it had no effect",
            refused.name()
        ));
    }
}

async fn write(mut response: Response, args: &RequestArgs) -> Done {
    let mut sink = Sink::open(args.output.as_deref())?;
    if args.include {
        sink.write(head(&response).as_bytes())?;
    }
    let mut progress = Progress::new(response.content_length(), sink.is_terminal());
    let mut written = 0;
    while let Some(chunk) = response.chunk().await? {
        sink.write(&chunk)?;
        written += chunk.len() as u64;
        progress.at(written);
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
