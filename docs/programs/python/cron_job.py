import os

# ANCHOR: program
import rekindle

session = rekindle.Session(
    token_url=os.environ["TOKEN_URL"], client_id="app", client_secret="app-secret",
    store=rekindle.FileStore("session.json"),  # the daemon's file
)
with rekindle.Client(session, base_url=os.environ["API_URL"]) as client:
    print(client.get("/data").raise_for_status().text)
# ANCHOR_END: program
