#!/usr/bin/env bash
# OAuth 2.0 with your own curl: a fresh access token whenever one is needed, refreshed once for all that run at once.
set -euo pipefail
token=$(rekindle token --profile oauth)
# By standard input, for arguments can be seen by everybody.
curl --silent --show-error --fail --config - "$API_URL/data" <<<"header = \"Authorization: Bearer $token\""
