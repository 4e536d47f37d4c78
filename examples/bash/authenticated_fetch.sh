#!/usr/bin/env bash
# A fetch that stays signed in. Where the tokens are lost for good (exit code 3), it says where to sign in.
rekindle request --profile fetch --fail "${1:-/data}"
code=$?
[ "$code" -eq 3 ] && echo "Please sign in, then: rekindle import --profile fetch < tokens.json"
exit "$code"
