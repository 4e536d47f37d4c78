package rekindle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Kind classifies an Error. Each kind is itself an error, for errors.Is.
type Kind string

// The kinds of errors, for errors.Is(err, rekindle.ErrLoginRequired).
const (
	ErrLoginRequired    Kind = "LoginRequired"
	ErrSignedOut        Kind = "SignedOut"
	ErrRefreshFailed    Kind = "RefreshFailed"
	ErrRefreshLimited   Kind = "RefreshLimited"
	ErrRateLimited      Kind = "RateLimited"
	ErrTimeout          Kind = "Timeout"
	ErrConnection       Kind = "Connection"
	ErrStoreUnavailable Kind = "StoreUnavailable"
	ErrInvalidConfig    Kind = "InvalidConfig"
	ErrClientRejected   Kind = "ClientRejected"
	ErrInvalidResponse  Kind = "InvalidResponse"
	ErrHTTPStatus       Kind = "HttpStatus"
	ErrGraphQL          Kind = "GraphQL"
	ErrTooManyRedirects Kind = "TooManyRedirects"
	ErrMisuse           Kind = "Misuse"
	ErrSystem           Kind = "System"
)

// Errors that a refresh function or a store returns.
var (
	// ErrNotSent means that the refresh token was certainly not sent; the refresh is retried later.
	ErrNotSent = errors.New("rekindle: the refresh token was not sent")
	// ErrRefreshTokenDead means that the user must sign in again.
	ErrRefreshTokenDead = errors.New("rekindle: the refresh token is dead")
	// ErrConflict means that the record is not the one that Save expected.
	ErrConflict = errors.New("rekindle: the record has changed")
	// ErrDamaged means that the record is damaged. The session reports that until a sign-in replaces it.
	ErrDamaged = errors.New("rekindle: the record is damaged")
)

func (k Kind) Error() string { return "rekindle: " + string(k) }

// Error is the error type of a session's calls: Kind says what happened, Message what to do next. Neither contains a token.
type Error struct {
	Kind    Kind
	Message string
	// Retryable means that the same call may succeed later without intervention.
	Retryable bool
	// OAuthError is the OAuth error code, if the token endpoint returned one.
	OAuthError string
	// Status is the HTTP status that caused the error, or 0.
	Status int
	// RetryAfter is how long to wait before retrying; 0: unknown.
	RetryAfter time.Duration
	// Argument is the name of the invalid option or argument.
	Argument string
	// Response is the response that caused the error, as far as it was read; or nil.
	Response *ErrorResponse
	// GraphQL holds the first hundred errors of a GraphQL response; partial data, if any, is in Response.
	GraphQL []GraphQLError

	cause error
}

// GraphQLError is one error of a GraphQL response.
type GraphQLError struct {
	Message string `json:"message"`
	Code    string `json:"code"`
	Path    string `json:"path"`
}

func (e *Error) Error() string { return "rekindle: " + e.Message }

// Is supports errors.Is(err, ErrLoginRequired) and the other kinds.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.cause }

// Timeout implements net.Error.
func (e *Error) Timeout() bool { return e.Kind == ErrTimeout }

// Temporary implements net.Error.
func (e *Error) Temporary() bool { return e.Retryable }

// Format shows the message, whatever the verb.
func (e *Error) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue omits the response.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", string(e.Kind)), slog.String("message", e.Message), slog.Bool("retryable", e.Retryable))
}

// ErrorResponse is a response that caused an error. It may contain tokens: formatted, it shows only its status and bare URL.
type ErrorResponse struct {
	// A function: see Token.
	data func() responseData
}

// Status is the response's HTTP status.
func (r ErrorResponse) Status() int { return r.data().Status }

// URL is the URL of the request. Its query may contain a secret.
func (r ErrorResponse) URL() string { return r.data().URL }

// Body returns the body, as far as it was read.
func (r ErrorResponse) Body() []byte { return []byte(r.data().Body) }

// Header returns the response's headers.
func (r ErrorResponse) Header() http.Header {
	header := http.Header{}
	for _, pair := range r.data().Headers {
		header.Add(pair[0], pair[1])
	}
	return header
}

// Judgement returns what the response says about the token that was sent.
func (r ErrorResponse) Judgement() Judgement {
	if known := r.data().judgement; known != nil {
		return *known
	}
	told := next{Verdict: r.data().Verdict, ReplayRefused: r.data().ReplayRefused}
	return told.judgement()
}

// Format shows only the status and the URL without its query, whatever the verb.
func (r ErrorResponse) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.ErrorResponse(%d from %s)", r.data().Status, place(r.data().URL))
}

// MarshalJSON shows only the status.
func (r ErrorResponse) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]int{"status": r.data().Status})
}

// An error of the core.
type errorData struct {
	Kind       Kind           `json:"kind"`
	Message    string         `json:"message"`
	Retryable  bool           `json:"retryable"`
	OAuthError string         `json:"oauth_error"`
	Status     int            `json:"status"`
	RetryAfter float64        `json:"retry_after_ms"`
	Argument   string         `json:"argument"`
	Response   *responseData  `json:"response"`
	GraphQL    []GraphQLError `json:"graphql_errors"`
	// The number of the error that a refresh function or a login handler returned.
	Cause uint64 `json:"cause"`
}

type responseData struct {
	Status        int         `json:"status"`
	URL           string      `json:"url"`
	Headers       [][2]string `json:"headers"`
	Body          string      `json:"body"`
	Verdict       *verdict    `json:"verdict"`
	ReplayRefused string      `json:"replay_refused"`
	judgement     *Judgement
}

func (d *errorData) asError() *Error {
	told := &Error{
		Kind: d.Kind, Message: d.Message, Retryable: d.Retryable, OAuthError: d.OAuthError, Status: d.Status, Argument: d.Argument,
		RetryAfter: milliseconds(d.RetryAfter), GraphQL: d.GraphQL, cause: findThrown(d.Cause),
	}
	if d.Response != nil {
		response := *d.Response
		told.Response = &ErrorResponse{func() responseData { return response }}
		if told.Status == 0 {
			told.Status = d.Response.Status
		}
	}
	return told
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func misuse(text string) *Error { return &Error{Kind: ErrMisuse, Message: text} }

func invalid(argument, text string) *Error {
	return &Error{Kind: ErrInvalidConfig, Message: text, Argument: argument}
}

// A URL without its query, which may contain a secret.
func place(url string) string {
	if at := strings.IndexAny(url, "?#"); at >= 0 {
		return url[:at]
	}
	return url
}
