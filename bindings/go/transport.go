package rekindle

import (
	"context"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// The core judges no more of a body.
const mostJudged = 8 << 20

// GraphQL is read from a request's body up to here.
const mostRead = 1 << 20

// Signs, sends, judges, and sends again. Redirects are the caller's (http.Client's): each hop comes here as a request of its
// own, and the core says for each URL whether the token goes along.
type transport struct {
	session *Session
	base    http.RoundTripper
}

type signed struct {
	Headers      [][2]string `json:"headers"`
	ReadsSuccess bool        `json:"reads_success"`
}

type next struct {
	Next          string      `json:"next"`
	Headers       [][2]string `json:"headers"`
	Verdict       *verdict    `json:"verdict"`
	ReplayRefused string      `json:"replay_refused"`
}

// RoundTrip is http.RoundTripper's. A request without GetBody whose body was read is not sent again.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	body := &requestBody{request: request}
	if led := trailOf(request); led != nil {
		return t.sendOn(request, body, led)
	}
	session := t.session
	sent, tag, err := t.sendAtOnce(request, body)
	if err != nil || (sent != nil && tag == 0) {
		return sent, err
	}
	number := session.driver.number()
	begin := message{
		"do": "begin", "request": number, "method": method(request), "url": request.URL.String(), "headers": pairs(request.Header),
		"body": body.known(),
	}
	if sent != nil {
		sentWith := session.driver.numberOf(tag)
		if sentWith == 0 {
			// Nobody knows any more what it went along with.
			sent.Request = request
			return sent, nil
		}
		begin["sent_with"] = sentWith
	}
	session.unlearn(request)
	var how signed
	err = session.served.checkTokens(ctx)
	if err == nil {
		err = session.call(ctx, begin, &how)
	}
	if err != nil {
		if sent != nil {
			sent.Body.Close()
		} else {
			body.close()
		}
		return nil, err
	}
	defer session.driver.end(number)
	for {
		response := sent
		if sent = nil; response == nil {
			attempt, err := body.attempt(ctx)
			if err != nil {
				return nil, err
			}
			added, err := session.served.complete(how.Headers)
			if err != nil {
				if attempt.Body != nil {
					attempt.Body.Close()
				}
				return nil, err
			}
			setHeaders(attempt.Header, added)
			if response, err = t.base.RoundTrip(attempt); err != nil {
				return nil, err
			}
		}
		said, err := t.judge(ctx, number, response, how.ReadsSuccess)
		if err != nil {
			response.Body.Close()
			return nil, err
		}
		if said.Next != "send_again" {
			// Whoever looks at it finds the request that they made.
			judgement := said.judgement()
			told := withJudgement(ctx, &judgement)
			if judgement.Verdict == "accepted" && !how.ReadsSuccess && response.StatusCode/100 == 2 {
				session.learn(request, how.Headers)
			}
			if isRedirect(response.StatusCode) && judgement.Verdict != "" && judgement.Verdict != "accepted" {
				// It leads to the login page: an http.Client returns what has no Location (spec 2.11).
				response.Header.Del("Location")
			} else if isRedirect(response.StatusCode) {
				if told, err = t.lead(told, request, number, response); err != nil {
					response.Body.Close()
					return nil, err
				}
			}
			response.Request = request.WithContext(told)
			return response, nil
		}
		drain(response)
		how.Headers = said.Headers
	}
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *transport) judge(ctx context.Context, number uint32, response *http.Response, readsSuccess bool) (next, error) {
	reads := response.StatusCode >= 400 || (readsSuccess && mayBeJSON(response.Header))
	// An error is told to whoever reads the body.
	beginning, _ := readBeginning(response, reads)
	answered := message{"do": "answered", "request": number, "status": response.StatusCode, "headers": pairs(response.Header)}
	var said next
	return said, t.session.call(ctx, withBody(answered, beginning), &said)
}

// A body whose beginning was read already.
type readAgain struct {
	io.Reader
	io.Closer
	closed atomic.Bool
}

func (b *readAgain) Read(into []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.Reader.Read(into)
}

func (b *readAgain) Close() error {
	b.closed.Store(true)
	return b.Closer.Close()
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A request's body, which is sent and perhaps sent again.
type requestBody struct {
	request *http.Request
	sent    bool
	// It was read ahead; some packages' GetBody winds back the one body that they have.
	ahead   bool
	dropped bool
	// Whose the last send is; it may still be reading.
	reader *reader
}

var graphqlBegins = regexp.MustCompile(`^\s*[{[]`)

// What the core has to know of it: the text where GraphQL may be in it.
func (b *requestBody) known() any {
	if b.request.Body == nil || b.request.Body == http.NoBody {
		return "none"
	}
	if b.request.GetBody == nil {
		return "once"
	}
	if method(b.request) == http.MethodPost && mayBeGraphQL(b.request.Header) {
		if text, ok := b.text(); ok {
			return message{"text": text}
		}
	}
	return "replayable"
}

func (b *requestBody) text() (string, bool) {
	b.ahead = true
	copied, err := b.request.GetBody()
	if err != nil {
		return "", false
	}
	defer copied.Close()
	text, err := io.ReadAll(io.LimitReader(copied, mostRead+1))
	return string(text), err == nil && len(text) <= mostRead && graphqlBegins.Match(text)
}

// The request for one send; the caller's own is left as it is.
func (b *requestBody) attempt(ctx context.Context) (*http.Request, error) {
	attempt := b.request.WithContext(ctx)
	if attempt.Header = b.request.Header.Clone(); attempt.Header == nil {
		attempt.Header = http.Header{}
	}
	if b.dropped {
		attempt.Body, attempt.GetBody, attempt.ContentLength = nil, nil, 0
		return attempt, nil
	}
	// The last reader is gone before a new one begins: GetBody may give the same file, wound back (spec 11.1).
	if err := b.reader.retire(ctx); err != nil {
		return nil, err
	}
	if !b.sent && !b.ahead {
		b.sent = true
		attempt.Body = b.read(b.request.Body)
		return attempt, nil
	}
	if b.request.GetBody != nil {
		body, err := b.request.GetBody()
		if err != nil {
			return nil, err
		}
		if !b.sent && !same(body, b.request.Body) {
			// It is not sent itself.
			b.close()
		}
		attempt.Body = b.read(body)
	}
	b.sent = true
	return attempt, nil
}

// It was read, and cannot be read again.
func (b *requestBody) isGone() bool {
	return b.sent && !b.dropped && b.request.Body != nil && b.request.Body != http.NoBody && b.request.GetBody == nil
}

// The request goes on without it.
func (b *requestBody) drop() { b.dropped = true }

func (b *requestBody) close() {
	if b.request.Body != nil {
		b.request.Body.Close()
	}
}

func (b *requestBody) read(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	b.reader = &reader{body: body, turn: make(chan struct{}, 1)}
	return b.reader
}

// The body of one send. Transports read it in a goroutine of their own, for a while even after the answer.
type reader struct {
	body io.ReadCloser
	// Held while it is read.
	turn    chan struct{}
	retired bool
	once    sync.Once
	err     error
}

func (r *reader) Read(into []byte) (int, error) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if r.retired {
		return 0, http.ErrBodyReadAfterClose
	}
	return r.body.Read(into)
}

func (r *reader) Close() error {
	r.once.Do(func() { r.err = r.body.Close() })
	return r.err
}

// Nothing is read any more once this returns: a chunk that is being read is waited for.
func (r *reader) retire(ctx context.Context) error {
	if r == nil {
		return nil
	}
	select {
	case r.turn <- struct{}{}:
		r.retired = true
		<-r.turn
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func method(request *http.Request) string {
	if request.Method == "" {
		return http.MethodGet
	}
	return request.Method
}

// GraphQL over HTTP is JSON; some clients don't say so.
func mayBeGraphQL(header http.Header) bool {
	kind := strings.ToLower(header.Get("Content-Type"))
	return kind == "" || strings.Contains(kind, "json") || strings.Contains(kind, "graphql") || strings.HasPrefix(kind, "text/plain")
}

// JSON, or what servers call JSON that they mislabel.
func mayBeJSON(header http.Header) bool {
	given := header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(given)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(strings.Split(given, ";")[0]))
	}
	switch kind {
	case "", "application/json", "text/json", "text/plain", "text/html", "application/octet-stream":
		return true
	}
	return strings.HasSuffix(kind, "+json")
}
