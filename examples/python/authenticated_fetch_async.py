"""A fetch that stays signed in over restarts, by asyncio: the tokens are kept in a file. Where they are lost for good,
it says where to sign in."""

import asyncio
import os

import rekindle


async def main() -> None:
    api = os.environ["API_URL"]
    session = rekindle.Session(
        dialect="json",
        token_url=f"{api}/api/token/refresh",
        access_token=os.environ["ACCESS_TOKEN"],
        refresh_token=os.environ["REFRESH_TOKEN"],
        store=rekindle.FileStore(os.environ["SESSION_FILE"]),
    )
    async with rekindle.AsyncClient(session, base_url=api) as client:
        try:
            response = await client.get("/data")
            print(response.status_code, response.text)
        except rekindle.LoginRequired:
            print(f"Please sign in: {api}/login")


asyncio.run(main())
