"""A fetch that stays signed in over restarts: the tokens are kept in a file. Where they are lost for good, it
says where to sign in."""

import os

import rekindle

api = os.environ["API_URL"]
session = rekindle.Session(
    dialect="json",
    token_url=f"{api}/api/token/refresh",
    access_token=os.environ["ACCESS_TOKEN"],
    refresh_token=os.environ["REFRESH_TOKEN"],
    store=rekindle.FileStore(os.environ["SESSION_FILE"]),
)
try:
    response = rekindle.Client(session, base_url=api).get("/data")
    print(response.status_code, response.text)
except rekindle.LoginRequired:
    print(f"Please sign in: {api}/login")
