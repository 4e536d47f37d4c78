package rekindle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Options say how a session is made. Zero values are the defaults.
type Options struct {
	// Dialect is a preset's name; empty: "oauth2".
	Dialect string
	// DialectData is a dialect of one's own, in place of a preset: the members of its TOML form.
	DialectData map[string]any
	// TokenURL is where tokens are refreshed, if the dialect does not say so itself.
	TokenURL string
	// AuthorizationURL is where a browser signs in, if the dialect does not say so itself.
	AuthorizationURL string
	// Server is what Discover gave, in place of both.
	Server       json.RawMessage
	ClientID     string
	ClientSecret string
	// ClientAuth is how the client says who it is, where it is registered otherwise than the dialect says; empty: as the dialect says.
	ClientAuth ClientAuth
	// ClientKey says who the client is (private_key_jwt), in place of ClientSecret.
	ClientKey *SigningKey
	// DPoPKey binds tokens to it, where the server does so (RFC 9449).
	DPoPKey *SigningKey
	// RequireDPoP: a token that is not bound to the key is an error.
	RequireDPoP bool
	// Variables are what the dialect leaves open: a tenant, an instance.
	Variables map[string]string
	// Tokens are what a sign-in brought.
	Tokens *Tokens
	// Origins get the token; no other origin does.
	Origins []string
	// InsecureOrigins may get it without https. Loopback needs no mention.
	InsecureOrigins []string
	// Rotation says how the server rotates refresh tokens, where it differs from the dialect.
	Rotation Rotation
	// NoBackground: no refresh shortly before the end while calls go on.
	NoBackground bool
	// WaitTimeout is how long a call waits for a token; 0: 30 s.
	WaitTimeout time.Duration
	// SendTimeout is how long a token request may take; 0: 60 s.
	SendTimeout time.Duration
	// Lease is how long others wait for a refresh whose process is gone; 0: 90 s.
	Lease time.Duration
	// Store is where the tokens are kept; nil: in memory.
	Store Store
	// Refresh gets new tokens in a way of one's own. Return an error that wraps ErrNotSent or ErrRefreshTokenDead; any other
	// error counts as "the refresh token may have been spent". Its context must not be used to call the session.
	Refresh func(context.Context, RefreshInput) (Tokens, error)
	// Login signs in again when a call would get ErrLoginRequired; callers wait, and go on with the new token. It calls one of the
	// session's SignIn methods, with its own context. It runs once, however many callers wait.
	Login func(context.Context, *Session) error
	// LoginTimeout is how long callers wait for Login; 0: five minutes; negative: they don't.
	LoginTimeout time.Duration
	// Transport sends token requests, and requests where Session.Transport is given none; nil: http.DefaultTransport.
	Transport http.RoundTripper
	// ClientCredentials are for the client's own tokens; no user signs in.
	ClientCredentials *ClientCredentials
	// Key says whose sign-in it is, in a store that keeps several.
	Key string
	// Alone: no state is shared with other sessions of the same store and settings.
	Alone bool
}

// ClientAuth is how a client says who it is at the token endpoint, as RFC 7591 and OpenID Connect name it.
type ClientAuth string

const (
	// ClientAuthNone: the client's id in the body, no secret.
	ClientAuthNone ClientAuth = "none"
	// ClientSecretBasic: by HTTP Basic.
	ClientSecretBasic ClientAuth = "client_secret_basic"
	// ClientSecretPost: id and secret in the body.
	ClientSecretPost ClientAuth = "client_secret_post"
	// ClientSecretJWT: an assertion that the secret signs (RFC 7523).
	ClientSecretJWT ClientAuth = "client_secret_jwt"
	// PrivateKeyJWT: an assertion that Options.ClientKey signs (RFC 7523).
	PrivateKeyJWT ClientAuth = "private_key_jwt"
)

// Tokens are what a sign-in or a refresh brought.
type Tokens struct {
	AccessToken  string
	RefreshToken string
	// ExpiresIn is the lifetime from now; 0: unknown.
	ExpiresIn time.Duration
	// ExpiresAt, in place of ExpiresIn; zero: unknown.
	ExpiresAt time.Time
	Scope     string
	TokenType string
}

// RefreshInput is what a refresh is made from. The refresh token must not be sent twice.
type RefreshInput struct {
	RefreshToken string
	Scope        string
	// Extra is what came with the last tokens.
	Extra map[string]string
}

// ClientCredentials are what the client credentials grant asks for.
type ClientCredentials struct {
	Scope      string            `json:"scope,omitempty"`
	Audience   string            `json:"audience,omitempty"`
	Resource   []string          `json:"resource,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Rotation is how a server rotates refresh tokens. The zero value is what the dialect says.
type Rotation struct{ value any }

var (
	// RotationNone: the refresh token stays the same.
	RotationNone = Rotation{"none"}
	// RotationStrict: each refresh token works once.
	RotationStrict = Rotation{"strict"}
)

// RotationGrace is for servers that accept an old refresh token for so long after its use.
func RotationGrace(period time.Duration) Rotation {
	return Rotation{map[string]any{"grace_seconds": int64(period / time.Second)}}
}

// Format shows no secret, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.Options{TokenURL: %q, ClientID: %q}", place(o.TokenURL), o.ClientID)
}

// Format shows no secret, whatever the verb.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.Tokens{..}") }

// MarshalJSON refuses: tokens that become JSON by accident land in a log.
func (t Tokens) MarshalJSON() ([]byte, error) {
	return nil, misuse("tokens are not written as JSON: a session's Store keeps them")
}

// Format shows no secret, whatever the verb.
func (r RefreshInput) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "rekindle.RefreshInput{..}")
}

// A message to the core.
type message = map[string]any

// As the core reads them.
func (o *Options) settings() (message, error) {
	settings := message{
		"background": !o.NoBackground,
		"refresh":    o.Refresh != nil,
		"alone":      o.Alone,
		"store":      storeSettings(o.Store),
	}
	texts := map[string]string{"token_url": o.TokenURL, "authorization_url": o.AuthorizationURL, "client_id": o.ClientID, "client_secret": o.ClientSecret, "client_auth": string(o.ClientAuth), "key": o.Key, "dialect": o.Dialect}
	for name, text := range texts {
		if text != "" {
			settings[name] = text
		}
	}
	times := map[string]time.Duration{"wait_timeout_ms": o.WaitTimeout, "send_timeout_ms": o.SendTimeout, "lease_ms": o.Lease}
	for name, duration := range times {
		if duration < 0 {
			return nil, invalid(name, "a duration of Options is negative: give one above 0, or 0 for the default")
		}
		if duration > 0 {
			settings[name] = max(duration.Milliseconds(), 1)
		}
	}
	if o.Login != nil {
		settings["login"] = true
		if o.LoginTimeout != 0 {
			settings["login_timeout_ms"] = max(o.LoginTimeout.Milliseconds(), 0)
		}
	}
	if o.ClientKey != nil {
		settings["client_key"] = o.ClientKey.shown()
	}
	if o.DPoPKey != nil {
		settings["dpop_key"] = o.DPoPKey.shown()
	}
	if o.RequireDPoP {
		settings["require_dpop"] = true
	}
	if o.Server != nil {
		settings["server"] = o.Server
	}
	if o.DialectData != nil {
		settings["dialect"] = o.DialectData
	}
	if o.Variables != nil {
		settings["variables"] = o.Variables
	}
	if o.Tokens != nil {
		settings["tokens"] = o.Tokens.toCore()
	}
	if o.Origins != nil {
		settings["origins"] = o.Origins
	}
	if o.InsecureOrigins != nil {
		settings["insecure_origins"] = o.InsecureOrigins
	}
	if o.Rotation.value != nil {
		settings["rotation"] = o.Rotation.value
	}
	if o.ClientCredentials != nil {
		settings["client_credentials"] = o.ClientCredentials
	}
	return settings, nil
}

func (o *Options) keys() []*SigningKey {
	var keys []*SigningKey
	for _, key := range []*SigningKey{o.ClientKey, o.DPoPKey} {
		if key != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func (t *Tokens) toCore() message {
	tokens := message{}
	texts := map[string]string{"access_token": t.AccessToken, "refresh_token": t.RefreshToken, "scope": t.Scope, "token_type": t.TokenType}
	for name, text := range texts {
		if text != "" {
			tokens[name] = text
		}
	}
	if t.ExpiresIn != 0 {
		tokens["expires_in"] = t.ExpiresIn.Seconds()
	}
	if !t.ExpiresAt.IsZero() {
		tokens["expires_at_ms"] = t.ExpiresAt.UnixMilli()
	}
	return tokens
}
