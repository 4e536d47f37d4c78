package test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"rekindle.dev/rekindle"
)

func before(ctx context.Context, api, tokenURL string, tokens tokens) (*http.Response, error) {
	// ANCHOR: before
	config := &oauth2.Config{
		ClientID:     "app",
		ClientSecret: "app-secret",
		Endpoint:     oauth2.Endpoint{TokenURL: tokenURL},
	}
	client := config.Client(ctx, &oauth2.Token{
		AccessToken:  tokens.AccessToken,
		RefreshToken: tokens.RefreshToken,
		Expiry:       time.Now().Add(-time.Minute),
	})
	return client.Get(api + "/data")
	// ANCHOR_END: before
}

func after(api, tokenURL, file string, tokens tokens) (*http.Response, error) {
	// ANCHOR: after
	session, err := rekindle.NewSession(rekindle.Options{
		TokenURL:     tokenURL,
		ClientID:     "app",
		ClientSecret: "app-secret",
		Tokens:       &rekindle.Tokens{AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken},
		Origins:      []string{api},
		Store:        rekindle.NewFileStore(file),
	})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Client().Get(api + "/data")
	// ANCHOR_END: after
}

// The programs of the page on moving here, each with an expired token.
func TestMovingFromOauth2(t *testing.T) {
	for name, ask := range map[string]func(*server, tokens) (*http.Response, error){
		"before": func(s *server, made tokens) (*http.Response, error) {
			return before(t.Context(), s.URL, s.URL+"/oauth/token", made)
		},
		"after": func(s *server, made tokens) (*http.Response, error) {
			return after(s.URL, s.URL+"/oauth/token", t.TempDir()+"/session.json", made)
		},
	} {
		t.Run(name+" refreshes once", func(t *testing.T) {
			server := startServer(t, `{"dialect":"oauth","rotation":"strict_family"}`)
			made := server.signIn()
			server.control("POST", "/__expire_all", nil)
			response, err := ask(server, made)
			must(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			must(t, err)
			if response.StatusCode != 200 || !strings.Contains(string(body), "ok") {
				t.Errorf("%s %s", response.Status, body)
			}
			server.mustHaveRefreshedOnce()
		})
	}
}
