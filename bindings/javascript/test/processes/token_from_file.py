"""Prints a token from a file that other processes use too: `token_from_file.py FILE TOKEN_URL CLIENT_ID`."""

import sys

import rekindle

file, token_url, client_id = sys.argv[1:]
session = rekindle.Session(store=rekindle.FileStore(file), token_url=token_url, client_id=client_id)
print("started", flush=True)
print(session.token().value)
