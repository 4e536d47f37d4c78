"""A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again."""

import json
import os

import rekindle

api = os.environ["API_URL"]
session = rekindle.Session(
    dialect="graphql",
    token_url=api,
    access_token=os.environ["ACCESS_TOKEN"],
    refresh_token=os.environ["REFRESH_TOKEN"],
)
client = rekindle.Client(session, base_url=api, graphql_path="/")
print(json.dumps(client.graphql("{ students(limit: 5) { id fullName classroomName } }"), indent=2))
