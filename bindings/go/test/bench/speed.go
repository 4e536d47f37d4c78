package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/oauth2"
	"rekindle.dev/rekindle"
)

const rounds = 15

const measuredHow = `
GET requests on loopback, one after the other; the server is a process of its own. The sides run in turns, %d rounds of %d; a figure is the
median of the rounds, and a ratio the median of the rounds' ratios to a bare ` + "`http.Client`" + ` that clones the same header. CPU is that of the
whole client process, for one call or request.
`

// What is measured: so many calls, with their CPU.
type measured func(many int) time.Duration

func speed(size int) string {
	var text strings.Builder
	text.WriteString("| what | measured | aim | |\n|---|---:|---:|---|\n")
	url, end := served()
	defer end()
	ours, theirs := valid(url), oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "AT-2", Expiry: time.Now().Add(time.Hour)}, nil)
	for _, goroutines := range []int{1, 8} {
		calls := []measured{
			share(goroutines, func() { need(ours.Token(context.Background())) }),
			share(goroutines, func() { need(theirs.Token()) }),
		}
		costs := inTurns(calls, 50*size)
		row(&text, fmt.Sprintf("`session.Token()`, goroutines: %d", goroutines), "%.2f µs", median(costs[0]), 0.3, "")
		row(&text, fmt.Sprintf("`oauth2.ReuseTokenSource`, goroutines: %d", goroutines), "%.2f µs", median(costs[1]), 0, "")
	}
	bare := through{url, http.Client{Transport: &http.Transport{}}, true}
	under := through{url, http.Client{Transport: &oauth2.Transport{Source: theirs, Base: &http.Transport{}}}, false}
	with := transported(url)
	client := need(rekindle.NewClient(valid(url), rekindle.ClientOptions{BaseURL: url}))
	whole := func(many int) time.Duration {
		return spent(func() {
			for range many {
				check(client.Get(context.Background(), "/data", nil))
			}
		})
	}
	costs := inTurns([]measured{bare.measured, with.measured, under.measured, whole}, size)
	for at, one := range []struct {
		name string
		aim  float64
	}{{"`session.Transport`", 1.03}, {"`oauth2.Transport`", 0}, {"`rekindle.Client`", 0}} {
		each := costs[at+1]
		note := fmt.Sprintf("%.1f µs each, to %.1f µs", median(each), median(costs[0]))
		row(&text, one.name+": CPU of a request to a bare `http.Client`", "%.2f×", median(ratios(each, costs[0])), one.aim, note)
	}
	return text.String() + fmt.Sprintf(measuredHow, rounds, size)
}

func row(text *strings.Builder, what, format string, value, aim float64, note string) {
	told := "stated"
	if aim > 0 {
		told = "≤ " + fmt.Sprintf(format, aim)
		if value > aim {
			note = strings.TrimSuffix("**missed**; "+note, "; ")
		}
	}
	fmt.Fprintf(text, "| %s | "+format+" | %s | %s |\n", what, value, told, note)
}

// A session with the token that the other process accepts.
func valid(url string) *rekindle.Session {
	return need(rekindle.NewSession(rekindle.Options{
		TokenURL: url + "/token", ClientID: "app", Origins: []string{url}, Alone: true,
		Tokens: &rekindle.Tokens{AccessToken: "AT-2", RefreshToken: "RT-2", ExpiresAt: time.Now().Add(time.Hour)},
	}))
}

// Requests through a client.
type through struct {
	url    string
	client http.Client
	// Whether it has to sign them itself.
	signs bool
}

func transported(url string) through {
	return through{url, http.Client{Transport: valid(url).Transport(&http.Transport{})}, false}
}

func (t *through) measured(many int) time.Duration { return spent(func() { t.requests(many) }) }

func (t *through) requests(many int) {
	header := http.Header{"Authorization": {"Bearer AT-2"}}
	for range many {
		request := need(http.NewRequest(http.MethodGet, t.url+"/data", nil))
		if t.signs {
			request.Header = header.Clone()
		}
		response := need(t.client.Do(request))
		if response.StatusCode != http.StatusOK {
			check(fmt.Errorf("%s", response.Status))
		}
		need(io.Copy(io.Discard, response.Body))
		check(response.Body.Close())
	}
}

func share(goroutines int, call func()) measured {
	return func(many int) time.Duration {
		return spent(func() {
			var group sync.WaitGroup
			for range goroutines {
				group.Go(func() {
					for range many / goroutines {
						call()
					}
				})
			}
			group.Wait()
		})
	}
}

// The microseconds of one call, of each in each round.
func inTurns(calls []measured, many int) [][]float64 {
	costs := make([][]float64, len(calls))
	for round := range rounds + 1 {
		for at, call := range calls {
			cost := float64(call(many).Nanoseconds()) / 1000 / float64(many)
			if round > 0 {
				// The first one opens connections.
				costs[at] = append(costs[at], cost)
			}
		}
	}
	return costs
}

// The CPU that this process uses meanwhile.
func spent(work func()) time.Duration {
	before := processorTime()
	work()
	return processorTime() - before
}

func processorTime() time.Duration {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func ratios(each, base []float64) []float64 {
	all := make([]float64, len(each))
	for at := range each {
		all[at] = each[at] / base[at]
	}
	return all
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
