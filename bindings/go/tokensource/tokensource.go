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

// New is a source of a session's tokens: valid ones, refreshed once however many ask, in whatever process. The context bounds
// the waiting. Where you can, take session.Client or session.Transport: they notice a token that the server rejects, which
// oauth2.Transport does not.
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
