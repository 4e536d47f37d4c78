package test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// rekindle-test-server, with a model of an authorization server.
type server struct {
	t   *testing.T
	URL string
}

type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

func startServer(t *testing.T, model string) *server {
	t.Helper()
	return &server{t, started(t, exec.Command(needed(t, "REKINDLE_TEST_SERVER"), model))}
}

// A server that says its URL when it is ready, and ends with its input.
func started(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { input.Close(); _ = command.Wait() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	must(t, err)
	var said struct{ URL string }
	must(t, json.Unmarshal(line, &said))
	return said.URL
}

func (s *server) control(method, path string, into any) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.URL+path, nil)
	must(s.t, err)
	response, err := http.DefaultClient.Do(request)
	must(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(s.t, err)
	if into != nil {
		must(s.t, json.Unmarshal(body, into))
	}
}

func (s *server) signIn() (made tokens) {
	s.control("POST", "/__sign_in", &made)
	return made
}

// One refresh, and no refresh token came twice.
func (s *server) mustHaveRefreshedOnce() {
	s.t.Helper()
	var counted struct {
		Refreshes int `json:"refreshes"`
		Reuses    int `json:"reuses_detected"`
	}
	s.control("GET", "/__counters", &counted)
	if counted.Refreshes != 1 || counted.Reuses != 0 {
		s.t.Errorf("%d refreshes, %d reuses", counted.Refreshes, counted.Reuses)
	}
}

func needed(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s must be set: `cargo xtask test go` does so", name)
	}
	return value
}

func said(command *exec.Cmd) string {
	text, err := command.CombinedOutput()
	if err != nil {
		return string(text) + err.Error()
	}
	return strings.TrimSpace(string(text))
}
