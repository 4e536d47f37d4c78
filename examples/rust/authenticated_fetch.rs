//! A fetch that stays signed in over restarts: the tokens are kept in a file. Where they are lost for good, it
//! says where to sign in.

use std::env::var;

use rekindle::store::FileStore;
use rekindle::{Client, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = var("API_URL")?;
    let session = Session::builder("json")
        .token_url(format!("{api}/api/token/refresh"))
        .tokens(var("ACCESS_TOKEN")?, var("REFRESH_TOKEN")?)
        .store(FileStore::new(var("SESSION_FILE")?))
        .build()?;
    match Client::new(session, &api)?.get("/data").send().await {
        Ok(response) => println!("{} {}", response.status(), response.text().await?),
        Err(error) if error.is_login_required() => println!("Please sign in: {api}/login"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
