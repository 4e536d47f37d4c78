"""A GraphQL query by asyncio. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent
again."""

import asyncio
import json
import os

import rekindle


async def main() -> None:
    api = os.environ["API_URL"]
    session = rekindle.Session(
        dialect="graphql",
        token_url=api,
        access_token=os.environ["ACCESS_TOKEN"],
        refresh_token=os.environ["REFRESH_TOKEN"],
    )
    async with rekindle.AsyncClient(session, base_url=api, graphql_path="/") as client:
        found = await client.graphql("{ students(limit: 5) { id fullName classroomName } }")
        print(json.dumps(found, indent=2))


asyncio.run(main())
