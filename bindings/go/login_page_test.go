package rekindle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// spec 2.11
func TestARedirectToTheLoginPageIsNotFollowed(t *testing.T) {
	asked := []string{}
	turned := "AT-1"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch {
		case r.URL.Path == "/token":
			fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/data", http.StatusFound)
		case r.Header.Get("Authorization") == "Bearer "+turned:
			http.Redirect(w, r, "/login?next=1", http.StatusFound)
		}
	}))
	defer server.Close()
	rule := map[string]any{"status": "3xx", "location": true, "equals": "/login", "verdict": "expired", "applied": "no"}
	session, err := NewSession(Options{
		TokenURL: server.URL + "/token", Origins: []string{server.URL}, Tokens: turnedAway(),
		DialectData: map[string]any{"api": map[string]any{"rules": []any{rule}}},
	})
	must(t, err)
	defer session.Close()
	client := http.Client{Transport: session.Transport(nil)}

	response, err := client.Get(server.URL + "/moved")
	must(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Request.URL.Path != "/data" {
		t.Fatal(response.Status, response.Request.URL)
	}
	// A token that its server has just given is not refreshed for it.
	turned = "AT-2"
	response, err = client.Get(server.URL + "/data")
	must(t, err)
	response.Body.Close()
	judged, _ := Judged(response)
	if response.StatusCode != http.StatusFound || judged.ReplayRefused != "fresh_token_rejected" {
		t.Fatal(response.Status, judged)
	}
	if told := fmt.Sprint(asked); told != "[/moved /data /token /data /data]" {
		t.Fatal(told)
	}
}
