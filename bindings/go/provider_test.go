package rekindle

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// oidc-provider on loopback, as tests/idp starts it: a client pub, an API at /api/data, another one at /mcp. It ends with its input.
type provider struct{ url string }

func newProvider(t *testing.T) provider {
	t.Helper()
	command := exec.Command("node", "../../tests/idp/node/oidc.mjs")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		input.Close()
		_ = command.Wait()
	})
	var told struct {
		URL string `json:"url"`
	}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &told) != nil {
		t.Fatal("oidc-provider did not start: is it installed? cargo xtask test --install", err)
	}
	return provider{told.URL}
}

func (p provider) stats(t *testing.T) map[string]int {
	t.Helper()
	response, err := http.Get(p.url + "/stats")
	must(t, err)
	defer response.Body.Close()
	stats := map[string]int{}
	must(t, json.NewDecoder(response.Body).Decode(&stats))
	return stats
}

// What a person does in a browser, as far as plain forms need one, until it is led elsewhere: that address; empty where the server has
// no form any more.
func (p provider) person(name, to string) (string, error) {
	jar, _ := cookiejar.New(nil)
	browser := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequest(http.MethodGet, to, nil)
	for steps := 0; err == nil && steps < 20; steps++ {
		response, failed := browser.Do(request)
		if failed != nil {
			return "", failed
		}
		page, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if place := response.Header.Get("Location"); place != "" {
			next, failed := request.URL.Parse(place)
			if failed != nil {
				return "", failed
			}
			if !strings.HasPrefix(next.String(), p.url) {
				return next.String(), nil
			}
			request, err = http.NewRequest(http.MethodGet, next.String(), nil)
			continue
		}
		if response.StatusCode >= 400 {
			return "", fmt.Errorf("%s: %d %s", request.URL, response.StatusCode, page)
		}
		action, fields, found := form(string(page), name)
		if !found {
			return "", nil
		}
		next, failed := request.URL.Parse(action)
		if failed != nil {
			return "", failed
		}
		request, err = http.NewRequest(http.MethodPost, next.String(), strings.NewReader(fields.Encode()))
		if err == nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	return "", fmt.Errorf("the server never came to an end: %w", err)
}

// A browser of this machine, with a person of that name.
func (p provider) browser(name string) func(string) error {
	return func(to string) error {
		callback, err := p.person(name, to)
		if err != nil {
			return err
		}
		response, err := http.Get(callback)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
}

var inputs = regexp.MustCompile(`<input[^>]*>`)

// The page's form, with what it has filled in.
func form(page, name string) (action string, fields url.Values, found bool) {
	_, rest, found := strings.Cut(page, "<form")
	fields = url.Values{}
	for _, input := range inputs.FindAllString(rest, -1) {
		if field := attribute(input, "name"); field == "login" {
			fields.Set(field, name)
		} else if field != "" {
			fields.Set(field, attribute(input, "value"))
		}
	}
	return attribute(rest, "action"), fields, found
}

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}
