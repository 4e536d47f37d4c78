package rekindle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// A case that takes longer hangs.
const patience = 60 * time.Second

// What carries out requests: a Client, or an http.Client with a session's Transport.
const (
	throughClient = "client"
	throughHTTP   = "http"
)

// Replays tests/conformance, every case, through Client.
func TestConformance(t *testing.T) {
	for _, spec := range suite(t, "cases") {
		replay(t, spec, throughClient)
	}
}

// Once more through http.Client, but for what it does not know.
func TestConformanceThroughHTTPClient(t *testing.T) {
	others := map[string]int{}
	for _, spec := range suite(t, "cases") {
		if reason := ofTheClient(spec); reason != "" {
			others[reason]++
			continue
		}
		replay(t, spec, throughHTTP)
	}
	for reason, count := range others {
		t.Logf("%d cases are about %s", count, reason)
	}
}

// A runner that passes one of these does not look.
func TestMustFail(t *testing.T) {
	for _, spec := range suite(t, "must-fail") {
		t.Run(text(spec, "id"), func(t *testing.T) {
			if len(play(t, spec, throughClient)) == 0 {
				t.Error("it passed")
			}
		})
	}
}

func replay(t *testing.T, spec object, through string) {
	t.Run(text(spec, "topic")+"/"+text(spec, "id"), func(t *testing.T) {
		t.Parallel()
		for _, complaint := range play(t, spec, through) {
			t.Error(complaint)
		}
	})
}

// What only a Client has; empty: nothing of it is in this case.
func ofTheClient(spec object) string {
	sessions := []object{at(spec, "session")}
	for _, operation := range operations(spec) {
		sessions = append(sessions, at(operation, "with"))
		if text(operation, "op") == "graphql" {
			return "the client's GraphQL"
		}
		for _, name := range []string{"timeout_ms", "idempotency_key", "streamed"} {
			if _, ok := operation[name]; ok {
				return "settings of the client's requests"
			}
		}
	}
	for _, session := range sessions {
		if session["client"] != nil {
			return "settings of the client"
		}
	}
	if text(spec, "topic") == "retry" {
		return "the client's retries"
	}
	return ""
}

func suite(t *testing.T, name string) []object {
	t.Helper()
	written, err := os.ReadFile("../../tests/conformance/" + name + ".json")
	must(t, err)
	all, err := parseObject(written)
	must(t, err)
	var cases []object
	for _, one := range all["cases"].([]any) {
		if only := os.Getenv("REKINDLE_CASE"); only == "" || text(one.(object), "id") == only {
			cases = append(cases, one.(object))
		}
	}
	return cases
}

func operations(spec object) []object {
	var all []object
	for _, one := range spec["operations"].([]any) {
		all = append(all, one.(object))
	}
	return all
}

type lane struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func play(t *testing.T, spec object, through string) []string {
	s := setStage(t, spec, through)
	defer s.close()
	ctx, end := context.WithTimeoutCause(context.Background(), patience, errors.New("it hangs"))
	defer end()
	if err := s.play(ctx); err != nil {
		s.complain(err.Error())
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.complaints
}

func (s *stage) play(ctx context.Context) error {
	if s.spec["lazy"] != true {
		if err := s.make("main", nil); err != nil {
			return err
		}
	}
	lanes := map[string]*lane{}
	for at, operation := range operations(s.spec) {
		if err := s.step(ctx, lanes, at, operation); err != nil {
			return err
		}
	}
	for _, lane := range lanes {
		<-lane.done
	}
	// Events that are counted, but that nothing waited for.
	soon, end := context.WithTimeout(ctx, 10*time.Second)
	defer end()
	_ = until(soon, s.hasHeardAll)
	return s.check(ctx)
}

func (s *stage) step(ctx context.Context, lanes map[string]*lane, number int, operation object) error {
	op, name, of := text(operation, "op"), text(operation, "lane"), text(operation, "of")
	switch {
	case op == "cancel" || (op == "wait_for" && name == "" && of != ""):
		other := lanes[of]
		if other == nil {
			return fmt.Errorf("operations[%d]: there is no lane %s", number, of)
		}
		delete(lanes, of)
		if op == "cancel" {
			other.cancel()
		}
		<-other.done
	case name == "":
		return s.times(ctx, number, operation)
	default:
		before := lanes[name]
		own, cancel := context.WithCancel(ctx)
		this := &lane{cancel, make(chan struct{})}
		lanes[name] = this
		go func() {
			defer close(this.done)
			defer cancel()
			if before != nil {
				<-before.done
			}
			if err := s.times(own, number, operation); err != nil && (own.Err() == nil || ctx.Err() != nil) {
				s.complain(fmt.Sprintf("lane %s: %v", name, err))
			}
		}()
	}
	return nil
}

// Carries it out as often as it says, all at once, and compares what it gives.
func (s *stage) times(ctx context.Context, number int, operation object) error {
	times := 1
	if given, ok := operation["times"].(float64); ok {
		times = int(given)
	}
	failures := make([]error, times)
	var group sync.WaitGroup
	for at := range times {
		group.Go(func() { failures[at] = s.once(ctx, operation) })
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("operations[%d]: %w", number, err)
	}
	return nil
}

func (s *stage) once(ctx context.Context, operation object) error {
	result, err := s.act(ctx, operation)
	if err != nil {
		return err
	}
	expect := at(operation, "expect")
	if failure, failed := result["error"]; failed && expect["error"] == nil {
		return fmt.Errorf("result.error: %s, expected none", asJSON(failure))
	}
	if expect == nil {
		return nil
	}
	if complaint := differs(expect, result, "result"); complaint != "" {
		return errors.New(complaint)
	}
	return nil
}

// What is expected once all operations are done.
func (s *stage) check(ctx context.Context) error {
	expect := at(s.spec, "expect")
	for name, one := range s.sessions {
		s.mustNotLeak("a session", one.session)
		events := s.heard(one)
		s.mustNotLeak("an event", events)
		if _, ok := expect["events"]; ok {
			s.complain(s.eventsDiffer(name, events))
		}
		counters := at(expect, "counters")
		if name != "main" {
			counters = at(counters, name)
		}
		stats, err := one.session.Stats(ctx)
		if err != nil {
			return err
		}
		own := object{}
		for counter, value := range counters {
			if inner, ok := value.(object); !ok || isMatcher(inner) {
				own[counter] = value
			}
		}
		s.complain(differs(own, plain(stats), "counters of "+name))
	}
	s.served("server", s.server, expect["server_log"])
	if s.other != nil {
		s.served("other", s.other, expect["other_log"])
	}
	if model, ok := expect["model"]; ok {
		s.complain(differs(model, s.server.control("GET", "/__counters", nil), "model"))
	}
	if stored, ok := expect["stored"]; ok {
		s.complain(differs(stored, s.stored(), "stored"))
	}
	return nil
}

func isMatcher(value object) bool {
	for name := range value {
		if !strings.HasPrefix(name, "$") {
			return false
		}
	}
	return true
}

func (s *stage) wanted(name string) []any {
	var wanted []any
	all, _ := at(s.spec, "expect")["events"].([]any)
	for _, event := range all {
		spec, _ := event.(object)
		times := 1
		if given, ok := spec["times"].(float64); ok {
			times = int(given)
		}
		for range times {
			if whose(spec) == name {
				wanted = append(wanted, eventPattern(event))
			}
		}
	}
	return wanted
}

func (s *stage) hasHeardAll() bool {
	for name, one := range s.sessions {
		if len(s.heard(one)) < len(s.wanted(name)) {
			return false
		}
	}
	return true
}

func (s *stage) eventsDiffer(name string, heard []any) string {
	wanted := s.wanted(name)
	if len(wanted) == 0 && len(heard) == 0 {
		return ""
	}
	return differs(wanted, heard, "events of "+name)
}

// A name alone stands for any event of that name.
func eventPattern(event any) any {
	spec, ok := event.(object)
	if !ok {
		return object{"name": event}
	}
	pattern := object{}
	for name, value := range spec {
		if name != "session" && name != "times" {
			pattern[name] = value
		}
	}
	return pattern
}

// The script is used up, nothing else was asked for, and each entry was seen as often as it says.
func (s *stage) served(name string, server *testServer, wanted any) {
	for _, complaint := range server.control("GET", "/__consumed", nil).(object)["complaints"].([]any) {
		s.complain(fmt.Sprintf("%s: %v", name, complaint))
	}
	entries, _ := wanted.([]any)
	log := server.control("GET", "/__log", nil).([]any)
	for _, entry := range entries {
		pattern := object{}
		count := any(1.0)
		for key, value := range entry.(object) {
			if key == "count" {
				count = value
			} else {
				pattern[key] = value
			}
		}
		found := 0.0
		for _, request := range log {
			if differs(pattern, logged(request.(object)), "") == "" {
				found++
			}
		}
		s.complain(differs(count, found, fmt.Sprintf("%s: count of %s", name, asJSON(pattern))))
	}
}

func logged(request object) object {
	headers := object{}
	for _, pair := range request["headers"].([]any) {
		headers[pair.([]any)[0].(string)] = pair.([]any)[1]
	}
	told := object{"headers": headers, "token": ""}
	for _, name := range []string{"method", "path", "target", "body"} {
		told[name] = request[name]
	}
	if _, token, ok := strings.Cut(text(request, "authorization"), " "); ok {
		told["token"] = token
	} else {
		told["token"] = text(request, "authorization")
	}
	return told
}
