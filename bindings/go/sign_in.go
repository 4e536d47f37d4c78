package rekindle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"
)

// SignInOptions say what a sign-in asks for. Zero values are the defaults.
type SignInOptions struct {
	// RedirectURI is where the browser comes back to: as the client is registered.
	RedirectURI string
	// Scope: names with spaces between them; empty: the dialect's.
	Scope string
	// Resource is what the tokens are for (RFC 8707).
	Resource []string
	Audience string
	// Prompt: login, consent, select_account or none.
	Prompt    string
	LoginHint string
	ACRValues string
	// MaxAge is how long ago the user may have signed in; 0: not asked for; below a second: now.
	MaxAge time.Duration
	// Claims is JSON (OpenID Connect).
	Claims string
	// ReturnTo is where the application's user goes afterwards: a path of its own.
	ReturnTo string
	// Parameters are what the server wants besides.
	Parameters map[string]string
	// Open shows the address to the user, where a browser of this machine is used; nil: it is opened in the system's browser.
	Open func(url string) error
	// Device tells the user where to go and what to enter: then SignIn lets them sign in on another device.
	Device func(DeviceCode) error
}

// BegunSignIn is a sign-in that waits for the browser to come back.
type BegunSignIn struct {
	// URL is where the browser goes.
	URL string
	// State is in the URL, and in the address that the browser comes back with.
	State string

	pending func() string
}

// Pending is what must be known when the browser comes back, for an hour. It is a secret: keep it in the user's server-side session.
func (b BegunSignIn) Pending() string {
	if b.pending == nil {
		return ""
	}
	return b.pending()
}

// Format shows no secret, whatever the verb.
func (b BegunSignIn) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "rekindle.BegunSignIn{..}")
}

// MarshalJSON refuses: what is pending is a secret.
func (b BegunSignIn) MarshalJSON() ([]byte, error) {
	return nil, misuse("a begun sign-in is not written as JSON: keep its Pending() in the user's server-side session")
}

// DeviceCode is what the user is shown, to sign in on another device.
type DeviceCode struct {
	UserCode        string
	VerificationURI string
	// VerificationURIComplete is the same with the code in it, for a QR code; or empty.
	VerificationURIComplete string
}

// BeginSignIn begins a sign-in with an authorization code and PKCE, in a browser that comes back to RedirectURI.
func (s *Session) BeginSignIn(ctx context.Context, options SignInOptions) (BegunSignIn, error) {
	var told struct {
		URL     string `json:"url"`
		State   string `json:"state"`
		Pending string `json:"pending"`
	}
	if err := s.call(ctx, message{"do": "begin_sign_in", "asked": options.asked()}, &told); err != nil {
		return BegunSignIn{}, err
	}
	return BegunSignIn{told.URL, told.State, func() string { return told.Pending }}, nil
}

// FinishSignIn ends what BeginSignIn began, in whatever process: callback is the address that the browser came back with. It gives
// ReturnTo; the tokens are the session's.
func (s *Session) FinishSignIn(ctx context.Context, pending, callback string) (returnTo string, err error) {
	var told struct {
		ReturnTo string `json:"return_to"`
	}
	err = s.call(ctx, message{"do": "finish_sign_in", "pending": pending, "callback": callback}, &told)
	return told.ReturnTo, err
}

// SignInWithDevice lets the user sign in on another device (RFC 8628): show tells where to go and what to enter. It returns once the
// user is done; an error of show ends it.
func (s *Session) SignInWithDevice(ctx context.Context, show func(DeviceCode) error, options SignInOptions) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	shown := func(code DeviceCode) {
		// The user's own code never runs during a turn.
		go func() {
			if err := show(code); err != nil {
				stop(err)
			}
		}()
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	return s.driver.callShowing(ctx, message{"do": "sign_in_with_device", "session": s.number, "asked": options.asked()}, nil, shown)
}

// TokenExchange signs in with another token (RFC 8693).
type TokenExchange struct {
	SubjectToken, SubjectTokenType string
	Audience, Scope                string
	Resource                       []string
}

// SignInByTokenExchange signs in with another token (RFC 8693).
func (s *Session) SignInByTokenExchange(ctx context.Context, with TokenExchange) error {
	grant := message{"grant_type": "token_exchange", "subject_token": with.SubjectToken, "subject_token_type": with.SubjectTokenType}
	addTexts(grant, map[string]string{"audience": with.Audience, "scope": with.Scope})
	if with.Resource != nil {
		grant["resource"] = with.Resource
	}
	return s.call(ctx, message{"do": "sign_in_by_grant", "grant": grant}, nil)
}

// SignInByAssertion signs in with a JWT that stands for the user (RFC 7523).
func (s *Session) SignInByAssertion(ctx context.Context, assertion, scope string) error {
	grant := message{"grant_type": "jwt_bearer", "assertion": assertion}
	addTexts(grant, map[string]string{"scope": scope})
	return s.call(ctx, message{"do": "sign_in_by_grant", "grant": grant}, nil)
}

// SignInWithPassword signs in with a user's name and password, where the dialect has a section for them.
func (s *Session) SignInWithPassword(ctx context.Context, username, password, scope string) error {
	grant := message{"grant_type": "password", "username": username, "password": password}
	addTexts(grant, map[string]string{"scope": scope})
	return s.call(ctx, message{"do": "sign_in_by_grant", "grant": grant}, nil)
}

// Discover asks a server what it says of itself, by its issuer (RFC 8414, OpenID Connect): for Options.Server. It can be kept. base
// sends the request; nil: http.DefaultTransport.
func Discover(ctx context.Context, issuer string, base http.RoundTripper) (json.RawMessage, error) {
	var server json.RawMessage
	err := ask(ctx, base, message{"do": "discover", "issuer": issuer}, &server)
	return server, err
}

func (o *SignInOptions) asked() message {
	asked := message{}
	addTexts(asked, map[string]string{
		"redirect_uri": o.RedirectURI, "scope": o.Scope, "audience": o.Audience, "prompt": o.Prompt, "login_hint": o.LoginHint,
		"acr_values": o.ACRValues, "claims": o.Claims, "return_to": o.ReturnTo,
	})
	if o.Resource != nil {
		asked["resource"] = o.Resource
	}
	if o.Parameters != nil {
		asked["parameters"] = o.Parameters
	}
	if o.MaxAge > 0 {
		asked["max_age"] = int64(math.Floor(o.MaxAge.Seconds()))
	}
	return asked
}

func addTexts(to message, texts map[string]string) {
	for name, text := range texts {
		if text != "" {
			to[name] = text
		}
	}
}
