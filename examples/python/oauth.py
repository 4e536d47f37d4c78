"""OAuth 2.0: the refresh of RFC 6749, `invalid_grant` as "sign in again", and the counters to watch."""

import os

import rekindle

session = rekindle.Session(
    dialect="oauth2",
    token_url=os.environ["TOKEN_URL"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    access_token=os.environ["ACCESS_TOKEN"],
    refresh_token=os.environ["REFRESH_TOKEN"],
)
try:
    print(rekindle.Client(session, base_url=os.environ["API_URL"]).get("/data").raise_for_status().text)
except rekindle.LoginRequired as error:
    print(f"Please sign in again: {error}")
stats = session.stats()
print(f"{stats['refreshes']} refreshes, {stats['logins_required']} sign-ins lost")
