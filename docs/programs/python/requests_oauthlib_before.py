import json
import os

from requests_oauthlib import OAuth2Session

token_url, api = os.environ["TOKEN_URL"], os.environ["API_URL"]

# ANCHOR: program
with open("token.json") as file:
    token = json.load(file)


def save(token):
    with open("token.json", "w") as file:
        json.dump(token, file)


session = OAuth2Session(
    "app", token=token, token_updater=save, auto_refresh_url=token_url,
    auto_refresh_kwargs={"client_id": "app", "client_secret": "app-secret"},
)
print(session.get(f"{api}/data").text)
# ANCHOR_END: program
