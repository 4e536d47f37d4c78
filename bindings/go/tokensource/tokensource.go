// Package tokensource provides a session's tokens as an oauth2.TokenSource.
package tokensource

import (
	"context"
	"strings"

	"golang.org/x/oauth2"
	"rekindle.dev/rekindle"
)

type source struct {
	ctx     context.Context
	session *rekindle.Session
}

// New returns a source of a session's valid tokens, which are refreshed once for all callers and processes. The end of ctx ends a wait.
// If possible, use session.Client or session.Transport instead: they detect a token that the server rejects, and oauth2.Transport does not.
func New(ctx context.Context, session *rekindle.Session) oauth2.TokenSource {
	return source{ctx, session}
}

func (s source) Token() (*oauth2.Token, error) {
	token, err := s.session.Token(s.ctx)
	if err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(token.Authorization(), " ")
	return &oauth2.Token{AccessToken: token.Value(), TokenType: kind, Expiry: token.ExpiresAt()}, nil
}
