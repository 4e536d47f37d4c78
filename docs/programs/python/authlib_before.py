import json
import os

from authlib.integrations.httpx_client import OAuth2Client

token_url, api = os.environ["TOKEN_URL"], os.environ["API_URL"]

# ANCHOR: program
with open("token.json") as file:
    token = json.load(file)


def save(token, refresh_token=None, access_token=None):
    with open("token.json", "w") as file:
        json.dump(token, file)


session = OAuth2Client("app", "app-secret", token=token, token_endpoint=token_url, update_token=save)
print(session.get(f"{api}/data").text)
# ANCHOR_END: program
