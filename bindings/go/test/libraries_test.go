// Package test tries rekindle below HTTP clients and beside libraries that people use.
package test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	gqlgen "github.com/99designs/gqlgen/client"
	"github.com/Khan/genqlient/graphql"
	"github.com/go-resty/resty/v2"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/oauth2"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"rekindle.dev/rekindle"
	"rekindle.dev/rekindle/metrics"
	"rekindle.dev/rekindle/tokensource"
)

// An API that rejects AT-1, and a token endpoint that takes RT-1 once.
type api struct {
	*httptest.Server
	session   *rekindle.Session
	refreshes atomic.Int32
}

func start(t *testing.T) *api {
	a := &api{}
	rpc := connect.NewUnaryHandler("/echo/Echo", func(_ context.Context, asked *connect.Request[wrapperspb.StringValue]) (*connect.Response[wrapperspb.StringValue], error) {
		return connect.NewResponse(asked.Msg), nil
	})
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			w.Header().Set("Content-Type", "application/json")
			if a.refreshes.Add(1) > 1 || r.Form.Get("refresh_token") != "RT-1" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":"invalid_grant"}`)
				return
			}
			fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer AT-2" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/echo/") {
			rpc.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/graphql" {
			fmt.Fprint(w, `{"data":{"me":{"name":"Ada"}}}`)
			return
		}
		fmt.Fprintf(w, `{"body":%q}`, body)
	}))
	t.Cleanup(a.Close)
	session, err := rekindle.NewSession(rekindle.Options{
		TokenURL: a.URL + "/token", ClientID: "app", Origins: []string{a.URL},
		Tokens: &rekindle.Tokens{AccessToken: "AT-1", RefreshToken: "RT-1", ExpiresIn: time.Hour},
	})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	a.session = session
	return a
}

// At once, with a token that the server rejects: one refresh, and every call has its answer.
func twenty(t *testing.T, a *api, call func() error) {
	t.Helper()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if a.refreshes.Load() != 1 {
		t.Errorf("%d refreshes", a.refreshes.Load())
	}
}

func wants(got, want string) error {
	if got != want {
		return fmt.Errorf("%q instead of %q", got, want)
	}
	return nil
}

func TestResty(t *testing.T) {
	a := start(t)
	client := resty.NewWithClient(a.session.Client()).SetBaseURL(a.URL)
	twenty(t, a, func() error {
		var came struct{ Body string }
		if _, err := client.R().SetBody(`{"a":1}`).SetResult(&came).Post("/data"); err != nil {
			return err
		}
		return wants(came.Body, `{"a":1}`)
	})
}

func TestRetryableHTTP(t *testing.T) {
	a := start(t)
	client := retryablehttp.NewClient()
	client.HTTPClient, client.Logger = a.session.Client(), nil
	twenty(t, a, func() error {
		response, err := client.Post(a.URL+"/data", "text/plain", []byte("text"))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return wants(string(body), `{"body":"text"}`)
	})
}

func TestGenqlient(t *testing.T) {
	a := start(t)
	requests, err := rekindle.NewClient(a.session, rekindle.ClientOptions{BaseURL: a.URL})
	must(t, err)
	// An http.Client of the session, and a Client with its retries.
	for _, doer := range []graphql.Doer{a.session.Client(), requests} {
		client := graphql.NewClient(a.URL+"/graphql", doer)
		twenty(t, a, func() error {
			var data struct{ Me struct{ Name string } }
			if err := client.MakeRequest(t.Context(), &graphql.Request{Query: "{ me { name } }"}, &graphql.Response{Data: &data}); err != nil {
				return err
			}
			return wants(data.Me.Name, "Ada")
		})
	}
}

// gqlgen's client hands its requests to a handler: here one that sends them on, as a gateway does.
func TestGqlgen(t *testing.T) {
	a := start(t)
	there, err := url.Parse(a.URL)
	must(t, err)
	gateway := &httputil.ReverseProxy{
		Transport: a.session.Transport(nil),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(there) },
	}
	client := gqlgen.New(gateway, gqlgen.Path("/graphql"))
	twenty(t, a, func() error {
		var data struct{ Me struct{ Name string } }
		if err := client.Post("{ me { name } }", &data); err != nil {
			return err
		}
		return wants(data.Me.Name, "Ada")
	})
}

func TestConnect(t *testing.T) {
	a := start(t)
	client := connect.NewClient[wrapperspb.StringValue, wrapperspb.StringValue](a.session.Client(), a.URL+"/echo/Echo")
	twenty(t, a, func() error {
		answer, err := client.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String("hello")))
		if err != nil {
			return err
		}
		return wants(answer.Msg.Value, "hello")
	})
}

func TestTokenSource(t *testing.T) {
	a := start(t)
	a.session.Invalidate()
	client := oauth2.NewClient(t.Context(), tokensource.New(t.Context(), a.session))
	twenty(t, a, func() error {
		response, err := client.Get(a.URL + "/data")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return wants(response.Status, "200 OK")
	})
	token, err := tokensource.New(t.Context(), a.session).Token()
	must(t, err)
	if token.AccessToken != "AT-2" || token.TokenType != "Bearer" || !token.Valid() {
		t.Error("the token is not whole")
	}
}

func TestPrometheusCounters(t *testing.T) {
	a := start(t)
	registry := prometheus.NewPedanticRegistry()
	must(t, registry.Register(metrics.NewCollector(a.session)))
	twenty(t, a, func() error {
		_, err := a.session.Refresh(t.Context())
		return err
	})
	wanted := "# HELP rekindle_refreshes_total How often it happened since the session was made.\n# TYPE rekindle_refreshes_total counter\nrekindle_refreshes_total 1\n"
	must(t, testutil.GatherAndCompare(registry, strings.NewReader(wanted), "rekindle_refreshes_total"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
