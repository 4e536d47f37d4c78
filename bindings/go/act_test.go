package rekindle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What an operation gives; an error of ours, or a connection's, is a result, any other one a mistake.
func (s *stage) act(ctx context.Context, spec object) (object, error) {
	given, err := s.perform(ctx, spec)
	if err == nil {
		if given == nil {
			given = object{}
		}
		return plain(given).(object), nil
	}
	var ours *Error
	if errors.As(err, &ours) {
		s.mustNotLeak("an error", ours, *ours, ours.LogValue())
		return object{"error": plain(toldError(ours))}, nil
	}
	var failed *url.Error
	if errors.As(err, &failed) && ctx.Err() == nil {
		return object{"error": object{"kind": "Connection", "message": err.Error(), "retryable": true}}, nil
	}
	return nil, err
}

func (s *stage) perform(ctx context.Context, spec object) (object, error) {
	switch op := text(spec, "op"); op {
	case "new_session":
		return nil, s.make(text(spec, "name"), at(spec, "with"))
	case "advance":
		return nil, s.advance(ctx, spec["ms"].(float64))
	case "jump_wall":
		s.clock.jumpWall(spec["by_ms"].(float64))
		return nil, nil
	case "advance_to_timer":
		within := spec["within_ms"].(float64)
		if err := until(ctx, func() bool { _, due := s.clock.next(within); return due }); err != nil {
			return nil, err
		}
		left, _ := s.clock.next(within)
		return nil, s.advance(ctx, left)
	case "wait_for":
		return nil, until(ctx, func() bool { return s.hasCome(ctx, spec) })
	case "release":
		s.server.control("POST", "/__release", object{"name": spec["name"]})
		return nil, nil
	case "play":
		s.server.script(spec)
		return nil, nil
	case "expire_all", "revoke_all":
		s.server.control("POST", "/__"+op, nil)
		return nil, nil
	case "lose_answers":
		s.server.control("POST", "/__knobs", object{"lose_answers": spec["answers"]})
		return nil, nil
	case "crash":
		s.actor(text(spec, "of")).ended.Store(true)
		return nil, nil
	case "store":
		return nil, s.setStore(spec)
	}
	one := s.actor(whose(spec))
	if one == nil {
		return nil, fmt.Errorf("there is no session %s", whose(spec))
	}
	return s.ask(ctx, one, spec)
}

func whose(spec object) string {
	if name := text(spec, "session"); name != "" {
		return name
	}
	return "main"
}

func (s *stage) ask(ctx context.Context, one *actor, spec object) (object, error) {
	session := one.session
	switch op := text(spec, "op"); op {
	case "request":
		if s.through == throughClient {
			return s.send(ctx, one.client, spec)
		}
		return s.request(ctx, session, spec)
	case "graphql":
		var data any
		err := one.client.GraphQL(ctx, text(spec, "query"), spec["variables"], &data)
		return object{"data": data}, err
	case "token":
		if spec["if_valid"] == true {
			token, valid := session.TokenIfValid()
			if !valid {
				return object{"token": nil}, nil
			}
			return s.toldToken(token, nil)
		}
		if life := duration(spec, "min_life_ms"); life > 0 {
			return s.toldToken(session.TokenFor(ctx, life))
		}
		return s.toldToken(session.Token(ctx))
	case "refresh":
		if spec["force"] == true {
			return s.toldToken(session.ForceRefresh(ctx))
		}
		return s.toldToken(session.Refresh(ctx))
	case "invalidate":
		session.Invalidate()
		return nil, nil
	case "sign_in":
		return nil, session.SignIn(ctx, s.tokens(spec["credential"]))
	case "sign_out":
		return nil, session.SignOut(ctx)
	case "shutdown":
		settled, err := session.Shutdown(ctx, duration(spec, "ms"))
		return object{"settled": settled}, err
	case "status":
		look := session.Status
		if spec["fresh"] == true {
			look = session.FreshStatus
		}
		status, err := look(ctx)
		s.mustNotLeak("a status", status)
		return asObject(status), err
	default:
		return nil, fmt.Errorf("not an operation: %s", op)
	}
}

func (s *stage) request(ctx context.Context, session *Session, spec object) (object, error) {
	var body io.Reader
	kind := ""
	switch {
	case spec["json"] != nil:
		body, kind = strings.NewReader(asJSON(spec["json"])), "application/json"
	case spec["form"] != nil:
		form := url.Values{}
		for name, value := range texts(spec, "form") {
			form.Set(name, value)
		}
		body, kind = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	case spec["text"] != nil:
		body = strings.NewReader(text(spec, "text"))
	case spec["stream"] != nil:
		// Not of a kind that net/http can read twice.
		body = io.MultiReader(strings.NewReader(text(spec, "stream")))
	}
	target := text(spec, "url")
	if !strings.Contains(target, "://") {
		target = s.server.url + target
	}
	request, err := http.NewRequestWithContext(ctx, text(spec, "method"), target, body)
	if err != nil {
		return nil, err
	}
	for name, value := range texts(spec, "headers") {
		request.Header.Set(name, value)
	}
	if kind != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", kind)
	}
	client := session.Client()
	if spec["follow_redirects"] == false {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return s.readResponse(response)
}

func (s *stage) readResponse(response *http.Response) (object, error) {
	defer response.Body.Close()
	came, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return s.toldResponse(response, came), nil
}

// The same with a Client.
func (s *stage) send(ctx context.Context, client *Client, spec object) (object, error) {
	request := Request{
		Method: text(spec, "method"), Path: text(spec, "url"), JSON: spec["json"], Header: http.Header{},
		Timeout: duration(spec, "timeout_ms"), IdempotencyKey: text(spec, "idempotency_key"), Streamed: spec["streamed"] == true,
		NoRedirects: spec["follow_redirects"] == false,
	}
	for name, value := range texts(spec, "headers") {
		request.Header.Set(name, value)
	}
	switch {
	case spec["form"] != nil:
		request.Form = url.Values{}
		for name, value := range texts(spec, "form") {
			request.Form.Set(name, value)
		}
	case spec["text"] != nil:
		request.Body = strings.NewReader(text(spec, "text"))
	case spec["stream"] != nil:
		// Not of a kind that net/http can read twice.
		request.Body = io.MultiReader(strings.NewReader(text(spec, "stream")))
	}
	response, err := client.Send(ctx, request)
	if err != nil {
		return nil, err
	}
	return s.readResponse(response)
}

func (s *stage) toldResponse(response *http.Response, body []byte) object {
	redirects := 0
	for before := response.Request.Response; before != nil; before = before.Request.Response {
		redirects++
	}
	headers := object{}
	for name, values := range response.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	told := object{"status": response.StatusCode, "url": response.Request.URL.String(), "headers": headers, "text": string(body), "redirects": redirects}
	if read := parsed(body); read != nil {
		told["json"] = read
	}
	judgement, _ := Judged(response)
	s.mustNotLeak("a judgement", judgement)
	tellJudgement(told, judgement)
	return told
}

func tellJudgement(told object, judgement Judgement) {
	if judgement.Verdict != "" {
		verdict := object{"name": judgement.Verdict}
		for name, value := range map[string]string{"reason": judgement.Reason, "applied": judgement.Applied, "scope": judgement.Scope, "acr_values": judgement.ACRValues} {
			if value != "" {
				verdict[name] = value
			}
		}
		if judgement.MaxAge > 0 {
			verdict["max_age"] = judgement.MaxAge.Seconds()
		}
		if judgement.RetryAfter > 0 {
			verdict["after_ms"] = judgement.RetryAfter.Milliseconds()
		}
		told["verdict"] = verdict
	}
	if judgement.ReplayRefused != "" {
		told["replay_refused"] = judgement.ReplayRefused
	}
}

// What the host is doing takes real time: virtual time must not overtake it.
func (s *stage) advance(ctx context.Context, ms float64) error {
	err := until(ctx, s.driver.noStoreCalls)
	if err == nil {
		s.clock.advance(ms)
	}
	return err
}

func (d *driver) noStoreCalls() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.storeCalls == 0
}

func until(ctx context.Context, isSo func() bool) error {
	for !isSo() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (s *stage) hasCome(ctx context.Context, what object) bool {
	one := s.actor(whose(what))
	if least, ok := what["requests"].(float64); ok {
		count := 0.0
		for _, request := range s.server.control("GET", "/__log", nil).([]any) {
			if path, ok := what["path"]; !ok || request.(object)["path"] == path {
				count++
			}
		}
		if count < least {
			return false
		}
	}
	if event, ok := what["event"]; ok && !s.hasHeard(one, eventPattern(event)) {
		return false
	}
	if counters, ok := what["counters"]; ok {
		stats, err := one.session.Stats(ctx)
		if err != nil || differs(counters, plain(stats), "") != "" {
			return false
		}
	}
	if wanted, ok := what["status"]; ok {
		status, err := one.session.Status(ctx)
		if err != nil || differs(wanted, plain(status), "") != "" {
			return false
		}
	}
	if wanted, ok := what["stored"]; ok && differs(wanted, s.stored(), "") != "" {
		return false
	}
	if beyond, ok := what["timer_beyond_ms"].(float64); ok {
		if _, due := s.clock.next(beyond); due {
			return false
		}
	}
	if within, ok := what["timer_within_ms"].(float64); ok {
		_, due := s.clock.next(within)
		return due
	}
	return true
}

func (s *stage) hasHeard(one *actor, pattern any) bool {
	for _, event := range s.heard(one) {
		if differs(pattern, event, "") == "" {
			return true
		}
	}
	return false
}

func (s *stage) toldToken(token Token, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	s.mustNotLeak("a token", token, &token, []Token{token}, struct{ hidden Token }{token}, token.LogValue(), asJSON(token))
	told := object{
		"token": token.Value(), "authorization": token.Authorization(), "header": token.Header(), "generation": token.Generation(), "expires_at_ms": nil,
	}
	if end := token.ExpiresAt(); !end.IsZero() {
		told["expires_at_ms"] = end.UnixMilli()
	}
	return told, nil
}

func toldError(err *Error) object {
	told := object{"kind": err.Kind, "message": err.Message, "retryable": err.Retryable}
	if err.OAuthError != "" {
		told["oauth_error"] = err.OAuthError
	}
	if err.Status != 0 {
		told["status"] = err.Status
	}
	if err.RetryAfter != 0 {
		told["retry_after_ms"] = err.RetryAfter.Milliseconds()
	}
	if len(err.GraphQL) > 0 {
		told["graphql"] = err.GraphQL
	}
	if response := err.Response; response != nil {
		headers := object{}
		for name, values := range response.Header() {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		inner := object{"status": response.Status(), "url": response.URL(), "text": string(response.Body()), "headers": headers}
		tellJudgement(inner, response.Judgement())
		if read := parsed(response.Body()); read != nil {
			inner["json"] = read
		}
		told["response"] = inner
	}
	return told
}

func parsed(text []byte) any {
	var read any
	if json.Unmarshal(text, &read) != nil {
		return nil
	}
	return read
}

func parseObject(text []byte) (object, error) {
	var read object
	return read, json.Unmarshal(text, &read)
}

func asObject(value any) object { return plain(value).(object) }
