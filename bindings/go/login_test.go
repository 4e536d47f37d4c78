package rekindle

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"
)

// An API that takes AT-1.
func newSignInAPI(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer AT-1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func newUnsigned(t *testing.T, api string, login func(context.Context, *Session) error, timeout time.Duration) *Session {
	t.Helper()
	session, err := NewSession(Options{TokenURL: api + "/token", Origins: []string{api}, Login: login, LoginTimeout: timeout, Alone: true})
	must(t, err)
	t.Cleanup(func() { session.drop() })
	return session
}

// spec 12.13
func TestTwentyCallsWaitForOneSignInAndGoOn(t *testing.T) {
	api := newSignInAPI(t)
	var asked atomic.Int32
	begun, letOn := make(chan struct{}), make(chan struct{})
	session := newUnsigned(t, api.URL, func(ctx context.Context, session *Session) error {
		if asked.Add(1) == 1 {
			close(begun)
		}
		<-letOn
		return session.SignIn(ctx, Tokens{AccessToken: "AT-1"})
	}, 0)
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			response, err := session.Client().Get(api.URL)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Error(response.Status)
			}
		})
	}
	<-begun
	close(letOn)
	calls.Wait()
	if asked.Load() != 1 {
		t.Error(asked.Load())
	}
}

// spec 12.13
func TestALoginHandlerThatAsksItsOwnSessionForATokenIsToldAtOnce(t *testing.T) {
	api := newSignInAPI(t)
	var told []error
	session := newUnsigned(t, api.URL, func(ctx context.Context, session *Session) error {
		_, token := session.Token(ctx)
		_, refresh := session.Refresh(ctx)
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, api.URL, nil)
		_, sent := session.Client().Do(request)
		client, err := NewClient(session, ClientOptions{BaseURL: api.URL})
		if err != nil {
			return err
		}
		told = []error{token, refresh, sent, client.Get(ctx, "/data", nil)}
		return session.SignIn(ctx, Tokens{AccessToken: "AT-1"})
	}, 0)
	_, err := session.Token(t.Context())
	must(t, err)
	for _, err := range told {
		if !errors.Is(err, ErrMisuse) || !strings.Contains(err.Error(), "would wait for itself") {
			t.Error(err)
		}
	}
	if len(told) != 4 {
		t.Error(told)
	}
}

// spec 12.13
func TestWhatALoginHandlerReturnsIsTheErrorsCauseAndItIsNotAskedAgainAtOnce(t *testing.T) {
	asked := 0
	failure := errors.New("SECRET-token-in-a-message")
	session := newUnsigned(t, newSignInAPI(t).URL, func(context.Context, *Session) error {
		asked++
		return failure
	}, 0)
	for range 2 {
		_, err := session.Token(t.Context())
		if !errors.Is(err, ErrMisuse) || !errors.Is(err, failure) || strings.Contains(err.Error(), "SECRET") {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Error(asked)
	}
	late := newUnsigned(t, newSignInAPI(t).URL, func(context.Context, *Session) error {
		return &Error{Kind: ErrTimeout, Message: "nobody came back"}
	}, 0)
	if _, err := late.Token(t.Context()); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
}

// spec 12.13
func TestCallsThatDoNotWaitForALoginAreToldAtOnceAndTheSignInGoesOn(t *testing.T) {
	letOn := make(chan struct{})
	session := newUnsigned(t, newSignInAPI(t).URL, func(ctx context.Context, session *Session) error {
		<-letOn
		return session.SignIn(ctx, Tokens{AccessToken: "AT-1"})
	}, -1)
	events := session.Events(t.Context())
	if _, err := session.Token(t.Context()); !errors.Is(err, ErrLoginRequired) {
		t.Error(err)
	}
	close(letOn)
	for event := range events {
		if event.Name == "SignedIn" {
			break
		}
	}
	mustBeSignedIn(t, session)
}

func TestASessionWithALoginHandlerIsCollected(t *testing.T) {
	made := func() weak.Pointer[Session] {
		session, err := NewSession(Options{TokenURL: "https://auth.example.com/token", Alone: true, Login: func(context.Context, *Session) error { return nil }})
		must(t, err)
		return weak.Make(session)
	}()
	for until := time.Now().Add(time.Minute); made.Value() != nil; runtime.GC() {
		if time.Now().After(until) {
			t.Fatal("it is still there")
		}
	}
}
