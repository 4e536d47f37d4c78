package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"rekindle.dev/rekindle"
	"rekindle.dev/rekindle/tokensource"
)

const explanation = `
Against a server that rotates refresh tokens and ends the sign-in when one is sent twice. Good is: 50 concurrent requests all succeed, with
one refresh; while the token endpoint hangs, 5 requests with a deadline of 1 s end within 2 s, and the next one succeeds once the endpoint
works again; two clients with the same sign-in (two processes; rekindle's share a file) both succeed.
`

// One way to send requests. `left`: how long its token has until it expires; `file`: for those that share a sign-in through one.
type side struct {
	name   string
	client func(s *server, left time.Duration, file string) *http.Client
}

var sides = []side{
	{"rekindle", func(s *server, left time.Duration, file string) *http.Client {
		return session(s.URL, left, file).Client()
	}},
	{"x/oauth2", func(s *server, left time.Duration, _ string) *http.Client {
		return oauth2.NewClient(context.Background(), source(s.URL, left))
	}},
	{"x/oauth2 with rekindle's `tokensource`", func(s *server, left time.Duration, file string) *http.Client {
		return oauth2.NewClient(context.Background(), tokensource.New(context.Background(), session(s.URL, left, file)))
	}},
}

var cases = []struct {
	name string
	try  func(side) (good bool, told string)
}{
	{"expired by the clock", func(one side) (bool, string) { return fifty(one, -time.Hour) }},
	{"revoked early", func(one side) (bool, string) { return fifty(one, time.Hour) }},
	{"hung refresh", hung},
	{"two clients", two},
}

func correctness() string {
	var text strings.Builder
	text.WriteString("| |")
	for _, one := range cases {
		text.WriteString(" " + one.name + " |")
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(cases)) + "\n")
	for _, one := range sides {
		text.WriteString("| " + one.name + " |")
		for _, each := range cases {
			if good, told := each.try(one); good {
				text.WriteString(" yes |")
			} else {
				text.WriteString(" **no**: " + told + " |")
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

func session(url string, left time.Duration, file string) *rekindle.Session {
	options := rekindle.Options{
		TokenURL: url + "/token", ClientID: "app", Origins: []string{url}, Alone: true,
		Tokens: &rekindle.Tokens{AccessToken: "AT-1", RefreshToken: "RT-1", ExpiresAt: time.Now().Add(left)},
	}
	if file != "" {
		options.Store = rekindle.NewFileStore(file)
	}
	return need(rekindle.NewSession(options))
}

func source(url string, left time.Duration) oauth2.TokenSource {
	config := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: url + "/token", AuthStyle: oauth2.AuthStyleInParams}}
	return config.TokenSource(context.Background(), &oauth2.Token{AccessToken: "AT-1", RefreshToken: "RT-1", Expiry: time.Now().Add(left)})
}

func fifty(one side, left time.Duration) (bool, string) {
	s := start()
	defer s.Close()
	answered := together(one.client(s, left, ""), s.URL, 50, time.Minute)
	return answered == 50 && s.refreshes == 1, fmt.Sprintf("%d of 50, %s", answered, s.outcome())
}

func hung(one side) (bool, string) {
	s := start()
	defer s.Close()
	s.hangs = make(chan struct{})
	// Whoever waits for longer than this has missed its deadline by far.
	released := time.AfterFunc(5*time.Second, func() { close(s.hangs) })
	client := one.client(s, -time.Hour, "")
	began := time.Now()
	together(client, s.URL, 5, time.Second)
	took := time.Since(began)
	if released.Stop() {
		close(s.hangs)
	}
	answered := together(client, s.URL, 1, time.Minute)
	return took < 2*time.Second && answered == 1, fmt.Sprintf("5 requests with 1 s each took %.1f s; then %d of 1, %s", took.Seconds(), answered, s.outcome())
}

func two(one side) (bool, string) {
	s := start()
	defer s.Close()
	folder := need(os.MkdirTemp("", "rekindle-bench-"))
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "session.json")
	first, second := one.client(s, -time.Hour, file), one.client(s, -time.Hour, file)
	answered := together(first, s.URL, 1, time.Minute) + together(second, s.URL, 1, time.Minute)
	return answered == 2 && s.refreshes == 1, fmt.Sprintf("%d of 2, %s", answered, s.outcome())
}

// How many of so many concurrent requests got 200.
func together(client *http.Client, url string, many int, deadline time.Duration) int {
	var answered atomic.Int32
	var group sync.WaitGroup
	for range many {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			response, err := client.Do(need(http.NewRequestWithContext(ctx, http.MethodGet, url+"/data", nil)))
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
	return int(answered.Load())
}
