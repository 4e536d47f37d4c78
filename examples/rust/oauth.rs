//! OAuth 2.0: the refresh of RFC 6749, `invalid_grant` as "sign in again", and the counters to watch.

use std::env::var;

use rekindle::{Client, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = var("API_URL")?;
    let session = Session::builder("oauth2")
        .token_url(var("TOKEN_URL")?)
        .client_id(var("CLIENT_ID")?)
        .client_secret(var("CLIENT_SECRET")?)
        .tokens(var("ACCESS_TOKEN")?, var("REFRESH_TOKEN")?)
        .build()?;
    match Client::new(session.clone(), &api)?.get("/data").send().await {
        Ok(response) => println!("{}", response.error_for_status()?.text().await?),
        Err(error) if error.is_login_required() => println!("Please sign in again: {error}"),
        Err(error) => return Err(error.into()),
    }
    let stats = session.stats();
    println!("{} refreshes, {} sign-ins lost", stats.refreshes, stats.logins_required);
    Ok(())
}
