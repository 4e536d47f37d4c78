// A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"rekindle.dev/rekindle"
)

func main() {
	api := os.Getenv("API_URL")
	session, err := rekindle.NewSession(rekindle.Options{
		Dialect:  "graphql",
		TokenURL: api,
		Tokens:   &rekindle.Tokens{AccessToken: os.Getenv("ACCESS_TOKEN"), RefreshToken: os.Getenv("REFRESH_TOKEN")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	client, err := rekindle.NewClient(session, rekindle.ClientOptions{BaseURL: api, GraphQLPath: "/"})
	if err != nil {
		log.Fatal(err)
	}
	var data map[string]any
	if err := client.GraphQL(context.Background(), "{ students(limit: 5) { id fullName classroomName } }", nil, &data); err != nil {
		log.Fatal(err)
	}
	fmt.Println(data)
}
