//! `rekindle graphql`: the data of a query or mutation.

use serde_json::{Map, Value};

use super::input;
use crate::args::GraphqlArgs;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;

pub(crate) async fn run(context: &Context, args: &GraphqlArgs) -> Done {
    let variables = variables(args.variables.as_deref()).await?;
    let query = String::from_utf8(input::text_or_file(&args.query, "QUERY").await?);
    let query = query.map_err(|_| Stop::usage("QUERY: not valid UTF-8"))?;
    let data: Value = context.client()?.graphql(&query, variables).await?;
    output::json(&data)
}

async fn variables(argument: Option<&str>) -> Done<Map<String, Value>> {
    let Some(argument) = argument else { return Ok(Map::new()) };
    let json = input::text_or_file(argument, "--variables").await?;
    serde_json::from_slice(&json).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Stop::usage(format!("--variables: not a JSON object (at {place}); write it as {{\"name\": value}}"))
    })
}
