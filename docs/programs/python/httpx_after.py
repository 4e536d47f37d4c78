import os

token_url, api = os.environ["TOKEN_URL"], os.environ["API_URL"]

# ANCHOR: program
import json

import httpx
import rekindle
import rekindle.httpx

with open("token.json") as file:  # only the first time: from then on the store knows better
    token = rekindle.Credential.from_response(json.load(file))

session = rekindle.Session(
    token_url=token_url, client_id="app", client_secret="app-secret", credential=token,
    store=rekindle.FileStore("session.json"), origins=[api],
)
with httpx.Client(auth=rekindle.httpx.Auth(session)) as client:
    print(client.get(f"{api}/data").text)
# ANCHOR_END: program
