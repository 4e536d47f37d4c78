//! What a request sends, from the options that curl has for it.

use std::path::Path;

use bytes::Bytes;
use rekindle::client::{Form, Part};
use url::form_urlencoded;

use super::input;
use crate::args::RequestArgs;
use crate::exit::{Done, Stop};

/// What `-d` and its kin, `-F` or `-T` come to.
pub(super) enum Data {
    Nothing,
    /// Of a form's media type, unless the caller names another.
    Fields(Bytes),
    /// Of the media type of JSON, unless the caller names another.
    Json(Bytes),
    Multipart(Form),
    /// As it is, by PUT.
    Upload(Bytes),
}

pub(super) async fn data(args: &RequestArgs) -> Done<Data> {
    if let Some(path) = &args.upload_file {
        let bytes = input::text_or_file(&format!("@{}", path.display()), "-T").await?;
        return Ok(Data::Upload(bytes.into()));
    }
    if !args.form.is_empty() {
        return form(&args.form).map(Data::Multipart);
    }
    if let Some(data) = &args.data_binary {
        return Ok(Data::Fields(input::text_or_file(data, "--data-binary").await?.into()));
    }
    if !args.json_data.is_empty() {
        let mut json = Vec::new();
        for data in &args.json_data {
            json.extend(input::text_or_file(data, "--json").await?);
        }
        return Ok(Data::Json(json.into()));
    }
    let parts = fields(args).await?;
    Ok(if parts.is_empty() { Data::Nothing } else { Data::Fields(parts.join(&b'&').into()) })
}

/// The URL, with the data in its query where `-G` asks for that, and a file's name where `-T` leaves it out.
pub(super) fn target(args: &RequestArgs, data: &Data) -> String {
    let target = args.target.clone();
    match (data, &args.upload_file) {
        (Data::Fields(fields), _) if args.get && !fields.is_empty() => {
            let joint = if target.contains('?') { '&' } else { '?' };
            format!("{target}{joint}{}", String::from_utf8_lossy(fields))
        }
        (Data::Upload(_), Some(path)) if target.ends_with('/') => {
            let name = path.file_name().map(|name| encoded(&name.to_string_lossy()));
            target + &name.unwrap_or_default()
        }
        _ => target,
    }
}

async fn fields(args: &RequestArgs) -> Done<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    for data in &args.data {
        let mut part = input::text_or_file(data, "-d").await?;
        if data.starts_with('@') {
            // As curl does: --data-binary keeps them.
            part.retain(|byte| !matches!(byte, b'\n' | b'\r' | 0));
        }
        parts.push(part);
    }
    parts.extend(args.data_raw.iter().map(|data| data.as_bytes().to_vec()));
    for data in &args.data_urlencode {
        parts.push(urlencoded(data).await?.into_bytes());
    }
    Ok(parts)
}

/// `content`, `=content`, `name=content`, `@file` or `name@file`.
async fn urlencoded(data: &str) -> Done<String> {
    let at = data.find(['=', '@']);
    let (name, content) = match at {
        None => ("", data.as_bytes().to_vec()),
        Some(at) if data[at..].starts_with('=') => (&data[..at], data.as_bytes()[at + 1..].to_vec()),
        Some(at) => (&data[..at], input::text_or_file(&data[at..], "--data-urlencode").await?),
    };
    let content: String = form_urlencoded::byte_serialize(&content).collect();
    let content = content.replace('+', "%20");
    Ok(if name.is_empty() { content } else { format!("{name}={content}") })
}

fn encoded(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

fn form(parts: &[String]) -> Done<Form> {
    let mut form = Form::new();
    for (place, given) in parts.iter().enumerate() {
        let bad = |what: &str| Stop::usage(format!("-F, number {}: {what}", place + 1));
        let (name, content) = given.split_once('=').ok_or_else(|| bad("write it as NAME=CONTENT"))?;
        form = match (content.strip_prefix('@'), content.strip_prefix('<')) {
            (Some(file), _) => form.part(name, file_part(file).map_err(|what| bad(&what))?),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                form.text(name, text.map_err(|error| bad(&format!("{path} cannot be read ({error})")))?)
            }
            (None, None) => form.text(name, content),
        };
    }
    Ok(form)
}

/// `path;type=text/plain;filename=name`.
fn file_part(given: &str) -> Result<Part, String> {
    let mut settings = given.split(';');
    let path = settings.next().unwrap_or_default();
    if !Path::new(path).is_file() {
        return Err(format!("{path} is not a file that can be read"));
    }
    settings.try_fold(Part::file(path), |part, setting| match setting.split_once('=') {
        Some(("type", media_type)) => Ok(part.content_type(media_type)),
        Some(("filename", name)) => Ok(part.file_name(name)),
        _ => Err("after a file ;type= and ;filename= are understood".to_owned()),
    })
}
