// GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"rekindle.dev/rekindle"
)

func main() {
	api := os.Getenv("API_URL")
	session, err := rekindle.NewSession(rekindle.Options{
		Dialect:  "json",
		TokenURL: api + "/refresh",
		Origins:  []string{api},
		Tokens:   &rekindle.Tokens{AccessToken: os.Getenv("ACCESS_TOKEN"), RefreshToken: os.Getenv("REFRESH_TOKEN")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	response, err := session.Client().Get(api + "/data")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	fmt.Println(string(data), err)
}
