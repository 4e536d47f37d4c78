package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekindle.dev/rekindle"
)

const inPython = `
import rekindle, sys
url, file = sys.argv[1:]
session = rekindle.Session(dialect="json", token_url=url + "/refresh", store=rekindle.FileStore(file))
print(rekindle.Client(session, base_url=url).get("/data").status_code)
`

// One file for Go, the command, and Python where it is built: one refresh, on a server that revokes everything if a refresh token
// comes twice (spec 4.2, 7.7).
func TestProgramsInOtherLanguagesShareTheFile(t *testing.T) {
	server := startServer(t, `{"dialect":"json","rotation":"strict_family"}`)
	made, file := server.signIn(), filepath.Join(t.TempDir(), "session")
	session, err := rekindle.NewSession(rekindle.Options{
		Dialect: "json", TokenURL: server.URL + "/refresh", Origins: []string{server.URL}, Store: rekindle.NewFileStore(file),
		Tokens: &rekindle.Tokens{AccessToken: made.AccessToken, RefreshToken: made.RefreshToken},
	})
	must(t, err)
	defer session.Close()
	_, err = session.FreshStatus(t.Context())
	must(t, err)
	_, err = session.Token(t.Context())
	must(t, err)
	config := filepath.Join(t.TempDir(), "rekindle.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "[profile.main]\ndialect = \"json\"\nbase_url = %q\ntoken_url = %q\nstore = %q\n", server.URL, server.URL+"/refresh", file), 0o600))
	server.control("POST", "/__expire_all", nil)

	var others []*exec.Cmd
	for range 2 {
		others = append(others, exec.Command(needed(t, "REKINDLE_COMMAND"), "--config", config, "request", "-w", "%{http_code}", "/data"))
		if python := os.Getenv("REKINDLE_PYTHON"); python != "" {
			others = append(others, exec.Command(python, "-c", inPython, server.URL, file))
		}
	}
	answers := make(chan string)
	for _, one := range others {
		go func() { answers <- said(one) }()
	}
	response, err := session.Client().Get(server.URL + "/data")
	must(t, err)
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Error(response.Status)
	}
	for range others {
		if answer := <-answers; !strings.HasSuffix(answer, "200") {
			t.Error(answer)
		}
	}
	server.mustHaveRefreshedOnce()
}
