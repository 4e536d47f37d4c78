package rekindle

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An authorization server whose user agrees at once.
type signInServer struct {
	*httptest.Server
	mutex      sync.Mutex
	challenges map[string]string
	approved   bool
	sent       []url.Values
}

func newSignInServer(t *testing.T) *signInServer {
	s := &signInServer{challenges: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *signInServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
			"device_authorization_endpoint": s.URL + "/device", "code_challenge_methods_supported": []string{"S256"},
			"response_types_supported": []string{"code"},
		})
	case "/authorize":
		code := fmt.Sprintf("code-%d", len(s.challenges))
		s.challenges[code] = r.Form.Get("code_challenge")
		back := r.Form.Get("redirect_uri") + "?code=" + code + "&state=" + url.QueryEscape(r.Form.Get("state"))
		http.Redirect(w, r, back, http.StatusFound)
	case "/device":
		fmt.Fprintf(w, `{"device_code":"DC","user_code":"ABCD","verification_uri":"%s/enter","expires_in":600,"interval":1}`, s.URL)
	case "/token":
		s.sent = append(s.sent, r.Form)
		s.token(w, r)
	default:
		if r.Header.Get("Authorization") != "Bearer AT-1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

func (s *signInServer) token(w http.ResponseWriter, r *http.Request) {
	refused := ""
	switch r.Form.Get("grant_type") {
	case "authorization_code":
		hash := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
		if s.challenges[r.Form.Get("code")] != base64.RawURLEncoding.EncodeToString(hash[:]) {
			refused = "invalid_grant"
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		if !s.approved {
			refused = "authorization_pending"
		}
	}
	if refused != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":%q}`, refused)
		return
	}
	fmt.Fprint(w, `{"access_token":"AT-1","refresh_token":"RT-1","token_type":"Bearer","expires_in":3600}`)
}

// What the token endpoint was sent.
func (s *signInServer) asked() []url.Values {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.sent)
}

func (s *signInServer) session(t *testing.T) *Session {
	t.Helper()
	server, err := Discover(t.Context(), s.URL, nil)
	must(t, err)
	session, err := NewSession(Options{Server: server, ClientID: "app", Origins: []string{s.URL}, Alone: true})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func mustBeSignedIn(t *testing.T, session *Session) {
	t.Helper()
	if token, err := session.Token(t.Context()); err != nil || token.Value() != "AT-1" {
		t.Fatal(token.Value(), err)
	}
}

// spec 12.8
func TestAUserSignsInWithABrowserOfThisMachine(t *testing.T) {
	s := newSignInServer(t)
	session := s.session(t)
	var page, callback string
	err := session.SignInWithBrowser(t.Context(), SignInOptions{Scope: "openid", Open: func(to string) error {
		response, err := http.Get(to)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		page, callback = string(text), response.Request.URL.String()
		// Somebody who guesses is turned away.
		guessed, asked := http.Get(callback[:strings.Index(callback, "?")] + "?code=x&state=guessed")
		if asked == nil {
			guessed.Body.Close()
			if guessed.StatusCode == http.StatusOK {
				t.Error("a guess is taken")
			}
		}
		return err
	}})
	must(t, err)
	mustBeSignedIn(t, session)
	if !strings.Contains(page, "close this window") || s.asked()[0].Get("client_id") != "app" {
		t.Error(page)
	}
	// Nobody listens there any more.
	if _, err := http.Get(callback); err == nil {
		t.Error("the port is still open")
	}
}

// spec 12.3, 12.5
func TestASignInBeginsAndIsFinishedElsewhere(t *testing.T) {
	s := newSignInServer(t)
	begun, err := s.session(t).BeginSignIn(t.Context(), SignInOptions{RedirectURI: "http://127.0.0.1:49152/callback", ReturnTo: "/settings"})
	must(t, err)
	if shown := fmt.Sprintf("%v %+v %#v", begun, begun, begun); strings.Contains(shown, begun.Pending()) || begun.Pending() == "" {
		t.Error(shown)
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get(begun.URL)
	must(t, err)
	response.Body.Close()
	session := s.session(t)
	if _, err := session.FinishSignIn(t.Context(), begun.Pending(), "http://127.0.0.1:49152/callback?code=theirs&state=guessed"); !errors.Is(err, ErrInvalidResponse) || len(s.asked()) != 0 {
		t.Error(err)
	}
	returnTo, err := session.FinishSignIn(t.Context(), begun.Pending(), response.Header.Get("Location"))
	must(t, err)
	if returnTo != "/settings" {
		t.Error(returnTo)
	}
	mustBeSignedIn(t, session)
}

// spec 12.10
func TestACodeIsTypedInOnAnotherDevice(t *testing.T) {
	s := newSignInServer(t)
	session := s.session(t)
	must(t, session.SignInWithDevice(t.Context(), func(code DeviceCode) error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.approved = code.UserCode == "ABCD" && code.VerificationURI == s.URL+"/enter"
		return nil
	}, SignInOptions{}))
	mustBeSignedIn(t, session)
	lost := errors.New("no screen")
	if err := s.session(t).SignInWithDevice(t.Context(), func(DeviceCode) error { return lost }, SignInOptions{}); err != nil && !errors.Is(err, lost) {
		t.Error(err)
	}
}

func TestAnotherTokenOrAnAssertionSignsIn(t *testing.T) {
	s := newSignInServer(t)
	for kind, signIn := range map[string]func(*Session) error{
		"urn:ietf:params:oauth:grant-type:token-exchange": func(session *Session) error {
			return session.SignInByTokenExchange(context.Background(), TokenExchange{SubjectToken: "T", SubjectTokenType: "urn:ietf:params:oauth:token-type:access_token"})
		},
		"urn:ietf:params:oauth:grant-type:jwt-bearer": func(session *Session) error {
			return session.SignInByAssertion(context.Background(), "a.b.c", "")
		},
	} {
		session := s.session(t)
		must(t, signIn(session))
		mustBeSignedIn(t, session)
		if all := s.asked(); all[len(all)-1].Get("grant_type") != kind {
			t.Error(all)
		}
	}
}

func TestANameAndAPasswordSignInWhereTheDialectHasThem(t *testing.T) {
	asked := make(chan map[string]string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent map[string]string
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || r.URL.Path != "/api/token/" {
			t.Error(r.URL.Path, err)
		}
		asked <- sent
		w.Header().Set("Content-Type", "application/json")
		if sent["password"] != "SECRET-1" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"detail":"No active account found with the given credentials","code":"no_active_account"}`)
			return
		}
		fmt.Fprint(w, `{"access":"AT-1","refresh":"RT-1"}`)
	}))
	defer server.Close()
	session, err := NewSession(Options{Dialect: "simplejwt", Variables: map[string]string{"base_url": server.URL}, Alone: true})
	must(t, err)
	defer session.Close()
	err = session.SignInWithPassword(t.Context(), "ada", "SECRET-2", "")
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "SECRET") {
		t.Error(err)
	}
	must(t, session.SignInWithPassword(t.Context(), "ada", "SECRET-1", ""))
	mustBeSignedIn(t, session)
	for _, password := range []string{"SECRET-2", "SECRET-1"} {
		if sent := <-asked; sent["username"] != "ada" || sent["password"] != password {
			t.Error(sent)
		}
	}
	// A dialect without a section for them sends a password nowhere.
	if err := newSignInServer(t).session(t).SignInWithPassword(t.Context(), "ada", "SECRET-1", ""); !errors.Is(err, ErrInvalidConfig) {
		t.Error(err)
	}
}
