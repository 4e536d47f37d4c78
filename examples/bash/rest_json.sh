#!/usr/bin/env bash
# GET from a REST API. Its 401 {"error": "token_expired"} is answered with a refresh, and the GET is sent again.
exec rekindle request --profile rest --fail /data
