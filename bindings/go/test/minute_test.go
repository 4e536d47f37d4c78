package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The lines that README shows first, in a program of its own in an empty folder, with a server's address in place of theirs.
func TestTheMinuteOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "```go\n")
	block, _, _ := strings.Cut(rest, "```")
	if lines := strings.Count(block, "\n"); lines > 3 {
		t.Errorf("%d lines", lines)
	}
	server := started(t, exec.Command("node", "../../../tests/idp/node/oidc.mjs"))
	lines := strings.NewReplacer("https://accounts.example.com", server, "https://api.example.com", server, `"app"`, `"pub"`, "/users", "/api/data").Replace(block)
	// Each err is looked at.
	lines = strings.ReplaceAll(lines, "response, err :=", "check(err)\n\tresponse, err :=")
	program := fmt.Sprintf("package main\n\nimport (\n\t\"context\"\n\t\"io\"\n\t\"os\"\n\n\t\"rekindle.dev/rekindle\"\n)\n\n"+
		"func check(err error) {\n\tif err != nil {\n\t\tpanic(err)\n\t}\n}\n\nfunc main() {\n\tctx := context.Background()\n%s\n\tcheck(err)\n\tio.Copy(os.Stdout, response.Body)\n}\n", lines)
	folder := t.TempDir()
	module, err := filepath.Abs("..")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o600))
	mod := "module minute\n\ngo 1.26.0\n\nrequire rekindle.dev/rekindle v0.0.0\n\nreplace rekindle.dev/rekindle => " + module + "\n"
	must(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(mod), 0o600))
	// This very test program is the browser, with a person in front of it.
	self, err := os.Executable()
	must(t, err)
	browser := filepath.Join(folder, "browser")
	must(t, os.WriteFile(browser, []byte(fmt.Sprintf("#!/bin/sh\nREKINDLE_TEST_BROWSER_AT=\"$1\" exec %q -test.run=TestABrowser\n", self)), 0o700))
	run := exec.Command("go", "run", ".")
	run.Dir = folder
	run.Env = append(os.Environ(), "BROWSER="+browser, "GOFLAGS=-mod=mod", "GOPROXY=off")
	said, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "kept alive") {
		t.Errorf("%v: %s\n%s", err, said, program)
	}
}

// Not a test by itself: a browser with a person, as $BROWSER of a program.
func TestABrowser(t *testing.T) {
	place := os.Getenv("REKINDLE_TEST_BROWSER_AT")
	if place == "" {
		return
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := http.Client{Jar: jar}
	response, err := browser.Get(place)
	must(t, err)
	for range 10 {
		page, err := io.ReadAll(response.Body)
		must(t, err)
		response.Body.Close()
		form := regexp.MustCompile(`<form[^>]*action="([^"]*)"`).FindSubmatch(page)
		if form == nil {
			return
		}
		action, err := response.Request.URL.Parse(string(form[1]))
		must(t, err)
		// Its users have any name.
		response, err = browser.PostForm(action.String(), url.Values{"login": {"ann"}, "consent": {"yes"}})
		must(t, err)
	}
}
