//! A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.

use std::env::var;

use rekindle::{Client, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = var("API_URL")?;
    let session = Session::builder("graphql")
        .token_url(&api)
        .tokens(var("ACCESS_TOKEN")?, var("REFRESH_TOKEN")?)
        .build()?;
    let client = Client::builder(session).base_url(&api).graphql_path("/").build()?;
    let query = "{ students(limit: 5) { id fullName classroomName } }";
    let data: serde_json::Value = client.graphql(query, ()).await?;
    println!("{data:#}");
    Ok(())
}
