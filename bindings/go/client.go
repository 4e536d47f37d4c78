package rekindle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"
)

// Client sends requests for a session: with a base URL, JSON, GraphQL, one deadline, and retries of transient failures.
//
//	client, err := rekindle.NewClient(session, rekindle.ClientOptions{BaseURL: "https://api.example.com/v1"})
//	var pupils []Pupil
//	err = client.Get(ctx, "/pupils", &pupils)
//	err = client.Post(ctx, "/pupils", Pupil{Name: "Ada"}, nil)
//
// Its method Do lets it replace an http.Client in packages that accept an interface.
type Client struct {
	session *Session
	number  uint32
	most    int64
}

// ClientOptions configure a Client. Zero values are the defaults.
type ClientOptions struct {
	// BaseURL is the URL that paths are below. The session's origins already contain it.
	BaseURL string
	// GraphQLPath is the path of the GraphQL endpoint below the base URL. Defaults to /graphql.
	GraphQLPath string
	// Headers are added to each request that has no header of that name.
	Headers map[string]string
	// Timeout is one deadline for refreshes, replays, retries, redirects and reading the body. Defaults to 60 s; negative: none.
	Timeout time.Duration
	// MaxRedirects is how many redirects are followed. Defaults to 10; negative: none.
	MaxRedirects int
	// MaxBodyBytes is the maximum size of a body that is not streamed. Defaults to 256 MiB.
	MaxBodyBytes int
	// Retries configure the retries of transient failures.
	Retries Retries
}

// Retries configure the retries of transient failures. Zero values are the defaults.
type Retries struct {
	// MaxSends is how many times a request is sent in total. Defaults to 3; 1 disables retries.
	MaxSends int
	// BaseDelay is the upper bound of the first random delay; the bound doubles each time, up to MaxDelay.
	BaseDelay time.Duration
	MaxDelay  time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for.
	MaxRetryAfter time.Duration
	// BudgetPercent is how many retries are allowed per hundred requests.
	BudgetPercent int
	// BudgetFloor is how many retries are allowed in ten seconds regardless of the number of requests.
	BudgetFloor int
}

// NewClient creates a client for a session.
func NewClient(session *Session, options ClientOptions) (*Client, error) {
	settings, err := options.settings()
	if err != nil {
		return nil, err
	}
	driver := session.driver
	client := &Client{session: session, number: driver.number()}
	var told struct {
		MaxBodyBytes uint64 `json:"max_body_bytes"`
	}
	asked := message{"do": "client", "client": client.number, "session": session.number, "settings": settings}
	if err := driver.registerClient(client.number, asked, &told); err != nil {
		return nil, err
	}
	client.most = int64(min(told.MaxBodyBytes, 1<<62))
	runtime.AddCleanup(client, func(number uint32) { driver.forgetClient(number) }, client.number)
	return client, nil
}

// Session returns the session that the client sends requests for.
func (c *Client) Session() *Session { return c.session }

// Get sends a GET request and decodes the JSON response into the value that into points to (nil: the body is discarded). It fails
// with ErrHTTPStatus if the response has an error status.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.sendJSON(ctx, Request{Method: http.MethodGet, Path: path}, into)
}

// Post sends a body as JSON. See Get.
func (c *Client) Post(ctx context.Context, path string, body, into any) error {
	return c.sendJSON(ctx, Request{Method: http.MethodPost, Path: path, JSON: body}, into)
}

// Put sends a body as JSON. See Get.
func (c *Client) Put(ctx context.Context, path string, body, into any) error {
	return c.sendJSON(ctx, Request{Method: http.MethodPut, Path: path, JSON: body}, into)
}

// Patch sends a body as JSON. See Get.
func (c *Client) Patch(ctx context.Context, path string, body, into any) error {
	return c.sendJSON(ctx, Request{Method: http.MethodPatch, Path: path, JSON: body}, into)
}

// Delete sends a DELETE request. See Get.
func (c *Client) Delete(ctx context.Context, path string, into any) error {
	return c.sendJSON(ctx, Request{Method: http.MethodDelete, Path: path}, into)
}

// GraphQL sends a GraphQL operation and decodes the data into the value that into points to. It fails with ErrGraphQL if the
// response contains errors.
func (c *Client) GraphQL(ctx context.Context, query string, variables, into any) error {
	asked := map[string]any{"query": query}
	if variables != nil {
		asked["variables"] = variables
	}
	header := http.Header{"Accept": {"application/graphql-response+json, application/json;q=0.9"}}
	response, err := c.send(ctx, Request{Method: http.MethodPost, JSON: asked, Header: header}, readingGraphQL)
	if err != nil {
		return err
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := decode(response, &answer); err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		return unusable(response, answer.Data, err)
	}
	return nil
}

// Send sends any request. It returns the response whatever its status; the caller must close the body.
func (c *Client) Send(ctx context.Context, request Request) (*http.Response, error) {
	reading := readingAny
	if request.Streamed {
		reading = readingStreamed
	}
	return c.send(ctx, request, reading)
}

// Do is like http.Client.Do, with this client's base URL, deadline and retries. The caller must close the body.
func (c *Client) Do(request *http.Request) (*http.Response, error) {
	return c.exchange(request.Context(), request, plan{url: request.URL.String()})
}

// Format shows no secret, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.Client{..}") }

// Format shows no secret, whatever the verb.
func (o ClientOptions) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.ClientOptions{BaseURL: %q}", place(o.BaseURL))
}

func (c *Client) sendJSON(ctx context.Context, request Request, into any) error {
	response, err := c.send(ctx, request, readingAny)
	if err != nil {
		return err
	}
	if response.StatusCode >= 400 {
		defer response.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(response.Body, mostJudged))
		return failedStatus(response, body)
	}
	return decode(response, into)
}

// Reads the body to its end, and closes it.
func decode(response *http.Response, into any) error {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return unusable(response, body, err)
	}
	return nil
}

func unusable(response *http.Response, body []byte, err error) error {
	what := "is no JSON"
	if mistaken := (*json.UnmarshalTypeError)(nil); errors.As(err, &mistaken) {
		what = fmt.Sprintf("does not fit a %s at %q", mistaken.Type, mistaken.Field)
	}
	// The decoder's message quotes the body.
	return failure(ErrInvalidResponse, fmt.Sprintf("the body %s, in a %d from %s; read the error's Response to see it", what, response.StatusCode, place(response.Request.URL.String())), response, body)
}

func failedStatus(response *http.Response, body []byte) error {
	text := fmt.Sprintf("%s from %s; read the error's Response for the reason", response.Status, place(response.Request.URL.String()))
	return failure(ErrHTTPStatus, text, response, body)
}

func failure(kind Kind, text string, response *http.Response, body []byte) *Error {
	data := responseData{Status: response.StatusCode, URL: response.Request.URL.String(), Headers: pairs(response.Header), Body: string(body)}
	failed := &Error{Kind: kind, Message: text, Status: response.StatusCode}
	if judgement, ok := Judged(response); ok {
		failed.RetryAfter = judgement.RetryAfter
		data.judgement = &judgement
	}
	failed.Response = &ErrorResponse{func() responseData { return data }}
	return failed
}

// The message for the core.
func (o *ClientOptions) settings() (message, error) {
	settings := message{}
	for name, text := range map[string]string{"base_url": o.BaseURL, "graphql_path": o.GraphQLPath} {
		if text != "" {
			settings[name] = text
		}
	}
	headers := [][2]string{}
	for name, value := range o.Headers {
		headers = append(headers, [2]string{name, value})
	}
	settings["headers"] = headers
	switch {
	case o.Timeout < 0:
		settings["timeout_ms"] = 0
	case o.Timeout > 0:
		settings["timeout_ms"] = max(o.Timeout.Milliseconds(), 1)
	}
	if o.MaxRedirects != 0 {
		settings["max_redirects"] = max(o.MaxRedirects, 0)
	}
	retries := o.Retries
	durations := map[string]time.Duration{"base_delay_ms": retries.BaseDelay, "max_delay_ms": retries.MaxDelay, "max_retry_after_ms": retries.MaxRetryAfter}
	for name, duration := range durations {
		if duration < 0 {
			return nil, invalid(name, "a duration of Retries is negative: give one above 0, or 0 for the default")
		}
		if duration > 0 {
			settings[name] = max(duration.Milliseconds(), 1)
		}
	}
	counts := map[string]int{"max_body_bytes": o.MaxBodyBytes, "max_sends": retries.MaxSends, "budget_percent": retries.BudgetPercent, "budget_floor": retries.BudgetFloor}
	for name, count := range counts {
		if count < 0 {
			return nil, invalid(name, "a number of ClientOptions is negative: give one above 0, or 0 for the default")
		}
		if count > 0 {
			settings[name] = count
		}
	}
	return settings, nil
}
