package rekindle

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
	"weak"
)

// Session keeps one sign-in alive. It is safe for concurrent use.
type Session struct {
	driver *driver
	number uint32
	served *served
	life   *life
	cached atomic.Pointer[taggedToken]
	quick  quickOrigins
	unseen runtime.Cleanup
}

type taggedToken struct {
	tag   uint64
	token Token
}

// Status describes the state of a session. It contains no secrets.
type Status struct {
	// Standing: unread, active, login_required or signed_out.
	Standing    string   `json:"standing"`
	Generation  *uint64  `json:"generation"`
	Valid       bool     `json:"valid"`
	Refreshable bool     `json:"refreshable"`
	Persisted   bool     `json:"persisted"`
	Refreshing  bool     `json:"refreshing"`
	Failures    int      `json:"failures"`
	BackoffMS   *float64 `json:"backoff_ms"`
	Leased      bool     `json:"leased"`
	Scope       *string  `json:"scope"`
	ExpiresAtMS *float64 `json:"expires_at_ms"`
	// RefreshTokenExpiresAtMS is when the refresh token expires, if known.
	RefreshTokenExpiresAtMS *float64 `json:"refresh_token_expires_at_ms"`
	// NeedsSignIn: the user must sign in before a token can be served.
	NeedsSignIn bool `json:"needs_sign_in"`
}

// NewSession creates a session. It sends no request and does not read the store until the first call.
func NewSession(options Options) (*Session, error) {
	driver, err := shared()
	if err != nil {
		return nil, err
	}
	return newSession(options, driver, nil)
}

// `hear` receives all events, from the first one on; must not block; or nil.
func newSession(options Options, driver *driver, hear func(Event)) (*Session, error) {
	settings, err := options.settings()
	if err != nil {
		return nil, err
	}
	served := &served{transport: options.Transport, store: options.Store, refresh: options.Refresh, keys: options.keys(), lives: map[*life]struct{}{}}
	if served.transport == nil {
		served.transport = http.DefaultTransport
	}
	if served.store == nil {
		// Outside of the core, so that its records survive a failure of the core.
		served.store = &MemoryStore{}
	}
	session := &Session{driver: driver, life: &life{hear: hear}}
	if login := options.Login; login != nil {
		// A weak pointer, so that the session can be garbage-collected.
		pointer := weak.Make(session)
		served.login = func(ctx context.Context) error {
			if session := pointer.Value(); session != nil {
				return login(ctx, session)
			}
			return misuse("the session is gone: keep it while it is used")
		}
	}
	if session.number, session.served, err = driver.join(sharingOf(options, settings), settings, served, session.life); err != nil {
		return nil, err
	}
	inside := insideSession{driver, session.number, session.served, session.life}
	session.unseen = runtime.AddCleanup(session, func(inside insideSession) { inside.drop() }, inside)
	return session, nil
}

// Token returns a valid token, refreshing it first if necessary. Canceling the context stops the waiting, not the refresh.
func (s *Session) Token(ctx context.Context) (Token, error) {
	if err := s.served.checkTokens(ctx); err != nil {
		return Token{}, err
	}
	if err := ctx.Err(); err != nil {
		return Token{}, context.Cause(ctx)
	}
	if token, valid := s.TokenIfValid(); valid {
		return token, nil
	}
	return s.askToken(ctx, message{"do": "token"})
}

// TokenFor is like Token, but the token remains valid for at least life.
func (s *Session) TokenFor(ctx context.Context, life time.Duration) (Token, error) {
	return s.askToken(ctx, message{"do": "token", "min_life_ms": max(0, life.Milliseconds())})
}

// TokenIfValid returns the token if it is valid now. It never waits.
func (s *Session) TokenIfValid() (Token, bool) {
	if s.isClosed() {
		return Token{}, false
	}
	s.driver.mutex.Lock()
	tag := s.driver.tag(s.number)
	s.driver.mutex.Unlock()
	if tag == 0 {
		return Token{}, false
	}
	if known := s.cached.Load(); known != nil && known.tag == tag {
		return known.token, true
	}
	var told *tokenData
	err := s.driver.call(context.Background(), message{"do": "token_if_valid", "session": s.number}, &told)
	if err != nil || told == nil {
		return Token{}, false
	}
	// The token may be newer than the tag; it is cached only if the tag is still the same.
	token := newToken(*told)
	s.driver.mutex.Lock()
	defer s.driver.mutex.Unlock()
	if s.driver.tag(s.number) == tag {
		s.cached.Store(&taggedToken{tag, token})
	}
	return token, true
}

// Refresh refreshes the token now, or joins a refresh in progress.
func (s *Session) Refresh(ctx context.Context) (Token, error) {
	return s.askToken(ctx, message{"do": "refresh"})
}

// ForceRefresh is like Refresh, but ignores a back-off and retries once with a refresh token that the server rejected.
func (s *Session) ForceRefresh(ctx context.Context) (Token, error) {
	return s.askToken(ctx, message{"do": "force_refresh"})
}

// Invalidate discards the access token; the next call refreshes it.
func (s *Session) Invalidate() {
	s.cached.Store(nil)
	s.driver.send(message{"do": "invalidate", "session": s.number})
}

// SignIn stores the tokens obtained by a sign-in.
func (s *Session) SignIn(ctx context.Context, tokens Tokens) error {
	return s.call(ctx, message{"do": "sign_in", "credential": tokens.toCore()}, nil)
}

// SignOut deletes the tokens from the session and from the store.
func (s *Session) SignOut(ctx context.Context) error {
	s.cached.Store(nil)
	return s.call(ctx, message{"do": "sign_out"}, nil)
}

// Revocation is the outcome of revoking the tokens at the server.
type Revocation string

// The values that SignOutAndRevoke returns.
const (
	// Revoked means that the server revoked the tokens.
	Revoked Revocation = "revoked"
	// RevocationFailed means that the server was asked but did not revoke the tokens.
	RevocationFailed Revocation = "failed"
	// RevocationNotOffered means that the server does not support revocation.
	RevocationNotOffered Revocation = "not offered"
)

// SignOutAndRevoke is like SignOut, but also asks the server to revoke the tokens (RFC 7009). The tokens are deleted in any case.
func (s *Session) SignOutAndRevoke(ctx context.Context) (Revocation, error) {
	s.cached.Store(nil)
	var revoked *bool
	if err := s.call(ctx, message{"do": "sign_out", "revoke": true}, &revoked); err != nil {
		return "", err
	}
	switch {
	case revoked == nil:
		return RevocationNotOffered, nil
	case *revoked:
		return Revoked, nil
	}
	return RevocationFailed, nil
}

// Status returns the state of the session.
func (s *Session) Status(ctx context.Context) (Status, error) {
	var status Status
	err := s.call(ctx, message{"do": "status"}, &status)
	return status, err
}

// FreshStatus is like Status, but first reads the store if it has not been read yet.
func (s *Session) FreshStatus(ctx context.Context) (Status, error) {
	var status Status
	err := s.call(ctx, message{"do": "status", "fresh": true}, &status)
	return status, err
}

// Stats returns the session's counters since it was created.
func (s *Session) Stats(ctx context.Context) (map[string]uint64, error) {
	stats := map[string]uint64{}
	err := s.call(ctx, message{"do": "stats"}, &stats)
	return stats, err
}

// Events yields every event from this call on, until the context ends, the session is closed, or the loop exits.
// The newest 256 unread events are buffered.
func (s *Session) Events(ctx context.Context) iter.Seq[Event] { return s.life.listeners.iterate(ctx) }

// Client returns an http.Client that signs its requests with the session's token.
func (s *Session) Client() *http.Client { return &http.Client{Transport: s.Transport(nil)} }

// Transport returns a RoundTripper that signs requests to the session's origins, refreshes the token, and resends a request
// if that is safe. Requests are sent by base (nil: the Transport of the session's Options).
func (s *Session) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = s.served.transport
	}
	return &transport{session: s, base: base}
}

// Shutdown waits until all work is done and saved, for at most the given duration. It reports whether that succeeded.
func (s *Session) Shutdown(ctx context.Context, most time.Duration) (bool, error) {
	var told struct {
		Settled bool `json:"settled"`
	}
	err := s.call(ctx, message{"do": "shutdown", "ms": max(0, most.Milliseconds())}, &told)
	return told.Settled, err
}

// Close ends the session after waiting at most 5 s for work in progress to be done and saved. Calling it twice is harmless.
func (s *Session) Close() error {
	settled, err := s.Shutdown(context.Background(), 5*time.Second)
	s.drop()
	if err == nil && !settled {
		return &Error{Kind: ErrTimeout, Message: "something was still under way after 5 s; what it brings is lost: call Shutdown with more time before Close"}
	}
	return nil
}

func (s *Session) drop() {
	s.unseen.Stop()
	insideSession{s.driver, s.number, s.served, s.life}.drop()
}

func (s *Session) isClosed() bool { return s.life.closed.Load() }

// What remains to be done for a session that was garbage-collected.
type insideSession struct {
	driver *driver
	number uint32
	served *served
	life   *life
}

func (i insideSession) drop() {
	i.life.closed.Store(true)
	i.driver.leave(i.number, i.served, i.life)
	i.life.listeners.close()
}

// Format shows no secret, whatever the verb.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.Session{..}") }

// LogValue shows no secret.
func (s *Session) LogValue() slog.Value { return slog.StringValue("rekindle.Session{..}") }

func (s *Session) askToken(ctx context.Context, asked message) (Token, error) {
	var told tokenData
	if err := s.served.checkTokens(ctx); err != nil {
		return Token{}, err
	}
	if err := s.call(ctx, asked, &told); err != nil {
		return Token{}, err
	}
	return newToken(told), nil
}

func (s *Session) call(ctx context.Context, asked message, into any) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	asked["session"] = s.number
	err := s.driver.call(ctx, asked, into)
	// Keeps the session from being garbage-collected during the call.
	runtime.KeepAlive(s)
	return err
}

func (s *Session) check(ctx context.Context) error {
	if s.isClosed() {
		return misuse("this session was closed: make a new one")
	}
	return s.served.checkOutside(ctx)
}
