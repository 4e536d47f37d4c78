package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The programs in examples/go, each with an expired token.
func TestExamples(t *testing.T) {
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs, "./...")
	build.Dir = "../../../examples/go"
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s%v", text, err)
	}
	for _, one := range []struct{ name, dialect, says string }{
		{"rest_json", "json", `"ok"`},
		{"authenticated_fetch", "api_token", "200 OK"},
		{"oauth", "oauth", "1 refreshes, 0 sign-ins lost"},
		{"graphql", "graphql", "students"},
	} {
		t.Run(one.name+" with an expired token refreshes once", func(t *testing.T) {
			server := startServer(t, `{"dialect":"`+one.dialect+`","rotation":"strict_family"}`)
			program := example(t, programs, one.name, server)
			server.control("POST", "/__expire_all", nil)
			if text := said(program); !strings.Contains(text, one.says) {
				t.Error(text)
			}
			server.mustHaveRefreshedOnce()
		})
	}
	for name, dialect := range map[string]string{"authenticated_fetch": "api_token", "oauth": "oauth"} {
		t.Run(name+" whose sign-in is lost says so", func(t *testing.T) {
			server := startServer(t, `{"dialect":"`+dialect+`"}`)
			program := example(t, programs, name, server)
			server.control("POST", "/__revoke_all", nil)
			if text := said(program); !strings.Contains(text, "Please sign in") {
				t.Error(text)
			}
		})
	}
}

func example(t *testing.T, programs, name string, server *server) *exec.Cmd {
	made := server.signIn()
	api := server.URL
	if name == "graphql" {
		api += "/graphql"
	}
	command := exec.Command(filepath.Join(programs, name))
	command.Env = append(os.Environ(), "API_URL="+api, "TOKEN_URL="+server.URL+"/oauth/token", "CLIENT_ID=app", "CLIENT_SECRET=app-secret",
		"ACCESS_TOKEN="+made.AccessToken, "REFRESH_TOKEN="+made.RefreshToken, "SESSION_FILE="+filepath.Join(t.TempDir(), "session"))
	return command
}
