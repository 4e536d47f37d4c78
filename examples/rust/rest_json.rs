//! GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.

use std::env::var;

use rekindle::{Client, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = var("API_URL")?;
    let session = Session::builder("json")
        .token_url(format!("{api}/refresh"))
        .tokens(var("ACCESS_TOKEN")?, var("REFRESH_TOKEN")?)
        .build()?;
    let response = Client::new(session, &api)?.get("/data").send().await?;
    println!("{}", response.error_for_status()?.text().await?);
    Ok(())
}
