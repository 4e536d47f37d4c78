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

// SignInOptions configure a sign-in. Zero values are the defaults.
type SignInOptions struct {
	// RedirectURI is the redirect URI that is registered for the client.
	RedirectURI string
	// Scope is a space-separated list. Defaults to the dialect's scope.
	Scope string
	// Resource lists the resources that the tokens are for (RFC 8707).
	Resource []string
	Audience string
	// Prompt is login, consent, select_account or none.
	Prompt    string
	LoginHint string
	ACRValues string
	// MaxAge is the maximum time since the user last signed in; 0: not sent; below a second: sign in now.
	MaxAge time.Duration
	// Claims is JSON (OpenID Connect).
	Claims string
	// ReturnTo is the path in the application to continue at after the sign-in.
	ReturnTo string
	// Parameters are additional parameters for the server.
	Parameters map[string]string
	// Open shows the URL to the user, if a browser on this machine is used. Defaults to opening it in the system's browser.
	Open func(url string) error
	// Device shows the user where to go and which code to enter. If set, SignIn uses the device flow.
	Device func(DeviceCode) error
}

// BegunSignIn is a sign-in that waits for the browser's redirect.
type BegunSignIn struct {
	// URL is the authorization URL to open in the browser.
	URL string
	// State is the state parameter of URL and of the callback URL.
	State string

	pending func() string
}

// Pending returns the data that FinishSignIn needs, valid for an hour. It is a secret: keep it in the user's server-side session.
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

// MarshalJSON always fails, because Pending is a secret.
func (b BegunSignIn) MarshalJSON() ([]byte, error) {
	return nil, misuse("a begun sign-in is not written as JSON: keep its Pending() in the user's server-side session")
}

// DeviceCode is the information to show to the user for a sign-in on another device.
type DeviceCode struct {
	UserCode        string
	VerificationURI string
	// VerificationURIComplete is VerificationURI including the code, for a QR code; or empty.
	VerificationURIComplete string
}

// BeginSignIn begins a browser sign-in with an authorization code and PKCE. The browser is redirected to RedirectURI.
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

// FinishSignIn completes a sign-in that BeginSignIn began, in any process. callback is the URL that the browser was redirected to.
// The session gets the tokens; FinishSignIn returns ReturnTo.
func (s *Session) FinishSignIn(ctx context.Context, pending, callback string) (returnTo string, err error) {
	var told struct {
		ReturnTo string `json:"return_to"`
	}
	err = s.call(ctx, message{"do": "finish_sign_in", "pending": pending, "callback": callback}, &told)
	return told.ReturnTo, err
}

// SignInWithDevice lets the user sign in on another device (RFC 8628). show displays where to go and which code to enter. It
// returns when the user is done, or if show returns an error.
func (s *Session) SignInWithDevice(ctx context.Context, show func(DeviceCode) error, options SignInOptions) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	shown := func(code DeviceCode) {
		// The user's code never runs during a turn.
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

// TokenExchange holds the parameters of a token exchange (RFC 8693).
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

// SignInByAssertion signs in with a JWT assertion for the user (RFC 7523).
func (s *Session) SignInByAssertion(ctx context.Context, assertion, scope string) error {
	grant := message{"grant_type": "jwt_bearer", "assertion": assertion}
	addTexts(grant, map[string]string{"scope": scope})
	return s.call(ctx, message{"do": "sign_in_by_grant", "grant": grant}, nil)
}

// SignInWithPassword signs in with a username and password, if the dialect has a section for them.
func (s *Session) SignInWithPassword(ctx context.Context, username, password, scope string) error {
	grant := message{"grant_type": "password", "username": username, "password": password}
	addTexts(grant, map[string]string{"scope": scope})
	return s.call(ctx, message{"do": "sign_in_by_grant", "grant": grant}, nil)
}

// Discover fetches a server's metadata by its issuer (RFC 8414, OpenID Connect), for Options.Server. The result can be cached.
// base sends the request; nil: http.DefaultTransport.
func Discover(ctx context.Context, issuer string, base http.RoundTripper) (json.RawMessage, error) {
	var server json.RawMessage
	err := ask(ctx, &served{transport: base}, message{"do": "discover", "issuer": issuer}, &server)
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
