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

// In bytes: the core judges no more of a response's body.
const mostJudged = 8 << 20

// In bytes: longer request bodies are not searched for GraphQL.
const mostRead = 1 << 20

// Adds the token, refreshes it, and sends a request again where that is safe. http.Client follows redirects: each hop arrives here as
// another request, and the core decides for each URL whether it gets the token.
type transport struct {
	session *Session
	base    http.RoundTripper
}

type signed struct {
	Headers      [][2]string `json:"headers"`
	ReadsSuccess bool        `json:"reads_success"`
	Quick        bool        `json:"quick"`
}

type next struct {
	Next          string      `json:"next"`
	Headers       [][2]string `json:"headers"`
	Verdict       *verdict    `json:"verdict"`
	ReplayRefused string      `json:"replay_refused"`
}

// RoundTrip implements http.RoundTripper. A request whose body was read is sent again only if it has GetBody.
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
			// The core that knew this token was restarted.
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
			// As with http.Client, the response has the caller's request.
			judgement := said.judgement()
			told := withJudgement(ctx, &judgement)
			if judgement.Verdict == "accepted" && how.Quick && response.StatusCode/100 == 2 {
				session.learn(request, how.Headers)
			}
			if isRedirect(response.StatusCode) && judgement.Verdict != "" && judgement.Verdict != "accepted" {
				// A redirect to the login page: without Location, http.Client returns it (spec 2.11).
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

// CloseIdleConnections closes the idle connections of the base; http.Client.CloseIdleConnections calls it.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *transport) judge(ctx context.Context, number uint32, response *http.Response, readsSuccess bool) (next, error) {
	reads := response.StatusCode >= 400 || (readsSuccess && mayBeJSON(response.Header))
	// The reader of the body gets the error.
	beginning, _ := readBeginning(response, reads)
	answered := message{"do": "answered", "request": number, "status": response.StatusCode, "headers": pairs(response.Header)}
	var said next
	return said, t.session.call(ctx, withBody(answered, beginning), &said)
}

// A body whose beginning has been read already.
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

// A request's body, which may be sent several times.
type requestBody struct {
	request *http.Request
	sent    bool
	// It was read before sending; the GetBody of some packages rewinds their only body.
	ahead   bool
	dropped bool
	// The body of the last send, which may still be read.
	reader *reader
}

var graphqlBegins = regexp.MustCompile(`^\s*[{[]`)

// Describes the body to the core: its text, if it may contain GraphQL.
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

// A copy of the request for one send; the caller's request is not changed.
func (b *requestBody) attempt(ctx context.Context) (*http.Request, error) {
	attempt := b.request.WithContext(ctx)
	if attempt.Header = b.request.Header.Clone(); attempt.Header == nil {
		attempt.Header = http.Header{}
	}
	if b.dropped {
		attempt.Body, attempt.GetBody, attempt.ContentLength = nil, nil, 0
		return attempt, nil
	}
	// The previous reader ends before a new one begins: GetBody may return the same file, rewound (spec 11.1).
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
			// The original body is not sent.
			b.close()
		}
		attempt.Body = b.read(body)
	}
	b.sent = true
	return attempt, nil
}

// Whether it was read, and can't be read again.
func (b *requestBody) isGone() bool {
	return b.sent && !b.dropped && b.request.Body != nil && b.request.Body != http.NoBody && b.request.GetBody == nil
}

// The request continues without a body.
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

// The body of one send. Transports read it in another goroutine, even for a while after the response.
type reader struct {
	body io.ReadCloser
	// Held during a Read.
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

// Waits for a Read in progress; after that, nothing more is read.
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

// Whether a body with these headers may be GraphQL: some clients don't declare JSON.
func mayBeGraphQL(header http.Header) bool {
	kind := strings.ToLower(header.Get("Content-Type"))
	return kind == "" || strings.Contains(kind, "json") || strings.Contains(kind, "graphql") || strings.HasPrefix(kind, "text/plain")
}

// Whether a body with these headers may be JSON: servers often mislabel it.
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
