package rekindle

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Judgement is what a response says about the token that was sent with its request.
type Judgement struct {
	// Verdict is the verdict's name: accepted, rejected and so on; empty: the request did not carry the session's token.
	Verdict string
	// Reason is why the token was rejected.
	Reason string
	// Applied: whether the request may have had an effect although its token was rejected: no, maybe.
	Applied string
	// Scope is the missing scope.
	Scope string
	// ACRValues and MaxAge are what a stronger sign-in needs (RFC 9470); empty and 0: unknown.
	ACRValues string
	MaxAge    time.Duration
	// RetryAfter is how long to wait before trying again; 0: unknown.
	RetryAfter time.Duration
	// ReplayRefused is why the request was not sent again although its token was rejected.
	ReplayRefused string
}

// Judged returns what a response from a session's Transport or a Client says about the token.
func Judged(response *http.Response) (Judgement, bool) {
	if response == nil || response.Request == nil {
		return Judgement{}, false
	}
	switch held := response.Request.Context().Value(judgementKey{}).(type) {
	case *Judgement:
		return *held, true
	case *atomic.Pointer[Judgement]:
		return *held.Load(), true
	}
	return Judgement{}, false
}

type judgementKey struct{}

// For a streamed body, which may change the judgement.
func withChangingJudgement(ctx context.Context, judgement Judgement) context.Context {
	held := &atomic.Pointer[Judgement]{}
	held.Store(&judgement)
	return context.WithValue(ctx, judgementKey{}, held)
}

func setJudgement(response *http.Response, judgement Judgement) {
	if held, ok := response.Request.Context().Value(judgementKey{}).(*atomic.Pointer[Judgement]); ok {
		held.Store(&judgement)
	}
}

type verdict struct {
	Name       string  `json:"name"`
	Reason     string  `json:"reason"`
	Applied    string  `json:"applied"`
	Scope      string  `json:"scope"`
	ACRValues  string  `json:"acr_values"`
	MaxAge     float64 `json:"max_age"`
	RetryAfter float64 `json:"retry_after_ms"`
}

func (n *next) judgement() Judgement {
	judgement := Judgement{ReplayRefused: n.ReplayRefused}
	if told := n.Verdict; told != nil {
		judgement.Verdict, judgement.Reason, judgement.Applied, judgement.Scope = told.Name, told.Reason, told.Applied, told.Scope
		judgement.ACRValues, judgement.MaxAge = told.ACRValues, milliseconds(1000*told.MaxAge)
		judgement.RetryAfter = milliseconds(told.RetryAfter)
	}
	return judgement
}
