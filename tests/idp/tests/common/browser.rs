//! What a person does in a browser, as far as plain forms need one: cookies, redirects, buttons.
#![allow(clippy::panic)] // a test fails where its server does not go on

use std::collections::BTreeMap;

use rekindle_idp::Server;
use url::Url;

/// Follows the authorization request to where it leaves the server: gives the callback.
pub(crate) async fn sign_in(server: &Server, url: &Url) -> String {
    let mut browser = Browser::default();
    let mut next = Step::Get(url.clone());
    for _ in 0..20 {
        let (response, here) = browser.go(next).await;
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        if let Some(location) = location {
            let target = here.join(location).unwrap();
            if !target.as_str().starts_with(&server.base_url) {
                return target.into();
            }
            next = Step::Get(target);
            continue;
        }
        let (status, html) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{here}: {status} {html}");
        next = submit(&here, &html).unwrap_or_else(|| panic!("{here}: no form in {html}"));
    }
    panic!("the server never came to an end");
}

/// Follows pages and forms until one says that it is done: it has no form any more.
pub(crate) async fn until(server: &Server, url: &Url, what: &str) {
    let mut browser = Browser::default();
    let mut next = Step::Get(url.clone());
    for _ in 0..20 {
        let (response, here) = browser.go(next).await;
        if let Some(location) = response.headers().get("location").and_then(|value| value.to_str().ok()) {
            let target = here.join(location).unwrap();
            assert!(target.as_str().starts_with(&server.base_url), "{what} leads to {target}");
            next = Step::Get(target);
            continue;
        }
        let html = response.text().await.unwrap();
        match submit(&here, &html) {
            Some(step) => next = step,
            None => return,
        }
    }
    panic!("{what}: the server never came to an end");
}

#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

enum Step {
    Get(Url),
    Post(Url, Vec<(String, String)>),
}

impl Browser {
    async fn go(&mut self, step: Step) -> (reqwest::Response, Url) {
        let (url, request) = match step {
            Step::Get(url) => (url.clone(), plain().get(url)),
            Step::Post(url, fields) => (url.clone(), plain().post(url).form(&fields)),
        };
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        (response, url)
    }
}

/// Redirects are followed here, with the cookies.
fn plain() -> reqwest::Client {
    drop(super::client()); // installs what TLS needs
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// The page's form with what it has filled in.
fn submit(here: &Url, html: &str) -> Option<Step> {
    let form = html.split("<form").nth(1)?;
    let attribute = |tag: &str, name: &str| {
        tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    let action = here.join(&attribute(form, "action").unwrap_or_default()).ok()?;
    let fields = form.split("<input").skip(1).filter_map(|input| {
        let input = input.split('>').next()?;
        Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
    });
    Some(Step::Post(action, fields.collect()))
}
