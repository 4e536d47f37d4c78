"""OAuth 2.0 by asyncio: ten requests at once with an expired token, one refresh; and the counters to watch."""

import asyncio
import os

import rekindle


async def main() -> None:
    session = rekindle.Session(
        dialect="oauth2",
        token_url=os.environ["TOKEN_URL"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        access_token=os.environ["ACCESS_TOKEN"],
        refresh_token=os.environ["REFRESH_TOKEN"],
    )
    async with rekindle.AsyncClient(session, base_url=os.environ["API_URL"]) as client:
        try:
            answers = await asyncio.gather(*(client.get("/data") for _ in range(10)))
            print(answers[0].raise_for_status().text)
        except rekindle.LoginRequired as error:
            print(f"Please sign in again: {error}")
    stats = session.stats()
    print(f"{stats['refreshes']} refreshes, {stats['logins_required']} sign-ins lost")


asyncio.run(main())
