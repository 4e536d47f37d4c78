package rekindle

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// What the driver needs of the sessions of one number. It holds this and not the Session, so that a session can be garbage-collected.
type served struct {
	// Ends with the last session.
	context   context.Context
	end       context.CancelFunc
	transport http.RoundTripper
	store     Store
	refresh   func(context.Context, RefreshInput) (Tokens, error)
	// Signs in again; or nil.
	login func(context.Context) error
	keys  []*SigningKey
	// The store has a record of this session.
	saved atomic.Bool
	// The key by which further sessions find it; guarded by the driver's mutex `sharing`.
	sharing string

	mutex sync.Mutex
	lives map[*life]struct{}
}

// One Session, until it is closed.
type life struct {
	listeners listeners[Event]
	// Receives each event, too; must not block; or nil.
	hear   func(Event)
	closed atomic.Bool
}

// The session whose store or refresh function a context was passed to.
type insideKey struct{}

// The session whose login handler a context was passed to.
type loginKey struct{}

// In bytes: the core reads no more of a response.
const mostAnswer = 1 << 20

func (s *served) tell(event Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for one := range s.lives {
		one.listeners.tell(event)
		if one.hear != nil {
			one.hear(event)
		}
	}
}

func (s *served) add(one *life) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lives[one] = struct{}{}
}

// Returns whether it was the last one.
func (s *served) remove(one *life) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, had := s.lives[one]
	delete(s.lives, one)
	return had && len(s.lives) == 0
}

// Carries out an effect, and returns its result.
func (s *served) serve(ctx context.Context, asked *effect) (answer message) {
	defer func() {
		// A panic of a store or refresh function must not end the process. The refresh token may have been used.
		if cause := recover(); cause != nil {
			text := fmt.Sprintf("it panicked (%T)", cause)
			answer = message{"error": "maybe_sent", "message": text, "unavailable": text, "thrown": keepThrown(panicked(cause))}
		}
	}()
	switch asked.Effect {
	case "send":
		return s.sendTokenRequest(ctx, asked)
	case "refresh":
		return s.callRefresh(context.WithValue(ctx, insideKey{}, s), asked)
	case "login":
		return s.callLogin(context.WithValue(ctx, loginKey{}, s))
	}
	// A store's work is never canceled.
	answer = askStore(context.WithValue(context.WithoutCancel(ctx), insideKey{}, s), s.store, asked)
	if _, ok := answer["version"]; ok && asked.Effect == "save" {
		s.saved.Store(true)
	}
	return answer
}

// Returns an error if the call comes from a function that the session itself is waiting for.
func (s *served) checkOutside(ctx context.Context) error {
	if ctx.Value(insideKey{}) == s {
		return misuse("a store or refresh function called the session that it serves: it would wait for itself; use a plain http.Client there")
	}
	return nil
}

// Returns an error if a login handler asks for the token that it is about to obtain.
func (s *served) checkTokens(ctx context.Context) error {
	if ctx.Value(loginKey{}) == s {
		return misuse("the login handler asked the session that it signs in for a token: it would wait for itself; sign in first, and use a plain http.Client there")
	}
	return s.checkOutside(ctx)
}

func (s *served) callLogin(ctx context.Context) message {
	if s.login == nil {
		return message{"error": "there is no login handler"}
	}
	err := s.login(ctx)
	if err == nil {
		return message{}
	}
	var own *Error
	if errors.As(err, &own) {
		return message{"error": own.Message, "kind": string(own.Kind), "thrown": keepThrown(err)}
	}
	// Only its type: its message may contain a token.
	return message{"error": fmt.Sprintf("the login handler returned a %T: nobody is signed in", err), "thrown": keepThrown(err)}
}

func (s *served) callRefresh(ctx context.Context, asked *effect) message {
	input := RefreshInput{RefreshToken: asked.RefreshToken, Extra: asked.Extra}
	if asked.Scope != nil {
		input.Scope = *asked.Scope
	}
	tokens, err := s.refresh(ctx, input)
	switch {
	case err == nil:
		return message{"tokens": tokens.toCore()}
	case errors.Is(err, ErrRefreshTokenDead):
		return message{"error": "login_required"}
	case errors.Is(err, ErrNotSent):
		return message{"error": "not_sent", "message": withoutSecrets(err.Error()), "thrown": keepThrown(err)}
	}
	// Only its type: its message may contain a token.
	return message{"error": "maybe_sent", "message": fmt.Sprintf("the refresh function returned a %T", err), "thrown": keepThrown(err)}
}

// The errors of refresh functions and login handlers, by number: the core names the number as the cause of an error.
var thrown struct {
	sync.Mutex
	last uint64
	kept map[uint64]error
}

const mostThrown = 64

func keepThrown(err error) uint64 {
	thrown.Lock()
	defer thrown.Unlock()
	if thrown.kept == nil {
		thrown.kept = map[uint64]error{}
	}
	thrown.last++
	thrown.kept[thrown.last] = err
	delete(thrown.kept, thrown.last-mostThrown)
	return thrown.last
}

func findThrown(number uint64) error {
	thrown.Lock()
	defer thrown.Unlock()
	return thrown.kept[number]
}

func panicked(cause any) error {
	if err, ok := cause.(error); ok {
		return err
	}
	return fmt.Errorf("panic: %v", cause)
}

func (s *served) sendTokenRequest(ctx context.Context, asked *effect) message {
	headers, err := s.complete(asked.Headers)
	if err != nil {
		return message{"error": err.Error(), "sent": false}
	}
	if asked.Body, err = s.completeText(asked.Body); err != nil {
		return message{"error": err.Error(), "sent": false}
	}
	request, err := http.NewRequestWithContext(ctx, asked.Method, asked.URL, strings.NewReader(asked.Body))
	if err != nil {
		return message{"error": "the URL of the token endpoint can't be read", "sent": false}
	}
	// Without GetBody, net/http itself never resends the request: the refresh token may have been used.
	request.GetBody = nil
	if asked.Body == "" {
		request.Body = http.NoBody
		request.ContentLength = 0
	}
	setHeaders(request.Header, headers)
	// A transport follows no redirects and sends no cookies.
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return message{"error": describe(err), "sent": !notSent(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return message{"error": describe(err)}
	}
	return withBody(message{"status": response.StatusCode, "headers": pairs(response.Header)}, body)
}

// Adds a body as text if it is UTF-8, else in base64: the core judges bytes.
func withBody(told message, body []byte) message {
	if utf8.Valid(body) {
		told["body"] = string(body)
	} else {
		told["body_base64"] = base64.StdEncoding.EncodeToString(body)
	}
	return told
}

// Whether certainly no byte of the request was sent.
func notSent(err error) bool {
	var dial *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || (errors.As(err, &dial) && dial.Op == "dial")
}

// The message without the URL that net/http quotes.
func describe(err error) string { return withoutSecrets(err.Error()) }

func pairs(header http.Header) [][2]string {
	all := make([][2]string, 0, len(header))
	for name, values := range header {
		for _, value := range values {
			all = append(all, [2]string{strings.ToLower(name), value})
		}
	}
	return all
}

// Sets headers, replacing those of the same name.
func setHeaders(header http.Header, added [][2]string) {
	for _, pair := range added {
		header.Set(pair[0], pair[1])
	}
}
