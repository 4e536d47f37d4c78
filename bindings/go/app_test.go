package rekindle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A server of many users: RT-<user> gives AT-<user>, and is dead after that.
func usersServer(t *testing.T) (string, *atomic.Int32) {
	var refreshes atomic.Int32
	var spent sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/token" {
			fmt.Fprintf(w, `{"token":%q}`, r.Header.Get("Authorization"))
			return
		}
		refreshes.Add(1)
		_ = r.ParseForm()
		given := r.Form.Get("refresh_token")
		if _, was := spent.LoadOrStore(given, true); was {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		user := strings.TrimPrefix(given, "RT-")
		fmt.Fprintf(w, `{"access_token":"AT-%s","refresh_token":"RT-next-%s","expires_in":3600}`, user, user)
	}))
	t.Cleanup(server.Close)
	return server.URL, &refreshes
}

func newTestApp(t *testing.T, url string, options AppOptions) *App {
	t.Helper()
	options.TokenURL, options.ClientID, options.Origins = url+"/token", "app", []string{url}
	app, err := NewApp(options)
	must(t, err)
	t.Cleanup(func() { _ = app.Close() })
	return app
}

func user(name string) Tokens {
	return Tokens{AccessToken: "AT-old", RefreshToken: "RT-" + name, ExpiresAt: time.Unix(1_700_000_000, 0)}
}

func TestEachUserOfAnAppHasOneSessionAndOneRefresh(t *testing.T) {
	url, refreshes := usersServer(t)
	app := newTestApp(t, url, AppOptions{Options: Options{Store: NewFolderStore(t.TempDir())}})
	var group sync.WaitGroup
	for at := range 200 {
		group.Go(func() {
			name := fmt.Sprintf("user-%d", at%20)
			session, err := app.Session(name, user(name))
			if err != nil {
				t.Error(err)
				return
			}
			if token, err := session.Token(t.Context()); err != nil || token.Value() != "AT-"+name {
				t.Error(name, token.Value(), err)
			}
		})
	}
	group.Wait()
	if refreshes.Load() != 20 || app.SessionsInMemory() != 20 {
		t.Fatal(refreshes.Load(), app.SessionsInMemory())
	}
	stats, err := app.Stats(t.Context())
	must(t, err)
	if stats["refreshes"] != 20 {
		t.Fatal(stats)
	}
}

func TestSessionsThatNobodyHoldsAreLetGoOfAndComeBackFromTheStore(t *testing.T) {
	url, refreshes := usersServer(t)
	app := newTestApp(t, url, AppOptions{MostIdle: 1})
	for _, name := range []string{"ada", "bob"} {
		session, err := app.Session(name, user(name))
		must(t, err)
		_, err = session.Token(t.Context())
		must(t, err)
		_, err = session.Shutdown(t.Context(), time.Minute)
		must(t, err)
	}
	for until := time.Now().Add(time.Minute); app.SessionsInMemory() > 1; runtime.GC() {
		if time.Now().After(until) {
			t.Fatal(app.SessionsInMemory())
		}
	}
	again, err := app.Session("ada")
	must(t, err)
	if token, err := again.Token(t.Context()); err != nil || token.Value() != "AT-ada" || refreshes.Load() != 2 {
		t.Fatal(token.Value(), err, refreshes.Load())
	}
	must(t, again.Close())
	anew, err := app.Session("ada")
	must(t, err)
	if anew == again {
		t.Fatal("a closed session is given again")
	}
}

func TestAnAppTellsWhoseEventsTheyAre(t *testing.T) {
	url, _ := usersServer(t)
	app := newTestApp(t, url, AppOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := app.Events(ctx)
	session, err := app.Session("ada", user("ada"))
	must(t, err)
	_, err = session.Token(t.Context())
	must(t, err)
	for key, event := range events {
		if key != "ada" {
			t.Fatal(key)
		}
		if event.Name == "RefreshSucceeded" {
			break
		}
	}
}

func TestWhatIsOneSessionsIsRefusedByAnApp(t *testing.T) {
	for _, options := range []Options{{Key: "x"}, {Tokens: &Tokens{AccessToken: "AT-1"}}, {Store: NewFileStore("x")}, {TokenURL: "nonsense"}} {
		if _, err := NewApp(AppOptions{Options: options}); !errors.Is(err, ErrInvalidConfig) {
			t.Error(err)
		}
	}
	_, err := NewSession(Options{TokenURL: "https://a.example/token", Store: NewFileStore("x"), Key: "ada"})
	if !errors.Is(err, ErrInvalidConfig) {
		t.Error(err)
	}
}
