package rekindle

import (
	"context"
	"net/http"
	"sync"
)

// More origins than a session has.
const mostQuick = 64

// Requests that need no turn of the core: to an origin that accepted this very token, see "What needs no turn" in ABI.md. What the
// core said is kept, nothing is decided here.
type quickOrigins struct {
	mutex   sync.RWMutex
	origins map[quickOrigin]quickHeader
}

type quickOrigin struct{ scheme, host string }

// How requests to an origin are signed, as the core said last.
type quickHeader struct {
	tag         uint64
	name, value string
}

func originOf(request *http.Request) quickOrigin {
	return quickOrigin{request.URL.Scheme, request.URL.Host}
}

// Sends it with the token that its origin accepted, where that is the token still. Neither an answer nor an error: the core is to be
// asked. A tag: it is to be asked about the answer.
func (t *transport) sendAtOnce(request *http.Request, body *requestBody) (response *http.Response, tag uint64, err error) {
	known, ok := t.session.quickHeader(request)
	if !ok {
		return nil, 0, nil
	}
	attempt, err := body.attempt(request.Context())
	if err != nil {
		return nil, 0, err
	}
	attempt.Header[known.name] = []string{known.value}
	if response, err = t.base.RoundTrip(attempt); err != nil {
		return nil, 0, err
	}
	if response.StatusCode/100 != 2 {
		return response, known.tag, nil
	}
	response.Request = request.WithContext(withJudgement(request.Context(), acceptedJudgement))
	return response, 0, nil
}

var acceptedJudgement = &Judgement{Verdict: "accepted"}

func (s *Session) quickHeader(request *http.Request) (quickHeader, bool) {
	s.quick.mutex.RLock()
	known, ok := s.quick.origins[originOf(request)]
	s.quick.mutex.RUnlock()
	// User names and passwords take the long way.
	if !ok || request.URL.User != nil || s.isClosed() || request.Context().Value(insideKey{}) != nil {
		return quickHeader{}, false
	}
	if _, own := request.Header["Authorization"]; own {
		return quickHeader{}, false
	}
	if _, own := request.Header[known.name]; own {
		return quickHeader{}, false
	}
	s.driver.mutex.Lock()
	defer s.driver.mutex.Unlock()
	return known, s.driver.tag(s.number) == known.tag
}

// An answer from this origin was accepted, to a request that the core signed so.
func (s *Session) learn(request *http.Request, headers [][2]string) {
	token, valid := s.TokenIfValid()
	// A proof of possession is for one request; and the token may have changed since.
	if !valid || len(headers) != 1 || headers[0][1] != token.Authorization() || headers[0][0] != token.Header() {
		return
	}
	known := s.cached.Load()
	if known == nil || known.token.Value() != token.Value() {
		return
	}
	s.quick.mutex.Lock()
	defer s.quick.mutex.Unlock()
	if s.quick.origins == nil || len(s.quick.origins) >= mostQuick {
		s.quick.origins = map[quickOrigin]quickHeader{}
	}
	s.quick.origins[originOf(request)] = quickHeader{known.tag, http.CanonicalHeaderKey(headers[0][0]), headers[0][1]}
}

func (s *Session) unlearn(request *http.Request) {
	s.quick.mutex.RLock()
	_, known := s.quick.origins[originOf(request)]
	s.quick.mutex.RUnlock()
	if known {
		s.quick.mutex.Lock()
		defer s.quick.mutex.Unlock()
		delete(s.quick.origins, originOf(request))
	}
}

// The number that the core knows a tag by; 0: it was restarted since.
func (d *driver) numberOf(tag uint64) uint32 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if tag>>31 != d.instances {
		return 0
	}
	return uint32(tag & (1<<31 - 1))
}

func withJudgement(ctx context.Context, judgement *Judgement) context.Context {
	return context.WithValue(ctx, judgementKey{}, judgement)
}
