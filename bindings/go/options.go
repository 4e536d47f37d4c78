package rekindle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Options configure a session. Zero values are the defaults.
type Options struct {
	// Dialect is the name of a preset. Defaults to "oauth2".
	Dialect string
	// DialectData is a custom dialect, instead of a preset: the members of its TOML form.
	DialectData map[string]any
	// TokenURL is the token endpoint, if the dialect does not define it.
	TokenURL string
	// AuthorizationURL is the authorization endpoint, if the dialect does not define it.
	AuthorizationURL string
	// Server is the result of Discover, instead of TokenURL and AuthorizationURL.
	Server       json.RawMessage
	ClientID     string
	ClientSecret string
	// ClientAuth is the client authentication method. Defaults to the one that the dialect defines.
	ClientAuth ClientAuth
	// ClientKey authenticates the client (private_key_jwt), instead of ClientSecret.
	ClientKey *SigningKey
	// DPoPKey is the key that tokens are bound to, if the server supports DPoP (RFC 9449).
	DPoPKey *SigningKey
	// RequireDPoP: new(false) accepts tokens that the server did not bind to DPoPKey. nil: such a token is an error.
	RequireDPoP *bool
	// Variables fill the dialect's placeholders, such as a tenant or an instance.
	Variables map[string]string
	// Tokens are the tokens obtained by a sign-in.
	Tokens *Tokens
	// Origins are the only origins that receive the token.
	Origins []string
	// InsecureOrigins may receive the token without https. Loopback origins need not be listed.
	InsecureOrigins []string
	// Rotation is how the server rotates refresh tokens, if that differs from the dialect.
	Rotation Rotation
	// NoBackground disables the background refresh shortly before expiry.
	NoBackground bool
	// WaitTimeout is how long a call waits for a token. Defaults to 30 s.
	WaitTimeout time.Duration
	// SendTimeout is how long a token request may take. Defaults to 60 s.
	SendTimeout time.Duration
	// Lease is how long other processes wait for a refresh whose process has ended. Defaults to 90 s.
	Lease time.Duration
	// Store keeps the tokens. Defaults to memory.
	Store Store
	// Refresh is a custom function that obtains new tokens. Return an error that wraps ErrNotSent or ErrRefreshTokenDead; any other
	// error means that the refresh token may have been used. Its context must not be used to call the session.
	Refresh func(context.Context, RefreshInput) (Tokens, error)
	// Login signs in again when a call would fail with ErrLoginRequired; callers wait and continue with the new token. Login must
	// call one of the session's SignIn methods, with the context it was given. It runs once for all waiting callers.
	Login func(context.Context, *Session) error
	// LoginTimeout is how long callers wait for Login. Defaults to five minutes; if negative, callers don't wait.
	LoginTimeout time.Duration
	// Transport sends token requests, and other requests if Session.Transport gets a nil base. Defaults to http.DefaultTransport.
	Transport http.RoundTripper
	// ClientCredentials enables the client credentials grant; no user signs in.
	ClientCredentials *ClientCredentials
	// Key identifies the sign-in in a store that keeps several.
	Key string
	// Alone disables sharing state with other sessions of the same store and settings.
	Alone bool
}

// ClientAuth is a client authentication method at the token endpoint, as named by RFC 7591 and OpenID Connect.
type ClientAuth string

const (
	// ClientAuthNone sends the client ID in the body, without a secret.
	ClientAuthNone ClientAuth = "none"
	// ClientSecretBasic uses HTTP Basic authentication.
	ClientSecretBasic ClientAuth = "client_secret_basic"
	// ClientSecretPost sends the client ID and secret in the body.
	ClientSecretPost ClientAuth = "client_secret_post"
	// ClientSecretJWT sends an assertion signed with the secret (RFC 7523).
	ClientSecretJWT ClientAuth = "client_secret_jwt"
	// PrivateKeyJWT sends an assertion signed with Options.ClientKey (RFC 7523).
	PrivateKeyJWT ClientAuth = "private_key_jwt"
)

// Tokens are the tokens obtained by a sign-in or a refresh.
type Tokens struct {
	AccessToken  string
	RefreshToken string
	// ExpiresIn is the remaining lifetime; 0: unknown.
	ExpiresIn time.Duration
	// ExpiresAt is an alternative to ExpiresIn; zero: unknown.
	ExpiresAt time.Time
	Scope     string
	TokenType string
}

// RefreshInput is the input of a refresh. The refresh token must not be sent twice.
type RefreshInput struct {
	RefreshToken string
	Scope        string
	// Extra holds the additional values that came with the last tokens.
	Extra map[string]string
}

// ClientCredentials are the parameters of the client credentials grant.
type ClientCredentials struct {
	Scope      string            `json:"scope,omitempty"`
	Audience   string            `json:"audience,omitempty"`
	Resource   []string          `json:"resource,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Rotation is how a server rotates refresh tokens. The zero value uses the dialect's setting.
type Rotation struct{ value any }

var (
	// RotationNone means that the refresh token stays the same.
	RotationNone = Rotation{"none"}
	// RotationStrict means that each refresh token works once.
	RotationStrict = Rotation{"strict"}
)

// RotationGrace is for servers that accept an old refresh token for a grace period after its use.
func RotationGrace(period time.Duration) Rotation {
	return Rotation{map[string]any{"grace_seconds": int64(period / time.Second)}}
}

// Format shows no secret, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.Options{TokenURL: %q, ClientID: %q}", place(o.TokenURL), o.ClientID)
}

// Format shows no secret, whatever the verb.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.Tokens{..}") }

// MarshalJSON always fails, because tokens that become JSON by accident end up in logs.
func (t Tokens) MarshalJSON() ([]byte, error) {
	return nil, misuse("tokens are not written as JSON: a session's Store keeps them")
}

// Format shows no secret, whatever the verb.
func (r RefreshInput) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "rekindle.RefreshInput{..}")
}

// A message to the core.
type message = map[string]any

// The settings for the core.
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
	if o.RequireDPoP != nil {
		settings["require_dpop"] = *o.RequireDPoP
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
