// Package bench compares: speed, and what each does where it is hard. `cargo xtask bench go`.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"rekindle.dev/rekindle"
	"rekindle.dev/rekindle/tokensource"
)

type api struct {
	*httptest.Server
	refreshes atomic.Int32
	// Seconds that a token is said to live.
	lifetime int
}

func start(tb testing.TB) *api {
	a := &api{lifetime: 3600}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" {
			a.refreshes.Add(1)
			fmt.Fprintf(w, `{"access_token":"AT-2","refresh_token":"RT-2","token_type":"Bearer","expires_in":%d}`, a.lifetime)
			return
		}
		if r.Header.Get("Authorization") != "Bearer AT-2" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"ok":true}`)
	}))
	tb.Cleanup(a.Close)
	return a
}

func (a *api) session(tb testing.TB, token string, left time.Duration) *rekindle.Session {
	session, err := rekindle.NewSession(rekindle.Options{
		TokenURL: a.URL + "/token", ClientID: "app", Origins: []string{a.URL}, Alone: true,
		Tokens: &rekindle.Tokens{AccessToken: token, RefreshToken: "RT-1", ExpiresAt: time.Now().Add(left)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = session.Close() })
	return session
}

func (a *api) oauth2(token string, left time.Duration) oauth2.TokenSource {
	config := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: a.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}}
	return config.TokenSource(context.Background(), &oauth2.Token{AccessToken: token, RefreshToken: "RT-1", Expiry: time.Now().Add(left)})
}

func BenchmarkValidToken(b *testing.B) {
	a := start(b)
	session := a.session(b, "AT-2", time.Hour)
	source := a.oauth2("AT-2", time.Hour)
	for _, goroutines := range []int{1, 8} {
		b.Run(fmt.Sprintf("rekindle/%d", goroutines), func(b *testing.B) {
			share(b, goroutines, func() error { _, err := session.Token(context.Background()); return err })
		})
		b.Run(fmt.Sprintf("oauth2/%d", goroutines), func(b *testing.B) {
			share(b, goroutines, func() error { _, err := source.Token(); return err })
		})
	}
}

func share(b *testing.B, goroutines int, call func() error) {
	before := processorTime()
	defer func() { b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op") }()
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range b.N / goroutines {
				if err := call(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// Wall time, and as cpu-us/op the processor's time for client and server of one request.
func BenchmarkRequest(b *testing.B) {
	a := start(b)
	bare := http.Client{Transport: &http.Transport{}}
	header := http.Header{"Authorization": {"Bearer AT-2"}}
	session := a.session(b, "AT-2", time.Hour)
	under := &http.Client{Transport: &oauth2.Transport{Source: a.oauth2("AT-2", time.Hour), Base: &http.Transport{}}}
	client, err := rekindle.NewClient(session, rekindle.ClientOptions{BaseURL: a.URL})
	if err != nil {
		b.Fatal(err)
	}
	ours := &http.Client{Transport: session.Transport(&http.Transport{})}
	for name, do := range map[string]func(*http.Request) (*http.Response, error){"http.Client": bare.Do, "oauth2": under.Do, "rekindle": ours.Do, "rekindle.Client": client.Do} {
		b.Run(name, func(b *testing.B) {
			before := processorTime()
			for range b.N {
				request, _ := http.NewRequest("GET", a.URL+"/data", nil)
				if name == "http.Client" {
					request.Header = header.Clone()
				}
				response, err := do(request)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// What each does: the table is printed with -v.
func TestTable(t *testing.T) {
	type source struct {
		client func(a *api, token string, left time.Duration) *http.Client
		name   string
	}
	both := []source{
		{name: "rekindle", client: func(a *api, token string, left time.Duration) *http.Client {
			return a.session(t, token, left).Client()
		}},
		{name: "golang.org/x/oauth2", client: func(a *api, token string, left time.Duration) *http.Client {
			return oauth2.NewClient(context.Background(), a.oauth2(token, left))
		}},
		{name: "x/oauth2 over tokensource", client: func(a *api, token string, left time.Duration) *http.Client {
			return oauth2.NewClient(context.Background(), tokensource.New(context.Background(), a.session(t, token, left)))
		}},
	}
	rows := []struct {
		what  string
		token string
		left  time.Duration
	}{
		{"50 requests, token expired by the clock", "AT-1", -time.Hour},
		{"50 requests, token revoked early", "AT-1", time.Hour},
	}
	for _, row := range rows {
		for _, one := range both {
			a := start(t)
			answered, refreshes := fifty(a, one.client(a, row.token, row.left))
			t.Logf("%-42s %-26s %2d of 50 answered, %d refreshes", row.what, one.name, answered, refreshes)
		}
	}
}

func fifty(a *api, client *http.Client) (int32, int32) {
	var answered atomic.Int32
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			response, err := client.Get(a.URL + "/data")
			if err != nil {
				return
			}
			defer response.Body.Close()
			if response.StatusCode == http.StatusOK {
				answered.Add(1)
			}
		})
	}
	group.Wait()
	return answered.Load(), a.refreshes.Load()
}
