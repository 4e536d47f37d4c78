# Cells are separated as editors do it. A notebook has a loop that is running: `await` works as it stands.
# %%
# ANCHOR: program
import os

import rekindle

session = rekindle.Session(
    token_url=os.environ["TOKEN_URL"], client_id="app", client_secret="app-secret",
    access_token=os.environ["ACCESS_TOKEN"], refresh_token=os.environ["REFRESH_TOKEN"],
    store=rekindle.FileStore("session.json"),  # a restarted kernel goes on with it
)
client = rekindle.AsyncClient(session, base_url=os.environ["API_URL"])

# %%
(await client.get("/data")).text

# %%
rekindle.Client(session, base_url=os.environ["API_URL"]).get("/data").text  # without `await`, too

# %%
session.token()  # a cell shows it redacted
# ANCHOR_END: program
