#!/usr/bin/env bash
# A GraphQL query. UNAUTHENTICATED is answered with the mutation `refreshToken`, and the query is sent again.
exec rekindle graphql --profile school '{ students(limit: 5) { id fullName classroomName } }'
