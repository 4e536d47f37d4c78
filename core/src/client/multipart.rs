//! Forms with files: `multipart/form-data` (RFC 7578), replayable if every part is.

use std::fmt::{self, Write};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderValue;
use rekindle_proto::{ErrorKind, Failure};

use super::body::{self, Body};
use crate::error::Error;
use crate::platform::{files, random};
use crate::transport::ByteStream;

/// A multipart form.
///
/// ```
/// use rekindle::client::{Form, Part};
///
/// let form = Form::new()
///     .text("title", "Holidays")
///     .part("picture", Part::bytes([0xff, 0xd8].as_slice()).file_name("a.jpg").content_type("image/jpeg"));
/// # let _ = form;
/// ```
#[derive(Debug, Default)]
pub struct Form(Vec<(String, Part)>);

/// One part of a [`Form`].
#[derive(Debug)]
pub struct Part {
    content: Content,
    file_name: Option<String>,
    content_type: Option<String>,
}

#[derive(Clone)]
enum Content {
    Bytes(Bytes),
    File(PathBuf),
}

/// A field may be a password.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::File(_)) { "File(***)" } else { "Bytes(***)" })
    }
}

impl Form {
    /// An empty form.
    ///
    /// ```
    /// use rekindle::client::Form;
    ///
    /// let form = Form::new().text("title", "Holidays").file("picture", "holidays/a.jpg");
    /// # let _ = form;
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("POST", "/pictures").body_contains("Holidays").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::client::Form;
    ///
    /// let form = Form::new().text("title", "Holidays");
    /// client.post("/pictures").multipart(form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.part(name, Part::bytes(value.into()))
    }

    /// Adds a part.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pictures").body_contains("/json").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::client::{Form, Part};
    ///
    /// let data = Part::bytes(r#"{"public":true}"#).content_type("application/json");
    /// client.post("/pictures").multipart(Form::new().part("data", data)).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.0.push((name.into(), part));
        self
    }

    /// Adds a file under its own name. The file is opened again for each send.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pictures").body_contains("a.jpg").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.jpg");
    /// # std::fs::write(&path, "picture")?;
    /// use rekindle::client::Form;
    ///
    /// let form = Form::new().file("picture", &path);
    /// client.post("/pictures").multipart(form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.part(name, Part::file(path))
    }

    /// The value of Content-Type, and the body.
    pub(super) fn encode(self) -> Result<(HeaderValue, Body), Error> {
        let boundary = boundary()?;
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            .map_err(|_| Error::config("multipart", "no boundary"))?;
        let mut pieces = Vec::with_capacity(self.0.len() * 3 + 1);
        let mut length = 0;
        for (name, part) in self.0 {
            let head = part.head(&boundary, &name)?;
            length += head.len() as u64 + part.content.length(&name)? + 2;
            pieces.extend([
                Content::Bytes(head.into()),
                part.content,
                Content::Bytes(Bytes::from_static(b"\r\n")),
            ]);
        }
        let end = format!("--{boundary}--\r\n");
        length += end.len() as u64;
        pieces.push(Content::Bytes(end.into()));
        Ok((content_type, join(pieces, length)))
    }
}

impl Part {
    /// A part with bytes or text.
    ///
    /// ```
    /// use rekindle::client::{Form, Part};
    ///
    /// let picture = Part::bytes([0xff, 0xd8].as_slice()).file_name("a.jpg").content_type("image/jpeg");
    /// let form = Form::new().part("picture", picture);
    /// # let _ = form;
    /// ```
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { content: Content::Bytes(bytes.into()), file_name: None, content_type: None }
    }

    /// A part with a file's content, which is opened again for each send. The file's size must not change until the
    /// form has been sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("POST", "/pictures").body_contains("image/jpeg").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.jpg");
    /// # std::fs::write(&path, "picture")?;
    /// use rekindle::client::{Form, Part};
    ///
    /// let picture = Part::file(&path).content_type("image/jpeg");
    /// let form = Form::new().part("picture", picture);
    /// client.post("/pictures").multipart(form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let content_type = Some("application/octet-stream".to_owned());
        Self { content: Content::File(path), file_name, content_type }
    }

    /// The file name that the server sees.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pictures").body_contains("a.jpg").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::client::{Form, Part};
    ///
    /// let picture = Part::bytes([0xff, 0xd8].as_slice()).file_name("a.jpg");
    /// let form = Form::new().part("picture", picture);
    /// client.post("/pictures").multipart(form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// The media type of the part.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("POST", "/tables").body_contains("text/csv").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::client::{Form, Part};
    ///
    /// let table = Part::bytes("class,pupils\n4b,23\n").file_name("classes.csv").content_type("text/csv");
    /// client.post("/tables").multipart(Form::new().part("table", table)).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    fn head(&self, boundary: &str, name: &str) -> Result<String, Error> {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escape(name));
        if let Some(file_name) = &self.file_name {
            let _ = write!(head, "; filename=\"{}\"", escape(file_name));
        }
        if let Some(media_type) = &self.content_type {
            HeaderValue::from_str(media_type).map_err(|_| {
                Failure::config("multipart", format_args!(" `{name}`: content_type is not a media type"))
            })?;
            let _ = write!(head, "\r\nContent-Type: {media_type}");
        }
        head.push_str("\r\n\r\n");
        Ok(head)
    }
}

impl Content {
    fn length(&self, name: &str) -> Result<u64, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => files::length(path).map_err(|cause| {
                let what = format_args!(" `{name}`: the file cannot be read");
                Error::from(Failure::config("multipart", what)).with_source(cause)
            }),
        }
    }

    fn stream(self) -> ByteStream {
        match self {
            Self::Bytes(bytes) => Box::pin(stream::once(std::future::ready(Ok(bytes)))),
            Self::File(path) => body::file(path),
        }
    }
}

fn join(pieces: Vec<Content>, length: u64) -> Body {
    if pieces.iter().any(|piece| matches!(piece, Content::File(_))) {
        return Body::factory(move || stream::iter(pieces.clone()).flat_map(Content::stream), Some(length));
    }
    let mut all = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for piece in &pieces {
        if let Content::Bytes(bytes) = piece {
            all.extend_from_slice(bytes);
        }
    }
    all.into()
}

/// Escaped as browsers do it (HTML, multipart form data).
fn escape(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn boundary() -> Result<String, Error> {
    let (first, second) = (random::number(), random::number());
    match (first, second) {
        (Ok(first), Ok(second)) => Ok(format!("rekindle-{first:016x}{second:016x}")),
        _ => Err(Error::new(ErrorKind::System, "the operating system provides no randomness")),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::transport::Outgoing;

    async fn encoded(form: Form) -> (String, String, Option<u64>) {
        let (content_type, mut body) = form.encode().unwrap();
        let (bytes, length) = match body.next().unwrap() {
            Outgoing::Bytes(bytes) => (bytes.to_vec(), None),
            Outgoing::Stream(stream, length) => {
                (stream.try_collect::<Vec<_>>().await.unwrap().concat(), length)
            }
            Outgoing::Empty => (Vec::new(), None),
        };
        (content_type.to_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap(), length)
    }

    #[tokio::test]
    async fn a_form_of_fields_is_encoded_as_the_standard_says() {
        let (content_type, body, _) = encoded(Form::new().text("a\"\r\nb", "1")).await;
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let name = "a%22%0D%0Ab";
        let wanted = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n1\r\n--{boundary}--\r\n"
        );
        assert_eq!(body, wanted);
    }

    #[tokio::test]
    async fn a_form_with_a_file_is_replayable_and_its_length_is_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "content").unwrap();
        let (_, mut replayable) = Form::new().file("f", file.path()).encode().unwrap();
        assert!(replayable.is_replayable() && replayable.next().is_some() && replayable.next().is_some());
        let (_, body, length) = encoded(Form::new().text("t", "1").file("f", file.path())).await;
        assert!(body.contains("\r\n\r\ncontent\r\n"), "{body}");
        assert_eq!(length, Some(body.len() as u64));
    }

    #[test]
    fn a_missing_file_and_a_broken_media_type_name_the_part() {
        let missing = Form::new().file("picture", "/nowhere/at/all").encode().unwrap_err();
        let broken =
            Form::new().part("picture", Part::bytes("x").content_type("a\r\nb")).encode().unwrap_err();
        for error in [missing, broken] {
            assert!(error.to_string().starts_with("InvalidConfig: multipart `picture`"), "{error}");
        }
    }
}
