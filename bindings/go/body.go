package rekindle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// In bytes: how much of a streamed body is judged.
const mostWatched = 64 << 10

// The body of a client's response, with its deadline and its limit; if it is streamed, its beginning is judged while it is read.
type clientBody struct {
	exchange *exchange
	response *http.Response
	rest     io.ReadCloser
	read     int64
	// The body is streamed, and has not been judged yet.
	beginning []byte
	watched   bool
	ended     sync.Once
}

func (e *exchange) handOut(response *http.Response) io.ReadCloser {
	return &clientBody{exchange: e, response: response, rest: response.Body, watched: e.plan.reading == readingStreamed}
}

func (b *clientBody) Read(into []byte) (int, error) {
	count, err := b.rest.Read(into)
	b.read += int64(count)
	streamed := b.exchange.plan.reading == readingStreamed
	if streamed {
		b.watch(into[:count], err != nil)
	}
	switch most := b.exchange.client.most; {
	case !streamed && b.read > most:
		b.end()
		text := fmt.Sprintf("the body from %s is longer than %d bytes; read it with Streamed, or raise MaxBodyBytes", place(b.response.Request.URL.String()), most)
		return 0, &Error{Kind: ErrInvalidResponse, Message: text, Status: b.response.StatusCode}
	case err == nil:
		return count, nil
	case errors.Is(err, io.EOF):
		b.end()
		return count, err
	}
	err = b.exchange.brokenOff(b.response, err)
	b.end()
	return count, err
}

func (b *clientBody) Close() error {
	err := b.rest.Close()
	b.end()
	return err
}

func (b *clientBody) end() { b.ended.Do(b.exchange.end) }

// Judges the beginning of a streamed body, and ends the deadline.
func (b *clientBody) watch(came []byte, last bool) {
	if !b.watched {
		return
	}
	b.beginning = append(b.beginning, came[:min(len(came), mostWatched-len(b.beginning))]...)
	if !last && len(b.beginning) < mostWatched {
		return
	}
	b.watched = false
	e := b.exchange
	var said *next
	passed := message{"do": "passed", "request": e.number, "status": b.response.StatusCode, "headers": pairs(b.response.Header)}
	if e.call(withBody(passed, b.beginning), &said) == nil && said != nil {
		setJudgement(b.response, said.judgement())
	}
	b.beginning = nil
	e.client.session.driver.end(e.number)
}

// The error of an incomplete body.
func (e *exchange) brokenOff(response *http.Response, err error) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	text := fmt.Sprintf("the body from %s broke off; check the network, then try again", place(response.Request.URL.String()))
	return &Error{Kind: ErrConnection, Message: text, Retryable: true, cause: err}
}
