package rekindle

import (
	"context"
	"net/http"
	"strings"
)

// A request that a redirect has led away from its origin: the token is no longer sent, not even if a redirect leads back, and of its own
// headers only those that carry no credential.
type trail struct {
	// In lower case.
	denied map[string]bool
}

type trailKey struct{}

type hop struct {
	Own     [][2]string `json:"own"`
	Headers [][2]string `json:"headers"`
}

// http.Client sets the response that caused a request.
func trailOf(request *http.Request) *trail {
	if request.Response == nil || request.Response.Request == nil {
		return nil
	}
	led, _ := request.Response.Request.Context().Value(trailKey{}).(*trail)
	return led
}

// Asks the core what may be sent with the next hop of a redirect that http.Client follows.
func (t *transport) lead(ctx context.Context, request *http.Request, number uint32, response *http.Response) (context.Context, error) {
	var next *hop
	redirected := message{"do": "redirected", "request": number, "status": response.StatusCode, "headers": pairs(response.Header)}
	// There is no redirect to follow; or the next hop may carry the token, and the core signs it when it gets here.
	if err := t.session.call(ctx, redirected, &next); err != nil || next == nil || len(next.Headers) > 0 {
		return ctx, err
	}
	denied := map[string]bool{}
	for name := range request.Header {
		denied[strings.ToLower(name)] = true
	}
	for _, pair := range next.Own {
		delete(denied, strings.ToLower(pair[0]))
	}
	return context.WithValue(ctx, trailKey{}, &trail{denied}), nil
}

// Sends a request that was redirected away, without a token.
func (t *transport) sendOn(request *http.Request, body *requestBody, led *trail) (*http.Response, error) {
	attempt, err := body.attempt(request.Context())
	if err != nil {
		return nil, err
	}
	for name := range attempt.Header {
		if led.denied[strings.ToLower(name)] {
			delete(attempt.Header, name)
		}
	}
	response, err := t.base.RoundTrip(attempt)
	if err != nil {
		return nil, err
	}
	response.Request = request.WithContext(context.WithValue(request.Context(), trailKey{}, led))
	return response, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
