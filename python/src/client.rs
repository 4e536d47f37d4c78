//! The native part of `rekindle.Client` and `rekindle.AsyncClient`.

use bytes::Bytes;
use futures_util::{Stream, stream};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::client::{Body, Cookies, Form, GraphqlRequest, Part, RequestBuilder};
use rekindle::transport::BoxError;
use rekindle::{Error, ErrorKind, RetryPolicy};
use rekindle_bindings::time::limit_seconds;
use rekindle_bindings::{ClientSettings, call, retry_policy};
use serde_json::value::RawValue;

use crate::attach::{Kept, attached};
use crate::errors::{Problem, by_our_names, raise, raised};
use crate::response::Raw;
use crate::run::{Waiter, drive, elsewhere};
use crate::session::Session;
use crate::transport::Transport;

/// Name, file name, media type, content.
type File = (String, Option<String>, Option<String>, Vec<u8>);

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Client(rekindle::Client, Option<Cookies>);

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (session, settings, transport=None, cookies=None))]
    fn new(
        py: Python<'_>,
        session: &Session,
        settings: &Bound<'_, PyDict>,
        transport: Option<PyRef<'_, Transport>>,
        cookies: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let settings: ClientSettings = pythonize::depythonize(settings)?;
        let mut builder = raised(py, settings.apply(rekindle::Client::builder(session.inner.clone())))?;
        let cookies = cookies.map(|set| (Cookies::new(), set));
        if let Some((jar, _)) = &cookies {
            builder = builder.cookies(jar.clone());
        }
        if let Some(transport) = transport {
            builder = builder.transport(transport.0.clone());
        }
        let client = raised(py, builder.build().map_err(by_our_names))?;
        for cookie in cookies.iter().flat_map(|(_, set)| set) {
            raised(py, set(&client, &cookies.as_ref().map(|one| one.0.clone()).unwrap_or_default(), cookie))?;
        }
        Ok(Self(client, cookies.map(|one| one.0)))
    }

    /// The names and values of the cookies that a request to `url` would carry; `None`: this client stores none.
    fn cookies(&self, py: Python<'_>, url: &str) -> PyResult<Option<Vec<(String, String)>>> {
        let Some(jar) = &self.1 else { return Ok(None) };
        raised(py, self.0.url(url).map(|url| Some(jar.of(&url))))
    }

    /// The URL that a request would be sent to.
    fn url(&self, py: Python<'_>, url: &str) -> PyResult<String> {
        raised(py, self.0.url(url).map(String::from).map_err(by_our_names))
    }

    /// Deletes all cookies.
    fn clear_cookies(&self) {
        self.1.iter().for_each(Cookies::clear);
    }

    /// `options` are the optional arguments of a request.
    #[pyo3(signature = (method, url, *, follow_redirects, stream, options=None, waiter=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        follow_redirects: bool,
        stream: bool,
        options: Option<Options>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let method = raised(py, call::method(method))?;
        let mut request = self.0.request(method, url).follow_redirects(follow_redirects);
        if let Some(options) = options {
            request = raised(py, options.put(request))?;
        }
        let request = if stream { request.streamed() } else { request };
        let convert = |py: Python<'_>, raw: Raw| raw.tuple(py);
        match waiter {
            None if stream => drive(py, None, elsewhere(send(request, true)), convert),
            // Boxed because the future is large and is moved several times.
            waiter => drive(py, waiter, Box::pin(send(request, stream)), convert),
        }
    }

    /// The data of a GraphQL response, unchanged.
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
        timeout: Option<f64>,
        own: Option<Own>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        // Variables are kept as written: with the order of their keys, and numbers of any size.
        let variables = RawValue::from_string(variables)
            .map_err(|_| raise(py, &Error::config("variables", "not JSON")))?;
        let retry = raised(py, own.as_ref().map(Own::policy).transpose())?.flatten();
        let client = self.0.clone();
        let work = async move {
            let mut request = client.graphql_request(&query).variables(variables);
            request = operation_name.iter().fold(request, |request, name| request.operation_name(name));
            request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            request = timeout.map(limit_seconds).into_iter().fold(request, GraphqlRequest::timeout);
            request = retry.into_iter().fold(request, GraphqlRequest::retry);
            let own = own.unwrap_or_default();
            let connect = own.connect_timeout.map(limit_seconds).into_iter();
            request = connect.fold(request, GraphqlRequest::connect_timeout);
            let read = own.read_timeout.map(limit_seconds).into_iter();
            request = read.fold(request, GraphqlRequest::read_timeout);
            request = own.replay.into_iter().fold(request, GraphqlRequest::replay);
            match request.send::<Box<RawValue>>().await {
                Ok(data) => Ok(String::from(Box::<str>::from(data))),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, json| Ok(json.into_pyobject(py)?.into_any().unbind()))
    }
}

/// The optional arguments of a request, as `_request.options` returns them. The body is `content` or `source`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    content: Option<Vec<u8>>,
    source: Option<Source>,
    files: Option<Vec<File>>,
    /// In seconds; 0 for no limit.
    timeout: Option<f64>,
    idempotency_key: Option<String>,
    own: Option<Own>,
}

/// The settings of a request that differ from its client's: `_request.Own`.
#[derive(Default, FromPyObject)]
struct Own {
    max_sends: Option<u32>,
    retry_statuses: Option<Vec<u16>>,
    replay: Option<bool>,
    without_token: bool,
    /// In seconds; 0 for no limit.
    connect_timeout: Option<f64>,
    read_timeout: Option<f64>,
}

impl Options {
    fn put(self, mut request: RequestBuilder) -> Result<RequestBuilder, Error> {
        if !self.params.is_empty() {
            request = request.query(&self.params);
        }
        let headers = self.headers.into_iter();
        request = headers.fold(request, |request, (name, value)| request.header(name, value));
        request = self.idempotency_key.into_iter().fold(request, RequestBuilder::idempotency_key);
        request = self.timeout.map(limit_seconds).into_iter().fold(request, RequestBuilder::timeout);
        if let Some(own) = self.own {
            request = own.put(request)?;
        }
        Ok(match (self.content, self.source, self.files) {
            (Some(bytes), ..) => request.body(bytes),
            (_, Some(source), _) => request.body(source.body()),
            (_, _, Some(files)) => request.multipart(form(files)),
            _ => request,
        })
    }
}

impl Own {
    fn put(self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        let request = self.policy()?.into_iter().fold(request, RequestBuilder::retry);
        let request = self.replay.into_iter().fold(request, RequestBuilder::replay);
        let connect = self.connect_timeout.map(limit_seconds).into_iter();
        let request = connect.fold(request, RequestBuilder::connect_timeout);
        let read = self.read_timeout.map(limit_seconds).into_iter();
        let request = read.fold(request, RequestBuilder::read_timeout);
        Ok(if self.without_token { request.without_token() } else { request })
    }

    fn policy(&self) -> Result<Option<RetryPolicy>, Error> {
        let said = self.max_sends.is_some() || self.retry_statuses.is_some();
        said.then(|| retry_policy(self.max_sends, self.retry_statuses.clone())).transpose()
    }
}

/// Makes the cookies belong to the client's base URL and every path of its host.
fn set(client: &rekindle::Client, jar: &Cookies, cookie: &str) -> Result<(), Error> {
    jar.set(&client.url("")?, &format!("{cookie}; Path=/"))
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

/// A Python body, `_request.Source`.
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

/// Calls `make` before the first piece, then the function that it returned for each piece, on another thread than the
/// runtime's.
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
