// OAuth 2.0: the refresh of RFC 6749, `invalid_grant` as "sign in again", and the counters to watch.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"rekindle.dev/rekindle"
)

func main() {
	ctx := context.Background()
	session, err := rekindle.NewSession(rekindle.Options{
		TokenURL:     os.Getenv("TOKEN_URL"),
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Tokens:       &rekindle.Tokens{AccessToken: os.Getenv("ACCESS_TOKEN"), RefreshToken: os.Getenv("REFRESH_TOKEN")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	client, err := rekindle.NewClient(session, rekindle.ClientOptions{BaseURL: os.Getenv("API_URL")})
	if err != nil {
		log.Fatal(err)
	}
	var data any
	err = client.Get(ctx, "/data", &data)
	if errors.Is(err, rekindle.ErrLoginRequired) {
		fmt.Println("Please sign in again:", err)
	} else {
		fmt.Println(data, err)
	}
	stats, err := session.Stats(ctx)
	fmt.Println(stats["refreshes"], "refreshes,", stats["logins_required"], "sign-ins lost", err)
}
