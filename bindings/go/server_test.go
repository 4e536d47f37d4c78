package rekindle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// rekindle-test-server, one a case.
type testServer struct {
	t        testing.TB
	url      string
	hasModel bool
}

func startServer(t testing.TB, spec object) *testServer {
	t.Helper()
	program := os.Getenv("REKINDLE_TEST_SERVER")
	if program == "" {
		t.Skip("REKINDLE_TEST_SERVER must name the program rekindle-test-server")
	}
	var args []string
	auth, hasModel := spec["auth"].(object)
	if hasModel {
		model := object{"token_prefix": "SECRET-"}
		for name, value := range auth {
			model[name] = value
		}
		args = append(args, asJSON(model))
	}
	child := exec.Command(program, args...)
	child.Stderr = os.Stderr
	input, err := child.StdinPipe()
	must(t, err)
	output, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	// It ends with its input.
	t.Cleanup(func() { input.Close(); _ = child.Wait() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	must(t, err)
	var said struct {
		URL string `json:"url"`
	}
	must(t, json.Unmarshal(line, &said))
	return &testServer{t, said.URL, hasModel}
}

func (s *testServer) control(method, path string, body any) any {
	var sent io.Reader
	if body != nil {
		sent = bytes.NewReader([]byte(asJSON(body)))
	}
	request, err := http.NewRequest(method, s.url+path, sent)
	if err != nil {
		panic(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || (response.StatusCode >= 400 && response.StatusCode != 409) {
		panic(method + " " + path + ": " + response.Status + " " + string(text))
	}
	if len(text) == 0 {
		return nil
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		panic(err)
	}
	return read
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
