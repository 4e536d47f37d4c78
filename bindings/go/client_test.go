package rekindle

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An API that answers by path; its token is AT-2 after one refresh.
func clientOf(t *testing.T, options ClientOptions) (*Client, *atomic.Int32) {
	t.Helper()
	var refreshes, broken atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		switch path := r.URL.Path; {
		case path == "/token":
			refreshes.Add(1)
			fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
		case r.Header.Get("Authorization") != "Bearer AT-2":
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		case path == "/v1/broken" && broken.Add(1)%2 == 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		case path == "/v1/missing":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"reason":"no such user","echo":"AT-3"}`)
		case path == "/v1/never":
			<-r.Context().Done()
		case path == "/v1/large":
			fmt.Fprintf(w, "%q", strings.Repeat("x", 100_000))
		case path == "/v1/graphql" && strings.Contains(string(body), "broken"):
			fmt.Fprint(w, `{"errors":[{"message":"no such field","extensions":{"code":"BAD"},"path":["me"]}]}`)
		case path == "/v1/graphql":
			fmt.Fprintf(w, `{"data":%s}`, body)
		default:
			fmt.Fprintf(w, `{"method":%q,"url":%q,"type":%q,"key":%q,"body":%q}`, r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key"), body)
		}
	}))
	t.Cleanup(server.Close)
	session, err := NewSession(Options{TokenURL: server.URL + "/token", ClientID: "app", Origins: []string{server.URL}, Tokens: expired()})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	options.BaseURL = server.URL + "/v1"
	client, err := NewClient(session, options)
	must(t, err)
	return client, &refreshes
}

type echo struct{ Method, URL, Type, Key, Body string }

func TestTwoHundredRequestsOfAClientMakeOneRefresh(t *testing.T) {
	client, refreshes := clientOf(t, ClientOptions{})
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			var came echo
			if err := client.Get(t.Context(), "/data", &came); err != nil || came.URL != "/v1/data" {
				t.Error(came, err)
			}
		})
	}
	group.Wait()
	if refreshes.Load() != 1 {
		t.Fatal(refreshes.Load())
	}
}

func TestJSONFormsAndQueriesGoAsTheyShould(t *testing.T) {
	client, _ := clientOf(t, ClientOptions{})
	var came echo
	must(t, client.Post(t.Context(), "/users", map[string]string{"name": "Ada"}, &came))
	if came != (echo{"POST", "/v1/users", "application/json", "", `{"name":"Ada"}`}) {
		t.Error(came)
	}
	response, err := client.Send(t.Context(), Request{Method: "PUT", Path: "/form?x=1", Query: map[string][]string{"a": {"1", "2"}}, Form: map[string][]string{"b": {"3 4"}}, IdempotencyKey: "k"})
	must(t, err)
	must(t, decode(response, &came))
	if came != (echo{"PUT", "/v1/form?x=1&a=1&a=2", "application/x-www-form-urlencoded", "k", "b=3+4"}) {
		t.Error(came)
	}
	must(t, client.Delete(t.Context(), "/users/7", nil))
	request, err := http.NewRequest("PATCH", "/users/7", strings.NewReader("text"))
	must(t, err)
	response, err = client.Do(request)
	must(t, err)
	must(t, decode(response, &came))
	if came.Body != "text" || came.URL != "/v1/users/7" || response.Request.URL.Path != "/v1/users/7" {
		t.Error(came)
	}
	if _, err := client.Send(t.Context(), Request{JSON: 1, Form: map[string][]string{}}); !errors.Is(err, ErrInvalidConfig) {
		t.Error(err)
	}
}

func TestWhatFailsInPassingIsSentAgain(t *testing.T) {
	client, _ := clientOf(t, ClientOptions{})
	must(t, client.Get(t.Context(), "/broken", nil))
	stats, err := client.Session().Stats(t.Context())
	must(t, err)
	if stats["retries"] != 1 {
		t.Error(stats)
	}
	once, _ := clientOf(t, ClientOptions{Retries: Retries{MaxSends: 1}})
	if err := once.Get(t.Context(), "/broken", nil); !errors.Is(err, ErrHTTPStatus) {
		t.Error(err)
	}
}

func TestAnErrorStatusIsAnErrorWithItsResponse(t *testing.T) {
	client, _ := clientOf(t, ClientOptions{})
	err := client.Get(t.Context(), "/missing", nil)
	var told *Error
	if !errors.As(err, &told) || told.Kind != ErrHTTPStatus || told.Status != 404 || told.Response.Judgement().Verdict != "accepted" {
		t.Fatal(err)
	}
	if !strings.Contains(string(told.Response.Body()), "no such user") || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, told.Response), "AT-3") {
		t.Fatal(err)
	}
	var number int
	if err := client.Get(t.Context(), "/data", &number); !errors.Is(err, ErrInvalidResponse) {
		t.Fatal(err)
	}
}

func TestTheDeadlineAndTheLimitHoldForBodiesToo(t *testing.T) {
	client, _ := clientOf(t, ClientOptions{Timeout: 300 * time.Millisecond})
	if err := client.Get(t.Context(), "/never", nil); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	small, _ := clientOf(t, ClientOptions{MaxBodyBytes: 1000})
	if err := small.Get(t.Context(), "/large", nil); !errors.Is(err, ErrInvalidResponse) {
		t.Error(err)
	}
	response, err := small.Send(t.Context(), Request{Path: "/large", Streamed: true})
	must(t, err)
	if body, err := io.ReadAll(response.Body); len(body) != 100_002 || err != nil {
		t.Error(len(body), err)
	}
	must(t, response.Body.Close())
}

func TestGraphQLGivesItsDataOrAnError(t *testing.T) {
	client, refreshes := clientOf(t, ClientOptions{})
	var data struct {
		Query     string
		Variables map[string]int
	}
	must(t, client.GraphQL(t.Context(), "{ me }", map[string]int{"a": 1}, &data))
	if data.Query != "{ me }" || data.Variables["a"] != 1 || refreshes.Load() != 1 {
		t.Error(data, refreshes.Load())
	}
	err := client.GraphQL(t.Context(), "{ broken }", nil, &data)
	var told *Error
	if !errors.As(err, &told) || told.Kind != ErrGraphQL || told.GraphQL[0] != (GraphQLError{"no such field", "BAD", "me"}) {
		t.Error(err)
	}
}
