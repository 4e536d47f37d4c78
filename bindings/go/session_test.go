package rekindle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An API whose token is AT-2 after one refresh, and that revokes everything if RT-1 comes twice.
type api struct {
	*httptest.Server
	refreshes atomic.Int32
	// What it answers to, if that is not AT-2.
	accepted atomic.Value
	hold     atomic.Pointer[chan struct{}]
	reached  chan struct{}
}

func newAPI(t *testing.T) *api {
	a := &api{reached: make(chan struct{}, 1)}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/token" {
		body, _ := io.ReadAll(r.Body)
		if wanted, other := a.accepted.Load().(string); r.Header.Get("Authorization") != "Bearer AT-2" && !other || other && r.Header.Get("Authorization") != wanted {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"body":%q}`, body)
		return
	}
	count := a.refreshes.Add(1)
	select {
	case a.reached <- struct{}{}:
	default:
	}
	if hold := a.hold.Load(); hold != nil {
		<-*hold
	}
	if _ = r.ParseForm(); count == 2 && a.accepted.Load() != nil && r.Form.Get("refresh_token") == "RT-2" {
		fmt.Fprint(w, `{"access_token":"AT-3","refresh_token":"RT-3","expires_in":3600}`)
		return
	}
	if count > 1 || r.Form.Get("refresh_token") != "RT-1" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
}

// From now on answers of the token endpoint wait until they are released.
func (a *api) holdAnswers() (release func()) {
	hold := make(chan struct{})
	a.hold.Store(&hold)
	return func() { close(hold) }
}

func (a *api) session(t *testing.T, options Options) *Session {
	t.Helper()
	options.TokenURL, options.ClientID, options.Origins = a.URL+"/token", "app", []string{a.URL}
	if options.Tokens == nil {
		options.Tokens = &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1"}
	}
	session, err := NewSession(options)
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// spec 3.1
func TestTenThousandGoroutinesOnAnExpiredTokenMakeOneRefresh(t *testing.T) {
	a := newAPI(t)
	session := a.session(t, Options{Tokens: expired()})
	var group sync.WaitGroup
	var wrong atomic.Int32
	for range goroutines {
		group.Go(func() {
			if token, err := session.Token(t.Context()); err != nil || token.Value() != "AT-2" {
				wrong.Add(1)
			}
		})
	}
	group.Wait()
	if wrong.Load() != 0 || a.refreshes.Load() != 1 {
		t.Fatalf("%d without the new token, %d refreshes", wrong.Load(), a.refreshes.Load())
	}
}

func TestRequestsWithARejectedTokenAreSentAgainWithTheirBodiesAfterOneRefresh(t *testing.T) {
	a := newAPI(t)
	client := a.session(t, Options{}).Client()
	var group sync.WaitGroup
	for at := range 20 {
		group.Go(func() {
			body := fmt.Sprintf("body %d", at)
			response, err := client.Post(a.URL+"/data", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			var came struct{ Body string }
			if err := json.NewDecoder(response.Body).Decode(&came); err != nil || came.Body != body {
				t.Errorf("%d %q %v", response.StatusCode, came.Body, err)
			}
		})
	}
	group.Wait()
	if a.refreshes.Load() != 1 {
		t.Fatalf("%d refreshes", a.refreshes.Load())
	}
}

// A body whose GetBody winds it back, as connect-go's does.
type woundBack struct {
	*strings.Reader
	closed int
}

func (w *woundBack) Close() error { w.closed++; return nil }

func TestABodyThatIsWoundBackIsSentWhole(t *testing.T) {
	a := newAPI(t)
	body := &woundBack{Reader: strings.NewReader(`{"query":"{ me }"}`)}
	request, err := http.NewRequest("POST", a.URL+"/data", body)
	must(t, err)
	request.ContentLength = body.Size()
	request.GetBody = func() (io.ReadCloser, error) {
		_, err := body.Seek(0, io.SeekStart)
		return body, err
	}
	response, err := a.session(t, Options{}).Client().Do(request)
	must(t, err)
	defer response.Body.Close()
	var came struct{ Body string }
	must(t, json.NewDecoder(response.Body).Decode(&came))
	if came.Body != `{"query":"{ me }"}` || body.closed == 0 {
		t.Fatal(came.Body, body.closed)
	}
}

func TestAContextThatEndsStopsTheWaitingAndNotTheRefresh(t *testing.T) {
	a := newAPI(t)
	release := a.holdAnswers()
	session := a.session(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { _, err := session.Refresh(ctx); failed <- err }()
	<-a.reached
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	release()
	token, err := session.Token(t.Context())
	for err == nil && token.Value() != "AT-2" {
		// The old token is still valid until the answer is there.
		runtime.Gosched()
		token, err = session.Token(t.Context())
	}
	must(t, err)
	if a.refreshes.Load() != 1 {
		t.Fatalf("%d refreshes", a.refreshes.Load())
	}
}

func TestADeadRefreshTokenIsLoginRequired(t *testing.T) {
	a := newAPI(t)
	session := a.session(t, Options{Tokens: &Tokens{AccessToken: "AT-1", RefreshToken: "RT-dead"}})
	_, err := session.Client().Get(a.URL + "/data")
	var told *Error
	if !errors.Is(err, ErrLoginRequired) || !errors.As(err, &told) || told.OAuthError != "invalid_grant" {
		t.Fatal(err)
	}
}

func TestSettingsThatAreWrongAreInvalidConfig(t *testing.T) {
	_, err := NewSession(Options{TokenURL: "http://auth.example.com/token"})
	if !errors.Is(err, ErrInvalidConfig) {
		t.Fatal(err)
	}
}

func TestNothingShowsASecret(t *testing.T) {
	a := newAPI(t)
	options := Options{ClientSecret: "SECRET-1", Tokens: &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1"}}
	session := a.session(t, options)
	token, err := session.Refresh(t.Context())
	must(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("it", "token", token, "session", session)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("it", "token", token, "session", session)
	for _, shown := range []any{token, session, options, *options.Tokens, RefreshInput{RefreshToken: "RT-1"}, struct{ inner Token }{token}, logged.String()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			text := fmt.Sprintf(verb, shown)
			if strings.Contains(text, "AT-") || strings.Contains(text, "RT-") || strings.Contains(text, "SECRET-") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}

func TestACoreThatFailedIsStartedAnewAndTheStoreKnowsTheTokens(t *testing.T) {
	a := newAPI(t)
	driver, err := newDriver(&systemClock{})
	must(t, err)
	options := Options{TokenURL: a.URL + "/token", ClientID: "app", Origins: []string{a.URL}, Tokens: &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1"}}
	session, err := newSession(options, driver, nil)
	must(t, err)
	defer session.Close()
	_, err = session.Refresh(t.Context())
	must(t, err)
	_, err = session.Shutdown(t.Context(), time.Minute)
	must(t, err)
	driver.mutex.Lock()
	driver.restart("as the test wants it")
	driver.mutex.Unlock()
	token, err := session.Token(t.Context())
	must(t, err)
	if token.Value() != "AT-2" || a.refreshes.Load() != 1 {
		t.Fatalf("generation %d after %d refreshes", token.Generation(), a.refreshes.Load())
	}
}

// spec 1.9
func TestALifetimeCountsFromWhenItWasGivenThoughTheCoreIsStartedAnew(t *testing.T) {
	a, clock := newAPI(t), newManualClock()
	driver, err := newDriver(clock)
	must(t, err)
	session, err := newSession(Options{
		TokenURL: a.URL + "/token", ClientID: "app", Origins: []string{a.URL}, NoBackground: true,
		Tokens: &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1", ExpiresIn: 100 * time.Second},
	}, driver, nil)
	must(t, err)
	defer session.Close()
	token, err := session.Token(t.Context())
	must(t, err)
	clock.advance(40_000)
	driver.mutex.Lock()
	driver.restart("as the test wants it")
	driver.mutex.Unlock()
	again, err := session.Token(t.Context())
	must(t, err)
	if again.Value() != "AT-1" || !again.ExpiresAt().Equal(token.ExpiresAt()) {
		t.Fatal(token.ExpiresAt(), again.ExpiresAt())
	}
	clock.advance(61_000)
	driver.mutex.Lock()
	driver.restart("as the test wants it")
	driver.mutex.Unlock()
	if again, err = session.Token(t.Context()); err != nil || again.Value() == "AT-1" {
		t.Fatal(err, "a token that is over")
	}
}

func TestCloseLeavesNoGoroutineAndNoOpenFile(t *testing.T) {
	a := newAPI(t)
	before, open := runtime.NumGoroutine(), openFiles(t)
	transport := &http.Transport{}
	for range 10 {
		session, err := NewSession(Options{
			TokenURL: a.URL + "/token", ClientID: "app", Origins: []string{a.URL}, Transport: transport,
			Tokens: &Tokens{AccessToken: "AT-2", RefreshToken: "RT-1"}, Store: fileStore(t),
		})
		must(t, err)
		response, err := session.Client().Get(a.URL + "/data")
		must(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		ended := make(chan struct{})
		events := session.Events(context.Background())
		go func() {
			defer close(ended)
			for range events {
			}
		}()
		must(t, session.Close())
		must(t, session.Close())
		<-ended
	}
	transport.CloseIdleConnections()
	a.CloseClientConnections()
	for until := time.Now().Add(time.Minute); runtime.NumGoroutine() > before || openFiles(t) > open; {
		if time.Now().After(until) {
			t.Fatalf("%d goroutines, %d before; %d files, %d before", runtime.NumGoroutine(), before, openFiles(t), open)
		}
		runtime.Gosched()
	}
}

// Where the system tells.
func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAClosedSessionSaysSo(t *testing.T) {
	a := newAPI(t)
	session := a.session(t, Options{})
	must(t, session.Close())
	if _, err := session.Token(t.Context()); !errors.Is(err, ErrMisuse) {
		t.Fatal(err)
	}
}

func TestRequestsToAnOriginThatAcceptedTheTokenNeedNoTurnUntilSomethingIsWrong(t *testing.T) {
	a := newAPI(t)
	session := a.session(t, Options{})
	client := session.Client()
	get := func() int {
		t.Helper()
		response, err := client.Get(a.URL + "/data")
		must(t, err)
		defer response.Body.Close()
		judgement, _ := Judged(response)
		if response.Request.Header.Get("Authorization") != "" || judgement.Verdict != "accepted" {
			t.Error(judgement)
		}
		return response.StatusCode
	}
	get()
	before := session.driver.number()
	for range 10 {
		get()
	}
	if after := session.driver.number(); after != before+1 {
		t.Errorf("%d turns", after-before-1)
	}
	// A token that is rejected after all is refreshed, and the body goes along again.
	a.accepted.Store("Bearer AT-3")
	response, err := client.Post(a.URL+"/data", "text/plain", strings.NewReader("once more"))
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	if string(text) != `{"body":"once more"}` || a.refreshes.Load() != 2 {
		t.Error(string(text), a.refreshes.Load())
	}
	// The request's own header goes as it is.
	request, err := http.NewRequest("GET", a.URL+"/data", nil)
	must(t, err)
	request.Header.Set("Authorization", "Bearer own")
	response, err = client.Do(request)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || a.refreshes.Load() != 2 {
		t.Error(response.Status, a.refreshes.Load())
	}
}
