package rekindle

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"testing"
)

func answered(t *testing.T, session *Session, place string) int {
	t.Helper()
	response, err := session.Client().Get(place)
	must(t, err)
	response.Body.Close()
	return response.StatusCode
}

// spec 12.8
func TestAUserSignsInAtOIDCProviderIsRefreshedAndSignedOutAndTheTokensAreRevoked(t *testing.T) {
	p := newProvider(t)
	server, err := Discover(t.Context(), p.url, nil)
	must(t, err)
	session, err := NewSession(Options{Server: server, ClientID: "pub", Origins: []string{p.url}, Alone: true})
	must(t, err)
	defer session.Close()
	asked := SignInOptions{Scope: "openid offline_access", Prompt: "consent", Open: p.browser("ann")}
	must(t, session.SignInWithBrowser(t.Context(), asked))
	if status := answered(t, session, p.url+"/api/data"); status != http.StatusOK {
		t.Error(status)
	}
	session.Invalidate()
	if status := answered(t, session, p.url+"/api/data"); status != http.StatusOK || p.stats(t)["refreshes"] != 1 {
		t.Error(status, p.stats(t))
	}
	token, err := session.Token(t.Context())
	must(t, err)
	revoked, err := session.SignOutAndRevoke(t.Context())
	if err != nil || revoked != Revoked {
		t.Error(revoked, err)
	}
	if _, err := session.Token(t.Context()); !errors.Is(err, ErrSignedOut) {
		t.Error(err)
	}
	request, err := http.NewRequest(http.MethodGet, p.url+"/api/data", nil)
	must(t, err)
	request.Header.Set("Authorization", token.Authorization())
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Error(response.Status)
	}
}

func TestAServerThatRevokesNothingIsSaid(t *testing.T) {
	session, err := NewSession(Options{TokenURL: "https://auth.example.com/token", Tokens: &Tokens{AccessToken: "AT-1"}, Alone: true})
	must(t, err)
	defer session.Close()
	if revoked, err := session.SignOutAndRevoke(t.Context()); err != nil || revoked != RevocationNotOffered {
		t.Error(revoked, err)
	}
}

func TestFromAClientIDToAnAnsweredRequestAndAStoreThatHoldsTheSignInAsksNobody(t *testing.T) {
	p := newProvider(t)
	options := Options{ClientID: "pub", Origins: []string{p.url}, Store: &MemoryStore{Name: "minute"}}
	asked := SignInOptions{Scope: "openid offline_access", Prompt: "consent", Open: p.browser("ann")}
	session, err := SignIn(t.Context(), p.url, options, asked)
	must(t, err)
	defer session.Close()
	if status := answered(t, session, p.url+"/api/data"); status != http.StatusOK {
		t.Error(status)
	}
	asked.Open = func(string) error { return errors.New("nobody is asked") }
	again, err := SignIn(t.Context(), p.url, options, asked)
	must(t, err)
	defer again.Close()
	if status := answered(t, again, p.url+"/api/data"); status != http.StatusOK {
		t.Error(status)
	}
}

// spec 12.13
func TestWhoseSignInIsOverIsAskedAgain(t *testing.T) {
	p := newProvider(t)
	asked := SignInOptions{Scope: "openid offline_access", Device: func(code DeviceCode) error {
		_, err := p.person("ann", code.VerificationURIComplete)
		return err
	}}
	session, err := SignIn(t.Context(), p.url, Options{ClientID: "pub", Origins: []string{p.url}, Alone: true}, asked)
	must(t, err)
	defer session.Close()
	must(t, session.SignIn(t.Context(), Tokens{AccessToken: "dead", RefreshToken: "dead"}))
	if status := answered(t, session, p.url+"/api/data"); status != http.StatusOK {
		t.Error(status)
	}
}

// spec 12.16
func TestAnMCPServerIsSignedInToFromItsAddress(t *testing.T) {
	p := newProvider(t)
	asked := SignInOptions{Open: p.browser("ann")}
	session, err := SignInToAPI(t.Context(), p.url+"/mcp", "notes", Options{}, asked)
	must(t, err)
	defer session.Close()
	if status := answered(t, session, p.url+"/mcp"); status != http.StatusOK {
		t.Error(status)
	}
	silent := httptest.NewServer(http.NotFoundHandler())
	defer silent.Close()
	if _, err := SignInToAPI(t.Context(), silent.URL, "notes", Options{}, asked); !errors.Is(err, ErrInvalidResponse) {
		t.Error(err)
	}
}

// spec 12.18
func TestASecondStartUsesTheKeptRegistrationAndAsksNobody(t *testing.T) {
	p := newProvider(t)
	home := t.TempDir()
	stores := map[string]func() Store{
		"file":   func() Store { return NewFileStore(home + "/mcp.json") },
		"folder": func() Store { return NewFolderStore(home + "/accounts") },
	}
	for name, open := range stores {
		before, opened := p.stats(t)["registrations"], 0
		asked := SignInOptions{Scope: "offline_access tools", Prompt: "consent", Open: func(to string) error {
			opened++
			return p.browser("ann")(to)
		}}
		for range 2 {
			session, err := SignInToAPI(t.Context(), p.url+"/mcp", "notes", Options{Store: open(), Alone: true}, asked)
			must(t, err)
			if status := answered(t, session, p.url+"/mcp"); status != http.StatusOK {
				t.Error(name, status)
			}
			session.Close()
		}
		if registrations := p.stats(t)["registrations"] - before; registrations != 1 || opened != 1 {
			t.Error(name, registrations, opened)
		}
	}
	if _, err := os.Stat(home + "/mcp.json.client"); err != nil {
		t.Error(err)
	}
	// The registration is no account, and neither is a session without a key.
	accounts, err := NewApp(AppOptions{Options: Options{TokenURL: p.url + "/token", ClientID: "pub", Store: NewFolderStore(home + "/accounts")}})
	must(t, err)
	defer accounts.Close()
	if keys, err := accounts.Accounts(t.Context()); err != nil || len(keys) != 0 {
		t.Error(keys, err)
	}
}

// spec 12.17
func TestTwoAccountsAreListedSwitchedAndRemoved(t *testing.T) {
	p := newProvider(t)
	server, err := Discover(t.Context(), p.url, nil)
	must(t, err)
	for name, store := range map[string]Store{"memory": &MemoryStore{}, "folder": NewFolderStore(t.TempDir() + "/accounts")} {
		app, err := NewApp(AppOptions{Options: Options{Server: server, ClientID: "pub", Origins: []string{p.url}, Store: store}})
		must(t, err)
		scope := SignInOptions{Scope: "openid offline_access", Prompt: "consent"}
		for _, who := range []string{"bea", "ann"} {
			scope.Open = p.browser(who)
			signedIn, err := app.SignInWithBrowser(t.Context(), "", scope)
			must(t, err)
			if signedIn.Key != who || answered(t, signedIn.Session, p.url+"/api/data") != http.StatusOK {
				t.Error(name, signedIn.Key)
			}
		}
		begun, err := app.BeginSignIn(t.Context(), SignInOptions{RedirectURI: "http://127.0.0.1:49152/callback", Scope: "openid offline_access", Prompt: "consent", ReturnTo: "/settings"})
		must(t, err)
		callback, err := p.person("eve", begun.URL)
		must(t, err)
		signedIn, err := app.FinishSignIn(t.Context(), begun.Pending(), callback, "user-42")
		if err != nil || signedIn.Key != "user-42" || signedIn.ReturnTo != "/settings" {
			t.Error(name, signedIn.Key, err)
		}
		accounts, err := app.Accounts(t.Context())
		if err != nil || !reflect.DeepEqual(accounts, []string{"ann", "bea", "user-42"}) {
			t.Error(name, accounts, err)
		}
		if revoked, err := app.Remove(t.Context(), "bea"); err != nil || revoked != Revoked {
			t.Error(name, revoked, err)
		}
		if accounts, err = app.Accounts(t.Context()); err != nil || !reflect.DeepEqual(accounts, []string{"ann", "user-42"}) {
			t.Error(name, accounts, err)
		}
		must(t, app.Close())
	}
}

// spec 12.17
func TestWithoutAKeyAndWithoutOpenIDNothingIsSent(t *testing.T) {
	p := newProvider(t)
	server, err := Discover(t.Context(), p.url, nil)
	must(t, err)
	app, err := NewApp(AppOptions{Options: Options{Server: server, ClientID: "pub", Origins: []string{p.url}}})
	must(t, err)
	defer app.Close()
	begun, err := app.BeginSignIn(t.Context(), SignInOptions{RedirectURI: "http://127.0.0.1:49152/callback", Scope: "offline_access"})
	must(t, err)
	if _, err := app.FinishSignIn(t.Context(), begun.Pending(), "http://127.0.0.1:49152/callback?code=c&state="+begun.State, ""); !errors.Is(err, ErrInvalidConfig) || p.stats(t)["token_requests"] != 0 {
		t.Error(err, p.stats(t))
	}
}

// spec 12.17
func TestAKeyIsToldFromItsFileAndNothingElseIs(t *testing.T) {
	for _, key := range []string{"user-42", "Ada", `a/b\c`, "..", "con", "adä", "auth0|5f"} {
		if found, ok := keyOf(fileNameOf(key)); !ok || found != key {
			t.Error(key, found)
		}
	}
	for _, name := range []string{"ada.json.lock", "ada", "=4.json", "=zz.json", "Ada.json", "=+4.json"} {
		if found, ok := keyOf(name); ok {
			t.Error(name, found)
		}
	}
}
