package rekindle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// The options of one request of a client.
type plan struct {
	// A path or URL; empty: the GraphQL path, or the base URL itself.
	url         string
	reading     string
	noRedirects bool
	timeout     *int64
}

// How a response's body is read.
const (
	readingAny      = "any"
	readingGraphQL  = "graphql"
	readingStreamed = "streamed"
)

// One request of a client, until the response that its caller gets.
type exchange struct {
	client *Client
	plan   plan
	number uint32
	// Ends with the caller's context, or when the deadline has passed.
	ctx    context.Context
	cancel context.CancelCauseFunc
	body   *requestBody
	signed clientSigned
	// Change with each redirect.
	method string
	url    *url.URL
	before *http.Response
}

type clientSigned struct {
	URL          string      `json:"url"`
	Own          [][2]string `json:"own"`
	Headers      [][2]string `json:"headers"`
	ReadsSuccess bool        `json:"reads_success"`
}

type clientHop struct {
	clientSigned
	Method    string `json:"method"`
	KeepsBody bool   `json:"keeps_body"`
}

// Sends a request, sends it again, and follows redirects, as the core says. The core knows the request until its body is closed.
func (c *Client) exchange(ctx context.Context, request *http.Request, how plan) (*http.Response, error) {
	driver := c.session.driver
	e := &exchange{client: c, plan: how, number: driver.number(), body: &requestBody{request: request}, method: method(request)}
	e.ctx, e.cancel = context.WithCancelCause(ctx)
	driver.watch(e.number, func(expired *Error) { e.cancel(expired) })
	response, err := e.run()
	if err != nil {
		e.body.close()
		e.end()
		return nil, err
	}
	response.Body = e.handOut(response)
	return response, nil
}

func (e *exchange) run() (*http.Response, error) {
	begin := message{
		"do": "begin", "client": e.client.number, "request": e.number, "method": e.method, "headers": pairs(e.body.request.Header), "body": e.body.known(),
	}
	if e.plan.url != "" || e.plan.reading != readingGraphQL {
		begin["url"] = e.plan.url
	}
	if e.plan.reading != "" {
		begin["reading"] = e.plan.reading
	}
	if e.plan.timeout != nil {
		begin["timeout_ms"] = *e.plan.timeout
	}
	if err := e.call(begin, &e.signed); err != nil {
		return nil, err
	}
	var err error
	if e.url, err = url.Parse(e.signed.URL); err != nil {
		return nil, invalid("url", "the URL of a request can't be read")
	}
	for {
		response, err := e.once()
		if response != nil || err != nil {
			return response, err
		}
	}
}

// Sends the request once. If it returns neither a response nor an error, the request must be sent again.
func (e *exchange) once() (*http.Response, error) {
	added, err := e.client.session.served.complete(e.signed.Headers)
	if err != nil {
		return nil, err
	}
	attempt, err := e.attempt(added)
	if err != nil {
		return nil, err
	}
	response, err := e.client.session.served.transport.RoundTrip(attempt)
	if err != nil {
		return nil, e.failed(err)
	}
	said, err := e.judge(response)
	if err != nil {
		response.Body.Close()
		return nil, err
	}
	if said.Next == "send_again" {
		drain(response)
		e.signed.Headers = said.Headers
		return nil, nil
	}
	// As with http.Client, the response has its request.
	response.Request = attempt.WithContext(withChangingJudgement(e.ctx, said.judgement()))
	response.Request.Response = e.before
	if e.plan.noRedirects || !isRedirect(response.StatusCode) {
		return response, nil
	}
	return e.follow(response)
}

func (e *exchange) attempt(added [][2]string) (*http.Request, error) {
	attempt, err := e.body.attempt(e.ctx)
	if err != nil {
		return nil, err
	}
	attempt.Method, attempt.URL, attempt.Host = e.method, e.url, e.url.Host
	attempt.Header = http.Header{}
	for _, pair := range e.signed.Own {
		attempt.Header.Add(pair[0], pair[1])
	}
	if given := e.body.request.Host; given != "" && e.before == nil && e.body.request.URL.Host != given {
		attempt.Host = given
	}
	setHeaders(attempt.Header, added)
	return attempt, nil
}

// Reports that no response arrived. Returns nil if the request must be sent again.
func (e *exchange) failed(cause error) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	var again clientSigned
	err := e.call(message{"do": "failed", "request": e.number, "error": describe(cause), "sent": !notSent(cause)}, &again)
	if told := (*Error)(nil); errors.As(err, &told) {
		told.cause = cause
	}
	e.signed.Headers = again.Headers
	return err
}

func (e *exchange) judge(response *http.Response) (next, error) {
	whole := e.plan.reading == readingGraphQL
	reads := whole || response.StatusCode >= 400 || (e.signed.ReadsSuccess && mayBeJSON(response.Header))
	beginning, err := readBeginning(response, reads)
	if err != nil && whole {
		return next{}, e.brokenOff(response, err)
	}
	answered := message{"do": "answered", "request": e.number, "status": response.StatusCode, "headers": pairs(response.Header)}
	var said next
	return said, e.call(withBody(answered, beginning), &said)
}

// Prepares the next hop of a redirect; returns the response if there is no redirect to follow.
func (e *exchange) follow(response *http.Response) (*http.Response, error) {
	var hop *clientHop
	redirected := message{"do": "redirected", "request": e.number, "status": response.StatusCode, "headers": pairs(response.Header)}
	if err := e.call(redirected, &hop); err != nil {
		response.Body.Close()
		return nil, err
	}
	if hop == nil || (hop.KeepsBody && e.body.isGone()) {
		return response, nil
	}
	to, err := url.Parse(hop.URL)
	if err != nil {
		return response, nil
	}
	drain(response)
	if !hop.KeepsBody {
		e.body.drop()
	}
	e.before, e.method, e.url, e.signed = response, hop.Method, to, hop.clientSigned
	return nil, nil
}

func (e *exchange) call(asked message, into any) error {
	session := e.client.session
	if err := session.served.checkTokens(e.ctx); err != nil {
		return err
	}
	return session.driver.call(e.ctx, asked, into)
}

func (e *exchange) end() {
	e.client.session.driver.end(e.number)
	e.cancel(nil)
}

// Reads the part of a body that the core judges; readers of the body still get all of it. They also get the error, after that part.
func readBeginning(response *http.Response, reads bool) ([]byte, error) {
	if !reads {
		return nil, nil
	}
	rest := response.Body
	beginning, err := io.ReadAll(io.LimitReader(rest, mostJudged))
	if err != nil {
		// The caller, too, reads up to here and then gets the error.
		response.Body = &readAgain{Reader: io.MultiReader(bytes.NewReader(beginning), failing{err}), Closer: rest}
	} else {
		response.Body = &readAgain{Reader: io.MultiReader(bytes.NewReader(beginning), rest), Closer: rest}
	}
	return beginning, err
}

// Reads a body to its end, so that the connection can be reused.
func drain(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	response.Body.Close()
}
