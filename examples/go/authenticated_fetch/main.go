// A fetch that stays signed in over restarts: the tokens are kept in a file. Where they are lost for good, it says where to
// sign in.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"

	"rekindle.dev/rekindle"
)

func main() {
	api := os.Getenv("API_URL")
	session, err := rekindle.NewSession(rekindle.Options{
		Dialect:  "json",
		TokenURL: api + "/api/token/refresh",
		Origins:  []string{api},
		Tokens:   &rekindle.Tokens{AccessToken: os.Getenv("ACCESS_TOKEN"), RefreshToken: os.Getenv("REFRESH_TOKEN")},
		Store:    rekindle.NewFileStore(os.Getenv("SESSION_FILE")),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	response, err := session.Client().Get(api + "/data")
	switch {
	case errors.Is(err, rekindle.ErrLoginRequired):
		fmt.Printf("Please sign in: %s/login\n", api)
	case err != nil:
		fmt.Println("The request failed:", err)
	default:
		defer response.Body.Close()
		fmt.Println(response.Status)
	}
}
