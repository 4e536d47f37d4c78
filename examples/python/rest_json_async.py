"""GET from a REST API, by asyncio. Its `401 {"error": "token_expired"}` is answered with a refresh and a replay."""

import asyncio
import os

import rekindle


async def main() -> None:
    api = os.environ["API_URL"]
    session = rekindle.Session(
        dialect="json",
        token_url=f"{api}/refresh",
        access_token=os.environ["ACCESS_TOKEN"],
        refresh_token=os.environ["REFRESH_TOKEN"],
    )
    async with rekindle.AsyncClient(session, base_url=api) as client:
        print((await client.get("/data")).raise_for_status().text)


asyncio.run(main())
