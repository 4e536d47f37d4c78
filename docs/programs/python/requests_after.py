import os

token_url, api = os.environ["TOKEN_URL"], os.environ["API_URL"]

# ANCHOR: program
import json

import rekindle
import rekindle.requests
import requests

with open("token.json") as file:  # only the first time: from then on the store knows better
    token = rekindle.Credential.from_response(json.load(file))

session = rekindle.Session(
    token_url=token_url, client_id="app", client_secret="app-secret", credential=token,
    store=rekindle.FileStore("session.json"), origins=[api],
)
print(requests.get(f"{api}/data", auth=rekindle.requests.Auth(session)).text)
# ANCHOR_END: program
