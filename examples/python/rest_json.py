"""GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again."""

import os

import rekindle

api = os.environ["API_URL"]
session = rekindle.Session(
    dialect="json",
    token_url=f"{api}/refresh",
    access_token=os.environ["ACCESS_TOKEN"],
    refresh_token=os.environ["REFRESH_TOKEN"],
)
with rekindle.Client(session, base_url=api) as client:
    print(client.get("/data").raise_for_status().text)
