package rekindle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Where a case is played: its servers, its clock, its store and its sessions.
type stage struct {
	t             testing.TB
	spec          object
	clock         *manualClock
	driver        *driver
	shelf         *shelf
	through       string
	folder        string
	transport     *http.Transport
	server, other *testServer

	mutex      sync.Mutex
	sessions   map[string]*actor
	complaints []string
}

type actor struct {
	session *Session
	client  *Client
	heard   []Event
	mutex   sync.Mutex
	ended   *atomic.Bool
}

func setStage(t testing.TB, spec object, through string) *stage {
	s := &stage{t: t, through: through, folder: t.TempDir(), transport: &http.Transport{}, clock: newManualClock(), shelf: newShelf(), sessions: map[string]*actor{}}
	s.server = startServer(t, at(spec, "server"))
	names := []string{"{server}", s.server.url}
	if _, ok := spec["other"]; ok {
		s.other = startServer(t, at(spec, "other"))
		names = append(names, "{other}", s.other.url)
	}
	s.spec = named(spec, strings.NewReplacer(names...)).(object)
	s.server.script(at(s.spec, "server"))
	if s.other != nil {
		s.other.script(at(s.spec, "other"))
	}
	var err error
	s.driver, err = newDriver(s.clock)
	must(t, err)
	return s
}

func (s *testServer) script(spec object) {
	steps, ok := spec["steps"]
	if !ok {
		steps = []any{}
	}
	s.control("POST", "/__script", object{"steps": steps})
}

func (s *stage) make(name string, given object) error {
	spec := object{"token_url": s.server.url + "/token", "client_id": "app", "origins": []any{s.server.url}}
	for _, from := range []object{at(s.spec, "session"), given} {
		for key, value := range from {
			spec[key] = value
		}
	}
	one := &actor{ended: &atomic.Bool{}}
	options, err := s.options(spec, one)
	if err != nil {
		return err
	}
	if one.session, err = newSession(options, s.driver, one.hear); err != nil {
		return err
	}
	if one.client, err = NewClient(one.session, clientOptions(at(spec, "client"), s.server.url)); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sessions[name] = one
	return nil
}

func clientOptions(spec object, base string) ClientOptions {
	options := ClientOptions{BaseURL: base, GraphQLPath: text(spec, "graphql_path"), Headers: texts(spec, "headers"), Timeout: duration(spec, "timeout_ms")}
	if most, ok := spec["max_redirects"].(float64); ok {
		options.MaxRedirects = int(most)
		if most == 0 {
			options.MaxRedirects = -1
		}
	}
	if most, ok := spec["max_sends"].(float64); ok {
		options.Retries.MaxSends = int(most)
	}
	return options
}

func (s *stage) options(spec object, one *actor) (Options, error) {
	options := Options{
		TokenURL: text(spec, "token_url"), ClientID: text(spec, "client_id"), ClientSecret: text(spec, "client_secret"),
		ClientAuth: ClientAuth(text(spec, "client_auth")),
		Variables:  texts(spec, "variables"), Origins: listOf(spec, "origins"), InsecureOrigins: listOf(spec, "insecure_origins"),
		NoBackground: spec["background"] == false, WaitTimeout: duration(spec, "wait_ms"), SendTimeout: duration(spec, "send_ms"),
		Lease: duration(spec, "lease_ms"), Transport: s.transport, Alone: spec["same_process"] != true,
	}
	switch dialect := spec["dialect"].(type) {
	case string:
		options.Dialect = dialect
	case object:
		data, err := fromTOML(dialect["toml"].(string))
		if err != nil {
			return options, err
		}
		options.DialectData = data
	}
	if rotation, ok := spec["rotation"]; ok {
		options.Rotation = Rotation{rotation}
	}
	if spec["credential"] != false {
		tokens := s.tokens(spec["credential"])
		options.Tokens = &tokens
	}
	switch spec["store"] {
	case "scripted":
		options.Store = shelfView{s.shelf, one.ended}
	case "file":
		options.Store = NewFileStore(s.file())
	}
	if given, ok := spec["client_credentials"].(object); ok {
		options.ClientCredentials = &ClientCredentials{
			Scope: text(given, "scope"), Audience: text(given, "audience"), Resource: listOf(given, "resource"), Parameters: texts(given, "parameters"),
		}
	}
	if results, ok := spec["refresh_with"].([]any); ok {
		options.Refresh = scriptedRefresh(results, one)
	}
	return options, nil
}

// A refresh function that gives its results one after the other.
func scriptedRefresh(results []any, one *actor) func(context.Context, RefreshInput) (Tokens, error) {
	var mutex sync.Mutex
	return func(ctx context.Context, _ RefreshInput) (Tokens, error) {
		mutex.Lock()
		defer mutex.Unlock()
		next := object{}
		if len(results) > 0 {
			next, results = results[0].(object), results[1:]
		}
		if next["calls_back"] == true {
			if _, err := one.session.Token(ctx); !errors.Is(err, ErrMisuse) {
				return Tokens{}, fmt.Errorf("the session let its own refresh function wait for it: %w", ErrNotSent)
			}
		}
		switch next["error"] {
		case nil:
			return tokensOf(next), nil
		case "login_required":
			return Tokens{}, fmt.Errorf("as scripted: %w", ErrRefreshTokenDead)
		case "not_sent":
			return Tokens{}, fmt.Errorf("as scripted: %w", ErrNotSent)
		}
		return Tokens{}, errScripted
	}
}

// What is written, the model's sign-in, or AT-1 and RT-1.
func (s *stage) tokens(written any) Tokens {
	if given, ok := written.(object); ok {
		return tokensOf(given)
	}
	if s.server.hasModel {
		return tokensOf(s.server.control("POST", "/__sign_in", nil).(object))
	}
	return Tokens{AccessToken: "AT-1", RefreshToken: "RT-1"}
}

func tokensOf(written object) Tokens {
	tokens := Tokens{
		AccessToken: text(written, "access_token"), RefreshToken: text(written, "refresh_token"), Scope: text(written, "scope"), TokenType: text(written, "token_type"),
	}
	if token, ok := written["access_token"]; ok && token == "" {
		// In Go an empty text is one that is not given: a blank one is given.
		tokens.AccessToken = " "
	}
	if seconds, ok := written["expires_in"].(float64); ok {
		if seconds == 0 {
			// In Go 0 is "not known": what has ended already is below.
			seconds = -1
		}
		tokens.ExpiresIn = time.Duration(seconds * float64(time.Second))
	}
	if ms, ok := written["expires_at_ms"].(float64); ok {
		tokens.ExpiresAt = time.UnixMilli(int64(ms))
	}
	return tokens
}

func (s *stage) actor(name string) *actor {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.sessions[name]
}

func (a *actor) hear(event Event) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.heard = append(a.heard, event)
}

func (s *stage) heard(one *actor) []any {
	one.mutex.Lock()
	defer one.mutex.Unlock()
	events := make([]any, len(one.heard))
	for at, event := range one.heard {
		told := object{"name": event.Name, "lineage": event.Lineage, "generation": event.Generation, "waiters": event.Waiters, "persisted": event.Persisted}
		for name, value := range map[string]string{"cause": event.Cause, "kind": string(event.Kind), "reason": event.Reason, "warning": event.Warning} {
			if value != "" {
				told[name] = value
			}
		}
		if event.Names != nil {
			told["names"] = event.Names
		}
		if event.RetryAfter > 0 {
			told["retry_after_ms"] = event.RetryAfter.Milliseconds()
		}
		events[at] = plain(told)
	}
	return events
}

func (s *stage) complain(complaint string) {
	if complaint == "" {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.complaints = append(s.complaints, complaint)
}

// No text that is told holds a token.
func (s *stage) mustNotLeak(what string, values ...any) {
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			shown := fmt.Sprintf(verb, value)
			for _, sentinel := range []string{"AT-", "RT-", "SECRET-"} {
				if strings.Contains(shown, sentinel) {
					s.complain(fmt.Sprintf("%s shows a token: %s", what, shown))
				}
			}
		}
	}
}

func (s *stage) file() string { return filepath.Join(s.folder, "session.json") }

func (s *stage) isOfFiles() bool { return at(s.spec, "session")["store"] == "file" }

func (s *stage) stored() object {
	if !s.isOfFiles() {
		return s.shelf.stored()
	}
	there, err := os.Stat(s.file())
	if err != nil {
		return object{"present": false}
	}
	text, err := os.ReadFile(s.file())
	must(s.t, err)
	return object{"present": true, "text": string(text), "mode": fmt.Sprintf("%04o", there.Mode().Perm())}
}

// What happens to stores, and to files.
func (s *stage) setStore(spec object) error {
	if !s.isOfFiles() {
		s.shelf.set(spec)
		return nil
	}
	how, ok := spec["damage"].(string)
	if !ok {
		return fmt.Errorf("a file can only be damaged")
	}
	record, err := os.ReadFile(s.file())
	if err != nil {
		return err
	}
	if left := damaged(string(record), how); left != nil {
		return os.WriteFile(s.file(), []byte(*left), 0o600)
	}
	return os.Remove(s.file())
}

func (s *stage) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, one := range s.sessions {
		one.session.drop()
	}
	s.transport.CloseIdleConnections()
	// A save that has begun is not broken off, and its folder goes away.
	must(s.t, until(context.Background(), s.driver.noStoreCalls))
}

// This module has no dependencies, for its tests neither.
func fromTOML(written string) (object, error) {
	command := exec.Command("python3", "-c", "import json,sys,tomllib; json.dump(tomllib.loads(sys.stdin.read()), sys.stdout)")
	command.Stdin = strings.NewReader(written)
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("python3 does not read the dialect: %w", err)
	}
	return parseObject(output)
}

func named(value any, names *strings.Replacer) any {
	switch value := value.(type) {
	case string:
		return names.Replace(value)
	case []any:
		all := make([]any, len(value))
		for at := range value {
			all[at] = named(value[at], names)
		}
		return all
	case object:
		all := object{}
		for name, one := range value {
			all[name] = named(one, names)
		}
		return all
	}
	return value
}

func at(spec object, name string) object {
	inner, _ := spec[name].(object)
	return inner
}

func text(spec object, name string) string {
	value, _ := spec[name].(string)
	return value
}

func texts(spec object, name string) map[string]string {
	given, ok := spec[name].(object)
	if !ok {
		return nil
	}
	all := map[string]string{}
	for key, value := range given {
		all[key] = fmt.Sprint(value)
	}
	return all
}

func listOf(spec object, name string) []string {
	given, ok := spec[name].([]any)
	if !ok {
		return nil
	}
	all := make([]string, len(given))
	for at, value := range given {
		all[at] = value.(string)
	}
	return all
}

func duration(spec object, name string) time.Duration {
	ms, _ := spec[name].(float64)
	return time.Duration(ms * float64(time.Millisecond))
}
