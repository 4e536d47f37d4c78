package rekindle

import (
	"context"
	"net/http"
	"sync"
)

// More than the origins of any session.
const mostQuick = 64

// Origins that accepted the current token: requests to them need no turn of the core (see "Requests without a turn" in ABI.md).
type quickOrigins struct {
	mutex   sync.RWMutex
	origins map[quickOrigin]quickHeader
}

type quickOrigin struct{ scheme, host string }

// The header that the core last added to a request to an origin.
type quickHeader struct {
	tag         uint64
	name, value string
}

func originOf(request *http.Request) quickOrigin {
	return quickOrigin{request.URL.Scheme, request.URL.Host}
}

// Sends the request with the token that its origin accepted, if that token is still the current one. If it returns neither a response
// nor an error, the core must sign the request; with a tag, the core must judge the response.
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
	// The core must see requests with user names and passwords.
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

// Remembers an origin that accepted a request with these headers of the core.
func (s *Session) learn(request *http.Request, headers [][2]string) {
	token, valid := s.TokenIfValid()
	// A proof of possession is valid for one request only, and the token may have changed.
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

// The core's own number of a tag; 0: the core was restarted since.
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
