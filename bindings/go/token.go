package rekindle

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Token is an access token. Value and Authorization are secrets: send them only where they are needed.
type Token struct {
	// A function: if a Token is an unexported field of another struct, fmt can't call Format, and prints the address of a function for
	// any verb. For some verbs it would follow a pointer.
	data func() tokenData
}

func newToken(data tokenData) Token { return Token{func() tokenData { return data }} }

type tokenData struct {
	Token         string   `json:"token"`
	Authorization string   `json:"authorization"`
	Header        string   `json:"header"`
	Generation    uint64   `json:"generation"`
	ExpiresAt     *float64 `json:"expires_at_ms"`
}

func (t Token) read() tokenData {
	if t.data == nil {
		return tokenData{}
	}
	return t.data()
}

// Value returns the access token itself.
func (t Token) Value() string { return t.read().Token }

// Authorization returns the value of the header that carries the token.
func (t Token) Authorization() string { return t.read().Authorization }

// Header returns the name of the header that carries the token, "authorization" unless the dialect defines another one.
func (t Token) Header() string { return t.read().Header }

// Generation increases by one with each new access token of a sign-in.
func (t Token) Generation() uint64 { return t.read().Generation }

// ExpiresAt returns when the token expires; zero: unknown.
func (t Token) ExpiresAt() time.Time {
	at := t.read().ExpiresAt
	if at == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(*at))
}

// Format shows no secret, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.Token{generation: %d}", t.Generation())
}

// MarshalJSON shows no secret.
func (t Token) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"generation": t.Generation(), "expires_at": t.ExpiresAt()})
}

// LogValue shows no secret.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("generation", t.Generation()), slog.Time("expires_at", t.ExpiresAt()))
}
