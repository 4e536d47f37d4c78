//! Prints a token from a file that other processes use too: `token_from_file FILE TOKEN_URL CLIENT_ID`.
#![allow(clippy::print_stdout)]

use rekindle::Session;
use rekindle::store::FileStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("{what} is missing"));
    let store = FileStore::new(next("FILE")?);
    let session = Session::builder("oauth2")
        .store(store)
        .token_url(next("TOKEN_URL")?)
        .client_id(next("CLIENT_ID")?)
        .build()?;
    println!("started");
    println!("{}", session.token().await?.value());
    Ok(())
}
