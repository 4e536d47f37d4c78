//! An HTTP client, as `rekindle.Client` and `rekindle.AsyncClient` need it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use pyo3::prelude::*;
use rekindle::client::{Body, Form, GraphqlRequest, Part, RequestBuilder};
use rekindle::transport::BoxError;
use rekindle::{Error, ErrorKind};
use rekindle::{RetryPolicy, RetryStatuses};
use serde_json::value::RawValue;

use crate::attach::{Kept, attached};
use crate::errors::{Problem, raise};
use crate::response::Raw;
use crate::run::{Waiter, drive, elsewhere};
use crate::session::Session;
use crate::transport::Transport;

/// Name, file name, media type, content.
type File = (String, Option<String>, Option<String>, Vec<u8>);

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Client(rekindle::Client);

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (session, *, base_url, headers, timeout, max_redirects, max_sends, retry_statuses, max_body_bytes,
        graphql_path, transport))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn new(
        py: Python<'_>,
        session: &Session,
        base_url: Option<String>,
        headers: Vec<(String, String)>,
        timeout: Option<f64>,
        max_redirects: usize,
        max_sends: u32,
        retry_statuses: Option<Vec<u16>>,
        max_body_bytes: Option<u64>,
        graphql_path: Option<String>,
        transport: Option<PyRef<'_, Transport>>,
    ) -> PyResult<Self> {
        let mut builder = rekindle::Client::builder(session.inner.clone())
            .timeout(duration(timeout))
            .max_redirects(max_redirects)
            .max_body_bytes(
                max_body_bytes.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
            )
            .retry(policy(Some(max_sends), retry_statuses).map_err(|error| raise(py, &error))?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        if let Some(path) = graphql_path {
            builder = builder.graphql_path(path);
        }
        builder =
            headers.into_iter().fold(builder, |builder, (name, value)| builder.default_header(name, value));
        if let Some(transport) = transport {
            builder = builder.transport(transport.0.clone());
        }
        builder.build().map(Self).map_err(|error| raise(py, &by_our_names(error)))
    }

    /// The body is `content`, or what `source` gives: `open()` gives a function that gives one piece a call, then `None`.
    #[pyo3(signature = (method, url, *, params=Vec::new(), headers=Vec::new(), content=None, source=None, files=None,
        timeout=None, follow_redirects, idempotency_key=None, own=None, stream, waiter=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        params: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        content: Option<Vec<u8>>,
        source: Option<Source>,
        files: Option<Vec<File>>,
        timeout: Option<(Option<f64>,)>,
        follow_redirects: bool,
        idempotency_key: Option<String>,
        own: Option<Own>,
        stream: bool,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let method = http::Method::from_bytes(method.as_bytes())
            .map_err(|_| raise(py, &Error::new(ErrorKind::InvalidConfig, "method is not an HTTP method")))?;
        let mut request = self.0.request(method, url).follow_redirects(follow_redirects);
        if !params.is_empty() {
            request = request.query(&params);
        }
        request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        if let Some(key) = idempotency_key {
            request = request.idempotency_key(key);
        }
        if let Some((timeout,)) = timeout {
            request = request.timeout(duration(timeout));
        }
        if let Some(own) = own {
            request = own.put(request).map_err(|error| raise(py, &error))?;
        }
        request = match (content, source, files) {
            (Some(bytes), ..) => request.body(bytes),
            (_, Some(source), _) => request.body(source.body()),
            (_, _, Some(files)) => request.multipart(form(files)),
            _ => request,
        };
        let request = if stream { request.streamed() } else { request };
        let convert = |py: Python<'_>, raw: Raw| raw.tuple(py);
        match waiter {
            None if stream => drive(py, None, elsewhere(send(request, true)), convert),
            // Boxed: it is large, and moved from hand to hand.
            waiter => drive(py, waiter, Box::pin(send(request, stream)), convert),
        }
    }

    /// The data of a GraphQL answer, as the server wrote it.
    #[pyo3(signature = (query, variables, *, operation_name=None, headers=Vec::new(), timeout=None, own=None,
        waiter=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn graphql(
        &self,
        py: Python<'_>,
        query: String,
        variables: String,
        operation_name: Option<String>,
        headers: Vec<(String, String)>,
        timeout: Option<(Option<f64>,)>,
        own: Option<Own>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        // As they are written: in their order, with numbers of any size.
        let variables = RawValue::from_string(variables)
            .map_err(|_| raise(py, &Error::config("variables", "not JSON")))?;
        let retry = own.as_ref().map(Own::policy).transpose().map_err(|error| raise(py, &error))?.flatten();
        let client = self.0.clone();
        let work = async move {
            let mut request = client.graphql_request(&query).variables(variables);
            request = operation_name.iter().fold(request, |request, name| request.operation_name(name));
            request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            request = timeout.into_iter().fold(request, |request, (most,)| request.timeout(duration(most)));
            request = retry.into_iter().fold(request, GraphqlRequest::retry);
            request = own.and_then(|own| own.replay).into_iter().fold(request, GraphqlRequest::replay);
            match request.send::<Box<RawValue>>().await {
                Ok(data) => Ok(String::from(Box::<str>::from(data))),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, json| Ok(json.into_pyobject(py)?.into_any().unbind()))
    }
}

/// What a request says otherwise than its client, `_request.Own`.
#[derive(FromPyObject)]
struct Own {
    max_sends: Option<u32>,
    retry_statuses: Option<Vec<u16>>,
    replay: Option<bool>,
    without_token: bool,
}

impl Own {
    fn put(self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        let request = self.policy()?.into_iter().fold(request, RequestBuilder::retry);
        let request = self.replay.into_iter().fold(request, RequestBuilder::replay);
        Ok(if self.without_token { request.without_token() } else { request })
    }

    fn policy(&self) -> Result<Option<RetryPolicy>, Error> {
        match (self.max_sends, &self.retry_statuses) {
            (None, None) => Ok(None),
            (sends, statuses) => policy(sends, statuses.clone()).map(Some),
        }
    }
}

fn policy(max_sends: Option<u32>, statuses: Option<Vec<u16>>) -> Result<RetryPolicy, Error> {
    let usual = RetryPolicy::default();
    let statuses = statuses.map_or(Ok(usual.statuses), RetryStatuses::of)?;
    Ok(RetryPolicy { max_sends: max_sends.unwrap_or(usual.max_sends), statuses, ..usual })
}

async fn send(request: RequestBuilder, streamed: bool) -> Result<Raw, Problem> {
    let answered = match request.send().await {
        Ok(response) if streamed => Ok(Raw::stream(response)),
        Ok(response) => Raw::read(response).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(raw) => Ok(raw),
        Err(error) if error.kind() == ErrorKind::InvalidConfig => Err(Problem::of(by_our_names(error)).await),
        Err(error) => Err(Problem::of(error).await),
    }
}

/// A body of Python's, `_request.Source`.
#[derive(FromPyObject)]
struct Source {
    open: Py<PyAny>,
    replayable: bool,
    length: Option<u64>,
}

impl Source {
    fn body(self) -> Body {
        let Self { open, replayable, length } = self;
        if replayable {
            let open = Kept::new(open);
            Body::factory(move || chunks(attached(|py| open.clone_ref(py)).flatten()), length)
        } else {
            Body::once(chunks(Some(open)), length)
        }
    }
}

/// Calls `make` at the first piece, then what it gave for each piece, off the runtime's thread.
fn chunks(make: Option<Py<PyAny>>) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let make = make.map(Kept::new);
    stream::try_unfold((make, None::<Kept<PyAny>>), |(make, next)| async move {
        let piece = move || {
            attached(move |py| -> PyResult<_> {
                let next = match (next.as_ref().and_then(|next| next.clone_ref(py)), &make) {
                    (Some(next), _) => next,
                    (None, Some(make)) => match make.clone_ref(py) {
                        Some(make) => make.call0(py)?,
                        None => return Ok(None),
                    },
                    (None, None) => return Ok(None),
                };
                let piece: Option<Vec<u8>> = next.call0(py)?.extract(py)?;
                Ok(piece.map(|piece| (Bytes::from(piece), (make, Some(Kept::new(next))))))
            })
        };
        match tokio::task::spawn_blocking(piece).await {
            Ok(Some(piece)) => piece.map_err(BoxError::from),
            _ => Err(BoxError::from("the body's iterator was abandoned")),
        }
    })
}

fn form(files: Vec<File>) -> Form {
    files.into_iter().fold(Form::new(), |form, (name, file_name, media_type, content)| {
        let part = Part::bytes(content);
        let part = file_name.into_iter().fold(part, Part::file_name);
        form.part(name, media_type.into_iter().fold(part, Part::content_type))
    })
}

/// Core has other names for some settings.
pub(crate) fn by_our_names(error: Error) -> Error {
    let own = match error.argument() {
        Some("extra_root_certificates[0]") => "verify",
        Some("client_certificate") => "cert",
        Some("proxy") => "proxies",
        Some("path_or_url") => "url",
        Some("query") => "params",
        Some(name) if name.starts_with("header") || name.starts_with("default_header") => "headers",
        _ => return error,
    };
    error.renamed(own)
}

pub(crate) fn duration(seconds: Option<f64>) -> Duration {
    seconds.map_or(Duration::MAX, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
